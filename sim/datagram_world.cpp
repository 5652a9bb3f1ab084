// A socket source of datagrams, and a sender that is sometimes too fast.
//
// I101: each datagram that the system did not drop is given away once, in order: as one record with
// its newline, or by its config in pieces; one that holds a newline is a dead letter, however long.
// What the system dropped is counted.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "io/sources/socket/datagram_source.hpp"
#include "sim/breach.hpp"
#include "sim/device_worlds.hpp"
#include "sim/memory_checkpoints.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {
namespace {

enum What : std::uint64_t {
    line_max = 1000,
    is_wide,
    oversize,
    records,
    latency,
    count,
    size_of,
    is_long,
    breaks,
    ends,
    pause,
    hold,
    is_stopped,
    stops_after,
};

struct Record {
    std::string text;
    Fate fate{};
    bool operator==(const Record&) const = default;
};

class DatagramWorld {
public:
    explicit DatagramWorld(std::uint64_t seed) : choices_(seed) {
        ring_.attach(net_);
        ring_.options().latency_us_max = pick(latency, 3) * 300;
        config_.name = "in";
        config_.limits.line_max = static_cast<std::uint32_t>(
            pick(is_wide, 8) == 7 ? 5000 + pick(line_max, 3000) : 8 + pick(line_max, 60));
        config_.limits.oversize = pick(oversize, 2) == 0 ? Oversize::dead_letter : Oversize::split;
        records_max_ = 1 + static_cast<std::uint32_t>(pick(records, 4));
        left_ = 1 + pick(count, 60);
        if (pick(is_stopped, 3) == 2) stops_after_ = 1 + pick(stops_after, 40);
    }
    ~DatagramWorld() {
        ring_.abandon();
        source_.reset();
    }
    DatagramWorld(const DatagramWorld&) = delete;

    void run();

private:
    std::uint64_t pick(std::uint64_t what, std::uint64_t bound) {
        return choices_.choose(Site::socket_world, what, asked_[what]++, bound);
    }
    void send();
    void expect(std::string text);
    void take(const Event& event);
    void take_batch(const BatchPulled& batch);
    bool is_over() const;
    void judge() const;

    Seeded choices_;
    std::map<std::uint64_t, std::uint64_t> asked_;
    SimClock clock_;
    SimDisk disk_{choices_};
    SimNet net_{choices_};
    SimRing ring_{disk_, clock_, choices_};
    io::DatagramSourceConfig config_;
    io::BlockPool pool_{1u << 16, 1u << 14};
    io::Payloads payloads_{pool_, 16};
    io::PartitionSlots slots_{4};
    io::Events events_;
    MemoryCheckpoints checkpoints_;
    std::unique_ptr<io::DatagramSource> source_;
    std::vector<Record> wanted_, got_;
    std::vector<std::size_t> wanted_until_;   ///< By datagram: of wanted_, with what came before.
    std::uint64_t stops_after_ = UINT64_MAX;  ///< Batches.
    bool stopped_ = false;
    std::uint32_t records_max_ = 1;
    std::uint64_t left_ = 0;
    std::uint64_t sent_ = 0;
    std::uint32_t generation_ = 0;
    bool waits_ = false;
    Instant pull_at_{};
    Instant send_at_{};
};

void DatagramWorld::expect(std::string text) {
    if (!text.empty() && text.back() == '\n') text.pop_back();
    const std::size_t most = config_.limits.line_max - 1;
    const bool breaks_records = text.find('\n') != std::string::npos;
    const bool is_oversized = text.size() > most;
    Fate fate = Fate::deliver;
    if (is_oversized && config_.limits.oversize == Oversize::dead_letter) fate = Fate::oversized;
    if (breaks_records) fate = Fate::unreadable;
    do {
        const std::size_t size = std::min(text.size(), most);
        wanted_.push_back({text.substr(0, size), fate});
        text.erase(0, size);
    } while (!text.empty());
    wanted_until_.push_back(wanted_.size());
}

void DatagramWorld::send() {
    const std::uint64_t most = config_.limits.line_max;
    std::string text = std::to_string(sent_++) + " ";
    text.append(pick(size_of, pick(is_long, 6) == 5 ? 4 * most : most), 'x');
    if (pick(breaks, 6) == 5) text[pick(breaks, text.size())] = '\n';
    if (pick(ends, 3) == 2) text += '\n';
    if (pick(size_of, 20) == 19) text.clear();
    if (net_.datagrams_waiting() < net_.options().datagrams_max) expect(text);
    net_.send_datagram(text);
    send_at_ = clock_.now +
               milliseconds(static_cast<std::int64_t>(pick(pause, 4) == 3 ? 1500 : pick(pause, 4)));
    --left_;
}

void DatagramWorld::take_batch(const BatchPulled& batch) {
    const io::Payload& payload = payloads_.at(batch.batch);
    std::string bytes(reinterpret_cast<const char*>(payload.bytes.data()), batch.bytes);
    const bool is_whole = payload.terminated;
    payloads_.release(batch.batch);
    if (batch.fate != Fate::deliver || !is_whole) {
        demand(batch.records == 1, "I101", "what is no record stands with others");
        got_.push_back({bytes, batch.fate});
        return;
    }
    demand(batch.records <= records_max_, "I101", "more records than were asked for");
    for (std::uint32_t i = 0; i < batch.records; ++i) {
        const auto end = bytes.find('\n');
        demand(end != std::string::npos, "I101", "fewer records than it says");
        got_.push_back({bytes.substr(0, end), Fate::deliver});
        bytes.erase(0, end + 1);
    }
    demand(bytes.empty(), "I101", "more records than it says");
}

void DatagramWorld::take(const Event& event) {
    if (const auto* batch = std::get_if<BatchPulled>(&event)) {
        take_batch(*batch);
        if (--stops_after_ == 0) {
            stopped_ = true;
            source_->take_no_more();
        }
        waits_ = false;
        pull_at_ = clock_.now;
        if (pick(hold, 6) == 5) pull_at_ = pull_at_ + milliseconds(20);
    } else if (const auto* idle = std::get_if<SourceIdle>(&event)) {
        waits_ = false;
        pull_at_ = clock_.now + idle->retry_after;
    } else if (std::holds_alternative<SourceReady>(event)) {
        pull_at_ = std::min(pull_at_, clock_.now);
    }
}

bool DatagramWorld::is_over() const {
    if (stopped_) return source_->has_given_all() && events_.empty();
    return left_ == 0 && got_.size() >= wanted_.size();
}

void DatagramWorld::run() {
    source_ =
        std::make_unique<io::DatagramSource>(config_, net_, ring_, payloads_, events_, checkpoints_,
                                             slots_, [](io::Level, const std::string&) {});
    source_->start();
    const Instant late = clock_.now + seconds(1000);
    while (!is_over()) {
        demand(clock_.now < late, "I101", "a datagram was taken and is not given away");
        while (!events_.empty()) take(events_.pop());
        if (left_ > 0 && send_at_ <= clock_.now) send();
        if (!waits_ && pull_at_ <= clock_.now) {
            waits_ = true;
            source_->pull({{0, ++generation_}, config_.id, records_max_, 4096});
        }
        Instant next = waits_ ? late : std::max(pull_at_, clock_.now);
        if (left_ > 0) next = std::min(next, send_at_);
        if (events_.empty() && !is_over()) ring_.run(next);
    }
    if (stopped_) {
        // What was received by then, and nothing that came later.
        const std::uint64_t received = source_->counts().received;
        wanted_.resize(received == 0 ? 0 : wanted_until_[received - 1]);
    }
    judge();
}

void DatagramWorld::judge() const {
    demand(got_.size() >= wanted_.size(), "I101", "a datagram that was received is gone");
    for (std::size_t i = 0; i < wanted_.size(); ++i)
        demand(got_[i] == wanted_[i], "I101",
               "given away: " + got_[i].text + ", wanted: " + wanted_[i].text);
    demand(got_.size() == wanted_.size(), "I101", "more came than was sent");
}

}  // namespace

std::optional<Breach> run_datagrams(std::uint64_t seed) {
    DatagramWorld world(seed);
    try {
        world.run();
    } catch (const Breach& breach) {
        return breach;
    }
    return {};
}

}  // namespace holdfast::sim

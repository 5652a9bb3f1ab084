// A socket sink, and a peer who reads slowly, closes, resets, or is not there.
//
// I102: on each connection stand whole writes, one behind the other and in order, from a record's
// first byte on; only the last may be cut. What is answered as delivered is in the system's hands
// whole, and on a connection whose peer had not closed it when the write began. A write that is
// given up leaves nothing that another could be joined to. L1: it comes to its end.
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "io/sinks/socket/socket_sink.hpp"
#include "sim/breach.hpp"
#include "sim/device_worlds.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {
namespace {

enum What : std::uint64_t {
    latency = 2000,
    window,
    count,
    lines_of_write,
    line_size,
    deed,
    pause,
    how_much,
    patience,
    host,
    parts_of_write,
};

class SinkWorld {
public:
    explicit SinkWorld(std::uint64_t seed) : choices_(seed) {
        ring_.attach(net_);
        ring_.options().latency_us_max = pick(latency, 3) * 700;
        net_.options().window = 20 + pick(window, 400);
        left_ = 1 + static_cast<std::uint32_t>(pick(count, 30));
        impatient_ = pick(patience, 2) == 1;
        config_.name = "out";
    }
    ~SinkWorld() {
        ring_.abandon();
        sink_.reset();
    }
    SinkWorld(const SinkWorld&) = delete;

    void run();

private:
    /// One delivery, until it is delivered.
    struct Write {
        std::uint32_t number = 0;
        std::uint32_t attempt = 0;
        std::string text;
        std::vector<Part> parts;
        Instant began{};
        Instant due = never;  ///< Given up then.
    };

    std::uint64_t pick(std::uint64_t what, std::uint64_t bound) {
        return choices_.choose(Site::socket_world, what, asked_[what]++, bound);
    }
    void begin();
    void attempt();
    void give_up();
    void take(const SinkAnswered& answer);
    void act();
    void judge_stream(std::size_t number);
    int last() const { return static_cast<int>(net_.streams()) - 1; }

    Seeded choices_;
    std::map<std::uint64_t, std::uint64_t> asked_;
    SimClock clock_;
    SimDisk disk_{choices_};
    SimNet net_{choices_};
    SimRing ring_{disk_, clock_, choices_};
    io::SocketSinkConfig config_;
    io::BlockPool pool_{1u << 16, 1u << 14};
    io::Payloads payloads_{pool_, 16};
    io::Events events_;
    std::unique_ptr<io::SocketSink> sink_;
    Write write_;
    std::vector<std::string> texts_;  ///< Of all writes, by number.
    std::map<int, Instant> closed_;   ///< When a peer did that, by stream.
    std::uint32_t left_ = 0;
    std::uint32_t line_ = 0;
    std::uint32_t batch_ = 0;
    bool open_ = false;  ///< An attempt is not answered.
    bool healed_ = false;
    bool impatient_ = false;
    Instant again_{};
    Instant act_at_{};
};

void SinkWorld::begin() {
    --left_;
    write_ = {.number = write_.number + 1, .text = {}, .parts = {}};
    for (std::uint64_t p = 1 + pick(parts_of_write, 3); p > 0; --p) {
        std::string text;
        std::uint32_t records = 0;
        for (std::uint64_t k = 1 + pick(lines_of_write, 4); k > 0; --k, ++records)
            text += std::to_string(++line_) + ":" + std::string(pick(line_size, 80), 'x') + "\n";
        const auto block = pool_.take(static_cast<std::uint32_t>(text.size()));
        std::memcpy(block.data(), text.data(), text.size());
        const BatchId id{batch_ % 16, batch_ + 1};
        ++batch_;
        payloads_.put(id, {.block = block, .bytes = block.first(text.size()), .records = records});
        write_.parts.push_back({.batch = id, .begin = 0, .end = records});
        write_.text += text;
    }
    texts_.push_back(write_.text);
    attempt();
}

void SinkWorld::attempt() {
    open_ = true;
    write_.attempt += 1;
    write_.began = clock_.now;
    write_.due = impatient_ && !healed_ ? clock_.now + milliseconds(50) : never;
    sink_->write({.delivery = {write_.number, 1},
                  .sink = SinkId{0},
                  .attempt = write_.attempt,
                  .deadline = write_.due,
                  .parts = {},
                  .records = 0,
                  .bytes = 0},
                 write_.parts);
}

/// As the engine does at a deadline: the attempt is over, its answer will be stale.
void SinkWorld::give_up() {
    sink_->cancel({{write_.number, 1}, SinkId{0}, write_.attempt});
    open_ = false;
    again_ = clock_.now + milliseconds(10);
}

void SinkWorld::take(const SinkAnswered& answer) {
    demand(answer.delivery.index == write_.number && answer.attempt <= write_.attempt, "I102",
           "an answer to what was not asked");
    if (!open_ || answer.attempt != write_.attempt) return;  // Stale.
    open_ = false;
    again_ = clock_.now + milliseconds(10);
    if (answer.outcome != SinkOutcome::delivered) return;
    demand(last() >= 0 && net_.stream(last()).sent.ends_with(write_.text), "I102",
           "delivered, and not all of it is sent: " + write_.text);
    const auto closed = closed_.find(last());
    demand(closed == closed_.end() || closed->second >= write_.began, "I102",
           "delivered to a peer that had closed before");
    for (const Part& part : write_.parts) payloads_.release(part.batch);
    write_.parts.clear();
}

void SinkWorld::act() {
    act_at_ = clock_.now + milliseconds(1 + static_cast<std::int64_t>(pick(pause, 30)));
    const int number = last();
    const std::uint64_t what = healed_ ? 0 : pick(deed, 20);
    if (what == 19 || healed_) net_.set_host(healed_ || pick(host, 3) > 0);
    if (number < 0) return;
    if (what < 14) net_.take(number, 1 + pick(how_much, 300));
    if (what == 14) net_.reset(number);
    if (what == 15) {
        net_.hang_up(number);
        closed_.emplace(number, clock_.now);
    }
    if (what == 16) net_.say(number, "thanks");
}

void SinkWorld::run() {
    sink_ = std::make_unique<io::SocketSink>(config_, net_, ring_, payloads_, events_,
                                             [](io::Level, const std::string&) {});
    sink_->start();
    const Instant heals = clock_.now + seconds(5);
    const Instant late = clock_.now + seconds(300);
    while (left_ > 0 || !write_.parts.empty()) {
        demand(clock_.now < late, "L1", "it does not come to its end");
        while (!events_.empty()) take(std::get<SinkAnswered>(events_.pop()));
        healed_ = clock_.now >= heals;
        if (act_at_ <= clock_.now) act();
        if (open_ && write_.due <= clock_.now) give_up();
        if (!open_ && write_.parts.empty() && left_ > 0) {
            begin();
        } else if (!open_ && !write_.parts.empty() && again_ <= clock_.now) {
            attempt();
        }
        Instant next = std::min(act_at_, open_ ? write_.due : again_);
        if (events_.empty()) ring_.run(std::max(next, clock_.now));
    }
    for (std::size_t i = 0; i < net_.streams(); ++i) judge_stream(i);
}

/// Whole writes in order, and then perhaps a part of one.
void SinkWorld::judge_stream(std::size_t number) {
    std::string_view sent = net_.stream(static_cast<int>(number)).sent;
    const std::string where = " (connection " + std::to_string(number) + ")";
    std::size_t at = 0;
    while (!sent.empty()) {
        while (at < texts_.size() && !sent.starts_with(texts_[at]) && !texts_[at].starts_with(sent))
            ++at;
        demand(at < texts_.size(), "I102",
               "no write begins here: " + std::string(sent.substr(0, 60)) + where);
        sent.remove_prefix(std::min(sent.size(), texts_[at].size()));
    }
}

}  // namespace

std::optional<Breach> run_socket_sink(std::uint64_t seed) {
    SinkWorld world(seed);
    try {
        world.run();
    } catch (const Breach& breach) {
        return breach;
    }
    return {};
}

}  // namespace holdfast::sim

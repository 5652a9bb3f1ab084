// A socket source of streams, and peers who connect, speak in pieces, fall silent, hang up and reset.
//
// I101: what the source took from the network of one connection it gives away once, in order, cut
// into lines as its config says: each whole line, pieces of one that is too long, and the rest by
// `on_unfinished`, counted; nothing of two connections stands in one record. It holds no more
// connections, and no more of unfinished lines, than it may. L1: it comes to its end.
// Rule: each connection speaks with letters of its own, so that each byte says whose it is.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "io/sources/socket/stream_source.hpp"
#include "sim/breach.hpp"
#include "sim/device_worlds.hpp"
#include "sim/memory_checkpoints.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {
namespace {

enum What : std::uint64_t {
    line_max,
    is_wide,
    oversize,
    unfinished,
    connections,
    room,
    idle_time,
    records,
    peers,
    latency,
    begins,
    line_count,
    line_size,
    is_long,
    piece,
    pause,
    is_slow,
    end_way,
    last_line,
    holds,
    hold_time,
    stands_still,
    is_stopped,
    stops_at,
};

struct Record {
    std::string text;
    Fate fate{};
    bool operator==(const Record&) const = default;
};

/// What one peer will still do.
struct Peer {
    int number = -1;  ///< Of its stream; -1: not dialled.
    std::string unsaid;
    Instant next{};
    bool resets = false;
    bool done = false;
};

class StreamWorld {
public:
    explicit StreamWorld(std::uint64_t seed) : choices_(seed) {
        ring_.attach(net_);
        ring_.options().latency_us_max = pick(latency, 3) * 700;
        config_.name = "in";
        // Sometimes more than a block.
        config_.limits.line_max = static_cast<std::uint32_t>(
            pick(is_wide, 8) == 7 ? 5000 + pick(line_max, 3000) : 12 + pick(line_max, 50));
        config_.limits.oversize = pick(oversize, 2) == 0 ? Oversize::dead_letter : Oversize::split;
        config_.on_unfinished = static_cast<io::Unfinished>(pick(unfinished, 3));
        config_.connections_max = 1 + static_cast<std::uint32_t>(pick(connections, 8));
        config_.unfinished_bytes_max = pick(room, 2) == 0 ? 1u << 20 : 0;
        if (pick(idle_time, 4) == 3) config_.idle_timeout = milliseconds(100);
        records_max_ = pick(records, 2) == 0 ? UINT32_MAX : 1;
        for (std::uint64_t k = 1 + pick(peers, 8); k > 0; --k) add_peer();
        if (pick(is_stopped, 4) == 3)
            stop_at_ = clock_.now + milliseconds(static_cast<std::int64_t>(pick(stops_at, 400)));
    }
    ~StreamWorld() {
        ring_.abandon();
        source_.reset();
    }
    StreamWorld(const StreamWorld&) = delete;

    void run();

private:
    std::uint64_t pick(std::uint64_t what, std::uint64_t bound) {
        return choices_.choose(Site::socket_world, what, asked_[what]++, bound);
    }
    std::string line(std::size_t size, std::size_t number) const;
    void add_peer();
    void act(Peer& peer);
    void take(const Event& event);
    void take_batch(const BatchPulled& batch);
    void keep(std::string text, Fate fate);
    std::vector<Record> expected(const std::string& took);
    void judge();
    void stand_still();
    bool is_over() const {
        if (stop_at_ == Instant{-1}) return source_->has_given_all() && source_->connections() == 0;
        return std::ranges::all_of(peers_, &Peer::done) && source_->connections() == 0 &&
               source_->counts().accepted == peers_.size();
    }

    Seeded choices_;
    std::map<std::uint64_t, std::uint64_t> asked_;
    SimClock clock_;
    SimDisk disk_{choices_};
    SimNet net_{choices_};
    SimRing ring_{disk_, clock_, choices_};
    io::StreamSourceConfig config_;
    std::vector<Peer> peers_;
    io::BlockPool pool_{1u << 16, 1u << 14};
    io::Payloads payloads_{pool_, 16};
    io::PartitionSlots slots_{4};
    io::Events events_;
    MemoryCheckpoints checkpoints_;
    std::unique_ptr<io::StreamSource> source_;
    std::map<int, std::vector<Record>> got_;
    std::uint32_t records_max_ = UINT32_MAX;
    std::uint32_t generation_ = 0;
    bool waits_ = false;
    Instant pull_at_{};
    Instant stop_at_ = never;  ///< {-1}: it was stopped.
    std::uint64_t unfinished_ = 0;
};

/// Its number in two letters of its own, and padding. Never a multiple of line_max, so that a piece
/// is never a newline alone.
std::string StreamWorld::line(std::size_t size, std::size_t number) const {
    const auto low = static_cast<char>('a' + peers_.size());
    const auto high = static_cast<char>('A' + peers_.size());
    std::string out;
    for (std::size_t bits = number + 1; bits > 0; bits /= 2) out += bits % 2 == 0 ? low : high;
    if (out.size() < size) out.append(size - out.size(), low);
    if (out.size() % config_.limits.line_max == 0) out += low;
    return out;
}

void StreamWorld::add_peer() {
    Peer peer;
    peer.next = clock_.now + milliseconds(static_cast<std::int64_t>(pick(begins, 200)));
    const std::uint64_t most = config_.limits.line_max;
    for (std::uint64_t k = pick(line_count, 20), i = 0; i < k; ++i) {
        const bool too_long = pick(is_long, 8) == 7;
        const std::uint64_t size = 1 + pick(line_size, too_long ? 4 * most : most - 2);
        peer.unsaid += line(size, i) + "\n";
    }
    if (pick(last_line, 3) > 0) peer.unsaid += line(1 + pick(line_size, most), 99);
    peer.resets = pick(end_way, 3) == 2;
    peers_.push_back(std::move(peer));
}

void StreamWorld::act(Peer& peer) {
    peer.next =
        clock_.now +
        milliseconds(static_cast<std::int64_t>(pick(is_slow, 10) == 9 ? 300 : pick(pause, 20)));
    if (peer.number < 0) {
        peer.number = net_.dial();
        demand(peer.number >= 0, "L1", "nobody listens");
        return;
    }
    if (peer.unsaid.empty() || net_.stream(peer.number).closed) {
        peer.resets ? net_.reset(peer.number) : net_.hang_up(peer.number);
        peer.done = true;
        return;
    }
    const std::size_t size = 1 + pick(piece, std::min<std::size_t>(peer.unsaid.size(), 6000));
    net_.say(peer.number, peer.unsaid.substr(0, size));
    peer.unsaid.erase(0, size);
}

void StreamWorld::keep(std::string text, Fate fate) {
    demand(!text.empty(), "I101", "an empty record, which nobody sent");
    const auto whose = [](char c) { return c >= 'a' ? c - 'a' : c - 'A'; };
    const std::size_t end = text.back() == '\n' ? text.size() - 1 : text.size();
    for (std::size_t i = 1; i < end; ++i)
        demand(whose(text[i]) == whose(text[0]), "I101", "bytes of two connections: " + text);
    const int peer = whose(text[0]);
    demand(peer >= 0 && peer < static_cast<int>(peers_.size()), "I101", "nobody's: " + text);
    got_[peers_[static_cast<std::size_t>(peer)].number].push_back({std::move(text), fate});
}

void StreamWorld::take_batch(const BatchPulled& batch) {
    const io::Payload& payload = payloads_.at(batch.batch);
    const std::string bytes(reinterpret_cast<const char*>(payload.bytes.data()), batch.bytes);
    std::uint32_t count = 0;
    for (std::size_t at = 0; at < bytes.size(); ++count) {
        const auto end = bytes.find('\n', at);
        const auto next = end == std::string::npos ? bytes.size() : end + 1;
        keep(bytes.substr(at, next - at), batch.fate);
        at = next;
    }
    demand(count == batch.records && count <= std::max(records_max_, 1u), "I101",
           "a batch does not hold the records that it says");
    payloads_.release(batch.batch);
}

void StreamWorld::take(const Event& event) {
    if (const auto* batch = std::get_if<BatchPulled>(&event)) {
        take_batch(*batch);
        waits_ = false;
        // Now and then sinks are slow.
        pull_at_ = clock_.now;
        if (pick(holds, 10) == 9)
            pull_at_ = pull_at_ + milliseconds(static_cast<std::int64_t>(pick(hold_time, 400)));
    } else if (const auto* idle = std::get_if<SourceIdle>(&event)) {
        waits_ = false;
        pull_at_ = clock_.now + idle->retry_after;
    } else if (std::holds_alternative<SourceReady>(event)) {
        pull_at_ = std::min(pull_at_, clock_.now);
    }
}

/// The process is stopped for a while: its peers go on.
void StreamWorld::stand_still() {
    if (pick(stands_still, 60) != 59) return;
    const Instant end =
        clock_.now + milliseconds(50 + static_cast<std::int64_t>(pick(stands_still, 400)));
    while (true) {
        Peer* first = nullptr;
        for (Peer& peer : peers_)
            if (!peer.done && peer.next < end && (!first || peer.next < first->next)) first = &peer;
        if (!first) break;
        clock_.now = std::max(clock_.now, first->next);
        act(*first);
    }
    clock_.now = end;
}

void StreamWorld::run() {
    source_ =
        std::make_unique<io::StreamSource>(config_, net_, ring_, payloads_, events_, checkpoints_,
                                           slots_, [](io::Level, const std::string&) {});
    source_->start();
    const Instant late = clock_.now + seconds(3000);
    const std::uint64_t most =
        std::max<std::uint64_t>(config_.unfinished_bytes_max, 2 * config_.limits.line_max) +
        config_.limits.line_max;
    while (!is_over()) {
        demand(clock_.now < late, "L1", "it does not come to its end");
        while (!events_.empty()) take(events_.pop());
        demand(source_->connections() <= config_.connections_max, "I101",
               "more connections than it may hold");
        demand(source_->held() <= most, "I101",
               "more of unfinished lines than it may hold: " + std::to_string(source_->held()) +
                   " of " + std::to_string(most));
        for (Peer& peer : peers_)
            if (!peer.done && peer.next <= clock_.now) act(peer);
        stand_still();
        if (stop_at_ <= clock_.now && stop_at_ != Instant{-1}) {
            stop_at_ = Instant{-1};
            source_->take_no_more();
        }
        if (!waits_ && pull_at_ <= clock_.now) {
            waits_ = true;
            source_->pull({{0, ++generation_}, config_.id, records_max_, 4096});
        }
        Instant next = waits_ ? late : std::max(pull_at_, clock_.now);
        for (const Peer& peer : peers_)
            if (!peer.done) next = std::min(next, peer.next);
        if (stop_at_ != Instant{-1}) next = std::min(next, stop_at_);
        if (events_.empty() && !is_over()) ring_.run(next);
    }
    while (!events_.empty()) take(events_.pop());
    judge();
}

/// What the bytes of one connection are as records.
std::vector<Record> StreamWorld::expected(const std::string& took) {
    std::vector<Record> out;
    const std::size_t most = config_.limits.line_max;
    const bool splits = config_.limits.oversize == Oversize::split;
    for (std::size_t at = 0; at < took.size();) {
        const auto end = took.find('\n', at);
        const bool whole = end != std::string::npos;
        std::string rest = took.substr(at, whole ? end + 1 - at : std::string::npos);
        at += rest.size();
        const bool is_oversized = whole ? rest.size() > most : rest.size() >= most;
        const Fate fate = is_oversized && !splits ? Fate::oversized : Fate::deliver;
        while (rest.size() > most || (rest.size() == most && !whole)) {
            out.push_back({rest.substr(0, most), fate});
            rest.erase(0, most);
        }
        if (whole) {
            out.push_back({rest, fate});
        } else if (!rest.empty()) {
            ++unfinished_;
            if (fate == Fate::oversized || config_.on_unfinished == io::Unfinished::record) {
                out.push_back({rest, fate});
            } else if (config_.on_unfinished == io::Unfinished::dead_letter) {
                out.push_back({rest, Fate::unreadable});
            }
        }
    }
    return out;
}

void StreamWorld::judge() {
    std::uint64_t dropped = 0, left_unread = 0;
    for (int number = 0; number < static_cast<int>(net_.streams()); ++number) {
        const std::string& took = net_.stream(number).took;
        const std::uint64_t before = unfinished_;
        const std::vector<Record> wanted = expected(took);
        const std::vector<Record>& came = got_[number];
        for (std::size_t i = 0; i < std::max(wanted.size(), came.size()); ++i) {
            const std::string where =
                " (connection " + std::to_string(number) + ", record " + std::to_string(i) + ")";
            demand(i < came.size(), "I101", "taken and not given away: " + wanted[i].text + where);
            demand(i < wanted.size(), "I101", "given away once too often: " + came[i].text + where);
            demand(came[i] == wanted[i], "I101",
                   "given away: " + came[i].text + ", wanted: " + wanted[i].text + where);
        }
        const bool is_dropped = config_.on_unfinished == io::Unfinished::drop &&
                                unfinished_ > before &&
                                (wanted.empty() || wanted.back().fate != Fate::oversized ||
                                 wanted.back().text.back() == '\n');
        dropped += is_dropped ? 1 : 0;
        const SimNet::Stream& one = net_.stream(number);
        // Of its own accord, and not at its own end.
        const bool left = one.left && stop_at_ != Instant{-1};
        if (left && (!one.unread_asked || one.unread_known)) ++left_unread;
    }
    demand(left_unread <= source_->counts().crowded_out, "I101",
           "a peer that was saying something was left as one that is silent");
    demand(source_->counts().unfinished == unfinished_, "I101", "unfinished lines: miscounted");
    demand(source_->counts().unfinished_dropped == dropped, "I101",
           "unfinished lines that were dropped: miscounted");
}

}  // namespace

std::optional<Breach> run_socket_source(std::uint64_t seed) {
    StreamWorld world(seed);
    try {
        world.run();
    } catch (const Breach& breach) {
        return breach;
    }
    return {};
}

}  // namespace holdfast::sim

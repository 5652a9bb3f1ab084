// The judge of a stall: which standing still the world itself explains, and how far it reaches.
//
// Only what is dead for good may hold anything up, and only so much:
// Rule 1: a dead sink owes what was sent to it, or is queued for it; dead letters that can't be
//         stored keep what must go there. So does what was begun of a partition that is lost since.
// Rule 2: a lane is stuck if it holds such a thing. It retires in order, so the watermark may stand
//         before any batch that a stuck lane has; it may be full, and then a batch that needs room
//         there waits. A sink that works sends on, unless the dead-letter queue itself is full.
// Rule 3: the barrier: a batch whose own dead letters can't be stored is not fanned out, nor is any
//         later batch of its *source*, even if its partition is lost since. Other sources go on. In
//         slices, so does a batch of which a stuck lane has a slice.
// Rule 4: reading stops only where such waiting batches use up the source's batches, all batches,
//         or the memory limit.
// Rule 5: whatever else was read is delivered, and committed up to the first batch that Rule 2 or 3
//         holds back, batch by batch.
// Rule 6: where a commit cycle never ends, a window that is bounded stays full: the sinks of sources
//         that commit to the checkpoint are as good as dead. So it does, as far as it is full, in a
//         stuck lane: what stands there is never durable, and what is queued behind it waits.
// Doesn't know: the order of different sources' batches in a lane; there it assumes the worst.
#include <algorithm>
#include <array>
#include <string>

#include "sim/liveness.hpp"
#include "sim/world.hpp"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t nowhere = UINT64_MAX;

class Judge {
public:
    explicit Judge(World& world)
        : world_(world), stage_(world.stage()), ledger_(stage_.ledger), draw_(*stage_.draw) {
        held_.fill(nowhere);
    }

    bool right() {
        find_stuck();
        find_held();
        find_full_windows();
        for (const Unit& u : ledger_.units) {
            if (is_open(u) && !explained(u)) return false;
        }
        for (const Log& log : ledger_.logs) {
            if (!log_is_right(log)) return false;
        }
        return true;
    }

    std::string why;

private:
    bool dead(std::uint32_t sink) const {
        return (draw_.dead >> sink & 1) != 0 || window_stays_full(sink);
    }
    /// Rule 6.
    bool window_stays_full(std::uint32_t sink) const {
        const Config& c = draw_.config;
        if (c.commit.records == 0 && c.commit.bytes == 0) return false;
        if ((draw_.dead & (dead_checkpoint | dead_commits)) == 0) return false;
        for (std::uint32_t s = 0; s < c.sources; ++s) {
            const bool counts = c.source[s].commit == CommitMode::checkpoint;
            if (counts && (c.source[s].route >> sink & 1) != 0) return true;
        }
        return false;
    }
    bool store_dead() const { return (draw_.dead & dead_dead_letters) != 0; }
    const Log& log_of(const Record& r) const { return ledger_.logs[r.log]; }
    std::uint64_t& held(const Record& r) { return held_[log_of(r).source]; }
    bool is_held(const Record& r) { return r.order >= held(r); }

    /// In this assignment of its partition.
    bool was_read(const Record& r) const {
        const Log& log = log_of(r);
        return log.assigned && r.next > log.assigned_at && r.next <= log.highest;
    }

    /// The watermark has passed it, so no lane has it any more. Sinks that commit by themselves
    /// don't say so.
    bool is_passed(const Record& r) const {
        return !ledger_.by_sinks(log_of(r)) && r.next <= log_of(r).durable;
    }

    /// As far as the engine can know, the sink still has to get it.
    bool is_open(const Unit& u) const {
        const Record& r = ledger_.records[u.record];
        if (u.told == Told::delivered || u.told == Told::parked) return false;
        if (!was_read(r) || r.told != Told::idle || log_of(r).lead[u.sink] >= r.next) return false;
        // What a sink that may drop has not sent was dropped, unless it waits for its window.
        return u.sent || !ledger_.may_drop(u.sink) || window_stays_full(u.sink);
    }

    /// The record itself must go to the dead letters, and hasn't as far as the engine can know.
    bool is_own_dead(const Record& r) const {
        if (!was_read(r) || r.told == Told::parked) return false;
        return r.told != Told::idle || r.kind == RecordKind::parse_error ||
               r.kind == RecordKind::oversized;
    }

    bool must_be_parked(const Unit& u) const {
        if (u.told == Told::refused || u.told == Told::parking) return true;
        const std::uint32_t most = draw_.config.sink[u.sink].retry.attempts_max;
        return u.told == Told::waiting && most > 0 &&
               (u.failures >= most || (u.mixed && (u.failures > 0 || u.suspect)));
    }

    void find_stuck() {
        for (const Unit& u : ledger_.units) {
            if (!is_open(u)) continue;
            const bool parks = store_dead() && must_be_parked(u);
            needy_ += parks;
            if (parks || dead(u.sink)) stuck_[u.sink] = true;
        }
        std::uint32_t last = 0;
        for (const Record& r : ledger_.records) {
            if (!store_dead() || !is_own_dead(r)) continue;
            needy_ += r.order != last;
            last = r.order;
            held(r) = std::min<std::uint64_t>(held(r), r.order);
        }
        for (const BatchTruth& b : stage_.batches) {
            if (!is_left_over(b)) continue;
            needy_ += store_dead() ? b.units.size() + 1 : 0;
            if (store_dead() && !b.dead.empty()) {
                held_[b.source] = std::min<std::uint64_t>(held_[b.source], b.order);
            }
            for (std::uint32_t s = 0; s < draw_.config.sinks; ++s) {
                const bool owes = store_dead() || dead(s);
                stuck_[s] = stuck_[s] || (owes && b.from[s] != b.from[s + 1]);
            }
        }
    }

    /// Of a partition that was lost, but what was begun of it isn't over.
    static bool is_left_over(const BatchTruth& b) {
        return b.state == BatchTruth::State::arrived && b.lost;
    }

    /// Deliveries that want to hand over a dead letter wait for room, and their lane with them.
    bool store_full() const { return needy_ > draw_.config.dead_letters.queue_entries_max; }

    /// Batches that wait for room in a stuck lane.
    void find_held() {
        if (draw_.config.sliced()) hold_slices();
        for (const BatchTruth& b : stage_.batches) {
            if (!waits(b)) continue;
            for (std::uint32_t s = 0; s < draw_.config.sinks; ++s) {
                if (b.from[s] == b.from[s + 1] || !stuck_[s] || !may_be_full(b, s)) continue;
                held_[b.source] = std::min<std::uint64_t>(held_[b.source], b.order);
            }
        }
    }

    /// A slice that a stuck lane has holds back what follows in its batch, and its source's next
    /// batches, even if that very slice is settled: lanes retire in order.
    void hold_slices() {
        for (const Unit& u : ledger_.units) {
            const Record& r = ledger_.records[u.record];
            if (!stuck_[u.sink] || !was_read(r) || is_passed(r)) continue;
            if (log_of(r).lead[u.sink] >= r.next) continue;
            held(r) = std::min<std::uint64_t>(held(r), r.order);
        }
        // A slice of a partition that was lost may be the one that its source waits for.
        const bool any = std::ranges::find(stuck_, true) != stuck_.end();
        for (std::uint32_t s = 0; s < draw_.config.sources; ++s) {
            const bool moves = draw_.config.source[s].commit != CommitMode::checkpoint;
            if (any && moves && world_.oracle().any_revoked()) held_[s] = 0;
        }
    }

    /// Nothing of it was sent yet.
    bool waits(const BatchTruth& b) const {
        if (b.state != BatchTruth::State::arrived || !b.told || b.lost) return false;
        return std::ranges::none_of(b.units,
                                    [&](std::uint32_t u) { return ledger_.units[u].sent; });
    }

    /// Whether the lane, with at most what was read before and isn't committed, has no room.
    bool may_be_full(const BatchTruth& b, std::uint32_t sink) const {
        const SinkConfig& config = draw_.config.sink[sink];
        if (config.when_full != WhenFull::block) return false;
        // Of a partition that was lost, what was begun may stand there, and what follows it.
        if (world_.oracle().any_revoked()) return true;
        std::uint64_t records = 0;
        std::uint64_t bytes = 0;
        std::uint64_t batches = 0;
        std::uint32_t last = 0;
        for (const Unit& u : ledger_.units) {
            const Record& r = ledger_.records[u.record];
            const Log& log = log_of(r);
            if (u.sink != sink || !was_read(r) || is_passed(r)) continue;
            if (log.source == b.source && r.order >= b.order) continue;
            if (log.lead[sink] >= r.next || r.told != Told::idle) continue;
            ++records;
            bytes += std::max(r.bytes, 10u);
            batches += r.order != last;
            last = r.order;
        }
        if (records == 0) return false;
        std::uint64_t more = 0;
        for (std::uint32_t i = b.from[sink]; i < b.from[sink + 1]; ++i) {
            more += std::max(ledger_.records[ledger_.units[b.units[i]].record].bytes, 10u);
        }
        return batches >= config.queue_batches_max ||
               records + b.from[sink + 1] - b.from[sink] > config.queue_records_max ||
               bytes + more > config.queue_bytes_max;
    }

    /// Lanes are sent in order: where one batch waits for room in the window, so does what follows,
    /// however little that is. (The order of batches of several sources is not known here.)
    void find_full_windows() {
        for (const Unit& u : ledger_.units) {
            if (full_[u.sink] || !is_open(u)) continue;
            full_[u.sink] = waits_for_window(u);
        }
    }

    /// It would be too much beside what a stuck lane may have in its window.
    bool waits_for_window(const Unit& u) const {
        const CommitConfig& bound = draw_.config.commit;
        const Record& of = ledger_.records[u.record];
        const bool counts = draw_.config.source[log_of(of).source].commit == CommitMode::checkpoint;
        if (!stuck_[u.sink] || u.sent || !counts) return false;
        std::uint64_t records = 0, bytes = 0;
        for (const Unit& other : ledger_.units) {
            const Record& r = ledger_.records[other.record];
            if (other.sink != u.sink || is_passed(r)) continue;
            // What is begun counts whole, and so does what would be.
            if (!other.sent && r.order != of.order) continue;
            ++records;
            bytes += std::max(r.bytes, 10u);
        }
        return (bound.records > 0 && records > bound.records) ||
               (bound.bytes > 0 && bytes > bound.bytes);
    }

    bool explained(const Unit& u) {
        if (dead(u.sink) || (full_[u.sink] && !u.sent)) return true;
        const Record& r = ledger_.records[u.record];
        if (must_be_parked(u)) {
            if (store_dead()) return true;
            why = "a dead letter of sink " + std::to_string(u.sink) + " isn't stored";
        } else {
            if (u.told == Told::idle && !u.sent && is_held(r)) return true;
            if (u.told != Told::in_flight && stuck_[u.sink] && store_full()) return true;
            why = "sink " + std::to_string(u.sink) + " works but doesn't have it";
        }
        why = "record " + std::to_string(u.record) + " was read, and " + why;
        return false;
    }

    /// A file that waits for a slot which another one of its source has.
    bool waits_for_slot(const Log& log) const {
        if (draw_.source[log.source].open_max == 0) return false;
        return std::ranges::any_of(ledger_.logs, [&](const Log& other) {
            return other.source == log.source && other.assigned;
        });
    }

    bool log_is_right(const Log& log) {
        if (log.closed || (!log.assigned && waits_for_slot(log))) return true;
        if (!log.assigned) {
            why = "a partition isn't assigned any more";
            return false;
        }
        for (std::uint32_t i = log.first; i < log.end; ++i) {
            const Record& r = ledger_.records[i];
            if (!is_own_dead(r) || store_dead() || is_held(r)) continue;
            why = "record " + std::to_string(i) + " must go to the dead letters, and isn't there";
            return false;
        }
        // What is given back is not read any more until it comes again.
        const auto index = static_cast<std::uint32_t>(&log - ledger_.logs.data());
        const bool reads = !world_.sources().revoking(index);
        if (reads && log.highest < ledger_.end_of(log) && !reading_is_blocked(log.source)) {
            why = "records are not read although nothing dead is in their way";
            return false;
        }
        if ((draw_.dead & (dead_checkpoint | dead_commits)) != 0) return true;
        if (ledger_.by_sinks(log)) return true;
        return log.durable >= log.highest || commit_is_held(log);
    }

    bool reading_is_blocked(std::uint32_t source) const {
        const Config& c = draw_.config;
        std::uint64_t waiting = 0;
        std::uint64_t slots = 2 + (c.sliced() ? c.sources : 0);
        bool any = false;
        for (const BatchTruth& b : stage_.batches) {
            if (b.source != source || b.parent != UINT32_MAX) continue;
            if (!waits(b) && !is_left_over(b)) continue;
            waiting += b.order >= held_[source];
        }
        for (std::uint32_t s = 0; s < c.sources; ++s) {
            any = any || held_[s] != nowhere;
            slots += c.source[s].batches_max;
        }
        for (std::uint32_t s = 0; s < c.sinks; ++s) {
            any = any || stuck_[s];
            // Settled batches between stuck ones keep a slot for each run of them.
            if (stuck_[s]) slots += 2ull * c.sink[s].queue_batches_max;
        }
        if (waiting >= c.source[source].batches_max) return true;
        const std::uint64_t wanted = world_.oracle().leased() + c.source[source].pull_bytes_max;
        return any && (wanted > c.memory_limit || c.batches_max <= slots);
    }

    /// The first batch that isn't committed is held back itself.
    bool commit_is_held(const Log& log) {
        const std::uint32_t first = ledger_.record_after(log, log.durable);
        const bool read = first < log.end && was_read(ledger_.records[first]);
        if (!read && empty_is_held(log)) return true;
        const std::uint32_t end = read ? ledger_.records[first].batch_end : first;
        for (std::uint32_t i = first; i < end; ++i) {
            const Record& r = ledger_.records[i];
            if (is_own_dead(r) || is_held(r)) return true;
            for (std::uint32_t s = 0; s < draw_.config.sinks; ++s) {
                if (stuck_[s] && (r.route >> s & 1) != 0 && log.lead[s] < r.next) return true;
            }
        }
        why = "all before record " + std::to_string(end) + " is settled, but not committed";
        return false;
    }

    /// A batch of it that has positions but no records waits its turn behind what is held back.
    bool empty_is_held(const Log& log) const {
        return std::ranges::any_of(stage_.batches, [&](const BatchTruth& b) {
            return b.state == BatchTruth::State::arrived && b.told && !b.lost && b.count == 0 &&
                   &ledger_.logs[b.log] == &log && b.order >= held_[log.source];
        });
    }

    World& world_;
    const Stage& stage_;
    const Ledger& ledger_;
    const Draw& draw_;
    std::array<std::uint64_t, 4> held_;  ///< By source: the first batch that may not be fanned out.
    std::array<bool, 8> stuck_{};
    std::array<bool, 8> full_{};  ///< By sink: its window, so that nothing more is begun.
    std::uint64_t needy_ = 0;     ///< At least as many as the dead-letter queue may have to hold.
};

/// Whether something that must go to the dead letters is left.
bool needs_dead_letters(const Ledger& ledger) {
    const auto open = [](Told told) { return told != Told::idle && told != Told::parked; };
    for (const Record& r : ledger.records) {
        if (open(r.told)) return true;
        if (r.readings == 0 || r.told == Told::parked) continue;
        if (r.kind == RecordKind::parse_error || r.kind == RecordKind::oversized) return true;
    }
    return std::ranges::any_of(ledger.units, [&](const Unit& u) {
        return open(u.told) && u.told != Told::delivered && (u.poison || u.failures > 0);
    });
}

bool halt_is_right(World& world) {
    const Draw& draw = *world.stage().draw;
    switch (world.oracle().halt_reason()) {
        case HaltReason::dead_letters_absent:
            return !draw.config.dead_letters.present && needs_dead_letters(world.stage().ledger);
        case HaltReason::dead_letters_failed: return (draw.dead & dead_dead_letters) != 0;
        case HaltReason::checkpoint_failed: return (draw.dead & dead_checkpoint) != 0;
        case HaltReason::commit_failed: return (draw.dead & dead_commits) != 0;
        case HaltReason::oversized_record:
            return std::ranges::any_of(world.stage().ledger.records,
                                       [](const Record& r) { return r.kind == RecordKind::stop; });
        case HaltReason::sink_failed:
            for (std::uint32_t s = 0; s < draw.config.sinks; ++s) {
                const SinkConfig& sink = draw.config.sink[s];
                if (sink.on_transient != OnTransient::stop) continue;
                if ((draw.dead >> s & 1) != 0 || sink.attempt_timeout.ns > 0) return true;
            }
            return false;
        case HaltReason::source_failed: return false;
        default: return draw.latency_tail && draw.config.commit.attempt_timeout.ns > 0;
    }
}

}  // namespace

bool stall_is_right(World& world, std::string& why) {
    if (world.oracle().halted()) {
        why = std::string("halted: ") + name_of(world.oracle().halt_reason());
        return halt_is_right(world);
    }
    if (world.stage().draw->dead == 0) {
        why = "nothing is broken any more";
        return false;
    }
    Judge judge(world);
    const bool right = judge.right();
    why = judge.why;
    return right;
}

}  // namespace holdfast::sim

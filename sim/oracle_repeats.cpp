// The oracle on what a restart would write again (I43), of sources that commit to the checkpoint.
//
// What a sink was given in this life and no durable position or lead covers is written to it again
// if the process dies now. So much is at most what CommitConfig says, unless it is of one batch; the
// engine's gauge is never below it; and a window that is full of what the sink is done with is being
// committed: no interval is waited for.
#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "sim/oracle.hpp"

namespace holdfast::sim {

bool Oracle::commits_are_bounded() const {
    const CommitConfig& bound = stage_.draw->config.commit;
    return bound.records > 0 || bound.bytes > 0;
}

/// A commit cycle is under way as long as something was staged or synced and no checkpoint since.
void Oracle::note_cycle(const Event& event, const Effects& effects) {
    const auto* kept = std::get_if<CheckpointSynced>(&event);
    // (One that came too late is written again.)
    if (kept != nullptr && !stale_ && kept->outcome == StoreOutcome::ok) cycle_open_ = false;
    for (const Effect& effect : effects.items()) {
        if (const auto* write = std::get_if<WriteCheckpoint>(&effect)) {
            cycle_sequence_ = write->sequence;
        } else if (!std::holds_alternative<StagePosition>(effect) &&
                   !std::holds_alternative<StageLead>(effect) &&
                   !std::holds_alternative<StageSink>(effect) &&
                   !std::holds_alternative<SyncSink>(effect)) {
            continue;
        }
        cycle_open_ = true;
    }
}

// ---- what was given ----------------------------------------------------------------------------

void Oracle::note_sent(Unit& u, std::uint32_t index) {
    const bool again = u.sent;
    u.sent = true;
    if (again || !windows_count_) return;
    const Log& log = stage_.ledger.logs[stage_.ledger.records[u.record].log];
    if (stage_.draw->config.source[log.source].commit == CommitMode::checkpoint) {
        given_[u.sink].push_back(index);
    }
}

/// The partition is assigned anew: what it gives now is sent for the first time again.
void Oracle::forget_given(std::uint32_t log) {
    for (auto& given : given_) {
        std::erase_if(given, [&](std::uint32_t u) {
            return stage_.ledger.records[stage_.ledger.units[u].record].log == log;
        });
    }
}

/// All that the sink was given and a restart would give it again.
Oracle::Uncovered Oracle::uncovered(std::uint32_t sink) {
    Uncovered out;
    std::erase_if(given_[sink], [&](std::uint32_t unit) {
        const Unit& u = stage_.ledger.units[unit];
        const Record& r = stage_.ledger.records[u.record];
        const Log& log = stage_.ledger.logs[r.log];
        if (partitions_[r.log].known != Known::assigned || r.next <= log.durable) return true;
        if (r.next <= durable_lead_[r.log * std::size_t{8} + sink]) return true;
        out.one_batch = out.one_batch && (out.records == 0 || out.order == r.order);
        out.order = r.order;
        ++out.records;
        out.bytes += stage_.draw->config.source[log.source].transform ? 10 : r.bytes;
        out.done = out.done && (u.told == Told::delivered || u.told == Told::parked);
        return false;
    });
    return out;
}

void Oracle::check_repeats(const Event& event, const Effects& effects, const Engine& engine) {
    note_cycle(event, effects);
    note_windows();
    const bool wrote = std::ranges::any_of(
        effects.items(), [](const Effect& e) { return std::holds_alternative<WriteToSink>(e); });
    if (halted_ || (!wrote && !std::holds_alternative<SinkAnswered>(event))) return;
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks && !failed(); ++s) {
        const auto id = static_cast<std::uint16_t>(stage_.draw->engine_sink(s));
        check_repeats(s, uncovered(s), engine.may_repeat(SinkId{id}));
    }
}

void Oracle::check_repeats(std::uint32_t sink, const Uncovered& now, const Repeats& told) {
    const Config& config = stage_.draw->config;
    const CommitConfig& bound = config.commit;
    const std::string what = "sink " + std::to_string(sink) + " would be given " +
                             std::to_string(now.records) + " records of " +
                             std::to_string(now.bytes) + " bytes again";
    const bool over = (bound.records > 0 && now.records > bound.records) ||
                      (bound.bytes > 0 && now.bytes > bound.bytes);
    if (over && !now.one_batch) return fail("I43", "bounded repeats", what);
    if (told.records < now.records || told.bytes < now.bytes) {
        return fail("I43", "bounded repeats",
                    what + ", but the gauge says " + std::to_string(told.records) + " of " +
                        std::to_string(told.bytes));
    }
    const bool full = bound.records > 0 && now.records >= bound.records;
    const bool alone = std::all_of(
        config.source.begin(), config.source.begin() + config.sources,
        [](const SourceConfig& source) { return source.commit == CommitMode::checkpoint; });
    const bool waits = config.sink[sink].linger.ns > 0 || open_writes_[sink] > 0 || !now.done;
    if (full && alone && !waits && !cycle_open_ && !any_revoked_) {
        fail("I43", "bounded repeats", what + ", all of it is settled, and nothing is committed");
    }
}

// ---- windows -----------------------------------------------------------------------------------
//
// What a sink was begun to be given counts, whole batches, until a checkpoint that was begun after
// it was settled is durable. When exactly it leaves the lane can't be seen: these are upper bounds,
// so that a commit that a window did not ask for is found (I44), and a wait for room is no linger.

void Oracle::note_begun(const Part& part, const WriteToSink& write) {
    const std::uint32_t sink = write.sink.index;
    const BatchTruth& b = *stage_.batch(part.batch);
    const SourceConfig& source = stage_.draw->config.source[b.source];
    std::vector<Begun>& all = begun_[sink];
    for (Begun& entry : all) {
        if (entry.batch != part.batch) continue;
        if (entry.takers.back() != write.delivery) entry.takers.push_back(write.delivery);
        return;
    }
    // Others only stand in the way of what comes after them.
    const bool counts = source.commit == CommitMode::checkpoint;
    all.push_back({part.batch,
                   {write.delivery},
                   counts ? b.from[sink + 1] - b.from[sink] : 0,
                   counts ? b.sink_bytes[sink] : 0});
}

/// All of it is settled: it may have left its lane.
bool Oracle::is_done(const Begun& entry, std::uint32_t sink) const {
    const BatchTruth& b = stage_.batches[entry.batch.index];
    if (b.generation != entry.batch.generation || b.state == BatchTruth::State::released) {
        return true;
    }
    return std::all_of(b.units.begin() + b.from[sink], b.units.begin() + b.from[sink + 1],
                       [&](std::uint32_t index) {
                           const Told told = stage_.ledger.units[index].told;
                           return told == Told::delivered || told == Told::parked;
                       });
}

/// A cycle begins: it has what left its lane before.
void Oracle::retire_windows() {
    window_asked_ = false;
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        const bool at_rest =
            open_writes_[s] == 0 && !stage_.draw->config.sink[s].has_mark &&
            std::ranges::all_of(begun_[s], [&](const Begun& entry) { return is_done(entry, s); });
        for (Begun& entry : begun_[s]) {
            const BatchTruth& b = stage_.batches[entry.batch.index];
            const bool released =
                b.generation != entry.batch.generation || b.state == BatchTruth::State::released;
            // What a delivery took stays as long as that is under way, settled or not.
            const auto stays = [&](const Begun& other) {
                return !is_done(other, s) &&
                       std::ranges::find_first_of(entry.takers, other.takers) != entry.takers.end();
            };
            const bool left = released && std::ranges::none_of(begun_[s], stays);
            if (!at_rest && !left) break;  // What comes after it waits for it.
            entry.retired = true;
        }
        std::erase_if(begun_[s], [](const Begun& e) { return e.retired && e.outputs == 0; });
    }
}

/// The cycle's checkpoint is durable.
void Oracle::free_windows() {
    for (auto& all : begun_) std::erase_if(all, [](const Begun& entry) { return entry.retired; });
}

/// Something may wait for room in the sink's window.
bool Oracle::may_be_held(std::uint32_t sink) const {
    std::uint64_t records = 0, bytes = 0;
    for (const Begun& entry : begun_[sink]) records += entry.outputs, bytes += entry.bytes;
    if (records == 0) return false;
    const CommitConfig& bound = stage_.draw->config.commit;
    for (const BatchTruth& b : stage_.batches) {
        const std::uint32_t outputs = b.from[sink + 1] - b.from[sink];
        if (b.state != BatchTruth::State::arrived || outputs == 0) continue;
        const bool over = (bound.records > 0 && records + outputs > bound.records) ||
                          (bound.bytes > 0 && bytes + b.sink_bytes[sink] > bound.bytes);
        if (over && std::any_of(b.units.begin() + b.from[sink], b.units.begin() + b.from[sink + 1],
                                [&](std::uint32_t u) { return !stage_.ledger.units[u].sent; })) {
            return true;
        }
    }
    return false;
}

/// What has left the sink's lane since the last cycle began may be half of what its window takes.
bool Oracle::may_be_half_full(std::uint32_t sink) const {
    std::uint64_t records = 0, bytes = 0;
    for (const Begun& entry : begun_[sink]) {
        if (entry.retired || !is_done(entry, sink)) continue;
        records += entry.outputs, bytes += entry.bytes;
    }
    const CommitConfig& bound = stage_.draw->config.commit;
    return (bound.records > 0 && 2 * records >= bound.records) ||
           (bound.bytes > 0 && 2 * bytes >= bound.bytes);
}

bool Oracle::window_may_ask() const {
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        if (may_be_half_full(s) || may_be_held(s)) return true;
    }
    return false;
}

/// Asked for once, a cycle comes when the one that is under way has ended.
void Oracle::note_windows() {
    const Instant due = commit_.began + stage_.draw->config.commit.interval;
    if (window_asked_ || !commit_.began_once || stage_.now >= due || any_revoked_) return;
    window_asked_ = window_may_ask();
}

}  // namespace holdfast::sim

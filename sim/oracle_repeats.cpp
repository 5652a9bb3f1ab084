// The oracle on what a restart would write again (I43), of sources that commit to the checkpoint.
//
// What a sink was given in this life and no durable position or lead covers is written to it again
// if the process dies now. So much is at most what CommitConfig says, unless it is of one batch; the
// engine's gauge is never below it; and a window that is full of what the sink is done with is being
// committed: no interval is waited for.
#include <algorithm>
#include <array>
#include <string>
#include <variant>

#include "sim/oracle.hpp"

namespace holdfast::sim {

bool Oracle::commits_are_bounded() const {
    const CommitConfig& bound = stage_.draw->config.commit;
    return bound.records > 0 || bound.bytes > 0;
}

/// A commit cycle is under way as long as something was staged or synced and no checkpoint since.
void Oracle::note_cycle(const Event& event, const Effects& effects) {
    const auto* kept = std::get_if<CheckpointSynced>(&event);
    if (kept != nullptr && kept->outcome == StoreOutcome::ok && kept->sequence == cycle_sequence_) {
        cycle_open_ = false;
    }
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

/// All that the sinks were given and a restart would give them again.
std::array<Oracle::Uncovered, 8> Oracle::uncovered() const {
    std::array<Uncovered, 8> out{};
    for (const Unit& u : stage_.ledger.units) {
        const Record& r = stage_.ledger.records[u.record];
        const Log& log = stage_.ledger.logs[r.log];
        const SourceConfig& source = stage_.draw->config.source[log.source];
        if (!u.sent || source.commit != CommitMode::checkpoint) continue;
        if (partitions_[r.log].known != Known::assigned || r.next <= log.durable) continue;
        if (r.next <= durable_lead_[r.log * std::size_t{8} + u.sink]) continue;
        Uncovered& sink = out[u.sink];
        sink.one_batch = sink.one_batch && (sink.records == 0 || sink.order == r.order);
        sink.order = r.order;
        ++sink.records;
        sink.bytes += source.transform ? 10 : r.bytes;
        sink.done = sink.done && (u.told == Told::delivered || u.told == Told::parked);
    }
    return out;
}

void Oracle::check_repeats(const Event& event, const Effects& effects, const Engine& engine) {
    if (!commits_are_bounded()) return;
    note_cycle(event, effects);
    const bool wrote = std::ranges::any_of(effects.items(), [](const Effect& e) {
        return std::holds_alternative<WriteToSink>(e);
    });
    const bool many = stage_.ledger.units.size() > 200 && (++repeats_looked_ & 7) != 0;
    if (halted_ || many || (!wrote && !std::holds_alternative<SinkAnswered>(event))) return;
    const auto all = uncovered();
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks && !failed(); ++s) {
        check_repeats(s, all[s], engine.may_repeat(
                                 SinkId{static_cast<std::uint16_t>(stage_.draw->engine_sink(s))}));
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
    const bool alone = std::all_of(config.source.begin(), config.source.begin() + config.sources,
                                   [](const SourceConfig& source) {
                                       return source.commit == CommitMode::checkpoint;
                                   });
    const bool waits = config.sink[sink].linger.ns > 0 || open_writes_[sink] > 0 || !now.done;
    if (full && alone && !waits && !cycle_open_ && !any_revoked_) {
        fail("I43", "bounded repeats", what + ", all of it is settled, and nothing is committed");
    }
}

}  // namespace holdfast::sim

// The ledger: what is true in the world. Records, where they must go, and who really has them.
//
// Rule 1: only the world writes here (its logs, sinks, dead letters, stores), never the engine.
// Rule 2: a unit is one output of one record for one sink; all per-unit facts are one flat table.
// Rule 3: `told` is what the engine has been told of a unit in this incarnation: the oracle's own
//         reading of the answers that counted.
// Bound: records x outputs x sinks entries, reserved once and used again by the next seed.
#pragma once

#include <cstdint>
#include <vector>

#include "core/model/ids.hpp"
#include "core/model/outcomes.hpp"
#include "sim/swarm.hpp"

namespace holdfast::sim {

enum class RecordKind : std::uint8_t { plain, filtered, parse_error, oversized, stop };

enum class Told : std::uint8_t {
    idle,       ///< Nothing yet.
    in_flight,  ///< In an unanswered write.
    waiting,    ///< Its last write failed for now.
    refused,    ///< For good, and by name.
    delivered,
    parking,  ///< In an unanswered dead-letter write.
    parked,
};

struct Record {
    std::int64_t begin = 0;
    std::int64_t next = 0;
    SinkMask route = 0;
    std::uint32_t bytes = 0;
    std::uint32_t unit_first = 0;
    std::uint32_t order = 0;      ///< Of its last batch, among all that were handed out.
    std::uint32_t batch_end = 0;  ///< The record after the last one of that batch.
    std::uint16_t log = 0;
    std::uint16_t readings = 0;  ///< How often it was given to an engine.
    std::uint16_t parked = 0;    ///< Durably in the dead letters, as a whole record.
    std::uint8_t copies = 1;     ///< Outputs for each routed sink.
    RecordKind kind = RecordKind::plain;
    Told told = Told::idle;  ///< As a whole, to the dead letters.
    bool elsewhere = false;  ///< Another engine of the group has settled it.
};

struct Unit {
    std::int64_t failed_at = 0;
    std::int64_t not_before = 0;  ///< What the sink asked for.
    std::uint32_t record = 0;
    std::uint32_t where = UINT32_MAX;  ///< Its first place in the sink's contents.
    std::uint16_t sink = 0;
    std::uint16_t applied = 0;
    std::uint16_t parked = 0;
    std::uint16_t excuses = 0;   ///< Incidents that explain one more application.
    std::uint16_t failures = 0;  ///< Transient ones told, this incarnation and epoch.
    Told told = Told::idle;
    bool poison = false;   ///< Its sink will never take it.
    bool mixed = false;    ///< Was in a write that was refused or answered in part.
    bool sent = false;     ///< In this incarnation.
    bool suspect = false;  ///< Was in a refused write that named nobody.
    bool dropped = false;  ///< By a sink that may, as the world saw it; until it is read again.
};

struct Log {
    std::uint16_t source = 0;
    std::uint32_t first = 0;
    std::uint32_t end = 0;
    std::uint32_t available = 0;  ///< Records below this index exist already.
    std::int64_t durable = 0;     ///< Where a restart would read from.
    std::int64_t highest = 0;     ///< Of all positions handed out in this epoch.
    std::int64_t assigned_at = 0;
    std::int64_t base = 0;  ///< Where its positions begin.
    std::uint32_t epoch = 0;
    bool assigned = false;
    bool closed = false;        ///< Read to its end, and given back: its slot is another one's.
    std::int64_t lead[8] = {};  ///< As told to this incarnation.
};

/// Who had which slot: an epoch is given out once in a world.
struct Assignment {
    std::uint32_t log = UINT32_MAX;
    std::uint32_t slot = UINT32_MAX;
};

struct SinkTruth {
    std::vector<std::uint32_t> contents;  ///< Units, in the order in which they were applied.
    std::uint32_t synced = 0;             ///< So many of them survive a crash.
    std::uint32_t mark = 0;               ///< So many survive a restart: the checkpoint's mark.
};

class Ledger {
public:
    /// Writes the logs of a seed.
    void begin(const Draw& draw, Choices& choices);

    void apply(std::uint32_t unit);
    /// Cuts a sink's contents to its first `length` units.
    void cut(std::uint32_t sink, std::uint32_t length);
    /// Loses the unsynced units of a sink for which keep(index) is false.
    template <class Keep>
    void lose(std::uint32_t sink, Keep keep);

    /// Someone durably has it, whatever crashes now.
    bool durable(const Unit& unit) const;
    /// It needs no more work, as far as this process can see.
    bool settled(const Unit& unit) const;
    bool durable(const Record& record) const { return done<true>(record); }
    bool settled(const Record& record) const { return done<false>(record); }
    /// Every unit of the record for this sink is durable.
    bool durable_at(const Record& record, std::uint32_t sink) const;

    /// The units of a record for one sink: `copies` of them from here. Requires: it is routed
    /// there.
    std::uint32_t unit_of(const Record& record, std::uint32_t sink) const;
    /// The first record of the log that ends after the position.
    std::uint32_t record_after(const Log& log, std::int64_t position) const;
    std::int64_t end_of(const Log& log) const {
        return log.end == log.first ? log.base : records[log.end - 1].next;
    }
    /// Where sinks commit by themselves: each source's position is what they durably have.
    void commit_by_sinks();
    bool by_sinks(const Log& log) const {
        return draw->config.source[log.source].commit == CommitMode::sink;
    }
    bool may_drop(std::uint32_t sink) const;
    /// The log that an assignment was of, or UINT32_MAX.
    std::uint32_t log_of(PartitionId partition, Epoch epoch) const {
        if (epoch.value >= assignments.size()) return UINT32_MAX;
        const Assignment& a = assignments[epoch.value];
        return a.slot == partition.index ? a.log : UINT32_MAX;
    }
    /// A new incarnation knows nothing.
    void forget_told();
    void forget_told(const Log& log);

    const Draw* draw = nullptr;
    std::vector<Record> records;
    std::vector<Unit> units;
    std::vector<Log> logs;
    std::vector<SinkTruth> sinks;
    std::vector<Assignment> assignments;  ///< By epoch.
    std::uint32_t handed_out = 0;         ///< Batches.
    std::uint64_t progress = 0;           ///< Grows with each fact that brings the end nearer.

private:
    template <bool Durable>
    bool done(const Record& record) const;
    void write_log(std::uint32_t index, Choices& choices);
    void shape_record(Record& record, const SourceShape& shape, std::uint32_t index,
                      Choices& choices);
    void add_units(Record& record, std::uint32_t index, Choices& choices);
};

template <class Keep>
void Ledger::lose(std::uint32_t sink, Keep keep) {
    SinkTruth& truth = sinks[sink];
    std::vector<std::uint32_t>& all = truth.contents;
    std::uint32_t kept = truth.synced;
    for (std::uint32_t i = truth.synced; i < all.size(); ++i) {
        Unit& u = units[all[i]];
        if (keep(i)) {
            if (u.where == i) u.where = kept;
            all[kept++] = all[i];
            continue;
        }
        --u.applied;
        if (u.where == i) u.where = UINT32_MAX;
    }
    all.resize(kept);
    for (std::uint32_t i = truth.synced; i < kept; ++i) {
        if (units[all[i]].where > i) units[all[i]].where = i;
    }
}

template <bool Durable>
bool Ledger::done(const Record& record) const {
    if (record.parked > 0 || record.elsewhere) return true;
    if (record.kind == RecordKind::filtered) return true;
    if (record.kind != RecordKind::plain) return false;
    const std::uint32_t count =
        static_cast<std::uint32_t>(__builtin_popcountll(record.route)) * record.copies;
    for (std::uint32_t i = 0; i < count; ++i) {
        const Unit& u = units[record.unit_first + i];
        if (!(Durable ? durable(u) : settled(u))) return false;
    }
    return true;
}

}  // namespace holdfast::sim

// What the engine counts. Read by progress, metrics and the balance; decides nothing.
// Invariant I6, at each step and for each sink:
// admitted = delivered + parked + dropped + forgotten + owed.
#pragma once

#include <array>
#include <cstdint>

#include "core/model/ids.hpp"

namespace holdfast {

struct SinkStats {
    std::uint64_t admitted = 0;  ///< Outputs that were routed to it, dropped ones included.
    std::uint64_t delivered = 0;
    std::uint64_t parked = 0;     ///< Meant for it, durably dead-lettered.
    std::uint64_t dropped = 0;    ///< By when_full = drop_newest.
    std::uint64_t forgotten = 0;  ///< Of a lost partition: somebody else delivers them.
    std::uint64_t owed = 0;
    std::uint64_t bytes_delivered = 0;
    std::uint64_t writes = 0;     ///< WriteToSink effects.
    std::uint64_t retries = 0;    ///< Of these, not the first attempt.
    std::uint64_t ambiguous = 0;  ///< Answers, time-outs included.
};

struct SourceStats {
    std::uint64_t batches = 0;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    std::uint64_t failures = 0;
    std::uint64_t settled = 0;  ///< Records whose batch is settled: their tokens may be committed.
    std::uint64_t forgotten = 0;  ///< Records of batches of a lost partition, when they ended.
    std::uint64_t budget = 0;     ///< Bytes that its next pull may bring, if governed.
    std::uint64_t budget_decreases = 0;
};

struct Stats {
    std::array<SourceStats, sources_limit> source{};
    std::array<SinkStats, sinks_limit> sink{};
    std::uint64_t steps = 0;
    std::uint64_t stale = 0;     ///< Events that named nothing current.
    std::uint64_t filtered = 0;  ///< Records of slices (or whole batches) of which nothing came.
    std::uint64_t dead_letters = 0;  ///< Entries durably stored, of all sinks and of none.
    std::uint64_t dead_letter_retries = 0;
    std::uint64_t commits = 0;  ///< Commit cycles that ended well.
    std::uint64_t commit_failures = 0;
    std::uint64_t held = 0;  ///< Bytes leased now, reservations of pulls included.
    std::uint64_t held_peak = 0;
    std::uint64_t batches = 0;        ///< Batch slots in use now.
    std::uint64_t gate_closed = 0;    ///< Edges: pressure rose to the pause threshold.
    std::uint64_t gate_opened = 0;    ///< Edges: it fell to the resume threshold.
    std::uint64_t gate_windows = 0;   ///< Holds of max_hold after which sources were let in once.
    std::uint32_t pressure_hard = 0;  ///< The last sample, in thousandths.
    std::uint32_t pressure_soft = 0;
    bool paused = false;  ///< The gate holds.
    std::uint8_t unused[7] = {};
};

}  // namespace holdfast

// The commit cycle: from "settled" to "the source may forget".
//
// Rule 1: one cycle at a time; what becomes settled meanwhile goes into the next one.
// Rule 2: the order is: stage and sync the sinks; write the checkpoint; sync it; tell the sources.
//         Each step waits for all answers of the one before.
// Rule 3: three durabilities, never inferred from one another: sinks, checkpoint, source.
// Rule 4: a failed sync is never repeated and believed: of a sink, it halts; of the checkpoint, it
// is
//         written whole again.
// Rule 5: a cycle begins when its interval is over, or so much is settled as CommitConfig says, or a
//         lane's window is half full of what is settled, or keeps the lane from writing. What a window
//         gave up to a cycle has room again once the checkpoint is durable, whether or not sources
//         that keep positions of their own have answered.
// Doesn't know: batches, lanes.
#pragma once

#include <cstdint>

namespace holdfast {

enum class CommitPhase : std::uint8_t {
    idle,
    syncing,     ///< SyncSink effects are unanswered.
    writing,     ///< WriteCheckpoint is.
    persisting,  ///< SyncCheckpoint is.
    telling,     ///< CommitPosition effects are.
    waiting,     ///< For its backoff, then `resume`.
};

struct CommitState {
    std::uint64_t sequence;  ///< Of the last WriteCheckpoint.
    std::uint64_t records;   ///< Settled since the last cycle began.
    std::uint64_t bytes;
    std::int64_t began;  ///< When the last cycle began.
    std::uint32_t syncs_out;
    std::uint32_t commits_out;
    std::uint32_t failures;
    std::uint32_t cycle_first;  ///< Partitions that this cycle tells their source about.
    CommitPhase phase;
    CommitPhase resume;
    bool checkpoint;  ///< This cycle writes one.
    bool began_once;
    bool marks_dirty;  ///< A lane's clean mark moved since the last cycle.
    bool sync_failed;
    bool wanted;  ///< By a window: rule 5.
    std::uint8_t unused[1];
};
static_assert(sizeof(CommitState) == 56);

}  // namespace holdfast

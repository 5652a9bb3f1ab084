// Events: the facts that enter the engine. With effect.hpp this is the engine's whole vocabulary.
//
// Rule 1: an event is a small, trivially copyable struct of handles and numbers, never a pointer.
// Rule 2: the port contract. Every effect but the stage, release, gate, revoke-done and halt ones is
//         answered by exactly one event (named in effect.hpp), in any order, at any later time. A
//         device that cannot answer is covered by deadlines; its late answer is then stale.
// Rule 3: a stale or impossible event changes counters and nothing else.
// Rule 4: what the world decides is a field (an outcome), never an assertion.
// Payload bytes never come here: the engine sees handles, counts, sizes and positions.
#pragma once

#include <cstdint>
#include <type_traits>
#include <variant>

#include "core/base/time.hpp"
#include "core/model/ids.hpp"
#include "core/model/outcomes.hpp"

namespace holdfast {

// ---- sources ---------------------------------------------------------------------------------

/// A partition belongs to us from now on, and is read from `position`. Unsolicited.
struct PartitionAssigned {
    SourceId source;
    PartitionId partition;
    Epoch epoch;
    Position position;
};

/// After a restart: `sink` already durably holds every record of the partition below `position`,
/// which is above the partition's own. Must come between PartitionAssigned and its first batch.
/// The source promises that no batch spans a lead: it ends a batch there.
struct PartitionLead {
    PartitionId partition;
    Epoch epoch;
    SinkId sink;
    Position position;
};

/// The partition is being taken away (answered by RevokeDone) or already is somebody else's.
struct PartitionRevoked {
    PartitionId partition;
    Epoch epoch;
    RevokeKind kind;
    Instant deadline;
};

/// Answer to Pull: one batch of consecutive records of one partition, and their tokens: committing
/// `next` gives all of them back, however many outputs the records have.
/// Shapes: first < next; held >= bytes is what the batch occupies in memory. A batch without records
/// commits its positions (a gap, or records that the source left out); if first == next it has no
/// tokens either, and is skipped.
struct BatchPulled {
    BatchId batch;
    SourceId source;
    Fate fate;
    PartitionId partition;
    Epoch epoch;
    std::uint32_t records;
    std::uint32_t bytes;
    std::uint32_t held;
    Position first;  ///< Where the batch begins (the position before its first record).
    Position next;   ///< The position after its last record.
};

/// Answer to Pull: nothing to read now. Pulled again at SourceReady or after `retry_after`.
struct SourceIdle {
    BatchId batch;
    SourceId source;
    Duration retry_after;
};

/// Answer to Pull: nothing will ever come again. Other pulls of this source may still be answered.
struct SourceEnded {
    BatchId batch;
    SourceId source;
};

/// Answer to Pull: reading failed.
struct SourceFailed {
    BatchId batch;
    SourceId source;
    SourceOutcome outcome;
};

/// An idle source has something to read. Unsolicited; may be spurious.
struct SourceReady {
    SourceId source;
};

// ---- transform -------------------------------------------------------------------------------

/// Precedes SliceTransformed where sinks get different records: how many outputs of the slice go to
/// this sink. Each sink's outputs are numbered from 0 on their own.
struct SinkShare {
    BatchId slice;
    SinkId sink;
    std::uint32_t outputs;
    std::uint32_t bytes;
};

/// Answer to Transform. Each sink in `route` gets `outputs` records of `bytes` bytes, unless a
/// SinkShare said otherwise; `dead_letters` records go to the dead-letter queue, numbered on their
/// own from 0. All zero: everything was filtered, and the slice is settled.
/// The slice took the records [Transform.begin, end), so the number of tokens is the source's and
/// never the transform's; an `end` that takes none, or more than there are, or leaves some out of a
/// batch that is transformed whole halts (HaltReason::transform_contract).
struct SliceTransformed {
    BatchId slice;
    Fate fate;  ///< deliver; failed (all its records become dead letters); stop (halt).
    std::uint32_t outputs;
    std::uint32_t bytes;
    std::uint32_t held;  ///< Memory that the outputs occupy besides the batch's own.
    std::uint32_t dead_letters;
    std::uint32_t end;  ///< The first record of the batch that was not taken.
    SinkMask route;
    Position next;  ///< The position after the last record taken; read only if some are left.
    /// Of a batch that is its own slice: bytes of its lease that went back already, because its
    /// outputs are copies.
    std::uint32_t freed = 0;
};

// ---- sinks -----------------------------------------------------------------------------------

/// Precedes SinkAnswered where a sink took only some outputs: the fate of outputs [begin, end) of
/// this attempt, numbered from 0 over the parts of its WriteToSink.
struct SinkToldRange {
    DeliveryId delivery;
    std::uint32_t attempt;
    std::uint32_t begin;
    std::uint32_t end;
    SinkOutcome outcome;  ///< delivered, refused, retriable (throttled counts as that), ambiguous.
};

/// Answer to WriteToSink: the outcome of every output of the attempt that no SinkToldRange named.
/// `refused` for more than one output means "at least one of them": the engine isolates it.
struct SinkAnswered {
    DeliveryId delivery;
    std::uint32_t attempt;
    SinkOutcome outcome;
    Duration retry_after;  ///< With throttled: not before this long from now.
    std::int64_t mark;     ///< With delivered: the sink's own position after this write (a length).
};

/// Answer to SyncSink. Anything but ok puts in doubt all that the sink took since the last ok.
struct SinkSynced {
    SinkId sink;
    std::uint32_t sync;
    StoreOutcome outcome;
};

/// Answer to WriteDeadLetters. ok means written and synced, nothing less.
struct DeadLettersStored {
    DeliveryId delivery;
    std::uint32_t attempt;
    StoreOutcome outcome;
};

/// A sink that was ready is broken: what it took since its last sync is in doubt, and only a restart
/// from the checkpoint helps. Halts. Unsolicited.
struct SinkBroken {
    SinkId sink;
};

// ---- commits ---------------------------------------------------------------------------------

/// Answer to CommitPosition.
struct CommitAnswered {
    PartitionId partition;
    Epoch epoch;
    Position position;
    StoreOutcome outcome;
};

/// Answer to WriteCheckpoint.
struct CheckpointWritten {
    std::uint64_t sequence;
    StoreOutcome outcome;
};

/// Answer to SyncCheckpoint. Anything but ok means: nothing that was written is believed, and the
/// checkpoint is written whole again (to the other slot).
struct CheckpointSynced {
    std::uint64_t sequence;
    StoreOutcome outcome;
};

// ---- the process -----------------------------------------------------------------------------

/// How near things are to their limits, in thousandths; see core/engine/pressure.hpp. Unsolicited.
struct PressureSampled {
    std::uint32_t permille;  ///< Hard: of memory. The highest of its readings.
    std::uint32_t soft_permille = 0;
};

struct Stop {
    StopMode mode;
    Instant deadline;  ///< For drain; `never` waits without end.
};

/// Time has passed: now >= deadline(). Harmless at any other time.
struct Tick {};

using Event =
    std::variant<PartitionAssigned, PartitionLead, PartitionRevoked, BatchPulled, SourceIdle,
                 SourceEnded, SourceFailed, SourceReady, SinkShare, SliceTransformed, SinkToldRange,
                 SinkAnswered, SinkSynced, SinkBroken, DeadLettersStored, CommitAnswered,
                 CheckpointWritten, CheckpointSynced, PressureSampled, Stop, Tick>;

static_assert(std::is_trivially_copyable_v<Event>);
static_assert(sizeof(Event) <= 64);

}  // namespace holdfast

// Effects: the orders that leave the engine. With event.hpp this is the engine's whole vocabulary.
//
// Rule 1: the effects of one step are unordered. Where one must follow another, the engine waits
//         for the first one's answer. The exceptions, which have no answer: what is staged is
//         carried out before a WriteCheckpoint of the same step, and Halt last.
// Rule 2: each effect says which event answers it. "No answer" is said too.
// Rule 3: handles are reserved before the effect leaves, so an answer can never be early.
// Rule 4: after Halt nothing is pulled, written or committed.
// Lists (the parts of a write) stand in a side table of the same Effects buffer: see effects.hpp.
#pragma once

#include <cstdint>
#include <type_traits>
#include <variant>

#include "core/base/time.hpp"
#include "core/model/ids.hpp"
#include "core/model/outcomes.hpp"

namespace holdfast {

/// A run of one batch's outputs, half-open, in the numbering of `sink` (see SinkShare). With
/// sink == no_sink: of the records that the source or the transform made dead letters.
struct Part {
    BatchId batch;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t attempts = 0;  ///< Dead letters: how many attempts the sink was given.
    SinkId sink = no_sink;       ///< The sink that it was meant for.
    Reason reason = Reason::none;
    std::uint8_t unused = 0;  ///< No padding: the engine hashes what it keeps.
};
static_assert(std::is_trivially_copyable_v<Part> && sizeof(Part) == 24);

/// A run of Parts in the side table of the Effects buffer that this effect stands in.
struct Parts {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
};

/// Bring one batch of any assigned partition of this source, of at most so many records and bytes
/// held; one record may exceed max_bytes if it stands alone. Several pulls may be outstanding.
/// Answer: BatchPulled, SourceIdle, SourceEnded or SourceFailed, with this batch handle.
struct Pull {
    BatchId batch;
    SourceId source;
    std::uint32_t max_records;
    std::uint32_t max_bytes;
};

/// Turn records of the batch into outputs, from `begin` on: at least one record, then more as long
/// as their bytes together stay within `bytes_max`, at most up to `end`, the batch's number of
/// records. (5 records of 10 bytes with bytes_max 25 give slices of 2, 2 and 1; with 0, of one
/// each.) The outputs are those of `slice`, which names them from now on: in Parts, and in a
/// ReleaseBatch of its own. A batch that is transformed whole is its own slice: then `slice` equals
/// `batch`, begin is 0 and bytes_max is UINT32_MAX. Answer: SliceTransformed.
struct Transform {
    BatchId batch;
    BatchId slice;
    std::uint32_t begin;
    std::uint32_t end;
    std::uint32_t bytes_max;
};

/// The memory of the batch or slice may be used again, except for what a device still has in
/// flight. A slice is released before its batch, and before the batch's next slice is ordered.
/// No answer.
struct ReleaseBatch {
    BatchId batch;
};

/// Write these outputs, in this order, to the sink. Answer: SinkAnswered with this attempt number.
/// At the deadline the engine sends CancelWrite and takes the attempt as ambiguous.
struct WriteToSink {
    DeliveryId delivery;
    SinkId sink;
    std::uint32_t attempt;  ///< 1-based, grows with each write of this delivery.
    Instant deadline;
    Parts parts;
    std::uint32_t records;
    std::uint64_t bytes;  ///< Exact for whole batches, estimated for parts of one.
};

/// Give up this attempt. No answer of its own: the write is still answered, perhaps late.
struct CancelWrite {
    DeliveryId delivery;
    SinkId sink;
    std::uint32_t attempt;
};

/// Make durable all that this sink has delivered. Answer: SinkSynced with this number.
struct SyncSink {
    SinkId sink;
    std::uint32_t sync;
};

/// Append these records to the dead-letter queue, durably. Answer: DeadLettersStored.
struct WriteDeadLetters {
    DeliveryId delivery;
    std::uint32_t attempt;
    Parts parts;
    std::uint32_t records;
};

/// Put the sink's own position into the next checkpoint. No answer.
struct StageSink {
    SinkId sink;
    std::int64_t mark;
};

/// Put the partition's watermark into the next checkpoint. No answer.
struct StagePosition {
    PartitionId partition;
    Epoch epoch;
    Position position;
};

/// Put into the next checkpoint that this sink is ahead of the partition's watermark: it has every
/// record below `position`. Forgotten once the watermark is there. No answer.
struct StageLead {
    PartitionId partition;
    Epoch epoch;
    SinkId sink;
    Position position;
};

/// Write all that was staged before, whole, to the slot that is not the newest valid one. If an
/// earlier write or sync is overdue (CommitConfig::attempt_timeout), it may still be under way: the
/// device ends it first, and its answer no longer counts. Answer: CheckpointWritten.
struct WriteCheckpoint {
    std::uint64_t sequence;
};

/// Make what WriteCheckpoint wrote durable. Answer: CheckpointSynced.
struct SyncCheckpoint {
    std::uint64_t sequence;
};

/// Tell the source that it may forget everything below the position. Answer: CommitAnswered.
struct CommitPosition {
    SourceId source;
    PartitionId partition;
    Epoch epoch;
    Position position;
};

/// The answer to PartitionRevoked(graceful): nothing with this epoch will follow. No answer.
struct RevokeDone {
    SourceId source;
    PartitionId partition;
    Epoch epoch;
};

/// The gate before the sources has closed (`held`) or opened. A source that reads ahead on its own (a
/// broker's client) stops fetching or goes on, for this partition or for every one; a source that
/// reads only when it is pulled need not care. Once for each edge and source, and for a partition
/// that is assigned while the gate holds. A Pull is answered in either case. No answer.
struct SetGate {
    SourceId source;
    bool held;
    PartitionId partition;
};
inline constexpr PartitionId every_partition{0xffffffff};

/// A period of Config::ticker_period is over: what the user wants done now and then. Whatever comes
/// of it changes nothing. No answer.
struct RunTicker {
    std::uint64_t tick;  ///< Counted from 1.
};

/// The engine has ended. No answer. `sink` and `source` where the reason has one.
struct Halt {
    HaltReason reason;
    SinkId sink = no_sink;
    SourceId source{0xffff};
};

using Effect = std::variant<Pull, Transform, ReleaseBatch, WriteToSink, CancelWrite, SyncSink,
                            WriteDeadLetters, StageSink, StagePosition, StageLead, WriteCheckpoint,
                            SyncCheckpoint, CommitPosition, RevokeDone, SetGate, Halt, RunTicker>;

static_assert(std::is_trivially_copyable_v<Effect>);
static_assert(sizeof(Effect) <= 64);

}  // namespace holdfast

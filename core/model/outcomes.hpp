// What the world can answer. Each value of each enum occurs in a scenario (tests/scenarios).
#pragma once

#include <cstdint>

namespace holdfast {

/// The answer of a sink to one attempt, for the outputs that it covers.
enum class SinkOutcome : std::uint8_t {
    delivered,  ///< The sink has them. For a sink with needs_sync: after the next successful sync.
    retriable,  ///< Not applied; the same write may succeed later.
    throttled,  ///< As retriable, but not before retry_after.
    refused,    ///< Permanent: the sink will never take at least one of these outputs.
    ambiguous,  ///< Unknown whether applied (a time-out, a broken connection).
    failed,     ///< Not applied, and the sink will never take anything again: halt.
};

/// The answer to a write, sync or commit whose effect is idempotent.
enum class StoreOutcome : std::uint8_t {
    ok,
    retriable,  ///< Not done; may succeed later.
    fenced,     ///< Not done; somebody else owns the thing now. Final.
    ambiguous,  ///< Unknown whether done. Writing again is safe.
    failed,     ///< Not done and never will be. Final.
};

/// What becomes of a batch's records by the source's or the transform's own verdict.
enum class Fate : std::uint8_t {
    deliver,    ///< To the routed sinks.
    oversized,  ///< A piece of a record over the source's size limit: to the dead letters.
    failed,     ///< The transform failed: every record of the batch goes to the dead letters.
    stop,       ///< The pipeline must stop before this record (policy "stop"): halt, nothing acked.
    unreadable,  ///< A piece of what a source cannot tell records apart in: to the dead letters.
};

/// Why a record is a dead letter.
enum class Reason : std::uint8_t {
    none,         ///< Not a dead letter.
    refused,      ///< A sink refused it for good.
    exhausted,    ///< All attempts were used up.
    parse_error,  ///< A transform could not parse it, or dead-lettered it. (The engine's word for all
                  ///< that a transform sets aside; the stage that did it knows better.) Or what a
                  ///< source could not tell apart.
    oversized,    ///< Over the source's size limit.
    failed,       ///< The transform failed on it.
    rejected,  ///< A raw filter rejected it, or no condition of a route held. Never the engine's word.
};

enum class RevokeKind : std::uint8_t {
    graceful,  ///< Drain first, commit, then RevokeDone; at the deadline as lost, but commit.
    lost,      ///< Already somebody else's: commit nothing, forget what is queued.
};

enum class StopMode : std::uint8_t {
    drain,  ///< Stop pulling, finish what was pulled, commit, halt; at the deadline halt anyway.
    now,    ///< Halt in this step. A restart resumes from the last durable commit.
};

/// Why the engine halted. Final.
enum class HaltReason : std::uint8_t {
    finished,             ///< All sources ended, everything is settled and committed.
    drained,              ///< Stop(drain): everything pulled is settled and committed.
    drain_deadline,       ///< Stop(drain): the deadline came first; the rest is uncommitted.
    stopped,              ///< Stop(now).
    dead_letters_absent,  ///< A record must be a dead letter and no queue is configured.
    dead_letters_failed,  ///< The dead-letter queue failed for good, or used up its attempts.
    sink_sync_failed,     ///< A sink's sync failed: what it held since the last one is in doubt.
    checkpoint_failed,    ///< The checkpoint store failed for good, or used up its attempts.
    commit_failed,        ///< A source's commit failed for good, or used up its attempts.
    source_failed,        ///< A source failed for good.
    oversized_record,     ///< Fate::stop: a record over the size limit, policy "stop".
    transform_stopped,    ///< Fate::stop from a transform.
    protocol_broken,      ///< A device broke the port contract in a way that could lose records.
    transform_contract,   ///< A transform took other records than it was given.
    sink_failed,          ///< A sink failed for good, or in any way with OnTransient::stop.
    sink_broken,          ///< SinkBroken: what the sink held since its last sync is in doubt.
};

enum class SourceOutcome : std::uint8_t {
    retriable,  ///< Pull again after the source's backoff.
    failed,     ///< For good: halt.
};

}  // namespace holdfast

// What the values of outcomes are called, for people.
#pragma once

#include "core/model/outcomes.hpp"

namespace holdfast {

constexpr const char* name_of(HaltReason reason) {
    switch (reason) {
        case HaltReason::finished: return "finished";
        case HaltReason::drained: return "drained";
        case HaltReason::drain_deadline: return "drain_deadline";
        case HaltReason::stopped: return "stopped";
        case HaltReason::dead_letters_absent: return "dead_letters_absent";
        case HaltReason::dead_letters_failed: return "dead_letters_failed";
        case HaltReason::sink_sync_failed: return "sink_sync_failed";
        case HaltReason::checkpoint_failed: return "checkpoint_failed";
        case HaltReason::commit_failed: return "commit_failed";
        case HaltReason::source_failed: return "source_failed";
        case HaltReason::oversized_record: return "oversized_record";
        case HaltReason::transform_stopped: return "transform_stopped";
        case HaltReason::protocol_broken: return "protocol_broken";
        case HaltReason::transform_contract: return "transform_contract";
        case HaltReason::sink_failed: return "sink_failed";
        case HaltReason::sink_broken: return "sink_broken";
        default: return "other";
    }
}

constexpr const char* name_of(SinkOutcome outcome) {
    switch (outcome) {
        case SinkOutcome::delivered: return "delivered";
        case SinkOutcome::retriable: return "retriable";
        case SinkOutcome::throttled: return "throttled";
        case SinkOutcome::refused: return "refused";
        case SinkOutcome::ambiguous: return "ambiguous";
        case SinkOutcome::failed: return "failed";
    }
    return "?";
}

}  // namespace holdfast

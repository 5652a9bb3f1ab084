#include "sim/probes.hpp"

#include <algorithm>
#include <variant>

#include "sim/oracle.hpp"

namespace holdfast::sim {
namespace {

// clang-format off
#define HF_PROBES(X)                                                                               \
    X(batch_of_one, 0) X(batch_of_many, 0) X(batch_oversized, 0) X(batch_stop, 1)                  \
    X(gap_before_batch, 0) X(pull_failed, 0) X(pull_fatal, 1) X(source_idle, 0) X(source_ended, 0) \
    X(source_ready, 0) X(transform_failed, 0) X(transform_filtered_all, 0)                         \
    X(transform_dead_letters, 0) X(share, 0) X(fan_out_over_256, 1)                                \
    X(told_range_delivered, 0) X(told_range_refused, 0) X(told_range_retriable, 0)                 \
    X(told_range_ambiguous, 0) X(answer_delivered, 0) X(answer_retriable, 0)                       \
    X(answer_throttled, 0) X(answer_refused, 0) X(answer_ambiguous, 0) X(answer_failed, 1) X(answer_stale, 0)          \
    X(synced_ok, 0) X(sync_failed, 0) X(sink_broken, 0) X(stored_ok, 0) X(stored_retriable, 0)                       \
    X(stored_ambiguous, 0) X(stored_failed, 1) X(commit_ok, 0) X(commit_retriable, 0)              \
    X(commit_ambiguous, 0) X(commit_fenced, 1) X(commit_failed, 1) X(written_ok, 0)                \
    X(written_failed, 0) X(checkpoint_synced, 0) X(checkpoint_sync_failed, 0)                      \
    X(pressure_pause, 0) X(stop_drain, 0) X(stop_now, 0) X(revoked_graceful, 0)                    \
    X(revoked_lost, 0) X(lead_at_restart, 0) X(assigned_again, 0)                                  \
    X(write_first, 0) X(write_again, 0) X(write_attempt_over_8, 0) X(write_many_parts, 0)          \
    X(write_with_deadline, 0) X(write_cancelled, 0) X(dead_letter_refused, 0)                      \
    X(dead_letter_exhausted, 0) X(dead_letter_parse_error, 0) X(dead_letter_oversized, 0)          \
    X(dead_letter_failed, 0) X(dead_letters_again, 0) X(lead_staged, 0) X(mark_staged, 0)          \
    X(checkpoint_again, 0) X(commit_while_writing, 0) X(revoke_done, 0) X(halt_finished, 0)        \
    X(halt_drained, 0) X(halt_drain_deadline, 0) X(halt_stopped, 0) X(halt_dead_letters_absent, 0) \
    X(halt_dead_letters_failed, 1) X(halt_sink_sync_failed, 0) X(halt_checkpoint_failed, 1)        \
    X(halt_commit_failed, 1) X(halt_source_failed, 1) X(halt_oversized, 1)                         \
    X(pressure_while_stopping, 0) X(answer_while_stopping, 0) X(many_effects, 0)        \
    X(gate_closed, 0) X(gate_opened, 0) X(gate_at_assignment, 0) X(pull_in_window, 0)              \
    X(slot_used_again, 0) X(lead_in_a_used_slot, 0) X(file_given_back, 0)                          \
    X(revoked_past_its_deadline, 0) X(batch_of_an_old_epoch, 0) X(commit_late, 0)                  \
    X(checkpoint_written_late, 0) X(checkpoint_synced_late, 0) X(dead_letters_late, 0)             \
    X(word_without_meaning, 0) X(answer_without_meaning, 0) X(position_past_32_bits, 0)            \
    X(lead_past_32_bits, 0) X(mark_past_32_bits, 0) X(write_over_64_records, 0)                    \
    X(write_over_64_parts, 1) X(sink_past_the_32nd, 0) X(dropped, 0)                               \
    X(halt_transform_stopped, 1) X(halt_protocol_broken, 1) X(halt_transform_contract, 1)
// clang-format on

enum Probe : std::uint32_t {
#define HF_PROBE_ENUMERATOR(name, rare) name,
    HF_PROBES(HF_PROBE_ENUMERATOR)
#undef HF_PROBE_ENUMERATOR
        probes_end
};
static_assert(probes_end <= probes_count);

constexpr const char* names[] = {
#define HF_PROBE_NAME(name, rare) #name,
    HF_PROBES(HF_PROBE_NAME)
#undef HF_PROBE_NAME
};

constexpr bool rares[] = {
#define HF_PROBE_RARE(name, rare) (rare) != 0,
    HF_PROBES(HF_PROBE_RARE)
#undef HF_PROBE_RARE
};

template <class Outcome>
Probe from(Probe first, Outcome outcome) {
    return static_cast<Probe>(first + static_cast<std::uint32_t>(outcome));
}

/// Reads one event or effect. What has no overload has no probe.
struct Reader {
    Probes& probes;
    const Oracle& oracle;

    template <class T>
    void operator()(const T&) {}

    void operator()(const BatchPulled& e) {
        probes.hit(e.records == 1 ? batch_of_one : batch_of_many);
        if (oracle.batch_was_late()) probes.hit(batch_of_an_old_epoch);
        if (e.fate == Fate::oversized) probes.hit(batch_oversized);
        if (e.fate == Fate::stop) probes.hit(batch_stop);
        if (e.next.value - e.first.value > e.records && e.first.value > 0)
            probes.hit(gap_before_batch);
    }
    void operator()(const SourceFailed& e) {
        probes.hit(e.outcome == SourceOutcome::failed ? pull_fatal : pull_failed);
    }
    void operator()(const SourceIdle&) { probes.hit(source_idle); }
    void operator()(const SourceEnded&) { probes.hit(source_ended); }
    void operator()(const SourceReady&) { probes.hit(source_ready); }
    void operator()(const SinkShare&) { probes.hit(share); }
    void operator()(const SliceTransformed& e) {
        if (e.fate == Fate::failed) return probes.hit(transform_failed);
        if (e.route == 0 && e.dead_letters == 0) probes.hit(transform_filtered_all);
        if (e.dead_letters > 0) probes.hit(transform_dead_letters);
        if (e.outputs * static_cast<std::uint32_t>(__builtin_popcountll(e.route)) >= 256) {
            probes.hit(fan_out_over_256);
        }
    }
    void operator()(const SinkToldRange& e) {
        if (e.outcome == SinkOutcome::delivered) probes.hit(told_range_delivered);
        if (e.outcome == SinkOutcome::refused) probes.hit(told_range_refused);
        if (e.outcome == SinkOutcome::retriable) probes.hit(told_range_retriable);
        if (e.outcome == SinkOutcome::ambiguous) probes.hit(told_range_ambiguous);
        if (e.outcome > SinkOutcome::ambiguous) probes.hit(word_without_meaning);
    }
    void operator()(const SinkAnswered& e) {
        if (e.outcome > SinkOutcome::failed) return probes.hit(answer_without_meaning);
        if (oracle.was_stale()) return probes.hit(answer_stale);
        probes.hit(from(answer_delivered, e.outcome));
        if (oracle.stopping()) probes.hit(answer_while_stopping);
    }
    void operator()(const SinkSynced& e) {
        probes.hit(e.outcome == StoreOutcome::ok ? synced_ok : sync_failed);
    }
    void operator()(const SinkBroken&) { probes.hit(sink_broken); }
    void operator()(const DeadLettersStored& e) {
        if (oracle.was_stale()) return probes.hit(dead_letters_late);
        if (e.outcome == StoreOutcome::ok) return probes.hit(stored_ok);
        if (e.outcome == StoreOutcome::retriable) return probes.hit(stored_retriable);
        probes.hit(e.outcome == StoreOutcome::ambiguous ? stored_ambiguous : stored_failed);
    }
    void operator()(const CommitAnswered& e) {
        if (oracle.was_stale()) return probes.hit(commit_late);
        if (e.outcome == StoreOutcome::ok) return probes.hit(commit_ok);
        if (e.outcome == StoreOutcome::retriable) return probes.hit(commit_retriable);
        if (e.outcome == StoreOutcome::ambiguous) return probes.hit(commit_ambiguous);
        probes.hit(e.outcome == StoreOutcome::fenced ? commit_fenced : commit_failed);
    }
    void operator()(const CheckpointWritten& e) {
        if (oracle.was_stale()) return probes.hit(checkpoint_written_late);
        probes.hit(e.outcome == StoreOutcome::ok ? written_ok : written_failed);
    }
    void operator()(const CheckpointSynced& e) {
        if (oracle.was_stale()) return probes.hit(checkpoint_synced_late);
        probes.hit(e.outcome == StoreOutcome::ok ? checkpoint_synced : checkpoint_sync_failed);
    }
    void operator()(const PressureSampled& e) {
        if (e.permille >= 800) probes.hit(pressure_pause);
        if (e.permille >= 800 && oracle.stopping()) probes.hit(pressure_while_stopping);
    }
    void operator()(const Stop& e) { probes.hit(e.mode == StopMode::now ? stop_now : stop_drain); }
    void operator()(const PartitionRevoked& e) {
        probes.hit(e.kind == RevokeKind::lost ? revoked_lost : revoked_graceful);
    }
    void operator()(const PartitionLead&) {
        probes.hit(lead_at_restart);
        if (oracle.slot_used_again()) probes.hit(lead_in_a_used_slot);
    }
    void operator()(const PartitionAssigned&) {
        if (oracle.assigned_again()) probes.hit(assigned_again);
        if (oracle.slot_used_again()) probes.hit(slot_used_again);
    }

    void operator()(const SetGate& e) {
        if (e.partition != every_partition) return probes.hit(gate_at_assignment);
        probes.hit(e.held ? gate_closed : gate_opened);
    }
    void operator()(const Pull&) {
        if (oracle.paused()) probes.hit(pull_in_window);
    }
    void operator()(const WriteToSink& e) {
        probes.hit(e.attempt == 1 ? write_first : write_again);
        if (e.attempt > 8) probes.hit(write_attempt_over_8);
        if (e.parts.count > 1) probes.hit(write_many_parts);
        if (e.deadline != never) probes.hit(write_with_deadline);
        if (e.records > 64) probes.hit(write_over_64_records);
        if (e.parts.count > 64) probes.hit(write_over_64_parts);
        if (oracle.engine_sink(e.sink) > 32) probes.hit(sink_past_the_32nd);
    }
    void operator()(const CancelWrite&) { probes.hit(write_cancelled); }
    void operator()(const WriteDeadLetters& e) {
        if (e.attempt > 1) probes.hit(dead_letters_again);
    }
    void operator()(const StagePosition& e) {
        if (e.position.value > UINT32_MAX) probes.hit(position_past_32_bits);
    }
    void operator()(const StageLead& e) {
        probes.hit(lead_staged);
        if (e.position.value > UINT32_MAX) probes.hit(lead_past_32_bits);
    }
    void operator()(const StageSink& e) {
        probes.hit(mark_staged);
        if (e.mark > UINT32_MAX) probes.hit(mark_past_32_bits);
    }
    void operator()(const WriteCheckpoint& e) {
        if (e.sequence > 1) probes.hit(checkpoint_again);
    }
    void operator()(const CommitPosition&) {
        for (std::uint32_t s = 0; s < 8; ++s) {
            if (oracle.writes_open(s) > 0) return probes.hit(commit_while_writing);
        }
    }
    void operator()(const RevokeDone& e) {
        probes.hit(revoke_done);
        const Instant deadline = oracle.revoke_deadline(e);
        if (deadline == never) probes.hit(file_given_back);
        if (oracle.now() >= deadline) probes.hit(revoked_past_its_deadline);
    }
    void operator()(const Halt& e) {
        const Probe probe = from(halt_finished, e.reason);
        if (probe <= halt_oversized) probes.hit(probe);
        if (e.reason == HaltReason::transform_stopped) probes.hit(halt_transform_stopped);
        if (e.reason == HaltReason::protocol_broken) probes.hit(halt_protocol_broken);
        if (e.reason == HaltReason::transform_contract) probes.hit(halt_transform_contract);
    }
};

void read_part(Probes& probes, const Part& part) {
    if (part.reason == Reason::none) return;
    static constexpr Probe by_reason[] = {dead_letter_refused,   dead_letter_refused,
                                          dead_letter_exhausted, dead_letter_parse_error,
                                          dead_letter_oversized, dead_letter_failed};
    probes.hit(by_reason[static_cast<std::uint32_t>(part.reason)]);
}

}  // namespace

void Probes::step(const Event& event, const Effects& effects, const Oracle& oracle) {
    Reader reader{*this, oracle};
    std::visit(reader, event);
    for (const Effect& effect : effects.items()) std::visit(reader, effect);
    for (const Part& part : effects.parts()) read_part(*this, part);
    if (effects.items().size() > 12) hit(many_effects);
    if (oracle.any_dropped()) hit(dropped);
}

void Probes::merge(const Probes& other) {
    for (std::size_t i = 0; i < probes_count; ++i) hits_[i] += other.hits_[i];
}

const char* Probes::name(std::uint32_t probe) {
    return probe < probes_end ? names[probe] : nullptr;
}

bool Probes::rare(std::uint32_t probe) { return probe >= probes_end || rares[probe]; }

}  // namespace holdfast::sim

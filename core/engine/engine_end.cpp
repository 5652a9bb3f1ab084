// Stop, revocation, and the end.
#include "core/engine/engine.hpp"
#include "core/engine/engine_state.hpp"

namespace holdfast {

void EngineState::on(Instant now, const Stop& e, Effects& effects) {
    if (e.mode == StopMode::now) return halt(HaltReason::stopped, effects);
    if (mutant(22)) {
        for (std::uint32_t i = 0; i < partitions.size(); ++i) {
            partitions[i].watermark = partitions[i].highest;
            partitions.mark_dirty(i);
        }
    }
    flags().draining = true;
    flags().lanes_dirty |= config.all_sinks();
    if (e.deadline <= now) return halt(HaltReason::drain_deadline, effects);
    if (mutant(64)) return;
    // A second Stop may bring the deadline forward, never put it off.
    if (e.deadline < timers.at(timer_of_drain()) || mutant(289)) {
        timers.set(timer_of_drain(), e.deadline);
    }
}

// ---- revocation --------------------------------------------------------------------------------

void EngineState::on(Instant now, const PartitionRevoked& e, Effects&) {
    const std::uint32_t index = e.partition.index;
    if (index >= partitions.size() || partitions[index].epoch != e.epoch.value ||
        partitions[index].phase == PartitionPhase::unassigned ||
        (partitions[index].phase == PartitionPhase::revoking && e.kind == RevokeKind::graceful)) {
        ++stats().stale;
        return;
    }
    if (e.kind == RevokeKind::lost && !mutant(19)) {
        if (mutant(16)) return;
        return lose_partition(index);
    }
    if (partitions[index].phase == PartitionPhase::revoking) return;
    partitions[index].phase = PartitionPhase::revoking;
    ++partitions.head().revoking;
    if (partitions[index].dirty && !mutant(203)) ++partitions.head().revoking_dirty;
    if (mutant(17)) {
        partitions.fence(batches, index);
        partitions[index].watermark = partitions[index].highest;
        partitions.mark_dirty(index);
    }
    if (!mutant(207)) timers.set(timer_of_partition(index), e.deadline <= now ? now : e.deadline);
    flags().lanes_dirty |= config.all_sinks();
    flags().revokes_due = 1;
}

/// Nothing that carries this epoch leaves any more. What is queued and not begun is forgotten.
void EngineState::lose_partition(std::uint32_t index) {
    Partition& p = partitions[index];
    if (p.phase == PartitionPhase::revoking) {
        --partitions.head().revoking;
        if (p.dirty) --partitions.head().revoking_dirty;
    }
    if (!mutant(255)) partitions.forget_dirty(index);
    fence_partition(index);
    if (!mutant(209)) drop_from_cycle(index);
    p.phase = PartitionPhase::unassigned;
    timers.clear(timer_of_partition(index));
}

/// What was not begun will not be: the lanes forget it now, and the intake may go on.
void EngineState::fence_partition(std::uint32_t index) {
    partitions.fence(batches, index);
    flags().wake_intake = 1;
    flags().lanes_dirty |= config.all_sinks();
}

void EngineState::finish_revocations(Effects& effects) {
    flags().revokes_due = 0;
    if (partitions.head().revoking == 0) return;
    for (std::uint32_t i = 0; i < partitions.size(); ++i) {
        Partition& p = partitions[i];
        const bool unsaid = (p.dirty && !mutant(206)) || (p.in_cycle && !mutant(205));
        if (p.phase != PartitionPhase::revoking || !partitions.drained(i) || unsaid ||
            p.commit_out || (p.commit_again && !mutant(205))) {
            continue;
        }
        p.phase = PartitionPhase::unassigned;
        --partitions.head().revoking;
        timers.clear(timer_of_partition(i));
        effects.push(RevokeDone{SourceId{mutant(489) ? std::uint16_t{0} : p.source}, PartitionId{i},
                                Epoch{p.epoch}});
    }
}

// ---- the ticker --------------------------------------------------------------------------------

void EngineState::begin_ticker(Instant now) {
    if (config.ticker_period.ns == 0) return;
    flags().ticker_due = (mutant(102) ? now : now + config.ticker_period).ns;
    timers.set(timer_of_ticker(), Instant{flags().ticker_due});
}

/// Periods that were missed are not made up for.
void EngineState::run_ticker(Instant now, Effects& effects) {
    effects.push(RunTicker{++flags().ticks});
    const Instant next = Instant{flags().ticker_due} + config.ticker_period;
    flags().ticker_due = (next > now ? next : now + config.ticker_period).ns;
    timers.set(timer_of_ticker(), Instant{flags().ticker_due});
}

// ---- what is left -----------------------------------------------------------------------------

PartitionLeft Engine::left(PartitionId partition) const {
    if (partition.index >= state_->partitions.size()) return {};
    const Partition& p = state_->partitions[partition.index];
    if (p.phase == PartitionPhase::unassigned) return {};
    PartitionLeft out{SourceId{p.source}, 0, {p.watermark}, {p.highest}};
    for (std::uint32_t b = p.oldest; b != none; b = state_->batches[b].newer) {
        if (!state_->batches[b].settled) out.records += state_->batches[b].records;
    }
    return out;
}

Repeats Engine::may_repeat(SinkId sink) const {
    if (sink.index >= state_->config.sinks) return {};
    const Load& open = state_->lanes[sink.index].state().window.open;
    return {open.records, open.bytes};
}

// ---- the end -----------------------------------------------------------------------------------

void EngineState::check_end(Effects& effects) {
    if (batches.used() != 0 || !input_over()) return;
    if (dead.count() != 0 || commit().phase != CommitPhase::idle || commit_pending()) return;
    bool all_ended = true;
    for (const Intake& in : intakes_) all_ended = all_ended && in.ended;
    if (mutant(288)) all_ended = !flags().draining;
    halt(all_ended ? HaltReason::finished : HaltReason::drained, effects);
}

void EngineState::halt(HaltReason reason, Effects& effects, SinkId sink, SourceId source) {
    if (flags().halted) return;
    flags().halted = true;
    effects.push(Halt{reason, sink, source});
}

}  // namespace holdfast

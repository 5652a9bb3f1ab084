// The commit cycle: sync the sinks, write the checkpoint, sync it, tell the sources.
#include "core/engine/backoff.hpp"
#include "core/engine/engine_state.hpp"

namespace holdfast {

// ---- when --------------------------------------------------------------------------------------

bool EngineState::input_over() const {
    if (flags().draining) return true;
    for (const Intake& in : intakes_) {
        if (!in.ended) return false;
    }
    return true;
}

bool EngineState::commit_pending() const {
    return partitions.head().dirty_first != none || commit().marks_dirty;
}

/// Whether a cycle should begin now; sets the interval's timer where it should not yet.
bool EngineState::commit_wanted(Instant now) {
    const CommitState& c = commit();
    if (c.phase != CommitPhase::idle || !commit_pending()) return false;
    if (mutant(71) && dead.count() > 0) return false;
    Instant due = c.began_once ? Instant{c.began} + config.commit.interval : now;
    if (mutant(244)) due = due + config.commit.interval;
    const bool much =
        c.wanted || (config.commit.records && c.records >= config.commit.records && !mutant(248)) ||
        (config.commit.bytes && c.bytes >= config.commit.bytes && !mutant(249));
    if (due <= now || (flags().draining && !mutant(253)) || partitions.head().revoking_dirty > 0 ||
        (much && !mutant(332)) || (batches.used() == 0 && input_over() && !mutant(325))) {
        return true;
    }
    if (mutant(243)) return false;
    if (!timers.is_set(timer_of_commit())) timers.set(timer_of_commit(), due);
    return false;
}

void EngineState::commit_step(Instant now, Effects& effects) {
    if (flags().cycle_orphaned && !mutant(213)) {
        flags().cycle_orphaned = false;
        if (commit().phase == CommitPhase::telling && commit().commits_out == 0) {
            end_or_repeat(now, effects);
            if (flags().halted) return;
        }
    }
    if (commit_wanted(now)) begin_cycle(now, effects);
}

// ---- staging -----------------------------------------------------------------------------------

void EngineState::begin_cycle(Instant now, Effects& effects) {
    CommitState& c = commit();
    timers.clear(timer_of_commit());
    if (!mutant(227)) c.failures = 0;
    c.wanted = false;
    c.checkpoint = false;
    HF_ASSERT(c.cycle_first == none && c.syncs_out == 0 && c.commits_out == 0);
    for (std::uint32_t s = 0; s < config.sinks; ++s) {
        LaneState& l = lanes[s].state();
        HF_ASSERT(l.window.staged.records == 0);
        l.window.staged = l.window.settled;
        l.window.settled = {};
        if (!config.sink[s].needs_sync || !l.unsynced) continue;
        l.unsynced = false;
        if (mutant(65)) continue;
        l.syncing = true;
        ++c.syncs_out;
        effects.push(SyncSink{SinkId{static_cast<std::uint16_t>(s)}, ++l.sync});
    }
    if (mutant(331)) free_windows(now);
    stage_partitions(effects);
    stage_marks(effects);
    flags().revokes_due = 1;  // What was dirty may have had nothing new to say.
    // Where nothing has, it is no cycle, and puts none off.
    if (c.syncs_out == 0 && !c.checkpoint && c.cycle_first == none) return free_windows(now);
    if (!mutant(245) || !c.began_once) c.began = now.ns;
    c.began_once = !mutant(258);
    if (!mutant(246)) c.records = 0;
    if (!mutant(247)) c.bytes = 0;
    c.phase = CommitPhase::syncing;
    if (c.syncs_out == 0) return after_syncs(now, effects);
    wait_for_answer(now);
}

void EngineState::stage_partitions(Effects& effects) {
    CommitState& c = commit();
    for (std::uint32_t i; partitions.take_dirty(i);) {
        Partition& p = partitions[i];
        if (p.phase == PartitionPhase::unassigned) continue;
        if (mutant(214) && p.phase == PartitionPhase::revoking) continue;
        if (config.source[p.source].commit == CommitMode::source) {
            if (p.watermark == p.staged && !p.commit_again) continue;
            p.staged = mutant(284) ? static_cast<std::int32_t>(p.watermark) : p.watermark;
            p.in_cycle = true;
            p.cycle_next = c.cycle_first;
            c.cycle_first = i;
            continue;
        }
        c.checkpoint = true;
        p.in_cycle = true;
        p.cycle_next = c.cycle_first;
        c.cycle_first = i;
        p.staged = p.watermark;
        effects.push(StagePosition{PartitionId{i}, Epoch{p.epoch}, Position{p.staged}});
        for (std::uint32_t s = 0; s < config.sinks; ++s) {
            const std::int64_t lead = partitions.lead(i, s);
            if (lead <= p.watermark || mutant(254)) continue;
            effects.push(
                StageLead{PartitionId{i}, Epoch{p.epoch}, SinkId{static_cast<std::uint16_t>(s)},
                          Position{mutant(283) ? static_cast<std::uint32_t>(lead) : lead}});
        }
    }
}

void EngineState::stage_marks(Effects& effects) {
    CommitState& c = commit();
    c.marks_dirty = false;
    for (std::uint32_t s = 0; s < config.sinks; ++s) {
        LaneState& l = lanes[s].state();
        if (!config.sink[s].has_mark || !l.clean_known) continue;
        std::int64_t mark = mutant(67) ? l.mark : l.clean_mark;
        if (mutant(285)) mark = static_cast<std::int32_t>(mark);
        if (l.staged_known && l.staged_mark == mark) continue;
        l.staged_mark = mark;
        l.staged_known = true;
        c.checkpoint = true;
        effects.push(StageSink{SinkId{static_cast<std::uint16_t>(s)}, mark});
    }
}

// ---- the steps ---------------------------------------------------------------------------------

void EngineState::wait_for_answer(Instant now) {
    const Duration timeout = config.commit.attempt_timeout;
    if (mutant(279) && commit().phase == CommitPhase::telling) return;
    timers.set(timer_of_step(), timeout.ns ? now + timeout : never);
}

void EngineState::on(Instant now, const SinkSynced& e, Effects& effects) {
    CommitState& c = commit();
    if (e.sink.index >= config.sinks || !lanes[e.sink.index].state().syncing ||
        lanes[e.sink.index].state().sync != e.sync || c.phase != CommitPhase::syncing) {
        ++stats().stale;
        return;
    }
    if (e.outcome != StoreOutcome::ok && !mutant(66)) {
        return halt(HaltReason::sink_sync_failed, effects, mutant(234) ? SinkId{0} : e.sink);
    }
    lanes[e.sink.index].state().syncing = false;
    if (--c.syncs_out == 0) after_syncs(now, effects);
}

void EngineState::on(Instant, const SinkBroken& e, Effects& effects) {
    if (e.sink.index >= config.sinks) {
        ++stats().stale;
        return;
    }
    if (!mutant(486)) halt(HaltReason::sink_broken, effects, mutant(487) ? SinkId{0} : e.sink);
}

/// What the cycle staged is durable: lanes that waited for room look again, in this step or at once.
void EngineState::free_windows(Instant now) {
    for (std::uint32_t s = 0; s < config.sinks; ++s) {
        LaneState& l = lanes[s].state();
        l.window.open.remove(l.window.staged);
        l.window.staged = {};
        if (!l.held || mutant(333)) continue;
        l.held = false;
        timers.set(timer_of_lane(s), now);
    }
}

void EngineState::after_syncs(Instant now, Effects& effects) {
    CommitState& c = commit();
    if (!c.checkpoint) return tell_sources(now, effects);
    c.phase = CommitPhase::writing;
    effects.push(WriteCheckpoint{++c.sequence});
    wait_for_answer(now);
}

void EngineState::on(Instant now, const CheckpointWritten& e, Effects& effects) {
    CommitState& c = commit();
    const bool current = e.sequence == c.sequence || (mutant(216) && e.sequence < c.sequence);
    if (c.phase != CommitPhase::writing || !current) {
        ++stats().stale;
        return;
    }
    switch (e.outcome) {
        case StoreOutcome::ok:
            c.phase = CommitPhase::persisting;
            if (mutant(27)) {
                effects.push(SyncCheckpoint{c.sequence});
                return tell_sources(now, effects);
            }
            effects.push(SyncCheckpoint{c.sequence});
            return wait_for_answer(now);
        case StoreOutcome::retriable:
        case StoreOutcome::ambiguous:
            return commit_failed(CommitPhase::writing, HaltReason::checkpoint_failed, now, effects);
        default:
            if (mutant(237)) {
                return commit_failed(CommitPhase::writing, HaltReason::checkpoint_failed, now,
                                     effects);
            }
            return halt(HaltReason::checkpoint_failed, effects);
    }
}

void EngineState::on(Instant now, const CheckpointSynced& e, Effects& effects) {
    CommitState& c = commit();
    const bool current = e.sequence == c.sequence || (mutant(217) && e.sequence < c.sequence);
    if (c.phase != CommitPhase::persisting || !current) {
        ++stats().stale;
        return;
    }
    switch (e.outcome) {
        case StoreOutcome::ok: return tell_sources(now, effects);
        case StoreOutcome::retriable:
        case StoreOutcome::ambiguous:
            return commit_failed(mutant(28) ? CommitPhase::persisting : CommitPhase::writing,
                                 HaltReason::checkpoint_failed, now, effects);
        default: return halt(HaltReason::checkpoint_failed, effects);
    }
}

/// Sends CommitPosition for each partition of the cycle that its source has not confirmed.
void EngineState::tell_sources(Instant now, Effects& effects) {
    CommitState& c = commit();
    free_windows(now);
    c.phase = CommitPhase::telling;
    for (std::uint32_t i = c.cycle_first; i != none; i = partitions[i].cycle_next) {
        Partition& p = partitions[i];
        if (!p.in_cycle || p.commit_out) continue;
        if (config.source[p.source].commit == CommitMode::checkpoint) continue;
        p.commit_out = true;
        p.commit_again = false;
        ++c.commits_out;
        const std::int64_t position = mutant(26) && p.staged > 0 ? p.staged + 1 : p.staged;
        effects.push(CommitPosition{SourceId{mutant(488) ? std::uint16_t{0} : p.source},
                                    PartitionId{i}, Epoch{p.epoch}, Position{position}});
    }
    if (c.commits_out == 0) return end_cycle();
    wait_for_answer(now);
}

void EngineState::on(Instant now, const CommitAnswered& e, Effects& effects) {
    CommitState& c = commit();
    const std::uint32_t index = e.partition.index;
    if (index >= partitions.size() || !partitions[index].commit_out ||
        (partitions[index].epoch != e.epoch.value && !mutant(218)) ||
        (partitions[index].staged != e.position.value && !mutant(215))) {
        ++stats().stale;
        return;
    }
    Partition& p = partitions[index];
    p.commit_out = false;
    --c.commits_out;
    switch (e.outcome) {
        case StoreOutcome::ok: p.in_cycle = false; break;
        case StoreOutcome::retriable:
        case StoreOutcome::ambiguous: p.commit_again = !mutant(219); break;
        case StoreOutcome::fenced: {
            const bool asked = p.phase == PartitionPhase::revoking;
            lose_partition(index);
            if (asked && !mutant(240))
                effects.push(RevokeDone{SourceId{p.source}, e.partition, e.epoch});
            break;
        }
        case StoreOutcome::failed:
            if (!mutant(238)) return halt(HaltReason::commit_failed, effects);
            p.commit_again = true;
            break;
    }
    if (c.commits_out == 0 && c.phase == CommitPhase::telling) end_or_repeat(now, effects);
}

/// All commits of the cycle are answered: it ends, or what failed is told again later.
void EngineState::end_or_repeat(Instant now, Effects& effects) {
    for (std::uint32_t i = commit().cycle_first; i != none; i = partitions[i].cycle_next) {
        if (partitions[i].commit_again) {
            return commit_failed(CommitPhase::telling, HaltReason::commit_failed, now, effects);
        }
    }
    end_cycle();
}

void EngineState::end_cycle() {
    CommitState& c = commit();
    for (std::uint32_t i = c.cycle_first; i != none;) {
        Partition& p = partitions[i];
        const std::uint32_t next = p.cycle_next;
        p.in_cycle = false;
        p.cycle_next = none;
        if (p.phase == PartitionPhase::revoking) flags().revokes_due = 1;
        i = next;
    }
    c.cycle_first = none;
    c.phase = CommitPhase::idle;
    timers.clear(timer_of_step());
    if (mutant(245)) c.began = step_at.ns;
    ++stats().commits;
}

// ---- failures ----------------------------------------------------------------------------------

void EngineState::commit_failed(CommitPhase resume, HaltReason reason, Instant now,
                                Effects& effects) {
    CommitState& c = commit();
    const RetryConfig& retry = config.commit.retry;
    ++stats().commit_failures;
    ++c.failures;
    const std::uint32_t failures = c.failures - (mutant(231) ? 1 : 0);
    if (retry.attempts_max && failures >= retry.attempts_max) return halt(reason, effects);
    c.phase = CommitPhase::waiting;
    c.resume = resume;
    timers.set(timer_of_step(), now + backoff(retry, mutant(242) ? 1 : c.failures,
                                              mix(config.seed, 4, 0, c.sequence)));
}

/// The step's timer came due: either its backoff is over, or its answer is overdue.
void EngineState::resume_cycle(Instant now, Effects& effects) {
    CommitState& c = commit();
    switch (c.phase) {
        case CommitPhase::idle: return;
        case CommitPhase::syncing:
            if (mutant(220)) return after_syncs(now, effects);
            return halt(HaltReason::sink_sync_failed, effects);
        case CommitPhase::writing:
        case CommitPhase::persisting:
            if (mutant(106)) return;
            if (mutant(239)) return after_syncs(now, effects);
            return commit_failed(CommitPhase::writing, HaltReason::checkpoint_failed, now, effects);
        case CommitPhase::telling:
            for (std::uint32_t i = c.cycle_first; i != none; i = partitions[i].cycle_next) {
                Partition& p = partitions[i];
                if (!p.commit_out) continue;
                p.commit_out = false;
                p.commit_again = true;
                if (mutant(241)) p.commit_again = p.in_cycle = false;
                --c.commits_out;
            }
            return commit_failed(CommitPhase::telling, HaltReason::commit_failed, now, effects);
        case CommitPhase::waiting: break;
    }
    if (c.resume == CommitPhase::telling) return tell_sources(now, effects);
    if (c.resume == CommitPhase::persisting) {
        c.phase = CommitPhase::persisting;
        effects.push(SyncCheckpoint{c.sequence});
        return wait_for_answer(now);
    }
    after_syncs(now, effects);
}

/// The partition is gone: the cycle no longer waits for its answer.
void EngineState::drop_from_cycle(std::uint32_t partition) {
    CommitState& c = commit();
    Partition& p = partitions[partition];
    if (p.commit_out) {
        p.commit_out = false;
        --c.commits_out;
    }
    p.commit_again = false;
    p.in_cycle = false;
    if (c.phase == CommitPhase::telling && c.commits_out == 0) {
        // The last answer that the cycle waited for: the pump ends it or repeats what failed.
        flags().cycle_orphaned = true;
    }
}

}  // namespace holdfast

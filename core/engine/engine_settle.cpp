// Settling: what a batch no longer owes, the order in which lanes retire it, and dead letters.
#include "core/engine/backoff.hpp"
#include "core/engine/engine_state.hpp"

namespace holdfast {

// ---- settling ----------------------------------------------------------------------------------

/// Outputs [begin, end) of the delivery were delivered.
void EngineState::settle_outputs(Delivery& d, std::uint32_t begin, std::uint32_t end,
                                 Effects& effects) {
    const Lane& l = lanes[d.lane];
    SinkStats& stat = stats().sink[d.lane];
    stat.delivered += end - begin;
    if (d.entries != 1) return settle_scattered(d, begin, end, effects);
    Entry& e = l.entry(d.first_entry);
    stat.bytes_delivered += l.bytes_of(e, end - begin);
    settle_entry(d.lane, e, end - begin, effects);
}

/// The same, of a delivery of several entries.
void EngineState::settle_scattered(Delivery& d, std::uint32_t begin, std::uint32_t end,
                                   Effects& effects) {
    const Lane& l = lanes[d.lane];
    SinkStats& stat = stats().sink[d.lane];
    std::uint32_t base = 0;
    for (std::uint32_t n = 0; n < d.entries && base < end; ++n) {
        Entry& e = l.entry(d.first_entry + n);
        const std::uint32_t skip = n == 0 ? d.offset : 0;
        const std::uint32_t open = e.outputs - skip;
        const std::uint32_t size = open < d.count - base ? open : d.count - base;
        const std::uint32_t from = begin > base ? begin : base;
        const std::uint32_t to = end < base + size ? end : base + size;
        if (from < to) {
            stat.bytes_delivered += l.bytes_of(e, to - from);
            settle_entry(d.lane, e, to - from, effects);
        }
        base += size;
    }
}

/// So many outputs of an entry have their outcome. The entry may retire afterwards.
void EngineState::settle_entry(std::uint32_t lane, Entry& e, std::uint32_t outputs,
                               Effects& effects) {
    Batch& b = batches[e.batch];
    HF_ASSERT(e.left >= outputs && b.owed >= outputs);
    e.left -= outputs;
    b.owed -= outputs;
    stats().sink[lane].owed -= outputs;
    if (mutant(52) && e.left == 0 && b.owed > e.outputs) b.owed = 0;
    release_if_owed_nothing(e.batch, effects);
}

void EngineState::release_if_owed_nothing(std::uint32_t index, Effects& effects) {
    Batch& b = batches[index];
    if (b.phase != BatchPhase::out || b.owed != 0) return;
    b.phase = BatchPhase::released;
    if (b.since != 0) measured(b);
    if (mutant(8) && b.had_dead) {
        effects.push(ReleaseBatch{batches.id(index)});
        return;
    }
    effects.push(ReleaseBatch{batches.id(index)});
    if (mutant(9) && b.lanes_left > 1) effects.push(ReleaseBatch{batches.id(index)});
    HF_ASSERT(flags().held >= b.held);
    flags().held -= b.held;
    b.held = 0;
    flags().wake_intake = 1;
}

/// The entry has left its lane. What somebody else delivers now is no repetition of ours.
void EngineState::leave_window(std::uint32_t lane, const Entry& e, bool fenced) {
    if (!e.charged) return;
    LaneState& l = lanes[lane].state();
    if (mutant(335)) l.window.open.add(Lane::load_of(e));
    if (!fenced) {
        l.window.settled.add(Lane::load_of(e));
        const CommitConfig& bound = config.commit;
        const Load& settled = l.window.settled;
        if ((bound.records && 2 * settled.records >= bound.records) ||
            (bound.bytes && 2 * settled.bytes >= bound.bytes) || mutant(321)) {
            commit().wanted = true;
        }
        return;
    }
    l.window.open.remove(Lane::load_of(e));
    if (l.held) timers.set(timer_of_lane(lane), step_at);
    l.held = false;
}

/// Takes from the lane's front what can go, in order, and moves the sink's leads.
void EngineState::retire(std::uint32_t lane, Effects&) {
    const Lane& l = lanes[lane];
    CommitState& c = commit();
    for (std::uint64_t n = l.retirable(config.sink[lane]); n > 0; --n) {
        const Entry& e = l.pop();
        Batch& b = batches[e.batch];
        // Of a lost partition nothing is left to commit.
        if (!b.fenced) {
            c.records += mutant(250) ? 1 : e.outputs;
            c.bytes += e.bytes;
        }
        leave_window(lane, e, b.fenced);
        if (flags().fan_out_blocked) flags().wake_intake = 1;
        if (config.sink[lane].has_mark && e.clean && e.has_mark) c.marks_dirty = true;
        if (mutant(257)) c.records = c.bytes = 0;
        if (!b.fenced) {
            std::int64_t& lead = partitions.lead(b.partition, lane);
            if (b.next > lead) lead = mutant(256) ? b.first : b.next;
            if (config.source[b.source].commit == CommitMode::checkpoint) {
                partitions.mark_dirty(b.partition);
            }
        }
        HF_ASSERT(b.lanes_left > 0);
        if (--b.lanes_left == 0) settle_batch(e.batch);
    }
}

/// No lane holds the batch any more: the watermark may pass it.
void EngineState::settle_batch(std::uint32_t index) {
    Batch& b = batches[index];
    flags().wake_intake = 1;
    if (b.is_slice) return slice_settled(index);
    b.settled = true;
    SourceStats& stat = stats().source[b.source];
    (b.fenced ? stat.forgotten : stat.settled) += b.records;
    if (!b.listed) return batches.give_back(index);
    const std::uint32_t partition = b.partition;
    const bool ours = config.source[b.source].commit != CommitMode::sink || mutant(103);
    partitions.settled(batches, index);
    if (ours) partitions.mark_dirty(partition);
    if (partitions[partition].phase == PartitionPhase::revoking) flags().revokes_due = 1;
}

// ---- dead letters ------------------------------------------------------------------------------

/// Hands one run of a delivery's outputs to the queue, as far as one entry goes; `end` is moved to
/// where it stopped. False if there was no room.
bool EngineState::park_run(const Delivery& d, std::uint32_t begin, std::uint32_t& end) {
    const Lane& l = lanes[d.lane];
    std::uint32_t base = 0;
    for (std::uint32_t n = 0; n < d.entries; ++n) {
        const Entry& e = l.entry(d.first_entry + n);
        const std::uint32_t skip = n == 0 ? d.offset : 0;
        const std::uint32_t open = e.outputs - skip;
        const std::uint32_t size = open < d.count - base ? open : d.count - base;
        if (begin < base + size) {
            if (!dead.has_room()) return false;
            if (end > base + size) end = base + size;
            dead.push({Part{.batch = batches.id(e.batch),
                            .begin = skip + begin - base,
                            .end = skip + end - base,
                            .attempts = d.attempt,
                            .sink = SinkId{d.lane},
                            .reason = d.reason},
                       d.first_entry + n});
            return true;
        }
        base += size;
    }
    HF_ASSERT(false);
    return false;
}

/// Hands all refused outputs over. False if some are left: no room, or halted for want of a queue.
bool EngineState::hand_to_dead_letters(Delivery& d, Effects& effects) {
    if (!config.dead_letters.present) {
        if (mutant(3)) {
            const std::uint32_t n = d.refused;
            d.refused = 0;
            d.pending -= n;
            if (!d.sparse) {
                settle_outputs(d, d.cursor, d.cursor + n, effects);
                d.cursor += n;
            }
            return true;
        }
        halt(HaltReason::dead_letters_absent, effects, SinkId{d.lane});
        return false;
    }
    std::uint32_t at = d.cursor;
    while (d.refused) {
        std::uint32_t end;
        if (!d.sparse) {
            end = d.cursor + d.refused;
        } else {
            while (deliveries.is_done(d, at) || !deliveries.test(d, Deliveries::refused, at)) ++at;
            end = at + 1;
            while (end < d.count && !deliveries.is_done(d, end) &&
                   deliveries.test(d, Deliveries::refused, end)) {
                ++end;
            }
        }
        const std::uint32_t begin = at;
        if (!park_run(d, begin, end)) return false;
        for (std::uint32_t i = begin; d.sparse && i < end; ++i) {
            deliveries.set(d, Deliveries::done, i);
        }
        if (!d.sparse) d.cursor = end;
        d.refused -= end - begin;
        d.pending -= end - begin;
        at = end;
    }
    return true;
}

void EngineState::write_dead_letters(Instant now, Effects& effects) {
    DeadLettersState& q = dead.state();
    if (q.writing || (q.taken && Instant{q.due} > now)) return;
    if (q.taken == 0) {
        const std::uint64_t waiting = dead.count();
        const std::uint32_t most = config.dead_letters.write_parts_max;
        q.taken = waiting < most ? static_cast<std::uint32_t>(waiting) : most;
        q.generation = q.generation + 1 ? q.generation + 1 : 1;
        q.attempt = 0;
        if (!mutant(228)) q.failures = 0;
    }
    const Parts parts{effects.parts_count(), q.taken};
    std::uint32_t records = 0;
    for (std::uint32_t n = 0; n < q.taken; ++n) {
        const Part& part = dead.entry(q.head + n).part;
        effects.push_part(part);
        records += part.end - part.begin;
    }
    q.writing = true;
    ++q.attempt;
    if (q.attempt > 1) ++stats().dead_letter_retries;
    const Duration timeout = config.dead_letters.attempt_timeout;
    timers.set(timer_of_dead(),
               timeout.ns && !(mutant(278) && q.attempt > 1) ? now + timeout : never);
    effects.push(WriteDeadLetters{{0, q.generation}, q.attempt, parts, records});
    if (mutant(5))
        on(now, DeadLettersStored{{0, q.generation}, q.attempt, StoreOutcome::ok}, effects);
}

void EngineState::dead_letters_failed(Instant now, Effects& effects) {
    DeadLettersState& q = dead.state();
    const RetryConfig& retry = config.dead_letters.retry;
    q.writing = false;
    ++q.failures;
    if (mutant(23)) {
        q.writing = true;
        return timers.clear(timer_of_dead());
    }
    if (retry.attempts_max && q.failures >= retry.attempts_max + (mutant(232) ? 1 : 0)) {
        return halt(HaltReason::dead_letters_failed, effects);
    }
    q.due = (now + backoff(retry, q.failures, mix(config.seed, 3, 0, q.generation))).ns;
    timers.set(timer_of_dead(), Instant{q.due});
}

void EngineState::on(Instant now, const DeadLettersStored& e, Effects& effects) {
    DeadLettersState& q = dead.state();
    const bool current = (e.delivery.generation == q.generation || mutant(221)) &&
                         (e.attempt == q.attempt || mutant(222));
    if ((!q.writing && !(mutant(223) && q.taken > 0)) || e.delivery.index != 0 || !current ||
        e.outcome > StoreOutcome::failed) {
        ++stats().stale;
        return;
    }
    timers.clear(timer_of_dead());
    if (flags().fan_out_blocked) flags().wake_intake = 1;
    if (e.outcome != StoreOutcome::ok && !mutant(4)) {
        if (e.outcome == StoreOutcome::failed ||
            (e.outcome == StoreOutcome::fenced && !mutant(236))) {
            return halt(HaltReason::dead_letters_failed, effects);
        }
        return dead_letters_failed(now, effects);
    }
    q.writing = false;
    for (; q.taken > 0; --q.taken) {
        const DeadEntry d = dead.entry(q.head++);
        const std::uint32_t records = d.part.end - d.part.begin;
        stats().dead_letters += records;
        if (d.part.sink == no_sink) {
            HF_ASSERT(batches[d.part.batch.index].generation == d.part.batch.generation);
            own_dead_stored(d.part.batch.index, records);
            continue;
        }
        const std::uint32_t lane = d.part.sink.index;
        stats().sink[lane].parked += records;
        settle_entry(lane, lanes[lane].entry(d.entry), records, effects);
        retire(lane, effects);
        flags().lanes_dirty |= std::uint64_t{1} << lane;
    }
}

}  // namespace holdfast

// Deliveries: forming them, their attempts, the answers, and the isolation of poison.
#include <algorithm>
#include <bit>

#include "core/engine/backoff.hpp"
#include "core/engine/engine_state.hpp"

namespace holdfast {

// ---- forming -----------------------------------------------------------------------------------

/// Outputs of a lost partition are not begun any more: whoever has it now delivers them.
void EngineState::forget_fenced(std::uint32_t lane, Effects& effects) {
    const Lane& l = lanes[lane];
    LaneState& state = l.state();
    while (state.next < state.tail) {
        Entry& e = l.entry(state.next);
        if (!batches[e.batch].fenced) return;
        const std::uint32_t outputs = e.outputs - e.sent;
        if (e.deliveries == 0) {
            e.clean = true;
            e.mark = state.mark;
            e.has_mark = state.mark_known;
        }
        l.take(outputs);
        stats().sink[lane].forgotten += outputs;
        settle_entry(lane, e, outputs, effects);
        retire(lane, effects);
    }
}

/// Whether what is queued is worth a write now; sets the lane's timer where it is not yet.
bool EngineState::ripe(Instant now, std::uint32_t lane) {
    const SinkConfig& sink = config.sink[lane];
    LaneState& state = lanes[lane].state();
    if (sink.linger.ns == 0 || (sliced_sinks >> lane & 1) != 0 ||
        (flags().draining && !mutant(274)) || partitions.head().revoking > 0 ||
        (state.unsent_records >= sink.write_records_max && !mutant(273)) ||
        state.unsent_bytes >= sink.write_bytes_max ||
        lanes[lane].count() == sink.queue_batches_max || state.bytes >= sink.queue_bytes_max ||
        state.records >= sink.queue_records_max) {
        return true;
    }
    if (state.linger_until == 0 || mutant(272)) state.linger_until = (now + sink.linger).ns;
    if (mutant(271)) state.linger_until = (now + Duration{sink.linger.ns / 2}).ns;
    if (mutant(265)) return true;
    if (now >= Instant{state.linger_until}) return true;
    timers.set(timer_of_lane(lane), Instant{state.linger_until});
    return false;
}

/// Whether the next entry, which nothing was written of yet, would pass the window's bound.
bool EngineState::window_is_full(std::uint32_t lane) const {
    const Lane& l = lanes[lane];
    const Entry& e = l.entry(l.state().next);
    return e.sent == 0 && counts_in_window(e) && !l.window_has_room(config.commit, e);
}

void EngineState::begin_delivery(Instant now, std::uint32_t lane, Effects& effects) {
    std::uint32_t slot = delivery_base[lane];
    while (deliveries[slot].phase != DeliveryPhase::free) ++slot;
    const SinkConfig& sink = config.sink[lane];
    const Lane& l = lanes[lane];
    LaneState& state = l.state();
    Delivery& d = deliveries[slot];
    const std::uint32_t generation = d.generation + 1 ? d.generation + 1 : 1;
    d.begin(state.next, l.entry(state.next).sent, generation);
    std::uint64_t bytes = 0;
    std::uint32_t entries = 0;
    std::uint32_t count = 0;
    while (state.next < state.tail && entries < sink.write_parts_max &&
           count < sink.write_records_max) {
        Entry& e = l.entry(state.next);
        if (batches[e.batch].fenced || window_is_full(lane)) break;
        const std::uint32_t open = e.outputs - e.sent;
        const std::uint64_t open_bytes = l.bytes_of(e, open);
        std::uint32_t take =
            open < sink.write_records_max - count ? open : sink.write_records_max - count;
        if (bytes + open_bytes > sink.write_bytes_max) {
            if (count) break;
            const std::uint64_t fit = open_bytes ? sink.write_bytes_max * open / open_bytes : open;
            if (fit < take) take = fit ? static_cast<std::uint32_t>(fit) : 1;
        }
        // Whole batches or a piece of one: else writes would straddle batches for ever, and there
        // would be no clean point to retire to.
        if (sink.has_mark && count && take < open && !mutant(324)) break;
        if (e.sent == 0 && counts_in_window(e)) l.charge(config.commit, e);
        bytes += take == open ? open_bytes : l.bytes_of(e, take);
        count += take;
        ++entries;
        ++e.deliveries;
        l.take(take);
        if (take < open) break;  // An entry is named once, though its rest may seem to fit.
    }
    HF_ASSERT(count > 0);
    d.entries = entries;
    d.count = d.window = d.pending = count;
    ++state.writes;
    if (state.linger_until) {
        state.linger_until = 0;
        timers.clear(timer_of_lane(lane));
    }
    attempt(now, slot, effects);
}

void EngineState::dispatch(Instant now, std::uint32_t lane, Effects& effects) {
    if (mutant(87) && gate().holding) return;
    flags().lanes_dirty &= ~(std::uint64_t{1} << lane);
    const Lane& l = lanes[lane];
    const LaneState& state = l.state();
    while (state.writes < config.sink[lane].writes_max && state.next < state.tail) {
        if (batches[l.entry(state.next).batch].fenced) {
            forget_fenced(lane, effects);
        } else if (window_is_full(lane)) {
            l.state().held = true;
            commit().wanted = true;
            return;
        } else if (ripe(now, lane)) {
            begin_delivery(now, lane, effects);
        } else {
            return;
        }
    }
}

// ---- attempts ----------------------------------------------------------------------------------

/// Where attempts are counted, what has failures goes on its own: what comes after it has none.
std::uint32_t EngineState::attempt_limit(const Delivery& d) const {
    const bool counted = config.sink[d.lane].retry.attempts_max > 0 && d.failures > 0;
    return counted && deliveries.pending_from(d, d.cursor) < d.tried_end ? d.tried_end : d.count;
}

/// Appends the parts of what is pending from the cursor on: at most `window` outputs, and as many
/// parts as one write may have. Sets what the attempt covers; returns the bytes.
std::uint64_t EngineState::push_parts(Delivery& d, Effects& effects) const {
    if (d.entries != 1 || d.sparse) return push_scattered(d, effects);
    const Lane& l = lanes[d.lane];
    const Entry& e = l.entry(d.first_entry);
    const std::uint32_t begin = d.offset + d.cursor;
    d.sent = std::min(d.count - d.cursor, d.window);
    d.span_end = d.cursor + d.sent;
    effects.push_part(Part{.batch = batches.id(e.batch),
                           .begin = begin,
                           .end = begin + d.sent,
                           .sink = SinkId{d.lane}});
    return l.bytes_of(e, d.sent);
}

/// The same, of several entries, or with outputs in between that are done.
std::uint64_t EngineState::push_scattered(Delivery& d, Effects& effects) const {
    const std::uint32_t most = effects.parts_count() + config.sink[d.lane].write_parts_max;
    const Lane& l = lanes[d.lane];
    const std::uint32_t limit = attempt_limit(d);
    d.sent = 0;
    std::uint64_t bytes = 0;
    std::uint32_t base = 0;  // The delivery's output with which entry `n` begins.
    for (std::uint32_t n = 0; n < d.entries && d.sent < d.window; ++n) {
        const Entry& e = l.entry(d.first_entry + n);
        const std::uint32_t skip = n == 0 ? d.offset : 0;
        const std::uint32_t end = base + std::min(e.outputs - skip, d.count - base);
        const std::uint32_t stop = std::min(end, limit);
        std::uint32_t at = deliveries.pending_from(d, base);
        while (at < stop && d.sent < d.window && effects.parts_count() < most) {
            const std::uint32_t room = std::min(stop - at, d.window - d.sent);
            const std::uint32_t to = deliveries.done_from(d, at, at + room);
            effects.push_part(Part{.batch = batches.id(e.batch),
                                   .begin = skip + at - base,
                                   .end = skip + to - base,
                                   .sink = SinkId{d.lane}});
            bytes += l.bytes_of(e, to - at);
            d.sent += to - at;
            d.span_end = to;
            at = to < stop ? deliveries.pending_from(d, to) : stop;
        }
        base = end;
    }
    HF_ASSERT(d.sent > 0);
    return bytes;
}

void EngineState::attempt(Instant now, std::uint32_t index, Effects& effects) {
    Delivery& d = deliveries[index];
    const SinkConfig& sink = config.sink[d.lane];
    d.phase = DeliveryPhase::writing;
    d.told = false;
    ++d.attempt;
    const std::uint32_t first_part = effects.parts_count();
    const std::uint64_t bytes = push_parts(d, effects);
    Instant deadline = never;
    if (sink.attempt_timeout.ns && !(mutant(42) && d.attempt > 1)) {
        deadline = now + sink.attempt_timeout;
        timers.set(index, deadline);
    }
    SinkStats& stat = stats().sink[d.lane];
    ++stat.writes;
    if (d.attempt > 1) ++stat.retries;
    effects.push(WriteToSink{.delivery = {index, d.generation},
                             .sink = SinkId{d.lane},
                             .attempt = d.attempt,
                             .deadline = deadline,
                             .parts = {first_part, effects.parts_count() - first_part},
                             .records = d.sent,
                             .bytes = bytes});
}

Delivery* EngineState::writing(DeliveryId id, std::uint32_t attempt_number) {
    if (id.index < deliveries.size()) {
        Delivery& d = deliveries[id.index];
        const bool current =
            mutant(7) || (d.generation == id.generation && d.attempt == attempt_number);
        if (d.phase == DeliveryPhase::writing && current) return &d;
        if (mutant(6) && d.phase == DeliveryPhase::free && d.generation == id.generation) {
            LaneState& state = lanes[d.lane].state();
            if (state.head < state.tail) {
                Entry& e = lanes[d.lane].entry(state.head);
                if (e.left > 0) --e.left;
                if (batches[e.batch].owed > 0) --batches[e.batch].owed;
            }
        }
    }
    ++stats().stale;
    return nullptr;
}

void EngineState::on(Instant, const SinkToldRange& e, Effects&) {
    Delivery* d = writing(e.delivery, e.attempt);
    if (!d) return;
    if (!config.sink[d->lane].answers_partially || e.begin >= e.end || e.end > d->sent ||
        (e.outcome > SinkOutcome::ambiguous && !mutant(252))) {
        ++stats().stale;
        return;
    }
    deliveries.make_sparse(*d);
    if (!d->told) {
        deliveries.clear(*d, Deliveries::told_delivered);
        deliveries.clear(*d, Deliveries::told_other);
        d->told = true;
    }
    std::uint32_t at = deliveries.pending_from(*d, d->cursor);
    for (std::uint32_t n = 0; n < e.end; ++n) {
        if (mutant(276) && n >= e.begin && e.outcome == SinkOutcome::delivered) {
            deliveries.set(*d, Deliveries::told_delivered, at);
        }
        if (n >= e.begin && !deliveries.test(*d, Deliveries::told_delivered, at) &&
            !deliveries.test(*d, Deliveries::told_other, at) &&
            !deliveries.test(*d, Deliveries::refused, at)) {
            if (e.outcome == SinkOutcome::delivered) {
                deliveries.set(*d, Deliveries::told_delivered, at);
            } else if (e.outcome == SinkOutcome::refused) {
                deliveries.set(*d, Deliveries::refused, at);
                ++d->refused;
            } else {
                deliveries.set(*d, Deliveries::told_other, at);
            }
        }
        at = deliveries.pending_from(*d, at + 1);
    }
    if (!mutant(277)) d->reason = Reason::refused;
}

void EngineState::on(Instant now, const SinkAnswered& e, Effects& effects) {
    Delivery* d = writing(e.delivery, e.attempt);
    if (!d) return;
    if (e.outcome > SinkOutcome::failed && !mutant(275)) {
        ++stats().stale;
        return;
    }
    if (e.outcome == SinkOutcome::failed && !mutant(101)) {
        return halt(HaltReason::sink_failed, effects, SinkId{d->lane});
    }
    if (e.outcome == SinkOutcome::delivered) {
        lanes[d->lane].state().mark = e.mark;
        lanes[d->lane].state().mark_known = true;
    }
    const Duration after = within_longest_wait(e.retry_after);
    end_attempt(now, e.delivery.index, e.outcome, after, effects);
}

// ---- the end of an attempt ---------------------------------------------------------------------

/// Settles what was told delivered. Returns how many outputs of the attempt were told nothing.
std::uint32_t EngineState::settle_told(Delivery& d, Effects& effects) {
    std::uint32_t rest = 0;
    for (std::uint32_t i = deliveries.pending_from(d, d.cursor); i < d.span_end;
         i = deliveries.pending_from(d, i + 1)) {
        if (deliveries.test(d, Deliveries::told_delivered, i)) {
            deliveries.set(d, Deliveries::done, i);
            --d.pending;
            settle_outputs(d, i, i + 1, effects);
        } else if (!deliveries.test(d, Deliveries::refused, i) &&
                   !deliveries.test(d, Deliveries::told_other, i)) {
            ++rest;
        }
    }
    return rest;
}

/// Settles as delivered all of the attempt that nothing was told of.
void EngineState::settle_rest(Delivery& d, Effects& effects) {
    if (d.sparse) return settle_rest_sparse(d, effects);
    const std::uint32_t begin = d.cursor;
    const std::uint32_t end = d.span_end;
    d.pending -= end - begin;
    d.cursor = end;
    settle_outputs(d, begin, end, effects);
}

void EngineState::settle_rest_sparse(Delivery& d, Effects& effects) {
    for (std::uint32_t i = deliveries.pending_from(d, d.cursor); i < d.span_end;
         i = deliveries.pending_from(d, i + 1)) {
        if (d.told && !mutant(12) &&
            (deliveries.test(d, Deliveries::refused, i) ||
             deliveries.test(d, Deliveries::told_other, i))) {
            continue;
        }
        deliveries.set(d, Deliveries::done, i);
        --d.pending;
        settle_outputs(d, i, i + 1, effects);
    }
}

/// The one output of the attempt that nothing was told of is the poison.
void EngineState::refuse_rest(Delivery& d) {
    if (!mutant(226) || d.attempt == 1) d.reason = Reason::refused;
    ++d.refused;
    if (!d.sparse) return;
    for (std::uint32_t i = deliveries.pending_from(d, d.cursor); i < d.span_end;
         i = deliveries.pending_from(d, i + 1)) {
        if (!d.told || (!deliveries.test(d, Deliveries::refused, i) &&
                        !deliveries.test(d, Deliveries::told_other, i))) {
            deliveries.set(d, Deliveries::refused, i);
            return;
        }
    }
}

bool EngineState::retry_not(std::uint32_t lane) const {
    return config.sink[lane].on_transient == OnTransient::stop && !mutant(100);
}

void EngineState::end_attempt(Instant now, std::uint32_t index, SinkOutcome outcome, Duration after,
                              Effects& effects) {
    Delivery& d = deliveries[index];
    timers.clear(index);
    if (mutant(14) && outcome == SinkOutcome::ambiguous) outcome = SinkOutcome::delivered;
    if (mutant(40) && outcome == SinkOutcome::refused) outcome = SinkOutcome::retriable;
    if (outcome != SinkOutcome::delivered || d.told || d.sent != d.pending) {
        return end_otherwise(now, index, outcome, after, effects);
    }
    settle_rest(d, effects);
    finish(d, effects);
}

/// The end of an attempt that didn't deliver all that was left.
void EngineState::end_otherwise(Instant now, std::uint32_t index, SinkOutcome outcome,
                                Duration after, Effects& effects) {
    Delivery& d = deliveries[index];
    const RetryConfig& retry = config.sink[d.lane].retry;
    if (outcome == SinkOutcome::ambiguous) ++stats().sink[d.lane].ambiguous;
    const std::uint32_t covered = d.sent - d.refused;
    const std::uint32_t pending = d.pending;
    const std::uint32_t rest = d.told ? settle_told(d, effects) : d.sent;
    const bool some_failed = d.told && pending - d.pending + rest < covered;
    d.due = now.ns;
    bool failed = some_failed;
    if (outcome == SinkOutcome::delivered) {
        if (rest) settle_rest(d, effects);
        d.window = d.window < d.count / 2 ? d.window * 2 : d.count;
    } else if (outcome == SinkOutcome::refused) {
        if (rest == 1) {
            refuse_rest(d);
        } else if (rest > 1) {
            d.window = rest / 2;
        }
    } else {
        failed = failed || rest > 0;
    }
    if (failed && retry_not(d.lane)) {
        return halt(HaltReason::sink_failed, effects, SinkId{d.lane});
    }
    if ((d.pending < pending || d.refused > 0) && !mutant(104)) d.streak = 0;
    if (failed && mutant(15) && outcome == SinkOutcome::ambiguous) d.exhausted = true;
    if (failed) {
        ++d.failures;
        ++d.streak;
        d.tried_end = std::max(d.tried_end, d.span_end);
        if (mutant(21)) {
            partitions.fence(batches, batches[lanes[d.lane].entry(d.first_entry).batch].partition);
        }
        if (mutant(39) && outcome == SinkOutcome::retriable) d.failures = 1;
        if (retry.attempts_max && d.failures >= retry.attempts_max) d.exhausted = true;
        const std::uint64_t key = mix(config.seed, 2, index, d.generation);
        Duration wait = backoff(retry, d.streak, key);
        if (outcome == SinkOutcome::throttled && after > wait) wait = after;
        d.due = (now + wait).ns;
    } else if ((outcome == SinkOutcome::delivered || rest <= 1) &&
               (!tried_beyond(d) || mutant(107))) {
        d.failures = 0;  // All that has seen them is decided.
    }
    d.told = false;
    proceed(now, index, effects);
}

/// An earlier attempt that failed covered more than the last one, which had no parts left for it.
bool EngineState::tried_beyond(const Delivery& d) const {
    return deliveries.pending_from(d, d.span_end) < d.tried_end;
}

/// The attempts at what the last one covered are used up.
void EngineState::refuse_span(Delivery& d) {
    d.exhausted = false;
    d.reason = Reason::exhausted;
    d.failures = tried_beyond(d) ? d.failures - 1 : 0;  // They were not in the last attempt.
    const std::uint32_t end = mutant(105) ? d.count : d.span_end;
    if (!d.sparse) {
        d.refused = end - d.cursor;
        return;
    }
    for (std::uint32_t i = deliveries.pending_from(d, d.cursor); i < end;
         i = deliveries.pending_from(d, i + 1)) {
        deliveries.set(d, Deliveries::refused, i);
        ++d.refused;
    }
}

/// What a delivery does next: hand over its dead letters, finish, wait, or write again.
void EngineState::proceed(Instant now, std::uint32_t index, Effects& effects) {
    Delivery& d = deliveries[index];
    for (;;) {
        if (d.refused && !hand_to_dead_letters(d, effects)) {
            if (flags().halted) return;
            d.phase = DeliveryPhase::parking;
            flags().lanes_parking |= std::uint64_t{1} << d.lane;
            return;
        }
        if (!d.exhausted || d.pending == 0) break;
        refuse_span(d);
    }
    if (d.sparse) d.cursor = deliveries.pending_from(d, d.cursor);
    if (d.pending == 0) return finish(d, effects);
    if (Instant{d.due} <= now) return attempt(now, index, effects);
    d.phase = DeliveryPhase::waiting;
    timers.set(index, Instant{d.due});
}

void EngineState::retry_parked(Instant now, Effects& effects) {
    for (std::uint64_t left = flags().lanes_parking; left && !flags().halted; left &= left - 1) {
        const auto lane = static_cast<std::uint32_t>(std::countr_zero(left));
        bool parking = false;  // Several deliveries of a lane may park: none is to be forgotten.
        for (std::uint32_t i = delivery_base[lane]; i < delivery_base[lane + 1]; ++i) {
            if (deliveries[i].phase != DeliveryPhase::parking || flags().halted) continue;
            if (dead.has_room()) proceed(now, i, effects);
            parking = parking || deliveries[i].phase == DeliveryPhase::parking;
        }
        if (!parking) flags().lanes_parking &= ~(std::uint64_t{1} << lane);
    }
}

void EngineState::finish(Delivery& d, Effects& effects) {
    const Lane& l = lanes[d.lane];
    LaneState& state = l.state();
    const std::uint64_t last_entry = d.first_entry + d.entries - 1;
    for (std::uint64_t n = d.first_entry; n < last_entry; ++n) l.leave(l.entry(n));
    Entry& last = l.entry(last_entry);
    l.leave(last);
    if (last.sent == last.outputs && last.deliveries == 0) {
        last.clean = true;
        last.mark = state.mark;
        last.has_mark = state.mark_known;
    }
    d.phase = DeliveryPhase::free;
    --state.writes;
    const bool more =
        mutant(58) ? &l.entry(state.next) < &l.entry(state.tail) : state.next < state.tail;
    if (more) flags().lanes_dirty |= std::uint64_t{1} << d.lane;
    retire(d.lane, effects);
}

}  // namespace holdfast

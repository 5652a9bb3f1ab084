// Partitions, pulls, and the fan-out to the lanes.
#include <bit>

#include "core/engine/backoff.hpp"
#include "core/engine/engine_state.hpp"

namespace holdfast {

// ---- partitions --------------------------------------------------------------------------------

void EngineState::on(Instant, const PartitionAssigned& e, Effects& effects) {
    const std::uint32_t index = e.partition.index;
    if (e.source.index >= config.sources || index >= partitions.size() || e.position.value < 0 ||
        e.epoch.value <= partitions[index].epoch) {
        ++stats().stale;
        return;
    }
    if (partitions[index].phase != PartitionPhase::unassigned) lose_partition(index);
    const bool again = partitions[index].epoch != 0;
    partitions.assign(index, e.source.index, e.epoch.value, e.position.value);
    if (mutant(18) && again) lose_partition(index);
    hold_assigned(e.source.index, index, effects);
    flags().wake_intake = 1;
}

void EngineState::on(Instant, const PartitionLead& e, Effects&) {
    const std::uint32_t index = e.partition.index;
    if (index >= partitions.size() || e.sink.index >= config.sinks ||
        partitions[index].phase != PartitionPhase::assigned ||
        partitions[index].epoch != e.epoch.value ||
        partitions[index].highest != partitions[index].watermark) {
        ++stats().stale;
        return;
    }
    Partition& p = partitions[index];
    if (e.position.value <= p.watermark) return;
    partitions.restart_lead(index, e.sink.index) = e.position.value;
    partitions.lead(index, e.sink.index) = e.position.value;
    if (e.position.value > p.lead_highest) p.lead_highest = e.position.value;
}

// ---- pulls -------------------------------------------------------------------------------------

/// A pull may take a slot, unless it is the last one in which some source could make a slice.
bool EngineState::slot_for_pull() const { return batches.free() > sliced_sources - flags().slices; }

void EngineState::pull(std::uint32_t source, Effects& effects) {
    const SourceConfig& c = config.source[source];
    Intake& in = intakes_[source];
    const SourceId id_of_source{static_cast<std::uint16_t>(source)};
    const std::uint32_t most = c.batches_max + (mutant(263) ? 1 : 0);
    while (in.pulls < c.pulls_max && in.batches < most && !in.ended && !in.resting &&
           !flags().draining && gate().admits(id_of_source) && slot_for_pull()) {
        std::uint64_t room = pull_bytes(source);
        if (flags().held > config.memory_limit || config.memory_limit - flags().held < room) return;
        if (mutant(48) && flags().held) room = 0;
        const BatchId id = batches.reserve(id_of_source);
        batches[id.index].held = room;
        flags().held += room;
        ++in.pulls;
        ++in.batches;
        pull_ordered(source);
        effects.push(
            Pull{id, id_of_source, pull_records(source), static_cast<std::uint32_t>(room)});
    }
}

Batch* EngineState::answered_pull(BatchId id, SourceId source) {
    Batch* b = batches.find(id, BatchPhase::pulling);
    if (!b || b->source != source.index) {
        ++stats().stale;
        return nullptr;
    }
    --intakes_[b->source].pulls;
    flags().wake_intake = 1;
    return b;
}

void EngineState::free_reservation(std::uint32_t index) {
    Batch& b = batches[index];
    flags().held -= b.held;
    b.held = 0;
    --intakes_[b.source].batches;
    batches.give_back(index);
}

void EngineState::refuse_batch(BatchId id, Effects& effects) {
    ++stats().stale;
    skip_batch(id, effects);
}

void EngineState::skip_batch(BatchId id, Effects& effects) {
    effects.push(ReleaseBatch{id});
    free_reservation(id.index);
}

void EngineState::on(Instant, const BatchPulled& e, Effects& effects) {
    Batch* b = answered_pull(e.batch, e.source);
    if (!b) return;
    if (!mutant(229)) intakes_[e.source.index].failures = 0;
    pull_answered(e.source.index);
    const std::uint32_t index = e.partition.index;
    const bool current = index < partitions.size() &&
                         (partitions[index].phase == PartitionPhase::assigned ||
                          (mutant(225) && partitions[index].phase == PartitionPhase::revoking)) &&
                         (partitions[index].epoch == e.epoch.value || mutant(224)) &&
                         partitions[index].source == e.source.index;
    const bool empty = e.records == 0 && e.fate == Fate::deliver;
    if (current && empty && (e.first == e.next || mutant(77))) return skip_batch(e.batch, effects);
    if (!current || (e.records == 0 && !empty) || e.first.value < 0 || e.next <= e.first ||
        e.fate == Fate::failed || e.fate > Fate::unreadable) {
        return refuse_batch(e.batch, effects);
    }
    if (e.fate == Fate::stop) return halt(HaltReason::oversized_record, effects, no_sink, e.source);
    flags().held += std::uint64_t{e.held} - b->held;
    b->held = e.held;
    b->cut_at = e.held;
    b->partition = index;
    b->epoch = e.epoch.value;
    b->records = e.records;
    b->first = e.first.value;
    b->next = e.next.value;
    b->fate = e.fate;
    SourceStats& stat = stats().source[e.source.index];
    ++stat.batches;
    stat.records += e.records;
    stat.bytes += e.bytes;
    partitions.append(batches, e.batch.index);
    append_ready(intakes_[e.source.index], batches, e.batch.index);
    if (e.fate == Fate::oversized || e.fate == Fate::unreadable) {
        b->dead = e.records;
        b->phase = BatchPhase::ready;
    } else if (empty) {
        b->phase = BatchPhase::ready;
    } else if (config.sliced(e.source.index)) {
        b->cut_at = e.first.value;
        b->phase = BatchPhase::slicing;
    } else if (config.source[e.source.index].transform) {
        b->phase = BatchPhase::transforming;
        effects.push(Transform{e.batch, e.batch, 0, e.records, UINT32_MAX});
    } else {
        b->route = config.source[e.source.index].route;
        b->outputs = e.records;
        b->output_bytes = e.bytes;
        b->phase = BatchPhase::ready;
    }
    if (mutant(1)) {
        Partition& p = partitions[index];
        p.watermark = e.next.value;
        partitions.mark_dirty(index);
    }
}

void EngineState::on(Instant now, const SourceIdle& e, Effects&) {
    if (!answered_pull(e.batch, e.source)) return;
    Intake& in = intakes_[e.source.index];
    free_reservation(e.batch.index);
    pull_answered(e.source.index);
    if (!mutant(230)) in.failures = 0;
    if (e.retry_after <= Duration{0}) return;
    in.resting = !mutant(269);
    // To ask too early does no harm, and a source that says "never" may be wrong.
    constexpr Duration a_day = seconds(24LL * 3600);
    const Duration rest = e.retry_after < a_day ? e.retry_after : a_day;
    timers.set(timer_of_source(e.source.index), now + (mutant(270) ? a_day : rest));
}

void EngineState::on(Instant, const SourceReady& e, Effects&) {
    if (e.source.index >= config.sources) {
        ++stats().stale;
        return;
    }
    Intake& in = intakes_[e.source.index];
    if (in.failures && !mutant(267)) return;  // Backing off: readiness doesn't mend a failure.
    in.resting = false;
    timers.clear(timer_of_source(e.source.index));
    flags().wake_intake = 1;
}

void EngineState::on(Instant, const SourceEnded& e, Effects&) {
    if (!answered_pull(e.batch, e.source)) return;
    free_reservation(e.batch.index);
    intakes_[e.source.index].ended = true;
}

void EngineState::on(Instant now, const SourceFailed& e, Effects& effects) {
    if (!answered_pull(e.batch, e.source)) return;
    free_reservation(e.batch.index);
    Intake& in = intakes_[e.source.index];
    const RetryConfig& retry = config.source[e.source.index].retry;
    ++stats().source[e.source.index].failures;
    ++in.failures;
    if (e.outcome == SourceOutcome::failed ||
        (retry.attempts_max && in.failures >= retry.attempts_max + (mutant(233) ? 1 : 0))) {
        return halt(HaltReason::source_failed, effects, no_sink,
                    mutant(235) ? SourceId{0} : e.source);
    }
    in.resting = !mutant(266);
    timers.set(timer_of_source(e.source.index),
               now + backoff(retry, mutant(268) ? 1 : in.failures,
                             mix(config.seed, 1, e.source.index, 0)));
}

// ---- fan-out -----------------------------------------------------------------------------------

/// What the sink gets of the batch.
Share EngineState::share_of(const Batch& b, std::uint32_t index, std::uint32_t sink) const {
    if (b.shared >> sink & 1) return batches.share(index, sink);
    return {b.outputs, b.output_bytes};
}

bool EngineState::has_outputs(const Batch& b, std::uint32_t index) const {
    for (SinkMask left = b.route; left; left &= left - 1) {
        if (share_of(b, index, static_cast<std::uint32_t>(std::countr_zero(left))).outputs)
            return true;
    }
    return false;
}

/// The sinks of the route that get something and don't have it from before a restart.
SinkMask EngineState::wanted_sinks(const Batch& b, std::uint32_t index, bool& broken) const {
    const bool leads = b.first < partitions[b.partition].lead_highest;
    if (mutant(110) && !has_outputs(b, index)) return config.source[b.source].route;
    if (!leads && b.shared == 0) return b.outputs ? b.route : 0;
    SinkMask wanted = 0;
    for (SinkMask left = b.route; left; left &= left - 1) {
        const auto s = static_cast<std::uint32_t>(std::countr_zero(left));
        if (share_of(b, index, s).outputs == 0) continue;
        if (leads) {
            const std::int64_t lead = partitions.restart_lead(b.partition, s);
            if (b.next <= lead) continue;
            if (b.first < lead) broken = true;
        }
        wanted |= mutant(287) ? SinkMask{1u << (s & 31)} : SinkMask{1} << s;
    }
    return wanted;
}

bool EngineState::lanes_have_room(const Batch& b, std::uint32_t index, SinkMask wanted) const {
    for (SinkMask left = wanted; left; left &= left - 1) {
        const auto s = static_cast<std::uint32_t>(std::countr_zero(left));
        const SinkConfig& sink = config.sink[s];
        if (sink.when_full == WhenFull::drop_newest && !mutant(45)) continue;
        const Share share = share_of(b, index, s);
        if (!lanes[s].has_room(sink, share.outputs, share.bytes)) return false;
    }
    return true;
}

void EngineState::admit(Batch& b, std::uint32_t index, SinkMask wanted) {
    for (SinkMask left = wanted; left; left &= left - 1) {
        const auto s = static_cast<std::uint32_t>(std::countr_zero(left));
        const auto [outputs, bytes] = share_of(b, index, s);
        SinkStats& stat = stats().sink[s];
        stat.admitted += outputs;
        const bool drops = config.sink[s].when_full == WhenFull::drop_newest;  // Else it has room.
        const bool early = mutant(91) && drops && lanes[s].count() > 0;
        const bool large = mutant(261) && drops && outputs > config.sink[s].queue_records_max;
        if (early || large || (drops && !lanes[s].has_room(config.sink[s], outputs, bytes))) {
            stat.dropped += outputs;
            if (mutant(259)) stat.dropped -= outputs, stat.admitted -= outputs;
            if (mutant(260)) stat.dropped += outputs, stat.admitted += outputs;
            if (mutant(46)) b.owed += outputs;
            continue;
        }
        lanes[s].push(index, outputs, bytes);
        stat.owed += outputs;
        b.owed += mutant(52) && outputs > b.records ? b.records : outputs;
        ++b.lanes_left;
        flags().lanes_dirty |= mutant(286) ? SinkMask{1} << (s & 31) : SinkMask{1} << s;
    }
    if (mutant(10) && b.shared == 0 && b.outputs < b.records) ++b.lanes_left;
    if (mutant(57)) b.owed &= 0xff;
}

/// Puts a batch's own dead letters into the queue. They are a barrier: neither the batch's outputs
/// nor the source's next batches go on before they are stored, because a sink's lead says that
/// nothing below it is still owed.
void EngineState::store_own_dead(std::uint32_t index, Effects& effects) {
    Batch& b = batches[index];
    if (!config.dead_letters.present) {
        return halt(HaltReason::dead_letters_absent, effects, no_sink, SourceId{b.source});
    }
    if (!dead.has_room()) return;
    const Reason reason = b.fate == Fate::oversized ? Reason::oversized
                          : b.fate == Fate::failed  ? Reason::failed
                                                    : Reason::parse_error;
    dead.push({Part{.batch = batches.id(index), .begin = 0, .end = b.dead, .reason = reason}, 0});
    b.owed = b.dead;
    b.had_dead = true;
    b.phase = BatchPhase::storing;
    if (mutant(68)) own_dead_stored(index, b.dead);
    if (mutant(69)) {  // As if its lanes and its dead letters were settled independently.
        b.lanes_left = 1;
        b.dead = 0;
        b.phase = BatchPhase::ready;
    }
}

/// The batch's own dead letters are stored: it may go on.
void EngineState::own_dead_stored(std::uint32_t index, std::uint32_t records) {
    Batch& b = batches[index];
    if (mutant(68) && b.phase != BatchPhase::storing) return;
    if (mutant(69)) {
        b.owed -= records;
        if (--b.lanes_left == 0) settle_batch(index);
        return;
    }
    HF_ASSERT(b.phase == BatchPhase::storing && b.owed == records);
    b.owed = b.dead = 0;
    b.phase = BatchPhase::ready;
    flags().wake_intake = 1;
}

bool EngineState::fan_out(std::uint32_t index, Effects& effects) {
    Batch& b = batches[index];
    bool broken = false;
    const SinkMask wanted = b.fenced ? 0 : wanted_sinks(b, index, broken);
    if (broken) {
        halt(HaltReason::protocol_broken, effects, no_sink, SourceId{b.source});
        return false;
    }
    if (b.fenced || (mutant(3) && !config.dead_letters.present)) b.dead = 0;
    if (b.dead) {
        store_own_dead(index, effects);
        return false;
    }
    if (!lanes_have_room(b, index, wanted)) return false;
    if (!b.is_slice) pop_ready(intakes_[b.source], batches);
    b.phase = BatchPhase::out;
    if (config.governor.on && wanted != 0) measure_from_now(b, wanted);
    admit(b, index, wanted);
    if (!b.fenced && !b.had_dead && wanted == 0 && !has_outputs(b, index)) {
        stats().filtered += b.records;
    }
    release_if_owed_nothing(index, effects);
    if (b.lanes_left == 0 && !(mutant(11) && wanted == 0)) settle_batch(index);
    return true;
}

void EngineState::fan_out_ready(std::uint32_t source, Effects& effects) {
    Intake& in = intakes_[source];
    for (std::uint32_t s = 0; mutant(70) && s < config.sources; ++s) {
        const std::uint32_t oldest = intakes_[s].oldest;
        if (oldest != none && batches[oldest].phase == BatchPhase::storing) return;
    }
    while (in.oldest != none) {
        const BatchPhase phase = batches[in.oldest].phase;
        if (phase == BatchPhase::slicing) {
            if (!slice_on(in.oldest, effects)) return;
        } else if (phase != BatchPhase::ready) {
            return;
        } else if (!fan_out(in.oldest, effects)) {
            flags().fan_out_blocked = true;
            return;
        }
    }
}

}  // namespace holdfast

// Transforms, and batches that go through in slices.
//
// Rule 1: of each source one slice at a time, of its oldest batch; the next one is ordered when the
//         last one is settled and released. So the outputs in memory are those of one slice.
// Rule 2: a slice owes, stands in lanes and has dead letters of its own, as a batch; it begins and
//         ends at positions of its own, so a sink's lead may stand between two slices.
// Rule 3: the batch alone stands in the watermark, and is settled after its last slice.
// Rule 4: each record is taken by one slice: what a transform answers is checked, never believed.
#include "core/engine/engine_state.hpp"

namespace holdfast {

// ---- answers ----- --------------------------------------------------------------------------------

void EngineState::on(Instant, const SinkShare& e, Effects&) {
    Batch* b = batches.find(e.slice, BatchPhase::transforming);
    if (!b || e.sink.index >= config.sinks) {
        ++stats().stale;
        return;
    }
    b->shared |= mask_of(e.sink);
    batches.share(e.slice.index, e.sink.index) = {e.outputs, e.bytes};
}

/// The records that the answer takes are those that it was given. Makes them the slice's.
bool EngineState::take_records(Batch& b, const SliceTransformed& e) {
    if (!b.is_slice) return e.end == b.records;
    Batch& whole = batches[b.partner];
    if (e.end <= whole.cut || e.end > whole.records) return false;
    const bool last = e.end == whole.records;
    if (!last && (e.next.value <= whole.cut_at || e.next.value >= whole.next)) return false;
    b.records = e.end - whole.cut;
    b.next = last ? whole.next : e.next.value;
    whole.cut = mutant(73) ? whole.records : e.end;
    whole.cut_at = b.next;
    return true;
}

void EngineState::on(Instant, const SliceTransformed& e, Effects& effects) {
    Batch* b = batches.find(e.slice, BatchPhase::transforming);
    if (!b) {
        ++stats().stale;
        return;
    }
    if (e.fate == Fate::stop) {
        return halt(HaltReason::transform_stopped, effects, no_sink, SourceId{b->source});
    }
    if (!take_records(*b, e) && !mutant(109)) {
        return halt(HaltReason::transform_contract, effects, no_sink, SourceId{b->source});
    }
    b->phase = BatchPhase::ready;
    flags().wake_intake = 1;
    if (mutant(51) && e.fate == Fate::failed) return;
    if (e.fate == Fate::failed) {
        b->fate = Fate::failed;
        b->dead = b->records;
        b->shared = 0;
        return;
    }
    if ((e.route | b->shared) & ~config.source[b->source].route) {
        return halt(HaltReason::protocol_broken, effects, no_sink, SourceId{b->source});
    }
    b->route = e.route | b->shared;
    b->outputs = e.outputs;
    b->output_bytes = e.bytes;
    b->dead = e.dead_letters;
    // Only a batch that is its own slice has a lease that can have gone back early.
    const std::uint64_t freed = e.freed < b->held ? e.freed : b->held;
    b->held += e.held - (mutant(108) ? 0 : freed);
    flags().held += e.held - freed;
}

// ---- slices ------------------------------------------------------------------------------------

void EngineState::order_slice(std::uint32_t index, Effects& effects) {
    Batch& b = batches[index];
    const BatchId id = batches.reserve(SourceId{b.source});
    Batch& slice = batches[id.index];
    slice.phase = BatchPhase::transforming;
    slice.is_slice = true;
    slice.partner = index;
    slice.partition = b.partition;
    slice.epoch = b.epoch;
    slice.first = b.cut_at;
    b.partner = id.index;
    ++flags().slices;
    const std::uint32_t begin = mutant(75) && b.cut > 0 ? b.cut + 1 : b.cut;
    effects.push(Transform{batches.id(index), id, begin, b.records, slice_bytes(b.source)});
}

/// Moves a source's oldest batch on as far as it goes now. True if that was its end.
bool EngineState::slice_on(std::uint32_t index, Effects& effects) {
    Batch& b = batches[index];
    while (b.partner != none) {
        if (mutant(74) && batches[b.partner].phase == BatchPhase::out && slot_for_pull()) {
            b.partner = none;
            --flags().slices;
            break;
        }
        if (batches[b.partner].phase != BatchPhase::ready) return false;
        if (!fan_out(b.partner, effects)) {
            flags().fan_out_blocked = true;
            return false;
        }
    }
    if (!b.fenced && b.cut < b.records) {
        order_slice(index, effects);
        return false;
    }
    pop_ready(intakes_[b.source], batches);
    b.phase = BatchPhase::out;
    release_if_owed_nothing(index, effects);
    settle_batch(index);
    return true;
}

/// Its lanes hold the slice no more: its batch may go on.
void EngineState::slice_settled(std::uint32_t index) {
    Batch& b = batches[index];
    if (mutant(74) && batches[b.partner].partner != index) return batches.give_back(index);
    HF_ASSERT(batches[b.partner].partner == index && flags().slices > 0);
    batches[b.partner].partner = none;
    --flags().slices;
    if (mutant(72) && !b.fenced) {
        Partition& p = partitions[b.partition];
        if (p.oldest == b.partner) p.watermark = b.next;
        partitions.mark_dirty(b.partition);
    }
    batches.give_back(index);
}

}  // namespace holdfast

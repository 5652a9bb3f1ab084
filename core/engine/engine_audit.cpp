// Every O(n) invariant of the state. Returns false instead of trapping: the simulator asks.
#include "core/engine/engine_state.hpp"

namespace holdfast {

namespace {

bool audit_lane(const EngineState& s, std::uint32_t lane) {
    const Lane& l = s.lanes[lane];
    const LaneState& state = l.state();
    std::uint64_t records = 0, bytes = 0, left = 0, unsent = 0;
    std::uint32_t writes = 0;
    Load window = state.window.settled;
    window.add(state.window.staged);
    for (std::uint64_t i = state.head; i < state.tail; ++i) {
        const Entry& e = l.entry(i);
        if (e.left > e.outputs || e.sent > e.outputs) return false;
        if (i < state.next ? e.sent != e.outputs : i > state.next && e.sent != 0) return false;
        if (e.charged) window.add(Lane::load_of(e));
        records += e.outputs;
        bytes += e.bytes;
        left += e.left;
        unsent += e.outputs - e.sent;
    }
    for (std::uint32_t i = s.delivery_base[lane]; i < s.delivery_base[lane + 1]; ++i) {
        const Delivery& d = s.deliveries[i];
        if (d.phase == DeliveryPhase::free) continue;
        ++writes;
        if (d.pending == 0 || d.pending > d.count || d.first_entry < state.head) return false;
        // A wait needs a wake: an effect outstanding, a timer, or the dead letters' progress.
        if (d.phase == DeliveryPhase::waiting && !s.timers.is_set(i)) return false;
        if (d.phase == DeliveryPhase::parking && s.dead.count() == 0) return false;
    }
    if (window.records != state.window.open.records || window.bytes != state.window.open.bytes)
        return false;
    const SinkStats& stat = s.stats().sink[lane];
    return records == state.records && bytes == state.bytes && unsent == state.unsent_records &&
           writes == state.writes && left == stat.owed &&
           stat.admitted ==
               stat.delivered + stat.parked + stat.dropped + stat.forgotten + stat.owed;
}

bool audit_batches(const EngineState& s) {
    std::uint64_t held = 0;
    std::uint32_t used = 0;
    std::uint64_t slices = 0;
    for (std::uint32_t i = 0; i < s.batches.size(); ++i) {
        const Batch& b = s.batches[i];
        if (b.phase == BatchPhase::free) continue;
        ++used;
        held += b.held;
        if (b.phase == BatchPhase::out && b.owed == 0) return false;
        if (b.phase == BatchPhase::released && (b.owed != 0 || b.held != 0)) return false;
        if (b.settled && b.lanes_left != 0) return false;
        slices += b.is_slice;
        if (b.partner != none && s.batches[b.partner].partner != i) return false;
        if (b.is_slice && (b.partner == none || b.listed)) return false;
        if (b.cut > b.records && !b.is_slice) return false;
    }
    if (slices != s.flags().slices) return false;
    return held == s.flags().held && used == s.batches.used();
}

bool audit_partitions(const EngineState& s) {
    std::uint32_t revoking = 0;
    std::uint32_t revoking_dirty = 0;
    for (std::uint32_t i = 0; i < s.partitions.size(); ++i) {
        const Partition& p = s.partitions[i];
        revoking += p.phase == PartitionPhase::revoking;
        revoking_dirty += p.phase == PartitionPhase::revoking && p.dirty;
        if (p.watermark > p.highest) return false;
        std::uint32_t older = none;
        for (std::uint32_t b = p.oldest; b != none; b = s.batches[b].newer) {
            const Batch& batch = s.batches[b];
            if (!batch.listed || batch.fenced || batch.partition != i || batch.older != older) {
                return false;
            }
            if (older == none ? batch.settled : batch.settled && s.batches[older].settled) {
                return false;
            }
            older = b;
        }
        if (p.newest != older) return false;
    }
    return revoking == s.partitions.head().revoking &&
           revoking_dirty == s.partitions.head().revoking_dirty;
}

bool audit_waits(const EngineState& s) {
    const CommitState& c = s.commit();
    const DeadLettersState& q = s.dead.state();
    if (c.phase == CommitPhase::idle && s.commit_pending() && !s.flags().halted &&
        !s.timers.is_set(s.timer_of_commit())) {
        return false;
    }
    if (s.gate().holding != s.flags().pressure.paused) return false;
    if (s.gate().holding && !s.timers.is_set(s.timer_of_gate())) return false;
    if (c.phase == CommitPhase::waiting && !s.timers.is_set(s.timer_of_step())) return false;
    if (c.phase == CommitPhase::syncing && c.syncs_out == 0) return false;
    if (c.phase == CommitPhase::telling && c.commits_out == 0) return false;
    if (q.taken && !q.writing && !s.timers.is_set(s.timer_of_dead())) return false;
    if (s.dead.count() && !q.taken) return false;
    return s.timers.audit();
}

}  // namespace

bool EngineState::audit() const {
    if (flags().halted) return true;
    for (std::uint32_t lane = 0; lane < config.sinks; ++lane) {
        if (!audit_lane(*this, lane)) return false;
    }
    for (std::uint32_t i = 0; i < config.sources; ++i) {
        if (intakes_[i].resting && !timers.is_set(timer_of_source(i))) return false;
    }
    return audit_batches(*this) && audit_partitions(*this) && audit_waits(*this);
}

}  // namespace holdfast

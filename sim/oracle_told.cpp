// The oracle's reading of the answers: which of them counted, and what the engine knows since.
#include <algorithm>
#include <variant>

#include "core/base/assert.hpp"
#include "sim/oracle.hpp"

namespace holdfast::sim {

void Oracle::begin() {
    failure_ = Failure{};
    partitions_.assign(stage_.ledger.logs.size(), {});
    lane_.resize(stage_.ledger.logs.size() * 8);
    durable_lead_.assign(stage_.ledger.logs.size() * 8, 0);
}

void Oracle::restart(const Config&) {
    deliveries_.clear();
    open_.clear();
    for (Partition& p : partitions_) p = {};
    for (auto& lane : lane_) lane.clear();
    lane_head_.assign(lane_.size(), 0);
    open_writes_ = {};
    pulls_open_ = {};
    source_ends_ = {};
    told_delivered_ = {};
    told_parked_ = {};
    dropped_ = {};
    ticks_in_vain_ = 0;
    sync_failed_ = {};
    sync_number_ = {};
    causes_ = {};
    commit_ = {};
    rest_ = {};
    sync_open_ = {};
    surely_dropped_ = perhaps_dropped_ = {};
    lull_since_.fill(never);
    bytes_in_ = forgotten_ = 0;
    any_commit_ = any_revoking_ = false;
    slots_used_.assign(stage_.draw->config.partitions_max, false);
    window_due_ = never;
    for (std::uint32_t s = 0; s < 8; ++s) {
        told_mark_[s] = staged_mark_[s] = -1;
        agreed_mark_[s] = s < stage_.ledger.sinks.size() ? stage_.ledger.sinks[s].mark : 0;
    }
    leased_ = 0;
    batches_open_ = commits_open_ = 0;
    cycle_ = Cycle::none;
    halted_ = stopping_ = stop_now_ = paused_ = any_revoked_ = false;
    pulls_while_paused_ = {};
    gate_told_ = {};
    last_budget_ = {};
    may_shrink_ = {};
    fall_ = {};
    counted_ = {};
    ticks_ = 0;
    ticker_due_ = stage_.now + stage_.draw->config.ticker_period;
    slice_open_.fill(UINT32_MAX);
    store_failures_ = 0;
    stop_deadline_ = never;
    cycle_sequence_ = 0;
    cycle_open_ = window_asked_ = false;
    for (auto& given : given_) given.clear();
    for (auto& begun : begun_) begun.clear();
    const Config& config = stage_.draw->config;
    windows_count_ = commits_are_bounded() &&
                     std::any_of(config.source.begin(), config.source.begin() + config.sources,
                                 [](const SourceConfig& source) {
                                     return source.commit == CommitMode::checkpoint;
                                 });
}

void Oracle::fail(const char* invariant, const char* title, std::string detail,
                  std::uint32_t record, bool liveness) {
    if (failed()) return;
    failure_ = {invariant, title, std::move(detail), record, liveness};
}

void Oracle::step(const Event& event, const Effects& effects, const Engine& engine) {
    stale_ = batch_late_ = false;
    causes_ = {};
    const bool was_halted = halted_;
    count_event(event);
    const Counted at_halt = was_halted ? counted_ : Counted{};
    told(event, effects);
    if (was_halted) counted_ = at_halt;  // Nothing counts any more.
    if (was_halted && !effects.empty()) {
        fail("I33", "fatal is final", "an effect after Halt");
    }
    for (const Effect& effect : effects.items()) {
        if (failed()) return;
        order(effect, effects);
    }
    if (!failed() && !was_halted) check_gate(event, effects);
    if (!failed()) check_bounds(event, effects, engine);
    if (!failed()) check_stats(engine.stats());
    if (!failed() && windows_count_) check_repeats(event, effects, engine);
    if (failed() || was_halted || halted_) return;
    check_rests(engine);
    if (!failed()) check_cycle(engine);
    if (!failed()) check_lingers(engine);
}

bool Oracle::cancelled_now(const Effects& effects, DeliveryId delivery,
                           std::uint32_t attempt) const {
    for (const Effect& effect : effects.items()) {
        const auto* cancel = std::get_if<CancelWrite>(&effect);
        if (cancel != nullptr && cancel->delivery == delivery && cancel->attempt == attempt) {
            return true;
        }
    }
    return false;
}

Attempt* Oracle::open(DeliveryId delivery, std::uint32_t number, bool dead_letters) {
    const std::size_t slot = dead_letters ? 0 : delivery.index + std::size_t{1};
    if (slot >= deliveries_.size() || (dead_letters && delivery.index != 0)) return nullptr;
    const Delivery& d = deliveries_[slot];
    if (d.generation != delivery.generation || d.number != number) return nullptr;
    if (d.attempt == UINT32_MAX) return nullptr;
    return &stage_.attempts[d.attempt];
}

std::uint32_t Oracle::attempt_of(DeliveryId delivery, bool dead_letters) const {
    const std::size_t slot = dead_letters ? 0 : delivery.index + std::size_t{1};
    return slot < deliveries_.size() ? deliveries_[slot].attempt : UINT32_MAX;
}

/// The engine no longer waits for it.
void Oracle::close(std::uint32_t index) {
    Attempt& a = stage_.attempts[index];
    std::erase(open_, index);
    if (a.sink < 8) --open_writes_[a.sink];
    Delivery& d = deliveries_[a.sink < 8 ? a.delivery.index + std::size_t{1} : 0];
    if (d.attempt == index) d.attempt = UINT32_MAX;
}

void Oracle::told(const Event& event, const Effects& effects) {
    note_trouble(event);
    told_more(event, effects);
    if (!halted_) note_overdue();
}

void Oracle::told_more(const Event& event, const Effects& effects) {
    if (const auto* e = std::get_if<SinkToldRange>(&event)) {
        if (open(e->delivery, e->attempt) == nullptr) {
            stale_ = true;
        } else {
            told_range(*e);
        }
    } else if (const auto* answer = std::get_if<SinkAnswered>(&event)) {
        const bool known = answer->outcome <= SinkOutcome::failed;
        if (!known || open(answer->delivery, answer->attempt) == nullptr) {
            stale_ = true;
        } else if (!cancelled_now(effects, answer->delivery, answer->attempt)) {
            told_answer(*answer);
        }
    } else if (const auto* stored = std::get_if<DeadLettersStored>(&event)) {
        told_stored(*stored);
    } else if (const auto* batch = std::get_if<BatchPulled>(&event)) {
        told_batch(*batch);
    } else if (const auto* idle = std::get_if<SourceIdle>(&event)) {
        if (told_pull_over(idle->batch)) note_source_idle(idle->source.index, idle->retry_after);
    } else if (const auto* ended = std::get_if<SourceEnded>(&event)) {
        told_pull_over(ended->batch);
    } else if (const auto* bad = std::get_if<SourceFailed>(&event)) {
        if (told_pull_over(bad->batch)) note_source_failed(bad->source.index, bad->outcome);
    } else if (const auto* ready = std::get_if<SourceReady>(&event)) {
        note_source_ready(ready->source.index);
    } else if (const auto* assigned = std::get_if<PartitionAssigned>(&event)) {
        told_assigned(*assigned);
    } else if (const auto* revoked = std::get_if<PartitionRevoked>(&event)) {
        told_revoked(*revoked);
    } else if (const auto* sample = std::get_if<PressureSampled>(&event)) {
        told_pressure(*sample);
    } else if (const auto* stop = std::get_if<Stop>(&event)) {
        stopping_ = true;
        stop_now_ = stop_now_ || stop->mode == StopMode::now;
        stop_deadline_ = std::min(stop_deadline_, stop->deadline);
    } else if (const auto* sliced = std::get_if<SliceTransformed>(&event)) {
        BatchTruth* b = stage_.batch(sliced->slice);
        if (b == nullptr || b->state != BatchTruth::State::arrived || !b->transforming) {
            stale_ = true;
            return;
        }
        told_sliced(*b, *sliced);
        if (sliced->fate == Fate::stop) return;
        if (!took_its_records(*b, *sliced)) {
            causes_.contract |= 1u << b->source;
            return;
        }
        leased_ += b->extra;
        leased_ -= b->freed;
        for (std::uint32_t r = b->first; b->fate == Fate::failed && r < b->first + b->count; ++r) {
            if (b->epoch == epoch_of(r)) stage_.ledger.records[r].told = Told::refused;
        }
    }
}

void Oracle::told_assigned(const PartitionAssigned& e) {
    const std::uint32_t log = stage_.ledger.log_of(e.partition, e.epoch);
    Partition& p = partitions_[log];
    assigned_again_ = p.epoch != 0;
    slot_again_ = slots_used_[e.partition.index];
    slots_used_[e.partition.index] = true;
    p = {};
    p.known = Known::assigned;
    if (windows_count_) forget_given(log);
    p.epoch = e.epoch.value;
    p.staged = p.committed = p.checked = p.read = p.told = e.position.value;
    p.ends = {e.position.value};
    for (std::uint32_t s = 0; s < 8; ++s) {
        const std::size_t at = log * std::size_t{8} + s;
        lane_[at].clear();
        lane_head_[at] = 0;
    }
}

/// A transform has answered, whatever it is that it says.
void Oracle::told_sliced(BatchTruth& b, const SliceTransformed& e) {
    b.transforming = false;
    const std::uint32_t source = 1u << b.source;
    if (e.fate == Fate::stop) causes_.stop |= source;
    if ((e.route & ~stage_.draw->config.source[b.source].route) != 0) causes_.astray |= source;
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        b.sink_bytes[s] = (b.from[s + 1] - b.from[s]) * 10;
        bytes_in_ += b.sink_bytes[s];
    }
}

/// What a transform says that it took is what the world knows that it was given.
bool Oracle::took_its_records(const BatchTruth& b, const SliceTransformed& e) {
    if (e.fate == Fate::stop) return true;
    if (b.parent == UINT32_MAX) return e.end == b.count;
    BatchTruth& whole = stage_.batches[b.parent];
    if (e.end <= whole.taken || e.end > whole.count) return false;
    const std::int64_t next = stage_.ledger.records[whole.first + e.end - 1].next;
    if (e.end < whole.count && e.next.value != next) return false;
    whole.taken = e.end;
    return true;
}

void Oracle::told_batch(const BatchPulled& e) {
    BatchTruth* b = stage_.batch(e.batch);
    if (b == nullptr || b->state != BatchTruth::State::arrived || b->told) {
        stale_ = true;
        return;
    }
    b->told = true;
    b->arrived = stage_.now;
    count(e);
    ++fall_[b->source].answers_now;
    --pulls_open_[b->source];
    leased_ = leased_ - b->max_bytes + b->held;
    Partition& p = partitions_[b->log];
    rest_[b->source].failures = 0;
    if (b->epoch == p.epoch) ++p.held;
    if (p.known != Known::assigned || p.epoch != e.epoch.value) {
        b->lost = batch_late_ = true;  // Of an epoch that is over.
        return;
    }
    p.read = std::max(p.read, e.next.value);
    p.ends.push_back(e.next.value);
    if (b->fate == Fate::stop) causes_.fate_stop |= 1u << b->source;
    const bool whole = !stage_.draw->config.source[b->source].transform;
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        const bool sent = whole && b->from[s] != b->from[s + 1];
        b->sink_bytes[s] = sent ? e.bytes : 0;
        bytes_in_ += b->sink_bytes[s];
    }
    // The order in which each sink will owe them.
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        std::vector<std::uint32_t>& lane = lane_[b->log * 8 + s];
        for (std::uint32_t r = b->first; r < b->first + b->count; ++r) {
            const Record& record = stage_.ledger.records[r];
            if (record.kind != RecordKind::plain || (record.route >> s & 1) == 0) continue;
            const std::uint32_t unit = stage_.ledger.unit_of(record, s);
            for (std::uint32_t k = 0; k < record.copies; ++k) {
                lane.push_back(unit + k);
                if (stage_.ledger.logs[b->log].lead[s] >= record.next) continue;
                stage_.ledger.units[unit + k].dropped = false;
            }
        }
    }
}

/// True if the pull was open.
bool Oracle::told_pull_over(BatchId id) {
    BatchTruth* b = stage_.batch(id);
    if (b == nullptr || b->state != BatchTruth::State::pulling) {
        stale_ = true;
        return false;
    }
    b->state = BatchTruth::State::released;
    ++fall_[b->source].answers_now;
    --pulls_open_[b->source];
    --batches_open_;
    leased_ -= b->max_bytes;
    return true;
}

void Oracle::told_revoked(const PartitionRevoked& e) {
    const std::uint32_t log = stage_.ledger.log_of(e.partition, e.epoch);
    if (log == UINT32_MAX || partitions_[log].epoch != e.epoch.value ||
        partitions_[log].known == Known::nothing || partitions_[log].known == Known::lost) {
        stale_ = true;
        return;
    }
    Partition& p = partitions_[log];
    p.known = e.kind == RevokeKind::lost ? Known::lost : Known::revoking;
    p.deadline = e.deadline;
    p.overdue = false;
    any_revoking_ = true;
    // One that may take as long as it takes loses nothing.
    any_revoked_ = any_revoked_ || p.known == Known::lost || e.deadline != never;
    if (p.known == Known::lost) lose_batches(log);
}

/// Its epoch is over; what was begun may end.
void Oracle::lose_batches(std::uint32_t partition) {
    any_revoked_ = true;
    for (BatchTruth& b : stage_.batches) {
        if (b.state == BatchTruth::State::arrived && b.log == partition &&
            b.epoch == partitions_[partition].epoch) {
            b.lost = true;
        }
    }
}

void Oracle::told_range(const SinkToldRange& e) {
    Attempt& a = *open(e.delivery, e.attempt);
    if (a.sink >= 8 || e.begin >= e.end || e.end > a.items.size()) return;
    if (!stage_.draw->config.sink[a.sink].answers_partially) return;
    if (e.outcome > SinkOutcome::ambiguous) return;
    a.named.resize(a.items.size(), 0);
    for (std::uint32_t i = e.begin; i < e.end; ++i) {
        // The first word stands.
        if (a.named[i] != 0) continue;
        a.named[i] = static_cast<std::uint8_t>(static_cast<std::uint8_t>(e.outcome) + 1);
    }
}

/// What an attempt's end means for the next one of its delivery, and for the whole.
void Oracle::note_progress(const Attempt& a, SinkOutcome unnamed, Duration retry_after) {
    Delivery& d = deliveries_[a.delivery.index + std::size_t{1}];
    const auto rest = a.items.size() - static_cast<std::size_t>(std::ranges::count_if(
                                           a.named, [](std::uint8_t n) { return n != 0; }));
    d.failed = d.decided = false;
    const auto count = [&](SinkOutcome outcome, bool by_name) {
        if (outcome == SinkOutcome::delivered || (outcome == SinkOutcome::refused && by_name)) {
            d.decided = true;
        } else if (outcome != SinkOutcome::refused) {
            d.failed = true;
        }
    };
    for (const std::uint8_t n : a.named) {
        if (n != 0) count(static_cast<SinkOutcome>(n - 1), true);
    }
    if (rest > 0) count(unnamed, rest == 1);
    if (d.decided) d.streak = 0;
    if (d.failed) ++d.streak;
    d.failed_at = stage_.now;
    d.retry_after = unnamed == SinkOutcome::throttled ? retry_after : Duration{0};
    const bool stops = stage_.draw->config.sink[a.sink].on_transient == OnTransient::stop;
    if (unnamed == SinkOutcome::failed || (d.failed && stops)) {
        causes_.sink_failed |= SinkMask{1} << a.sink;
    }
}

void Oracle::told_answer(const SinkAnswered& e) {
    Attempt& a = *open(e.delivery, e.attempt);
    if (e.outcome == SinkOutcome::delivered) told_mark_[a.sink] = e.mark;
    a.named.resize(a.items.size(), 0);
    note_progress(a, e.outcome, e.retry_after);
    counted_.sink[a.sink].ambiguous += e.outcome == SinkOutcome::ambiguous;
    const auto unnamed = static_cast<std::uint32_t>(std::ranges::count(a.named, 0));
    for (std::size_t i = 0; i < a.items.size(); ++i) {
        const auto outcome = a.named[i] == 0 ? e.outcome : static_cast<SinkOutcome>(a.named[i] - 1);
        told_unit(a, i, outcome, unnamed, e);
    }
    a.state = Attempt::State::answered;
    const std::uint32_t index = attempt_of(e.delivery);
    close(index);
    if (a.pending == 0) stage_.drop_reference(index);
}

void Oracle::told_unit(Attempt& a, std::size_t i, SinkOutcome outcome, std::uint32_t unnamed,
                       const SinkAnswered& e) {
    Unit& u = stage_.ledger.units[a.items[i]];
    counted_.sink[a.sink].delivered += outcome == SinkOutcome::delivered;
    if (a.epochs[i] != epoch_of(u.record)) return;
    const bool partly = unnamed != a.items.size();
    switch (outcome) {
        case SinkOutcome::delivered:
            u.told = Told::delivered;
            ++told_delivered_[a.sink];
            ++stage_.ledger.progress;
            return;
        case SinkOutcome::refused: {
            const bool by_name = a.named[i] != 0 || unnamed == 1;
            u.told = by_name ? Told::refused : Told::waiting;
            u.mixed = true;
            u.suspect = !by_name;
            return;
        }
        default:
            u.told = Told::waiting;
            u.mixed = u.mixed || partly;
            ++u.failures;
            u.failed_at = stage_.now.ns;
            u.not_before = outcome == SinkOutcome::throttled ? (stage_.now + e.retry_after).ns : 0;
    }
}

void Oracle::told_stored(const DeadLettersStored& e) {
    Attempt* a = open(e.delivery, e.attempt, true);
    if (a == nullptr) {
        stale_ = true;
        return;
    }
    const std::uint32_t index = attempt_of(e.delivery, true);
    if (e.outcome == StoreOutcome::failed || e.outcome == StoreOutcome::fenced) {
        causes_.store = true;
    } else if (e.outcome != StoreOutcome::ok) {
        store_fails();
    }
    for (std::size_t i = 0; e.outcome == StoreOutcome::ok && i < a->items.size(); ++i) {
        const std::uint32_t item = a->items[i];
        ++counted_.dead_letters;
        ++stage_.ledger.progress;
        if ((item & whole_record) != 0) {
            Record& record = stage_.ledger.records[item & ~whole_record];
            if (a->epochs[i] == stage_.ledger.logs[record.log].epoch) record.told = Told::parked;
            continue;
        }
        Unit& u = stage_.ledger.units[item];
        ++counted_.sink[u.sink].parked;
        if (a->epochs[i] != epoch_of(u.record)) continue;
        u.told = Told::parked;
        ++told_parked_[u.sink];
    }
    a->state = Attempt::State::answered;
    close(index);
    if (a->pending == 0) stage_.drop_reference(index);
}

}  // namespace holdfast::sim

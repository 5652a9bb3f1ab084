// Self-regulation: memory pressure, the gate before the sources, and their byte budgets.
//
// The gate keeps new records out; nothing here ever keeps old ones in: lanes, dead letters and
// commits do not ask it.
#include <bit>

#include "core/engine/engine_state.hpp"

namespace holdfast {

// ---- pressure and the gate ---------------------------------------------------------------------

void EngineState::on(Instant, const PressureSampled& e, Effects& effects) {
    PressureLevel sample{e.permille, e.soft_permille};
    if (mutant(88) && sample.soft > 0) sample.hard = 0;
    stats().pressure_hard = e.permille;
    stats().pressure_soft = e.soft_permille;
    if (sample.hard >= config.pressure_pause_permille) {
        for (std::uint32_t s = 0; s < governors_.size(); ++s) {
            governors_[s].pressed(config.governor, config.source[s].pull_bytes_max);
            budget_changed(s);
        }
    }
    const PressureEdge edge = flags().pressure.sample(
        sample.level(), config.pressure_pause_permille, config.pressure_resume_permille);
    if (edge == PressureEdge::resumed && mutant(47) && commit().phase != CommitPhase::idle) {
        flags().pressure.paused = true;
        return;
    }
    set_gate(flags().pressure.paused, effects);
}

/// Tells the sources about an edge, and begins or ends the wait of a hold.
void EngineState::set_gate(bool held, Effects& effects) {
    if (!gate().hold(held) && !mutant(86)) return;
    ++(held ? stats().gate_closed : stats().gate_opened);
    stats().paused = held;
    for (std::uint32_t s = 0; s < config.sources; ++s) {
        effects.push(SetGate{SourceId{static_cast<std::uint16_t>(s)}, held, every_partition});
    }
    if (held) {
        timers.set(timer_of_gate(), step_at + config.max_hold);
    } else {
        timers.clear(timer_of_gate());
        flags().wake_intake = 1;
    }
}

/// A source that reads ahead begins with a new partition at once: it must be told to wait.
void EngineState::hold_assigned(std::uint32_t source, std::uint32_t partition, Effects& effects) {
    if (!gate().holding || mutant(85)) return;
    effects.push(
        SetGate{SourceId{static_cast<std::uint16_t>(source)}, true, PartitionId{partition}});
}

void EngineState::open_window() {
    timers.set(timer_of_gate(), step_at + config.max_hold);
    if (mutant(84)) return;
    ++stats().gate_windows;
    gate().open_window(config.sources);
    flags().wake_intake = 1;
}

// ---- byte budgets ------------------------------------------------------------------------------

void EngineState::budget_changed(std::uint32_t source) const {
    stats().source[source].budget = governors_[source].budget;
    stats().source[source].budget_decreases = governors_[source].decreases;
}

std::uint32_t EngineState::pull_bytes(std::uint32_t source) const {
    if (!config.governor.on) return config.source[source].pull_bytes_max;
    return static_cast<std::uint32_t>(governors_[source].budget);  // At most pull_bytes_max.
}

/// How many bytes of input the next slice may take. Read at each order.
std::uint32_t EngineState::slice_bytes(std::uint32_t source) const {
    return config.mode == RunMode::governed ? pull_bytes(source) : config.slice_bytes;
}

std::uint32_t EngineState::pull_records(std::uint32_t source) const {
    const std::uint32_t most = config.source[source].pull_records_max;
    return config.governor.on && config.governor.records < most ? config.governor.records : most;
}

void EngineState::pull_ordered(std::uint32_t source) {
    gate().admitted(SourceId{static_cast<std::uint16_t>(source)});
    if (config.governor.on) governors_[source].ordered();
}

/// While the gate holds no budget grows: there is no slack to be seen.
void EngineState::pull_answered(std::uint32_t source) {
    if (!config.governor.on || gate().holding) return;
    governors_[source].answered(config.governor, config.source[source].pull_bytes_max);
    budget_changed(source);
}

/// A batch that meets empty lanes shows what its size costs; one that waits behind others doesn't.
void EngineState::measure_from_now(Batch& b, SinkMask wanted) const {
    for (SinkMask left = wanted; left && !mutant(80); left &= left - 1) {
        if (lanes[std::countr_zero(left)].count() > 0) return;
    }
    b.since = step_at.ns;
}

/// What the budget has bought: of a batch all that came, whatever its outputs hold; of a slice its
/// records' share.
std::uint64_t EngineState::input_held(const Batch& b) const {
    if (!b.is_slice) return static_cast<std::uint64_t>(b.cut_at);
    const Batch& whole = batches[b.partner];
    HF_ASSERT(whole.records > 0);
    return whole.held * b.records / whole.records;
}

/// Everything that the batch owed is settled. Requires that it was measured from some instant on.
void EngineState::measured(Batch& b) {
    const Duration took = step_at - Instant{b.since};
    Governor& g = governors_[b.source];
    const std::uint64_t most = config.source[b.source].pull_bytes_max;
    if (mutant(80)) {  // The known bad signal: busy for as long as it is between two batches.
        const std::int64_t interval = step_at.ns - g.before_ns;
        g.before_ns = step_at.ns;
        if (took.ns >= interval / 10 * 8) g.pressed(config.governor, most);
        g.before_ns = step_at.ns;
    } else {
        g.drained(config.governor, most, input_held(b), took);
    }
    b.since = 0;
    budget_changed(b.source);
}

}  // namespace holdfast

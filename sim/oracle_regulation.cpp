// The oracle on self-regulation: the gate and the byte budgets.
//
// I40: while pressure holds the gate, a source is pulled at most once for each max_hold; sources
//      are told at each edge, once, and of partitions that come while it holds.
// I41: a budget lies within its bounds, and falls only for a reason: hard pressure, or a batch that
//      took longer than the target; and by no more than its factor between two pulls. A fall for
//      the second reason must pay, or there is no further one soon.
#include <algorithm>
#include <string>
#include <variant>

#include "sim/oracle.hpp"

namespace holdfast::sim {

void Oracle::told_pressure(const PressureSampled& e) {
    const Config& config = stage_.draw->config;
    const std::uint32_t level = std::max(e.permille, e.soft_permille);
    if (!paused_ && level >= config.pressure_pause_permille) {
        paused_ = true;
        paused_at_ = stage_.now;
        window_due_ = stage_.now + config.max_hold;
        pulls_while_paused_ = {};
    } else if (paused_ && level <= config.pressure_resume_permille) {
        paused_ = false;
    }
    if (e.permille < config.pressure_pause_permille) return;
    may_shrink_.fill(true);
    for (Fall& fall : fall_) fall.pressed = true;
}

/// A Pull while the gate holds needs a window of its own.
void Oracle::check_admission(const Pull& e) {
    if (!paused_) return;
    const std::int64_t windows = (stage_.now - paused_at_).ns / stage_.draw->config.max_hold.ns;
    if (++pulls_while_paused_[e.source.index] > windows) {
        fail("I40", "the gate", "a Pull under memory pressure, in no window");
    }
}

void Oracle::on(const SetGate& e, const Effects&) {
    if (e.source.index >= stage_.draw->config.sources) {
        return fail("I40", "the gate", "a source that is none is told");
    }
    if (e.partition != every_partition) return;  // See check_gate().
    if (gate_told_[e.source.index] == e.held) {
        return fail("I40", "the gate", "a source is told what it knows");
    }
    gate_told_[e.source.index] = e.held;
    if (e.source.index == 0) ++(e.held ? counted_.gate_closed : counted_.gate_opened);
}

void Oracle::check_gate(const Event& event, const Effects& effects) {
    for (std::uint32_t s = 0; s < stage_.draw->config.sources; ++s) {
        if (gate_told_[s] != paused_) {
            return fail("I40", "the gate", "a source does not know what the gate is");
        }
    }
    const auto* assigned = std::get_if<PartitionAssigned>(&event);
    std::uint32_t told = 0;
    for (const Effect& effect : effects.items()) {
        const auto* gate = std::get_if<SetGate>(&effect);
        if (gate == nullptr || gate->partition == every_partition) continue;
        const bool right = assigned != nullptr && gate->held &&
                           gate->partition == assigned->partition &&
                           gate->source == assigned->source;
        if (!right) return fail("I40", "the gate", "told of a partition that is not new");
        ++told;
    }
    if (assigned != nullptr && told != (paused_ ? 1u : 0u)) {
        fail("I40", "the gate", "a partition came while the gate holds, and is not held");
    }
}

void Oracle::check_budget(const Pull& e) {
    const Config& config = stage_.draw->config;
    const GovernorConfig& g = config.governor;
    if (!g.on || failed()) return;
    const std::uint32_t s = e.source.index;
    const std::uint64_t most = std::min<std::uint64_t>(g.max, config.source[s].pull_bytes_max);
    const std::uint64_t least = std::min(g.floor, most);
    if (e.max_bytes > most || e.max_bytes < least || e.max_records > g.records) {
        return fail("I41", "the budget",
                    "a Pull of " + std::to_string(e.max_bytes) + " bytes is out of its bounds");
    }
    const std::uint64_t last = last_budget_[s];
    if (e.max_bytes < last) {
        if (!may_shrink_[s]) {
            return fail("I41", "the budget",
                        "falls from " + std::to_string(last) + " to " +
                            std::to_string(e.max_bytes) + " bytes for no reason");
        }
        if (e.max_bytes < std::max(last * g.factor_permille / 1000, least)) {
            return fail("I41", "the budget",
                        "falls from " + std::to_string(last) + " to " +
                            std::to_string(e.max_bytes) + " bytes at once");
        }
    }
    note_fall(s, last, e.max_bytes);
    last_budget_[s] = e.max_bytes;
    may_shrink_[s] = false;
}

void Oracle::check_slice(const Transform& e, std::uint32_t source) {
    const Config& config = stage_.draw->config;
    if (config.mode != RunMode::governed) return;
    const std::uint64_t most =
        std::min<std::uint64_t>(config.governor.max, config.source[source].pull_bytes_max);
    if (e.bytes_max > most || e.bytes_max < std::min(config.governor.floor, most)) {
        fail("I41", "the budget",
             "a slice of " + std::to_string(e.bytes_max) + " bytes is out of its bounds");
    }
}

/// A batch is over. One that took longer than the target may have been too large.
void Oracle::note_slow(const BatchTruth& b) {
    const Duration target = stage_.draw->config.governor.target;
    const Duration took = stage_.now - b.arrived;
    if (target.ns > 0 && took > target) may_shrink_[b.source] = true;
    Fall& fall = fall_[b.source];
    const std::uint64_t bytes = input_of(b);
    // The engine measures from the fan-out: after the arrival, and not after the first write.
    fall.longest_now = std::max(fall.longest_now, took.ns);
    fall.least_now = std::min(fall.least_now, bytes);
    fall.most_since = std::max(fall.most_since, bytes);
    const std::int64_t shortest = b.fanned_out ? (stage_.now - b.written).ns : 0;
    fall.shortest_since = std::min(fall.shortest_since, shortest);
}

/// What the budget has bought.
std::uint64_t Oracle::input_of(const BatchTruth& b) const {
    if (b.parent == UINT32_MAX) return b.held;
    const BatchTruth& whole = stage_.batches[b.parent];
    return whole.count == 0 ? 0 : std::uint64_t{whole.held} * b.count / whole.count;
}

/// A Pull shows what became of the budget since the last one.
void Oracle::note_fall(std::uint32_t source, std::uint64_t last, std::uint64_t now) {
    Fall& fall = fall_[source];
    fall.answers += fall.answers_now;
    if (now > last || fall.pressed) fall.open = false;
    if (now < last) {
        const bool judged = fall.open && fall.answers < 8 && fall.most_since < fall.least;
        if (judged && fall.shortest_since >= fall.longest) {
            fail("I41", "the budget",
                 "falls to " + std::to_string(now) + " bytes although the fall to " +
                     std::to_string(last) + " has not paid");
        }
        fall = {.open = !fall.pressed,
                .answers = fall.answers_now,
                .least = fall.least_now,
                .longest = fall.longest_now};
    }
    fall.pressed = false;
    fall.answers_now = 0;
    fall.least_now = UINT64_MAX;
    fall.longest_now = 0;
}

}  // namespace holdfast::sim

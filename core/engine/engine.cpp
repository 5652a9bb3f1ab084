// Construction, dispatch, and the state as bytes.
#include "core/engine/engine.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "core/base/hash128.hpp"
#include "core/engine/engine_state.hpp"

namespace holdfast {

namespace {

constexpr std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }
constexpr std::size_t header_bytes = round_up(sizeof(EngineState), 64);

}  // namespace

std::size_t EngineState::lay_out(std::byte* base) {
    Arena arena(base);
    stats_ = arena.table<Stats>(1);
    stats_at = base;
    stats_bytes = arena.used();
    flags_ = arena.table<Flags>(1);
    commit_ = arena.table<CommitState>(1);
    gate_ = arena.table<Gate>(1);
    governors_ = arena.table<Governor>(config.governor.on ? config.sources : 0);
    intakes_ = arena.table<Intake>(config.sources);
    batches.lay_out(arena, config.batches_max, config.sinks);
    partitions.lay_out(arena, config.partitions_max, config.sinks);
    std::uint32_t slots = 0;
    std::uint64_t words = 0;
    for (std::uint32_t s = 0; s < config.sinks; ++s) {
        const SinkConfig& sink = config.sink[s];
        lanes[s].lay_out(arena, sink);
        delivery_base[s] = slots;
        slots += sink.writes_max;
        if (sink.answers_partially) {
            words +=
                sink.writes_max * Deliveries::maps * Deliveries::words_for(sink.write_records_max);
        }
    }
    delivery_base[config.sinks] = slots;
    deliveries.lay_out(arena, slots, words);
    dead.lay_out(arena, config.dead_letters.present ? config.dead_letters.queue_entries_max : 0);
    timers.lay_out(arena, timer_of_partition(config.partitions_max));
    state_bytes = arena.used() - stats_bytes;
    return arena.used();
}

void EngineState::begin() {
    sliced_sinks = config.sliced_sinks();
    sliced_sources = config.sliced_sources();
    batches.begin();
    partitions.begin();
    commit().cycle_first = none;
    for (Intake& in : intakes_) in.oldest = in.newest = none;
    for (std::uint32_t s = 0; s < governors_.size(); ++s) {
        governors_[s].begin(config.governor, config.source[s].pull_bytes_max);
        budget_changed(s);
    }
    std::uint64_t word = 0;
    for (std::uint32_t s = 0; s < config.sinks; ++s) {
        const SinkConfig& sink = config.sink[s];
        for (std::uint32_t i = delivery_base[s]; i < delivery_base[s + 1]; ++i) {
            deliveries[i].lane = static_cast<std::uint16_t>(s);
            deliveries[i].bits = static_cast<std::uint32_t>(word);
            if (sink.answers_partially) {
                word += Deliveries::maps * Deliveries::words_for(sink.write_records_max);
            }
        }
    }
    flags().wake_intake = 1;
}

std::size_t Engine::bytes_needed(const Config& config) {
    EngineState measure{.config = config};
    return header_bytes + measure.lay_out(nullptr);
}

Engine::Engine(const Config& config, std::span<std::byte> arena) : state_(nullptr), arena_(arena) {
    HF_ASSERT(check(config).what == nullptr);
    HF_ASSERT(arena.size() >= bytes_needed(config));
    state_ = new (arena.data()) EngineState{.config = config};
    std::byte* base = arena.data() + header_bytes;
    const auto before = mutant(60) ? static_cast<std::uint8_t>(arena[arena.size() / 2]) : 0;
    std::memset(base, 0, state_->lay_out(nullptr));
    state_->lay_out(base);
    state_->begin();
    if (mutant(60)) state_->flags().unused[0] = static_cast<std::uint8_t>(before);
}

namespace {

/// As std::visit, but a jump instead of a call through a table: it costs a tenth of a step.
template <std::size_t... I>
void dispatch(EngineState& state, Instant now, const Event& event, Effects& effects,
              std::index_sequence<I...>) {
    const std::size_t index = event.index();
    static_cast<void>(
        ((index == I && (state.on(now, *std::get_if<I>(&event), effects), true)) || ...));
}

}  // namespace

void Engine::step(Instant now, const Event& event, Effects& effects) {
    state_->step_at = now;
    if (++state_->stats().steps == 1) state_->begin_ticker(now);
    if (halted() && !mutant(55)) return;
    dispatch(*state_, now, event, effects, std::make_index_sequence<std::variant_size_v<Event>>{});
    std::uint32_t timer;
    while (!halted() && state_->timers.take(now, timer)) state_->fire(now, timer, effects);
    if (!halted()) state_->pump(now, effects);
    Stats& stats = state_->stats();
    stats.held = state_->flags().held;
    stats.held_peak = std::max(stats.held_peak, stats.held);
    stats.batches = state_->batches.used();
    HF_AUDIT(state_->audit());
}

Instant Engine::deadline() const { return halted() ? never : state_->timers.earliest(); }
bool Engine::halted() const { return state_->flags().halted; }
const Stats& Engine::stats() const { return state_->stats(); }
const Config& Engine::config() const { return state_->config; }
bool Engine::audit() const { return state_->audit(); }

StateHash Engine::hash() const {
    const std::byte* base = state_->stats_at + state_->stats_bytes;
    const Hash128 h = hash_bytes({base, state_->state_bytes});
    return {h.low, h.high};
}

std::span<const std::byte> Engine::snapshot() const {
    return {state_->stats_at, state_->stats_bytes + state_->state_bytes};
}

void Engine::restore(std::span<const std::byte> bytes) {
    HF_ASSERT(bytes.size() == state_->stats_bytes + state_->state_bytes);
    std::memcpy(state_->stats_at, bytes.data(), bytes.size());
}

/// Where a broken engine begins to look at its lanes.
static int from_address(const void* address) {
    return static_cast<int>(reinterpret_cast<std::uintptr_t>(address) >> 12 & 7);
}

// ---- what follows from any event ---------------------------------------------------------------

void EngineState::fire(Instant now, std::uint32_t timer, Effects& effects) {
    if (timer < timer_of_lane(0)) {
        Delivery& d = deliveries[timer];
        if (d.phase == DeliveryPhase::writing) {
            effects.push(CancelWrite{{timer, d.generation}, SinkId{d.lane}, d.attempt});
            end_attempt(now, timer, SinkOutcome::ambiguous, Duration{0}, effects);
        } else if (d.phase == DeliveryPhase::waiting) {
            attempt(now, timer, effects);
        }
    } else if (timer < timer_of_source(0)) {
        flags().lanes_dirty |= std::uint64_t{1} << (timer - timer_of_lane(0));
    } else if (timer < timer_of_dead()) {
        intakes_[timer - timer_of_source(0)].resting = false;
        flags().wake_intake = 1;
    } else if (timer == timer_of_dead()) {
        DeadLettersState& q = dead.state();
        if (q.writing) dead_letters_failed(now, effects);
    } else if (timer == timer_of_step()) {
        resume_cycle(now, effects);
    } else if (timer == timer_of_drain()) {
        halt(HaltReason::drain_deadline, effects);
    } else if (timer == timer_of_gate()) {
        open_window();
    } else if (timer == timer_of_ticker()) {
        run_ticker(now, effects);
    } else if (timer >= timer_of_partition(0)) {
        const std::uint32_t p = timer - timer_of_partition(0);
        if (partitions[p].phase == PartitionPhase::revoking) {
            if (mutant(211)) return lose_partition(p);
            if (mutant(212)) partitions[p].watermark = partitions[p].highest;
            fence_partition(p);
            flags().revokes_due = 1;
        }
    }
}

void EngineState::pump(Instant now, Effects& effects) {
    bool woken = false;
    do {
        if (flags().wake_intake) {
            woken = true;
            flags().wake_intake = 0;
            flags().fan_out_blocked = false;
            for (std::uint32_t s = 0; s < config.sources && !flags().halted; ++s) {
                fan_out_ready(s, effects);
            }
        }
        if (!flags().halted && flags().lanes_parking) retry_parked(now, effects);
        const int turn = mutant(59) ? from_address(stats_at) : 0;
        std::uint64_t left = std::rotr(flags().lanes_dirty, turn);
        for (; left && !flags().halted; left &= left - 1) {
            const int lane = (std::countr_zero(left) + turn) % 64;
            dispatch(now, static_cast<std::uint32_t>(lane), effects);
        }
        if (flags().halted) return;
        if (dead.count()) write_dead_letters(now, effects);
    } while (flags().wake_intake);  // Something was freed on the way.
    if (woken) {
        for (std::uint32_t s = 0; s < config.sources; ++s) pull(s, effects);
    }
    commit_step(now, effects);
    if (flags().halted) return;
    if (flags().revokes_due) finish_revocations(effects);
    check_end(effects);
}

void EngineState::on(Instant, const Tick&, Effects&) {}

}  // namespace holdfast

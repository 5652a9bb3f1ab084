// The engine: one pipeline as one pure state machine. One event in, effects out.
//
// Rule 1: step() is total: every event in every state; it never blocks, allocates or fails.
// Rule 2: a source position is committed only past records that are settled at every sink: delivered
//         (and synced, where the sink needs it), durably parked, or dropped by declared policy.
// Rule 3: a dead-letter write that fails is never an acknowledgement; without a queue, it halts.
// Rule 4: whoever waits has an effect outstanding or a deadline set. deadline() is the earliest.
// Rule 5: a lane (one sink's queue) is first in, first out; its entries retire in order.
// Rule 6: equal configs and events give equal effects and state, bit for bit.
// Bound: memory is bytes_needed(config), fixed at construction; effects per step: effects_max().
// Doesn't know: payload bytes, clocks, files, threads. Only engine.cpp knows all of its parts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/time.hpp"
#include "core/model/config.hpp"
#include "core/model/effects.hpp"
#include "core/model/event.hpp"
#include "core/model/stats.hpp"

namespace holdfast {

/// 128 bits that stand for the whole state of an engine.
struct StateHash {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    constexpr bool operator==(const StateHash&) const = default;
};

/// One thing that is wrong with a Config. `what` is a literal; `index` names the source or sink.
struct ConfigError {
    const char* what = nullptr;
    std::uint32_t index = 0;
};

/// What of a partition is not settled: records of batches that were pulled, between two positions.
struct PartitionLeft {
    SourceId source;
    std::uint64_t records = 0;
    Position from;  ///< The watermark: a restart reads from here at the latest.
    Position to;    ///< Up to where it was pulled.
};

struct Repeats {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
};

struct EngineState;  // The parts, laid out in the arena; see engine_state.hpp.

class Engine {
public:
    /// What is wrong with the config, or what == nullptr. Everything an engine could ever refuse is
    /// refused here.
    static ConfigError check(const Config& config);

    /// Size of the arena for this config. Requires check(config) to be clean.
    static std::size_t bytes_needed(const Config& config);
    /// Most effects, and parts in their side table, that one step can write.
    static std::size_t effects_max(const Config& config);
    static std::size_t parts_max(const Config& config);

    /// Requires: check(config) clean; arena.size() >= bytes_needed(config), aligned to 64.
    /// Lives: the arena belongs to the engine until it is destroyed; the config is copied.
    Engine(const Config& config, std::span<std::byte> arena);

    /// Takes one event at `now` (never less than before) and appends what must be done to
    /// `effects`, which the caller has cleared. After Halt: counts the event, no effects. Bound:
    /// O(effects written + lanes touched + log timers).
    void step(Instant now, const Event& event, Effects& effects);

    /// The instant at which the engine wants a Tick, or `never`. Bound: O(1).
    Instant deadline() const;

    bool halted() const;
    /// Of a partition that is assigned; else all zero. Bound: O(batches of the partition).
    PartitionLeft left(PartitionId partition) const;
    /// What a restart would write to the sink again, of sources that commit to the checkpoint: whole
    /// batches that were begun and are not behind a durable position. Bound: O(1).
    Repeats may_repeat(SinkId sink) const;
    const Stats& stats() const;
    const Config& config() const;

    /// Hash of the whole state. Bound: O(bytes_needed).
    StateHash hash() const;

    /// The whole state as bytes, for restore() of an engine with an equal config.
    /// Lives: until the next step.
    std::span<const std::byte> snapshot() const;
    /// Requires: `bytes` came from snapshot() of an engine with an equal config.
    void restore(std::span<const std::byte> bytes);

    /// Checks every O(n) invariant of the state by assertion, and returns false instead of trapping
    /// where assertions are compiled out. For the simulator and fuzzers.
    bool audit() const;

private:
    EngineState* state_;
    std::span<std::byte> arena_;
};

}  // namespace holdfast

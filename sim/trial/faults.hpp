// What may happen to a pipeline on trial; each can be chosen by its name.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::sim {

enum class TrialFault : std::uint8_t {
    crash,       ///< The process dies between any two of its operations, or within one.
    power_loss,  ///< And what was not synced may be gone.
    torn_write,  ///< Writes that land in part; sectors torn by a power loss.
    lost_fsync,  ///< Syncs that fail, and forget what they should have kept.
    enospc,      ///< The disk is full, for a while.
    slow_disk,
    sink_down,  ///< A sink fails every write of a process, or some.
    throttle,   ///< A sink says: later.
    ack_lost,   ///< A sink has it, perhaps, and nobody knows.
    clock_jump,
    signals,   ///< A second signal to stop, requests for the state.
    rotation,  ///< Inputs are renamed, and others begun in their place.
};

inline constexpr std::array<std::string_view, 12> trial_fault_names{
    "crash",     "power-loss", "torn-write", "lost-fsync", "enospc",  "slow-disk",
    "sink-down", "throttle",   "ack-lost",   "clock-jump", "signals", "rotation"};

constexpr std::string_view name_of(TrialFault fault) {
    return trial_fault_names[static_cast<std::size_t>(fault)];
}

constexpr std::optional<TrialFault> trial_fault_of(std::string_view name) {
    for (std::size_t i = 0; i < trial_fault_names.size(); ++i)
        if (trial_fault_names[i] == name) return static_cast<TrialFault>(i);
    return std::nullopt;
}

class FaultSet {
public:
    static constexpr FaultSet all() { return FaultSet((1u << trial_fault_names.size()) - 1); }
    constexpr FaultSet() = default;
    constexpr bool has(TrialFault fault) const { return (bits_ >> bit(fault) & 1u) != 0; }
    constexpr void add(TrialFault fault) { bits_ |= 1u << bit(fault); }
    constexpr void remove(TrialFault fault) { bits_ &= ~(1u << bit(fault)); }
    constexpr bool empty() const { return bits_ == 0; }
    constexpr bool single() const { return bits_ != 0 && (bits_ & (bits_ - 1)) == 0; }

private:
    constexpr explicit FaultSet(std::uint32_t bits) : bits_(bits) {}
    static constexpr std::uint32_t bit(TrialFault fault) {
        return static_cast<std::uint32_t>(fault);
    }
    std::uint32_t bits_ = 0;
};

}  // namespace holdfast::sim

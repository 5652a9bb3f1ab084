// How near memory is to its limit, and whether that is too near.
//
// Rule 1: the level is the highest of the hard readings and the weighted soft ones; so a soft one
//         can raise it, and never hides a hard one.
// Rule 2: hysteresis: paused at `pause` or above, and then until `resume` or below.
// Rule 3: only hard pressure is a reason to make pulls smaller; see governor.hpp.
// Doesn't know: where readings come from (io/memory_guard.hpp), nor who is paused.
#pragma once

#include <cstdint>
#include <span>

namespace holdfast {

/// What one thing that can run out says of itself, in thousandths.
struct PressureReading {
    std::uint32_t permille = 0;
    std::uint32_t weight_permille = 1000;  ///< Of a soft one. A hard one always weighs 1000.
    bool hard = true;
};

/// Thousandths; 1000 is the limit, and more is possible.
struct PressureLevel {
    std::uint32_t hard = 0;
    std::uint32_t soft = 0;

    constexpr std::uint32_t level() const { return hard > soft ? hard : soft; }
    constexpr bool operator==(const PressureLevel&) const = default;
};

constexpr PressureLevel combine(std::span<const PressureReading> readings) {
    PressureLevel out;
    for (const PressureReading& r : readings) {
        if (r.hard) {
            if (r.permille > out.hard) out.hard = r.permille;
            continue;
        }
        const auto weighted = static_cast<std::uint32_t>(
            std::uint64_t{r.permille} * (r.weight_permille < 1000 ? r.weight_permille : 1000) /
            1000);
        if (weighted > out.soft) out.soft = weighted;
    }
    return out;
}

/// Whether the two thresholds leave a band between them.
constexpr bool band_is_valid(std::uint32_t pause_permille, std::uint32_t resume_permille) {
    return pause_permille > 0 && pause_permille <= 1000 && resume_permille < pause_permille;
}

enum class PressureEdge : std::uint8_t { steady, paused, resumed };

struct Hysteresis {
    bool paused;

    /// Requires a valid band.
    constexpr PressureEdge sample(std::uint32_t level, std::uint32_t pause_permille,
                                  std::uint32_t resume_permille) {
        if (!paused && level >= pause_permille) {
            paused = true;
            return PressureEdge::paused;
        }
        if (paused && level <= resume_permille) {
            paused = false;
            return PressureEdge::resumed;
        }
        return PressureEdge::steady;
    }
};

}  // namespace holdfast

// The gate before the sources: admits what comes in, or holds it. What is inside always goes out.
//
// Rule 1: it acts on an edge, once: to hold what is held says nothing new.
// Rule 2: it is a level for whoever comes later: a partition that is assigned while the gate holds
//         is held.
// Rule 3: no hold is for ever: after each `max_hold` a window opens, in which each source is
//         admitted once. So pressure that is not ours, or never falls, slows and cannot stop.
// Doesn't know: why it holds.
#pragma once

#include <cstdint>

#include "core/base/mutant.hpp"
#include "core/model/ids.hpp"

namespace holdfast {

struct Gate {
    std::uint64_t window;  ///< Sources that may still be admitted once while it holds.
    bool holding;
    std::uint8_t unused[7];

    /// True if that changed something: the actuator is to be told.
    constexpr bool hold(bool wanted) {
        if (holding == wanted) return false;
        holding = wanted;
        window = 0;
        return true;
    }

    constexpr bool admits(SourceId source) const {
        return !holding || (window >> source.index & 1) != 0;
    }
    /// A pull of this source was ordered.
    constexpr void admitted(SourceId source) { window &= ~(std::uint64_t{1} << source.index); }

    /// It has held for max_hold: each of so many sources is admitted once.
    constexpr void open_window(std::uint32_t sources) {
        if (!holding) return;
        window = sources >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << sources) - 1;
    }
};
static_assert(sizeof(Gate) == 16);

}  // namespace holdfast

// Virtual time: stands still until somebody moves it.
//
// Rule 1: the monotonic clock never goes back. The wall clock may jump: set wall_offset_ns.
#pragma once

#include <cstdint>

#include "core/base/assert.hpp"
#include "core/base/time.hpp"

namespace holdfast::sim {

struct SimClock {
    Instant now{1'000'000'000};
    std::int64_t wall_offset_ns = 1'700'000'000'000'000'000;

    std::int64_t wall_ns() const { return now.ns + wall_offset_ns; }
    /// Requires to >= now, and to is not `never`.
    void advance(Instant to) {
        HF_ASSERT(to >= now);
        HF_ASSERT(to < never);
        now = to;
    }
};

}  // namespace holdfast::sim

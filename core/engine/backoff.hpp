// How long to wait before the next attempt. Pure arithmetic, in integers.
//
// delay(n) = min(initial * 2^(n-1), max) * (1000 + j) / 1000, with j in [0, jitter_permille] keyed
// by what is waiting: so the gap lies in [b, b * (1 + jitter)] and a replay waits equally long.
#pragma once

#include <cstdint>

#include "core/base/mix.hpp"
#include "core/base/mutant.hpp"
#include "core/base/time.hpp"
#include "core/model/config.hpp"

namespace holdfast {

/// Requires failures >= 1. Never overflows: the result is at most backoff_max * 2 for any jitter up
/// to 1000.
constexpr Duration backoff(const RetryConfig& retry, std::uint32_t failures, std::uint64_t key) {
    std::int64_t base = retry.backoff_initial.ns;
    const std::int64_t cap = retry.backoff_max.ns;
    if (mutant(38)) {
        base = static_cast<std::int64_t>(static_cast<std::uint64_t>(base) << ((failures - 1) & 63));
    } else {
        for (std::uint32_t i = 1; i < failures && base > 0 && base < cap; ++i) base *= 2;
        if (base > cap) base = cap;
    }
    const auto jitter = static_cast<std::int64_t>(
        scale(mix(key, 0x6a69747465720000, failures, 0), std::uint64_t{retry.jitter_permille} + 1));
    return Duration{base + base / 1000 * jitter + base % 1000 * jitter / 1000};
}

}  // namespace holdfast

// Time as numbers: no clock lives here. `now` is an argument of every call that needs it.
#pragma once

#include <compare>
#include <cstdint>

namespace holdfast {

/// A length of time in nanoseconds.
struct Duration {
    std::int64_t ns = 0;
    constexpr auto operator<=>(const Duration&) const = default;
};

/// A point on a monotonic clock whose zero is arbitrary, in nanoseconds.
struct Instant {
    std::int64_t ns = 0;
    constexpr auto operator<=>(const Instant&) const = default;
};

/// The instant that never comes: "no deadline".
inline constexpr Instant never{INT64_MAX};

/// `at + after`, saturating at `never`. Requires after >= 0.
constexpr Instant operator+(Instant at, Duration after) {
    return after.ns >= INT64_MAX - at.ns ? never : Instant{at.ns + after.ns};
}
constexpr Duration operator-(Instant a, Instant b) { return Duration{a.ns - b.ns}; }

constexpr Duration microseconds(std::int64_t n) { return Duration{n * 1'000}; }
constexpr Duration milliseconds(std::int64_t n) { return Duration{n * 1'000'000}; }
constexpr Duration seconds(std::int64_t n) { return Duration{n * 1'000'000'000}; }

}  // namespace holdfast

// Text to numbers with units and back, and the nearest of several words.
//
// Rule 1: nothing overflows: a number that does not fit is an error.
// Rule 2: what format_* writes, parse_* reads back to the same value or a rounded one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/time.hpp"

namespace holdfast::io {

/// "64MiB", "10 kB", "4096": bytes. Units: B, KiB MiB GiB TiB (1024), kB KB MB GB TB (1000).
std::optional<std::uint64_t> parse_size(std::string_view text);
/// "100ms", "1s", "5 m": units ns, us, ms, s, m, h, d. A unit is required, except for "0".
std::optional<Duration> parse_duration(std::string_view text);

/// "0640", "640": the permissions of a file, as for chmod. The owner must be able to read and write.
std::optional<std::uint32_t> parse_mode(std::string_view text);
/// "0640".
std::string format_mode(std::uint32_t mode);

/// 67108864 -> "64MiB" where exact, else with one decimal ("1.4MiB").
std::string format_size(std::uint64_t bytes);
/// 1500 ms -> "1500ms"; the largest unit that is exact.
std::string format_duration(Duration duration);
/// 1234567 -> "1,234,567".
std::string format_count(std::uint64_t n);

/// Insertions, deletions, replacements and swaps of neighbours between two words.
std::size_t edit_distance(std::string_view a, std::string_view b);
/// The word that was probably meant, or empty if none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace holdfast::io

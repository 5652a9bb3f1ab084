// The proleptic Gregorian calendar: our own arithmetic, for any year that fits, no time zone but a
// number of seconds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::jq::machine {

/// As C's struct tm, but the year is the year.
struct Moment {
    std::int64_t year = 1900;
    std::int32_t month = 0;  ///< 0 to 11.
    std::int32_t day = 0;    ///< From 1; 0 where none was said.
    std::int32_t hour = 0;
    std::int32_t minute = 0;
    std::int32_t second = 0;
    std::int32_t weekday = 0;  ///< From Sunday.
    std::int32_t yearday = 0;  ///< From 0.
};

inline constexpr std::array<std::string_view, 7> weekdays{
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
inline constexpr std::array<std::string_view, 12> months{
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};

inline constexpr std::int64_t day_seconds = 86400;

/// Beyond it a year does not fit 32 bits: such a number is no time in seconds.
inline constexpr double seconds_max = 6.7e16;

/// Days from 1970-01-01; months from 1.
std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day);
/// Requires: |seconds| <= seconds_max.
Moment moment_of(std::int64_t seconds);
/// Fields may be out of their range: the 40th is some day of the next month.
std::int64_t seconds_of(const Moment& moment);
/// As C's strftime in the C locale; what it does not know stays as it is.
std::string formatted(std::string_view format, const Moment& moment, std::int64_t seconds,
                      std::int64_t offset, std::string_view zone);
/// As glibc's strptime in the C locale. Answers how much of the text was read; nothing where it does not fit.
std::optional<std::size_t> parse_moment(std::string_view text, std::string_view format,
                                        Moment& moment);

}  // namespace holdfast::jq::machine

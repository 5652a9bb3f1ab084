#include "core/jq/machine/calendar.hpp"

#include <algorithm>
#include <array>

#include "core/base/mutant.hpp"

namespace holdfast::jq::machine {
namespace {

/// Of a field as wide as the format says.
constexpr std::size_t width_max = 1000;
std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

bool leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

/// The week of the year by ISO 8601, and the year that it belongs to.
std::int64_t iso_week(const Moment& m, std::int64_t& year) {
    const std::int64_t weekday = (m.weekday + 6) % 7;
    std::int64_t week = (m.yearday - weekday + 10) / 7;
    year = m.year;
    const auto weeks_in = [](std::int64_t y) {
        const std::int64_t first = ((days_of(y, 1, 1) + 3) % 7 + 7) % 7;  // From Monday.
        return first == 3 || (first == 2 && leap(y)) ? 53 : 52;
    };
    if (week < 1) return week = weeks_in(--year), week;
    if (week > weeks_in(year)) return ++year, 1;
    return week;
}

struct Formatter {
    const Moment& m;
    std::int64_t seconds;
    std::int64_t offset;
    std::string_view zone;
    std::string out{};

    std::int64_t hour12() const { return m.hour % 12 == 0 ? 12 : m.hour % 12; }

    /// What stands between `%` and the letter, as in glibc: `%-d`, `%_d`, `%^a`, `%5d`.
    struct Spec {
        char pad = 0;
        bool upper = false;
        bool swapped = false;
        std::size_t width = 0;
    };
    Spec spec{};
    bool is_number = false;

    void append(std::int64_t number, std::size_t width, char fill = '0') {
        is_number = true;
        if (spec.width > 0) width = spec.width;
        if (spec.pad == '-') width = 0;
        if (spec.pad == '_') fill = ' ';
        if (spec.pad == '0') fill = '0';
        std::string digits = std::to_string(number < 0 ? -number : number);
        if (digits.size() < width) digits.insert(0, width - digits.size(), fill);
        if (number < 0) digits.insert(0, 1, '-');
        out += digits;
    }

    std::size_t read_spec(std::string_view format, std::size_t at) {
        for (; at < format.size(); ++at) {
            const char c = format[at];
            if (c == '_' || c == '-' || c == '0')
                spec.pad = c;
            else if (c == '^')
                spec.upper = true;
            else if (c == '#')
                spec.swapped = true;
            else
                break;
        }
        for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at) {
            const auto next = static_cast<std::size_t>(format[at] - '0');
            spec.width = std::min(width_max, spec.width * 10 + next);
        }
        const bool other = at + 1 < format.size() && (format[at] == 'E' || format[at] == 'O');
        return other ? at + 1 : at;
    }

    void all(std::string_view format) {
        for (std::size_t i = 0; i < format.size(); ++i) {
            if (format[i] != '%') {
                out += format[i];
                continue;
            }
            const Spec outer = spec;
            spec = {};
            const std::size_t letter = read_spec(format, i + 1), begin = out.size();
            const bool is_known = letter < format.size() && one(format[letter]);
            if (!is_known) out += format.substr(i, letter - i + 1);
            if (is_known && !is_number) fit(begin, format[letter]);
            i = letter;
            spec = outer;
        }
    }

    bool one(char letter) {
        is_number = false;
        if (date(letter) || time(letter)) return true;
        const Spec mine = spec;
        if (!whole(letter)) return false;
        spec = mine;
        is_number = false;
        return true;
    }

    /// Case and width of what is no number.
    void fit(std::size_t begin, char letter) {
        const bool lowers = spec.swapped && (letter == 'Z' || letter == 'p');
        for (std::size_t i = begin; i < out.size(); ++i) {
            char& c = out[i];
            if (lowers && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
            if (!lowers && (spec.upper || spec.swapped) && c >= 'a' && c <= 'z') {
                c = static_cast<char>(c - 32);
            }
        }
        const std::size_t size = out.size() - begin;
        if (size < spec.width) out.insert(begin, spec.width - size, spec.pad == '0' ? '0' : ' ');
    }

    bool date(char c) {
        std::int64_t year = 0;
        switch (c) {
            case 'Y': return append(m.year, 1), true;
            case 'C': return append(floor_div(m.year, 100), 2), true;
            case 'y': return append(((m.year % 100) + 100) % 100, 2), true;
            case 'm': return append(m.month + 1, 2), true;
            case 'd': return append(m.day, 2), true;
            case 'e': return append(m.day, 2, ' '), true;
            case 'j': return append(m.yearday + 1, 3), true;
            case 'a':
                return out += weekdays[static_cast<std::size_t>(m.weekday)].substr(0, 3), true;
            case 'A': return out += weekdays[static_cast<std::size_t>(m.weekday)], true;
            case 'b':
            case 'h': return out += months[static_cast<std::size_t>(m.month)].substr(0, 3), true;
            case 'B': return out += months[static_cast<std::size_t>(m.month)], true;
            case 'u': return append(m.weekday == 0 ? 7 : m.weekday, 1), true;
            case 'w': return append(m.weekday, 1), true;
            case 'U': return append((m.yearday + 7 - m.weekday) / 7, 2), true;
            case 'W': return append((m.yearday + 7 - (m.weekday + 6) % 7) / 7, 2), true;
            case 'V': return append(iso_week(m, year), 2), true;
            case 'G': return iso_week(m, year), append(year, 1), true;
            case 'g': return iso_week(m, year), append((year % 100 + 100) % 100, 2), true;
            default: return false;
        }
    }

    bool time(char c) {
        switch (c) {
            case 'H': return append(m.hour, 2), true;
            case 'k': return append(m.hour, 2, ' '), true;
            case 'I': return append(hour12(), 2), true;
            case 'l': return append(hour12(), 2, ' '), true;
            case 'M': return append(m.minute, 2), true;
            case 'S': return append(m.second, 2), true;
            case 'p': return out += m.hour < 12 ? "AM" : "PM", true;
            case 'P': return out += m.hour < 12 ? "am" : "pm", true;
            case 's': return append(seconds, 1), true;
            case 'Z': return out += zone, true;
            case 'z': {
                const std::int64_t minutes = (offset < 0 ? -offset : offset) / 60;
                out += offset < 0 ? '-' : '+';
                return append(minutes / 60 * 100 + minutes % 60, 4), true;
            }
            default: return false;
        }
    }

    bool whole(char c) {
        switch (c) {
            case 'c': return all("%a %b %e %H:%M:%S %Y"), true;
            case 'D':
            case 'x': return all("%m/%d/%y"), true;
            case 'F': return all("%Y-%m-%d"), true;
            case 'T':
            case 'X': return all("%H:%M:%S"), true;
            case 'R': return all("%H:%M"), true;
            case 'r': return all("%I:%M:%S %p"), true;
            case 'n': return out += '\n', true;
            case 't': return out += '\t', true;
            case '%': return out += '%', true;
            default: return false;
        }
    }
};

}  // namespace

// After Howard Hinnant's "chrono-compatible low-level date algorithms".
std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day) {
    year -= mutant(423) ? month < 2 : month <= 2;
    const std::int64_t era = floor_div(year, 400);
    const std::int64_t of_era = year - era * 400;
    const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

Moment moment_of(std::int64_t seconds) {
    const std::int64_t days = floor_div(seconds, day_seconds);
    const std::int64_t rest = seconds - days * day_seconds;
    const std::int64_t shifted = days + 719468;
    const std::int64_t era = floor_div(shifted, 146097);
    const std::int64_t of_era = shifted - era * 146097;
    const std::int64_t year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t part = (5 * of_year + 2) / 153;
    const std::int64_t month = part + (part < 10 ? 3 : -9);
    Moment out;
    out.year = year_of_era + era * 400 + (month <= 2);
    out.month = static_cast<std::int32_t>(month - 1);
    out.day = static_cast<std::int32_t>(of_year - (153 * part + 2) / 5 + 1);
    out.hour = static_cast<std::int32_t>(rest / 3600);
    out.minute = static_cast<std::int32_t>(rest / 60 % 60);
    out.second = static_cast<std::int32_t>(rest % 60);
    out.weekday = static_cast<std::int32_t>(((days + 4) % 7 + 7) % 7);
    out.yearday = static_cast<std::int32_t>(days - days_of(out.year, 1, 1));
    return out;
}

std::int64_t seconds_of(const Moment& m) {
    const std::int64_t year = m.year + floor_div(m.month, 12);
    const std::int64_t month = m.month - floor_div(m.month, 12) * 12;
    const std::int64_t days = days_of(year, month + 1, 1) + m.day - 1;
    return days * day_seconds + std::int64_t{m.hour} * 3600 + std::int64_t{m.minute} * 60 +
           m.second;
}

std::string formatted(std::string_view format, const Moment& moment, std::int64_t seconds,
                      std::int64_t offset, std::string_view zone) {
    Formatter formatter{moment, seconds, offset, zone};
    formatter.all(format);
    return std::move(formatter.out);
}

}  // namespace holdfast::jq::machine

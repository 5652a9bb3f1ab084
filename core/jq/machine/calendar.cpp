#include "core/jq/machine/calendar.hpp"

#include <algorithm>
#include <array>

#include "core/base/mutant.hpp"

namespace holdfast::jq::machine {
namespace {

constexpr std::int64_t day_seconds = 86400;
/// Of a field as wide as the format says.
constexpr std::size_t width_max = 1000;
constexpr std::array<std::string_view, 7> weekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months{"January",   "February", "March",    "April",
                                                  "May",       "June",     "July",     "August",
                                                  "September", "October",  "November", "December"};

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

/// Days from 1970-01-01; after Howard Hinnant's "chrono-compatible low-level date algorithms".
std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day) {
    year -= mutant(423) ? month < 2 : month <= 2;
    const std::int64_t era = floor_div(year, 400);
    const std::int64_t of_era = year - era * 400;
    const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
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
            if (c == '_' || c == '-' || c == '0') spec.pad = c;
            else if (c == '^') spec.upper = true;
            else if (c == '#') spec.swapped = true;
            else break;
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
            case 'Y':
                return append(m.year, 1), true;
            case 'C':
                return append(floor_div(m.year, 100), 2), true;
            case 'y':
                return append(((m.year % 100) + 100) % 100, 2), true;
            case 'm':
                return append(m.month + 1, 2), true;
            case 'd':
                return append(m.day, 2), true;
            case 'e':
                return append(m.day, 2, ' '), true;
            case 'j':
                return append(m.yearday + 1, 3), true;
            case 'a':
                return out += weekdays[static_cast<std::size_t>(m.weekday)].substr(0, 3), true;
            case 'A':
                return out += weekdays[static_cast<std::size_t>(m.weekday)], true;
            case 'b':
            case 'h':
                return out += months[static_cast<std::size_t>(m.month)].substr(0, 3), true;
            case 'B':
                return out += months[static_cast<std::size_t>(m.month)], true;
            case 'u':
                return append(m.weekday == 0 ? 7 : m.weekday, 1), true;
            case 'w':
                return append(m.weekday, 1), true;
            case 'U':
                return append((m.yearday + 7 - m.weekday) / 7, 2), true;
            case 'W':
                return append((m.yearday + 7 - (m.weekday + 6) % 7) / 7, 2), true;
            case 'V':
                return append(iso_week(m, year), 2), true;
            case 'G':
                return iso_week(m, year), append(year, 1), true;
            case 'g':
                return iso_week(m, year), append((year % 100 + 100) % 100, 2), true;
            default:
                return false;
        }
    }

    bool time(char c) {
        switch (c) {
            case 'H':
                return append(m.hour, 2), true;
            case 'k':
                return append(m.hour, 2, ' '), true;
            case 'I':
                return append(hour12(), 2), true;
            case 'l':
                return append(hour12(), 2, ' '), true;
            case 'M':
                return append(m.minute, 2), true;
            case 'S':
                return append(m.second, 2), true;
            case 'p':
                return out += m.hour < 12 ? "AM" : "PM", true;
            case 'P':
                return out += m.hour < 12 ? "am" : "pm", true;
            case 's':
                return append(seconds, 1), true;
            case 'Z':
                return out += zone, true;
            case 'z': {
                const std::int64_t minutes = (offset < 0 ? -offset : offset) / 60;
                out += offset < 0 ? '-' : '+';
                return append(minutes / 60 * 100 + minutes % 60, 4), true;
            }
            default:
                return false;
        }
    }

    bool whole(char c) {
        switch (c) {
            case 'c':
                return all("%a %b %e %H:%M:%S %Y"), true;
            case 'D':
            case 'x':
                return all("%m/%d/%y"), true;
            case 'F':
                return all("%Y-%m-%d"), true;
            case 'T':
            case 'X':
                return all("%H:%M:%S"), true;
            case 'R':
                return all("%H:%M"), true;
            case 'r':
                return all("%I:%M:%S %p"), true;
            case 'n':
                return out += '\n', true;
            case 't':
                return out += '\t', true;
            case '%':
                return out += '%', true;
            default:
                return false;
        }
    }
};

bool white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

struct MomentParser {
    std::string_view text;
    Moment& m;
    std::size_t at = 0;
    bool afternoon = false;
    bool half_day = false;
    bool has_seconds = false;
    bool is_dated = false;  ///< Something said which day it may be.
    bool has_month = false;
    bool has_day = false;
    bool has_weekday = false;
    bool has_yearday = false;
    std::int64_t seconds = 0;

    void skip_white() {
        while (at < text.size() && white(text[at])) ++at;
    }

    bool number(std::int64_t low, std::int64_t high, std::size_t digits_max, std::int64_t& out) {
        skip_white();
        const std::size_t begin = at;
        out = 0;
        while (at < text.size() && digit(text[at]) && at - begin < digits_max) {
            out = out * 10 + (text[at++] - '0');
        }
        return at > begin && out >= low && out <= high;
    }
    bool number(std::int64_t low, std::int64_t high, std::int32_t& out, std::int32_t less = 0) {
        std::int64_t read = 0;
        if (!number(low, high, high > 99 ? 3 : 2, read)) return false;
        out = static_cast<std::int32_t>(read) - less;
        return true;
    }

    template <std::size_t count>
    bool name(const std::array<std::string_view, count>& names, std::int32_t& out) {
        for (std::size_t i = 0; i < count; ++i) {
            for (const std::size_t size : {names[i].size(), std::size_t{3}}) {
                if (!word(names[i].substr(0, size))) continue;
                out = static_cast<std::int32_t>(i);
                return true;
            }
        }
        return false;
    }

    bool word(std::string_view expected) {
        const std::string_view seen = text.substr(std::min(at, text.size()), expected.size());
        const bool alike = std::equal(seen.begin(), seen.end(), expected.begin(), expected.end(),
                                      [](char a, char b) { return lower(a) == lower(b); });
        if (alike) at += expected.size();
        return alike;
    }

    /// `Z`, `+01:00`, `-0100`, `+01`: read, and not applied, as in jq.
    bool offset() {
        skip_white();
        if (at < text.size() && (text[at] == 'Z' || text[at] == 'z')) return ++at, true;
        if (at >= text.size() || (text[at] != '+' && text[at] != '-')) return false;
        const std::size_t begin = ++at;
        while (at < text.size() && (digit(text[at]) || text[at] == ':') && at - begin < 5) ++at;
        return at - begin >= 2;
    }

    /// Whatever stands there up to white space.
    bool zone() {
        skip_white();
        while (at < text.size() && !white(text[at])) ++at;
        return true;
    }

    bool all(std::string_view format) {
        for (std::size_t i = 0; i < format.size(); ++i) {
            if (white(format[i])) {
                skip_white();
            } else if (format[i] != '%' || i + 1 == format.size()) {
                if (at >= text.size() || text[at++] != format[i]) return false;
            } else {
                while (i + 2 < format.size() && (format[i + 1] == 'E' || format[i + 1] == 'O')) ++i;
                if (!date(format[++i])) return false;
                told(format[i]);
            }
        }
        return true;
    }

    void told(char letter) {
        const auto in = [&](std::string_view letters) {
            return letters.find(letter) != letters.npos;
        };
        has_month |= in("mbBh");
        has_day |= in("de");
        has_weekday |= in("aAuw");
        has_yearday |= letter == 'j';
        is_dated |= in("YymbBhdej");
    }

    /// The days of the week and of the year that follow from a date; from the day of the year the
    /// month and the day, where they were not said. As in glibc.
    void complete() {
        if (!is_dated) return;
        if (has_yearday && !(has_month && has_day)) {
            const Moment day = moment_of((days_of(m.year, 1, 1) + m.yearday) * day_seconds);
            if (!has_month) m.month = day.month;
            if (!has_day) m.day = day.day;
        }
        const std::int64_t days = days_of(m.year, m.month + 1, 1) + m.day - 1;
        if (!has_weekday) m.weekday = static_cast<std::int32_t>(((days + 4) % 7 + 7) % 7);
        if (!has_yearday) m.yearday = static_cast<std::int32_t>(days - days_of(m.year, 1, 1));
    }

    bool date(char c) {
        std::int64_t read = 0;
        switch (c) {
            case 'Y': {
                skip_white();
                const bool below = at < text.size() && text[at] == '-';
                at += below;
                if (!number(0, 9999, 4, read)) return false;
                return m.year = below ? -read : read, true;
            }
            case 'y':
                if (!number(0, 99, 2, read)) return false;
                return m.year = read + (read < 69 ? 2000 : 1900), true;
            case 'm':
                return number(1, 12, m.month, 1);
            case 'd':
            case 'e':
                return number(1, 31, m.day);
            case 'j':
                return number(1, 366, m.yearday, 1);
            case 'a':
            case 'A':
                return name(weekdays, m.weekday);
            case 'b':
            case 'B':
            case 'h':
                return name(months, m.month);
            case 'u':
                if (!number(1, 7, m.weekday)) return false;
                return m.weekday %= 7, true;
            case 'w':
                return number(0, 6, m.weekday);
            case 'D':
            case 'x':
                return all("%m/%d/%y");
            case 'F':
                return all("%Y-%m-%d");
            case 'c':
                return all("%a %b %e %H:%M:%S %Y");
            default:
                return time(c);
        }
    }

    bool time(char c) {
        switch (c) {
            case 'H':
            case 'k':
                return half_day = false, number(0, 23, m.hour);
            case 'I':
            case 'l':
                if (!number(1, 12, m.hour)) return false;
                return m.hour %= 12, half_day = true;
            case 'M':
                return number(0, 59, m.minute);
            case 'S':
                return number(0, 61, m.second);
            case 'p':
            case 'P':
                afternoon = word("pm");
                return afternoon || word("am");
            case 'T':
            case 'X':
                return all("%H:%M:%S");
            case 'R':
                return all("%H:%M");
            case 'r':
                return all("%I:%M:%S %p");
            case 's':
                return has_seconds = true, number(0, 60'000'000'000'000'000, 17, seconds);
            case 'z':
                return offset();
            case 'Z':
                return zone();
            case 'n':
            case 't':
                return skip_white(), true;
            case '%':
                return at < text.size() && text[at++] == '%';
            default:
                return false;
        }
    }
};

}  // namespace

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

std::optional<std::size_t> parse_moment(std::string_view text, std::string_view format,
                                        Moment& moment) {
    MomentParser parser{text, moment};
    if (!parser.all(format)) return std::nullopt;
    if (parser.half_day && parser.afternoon) moment.hour += 12;
    parser.complete();
    if (parser.has_seconds) moment = moment_of(parser.seconds);
    return parser.at;
}

}  // namespace holdfast::jq::machine

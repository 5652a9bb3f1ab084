// Times that are read: what C's strptime takes, as glibc has it in the C locale.
#include <algorithm>

#include "core/jq/machine/calendar.hpp"

namespace holdfast::jq::machine {
namespace {

bool white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

struct MomentParser {
    std::string_view text;
    Moment& m;
    std::size_t at = 0;
    bool afternoon = false;
    bool half_day = false;
    bool is_dated = false;  ///< Something said which day it may be.
    bool has_month = false;
    bool has_day = false;
    bool has_weekday = false;
    bool has_yearday = false;
    bool in_century = false;       ///< The year was said without its century.
    std::int64_t century = -1;     ///< -1: none was said.
    std::int64_t week = -1;        ///< -1: none was said.
    std::int32_t week_begins = 0;  ///< With this day.

    void skip_white() {
        while (at < text.size() && white(text[at])) ++at;
    }

    bool number(std::int64_t low, std::int64_t high, std::size_t digits_max, std::int64_t& out) {
        skip_white();
        const std::size_t begin = at;
        out = 0;
        // A digit that would lead beyond `high` is the next one's.
        while (at < text.size() && digit(text[at]) && at - begin < digits_max &&
               (at == begin || out * 10 <= high)) {
            out = out * 10 + (text[at++] - '0');
        }
        return at > begin && out >= low && out <= high;
    }
    bool number(std::int64_t low, std::int64_t high, std::int32_t& out, std::int32_t less = 0) {
        std::int64_t read = 0;
        if (!number(low, high, high > 99 ? 3 : high > 9 ? 2 : 1, read)) return false;
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
        if (at < text.size() && text[at] == 'Z') return ++at, true;
        if (at >= text.size() || (text[at] != '+' && text[at] != '-')) return false;
        std::int64_t read = 0;
        int digits = 0;
        for (++at; digits < 4 && at < text.size() && digit(text[at]); ++digits) {
            read = read * 10 + (text[at++] - '0');
            const bool colon = digits == 1 && at + 1 < text.size() && text[at] == ':';
            at += colon && digit(text[at + 1]);
        }
        return digits == 2 || (digits == 4 && read % 100 < 60);
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
            } else if (format[i] == '%' && i + 1 == format.size()) {
                return false;
            } else if (format[i] != '%') {
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
        is_dated |= in("CYymbBhdeDFxc");
    }

    /// The month and the day from the day of the year, where they were not said.
    void place_yearday() {
        if (has_month && has_day) return;
        const Moment day = moment_of((days_of(m.year, 1, 1) + m.yearday) * day_seconds);
        if (!has_month) m.month = day.month;
        if (!has_day) m.day = day.day;
    }

    /// What was said in parts; the days of the week and of the year that follow from a date.
    void complete() {
        if (half_day && afternoon) m.hour += 12;
        if (century >= 0) m.year = century * 100 + (in_century ? m.year % 100 : 0);
        if (is_dated && !has_weekday && has_yearday) place_yearday();
        const std::int64_t days = days_of(m.year, m.month + 1, 1) + m.day - 1;
        if (is_dated && !has_weekday)
            m.weekday = static_cast<std::int32_t>(((days + 4) % 7 + 7) % 7);
        const std::int64_t first = days_of(m.year, 1, 1);
        if (is_dated && !has_yearday) m.yearday = static_cast<std::int32_t>(days - first);
        if (week < 0 || !has_weekday) return;
        const auto weekday = static_cast<std::int32_t>(((first + 4) % 7 + 7) % 7);
        if (!has_yearday) {
            m.yearday = (7 - (weekday - week_begins)) % 7 +
                        static_cast<std::int32_t>(week - 1) * 7 + (m.weekday - week_begins + 7) % 7;
        }
        place_yearday();
    }

    bool date(char c) {
        std::int64_t read = 0;
        switch (c) {
            case 'Y':
                if (!number(0, 9999, 4, read)) return false;
                return m.year = read, in_century = false, true;
            case 'y':
                if (!number(0, 99, 2, read)) return false;
                return m.year = read + (read < 69 ? 2000 : 1900), in_century = true;
            case 'm': return number(1, 12, m.month, 1);
            case 'd':
            case 'e': return number(1, 31, m.day);
            case 'j': return number(1, 366, m.yearday, 1);
            case 'a':
            case 'A': return name(weekdays, m.weekday);
            case 'b':
            case 'B':
            case 'h': return name(months, m.month);
            case 'u':
                if (!number(1, 7, m.weekday)) return false;
                return m.weekday %= 7, true;
            case 'w': return number(0, 6, m.weekday);
            case 'D':
            case 'x': return all("%m/%d/%y");
            case 'F': return all("%Y-%m-%d");
            case 'c': return all("%a %b %e %H:%M:%S %Y");
            case 'C':
            case 'G':
            case 'g':
            case 'U':
            case 'V':
            case 'W': return part_of_year(c);
            default: return time(c);
        }
    }

    /// A century or a week.
    bool part_of_year(char c) {
        std::int64_t read = 0;
        switch (c) {
            case 'C': return number(0, 99, 2, century);
            case 'G':
                if (at >= text.size() || !digit(text[at])) return false;
                while (at < text.size() && digit(text[at])) ++at;
                return true;
            case 'g': return number(0, 99, 2, read);
            default:
                if (!number(0, 53, 2, read)) return false;
                if (c == 'V') return true;
                return week = read, week_begins = c == 'W', true;
        }
    }

    /// Seconds since 1970: all of the moment, so far.
    bool since_epoch() {
        std::int64_t read = 0;
        const bool is_number = at < text.size() && digit(text[at]);
        if (!is_number || !number(0, 60'000'000'000'000'000, 17, read)) return false;
        return m = moment_of(read), true;
    }

    bool time(char c) {
        switch (c) {
            case 'H':
            case 'k': return half_day = false, number(0, 23, m.hour);
            case 'I':
            case 'l':
                if (!number(1, 12, m.hour)) return false;
                return m.hour %= 12, half_day = true;
            case 'M': return number(0, 59, m.minute);
            case 'S': return number(0, 61, m.second);
            case 'p': afternoon = word("pm"); return afternoon || word("am");
            case 'T':
            case 'X': return all("%H:%M:%S");
            case 'R': return all("%H:%M");
            case 'r': return all("%I:%M:%S %p");
            case 's': return since_epoch();
            case 'z': return offset();
            case 'Z': return zone();
            case 'n':
            case 't': return skip_white(), true;
            case '%': return at < text.size() && text[at++] == '%';
            default: return false;
        }
    }
};

}  // namespace

std::optional<std::size_t> parse_moment(std::string_view text, std::string_view format,
                                        Moment& moment) {
    MomentParser parser{text, moment};
    if (!parser.all(format)) return std::nullopt;
    parser.complete();
    return parser.at;
}

}  // namespace holdfast::jq::machine

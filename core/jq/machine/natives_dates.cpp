// Dates: seconds since 1970, their parts, and both as text.
#include "core/jq/machine/builtins.hpp"
#include "core/jq/machine/calendar.hpp"

namespace holdfast::jq::machine {
namespace {

/// As far as C's functions see it.
std::string_view of_c(std::string_view text) { return text.substr(0, text.find('\0')); }

double floored(double number) {
    const auto whole = static_cast<double>(static_cast<std::int64_t>(number));
    return whole > number ? whole - 1 : whole;
}

Value parts_of(Heap& heap, const Moment& m, double fraction) {
    const double parts[] = {static_cast<double>(m.year),    static_cast<double>(m.month),
                            static_cast<double>(m.day),     static_cast<double>(m.hour),
                            static_cast<double>(m.minute),  m.second + fraction,
                            static_cast<double>(m.weekday), static_cast<double>(m.yearday)};
    ArrayBuilder array(heap);
    for (const double part : parts) array.add(Value::of(part));
    return array.value();
}

/// False where it is no time that has a year.
bool broken_down(Bench& bench, double seconds, double offset, Value& out) {
    if (!(seconds <= seconds_max && seconds >= -seconds_max)) {
        return bench.fail("error converting number of seconds since epoch to datetime");
    }
    const double whole = floored(seconds);
    out =
        parts_of(bench.heap, moment_of(static_cast<std::int64_t>(whole + offset)), seconds - whole);
    return true;
}

/// The parts in an array of numbers; a year that is missing is 1900, the others are 0.
bool moment_from(Bench& bench, const Value& array, std::string_view words, Moment& m) {
    if (!array.is(Kind::array)) return bench.fail(words);
    const Value parts = opened(bench.heap, array);
    std::int64_t read[6] = {1900};
    for (std::uint32_t i = 0; i < parts.size; ++i) {
        const Value& part = parts.array->items[i];
        if (i >= 8) break;
        if (!part.is(Kind::number)) return bench.fail(words);
        const double number = number_of(part);
        if (!(number > -2.2e9 && number < 2.2e9)) return bench.fail(words);
        if (i < 6) read[i] = static_cast<std::int64_t>(floored(number));
    }
    const auto clamped = [](std::int64_t number) {
        return static_cast<std::int32_t>(number > INT32_MAX   ? INT32_MAX
                                         : number < INT32_MIN ? INT32_MIN
                                                              : number);
    };
    m.year = read[0];
    m.month = clamped(read[1]);
    m.day = clamped(read[2]);
    m.hour = clamped(read[3]);
    m.minute = clamped(read[4]);
    m.second = clamped(read[5]);
    return true;
}

bool gmtime(Bench& bench, const Value* v, Value& out) {
    if (!v[0].is(Kind::number)) return bench.fail("gmtime() requires numeric inputs");
    return broken_down(bench, number_of(v[0]), 0, out);
}

bool localtime(Bench& bench, const Value* v, Value& out) {
    if (!v[0].is(Kind::number)) return bench.fail("localtime() requires numeric inputs");
    const double seconds = number_of(v[0]);
    std::string name;
    const bool sane = seconds <= seconds_max && seconds >= -seconds_max;
    const std::int64_t offset =
        sane ? bench.outside.zone(static_cast<std::int64_t>(floored(seconds)), name) : 0;
    return broken_down(bench, seconds, static_cast<double>(offset), out);
}

bool mktime(Bench& bench, const Value* v, Value& out) {
    if (!v[0].is(Kind::array)) return bench.fail("mktime requires array inputs");
    Moment moment;
    if (!moment_from(bench, v[0], "mktime requires parsed datetime inputs", moment)) return false;
    out = Value::of(static_cast<double>(seconds_of(moment)));
    return true;
}

struct Words {
    std::string_view parsed, format;
};

bool format_time(Bench& bench, const Value* v, bool local, const Words& words, Value& out) {
    Value parts = v[0];
    if (parts.is(Kind::number) && !(local ? localtime(bench, v, parts) : gmtime(bench, v, parts))) {
        return false;
    }
    if (!parts.is(Kind::array)) return bench.fail(words.parsed);
    if (!v[1].is(Kind::string)) return bench.fail(words.format);
    Moment moment;
    if (!moment_from(bench, parts, words.parsed, moment)) return false;
    const std::int64_t wall = seconds_of(moment);
    std::string zone = local ? "" : "UTC";
    std::int64_t offset = 0;
    if (local) {
        offset = bench.outside.zone(wall, zone);
        offset = bench.outside.zone(wall - offset, zone);
    }
    const std::string_view format = of_c(text_of(bench.heap, v[1]));
    if (!bench.heap.fits(format.size() * 256)) return bench.heap.exhaust(), true;
    out = make_string(bench.heap, formatted(format, moment_of(wall), wall - offset, offset, zone));
    return true;
}

bool strftime(Bench& bench, const Value* v, Value& out) {
    return format_time(
        bench, v, false,
        {"strftime/1 requires parsed datetime inputs", "strftime/1 requires a string format"}, out);
}

bool strflocaltime(Bench& bench, const Value* v, Value& out) {
    return format_time(bench, v, true,
                       {"strflocaltime/1 requires parsed datetime inputs",
                        "strflocaltime/1 requires a string format"},
                       out);
}

bool strptime(Bench& bench, const Value* v, Value& out) {
    if (!v[0].is(Kind::string) || !v[1].is(Kind::string)) {
        return bench.fail("strptime/1 requires string inputs and arguments");
    }
    const std::string_view text = of_c(text_of(bench.heap, v[0]));
    const std::string_view format = of_c(text_of(bench.heap, v[1]));
    // jq's words for days that nobody said.
    Moment moment{.weekday = 8, .yearday = 367};
    const auto end = parse_moment(text, format, moment);
    constexpr std::string_view spaces = " \t\n\v\f\r";
    // White space and what is behind it may be left over.
    const bool fits = end && (*end >= text.size() || spaces.contains(text[*end]));
    if (!fits) {
        return bench.fail("date \"" + std::string(text) + "\" does not match format \"" +
                          std::string(format) + "\"");
    }
    out = parts_of(bench.heap, moment, 0);
    if (*end < text.size()) out = append(bench.heap, out, Value::of(text.substr(*end)));
    return true;
}

}  // namespace

std::vector<NativeEntry> date_natives() {
    return {{"gmtime", 0, gmtime},     {"localtime", 0, localtime},
            {"mktime", 0, mktime},     {"strftime", 1, strftime},
            {"strptime", 1, strptime}, {"strflocaltime", 1, strflocaltime}};
}

}  // namespace holdfast::jq::machine

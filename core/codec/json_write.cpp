#include <array>
#include <cstdint>

#include "core/base/assert.hpp"
#include "core/codec/convert.hpp"
#include "core/codec/json_text.hpp"
#include "core/codec/members.hpp"

namespace holdfast::codec {
namespace {

void append_base64(std::span<const std::byte> bytes, std::string& out) {
    static constexpr char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out += '"';
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t here = bytes.size() - i < 3 ? bytes.size() - i : 3;
        std::uint32_t group = 0;
        for (std::size_t n = 0; n < 3; ++n) {
            group = group << 8 | (n < here ? static_cast<std::uint32_t>(bytes[i + n]) : 0);
        }
        for (std::size_t n = 0; n < 4; ++n) {
            out += n <= here ? digits[group >> (18 - 6 * n) & 63] : '=';
        }
    }
    out += '"';
}

struct Date {
    std::int64_t year;
    std::uint32_t month, day;
};

/// Of the proleptic Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
Date date_of(std::int64_t days) {
    days += 719468;
    const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const auto of_era = static_cast<std::uint32_t>(days - era * 146097);
    const std::uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const std::uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const std::uint32_t shifted = (5 * of_year + 2) / 153;
    const std::uint32_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    return {year + era * 400 + (month <= 2 ? 1 : 0), month, of_year - (153 * shifted + 2) / 5 + 1};
}

void append_digits(std::uint64_t number, std::size_t width, std::string& out) {
    std::array<char, 20> text;
    for (std::size_t i = width; i > 0; --i, number /= 10) {
        text[i - 1] = static_cast<char>('0' + number % 10);
    }
    out.append(text.data(), width);
}

constexpr std::int64_t day_seconds = 86400;
constexpr std::int64_t first_second = -62167219200;  // 0000-01-01
constexpr std::int64_t end_second = 253402300800;    // 10000-01-01

void append_instant(const Timestamp& at, std::string& out) {
    std::int64_t days = at.seconds / day_seconds;
    std::int64_t rest = at.seconds % day_seconds;
    if (rest < 0) {
        rest += day_seconds;
        --days;
    }
    const Date date = date_of(days);
    const auto second = static_cast<std::uint64_t>(rest);
    out += '"';
    append_digits(static_cast<std::uint64_t>(date.year), 4, out);
    out += '-';
    append_digits(date.month, 2, out);
    out += '-';
    append_digits(date.day, 2, out);
    out += 'T';
    append_digits(second / 3600, 2, out);
    out += ':';
    append_digits(second / 60 % 60, 2, out);
    out += ':';
    append_digits(second % 60, 2, out);
    if (at.nanoseconds > 0) {
        out += '.';
        append_digits(at.nanoseconds, 9, out);
        while (out.back() == '0') out.pop_back();
    }
    out += "Z\"";
}

void append_extension(std::int8_t type, std::span<const std::byte> data, std::string& out) {
    out += R"({"ext":)";
    append_int64(type, out);
    out += R"(,"data":)";
    append_base64(data, out);
    out += '}';
}

void append_timestamp(const Value& value, std::string& out) {
    const Timestamp at = value.timestamp();
    if (at.seconds >= first_second && at.seconds < end_second) {
        append_instant(at, out);
    } else {
        append_extension(-1, value.raw().subspan(value.node()->prefix), out);
    }
}

/// Bound on the depth: depth_max, by the parser.
void append_value(const Value& value, std::string& out) {
    std::string scratch;
    bool first = true;
    switch (value.kind()) {
        case Kind::missing:
        case Kind::null: out += "null"; return;
        case Kind::boolean: out += value.boolean() ? "true" : "false"; return;
        case Kind::int64: append_int64(value.int64(), out); return;
        case Kind::uint64: append_uint64(value.uint64(), out); return;
        case Kind::real: append_real(value.real(), out); return;
        case Kind::string: append_quoted(value.string(scratch), out); return;
        case Kind::array:
            out += '[';
            for (const Value element : value.children()) {
                if (!first) out += ',';
                first = false;
                append_value(element, out);
            }
            out += ']';
            return;
        case Kind::object:
            out += '{';
            for (const Value& member : members_of(value)) {
                if (!first) out += ',';
                first = false;
                append_quoted(member.key(scratch), out);
                out += ':';
                append_value(member, out);
            }
            out += '}';
            return;
        case Kind::binary: append_base64(value.binary(), out); return;
        case Kind::timestamp: append_timestamp(value, out); return;
        case Kind::extension: append_extension(value.extension_type(), value.binary(), out); return;
    }
}

}  // namespace

void append_json(const Value& value, std::string& out) {
    HF_ASSERT(!value.missing());
    if (value.format() == Format::json) {
        const auto raw = value.raw();
        out.append(reinterpret_cast<const char*>(raw.data()), raw.size());
        return;
    }
    append_value(value, out);
}

}  // namespace holdfast::codec

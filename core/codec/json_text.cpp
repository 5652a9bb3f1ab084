#include "core/codec/json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

#include "core/base/assert.hpp"
#include "core/codec/utf8.hpp"

namespace holdfast::codec {
namespace {

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

/// Four hexadecimal digits; above 0xffff: they are not.
std::uint32_t hex4(std::string_view text) {
    std::uint32_t value = 0;
    if (text.size() < 4) return UINT32_MAX;
    for (std::size_t i = 0; i < 4; ++i) {
        const char c = text[i];
        const char lower = static_cast<char>(c | 0x20);
        std::uint32_t digit = 0;
        if (is_digit(c)) {
            digit = static_cast<std::uint32_t>(c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            digit = static_cast<std::uint32_t>(lower - 'a' + 10);
        } else {
            return UINT32_MAX;
        }
        value = value << 4 | digit;
    }
    return value;
}

/// One escape at the head of a text. size == 0: it is wrong.
struct Escape {
    std::size_t size = 0;
    std::uint32_t point = 0;
};

Escape unicode_escape(std::string_view text) {
    const std::uint32_t unit = hex4(text.substr(2));
    if (unit > 0xffff || (unit >= 0xdc00 && unit <= 0xdfff)) return {};
    if (unit < 0xd800 || unit > 0xdbff) return {6, unit};
    if (text.size() < 12 || text[6] != '\\' || text[7] != 'u') return {};
    const std::uint32_t low = hex4(text.substr(8));
    if (low < 0xdc00 || low > 0xdfff) return {};
    return {12, 0x10000 + ((unit - 0xd800) << 10 | (low - 0xdc00))};
}

/// Requires text[0] == '\\'.
Escape escape_at(std::string_view text) {
    if (text.size() < 2) return {};
    switch (text[1]) {
        case '"':
        case '\\':
        case '/': return {2, static_cast<std::uint32_t>(text[1])};
        case 'b': return {2, '\b'};
        case 'f': return {2, '\f'};
        case 'n': return {2, '\n'};
        case 'r': return {2, '\r'};
        case 't': return {2, '\t'};
        case 'u': return unicode_escape(text);
        default: return {};
    }
}

template <class T>
T parsed(std::string_view text) {
    T value{};
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    HF_ASSERT(result.ec == std::errc() && result.ptr == text.data() + text.size());
    return value;
}

template <class T>
void append_number(T number, std::string& out) {
    std::array<char, 32> buffer;
    const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
    out.append(buffer.data(), result.ptr);
}

std::size_t digits_from(std::string_view text, std::size_t at) {
    while (at < text.size() && is_digit(text[at])) ++at;
    return at;
}

Kind integer_kind(std::string_view text) {
    const bool negative = text[0] == '-';
    const std::size_t digits = text.size() - (negative ? 1 : 0);
    if (digits <= 18) return negative && text[1] == '0' ? Kind::real : Kind::int64;
    std::int64_t fits = 0;
    std::uint64_t fits_unsigned = 0;
    const char* end = text.data() + text.size();
    if (std::from_chars(text.data(), end, fits).ec == std::errc()) return Kind::int64;
    if (negative) return Kind::real;
    const auto result = std::from_chars(text.data(), end, fits_unsigned);
    return result.ec == std::errc() ? Kind::uint64 : Kind::real;
}

/// The power of ten of the first digit that is not 0, at least so far as its sign is concerned.
/// Requires: a number, other than 0.
std::int64_t leading_power(std::string_view text) {
    const std::size_t e = std::min(text.find_first_of("eE"), text.size());
    const std::string_view digits = text.substr(0, e);
    const std::size_t point = std::min(digits.find('.'), digits.size());
    const std::size_t first = std::min(digits.find_first_of("123456789"), digits.size());
    std::int64_t exponent = 0;
    if (e < text.size()) {
        std::string_view power = text.substr(e + 1);
        const bool negative = power[0] == '-';
        if (power[0] == '+' || negative) power.remove_prefix(1);
        constexpr std::int64_t enough = std::int64_t{1} << 40;  // More than a text has digits.
        for (const char c : power) exponent = std::min(enough, exponent * 10 + (c - '0'));
        if (negative) exponent = -exponent;
    }
    return static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) + exponent;
}

}  // namespace

NumberShape number_shape(std::string_view text) {
    std::size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
    const std::size_t first = at;
    at = digits_from(text, at);
    if (at == first) return {};
    if (text[first] == '0' && at > first + 1) return {};
    bool whole = true;
    if (at < text.size() && text[at] == '.') {
        const std::size_t fraction = at + 1;
        at = digits_from(text, fraction);
        if (at == fraction) return {};
        whole = false;
    }
    if (at < text.size() && (text[at] | 0x20) == 'e') {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        const std::size_t exponent = at;
        at = digits_from(text, exponent);
        if (at == exponent) return {};
        whole = false;
    }
    return {at, whole ? integer_kind(text.substr(0, at)) : Kind::real};
}

std::int64_t int64_of(std::string_view text) { return parsed<std::int64_t>(text); }
std::uint64_t uint64_of(std::string_view text) { return parsed<std::uint64_t>(text); }

double real_of(std::string_view text) {
    double value = 0;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    HF_ASSERT(result.ptr == end);
    if (result.ec == std::errc()) return value;
    // Out of range, which way the text tells.
    const double magnitude =
        leading_power(text) > 0 ? std::numeric_limits<double>::infinity() : 0.0;
    return text[0] == '-' ? -magnitude : magnitude;
}

std::optional<std::size_t> wrong_escape(std::string_view contents) {
    std::size_t at = 0;
    while (at < contents.size()) {
        at = contents.find('\\', at);
        if (at == std::string_view::npos) break;
        const Escape escape = escape_at(contents.substr(at));
        if (escape.size == 0) return at;
        at += escape.size;
    }
    return std::nullopt;
}

void append_unescaped(std::string_view contents, std::string& out) {
    while (!contents.empty()) {
        const std::size_t plain = std::min(contents.find('\\'), contents.size());
        out.append(contents.substr(0, plain));
        contents.remove_prefix(plain);
        if (contents.empty()) break;
        const Escape escape = escape_at(contents);
        HF_ASSERT(escape.size > 0);
        append_utf8(escape.point, out);
        contents.remove_prefix(escape.size);
    }
}

bool unescaped_equals(std::string_view contents, std::string_view text) {
    if (contents.find('\\') == std::string_view::npos) return contents == text;
    if (contents.size() < text.size()) return false;  // An escape is longer than its meaning.
    std::string unescaped;
    append_unescaped(contents, unescaped);
    return unescaped == text;
}

void append_quoted(std::string_view text, std::string& out) {
    static constexpr char hex[] = "0123456789abcdef";
    out += '"';
    std::size_t from = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        out.append(text.substr(from, i - from));
        from = i + 1;
        out += '\\';
        const char* found = std::strchr("\"\"\\\\\nn\rr\tt\bb\ff", text[i]);
        if (c != 0 && found != nullptr) {
            out += found[1];
        } else {
            out += "u00";
            out += hex[c >> 4];
            out += hex[c & 15];
        }
    }
    out.append(text.substr(from));
    out += '"';
}

void append_real(double number, std::string& out) {
    constexpr double largest = std::numeric_limits<double>::max();
    if (number != number) {
        out += "null";
        return;
    }
    if (number > largest) number = largest;
    if (number < -largest) number = -largest;
    const std::size_t from = out.size();
    append_number(number, out);
    if (out.find_first_of(".e", from) == std::string::npos) out += ".0";
}

void append_int64(std::int64_t number, std::string& out) { append_number(number, out); }
void append_uint64(std::uint64_t number, std::string& out) { append_number(number, out); }

}  // namespace holdfast::codec

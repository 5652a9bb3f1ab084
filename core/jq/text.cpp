#include "core/jq/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "core/codec/utf8.hpp"

namespace holdfast::jq {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

/// Of four hexadecimal digits; negative if they are none.
int hex4(const char* p) {
    int value = 0;
    for (int i = 0; i < 4; ++i) {
        const char c = p[i];
        const int nibble = digit(c)               ? c - '0'
                           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                  : -1;
        if (nibble < 0) return -1;
        value = value * 16 + nibble;
    }
    return value;
}

bool high_surrogate(int unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool low_surrogate(int unit) { return unit >= 0xDC00 && unit < 0xE000; }

/// What a one-letter escape stands for; 0 if it is none.
char plain_escape(char c) {
    switch (c) {
        case '"':
        case '\\':
        case '/': return c;
        case 'b': return '\b';
        case 'f': return '\f';
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        default: return 0;
    }
}

}  // namespace

bool escapes_are_valid(std::string_view inside) {
    std::size_t i = 0;
    while ((i = inside.find('\\', i)) != std::string_view::npos) {
        if (i + 1 >= inside.size()) return false;
        if (inside[i + 1] != 'u') {
            if (plain_escape(inside[i + 1]) == 0) return false;
            i += 2;
            continue;
        }
        if (i + 6 > inside.size()) return false;
        const int unit = hex4(inside.data() + i + 2);
        if (unit < 0 || low_surrogate(unit)) return false;
        i += 6;
        if (!high_surrogate(unit)) continue;
        if (i + 6 > inside.size() || inside[i] != '\\' || inside[i + 1] != 'u') return false;
        if (!low_surrogate(hex4(inside.data() + i + 2))) return false;
        i += 6;
    }
    return true;
}

void decode_string(std::string_view inside, std::string& out) {
    out.clear();
    std::size_t i = 0;
    while (i < inside.size()) {
        const std::size_t escape = std::min(inside.find('\\', i), inside.size());
        out.append(inside.substr(i, escape - i));
        i = escape;
        if (i == inside.size()) break;
        if (inside[i + 1] != 'u') {
            out += plain_escape(inside[i + 1]);
            i += 2;
            continue;
        }
        auto point = static_cast<std::uint32_t>(hex4(inside.data() + i + 2));
        i += 6;
        if (high_surrogate(static_cast<int>(point))) {
            const auto low = static_cast<std::uint32_t>(hex4(inside.data() + i + 2));
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
            i += 6;
        }
        char bytes[4];
        out.append(bytes, codec::encode_utf8(point, bytes));
    }
}

std::string quoted(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (byte < 0x20 || byte == 0x7F) {
            out += "\\u00";
            out += hex[byte >> 4];
            out += hex[byte & 15];
        } else {
            out += c;
        }
    }
    return out + '"';
}

const char* number_end(const char* p) {
    if (*p == '-') ++p;
    if (!digit(*p)) return nullptr;
    if (*p == '0') {
        ++p;
    } else {
        while (digit(*p)) ++p;
    }
    if (*p == '.') {
        ++p;
        if (!digit(*p)) return nullptr;
        while (digit(*p)) ++p;
    }
    if (*p == 'e' || *p == 'E') {
        ++p;
        if (*p == '+' || *p == '-') ++p;
        if (!digit(*p)) return nullptr;
        while (digit(*p)) ++p;
    }
    return p;
}

std::optional<double> number_value(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::uint64_t code_points(std::string_view text) {
    std::uint64_t count = 0;
    for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return count;
}

void append_number(double number, std::string& out) {
    using Limits = std::numeric_limits<double>;
    if (number != number) {
        out += "null";
        return;
    }
    number = std::clamp(number, Limits::lowest(), Limits::max());
    std::array<char, 32> digits;
    const bool plain =
        number > -1e17 && number < 1e17 && (number >= 1e-5 || number <= -1e-5 || number == 0);
    const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
    const auto [end, error] =
        std::to_chars(digits.data(), digits.data() + digits.size(), number, format);
    out.append(digits.data(), end);
}

}  // namespace holdfast::jq

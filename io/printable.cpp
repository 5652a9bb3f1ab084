// See printable.hpp.
#include "io/printable.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/base/assert.hpp"

namespace holdfast::io {
namespace {

struct Range {
    std::uint32_t first, last;
};

// Default_Ignorable_Code_Point of Unicode 15, the separators of lines, and the marks of annotations.
constexpr std::array hidden = {
    Range{0x00ad, 0x00ad},   Range{0x034f, 0x034f},   Range{0x061c, 0x061c},
    Range{0x115f, 0x1160},   Range{0x17b4, 0x17b5},   Range{0x180b, 0x180f},
    Range{0x200b, 0x200f},   Range{0x2028, 0x202e},   Range{0x2060, 0x206f},
    Range{0x3164, 0x3164},   Range{0xfe00, 0xfe0f},   Range{0xfeff, 0xfeff},
    Range{0xffa0, 0xffa0},   Range{0xfff0, 0xfffb},   Range{0x1bca0, 0x1bca3},
    Range{0x1d173, 0x1d17a}, Range{0xe0000, 0xe0fff},
};

constexpr bool is_control(std::uint32_t point) {
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

}  // namespace

bool is_hidden(std::uint32_t point) {
    if (is_control(point)) return true;
    return std::any_of(hidden.begin(), hidden.end(), [&](const Range& range) {
        return point >= range.first && point <= range.last;
    });
}

Character character_at(std::string_view text, std::size_t at) {
    HF_ASSERT(at < text.size());
    const auto byte = [&](std::size_t i) -> std::uint32_t {
        return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
    };
    const std::uint32_t first = byte(0);
    const Character wrong{first, 1, false};
    if (first < 0x80) return {first, 1, true};
    const std::uint8_t size = first < 0xc2   ? 0
                              : first < 0xe0 ? 2
                              : first < 0xf0 ? 3
                              : first < 0xf5 ? 4
                                             : 0;
    if (size == 0) return wrong;
    std::uint32_t point = first & (0x7fu >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if (byte(i) >> 6 != 2) return wrong;
        point = point << 6 | (byte(i) & 0x3f);
    }
    constexpr std::array<std::uint32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    if (point < least[size] || surrogate || point > 0x10ffff) return wrong;
    return {point, size, true};
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Character c = character_at(text, at);
        if (!c.valid || is_control(c.point))
            out += fmt::format("\\x{:02x}", c.point);
        else if (is_hidden(c.point))
            out += fmt::format("\\u{{{:x}}}", c.point);
        else
            out += text.substr(at, c.size);
        at += c.size;
    }
    return out;
}

std::string_view cut(std::string_view text, std::size_t size) {
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t next = at + character_at(text, at).size;
        if (next > size) break;
        at = next;
    }
    return text.substr(0, at);
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t longest = 60;
    std::string out = "\"";
    for (char c : cut(text, longest)) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return io::printable(out) + (text.size() > longest ? "...\"" : "\"");
}

}  // namespace holdfast::io

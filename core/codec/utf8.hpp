// UTF-8, as Unicode has it: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::codec {

bool valid_long_utf8(std::string_view text);

/// Whether it is ASCII, for short text, where a call would cost more. Requires size <= 32.
inline bool short_ascii(std::string_view text) {
    const auto load = [&](std::size_t at, auto word) {
        std::memcpy(&word, text.data() + at, sizeof word);
        return std::uint64_t{word};
    };
    const std::size_t size = text.size();
    std::uint64_t seen = 0;
    if (size >= 8) {  // Words that overlap, rather than single bytes.
        seen = load(size - 8, std::uint64_t{});
        for (std::size_t at = 0; at + 8 < size; at += 8) seen |= load(at, std::uint64_t{});
    } else if (size >= 4) {
        seen = load(0, std::uint32_t{}) | load(size - 4, std::uint32_t{});
    } else if (size > 0) {
        seen = load(0, std::uint8_t{}) | load(size / 2, std::uint8_t{}) |
               load(size - 1, std::uint8_t{});
    }
    return (seen & 0x8080808080808080u) == 0;
}

/// Bound: one pass, vectorised save for short text.
inline bool valid_utf8(std::string_view text) {
    return (text.size() <= 32 && short_ascii(text)) || valid_long_utf8(text);
}
/// The length of the longest valid prefix.
std::size_t valid_utf8_prefix(std::string_view text);
/// Writes the bytes of a code point, a surrogate's as well; returns how many: 1 to 4.
/// Requires point <= 0x10ffff.
std::size_t encode_utf8(std::uint32_t point, std::span<char, 4> out);
/// Appends one character. Requires point <= 0x10ffff and no surrogate.
void append_utf8(std::uint32_t point, std::string& out);

}  // namespace holdfast::codec

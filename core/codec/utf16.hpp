// Whether bytes that are no UTF-8 look like UTF-16, which people take for text.
//
// Rule: a guess, for the words of an error alone.
// Doesn't know: what was to be read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace holdfast::codec {

/// Has it UTF-16's byte order mark, or a zero byte beside most others, always on the same side?
inline bool looks_like_utf16(std::span<const std::byte> text) {
    if (text.size() < 4) return false;
    const auto first = std::to_integer<unsigned>(text[0]),
               second = std::to_integer<unsigned>(text[1]);
    if ((first == 0xff && second == 0xfe) || (first == 0xfe && second == 0xff)) return true;
    std::size_t zeros[2] = {0, 0};
    for (std::size_t i = 0; i < text.size(); ++i) zeros[i & 1] += text[i] == std::byte{0} ? 1 : 0;
    const std::size_t many = std::max(zeros[0], zeros[1]), few = std::min(zeros[0], zeros[1]);
    return few == 0 && many >= text.size() / 4;
}

}  // namespace holdfast::codec

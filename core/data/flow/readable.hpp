// What stands in a line besides its value, for those who parse it, and what a line looks like that
// is no UTF-8 text at all.
//
// Rule 1: a UTF-8 byte order mark counts where a partition begins, and nowhere else.
// Rule 2: a blank line is nothing but JSON's white space; zero bytes are not white space.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

#include "core/codec/utf16.hpp"

namespace holdfast::flow {

inline bool is_blank(std::span<const std::byte> text) {
    return std::all_of(text.begin(), text.end(), [](std::byte b) {
        return b == std::byte{' '} || b == std::byte{'\t'} || b == std::byte{'\r'} ||
               b == std::byte{'\n'};
    });
}

inline constexpr std::size_t mark_size = 3;

inline bool begins_with_mark(std::span<const std::byte> text) {
    return text.size() >= mark_size && text[0] == std::byte{0xef} && text[1] == std::byte{0xbb} &&
           text[2] == std::byte{0xbf};
}

/// Words to put before an error of a record that cannot be parsed, where its bytes say more.
inline std::string hint_of(std::span<const std::byte> text) {
    if (codec::looks_like_utf16(text))
        return "this looks like UTF-16, and only UTF-8 is read (iconv -f UTF-16 -t UTF-8 makes "
               "that "
               "of it): ";
    const auto zero = [](std::byte b) { return b == std::byte{0}; };
    const auto zeros = std::find_if_not(text.begin(), text.end(), zero) - text.begin();
    if (zeros == 0) return {};
    return "it begins with " + std::to_string(zeros) +
           " zero bytes (a hole that its writer left): ";
}

}  // namespace holdfast::flow

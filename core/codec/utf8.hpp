// UTF-8, as Unicode has it: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::codec {

/// Bound: one pass, vectorised save for short text, which is mostly ASCII.
bool valid_utf8(std::string_view text);
/// The length of the longest valid prefix.
std::size_t valid_utf8_prefix(std::string_view text);
/// Appends one character. Requires point <= 0x10ffff and no surrogate.
void append_utf8(std::uint32_t point, std::string& out);

}  // namespace holdfast::codec

// Text of somebody else's (file names, config text, records) as it may stand in a line for people.
//
// Rule 1: what a terminal would obey or a reader would not see is written out: control characters
//         (C0, DEL, C1) and bytes that are no UTF-8 as \x1b; line and paragraph separators, and all
//         that Unicode has to be ignored in display (directions, zero widths, tags) as \u{202e}.
// Rule 2: everything else stays as it is, so printable(printable(x)) == printable(x).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::io {

/// Whether the character would be obeyed, or not seen.
bool is_hidden(std::uint32_t point);

/// One character of `text` from `at` on: its size in bytes, and its code point. Not UTF-8: size 1,
/// and `valid` is false.
struct Character {
    std::uint32_t point = 0;
    std::uint8_t size = 1;
    bool valid = false;
};
/// Requires at < text.size().
Character character_at(std::string_view text, std::size_t at);

std::string printable(std::string_view text);
/// At most `size` bytes of it, whole characters only.
std::string_view cut(std::string_view text, std::size_t size);
/// `"text"`, escaped so that it is printable, at most about 60 bytes.
std::string in_quotes(std::string_view text);

}  // namespace holdfast::io

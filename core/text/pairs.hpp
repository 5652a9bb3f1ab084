// Keys and values in a line: logfmt, and its relatives with other separators.
//
// Rule 1: a pair is a key, the separator, a value; a key alone is true. A quote counts at the head of
//         a key or value, up to the next quote that no backslash precedes.
// Rule 2: in quotes \" \\ \/ \b \f \n \r \t \uXXXX stand for characters, as in JSON; any other backslash
//         for itself.
// Rule 3: without quotes a value ends where the pair does, whatever else is in it.
// Bound: one pass, and another one over each pair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/text/members.hpp"
#include "core/text/settings.hpp"

namespace holdfast::text {

/// What is wrong with a text, and where.
struct Wrong {
    std::string_view what;  ///< "a quote is not closed"
    std::size_t at = 0;
};

/// What the escapes of a text stand for.
class Unescaped {
public:
    /// For a text of so many bytes. What was given before is gone.
    void begin(std::size_t size);
    /// Of the characters between two quotes. Lives: until begin().
    std::string_view of(std::string_view contents);
    void trim() { text::trim(text_); }

private:
    std::size_t size_ = 0;
    std::string text_;  ///< Never longer than what it was made of, so that it doesn't move.
};

/// The place of the quote that ends what begins at `at`; npos: there is none.
std::size_t closing_quote(std::string_view text, std::size_t at);

/// Adds the pairs of a text. Requires: valid UTF-8. Lives: the members as long as text and unescaped.
/// False: `wrong` says why; some may have been added.
bool scan_pairs(std::string_view text, const ParseSettings& settings, Unescaped& unescaped,
                Members& out, Wrong& wrong);

/// Adds a text, or the number that it is where the settings want numbers.
void add_value(std::string_view key, std::string_view value, const ParseSettings& settings,
               Members& out);

}  // namespace holdfast::text

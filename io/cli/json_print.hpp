// JSON as jq prints it: pretty or compact, keys sorted, ASCII only, texts without quotes.
//
// Rule 1: numbers keep their digits; strings have the escapes that jq gives them.
// Bound: what it appends; recursion as deep as the value, or with sorted keys twice that.
// Doesn't know: where it goes.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::cli {

struct PrintStyle {
    bool pretty = true;
    bool tabs = false;
    int indent = 2;
    bool sort_keys = false;
    bool ascii = false;
    bool raw = false;  ///< A text is printed without quotes.
};

/// Appends the value, without a newline behind it. Requires: it is JSON, of levels that were bounded.
void print_json(std::string_view json, const PrintStyle& style, std::string& out);

/// Bytes that are no UTF-8 become U+FFFD, as jq has it.
std::string readable(std::string_view text);

}  // namespace holdfast::cli

// From the text of a jq program to its Syntax: the whole grammar of jq 1.8.
//
// Rule 1: precedence is that of jq's grammar: `|` right, `,` left, `//` right, the updates not
//         associative, `or`, `and`, comparisons not associative, `+ -`, `* / %`, then terms.
// Rule 2: `def`, `label` and `as` take everything to their right.
// Bound: nesting_max levels of the text.
// Doesn't know: what names mean (the compiler does).
#pragma once

#include <expected>
#include <string_view>

#include "core/jq/machine/lexer.hpp"
#include "core/jq/machine/syntax.hpp"

namespace holdfast::jq::machine {

struct Parsed {
    Syntax syntax;
    Header header;
    ExprId main = none;
};

/// A file of definitions, which are places in Syntax::definitions, in their order.
struct ParsedModule {
    Header header;
    std::vector<std::uint32_t> definitions;
};

inline constexpr int nesting_max = 250;

/// Requires: nothing; any bytes are a program or an error.
std::expected<Parsed, SyntaxError> parse(std::string_view program);

/// Adds a module to a syntax, where its text has the places from `base` on.
std::expected<ParsedModule, SyntaxError> parse_module(std::string_view text, std::size_t base,
                                                      Syntax& syntax);

/// Adds `def`s, one after the other, to a syntax; answers the last one's place in
/// Syntax::definitions. For the definitions that come with the machine.
std::expected<std::uint32_t, SyntaxError> parse_definitions(std::string_view text, Syntax& syntax);

}  // namespace holdfast::jq::machine

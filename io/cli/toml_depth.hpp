// How deep a TOML text would nest, before it is parsed: the parser makes a table for each part of a
// dotted key, and takes such tables down by recursion, on whatever stack there is.
//
// Rule 1: what is inside of strings and comments doesn't count; an unfinished string ends as the
//         parser ends it. After the first error of syntax the answer means nothing, and needn't.
// Rule 2: a config nests four deep. The limit is far from that, and far from any stack's end: keys
//         of `parts` parts in brackets `brackets` deep make some hundred tables at most.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::cli {

struct TooDeep {
    std::uint32_t line = 1;
    std::uint32_t column = 1;
    std::string what;
};

/// The first place that is too deep, if there is one. Bound: one pass.
std::optional<TooDeep> too_deep(std::string_view toml);

}  // namespace holdfast::cli

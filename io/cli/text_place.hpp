// Where a part of a text stands in the TOML file that holds the text, for those who point at it.
//
// Rule: what cannot be traced (another text, an odd escape) has no place; nothing is guessed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::cli {

struct TextPlace {
    std::uint32_t line = 0;    ///< From 1.
    std::uint32_t column = 0;  ///< From 1, in characters.
    std::string shown;         ///< The line, cut, and below it marks under the part.
};

/// The literal that begins at line and column of `file` means `value`; where is byte `offset` of it?
std::optional<TextPlace> place_in_text(std::string_view file, std::uint32_t line,
                                       std::uint32_t column, std::string_view value,
                                       std::size_t offset);

}  // namespace holdfast::cli

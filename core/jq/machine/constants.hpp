// The constants that stand behind `module`, `import` and `include`, and data files.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/jq/machine/syntax.hpp"

namespace holdfast::jq::machine {

/// As JSON; nothing where it is no constant. (`"a" + "b"` is one, as in jq.)
std::optional<std::string> constant_json(const Syntax& syntax, ExprId id);
std::optional<std::string> constant_text(const Syntax& syntax, ExprId id);
/// The texts in an array, or the one text.
std::vector<std::string> constant_texts(const Syntax& syntax, ExprId id);
/// What an object has last under a key; none: it hasn't.
ExprId constant_member(const Syntax& syntax, ExprId object, std::string_view key);
bool is_true(const Syntax& syntax, ExprId id);

/// The values that stand in a text side by side, as one array. Bound: 64 levels with the array.
std::expected<std::string, SyntaxError> array_of_values(std::string_view text);

}  // namespace holdfast::jq::machine

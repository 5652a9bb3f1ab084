// From the Syntax to Code.
//
// Rule 1: jq's order of evaluation: of several arguments the last varies slowest.
// Rule 2: functions that do not call themselves are laid out where they are called, while the code
//         is small; what they are given is laid out where they use it.
// Rule 3: a last call takes its caller's place, so that loops need no space.
// Bound: instructions_max; compile_depth levels of recursion.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "core/jq/machine/code.hpp"
#include "core/jq/machine/modules.hpp"
#include "core/jq/machine/syntax.hpp"

namespace holdfast::jq::machine {

/// What is wrong in a module has its file and place in the reason; the offset is then that of the
/// import that led to it.
struct CompileFault {
    std::string reason;
    std::size_t offset = 0;
};

/// A value that the program sees as `$name`, and in `$ARGS.named`.
struct NamedValue {
    std::string name;
    std::string json;  ///< Requires: what Tape::read() takes.
};

/// What a program is given besides its records. Of two values of one name the first counts.
struct Given {
    std::span<const NamedValue> named;
    std::span<const std::string> positional;  ///< JSON, as NamedValue's: `$ARGS.positional`.
    ModuleLoader* modules = nullptr;          ///< nullptr: imports are errors.
};

std::expected<Code, CompileFault> compile(std::string_view program, const Given& given = {});

}  // namespace holdfast::jq::machine

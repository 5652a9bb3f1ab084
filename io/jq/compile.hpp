// From jq text to a Program: compiled natively where that is possible, else run on the machine, and
// by libjq only what the machine does not take.
//
// Rule 1: every program that jq 1.8 or 1.6 accepts is accepted.
// Rule 2: a record that a compiled program leaves goes to the machine.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "core/data/program.hpp"

namespace holdfast {

struct CompileError {
    std::string message;     ///< jq's own words, one line.
    std::size_t offset = 0;  ///< In the program's text, where it is known; else 0.
};

using CompiledProgram = std::expected<std::unique_ptr<Program>, CompileError>;

/// For `program`: a record becomes the program's outputs.
CompiledProgram compile_program(std::string_view jq);

/// For `condition`: the record is kept if an output is neither false nor null, else dropped; run()
/// answers keep, drop or fail and never appends.
CompiledProgram compile_condition(std::string_view jq);

}  // namespace holdfast

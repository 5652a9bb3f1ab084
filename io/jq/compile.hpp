// From jq text to a Program: compiled natively where that is possible, else run by libjq.
//
// Rule 1: every program that jq 1.6 accepts is accepted, and none that it doesn't.
// Rule 2: both engines agree in their outputs as JSON values and in error or not.
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

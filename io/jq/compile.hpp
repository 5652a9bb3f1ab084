// From jq text to a Program: compiled natively where that is possible, else run on the machine.
//
// Rule 1: every program that jq 1.8 accepts is accepted.
// Rule 2: a record that a compiled program leaves goes to the machine.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/data/program.hpp"

namespace holdfast {

namespace jq {
class ModuleFiles;
}

struct CompileError {
    std::string message;     ///< jq's own words, one line.
    std::size_t offset = 0;  ///< In the program's text, where it is known; else 0.
};

using CompiledProgram = std::expected<std::unique_ptr<Program>, CompileError>;

/// What a program may take for one record; what is more is an error of that record, with the
/// bound's name.
struct ProgramBounds {
    std::uint64_t memory = 16u << 20;  ///< program_memory; and four times the record.
    Duration time = seconds(5);        ///< program_time
    std::uint64_t text = 8u << 20;     ///< program_string: bytes of one text; and the record's.
    std::uint32_t depth = 1000;        ///< program_depth: levels of a value; at most 1000.

    auto operator<=>(const ProgramBounds&) const = default;
};

struct ProgramArgument {
    std::string name;
    std::string json;  ///< One value; at most 64 levels.

    auto operator<=>(const ProgramArgument&) const = default;
};

struct ProgramSettings {
    ProgramBounds bounds;
    /// What the program sees as `$name`, and in `$ARGS.named`.
    std::vector<ProgramArgument> args;
    /// Where it imports from; see module_files(). Programs that share one see the same files.
    std::shared_ptr<jq::ModuleFiles> modules;

    auto operator<=>(const ProgramSettings&) const = default;
};

/// Folders to import from: the program's own, and those of jq_path in their order, absolute. A file
/// is read when the first program asks for it, and never again.
std::shared_ptr<jq::ModuleFiles> module_files(std::string folder,
                                              std::vector<std::string> jq_path = {});

/// For `program`: a record becomes the program's outputs.
CompiledProgram compile_program(std::string_view jq, const ProgramSettings& settings = {});

/// For `condition`: the record is kept if an output is neither false nor null, else dropped; run()
/// answers keep, drop or fail and never appends.
CompiledProgram compile_condition(std::string_view jq, const ProgramSettings& settings = {});

}  // namespace holdfast

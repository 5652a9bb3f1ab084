// One program over one record in both engines, and what they make of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/data/program.hpp"
#include "core/jq/native.hpp"

namespace holdfast::test {

/// What a program made of a record.
struct Outcome {
    Verdict verdict = Verdict::keep;
    std::vector<std::string> outputs;  ///< Of keep: the record.
    std::string error;
    bool left = false;  ///< The compiled program left it to the machine.
};

/// `$meta` is source in, partition 5f0c1b2a99d04e17, position 1200.
/// Behind the record stand bytes that would be read as part of it by whoever reads too far.
Outcome run(Program& program, std::string_view record);

/// Compiled, without a twin; null where it can't be compiled.
std::unique_ptr<jq::NativeProgram> native(std::string_view program, jq::Use use = jq::Use::program);
/// In libjq, whatever it is; null where jq refuses it.
std::unique_ptr<Program> library(std::string_view program, jq::Use use = jq::Use::program);

/// Whether both texts are JSON and mean the same, by libjq's own parser and its jv_equal.
bool same_value(std::string_view a, std::string_view b);

/// One program in both engines. libjq takes tens of milliseconds to compile one: use it for many
/// records.
class Both {
public:
    explicit Both(std::string program, jq::Use use = jq::Use::program);

    /// Whether the program is compiled at all.
    bool compiled() const { return compiled_ != nullptr; }
    /// What differs between the engines, in words; nothing if they agree, or if only libjq runs it.
    std::optional<std::string> difference(std::string_view record);

private:
    std::string program_;
    std::unique_ptr<jq::NativeProgram> compiled_;
    std::unique_ptr<Program> library_;
};

}  // namespace holdfast::test

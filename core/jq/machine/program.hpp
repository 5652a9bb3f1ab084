// A program of the machine's as a transform's Program: records in, outputs or a verdict out.
//
// Rule 1: the record is checked as a whole by the same reader as for compiled programs.
// Rule 2: an output that is the very record goes on with its bytes; in others all that was not
//         looked into is copied.
// Bound: Limits of the machine, outputs_max, bytes as limit_outputs() says, 64 levels an output.
// Doesn't know: clocks, regular expressions (they come from Outside).
#pragma once

#include <memory>
#include <string>

#include "core/data/program.hpp"
#include "core/jq/machine/vm.hpp"
#include "core/jq/native.hpp"

namespace holdfast::jq::machine {

/// `$ENV`, in the heap.
Value environment_value(Heap& heap, Outside& outside);

class MachineProgram final : public Program {
public:
    static constexpr std::uint32_t outputs_max = 1'000'000;
    static constexpr std::size_t outputs_bytes_default = std::size_t{4} << 20;

    MachineProgram(std::shared_ptr<const Code> code, Use use, std::unique_ptr<Outside> outside,
                   Limits limits);

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override;
    std::unique_ptr<Program> clone() const override;
    bool asks_meta() const override { return code_->asks_meta; }
    /// Lives: the texts until run() is over.
    void bind(const RecordMeta& meta) override { meta_ = meta; }
    void expect_lines() override { lines_ = true; }
    void limit_outputs(std::size_t bytes) override { outputs_bytes_max_ = bytes; }
    void heed(const Hurry& hurry, Duration may) override { outside_->heed(hurry, may); }
    std::string engine() const override { return "machine"; }

private:
    /// What the outputs of one record come to.
    struct Outputs {
        ProgramResult result{Verdict::drop, 0};
        std::uint32_t seen = 0;
        bool same = false;  ///< The only one so far is the input itself; not written yet.
        std::string wrong;
    };

    void begin(std::span<const std::byte> record);
    ProgramResult run_over(const Value& input, std::vector<std::byte>& out, std::string& error);
    void take(const Value& value, const Value& input, Outputs& outputs, std::vector<std::byte>& out,
              std::size_t before);
    void write(const Value& value, Outputs& outputs, std::vector<std::byte>& out,
               std::size_t before);
    std::string words(Vm::Next ended);
    Value meta_value();

    std::shared_ptr<const Code> code_;
    Use use_;
    std::unique_ptr<Outside> outside_;
    Limits limits_;
    Vm vm_;
    Tape tape_;
    Nodes nodes_;
    RecordMeta meta_;
    bool lines_ = false;
    Origin origin_;
    bool verbatim_ = false;  ///< The record has no line ends, so its bytes are a line.
    std::size_t outputs_bytes_max_ = outputs_bytes_default;
};

}  // namespace holdfast::jq::machine

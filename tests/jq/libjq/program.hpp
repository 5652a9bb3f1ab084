// A program that libjq runs (Debian's jq 1.6): what the engines are compared with. Of tests only.
//
// Rule 1: the record is checked by the same reader as in compiled programs, so that both refuse the
//         same records; libjq's values are made from its nodes, not by libjq's own parser.
// Rule 2: one jq_state for all records of a thread, as making one compiles jq's library (tens of
//         milliseconds).
// Rule 3: where the one output is the very input, the record is kept with its bytes.
// Rule 4: a program that jq refuses for `$meta` is wrapped into one that binds it, for each record.
// Bound: outputs_max of one record, and bytes as limit_outputs() says. A program that never ends without giving
//        outputs is not stopped.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "core/data/program.hpp"
#include "core/jq/native.hpp"
#include "core/jq/tape.hpp"
#include "io/jq/compile.hpp"

namespace holdfast::jq {

class LibjqProgram final : public Program {
public:
    static constexpr std::uint32_t outputs_max = 1'000'000;
    static constexpr std::size_t outputs_bytes_default = std::size_t{4} << 20;

    /// Fails where jq refuses the program.
    static std::expected<std::unique_ptr<LibjqProgram>, CompileError> compile(std::string program,
                                                                              Use use);
    ~LibjqProgram() override;

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override;
    std::unique_ptr<Program> clone() const override;
    bool asks_meta() const override { return asks_meta_; }
    void bind(const RecordMeta& meta) override { meta_ = meta; }
    void limit_outputs(std::size_t bytes) override { outputs_bytes_max_ = bytes; }
    std::string engine() const override { return "libjq"; }

private:
    struct Library;
    struct Outputs;

    LibjqProgram(std::string program, Use use);

    std::string program_;
    Use use_;
    bool asks_meta_ = false;
    RecordMeta meta_;
    std::size_t outputs_bytes_max_ = outputs_bytes_default;
    std::unique_ptr<Library> library_;
    Tape tape_;
    Nodes nodes_;
};

}  // namespace holdfast::jq

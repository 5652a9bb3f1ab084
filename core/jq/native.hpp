// A program that was compiled: a plan, the machine that runs it, and its twin for odd
// records.
//
// Rule 1: every record is checked as a whole, also where the program looks at none of it.
// Rule 2: a record that the machine leaves goes to the twin, which is cloned when it is first needed.
// Bound: outputs_max of one record, and bytes as limit_outputs() says, else it fails.
// Doesn't know: the whole language (the twin comes from outside).
#pragma once

#include <memory>
#include <string>

#include "core/data/program.hpp"
#include "core/jq/machine.hpp"
#include "core/jq/plan.hpp"

namespace holdfast::jq {

/// What run() is for.
enum class Use : std::uint8_t { program, condition };

/// In the words that the graph has for it as well (core/data/flow/evaluate.cpp).
std::string too_large(std::size_t bytes_max, bool too_many);

class NativeProgram final : public Program {
public:
    static constexpr std::uint32_t outputs_max = 1'000'000;
    static constexpr std::size_t outputs_bytes_default = std::size_t{4} << 20;

    /// `twin`: is cloned when it is first needed; null: records that need one fail.
    NativeProgram(std::shared_ptr<const Plan> plan, Use use, std::shared_ptr<const Program> twin);
    ~NativeProgram() override;

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override;
    std::unique_ptr<Program> clone() const override;
    bool asks_meta() const override { return plan_->asks_meta; }
    void bind(const RecordMeta& meta) override;
    void expect_lines() override { lines_ = true; }
    void limit_outputs(std::size_t bytes) override { outputs_bytes_max_ = bytes; }
    void heed(const Hurry& hurry, Duration may) override {
        hurry_ = &hurry;
        may_ = may;
    }
    std::string engine() const override { return "native"; }

    /// How many records went to the twin.
    std::uint64_t left() const { return left_; }

private:
    ProgramResult run_over(std::span<const std::byte> record, std::vector<std::byte>& out,
                           std::string& error);
    ProgramResult leave(std::span<const std::byte> record, std::vector<std::byte>& out,
                        std::string& error);

    std::shared_ptr<const Plan> plan_;
    Use use_;
    std::shared_ptr<const Program> twin_made_of_;
    Machine machine_;
    std::unique_ptr<Program> twin_;
    const Hurry* hurry_ = nullptr;  ///< Of the twin: what is compiled takes no time.
    Duration may_{};
    RecordMeta meta_;
    bool lines_ = false;
    std::size_t outputs_bytes_max_ = outputs_bytes_default;
    std::uint64_t left_ = 0;
};

}  // namespace holdfast::jq

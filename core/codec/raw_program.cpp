#include "core/codec/raw_program.hpp"

#include "core/base/assert.hpp"

namespace holdfast::codec {

RawProgram::RawProgram(std::vector<RawRule> rules, std::vector<std::string> texts)
    : filter_(std::move(rules)), texts_(std::move(texts)) {
    HF_ASSERT(texts_.size() == filter_.rules().size());
}

ProgramResult RawProgram::run(std::span<const std::byte> record, std::vector<std::byte>&,
                              std::string& error) {
    const RawAnswer answer = filter_.judge(record, Format::json);
    filter_.trim();
    switch (answer.verdict) {
        case RawVerdict::keep: return {Verdict::keep, 1};
        case RawVerdict::drop: return {Verdict::drop, 0};
        case RawVerdict::dead_letter: break;
    }
    error = texts_[answer.rule];
    return {Verdict::fail, 0};
}

std::unique_ptr<Program> RawProgram::clone() const {
    const auto rules = filter_.rules();
    return std::make_unique<RawProgram>(std::vector<RawRule>(rules.begin(), rules.end()), texts_);
}

}  // namespace holdfast::codec

#include "tests/jq/both.hpp"

extern "C" {
#include <jv.h>
}

#include <utility>

#include "core/base/assert.hpp"
#include "tests/jq/libjq/program.hpp"

namespace holdfast::test {
namespace {

std::string text_of(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string words(const Outcome& outcome) {
    std::string out = outcome.error.empty() ? "" : "error " + outcome.error;
    for (const std::string& one : outcome.outputs) out += " " + one;
    return out;
}

}  // namespace

Outcome run(Program& program, std::string_view record) {
    std::string padded(record);
    padded.append(Program::padding, '1');
    std::vector<std::byte> out{std::byte{'x'}};
    if (program.asks_meta()) program.bind({"in", "5f0c1b2a99d04e17", 1200});
    Outcome outcome;
    const ProgramResult result =
        program.run(std::as_bytes(std::span(padded.data(), record.size())), out, outcome.error);
    outcome.verdict = result.verdict;
    HF_ASSERT(out[0] == std::byte{'x'});
    std::string rest = text_of(out).substr(1);
    HF_ASSERT((result.verdict == Verdict::change) == !rest.empty());
    HF_ASSERT((result.verdict == Verdict::fail) == !outcome.error.empty());
    if (result.verdict == Verdict::keep) rest = std::string(record) + '\n';
    for (std::uint32_t i = 0; i < result.outputs; ++i) {
        std::size_t end = rest.find('\n');
        if (result.verdict == Verdict::keep) end = record.size();
        HF_ASSERT(end != std::string::npos);
        outcome.outputs.push_back(rest.substr(0, end));
        rest.erase(0, end + 1);
    }
    HF_ASSERT(rest.empty());
    return outcome;
}

std::unique_ptr<jq::NativeProgram> native(std::string_view program, jq::Use use) {
    auto plan = jq::make_plan(program);
    if (!plan) return nullptr;
    return std::make_unique<jq::NativeProgram>(std::make_shared<const jq::Plan>(std::move(*plan)),
                                               use, nullptr);
}

std::unique_ptr<Program> library(std::string_view program, jq::Use use) {
    auto made = jq::LibjqProgram::compile(std::string(program), use);
    return made ? std::move(*made) : nullptr;
}

bool same_value(std::string_view a, std::string_view b) {
    // Printed and read once more: jq prints the largest double for what is larger.
    const auto value_of = [](std::string_view text) {
        jv value = jv_parse_sized(text.data(), static_cast<int>(text.size()));
        if (!jv_is_valid(value)) return value;
        jv printed = jv_dump_string(value, 0);
        value = jv_parse(jv_string_value(printed));
        jv_free(printed);
        return value;
    };
    jv left = value_of(a);
    jv right = value_of(b);
    if (!jv_is_valid(left) || !jv_is_valid(right)) {
        jv_free(left);
        jv_free(right);
        return false;
    }
    return jv_equal(left, right) != 0;
}

Both::Both(std::string program, jq::Use use)
    : program_(std::move(program)),
      compiled_(native(program_, use)),
      library_(compiled_ ? library(program_, use) : nullptr) {}

std::optional<std::string> Both::difference(std::string_view record) {
    if (!compiled_) return std::nullopt;
    if (!library_) return "program: " + program_ + "\ncompiled, but jq refuses it";
    const std::uint64_t left = compiled_->left();
    const Outcome is = run(*compiled_, record);
    if (compiled_->left() > left) return std::nullopt;
    const Outcome wanted = run(*library_, record);
    bool agree = is.error == wanted.error && is.outputs.size() == wanted.outputs.size();
    for (std::size_t i = 0; agree && i < is.outputs.size(); ++i) {
        agree = same_value(is.outputs[i], wanted.outputs[i]);
    }
    if (agree) return std::nullopt;
    return "program: " + program_ + "\nrecord: " + std::string(record) +
           "\ncompiled: " + words(is) + "\nlibjq: " + words(wanted);
}

}  // namespace holdfast::test

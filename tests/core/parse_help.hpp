// Programs that parse text, by tables of records and what they become.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/parse_program.hpp"

namespace holdfast {

class Parses {
public:
    explicit Parses(std::unique_ptr<Program> program) : program_(std::move(program)) {}
    explicit Parses(const text::ParseSettings& settings)
        : Parses(text::make_parse_program(settings)) {}

    /// The record that comes out, without its newline; "= " before one that keeps its bytes; "! "
    /// before an error of the record, "!! " before one of the program; "-": it is dropped.
    std::string operator()(std::string_view record) {
        std::vector<std::byte> out;
        std::string error;
        const std::string padded = std::string(record) + std::string(Program::padding, '"');
        const auto* bytes = reinterpret_cast<const std::byte*>(padded.data());
        const ProgramResult is = program_->run({bytes, record.size()}, out, error);
        if (is.verdict == Verdict::keep) return "= " + std::string(record);
        if (is.verdict == Verdict::drop) return "-";
        if (is.verdict == Verdict::fail) {
            CHECK(out.empty());
            return (is.unreadable ? "! " : "!! ") + error;
        }
        CHECK(is.outputs == 1);
        std::string text(reinterpret_cast<const char*>(out.data()), out.size());
        CHECK(text.find('\n') + 1 == text.size());
        if (!text.empty()) text.pop_back();
        return text;
    }
    Program& program() { return *program_; }

private:
    std::unique_ptr<Program> program_;
};

struct Case {
    std::string record;
    std::string outcome;
};

inline void check(Parses parses, const std::vector<Case>& cases) {
    for (const Case& one : cases) {
        INFO(one.record);
        CHECK(parses(one.record) == one.outcome);
    }
}

inline void check(const text::ParseSettings& settings, const std::vector<Case>& cases) {
    check(Parses(settings), cases);
}

}  // namespace holdfast

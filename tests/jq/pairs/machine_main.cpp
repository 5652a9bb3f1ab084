// What the machine makes of pairs: reads lines of a program, a tab and a record, and answers a line
// each, for pairs.py.
//
// Answers: the outputs with tabs between them, `! ` and the error, `? ` and why the program does
// not compile, `~ ` and the bound that it reached.
// Rule: a program is compiled once for the records that follow each other, and its machine used for
//       all of them, as in a transform.
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/jq/machine/compiler.hpp"
#include "core/jq/machine/program.hpp"
#include "io/jq/outside.hpp"

namespace {

using namespace holdfast;
using namespace holdfast::jq;

/// Few, so that a program that never ends takes no time.
constexpr std::uint64_t steps_max = 3'000'000;
constexpr std::size_t memory_max = std::size_t{256} << 20;

class Answers {
public:
    std::string of(const std::string& program, const std::string& record) {
        if (program != source_ || !begun_) begin(program);
        if (!wrong_.empty()) return "? " + wrong_;
        std::vector<std::byte> out;
        std::string error;
        const std::string padded = record + std::string(Program::padding, '1');
        const auto* bytes = reinterpret_cast<const std::byte*>(padded.data());
        const ProgramResult is = made_->run({bytes, record.size()}, out, error);
        if (is.verdict == Verdict::fail) return failed(error);
        if (is.verdict == Verdict::keep) return record;
        std::string all(reinterpret_cast<const char*>(out.data()), out.size());
        if (!all.empty()) all.pop_back();
        for (char& c : all) c = c == '\n' ? '\t' : c;
        return all;
    }

private:
    void begin(const std::string& program) {
        source_ = program;
        begun_ = true;
        wrong_.clear();
        auto code = machine::compile(program);
        if (!code) {
            wrong_ = code.error().reason;
            return;
        }
        made_.emplace(
            std::make_shared<const machine::Code>(std::move(*code)), Use::program, make_outside(),
            machine::Limits{.memory = memory_max, .time = seconds(3600), .steps = steps_max});
        made_->limit_outputs(std::size_t{16} << 20);
    }

    static std::string failed(const std::string& error) {
        for (const char* bound :
             {"program_memory: ", "program_time: ", "program_string: ", "program_depth: ",
              "depth: ", "an output has", "a record has more", "outputs of a record"}) {
            if (error.starts_with(bound)) return "~ " + error;
        }
        std::string words = "! ";
        for (const char c : error) {
            if (c == '\n')
                words += "\\n";
            else if (c == '\t')
                words += "\\t";
            else
                words += c;
        }
        return words;
    }

    std::string source_;
    bool begun_ = false;
    std::string wrong_;
    std::optional<machine::MachineProgram> made_;
};

}  // namespace

int main() {
    Answers answers;
    for (std::string line; std::getline(std::cin, line);) {
        const std::size_t tab = line.find('\t');
        if (tab == std::string::npos) return 64;
        const std::string said = answers.of(line.substr(0, tab), line.substr(tab + 1));
        std::fwrite(said.data(), 1, said.size(), stdout);
        std::fputc('\n', stdout);
        std::fflush(stdout);
    }
    return 0;
}

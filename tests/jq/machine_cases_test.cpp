// The machine against its table: what jq 1.8 gives for a program and an input.
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "core/jq/machine/compiler.hpp"
#include "core/jq/machine/program.hpp"
#include "io/jq/outside.hpp"
#include "tests/jq/both.hpp"

namespace {

using namespace holdfast;
using namespace holdfast::jq;

/// Outputs with two spaces between them, or `! ` and the error, or `? ` and why it does not
/// compile.
std::string made_of(const std::string& program, const std::string& record) {
    auto code = machine::compile(program);
    if (!code) return "? " + code.error().reason;
    machine::MachineProgram made(std::make_shared<const machine::Code>(std::move(*code)),
                                 Use::program, make_outside(), {});
    const test::Outcome is = test::run(made, record);
    if (is.verdict == Verdict::fail) return "! " + is.error;
    std::string all;
    for (const std::string& one : is.outputs) all += (all.empty() ? "" : "  ") + one;
    return all;
}

}  // namespace

TEST_CASE("machine gives what jq 1.8 gives for each case of the table") {
    for (const char* name : {"machine_cases.txt"}) {
        std::ifstream in(std::string(HF_SOURCE_DIR "/tests/jq/") + name);
        std::string line;
        std::size_t cases = 0;
        std::string program, record;
        for (std::size_t at = 1; std::getline(in, line); ++at) {
            if (line.empty() || line[0] == '#') continue;
            const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
            REQUIRE(second != std::string::npos);
            program = line.substr(0, first);
            record = line.substr(first + 1, second - first - 1);
            INFO(name << ":" << at << ": " << program << " over " << record);
            CHECK(made_of(program, record) == line.substr(second + 1));
            ++cases;
        }
        CHECK(cases > 10);
    }
}

/// For who extends the table: HF_JQ_CASES has lines of a program, a tab and a record; each is
/// printed with what the machine makes of it.
TEST_CASE("machine writes what it makes of cases", "[.print]") {
    const char* path = std::getenv("HF_JQ_CASES");
    REQUIRE(path != nullptr);
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
        const std::size_t tab = line.find('\t');
        REQUIRE(tab != std::string::npos);
        const std::string program = line.substr(0, tab), record = line.substr(tab + 1);
        std::printf("%s\t%s\t%s\n", program.c_str(), record.c_str(),
                    made_of(program, record).c_str());
        std::fflush(stdout);
    }
}

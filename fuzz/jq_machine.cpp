// The machine: any text as a program, and words of jq in any order, over any record.
//
// Property 1: whatever program and record are, there is an answer or an error within the bounds.
// Property 2: a second run over the same record, and a clone's, give the very same: nothing of one
//             record is left for the next.
// Property 3: a program that is compiled to splices succeeds or fails as it does on the machine,
//             and gives the same as JSON values.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "core/base/assert.hpp"
#include "core/jq/machine/builtins.hpp"
#include "core/jq/machine/compiler.hpp"
#include "core/jq/machine/program.hpp"
#include "fuzz/bytes.hpp"
#include "io/jq/outside.hpp"
#include "tests/jq/both.hpp"
#include "tests/jq/random_jq.hpp"

namespace {

using namespace holdfast;
using namespace holdfast::jq;

struct Made {
    Verdict verdict = Verdict::keep;
    std::uint32_t outputs = 0;
    std::string text;
    bool operator==(const Made&) const = default;
};

Made run(Program& program, const std::string& record) {
    std::vector<std::byte> out;
    std::string error;
    // Behind it stand bytes that would be read as part of it by whoever reads too far.
    const std::string padded = record + std::string(Program::padding, '1');
    const auto* bytes = reinterpret_cast<const std::byte*>(padded.data());
    const ProgramResult is = program.run({bytes, record.size()}, out, error);
    HF_ASSERT((is.verdict == Verdict::fail) == !error.empty());
    Made made{is.verdict, is.outputs, std::move(error)};
    made.text.append(reinterpret_cast<const char*>(out.data()), out.size());
    return made;
}

constexpr auto signs = std::to_array<std::string_view>({
    " | ", ", ", "(", ")", "[", "]", "{", "}", ".", ".a", ".b", "?", "[]", "[0]", "[1:]", "[-1]",
    " + ", " - ", " * ", " / ", " % ", " == ", " < ", " // ", " = ", " |= ", " += ", " //= ", "; ",
    ": ", " as $x", " as [$x, $y]", " as {a: $x} ?// $x ", "$x", "$y", "1", "0", "-1", "1e9", "nan",
    "\"a\"", "\"\"", "\"\\(", ")\"", " and ", " or ", "..", "if ", " then ", " else ", " end",
    "try ", " catch ", "reduce ", "foreach ", "label $l | ", "break $l", "def f: ",
    "def f(g; $x): ", "f", "f(", "g", "@csv", "@base64d ", "null", "true", "false", "path(",
    "limit(", "first(", "$__loc__", "infinite", "\"(a*)?\"", "\"[^b]+\"", "\"g\"", "[range(9)]",
    "{a: 1}", "\"%Y-%j\"", "\"é😀\"",
});

/// Words of jq in any order: signs, and the names of all builtins.
std::string words_of(fuzz::Bytes& bytes) {
    static const std::vector<std::string> names = machine::builtin_names();
    std::string out;
    for (std::uint64_t more = 1 + bytes.below(24); more > 0 && !bytes.used_up(); --more) {
        const std::uint64_t at = bytes.below(256);
        if (at < 160) {
            out += signs[at % signs.size()];
            continue;
        }
        const std::string& name = names[((at - 160) * 256 + bytes.below(256)) % names.size()];
        out += name.substr(0, name.find('/'));
    }
    return out;
}

/// Programs that ask for the time differ from run to run.
bool asks_the_clock(const std::string& program) {
    return program.find("now") != program.npos || program.find("local") != program.npos;
}

void compare_with_splices(const std::string& program, const std::string& record, Program& made) {
    const auto compiled = test::native(program);
    if (!compiled) return;
    const std::uint64_t left = compiled->left();
    const test::Outcome is = test::run(*compiled, record);
    if (compiled->left() > left) return;
    const test::Outcome wanted = test::run(made, record);
    const auto value = [&](const test::Outcome& of) {
        return of.verdict == Verdict::keep ? std::vector<std::string>{record} : of.outputs;
    };
    const std::vector<std::string> mine = value(is), theirs = value(wanted);
    bool alike = (is.verdict == Verdict::fail) == (wanted.verdict == Verdict::fail) &&
                 mine.size() == theirs.size();
    for (std::size_t i = 0; alike && i < mine.size(); ++i) {
        alike = test::same_value(mine[i], theirs[i]);
    }
    if (!alike) std::fprintf(stderr, "%s\nover %s\n", program.c_str(), record.c_str());
    HF_ASSERT(alike);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Bytes bytes({data, size});
    const std::uint64_t kind = bytes.below(4);
    std::string program, record = "{}";
    if (kind == 0) {
        const std::string text(bytes.rest().begin(), bytes.rest().end());
        const std::size_t end = std::min(text.find('\0'), text.size());
        program = text.substr(0, end);
        if (end < text.size()) record = text.substr(end + 1);
    } else {
        program = kind == 1 ? test::random_program(bytes) : words_of(bytes);
        record = test::random_record(bytes);
    }
    auto code = machine::compile(program);
    if (!code) return 0;
    machine::MachineProgram made(std::make_shared<const machine::Code>(std::move(*code)),
                                 Use::program, make_outside(),
                                 {.memory = std::size_t{8} << 20, .steps = 300'000});
    made.limit_outputs(std::size_t{1} << 20);
    const Made first = run(made, record);
    run(made, "[{\"a\":{\"b\":\"\\u00e9\"}},1.0,null]");
    const Made again = run(made, record);
    const Made other = run(*made.clone(), record);
    const bool may_differ = asks_the_clock(program);
    HF_ASSERT(may_differ || first == again);
    HF_ASSERT(may_differ || first == other);
    if (kind == 1) compare_with_splices(program, record, made);
    return 0;
}

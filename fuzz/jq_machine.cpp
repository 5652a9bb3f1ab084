// The machine: any text as a program, and words of jq in any order, over any record.
//
// Property 1: whatever program and record are, there is an answer or an error within the bounds.
// Property 2: a second run over the same record, and a clone's, give the very same: nothing of one
//             record is left for the next.
// Property 3: a program that is compiled to splices succeeds or fails as it does on the machine,
//             and gives the same as JSON values.
// Property 4: a program that includes a module gives what it gives with the module's text in place
//             of the include; modules of any bytes are an answer or an error.
#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
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

// clang-format off
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
// clang-format on

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

/// Modules of a made-up folder, each by its path.
class Shelf final : public machine::ModuleLoader {
public:
    explicit Shelf(std::array<std::string, 4> texts) : texts_(std::move(texts)) {}
    std::expected<std::string, Failure> find(const Asked& asked) override {
        const bool known = asked.path.size() == 1 && asked.path[0] >= 'a' && asked.path[0] < 'e';
        if (!known) return std::unexpected(Failure{"no such module", true});
        return std::string(asked.path);
    }
    std::expected<std::string, Failure> read(const std::string& name, std::size_t) override {
        return texts_[static_cast<std::size_t>(name[0] - 'a')];
    }
    std::vector<std::string> search_list() const override { return {}; }

private:
    std::array<std::string, 4> texts_;
};

std::string import_of(fuzz::Bytes& bytes) {
    const std::string path(1, static_cast<char>('a' + bytes.below(5)));
    switch (bytes.below(4)) {
        case 0: return "include \"" + path + "\"; ";
        case 1: return "import \"" + path + "\" as f; ";
        case 2: return "import \"" + path + "\" as $x; ";
        default: return "import \"" + path + "\" as $y {raw: true, optional: true}; ";
    }
}

std::string module_of(fuzz::Bytes& bytes) {
    std::string out;
    for (std::uint64_t more = bytes.below(3); more > 0; --more) out += import_of(bytes);
    for (std::uint64_t more = bytes.below(3); more > 0; --more) {
        out += (bytes.below(2) == 0 ? "def f: " : "def g: ") + words_of(bytes) + "; ";
    }
    return bytes.below(8) == 0 ? words_of(bytes) : out;
}

std::optional<Made> made_of(const std::string& program, const std::string& record,
                            machine::ModuleLoader* modules) {
    auto code = machine::compile(program, {.modules = modules});
    if (!code) return std::nullopt;
    machine::MachineProgram made(std::make_shared<const machine::Code>(std::move(*code)),
                                 Use::program, make_outside(),
                                 {.memory = std::size_t{8} << 20, .steps = 300'000});
    made.limit_outputs(std::size_t{1} << 20);
    return run(made, record);
}

void run_modules(fuzz::Bytes& bytes) {
    std::array<std::string, 4> texts;
    for (std::string& text : texts) text = module_of(bytes);
    Shelf shelf(texts);
    std::string imports;
    for (std::uint64_t more = 1 + bytes.below(3); more > 0; --more) imports += import_of(bytes);
    const std::string main = words_of(bytes), record = test::random_record(bytes);
    made_of(imports + main, record, &shelf);
    const bool may_differ =
        asks_the_clock(texts[0] + main) || (texts[0] + main).find("__loc__") != std::string::npos;
    const auto included = made_of("include \"a\"; " + main, record, &shelf);
    if (!texts[0].starts_with("def ") || may_differ) return;
    const auto pasted = made_of(texts[0] + "\n" + main, record, &shelf);
    if (!included || !pasted) return;
    const bool is_bound =
        included->text.starts_with("program_") || pasted->text.starts_with("program_");
    HF_ASSERT(is_bound || *included == *pasted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Bytes bytes({data, size});
    const std::uint64_t kind = bytes.below(4);
    if (kind == 0 && size > 1 && data[1] == 1) return run_modules(bytes), 0;
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

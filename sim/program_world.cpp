// The jq machine over a table: programs as transforms have them, each over records in turn.
//
// I95: a program gives for each record what jq 1.8 gives, whatever record came before; an error
//      fails the record; what was not looked into keeps its bytes, but for line ends.
// Rule: what is right stands in program_cases.hpp; the machine is not asked.
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/jq/machine/compiler.hpp"
#include "core/jq/machine/program.hpp"
#include "io/jq/outside.hpp"
#include "sim/device_worlds.hpp"
#include "sim/program_cases.hpp"

namespace holdfast::sim {
namespace {

/// Small, so that a heap that is not given back is soon full.
constexpr std::size_t memory_max = std::size_t{1} << 20;
constexpr std::size_t cases_a_seed = 8;

std::uint64_t mixed(std::uint64_t seed, std::uint64_t n) {
    std::uint64_t z = seed * 0x9e3779b97f4a7c15 + n * 0xbf58476d1ce4e5b9 + 1;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

class Runs {
public:
    explicit Runs(std::string_view program, jq::machine::ModuleLoader* modules = nullptr,
                  std::uint64_t steps = 10'000'000)
        : program_(program) {
        auto code = jq::machine::compile(program_, {.modules = modules});
        if (!code) wrong_ = code.error().reason;
        demand(code.has_value() || modules != nullptr, "I95", program_ + " does not compile");
        if (!code) return;
        made_ = std::make_unique<jq::machine::MachineProgram>(
            std::make_shared<const jq::machine::Code>(std::move(*code)), jq::Use::program,
            jq::make_outside(), jq::machine::Limits{.memory = memory_max, .steps = steps});
    }

    /// Why it does not compile; empty: it does.
    const std::string& wrong() const { return wrong_; }

    void heed(const Hurry& hurry, Duration may) { made_->heed(hurry, may); }

    std::string over(std::string_view record) {
        demand(made_ != nullptr, "I95", program_ + ": " + wrong_);
        std::vector<std::byte> out;
        std::string error;
        const std::string padded = std::string(record) + std::string(Program::padding, '1');
        const auto* bytes = reinterpret_cast<const std::byte*>(padded.data());
        const ProgramResult is = made_->run({bytes, record.size()}, out, error);
        if (is.verdict == Verdict::fail) return "! " + error;
        if (is.verdict == Verdict::keep) return std::string(record);
        std::string all(reinterpret_cast<const char*>(out.data()), out.size());
        if (!all.empty()) all.pop_back();
        return all;
    }

    void demand_over(std::string_view record, std::string_view outcome) {
        const std::string made = over(record);
        demand(made == outcome, "I95",
               program_ + " over " + std::string(record) + " gives " + made + ", not " +
                   std::string(outcome));
    }

private:
    std::string program_;
    std::string wrong_;
    std::unique_ptr<jq::machine::MachineProgram> made_;
};

/// Twice, with a record between that has nothing of the first one.
void in_turn(const ProgramCase& one) {
    Runs runs(one.program);
    runs.demand_over(one.record, one.outcome);
    runs.over(R"({"z":[[1.50,"\u00e9"],null]})");
    runs.demand_over(one.record, one.outcome);
}

/// Each record takes a fifth of the memory.
void many_records() {
    Runs runs("[range(6000)] | length");
    for (int i = 0; i < 30; ++i) runs.demand_over("{}", "6000");
}

void without_words() {
    Runs runs("if .bad then error(\"\") else .a end");
    runs.demand_over(R"({"a":1})", "1");
    demand(runs.over(R"({"bad":1})").starts_with("! "), "I95", "an error is no failure");
}

/// Modules that stand in a list.
class Shelf final : public jq::machine::ModuleLoader {
public:
    std::expected<std::string, Failure> find(const Asked& asked) override {
        for (const auto& [name, text] : texts)
            if (name == asked.path) return std::string(name);
        return std::unexpected(Failure{"no such module", true});
    }
    std::expected<std::string, Failure> read(const std::string& name, std::size_t) override {
        demand(seen_.insert(name).second, "I95", name + " is read twice");
        for (const auto& [known, text] : texts)
            if (known == name) return std::string(text);
        return std::unexpected(Failure{"no such module", true});
    }
    std::vector<std::string> search_list() const override { return {}; }

private:
    static constexpr std::pair<std::string_view, std::string_view> texts[] = {
        {"a", "import \"b\" as b; def f: 1 + b::f; def own: 5;"},
        {"b", "include \"c\"; def f: 10 + c;"},
        {"c", "def c: 100; def f: 7;"},
        {"d", "1.50 {\"x\":[2]}"},
        {"one", "import \"two\" as t; def f: 1;"},
        {"two", "include \"one\"; def g: 1;"},
    };
    std::set<std::string> seen_;
};

void of_modules(std::uint64_t seed) {
    const ProgramCase cases[] = {
        {R"(import "a" as a; [a::f, a::own])", "{}", "[111,5]"},
        {R"(include "a"; include "c"; [f, c])", "{}", "[7,100]"},
        {R"(include "c"; include "a"; [f, c])", "{}", "[111,100]"},
        {R"(import "b" as b; b::c)", "{}", "? b::c/0 is not defined"},
        {R"(include "b"; c)", "{}", "? c/0 is not defined"},
        {R"(import "a" as a; f)", "{}", "? f/0 is not defined"},
        {R"(import "d" as $d; [$d[0], $d::d[1].x, ($d | length)])", "{}", "[1.50,[2],2]"},
    };
    const ProgramCase& one = cases[seed % std::size(cases)];
    Shelf shelf;
    Runs runs(one.program, &shelf);
    if (one.outcome.starts_with("? "))
        demand(runs.wrong() == one.outcome.substr(2), "I95",
               std::string(one.program) + " says " + runs.wrong());
    else
        runs.demand_over(one.record, one.outcome);
    Shelf other;
    demand(Runs(R"(include "one"; 1)", &other).wrong().starts_with("circular import"), "I95",
           "modules that import each other are taken");
}

/// Over several lines: what comes of it is one line.
void of_lines() {
    Runs("[.a, .a[0]]").demand_over("{\"a\":[[1,\n2.50]]}", "[[[1,2.50]],[1,2.50]]");
}

/// Behind a match of nothing the next one begins at the next character (in jq at the next byte).
void of_characters() {
    Runs(R"([match("a*"; "g").offset])").demand_over(R"("日本語")", "[0,1,2,3]");
}

/// What builtins go over counts as work, and a long text is searched as a short one.
void of_work() {
    const std::string text = '"' + std::string(1500, 'a') + "X\"";
    const auto bounded = [](std::string_view program, std::string_view record) {
        const std::string made = Runs(program, nullptr, 20'000).over(record);
        demand(made.starts_with("! program_time: "), "I95",
               std::string(program) + " ends without its bound: " + made);
    };
    bounded(R"(test("[ab]+c"))", text);
    std::string record = "{";
    for (int i = 0; i < 200; ++i) record += "\"k" + std::to_string(i) + "\":1,";
    bounded(R"([range(500) as $i | .k] | length)", record + "\"k\":2}");
    Runs(R"([test("x"; "i"), test("x"), test("b|x$|c"; "i")])")
        .demand_over(text, "[true,false,true]");
}

/// Who is in a hurry ends what takes long; with patience only what has none left.
void of_hurry() {
    const auto demand_end = [](Haste haste, Duration may, std::string_view why) {
        Hurry hurry;
        Runs runs("last(range(1e9))", nullptr, 200'000);
        runs.heed(hurry, may);
        hurry.ask(haste);
        hurry.ask(Haste::soon < haste ? Haste::soon : Haste::none);
        const std::string made = runs.over("{}");
        demand(made.starts_with(why), "I95", "who is in a hurry gets " + made);
    };
    demand_end(Haste::none, Duration{}, "! program_time: ");
    demand_end(Haste::soon, Hurry::any_time, "! program_time: ");
    demand_end(Haste::soon, Duration{}, "! ended");
    demand_end(Haste::now, Hurry::any_time, "! ended");
}

}  // namespace

std::optional<Breach> run_programs(std::uint64_t seed) {
    try {
        for (std::size_t i = 0; i < cases_a_seed; ++i) {
            in_turn(program_cases[mixed(seed, i) % program_cases.size()]);
        }
        if (seed % 4 == 0) many_records();
        if (seed % 4 == 1) without_words();
        if (seed % 4 == 2) of_lines();
        if (seed % 4 == 3) of_characters();
        of_modules(seed / 4);
        if (seed % 8 == 0) of_work();
        if (seed % 8 == 4) of_hurry();
    } catch (const Breach& breach) {
        return breach;
    }
    return std::nullopt;
}

}  // namespace holdfast::sim

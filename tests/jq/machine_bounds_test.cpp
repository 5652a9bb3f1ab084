// What data and programs may not do to the process: each is an answer or an error of that record,
// within its bounds, and the next record is served as if nothing had been.
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "core/jq/machine/compiler.hpp"
#include "core/jq/machine/program.hpp"
#include "io/jq/compile.hpp"
#include "io/jq/outside.hpp"
#include "tests/jq/both.hpp"

namespace {

using namespace holdfast;

/// The outputs with two spaces between them, or `! ` and the error.
std::string words(const test::Outcome& is) {
    if (is.verdict == Verdict::fail) return "! " + is.error;
    std::string all;
    for (const std::string& one : is.outputs) all += (all.empty() ? "" : "  ") + one;
    return all;
}

std::string run(const std::string& program, const std::string& record) {
    auto made = compile_program(program);
    REQUIRE(made.has_value());
    std::string first = words(test::run(**made, record));
    CHECK(words(test::run(**made, record)) == first);
    return first;
}

/// With few steps instead of five seconds, so that the test takes no time.
std::string run_short(const std::string& program, const std::string& record) {
    using namespace jq::machine;
    auto code = compile(program);
    REQUIRE(code.has_value());
    MachineProgram made(std::make_shared<const Code>(std::move(*code)), jq::Use::program,
                        jq::make_outside(), {.steps = 1'000'000});
    std::string first = words(test::run(made, record));
    CHECK(words(test::run(made, record)) == first);
    return first;
}

/// Counts how often it is asked, and ends a run at the `most`th time.
struct Asked final : jq::machine::Outside {
    static inline std::size_t count = 0;
    std::size_t most = SIZE_MAX, mine = 0;
    std::unique_ptr<Outside> process = jq::make_outside();

    double now() override { return process->now(); }
    std::int64_t zone(std::int64_t seconds, std::string& name) override {
        return process->zone(seconds, name);
    }
    std::unique_ptr<jq::machine::Regex> regex(std::string_view pattern,
                                              jq::machine::RegexFlags flags,
                                              std::string& error) override {
        return process->regex(pattern, flags, error);
    }
    const char* stop() override { return ++count, ++mine > most ? "program_time" : nullptr; }
    void begin(Duration) override { mine = 0; }
    std::vector<std::string> environment() override { return {}; }
    std::unique_ptr<Outside> clone() const override { return std::make_unique<Asked>(); }
};

std::string run_asked(const std::string& program, const std::string& record,
                      std::size_t most = SIZE_MAX) {
    using namespace jq::machine;
    auto code = compile(program);
    REQUIRE(code.has_value());
    auto outside = std::make_unique<Asked>();
    outside->most = most;
    MachineProgram made(std::make_shared<const Code>(std::move(*code)), jq::Use::program,
                        std::move(outside), {});
    return words(test::run(made, record));
}

const std::string no_date = "! error converting number of seconds since epoch to datetime";

}  // namespace

TEST_CASE("a time in nanoseconds is an error of its record") {
    const std::string record = R"({"ts":1700000000000000000})";
    CHECK(run(".when = (.ts | todate)", record) == no_date);
    CHECK(run(".when = (.ts | strftime(\"%Y\"))", record) == no_date);
    CHECK(run(".when = (.ts | strflocaltime(\"%Y\"))", record) == no_date);
    CHECK(run(".ts | gmtime", record) == no_date);
    CHECK(run(".ts | localtime", record) == no_date);
    CHECK(run(".when = (.ts / 1e9 | todate)", record) ==
          R"({"ts":1700000000000000000,"when":"2023-11-14T22:13:20Z"})");
    for (const char* odd : {"infinite", "-infinite", "nan", "1e300", "-1e18"}) {
        CHECK(run(std::string(odd) + " | todate", "0") == no_date);
    }
}

TEST_CASE("an index from the data takes no more memory than the program may have") {
    CHECK(run(".a[.i] = 1", R"({"i":800000000})") == "! Array index too large");
    CHECK(run("setpath([\"a\", .i]; 1)", R"({"i":500000000})").starts_with("! program_memory: "));
    CHECK(run(".a[.i] = 1", R"({"i":2})") == R"({"i":2,"a":[null,null,1]})");
    CHECK(run(".s * .n", R"({"s":"ab","n":1000000000})").starts_with("! program_string: "));
    CHECK(run("[range(.k)] | length", R"({"k":30000000})").starts_with("! program_memory: "));
    CHECK(run("[.a | range(1e9)]", "{}").starts_with("! program_memory: "));
}

TEST_CASE("an error without words fails its record as any other does") {
    CHECK(run("error", R"("")") == "! (an error without words)");
    CHECK(run(".a | error(\"\")", "{}") == "! (an error without words)");
    CHECK(run("1, error(\"\")", "{}") == "! (an error without words)");
    CHECK(run("try error(\"\") catch .", "{}") == R"("")");
    CHECK(run("error(null)", "{}") == "! (not a string): null");
}

TEST_CASE("texts of nothing are texts") {
    CHECK(run("strftime(\"\")", "0") == R"("")");
    CHECK(run(".[\"\"] = 1 | .[\"\"]", "{}") == "1");
    CHECK(run(".[\"\"]", R"({"":2})") == "2");
    CHECK(run("[splits(\"\"), (. / \"\"), implode?, @text, ascii_upcase]", R"("")") ==
          R"(["","",[],"",""])");
}

TEST_CASE("what a function is given may ask for builtins that nobody asked for before") {
    CHECK(run("limit((.a | numbers); 1, 2, 3)", R"({"a":2})") == "1  2");
    CHECK(run("[splits((.. | strings))]", R"("a")") == R"(["",""])");
    CHECK(run("[skip((.[0] | floor | values | scalars); .[])]", "[1,2]") == "[2]");
    CHECK(run("def f($a; $b): [$a, $b]; f((.. | numbers); (paths | length))", "[7]") == "[7,1]");
}

TEST_CASE("text that a program looks into has one spelling, whatever the record's escapes are") {
    const std::string record = R"({"a":["\u0041\/"],"b":"A/"})";
    CHECK(run(".a | tojson", record) == R"("[\"A/\"]")");
    CHECK(run("(.a | tojson) == ([.b] | tojson)", record) == "true");
    CHECK(run("\"\\(.a)\" | length", record) == "6");
    CHECK(run("{k: .a}", record) == R"({"k":["\u0041\/"]})");
}

TEST_CASE("matches of nothing go on, in any text") {
    CHECK(run("[match(\"a*\"; \"g\").offset]", R"("日本語")") == "[0,1,2,3]");
    CHECK(run("[splits(\"\")]", R"("é a")") == R"(["","é"," ","a",""])");
    CHECK(run("[scan(\"x*\")]", R"("日本")") == R"(["","",""])");
    CHECK(run(".msg | gsub(\"^\"; \"> \")", R"({"msg":"a b"})") == R"("> a b")");
    CHECK(run(".msg | gsub(\"[0-9]*\"; \"\")", R"({"msg":"a1 b"})") == R"("a b")");
    CHECK(run("gsub(\"\"; \"-\")", R"("é😀")") == R"("-é-😀-")");
    CHECK(run("gsub(\"$\"; \"!\")", R"("é")") == R"("é!")");
}

TEST_CASE("programs that never end are ended by their bounds") {
    CHECK(run_short("def f: f; f", "0").starts_with("! program_time: "));
    CHECK(run_short("until(false; .)", "0").starts_with("! program_time: "));
    CHECK(run_short("last(range(1e18))", "0").starts_with("! program_time: "));
    CHECK(run_short("[range(1000)] as $a | [range(1000)] | contains($a | map(. + 0.5))", "0") ==
          "false");
    CHECK(run("def f: 1 + f; f", "0").starts_with("! program_memory: "));
    CHECK(run("[repeat(1)]", "0").starts_with("! program_memory: "));
    CHECK(run("def f: f | f; f", "0").starts_with("! program_memory: "));
    CHECK(run("repeat(1)", "0") == "! a record has more than 1000000 outputs");
    CHECK(run("try (def f: 1 + f; f) catch 0", "0").starts_with("! program_memory: "));
}

TEST_CASE("loops by last calls take no space") {
    CHECK(run("def f: if . >= 300000 then . else . + 1 | f end; f", "0") == "300000");
    CHECK(run("until(. >= 300000; . + 1)", "0") == "300000");
    CHECK(run("last(range(300000))", "0") == "299999");
    CHECK(run("reduce range(300000) as $i (0; . + $i)", "0") == "44999850000");
    CHECK(run("last(limit(100000; repeat(1)))", "0") == "1");
    CHECK(run("reduce range(20000) as $i (\"\"; . + \"x\") | length", "0") == "20000");
}

TEST_CASE("updating each of many values copies what holds them once") {
    CHECK(run("[range(20000)] | .[] |= . + 1 | add", "0") == "200010000");
    CHECK(run("[range(20000)] | .[] += 1 | add", "0") == "200010000");
    CHECK(run("[range(9000) | {a: .}] | .[].a |= . + 1 | map(.a) | add", "0") == "40504500");
    CHECK(run("[range(9000)] | (.[] | select(. % 2 == 0)) |= empty | length", "0") == "4500");
}

TEST_CASE("what an update was given stays as it is while the update goes on") {
    const std::string by = " |= (if type == \"object\" then {p: ., q: .} else (. // 0) + 1 end)";
    CHECK(run("(.a.x, .a, getpath([\"a\", \"p\", \"x\"]))" + by, R"({"a":{"x":1}})") ==
          R"({"a":{"p":{"x":3},"q":{"x":2}}})");
    CHECK(run(". as $old | .a.x |= 5 | .a.x |= 6 | [., $old]", R"({"a":{"x":1}})") ==
          R"([{"a":{"x":6}},{"a":{"x":1}}])");
    CHECK(run("[.[] = (1, 2)]", "[0,0]") == "[[1,1],[2,2]]");
    CHECK(run("(.a = 1 | .b = 2) as $one | $one | .a = 3 | [., $one]", "{}") ==
          R"([{"a":3,"b":2},{"a":1,"b":2}])");
}

TEST_CASE("values that share their parts are written and compared within bounds") {
    const std::string many = "reduce range(50) as $i (1; [., .])";
    CHECK(run(many, "0") == "! outputs of a record exceed 4194304 bytes");
    CHECK(run(many + " | tojson", "0").starts_with("! program_memory: "));
    CHECK(run_short("(" + many + ") == (" + many + ")", "0").starts_with("! program_time: "));
    CHECK(run_short("[" + many + ", " + many + "] | sort | length", "0")
              .starts_with("! program_time: "));
    CHECK(run("[.. | numbers] | length", "[1,[2]]") == "2");
}

TEST_CASE("the clock ends what one builtin does, too") {
    const std::string many = "reduce range(50) as $i (1; [., .])";
    ProgramSettings settings;
    settings.bounds.time = milliseconds(30);
    for (const std::string& program :
         {"(" + many + ") == (" + many + ")", "[" + many + ", " + many + "] | sort | length",
          std::string("def f: f; f")}) {
        auto made = compile_program(program, settings);
        REQUIRE(made.has_value());
        CHECK(words(test::run(**made, "0")) ==
              "! program_time: the program takes longer than 30ms for this record");
    }
}

TEST_CASE("each bound of a program is as it was set, and is named") {
    const auto run_with = [](const ProgramBounds& bounds, const std::string& program,
                             const std::string& record) {
        auto made = compile_program(program, {bounds});
        REQUIRE(made.has_value());
        return words(test::run(**made, record));
    };
    const std::string text = R"("x" * 5000 | length)";
    CHECK(run_with({.text = 4998}, text, "0") ==
          "! program_string: the program makes a text of more than 4998 bytes");
    CHECK(run_with({.text = 4998}, text, "10") == "5000");
    CHECK(run_with({.text = 4999}, text, "0") == "5000");
    CHECK(run_with({.text = 4096}, text, "0") ==
          "! program_string: the program makes a text of more than 4KiB");
    CHECK(run_with({.text = 4096}, "try (\"x\" * 5000) catch 0", "0").starts_with("! program_s"));
    for (const char* grows :
         {"reduce range(5000) as $i (\"\"; . + \"x\")", "[range(3000) | \"x\"] | join(\" \")",
          "[range(5000)] | tojson", "[range(5000) | 65] | implode", "\"\\([range(5000)])\"",
          "\"x\" * 1e9", "\"x\" * 1e300", "\"a\" * 4000 | @base64",
          "\"a\" * 4000 | gsub(\"a\"; \"bb\")", "[\"x\" * 3000] | . + . | add",
          "\"\\u0001\" * 2000 | tojson | tojson"}) {
        INFO(grows);
        CHECK(run_with({.text = 4096}, grows, "0") ==
              "! program_string: the program makes a text of more than 4KiB");
    }
    CHECK(run_with({.depth = 128}, "reduce range(128) as $i (1; [.]) | tojson | length", "0") ==
          "257");
    CHECK(run_with({.depth = 128}, "reduce range(129) as $i (1; [.]) | tojson | length", "0") ==
          "! program_depth: a value nests more than 128 levels");
    CHECK(run_with({.depth = 128}, "setpath([range(129)]; 1)", "null").starts_with("! program_d"));
    CHECK(run_with({.memory = 1u << 20}, "[range(100000)] | length", "0") ==
          "! program_memory: the program needs more than 1MiB for this record");
    CHECK(run_with({.memory = 8u << 20}, "[range(100000)] | length", "0") == "100000");
}

TEST_CASE("a text is sought in time that grows with the texts, however alike they are") {
    // Compared at each place this would take 10^12 steps.
    const std::string texts = "(\"a\" * 2000000) as $t | (\"a\" * 1000000 + \"b\") as $s | $t | ";
    for (const char* look : {"contains($s)", "indices($s) == [1]", "split($s) | length == 0"}) {
        CHECK(run(texts + look, "0") == "false");
    }
    CHECK(run("\"abcabc\" | [indices(\"bc\"), indices(\"\"), split(\"ca\")]", "0") ==
          R"([[1,4],[],["ab","bc"]])");
}

TEST_CASE("a search of a regular expression asks whether it goes on") {
    Asked::count = 0;
    const std::string record = '"' + std::string(8192, 'a') + '"';
    CHECK(run_asked("test(\"a+b\")", record) == "false");
    // The places together go over 32 MiB.
    CHECK(Asked::count >= 30);
    Asked::count = 0;
    CHECK(run_asked("[scan(\"a++b|b\")]", record) == "[]");
    CHECK(Asked::count >= 30);
    CHECK(run_asked("test(\"a+b\"), 1", record, 4) ==
          "! program_time: the program takes longer than 5s for this record");
    CHECK(run_asked("[scan(\"a++b\")]", '"' + std::string(1 << 20, 'a') + '"', 4)
              .starts_with("! program_time: "));
}

TEST_CASE("a long text is searched as a short one") {
    const std::string a = std::string(600, 'a');
    const auto of = [](const std::string& program, const std::string& text) {
        return run(program, '"' + text + '"');
    };
    CHECK(of("test(\"\\\\Ga\"), test(\"\\\\Gb\")", a + "b") == "true  false");
    CHECK(of("[match(\"^.|.$\"; \"g\").offset]", a) == "[0,599]");
    CHECK(of("[match(\"(?<=b)a\"; \"g\").offset]", a + "ba") == "[601]");
    CHECK(of("[match(\"\\\\Aa\"; \"g\").offset]", a + "ba") == "[0]");
    CHECK(of("[match(\"b*\"; \"g\")] | length", a) == "601");
    CHECK(of("[match(\"b*|c\"; \"gn\").string]", a + "bbac") == R"(["bb","c"])");
    CHECK(of("[match(\"B|c\"; \"gi\").offset]", a + "bC") == "[600,601]");
    CHECK(of("[match(\"(?<x>b)|(c)\"; \"g\") | .captures[].string]", a + "bc") ==
          R"(["b",null,null,"c"])");
    CHECK(of("match(\"b # x\"; \"x\").offset", a + "b") == "600");
    CHECK(of("match(\"(?x) b # x\").offset", a + "b") == "600");
    CHECK(of("match(\"\\\\Qb)\").offset", a + "b)") == "600");
    CHECK(of("match(\"(?-i)b\"; \"i\").offset", a + "Bb") == "601");
    CHECK(of("match(\"b+\"; \"l\").length", a + "babb") == "2");
    CHECK(of("test(\"(?{x})b\"), test(\"(*FAIL)\")", a + "b") == "true  false");
}

TEST_CASE("one try of a regular expression at one place ends with the program's time") {
    const ProgramSettings settings{.bounds = {.time = seconds(1)}};
    const auto made = compile_program(R"j(test("^(?:a*+[bx]|a)*[^a]"))j", settings);
    REQUIRE(made.has_value());
    const auto began = std::chrono::steady_clock::now();
    // With all its retries this takes half a minute.
    const std::string said = words(test::run(**made, '"' + std::string(120'000, 'a') + '"'));
    CHECK(said.starts_with("! program_time: "));
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(15));
    // What only goes back over a long text has time enough.
    const std::string text(800'000, 'a');
    CHECK(run(R"j([test(".*b"), test("a$"), test("[ab]*c")])j", "\"b" + text + '"') ==
          "[true,true,false]");
}

TEST_CASE("a reduce that only updates its state takes memory for the state alone") {
    CHECK(run(R"j(reduce range(200000) as $i ({}; .["k\($i % 100)"] += 1) | [length, .k7])j",
              "0") == "[100,2000]");
    CHECK(run(R"j([range(3000) | {id: .}] | INDEX(.id) | length)j", "0") == "3000");
    CHECK(run(R"j(reduce range(20000) as $i ({}; .a["\($i)"].n = 1) | .a | length)j", "0") ==
          "20000");
    CHECK(run(R"j(reduce range(1000000) as $i ({}; .n += $i) | .n)j", "0") == "499999500000");
    CHECK(run(R"j(reduce range(20000) as $i ([]; .[$i] = $i | .[0] += 1) | .[0, -1])j", "0") ==
          "20000  19999");
    CHECK(run(R"j(reduce range(20000) as $i ({}; . + {"\($i)": $i}) | length)j", "0") == "20000");
}

TEST_CASE("what builtins go over counts as work") {
    std::string record = "{";
    for (int i = 0; i < 3000; ++i)
        record += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
    record += "\"l\":\"" + std::string(100'000, 'a') + "\"}";
    for (const char* many :
         {"last(range(3000) as $i | .k2999)", "last(range(3000) as $i | has(\"no\"))",
          "last(range(3000) as $i | getpath([\"no\"]))",
          ".l as $t | last(range(3000) | $t | length)",
          ".l as $t | last(range(3000) | $t | ascii_upcase | trim | ltrimstr(\"b\") | "
          "endswith(\"b\"))",
          "[range(3000)] as $a | last(range(3000) | $a | min)",
          "[range(3000)] as $a | last(range(3000) | $a | all)",
          "[range(3000) | \"\"] as $a | last(range(3000) | $a | join(\"\"))",
          "[range(300)] as $a | last(range(30000) | null | getpath($a))",
          "last(range(3000) as $i | \"x\" | test(\"b\" * 600 + \"\\($i)\"))",
          "def r(n): if n == 0 then range(3000) else (r(n - 1), empty) end; last(try r(1000))"}) {
        INFO(many);
        CHECK(run_short(many, record).starts_with("! program_time: "));
    }
}

TEST_CASE("an item is looked for without a copy of its array") {
    std::string record = "[0";
    for (int i = 1; i < 20'000; ++i) record += "," + std::to_string(i);
    CHECK(run("[range(2000) as $i | .[$i], .[-1], length] | length", record + "]") == "6000");
}

TEST_CASE("a pattern is no way to memory beyond the heap") {
    CHECK(run("\"a\" * 100000 as $p | \"a\" | test($p)", "0") ==
          "! Regex failure: the pattern is longer than 64KiB");
    CHECK(run("[range(100) as $i | \"x\" | test(\"a\" * 5000 + \"\\($i)\")] | any", "0") ==
          "false");
}

TEST_CASE("a text of the record is never too long for its program") {
    const std::string record = '"' + std::string(20'000, 'x') + '"';
    auto made = compile_program("ascii_upcase | length", {{.text = 4096}});
    REQUIRE(made.has_value());
    CHECK(words(test::run(**made, record)) == "20000");
}

TEST_CASE("values nest to their bound, and no program dies of it") {
    CHECK(run("reduce range(1000000) as $i (1; [.])", "0").starts_with("! program_depth: "));
    CHECK(run("reduce range(1000000) as $i (1; {a: .})", "0").starts_with("! program_depth: "));
    CHECK(run("setpath([range(2000)]; 1)", "null").starts_with("! program_depth: "));
    CHECK(run("reduce range(900) as $i (1; [.]) | tojson | length", "0") == "1801");
    CHECK(run("reduce range(900) as $i (1; [.]) | . == .", "0") == "true");
    CHECK(run("reduce range(900) as $i (1; [.]) | flatten", "0") == "[1]");
    CHECK(run("reduce range(65) as $i (1; [.])", "0") == "! an output has more than 64 levels");
    CHECK(run("[..] | length", std::string(64, '[') + std::string(64, ']')) == "64");
}

TEST_CASE("the machine stops for one record only") {
    auto made = compile_program("if .k > 1000000 then [range(.k)] else .k + 1 end");
    REQUIRE(made.has_value());
    for (int i = 0; i < 20; ++i) {
        CHECK(test::run(**made, R"({"k":30000000})").verdict == Verdict::fail);
        CHECK(test::run(**made, R"({"k":1})").outputs == std::vector<std::string>{"2"});
    }
}

TEST_CASE("what the machine does not look into keeps its bytes") {
    const std::string record =
        R"({"a":{"n":1.0, "s":"\u0041","d":{"x":1,"x":2}},"e":1E2,"big":12345678901234567890,"n":3})";
    const std::string rest = R"({"a":{"n":1.0, "s":"\u0041","d":{"x":1,"x":2}},"e":1E2,)"
                             R"("big":12345678901234567890,"n":)";
    CHECK(run(".n |= . + 1", record) == rest + "4}");
    CHECK(run(".n += 1 | .n -= 1", record) == rest + "3}");
    CHECK(run(".a.d |= .", record).find("1.0") != std::string::npos);
    CHECK(run("map(.)", record).find("12345678901234567890") != std::string::npos);
    CHECK(run("select(.n + 1 == 4)", record) == record);
}

// Which engine runs a program, and what is no program.
#include "io/jq/compile.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "tests/jq/both.hpp"

namespace {

using namespace holdfast;

std::string engine(const std::string& program) {
    const auto made = compile_program(program);
    return made ? (*made)->engine() : "error: " + made.error().message;
}

}  // namespace

TEST_CASE("engine says which engine runs a program, and why it isn't compiled") {
    CHECK(engine("select(.level != \"debug\") | .env = \"prod\" | del(.user.ssn)") == "native");
    CHECK(engine("") == "native");
    CHECK(engine("test(\"^a\\\\.b|c$|\")") == "native");
    for (const char* program :
         {".a |= ascii_upcase", "keys", ".a | test(\"a.c\")", "\"\\(.a)\"", ".[0] = 1", "[.[]]",
          ". as $x | $x", "def f: 1; f", "reduce .[] as $x (0; . + $x)", "todate", "input"}) {
        INFO(program);
        CHECK(engine(program) == "machine");
    }
    CHECK(
        engine("get_jq_origin | 1") ==
        "error: get_jq_origin/0 is not defined since jq 1.7; name what the program needs in args");
    CHECK(engine("recurse_down") ==
          "error: recurse_down/0 is not defined since jq 1.7; use recurse");
    CHECK(engine("1 | pow10") == "error: pow10/0 is not defined since jq 1.8; use exp10");
    CHECK(engine("scalars_or_empty") ==
          "error: scalars_or_empty/0 is not defined since jq 1.7; use scalars");
    CHECK(engine("\"\xff\"") == "error: the program is not UTF-8");
    for (const char* bad : {"\"é\xff\"", "\"é\x80\x80\"", "\"é\xe2\x82", "\"é\xf0\x9f\x98\""}) {
        const auto made = compile_program(bad);
        REQUIRE_FALSE(made.has_value());
        CHECK(made.error().offset == 3);
    }
}

TEST_CASE(
    "what one program makes the next one takes: an output of more than 64 levels fails where it is "
    "made") {
    const auto nested = [](std::size_t levels, const std::string& inside) {
        return std::string(levels, '[') + inside + std::string(levels, ']');
    };
    const auto made = [](const std::string& text, const std::string& record) {
        const auto program = compile_program(text);
        REQUIRE(program.has_value());
        return test::run(**program, record);
    };
    std::string repeated = "1";
    for (int i = 0; i < 100; ++i) repeated += ",1";
    for (const char* program :
         {"[.]", "{a: .}", "[.] | sort", "{a: .} | to_entries | from_entries"}) {
        INFO(program);
        // Small records, and some with more values than levels.
        for (const std::string& more : {std::string("1"), repeated}) {
            const test::Outcome fits = made(program, nested(63, more));
            INFO(fits.error);
            REQUIRE(fits.outputs.size() == 1);
            CHECK(made(".", fits.outputs[0]).outputs.size() == 1);
            const test::Outcome deep = made(program, nested(64, more));
            CHECK(deep.outputs.empty());
            CHECK(deep.error.find("64 levels") != std::string::npos);
        }
    }
    CHECK(made(".", nested(64, "1")).outputs.size() == 1);
    CHECK(made("[.] | .[0]", nested(64, "1")).outputs.size() == 1);
    CHECK(made(".a.b = .c", "{\"c\":" + nested(63, "1") + "}").outputs.empty());
    CHECK(made(".a = .c", "{\"c\":" + nested(63, "1") + "}").outputs.size() == 1);
    CHECK(made("del(.a)", "{\"a\":1,\"c\":" + nested(63, "1") + "}").outputs.size() == 1);
}

TEST_CASE("$meta says where a record came from, in both engines") {
    CHECK(engine(".id = $meta.id") == "native");
    CHECK(engine("select($meta.position > 5 and $meta.source == \"in\")") == "native");
    CHECK(engine("$meta | keys") == "machine");
    CHECK(engine("{$meta}") == "machine");
    const std::string id = "\"in:5f0c1b2a99d04e17:1200\"";
    const std::string all =
        "{\"source\":\"in\",\"partition\":\"5f0c1b2a99d04e17\",\"position\":1200,\"id\":" + id +
        "}";
    const auto output = [](Program& program) {
        const test::Outcome outcome = test::run(program, "{\"a\":1.0}");
        INFO(outcome.error);
        REQUIRE(outcome.outputs.size() == 1);
        return outcome.outputs[0];
    };
    const std::string programs[] = {".id = $meta.id", "$meta", "{a, m: $meta.position}"};
    const std::string expected[] = {"{\"a\":1.0,\"id\":" + id + "}", all, "{\"a\":1.0,\"m\":1200}"};
    for (std::size_t i = 0; i < std::size(programs); ++i) {
        const auto compiled = compile_program(programs[i]);
        REQUIRE(compiled);
        CHECK((*compiled)->asks_meta());
        CHECK(output(**compiled) == expected[i]);
        CHECK(output(*(*compiled)->clone()) == expected[i]);
        CHECK(test::same_value(output(*test::library(programs[i])), expected[i]));
    }
    const auto library =
        compile_program("def f: 1; .a as $x | {x: ($x + f)} | .p = $meta.partition # end");
    REQUIRE(library);
    CHECK(output(**library) == "{\"x\":2,\"p\":\"5f0c1b2a99d04e17\"}");
    // What isn't touched keeps its bytes there, too; and who binds $meta has it.
    CHECK(output(**compile_program(
              "if $meta.id | length > 3 then . else empty end | select(1 + 1 == 2)")) ==
          "{\"a\":1.0}");
    const auto own = compile_program(". as $meta | $meta.a");
    REQUIRE(own);
    CHECK_FALSE((*own)->asks_meta());
    CHECK(output(**own) == "1.0");
    CHECK_FALSE((*compile_program(".a"))->asks_meta());
    CHECK(engine("$other").starts_with("error: $other is not defined"));
    CHECK(engine("$meta | foo").starts_with("error: foo/0 is not defined"));
}

TEST_CASE(
    "a record's key, headers and timestamp are in $meta, compiled, in the machine and in libjq") {
    const auto bytes = [](const std::string& text) {
        return std::as_bytes(std::span(text.data(), text.size()));
    };
    const std::string key = "k\xff", name = "h", value = "v", other = "h\xff";
    std::vector<std::byte> headers;
    packing::append_header({bytes(name), bytes(key)}, headers);
    packing::append_header({bytes(other), std::nullopt}, headers);
    packing::append_header({bytes(name), bytes(value)}, headers);
    const packing::Extras all{.key = bytes(key), .headers = headers, .timestamp = 5};
    const packing::Extras none;
    const auto given = [&](Program& program, const packing::Extras* extras) {
        const std::string record = "{}" + std::string(Program::padding, ' ');
        std::vector<std::byte> out;
        std::string error;
        program.bind({"in", "5f0c1b2a99d04e17", 1200, extras});
        REQUIRE(program.run(bytes(record).first(2), out, error).verdict == Verdict::change);
        return std::string(reinterpret_cast<const char*>(out.data()), out.size());
    };
    const std::string program = "[$meta.key, $meta.headers, $meta.timestamp]";
    const std::string said = "[{\"base64\":\"a/8=\"},{\"h\":\"v\",\"h\xef\xbf\xbd\":null},5]\n";
    for (const std::string& text : {program, ". as $x | " + program}) {
        const auto compiled = compile_program(text);
        REQUIRE(compiled);
        CHECK((*compiled)->engine() == (text == program ? "native" : "machine"));
        CHECK(given(**compiled, &all) == said);
        CHECK(given(**compiled, &none) == "[null,null,null]\n");
        CHECK(given(**compiled, nullptr) == "[null,null,null]\n");
        CHECK(given(*(*compiled)->clone(), &all) == said);
    }
    CHECK(given(*test::library("[$meta.key, $meta.timestamp]"), &all) ==
          "[{\"base64\":\"a/8=\"},5]\n");
    CHECK(given(*test::library(program), nullptr) == "[null,null,null]\n");
}

TEST_CASE("a record that is left to the machine has its $meta there") {
    // A key that stands there twice and is asked for.
    const auto program = compile_program("{a, p: $meta.position}");
    REQUIRE(program);
    CHECK((*program)->engine() == "native");
    CHECK(test::run(**program, "{\"a\":1,\"a\":2}").outputs ==
          std::vector<std::string>{"{\"a\":2,\"p\":1200}"});
}

TEST_CASE("everything that docs/jq.md names as compiled is compiled") {
    std::ifstream in(HF_SOURCE_DIR "/docs/jq.md");
    std::string line;
    while (std::getline(in, line) && line != "## What is compiled") {
    }
    int programs = 0;
    while (std::getline(in, line) && !line.starts_with("Anything else")) {
        // The second column's code, where `\|` stands for |.
        if (!line.starts_with("| ") || line.starts_with("| what")) continue;
        std::string code;
        bool inside = false;
        for (std::size_t i = line.find(" | ", 2); i < line.size(); ++i) {
            if (line[i] == '`') {
                inside = !inside;
                if (inside) continue;
                const bool mark = code.find_first_not_of("=!<>|/() ") == std::string::npos;
                const bool word = code == "and" || code == "or";
                INFO(code);
                if (!mark && !word && code.find("...") == std::string::npos) {
                    CHECK(jq::make_plan(code).has_value());
                    ++programs;
                }
                code.clear();
            } else if (inside && line.compare(i, 2, "\\|") != 0) {
                code += line[i];
            }
        }
    }
    CHECK(programs > 30);
}

TEST_CASE("what no jq takes is refused, with the place where it ends to be a program") {
    for (const char* program : {".a.[",
                                "1 +",
                                ".a == 1 == 2",
                                ".a = .b = 1",
                                "foo",
                                "{a b}",
                                "select(",
                                "\"\\q\"",
                                "$x",
                                ".é",
                                "}",
                                "(1",
                                "[1",
                                "has()",
                                "test(1;2;3;4)",
                                "import \"x\" as x; .",
                                "{(1):2",
                                ". a",
                                "-",
                                "|",
                                ",",
                                "//"}) {
        INFO(program);
        const auto made = compile_program(program);
        CHECK_FALSE(made.has_value());
        if (!made) CHECK_FALSE(made.error().message.empty());
        if (!made) CHECK(made.error().message.find('\n') == std::string::npos);
        CHECK_FALSE(jq::make_plan(program).has_value());
    }
    CHECK(engine("foo").starts_with("error: foo/0 is not defined"));
    CHECK_FALSE(compile_program(std::string(".a\0", 3)));
}

TEST_CASE("a comment ends with its line, but behind a backslash") {
    const std::string record = R"({"a":{"b":1}})";
    const auto gives = [&](const std::string& code) {
        const auto program = compile_program(code);
        REQUIRE(program.has_value());
        const test::Outcome outcome = test::run(**program, record);
        return outcome.outputs.size() == 1 ? outcome.outputs[0] : "error: " + outcome.error;
    };
    CHECK(gives(".a # to b\n | .b") == "1");
    CHECK(gives(".a # to b\r\n | .b") == "1");
    CHECK(gives(".a # to b \\\\\n | .b") == "1");
    CHECK(gives(".a # not \\\n | .b") == R"({"b":1})");
    CHECK(gives(".a # not \\\r\n | .b") == R"({"b":1})");
    CHECK(gives(".a # not \r | .b") == R"({"b":1})");
    CHECK(jq::make_plan(".a # to b\r\n | .b"));
    CHECK_FALSE(jq::make_plan(".a # not \\\n | .b"));
}

TEST_CASE("programs that go too deep or too far are left to the machine") {
    const auto repeated = [](const std::string& what, int times) {
        std::string out;
        for (int i = 0; i < times; ++i) out += what;
        return out;
    };
    CHECK_FALSE(jq::make_plan(repeated("(", 5000) + "." + repeated(")", 5000)));
    CHECK_FALSE(jq::make_plan(repeated("{a:", 5000) + "1" + repeated("}", 5000)));
    CHECK_FALSE(jq::make_plan(repeated("[", 5000) + repeated("]", 5000)));
    CHECK_FALSE(jq::make_plan(repeated(".a", 5000)));
    CHECK_FALSE(jq::make_plan("." + repeated("|.", 30000)));
    CHECK_FALSE(jq::make_plan(repeated("if . then ", 500) + "1" + repeated(" else 1 end", 500)));
    CHECK_FALSE(jq::make_plan(std::string(100000, ' ')));
    CHECK(jq::make_plan(repeated(".a", 300)));
}

TEST_CASE("compiled program gives no more than a bounded output for one record") {
    std::string doubling = "(., .a)";
    for (int i = 0; i < 20; ++i) doubling += " | (., .)";
    const auto program = test::native(doubling);
    REQUIRE(program);
    CHECK(test::run(*program, R"({"a":1})").error == "outputs of a record exceed 4194304 bytes");
    CHECK(test::run(*program, "[]").verdict == Verdict::fail);
    CHECK(test::run(*test::native("(., .) | (., .)"), R"({"a":1})").outputs.size() == 4);
}

TEST_CASE("libjq program survives errors, halts, inputs and endless output of one record") {
    const auto program = test::library(
        "if .a == 1 then error(\"one\") elif .a == 2 then halt elif .a == 3 then input "
        "elif .a == 4 then debug else [.a, 7] end");
    REQUIRE(program);
    CHECK(test::run(*program, R"({"a":1})").error == "one");
    CHECK(test::run(*program, R"({"a":2})").error == "the program halts");
    CHECK(test::run(*program, R"({"a":3})").error == "No more inputs");
    CHECK(test::run(*program, R"({"a":4})").verdict == Verdict::keep);
    CHECK(test::run(*program, R"({"a":5})").outputs == std::vector<std::string>{"[5,7]"});
    CHECK(test::run(*program, R"({"a":)").verdict == Verdict::fail);
    CHECK(test::run(*program, R"({"a":6})").outputs == std::vector<std::string>{"[6,7]"});
    const auto endless = test::library("repeat(.)");
    CHECK(test::run(*endless, "\"" + std::string(100000, 'x') + "\"").error ==
          "outputs of a record exceed 4194304 bytes");
    const auto few = test::library("[limit(3; repeat(1))]");
    CHECK(test::run(*few, "0").outputs == std::vector<std::string>{"[1,1,1]"});
    for (const char* odd : {"input_filename", "input_line_number", "$__prog_args", "env|type",
                            "$ENV|type", "now|type", "get_search_list", "stderr", "halt_error",
                            "[inputs]", "$__loc__", "input_line_number|type", "modulemeta"}) {
        INFO(odd);
        const auto made = test::library(odd);
        if (made) (void)test::run(*made, R"({"a":1})");
    }
}

TEST_CASE("values that a program is given are its variables, as with jq's --arg and --argjson") {
    ProgramSettings settings;
    settings.args = {{"env", "\"prod\""},
                     {"n", "12345678901234567890"},
                     {"of", R"({"a":[1,2.0]})"},
                     {"not-a-name", "null"}};
    const auto output = [](Program& program) {
        const test::Outcome is = test::run(program, "{}");
        std::string all = is.error;
        for (const std::string& one : is.outputs) all += one;
        return all;
    };
    const auto run = [&](const std::string& text) {
        const auto program = compile_program(text, settings);
        REQUIRE(program);
        const std::string first = output(**program);
        CHECK(output(**program) == first);
        return first;
    };
    CHECK(run(".env = $env | .env") == "\"prod\"");
    CHECK(run("$n") == "12345678901234567890");
    CHECK(run("$of.a | map(. + 1)") == "[2,3]");
    CHECK(run("$of") == R"({"a":[1,2.0]})");
    CHECK(run("$ARGS | keys") == R"(["named","positional"])");
    CHECK(run("$ARGS.named") ==
          R"({"env":"prod","n":12345678901234567890,"of":{"a":[1,2.0]},"not-a-name":null})");
    CHECK(run("$__prog_args == $ARGS.named") == "true");
    CHECK(run("def f: $env; [f, (1 as $env | $env), ($of.a[] as [$x] ?// $x | $x)]") ==
          R"(["prod",1,1,2.0])");
    CHECK(run("$of | .a[0] |= 5 | [., $of]") == R"([{"a":[5,2.0]},{"a":[1,2.0]}])");
    CHECK_FALSE(compile_program("$other", settings));
    CHECK(output(**compile_program("$ARGS")) == R"({"positional":[],"named":{}})");
    CHECK_FALSE(compile_program("$a", {.args = {{"a", "nonsense"}}}));
}

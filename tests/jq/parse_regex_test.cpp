// Text against a pattern, by a table of cases; see tests/core/parse_program_test.cpp.
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "io/jq/outside.hpp"
#include "tests/core/parse_help.hpp"

using namespace holdfast;

namespace {

text::ParseSettings pattern(std::string text) {
    text::ParseSettings out;
    out.format = text::Format::regex;
    out.pattern = std::move(text);
    return out;
}

std::unique_ptr<Program> made(const text::ParseSettings& settings) {
    std::string error;
    auto program = text::make_regex_program(settings, jq::make_outside(), error);
    INFO(error);
    REQUIRE(program != nullptr);
    return program;
}

std::string refused(std::string text) {
    std::string error;
    CHECK(text::make_regex_program(pattern(std::move(text)), jq::make_outside(), error) == nullptr);
    return error;
}

}  // namespace

TEST_CASE("named groups of the first match become members") {
    check(Parses(made(pattern(
              R"p(^(?<ip>\S+) \S+ "(?<m>[A-Z]+) (?<path>[^"]*)" (?<status>\d+)(?: (?<n>\d+))?)p"))),
          {
              {"1.2.3.4 - \"GET /a?b=1\" 200 12 more",
               R"({"ip":"1.2.3.4","m":"GET","path":"/a?b=1","status":"200","n":"12"})"},
              {"1.2.3.4 - \"GET /\\\" 200",
               R"({"ip":"1.2.3.4","m":"GET","path":"/\\","status":"200","n":null})"},
              {"1.2.3.4", "! the pattern does not match"},
              {"", "! empty at byte 0"},
              {"1.2.3.4 - \"GET \xff\" 200", "! invalid UTF-8 at byte 15"},
          });
    check(Parses(made(pattern(R"((?<a>x+)|(?<b>y+))"))),
          {{"zxxy", R"({"a":"xx","b":null})"}, {"y\r\n", R"({"a":null,"b":"y"})"}});
    // Of one name the last that takes part.
    check(Parses(made(pattern(R"((?:(?<a>1)|(?<a>2))(?<a>3)?(.))"))),
          {{"1z", R"({"a":"1"})"}, {"2z", R"({"a":"2"})"}, {"23z", R"({"a":"3"})"}});
    check(Parses(made(pattern(R"((?i)^(?<é>.)B)"))), {{"日b", R"({"é":"日"})"}});
    text::ParseSettings numbers = pattern(R"((?<a>\S*) (?<b>\S*))");
    numbers.numbers = true;
    check(Parses(made(numbers)->clone()), {{"1.50 01", R"({"a":1.50,"b":"01"})"}});
    numbers.field_name = ".log";
    numbers.field = *codec::parse_path("log");
    check(Parses(made(numbers)), {{R"({"log":"1 x"})", R"({"a":1,"b":"x"})"},
                                  {R"({"log":"1"})", "! .log: the pattern does not match"}});
}

TEST_CASE("a pattern that is none, or names nothing, is refused, and a search has its bounds") {
    CHECK(refused("(") == "end pattern with unmatched parenthesis");
    CHECK(refused("a(b)") == "no group has a name");
    check(Parses(made(pattern("^(?<a>(x+x+)+)y"))),
          {{std::string(40, 'x'), "! the regular expression takes too many steps on this text"},
           {"xxy", R"({"a":"xx"})"}});
}

TEST_CASE("who is in a hurry ends a pattern before it is looked for, and nothing is judged") {
    const auto program = made(pattern("(?<a>x)"));
    Hurry hurry;
    program->heed(hurry, Hurry::patience);
    std::vector<std::byte> out;
    std::string error;
    const std::string record = "x" + std::string(Program::padding, ' ');
    const auto bytes = std::as_bytes(std::span(record)).first(1);
    CHECK(program->run(bytes, out, error).verdict == Verdict::change);
    hurry.ask(Haste::soon);
    CHECK(program->run(bytes, out, error).verdict == Verdict::change);
    hurry.ask(Haste::now);
    const ProgramResult ended = program->run(bytes, out, error);
    CHECK(ended.verdict == Verdict::fail);
    CHECK(ended.ended);
}

TEST_CASE("a pattern that tries each place of a long text is ended between two of them") {
    const auto program = made(pattern("(?<x>a+b)"));
    Hurry hurry;
    program->heed(hurry, Hurry::patience);
    std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        hurry.ask(Haste::now);
    });
    // Without a look at each place this takes minutes.
    const std::string text(1 << 20, 'a');
    const std::string padded = text + std::string(Program::padding, '"');
    std::vector<std::byte> out;
    std::string error;
    const auto* bytes = reinterpret_cast<const std::byte*>(padded.data());
    CHECK(program->run({bytes, text.size()}, out, error).ended);
    other.join();
    CHECK(out.empty());
}

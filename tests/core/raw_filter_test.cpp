#include "core/codec/raw_filter.hpp"

#include <catch2/catch.hpp>

#include "core/codec/lines.hpp"
#include "core/codec/raw_program.hpp"
#include "tests/core/codec_help.hpp"

using namespace holdfast::codec;

namespace {

RawRule drop_without(std::string_view path) {
    return {.when = RawRule::When::missing, .path = parse_path(path).value()};
}
RawRule dead_letter_if(std::string_view path, std::string_view json) {
    return {.when = RawRule::When::equal,
            .path = parse_path(path).value(),
            .literal = Literal::parse(json).value()};
}
RawRule dead_letter_with(std::string_view path) {
    return {.when = RawRule::When::present, .path = parse_path(path).value()};
}

std::vector<RawRule> rules() {
    return {dead_letter_if(".level", "\"bad\""), drop_without(".id"), dead_letter_if(".code", "5"),
            dead_letter_with(".poison")};
}

}  // namespace

TEST_CASE("raw filters let the first rule that matches decide") {
    RawFilter filter(rules());
    const auto judge = [&](std::string_view record) {
        return filter.judge(bytes_of(record), Format::automatic);
    };
    CHECK(judge(R"({"id":1})") == RawAnswer{});
    CHECK(judge(R"({"id":null,"code":6,"poison":null})") == RawAnswer{});
    CHECK(judge(R"({"level":"bad"})") == RawAnswer{RawVerdict::dead_letter, 0});
    CHECK(judge(R"({"level":"b\u0061d"})") == RawAnswer{RawVerdict::dead_letter, 0});
    CHECK(judge(R"({"code":5})") == RawAnswer{RawVerdict::drop, 1});
    CHECK(judge(R"({"id":1,"code":5.0})") == RawAnswer{RawVerdict::dead_letter, 2});
    CHECK(judge(R"({"id":1,"code":5,"code":6})") == RawAnswer{});
    CHECK(judge(R"({"id":1,"poison":{}})") == RawAnswer{RawVerdict::dead_letter, 3});
    CHECK(judge(R"({"x":{"id":1}})") == RawAnswer{RawVerdict::drop, 1});
    CHECK(judge("5") == RawAnswer{RawVerdict::drop, 1});
    CHECK(judge(from_hex("81 a26964 01")) == RawAnswer{});
    CHECK(judge(from_hex("82 a26964 01 a4636f6465 cd0005")) ==
          RawAnswer{RawVerdict::dead_letter, 2});
    CHECK(judge(from_hex("80")) == RawAnswer{RawVerdict::drop, 1});
}

TEST_CASE("raw filters do what a rule says instead of what it means by itself") {
    std::vector<RawRule> turned{drop_without(".id"), dead_letter_with(".debug")};
    turned[0].then = RawVerdict::dead_letter;
    turned[1].then = RawVerdict::drop;
    RawProgram program(turned, {"id is missing", "debug is present"});
    std::vector<std::byte> out;
    std::string error;
    const auto run = [&](std::string text) {
        const std::size_t size = text.size();
        text.append(holdfast::Program::padding, ' ');
        return program.run(bytes_of(text).first(size), out, error).verdict;
    };
    using holdfast::Verdict;
    CHECK(run(R"({"id":1})") == Verdict::keep);
    CHECK(run(R"({"id":1,"debug":true})") == Verdict::drop);
    CHECK(error.empty());
    CHECK(run(R"({"debug":true})") == Verdict::fail);
    CHECK(error == "id is missing");
    CHECK(run("not json") == Verdict::keep);
    CHECK(out.empty());
}

TEST_CASE("raw filters keep what cannot be parsed for those who parse it") {
    RawFilter filter(rules());
    const auto judge = [&](std::string_view record) {
        return filter.judge(bytes_of(record), Format::automatic);
    };
    CHECK(judge("") == RawAnswer{});
    CHECK(judge("{\"level\":\"bad\"") == RawAnswer{});
    CHECK(judge("{\"level\":\"bad\"}}") == RawAnswer{});
    CHECK(judge("{\"level\":\"bad\",\"x\":01}") == RawAnswer{});
    CHECK(judge("{\"no\":tru}") == RawAnswer{});
    CHECK(judge(from_hex("81 a16a c1")) == RawAnswer{});
    CHECK(judge(from_hex("80 80")) == RawAnswer{});
}

TEST_CASE("raw filters judge lines as they judge records") {
    RawFilter filter(rules());
    const std::string text =
        "{\"id\":1}\n{\"level\":\"bad\"}\n{\"level\":\n\n{\"a\":\"x}\n{}\n{\"id\":1,\"code\":5}\n";
    std::vector<Extent> records;
    values_of_lines(bytes_of(text), Blank::keep, records);
    std::vector<RawAnswer> answers;
    filter.judge_lines(bytes_of(text), records, answers);
    REQUIRE(answers.size() == 7);
    Parser parser;
    Document document(parser);
    for (std::size_t i = 0; i < records.size(); ++i) {
        document.reset(bytes_of(text).subspan(records[i].begin, records[i].size), Format::json);
        CHECK(answers[i] == exact_verdict(filter.rules(), document));
    }
    CHECK(answers[1].verdict == RawVerdict::dead_letter);
    CHECK(answers[5].verdict == RawVerdict::drop);
}

TEST_CASE("literals are JSON scalars and nothing else") {
    CHECK(Literal::parse("null")->value().null());
    CHECK(Literal::parse(" -1.5 ")->value().real() == -1.5);
    CHECK(Literal::parse("\"\\u0041\"")->value().is("A"));
    CHECK(Literal::parse("[]").error().fault == Fault::unexpected);
    CHECK(Literal::parse("bad").error().fault == Fault::unexpected);
    CHECK(Literal::parse("1 2").error().fault == Fault::trailing_bytes);
}

// JSON written as text, by tables of cases; and read back by the parser.
#include "core/text/format_program.hpp"

#include <catch2/catch.hpp>

#include "tests/core/parse_help.hpp"

using namespace holdfast;
using text::FormatSettings;
using text::Layout;

namespace {

Parses logfmt() { return Parses(text::make_format_program({.layout = Layout::logfmt})); }

FormatSettings csv(std::vector<std::string> columns, std::string separator = ",") {
    FormatSettings out{
        .layout = Layout::csv, .columns = columns, .separator = std::move(separator)};
    for (const std::string& column : columns) out.paths.push_back(*codec::parse_path(column));
    return out;
}

/// Gives its text, in place of a jq program.
class Gives final : public Program {
public:
    Gives(ProgramResult result, std::string text) : result_(result), text_(std::move(text)) {}
    ProgramResult run(std::span<const std::byte>, std::vector<std::byte>& out,
                      std::string& error) override {
        if (result_.verdict == Verdict::fail) error = text_;
        if (result_.verdict != Verdict::change) return result_;
        const auto bytes = std::as_bytes(std::span(text_));
        out.insert(out.end(), bytes.begin(), bytes.end());
        return result_;
    }
    std::unique_ptr<Program> clone() const override {
        return std::make_unique<Gives>(result_, text_);
    }
    std::string engine() const override { return "native"; }

private:
    ProgramResult result_;
    std::string text_;
};

std::string made_of(ProgramResult result, const std::string& text,
                    const std::string& record = "1") {
    std::vector<std::byte> out;
    std::string error;
    const std::string padded = record + std::string(Program::padding, ' ');
    const auto program =
        text::make_template_program(std::make_unique<Gives>(result, text))->clone();
    const auto is = program->run(std::as_bytes(std::span(padded)).first(record.size()), out, error);
    if (is.verdict == Verdict::fail) {
        CHECK(out.empty());
        return "! " + error;
    }
    CHECK(is.outputs == result.outputs);
    return {reinterpret_cast<const char*>(out.data()), out.size()};
}

}  // namespace

TEST_CASE(
    "a record is written as logfmt, with quotes where a word would be read as something else") {
    check(logfmt(),
          {
              {R"({"a":"x","b":"two words","c":"","d":1.50,"e":true,"f":null})",
               R"(a=x b="two words" c="" d=1.50 e=true f=null)"},
              {R"({"a":"1","b":"01","c":"\"","d":"a\\b","e":"x=y"})",
               R"(a="1" b=01 c="\"" d=a\b e="x=y")"},
              {R"({"a b":1,"":2,"\u00e9":"\n\u0001"})", "\"a b\"=1 \"\"=2 \xc3\xa9=\"\\n\\u0001\""},
              {R"({"a":{"b":[1, "x"]},"c":[]})", R"(a="{\"b\":[1,\"x\"]}" c=[])"},
              {R"({"a":1,"b":2,"a":3})", "a=3 b=2"},
              {"{}", ""},
              {"[1]", "!! the record is no object"},
              {"x", "! unexpected character at byte 0"},
          });
}

TEST_CASE("fields are written as CSV, with quotes where a value needs them") {
    check(Parses(text::make_format_program(csv({"a", "b.c"}))),
          {
              {R"({"a":1,"b":{"c":"x"}})", "1,x"},
              {R"({"a":"x,y","b":{"c":"say \"x\""}})", R"("x,y","say ""x""")"},
              {R"({"a":null})", ","},
              {R"({"a":"","b":1})", R"("",)"},
              {R"({"a":"1","b":{"c":"1x"}})", R"("1",1x)"},
              {R"({"a":[1, 2],"b":{"c":{"d":true}}})", R"("[1,2]","{""d"":true}")"},
              {R"({"a":"\r"})", "\"\r\","},
              {R"({"a":"1\n2"})", "!! the text has a newline at byte 1"},
              {"1", "!! the record is no object"},
          });
    check(Parses(text::make_format_program(csv({"a", "b"}, "||"))),
          {{R"({"a":"x|","b":"y"})", R"("x|"||y)"}, {R"({"a":"|x","b":"a||b"})", R"(|x||"a||b")"}});
}

TEST_CASE("a program's texts are lines, and a newline in one is an error of its record") {
    const ProgramResult one{Verdict::change, 1}, two{Verdict::change, 2};
    CHECK(made_of(one, "\"a \\\"b\\\" \\u00e9\"\n") == "a \"b\" \xc3\xa9\n");
    CHECK(made_of(two, "{\"a\":1}\n\"\"\n") == "{\"a\":1}\n\n");
    CHECK(made_of(two, "\"a\"\n\"b\\nc\"\n") == "! the text has a newline at byte 1");
    CHECK(made_of({Verdict::keep, 1}, "", "\"x\"") == "x\n");
    CHECK(made_of({Verdict::drop, 0}, "").empty());
    CHECK(made_of({Verdict::fail, 0}, "words") == "! words");
}

TEST_CASE("a text is no longer than outputs may be, and clones write alike") {
    const auto program = text::make_format_program({.layout = Layout::logfmt})->clone();
    program->limit_outputs(8);
    const std::string record = R"({"a":"12345678"})" + std::string(Program::padding, ' ');
    std::vector<std::byte> out;
    std::string error;
    const auto is = program->run(std::as_bytes(std::span(record)).first(16), out, error);
    CHECK(is.verdict == Verdict::fail);
    CHECK(out.empty());
    CHECK(error == "outputs of a record exceed 8 bytes");
}

TEST_CASE("what is written as logfmt or CSV is read back as it was, types of numbers too") {
    text::ParseSettings pairs{.format = text::Format::logfmt};
    pairs.numbers = true;
    text::ParseSettings columns{.format = text::Format::csv};
    columns.numbers = true;
    columns.columns = {"a", "b", "c"};
    const FormatSettings cells = csv({"a", "b", "c"});
    Parses write = logfmt(), read(pairs), write_cells(text::make_format_program(cells)),
           read_cells(columns);
    for (const char* record :
         {R"({"a":"x","b":1.50,"c":"1.50"})", R"({"a":"","b":" ","c":"\"\""})",
          R"({"a":"x,\"y\"","b":"=","c":"a\\nb\\"})", R"({"a":"\t\u0000","b":"\r","c":"日\r"})"}) {
        CHECK(read(write(record)) == record);
        CHECK(read_cells(write_cells(record)) == record);
    }
}

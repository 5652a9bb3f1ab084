#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/core/codec_help.hpp"

using namespace holdfast::codec;

namespace {

ParseError error_of(std::string_view text) { return Owned(text).error(); }

std::string string_of(const Value& value) {
    std::string scratch;
    return std::string(value.string(scratch));
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("json values have the kinds of their text") {
    CHECK(Owned("null").root().kind() == Kind::null);
    CHECK(Owned("true").root().boolean());
    CHECK_FALSE(Owned("false").root().boolean());
    CHECK(Owned(" 42 ").root().int64() == 42);
    CHECK(Owned("-9223372036854775808").root().int64() == INT64_MIN);
    CHECK(Owned("9223372036854775807").root().int64() == INT64_MAX);
    CHECK(Owned("9223372036854775808").root().uint64() == 9223372036854775808u);
    CHECK(Owned("18446744073709551615").root().uint64() == UINT64_MAX);
    CHECK(Owned("1.5e3").root().real() == 1500.0);
    CHECK(Owned("1e0").root().kind() == Kind::real);
    CHECK(string_of(Owned("\"abc\"").root()) == "abc");
    CHECK(Owned("[]").root().kind() == Kind::array);
    CHECK(Owned("{}").root().kind() == Kind::object);
}

TEST_CASE("json integers beyond 64 bits are the nearest double and keep their digits") {
    Owned big(R"({"n":123456789012345678901234567890})");
    CHECK(big.at(".n").real() == 123456789012345678901234567890.0);
    CHECK(big.at(".n").raw().size() == 30);
    CHECK(Owned("18446744073709551616").root().real() == 18446744073709551616.0);
    CHECK(Owned("-9223372036854775809").root().real() == -9223372036854775809.0);
}

TEST_CASE("json doubles out of range are infinite or zero, with their sign") {
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(Owned("1e999").root().real() == infinity);
    CHECK(Owned("-1e999").root().real() == -infinity);
    CHECK(Owned("1e-999").root().real() == 0.0);
    CHECK(std::signbit(Owned("-1e-999").root().real()));
    CHECK(Owned("0." + std::string(400, '0') + "1").root().real() == 0.0);
    CHECK(Owned("1" + std::string(400, '0')).root().real() == infinity);
    CHECK(Owned("1" + std::string(400, '0') + "e-1").root().real() == infinity);
    CHECK(Owned("0." + std::string(400, '0') + "1e1").root().real() == 0.0);
    CHECK(Owned("1e99999999999999999999").root().real() == infinity);
    CHECK(std::signbit(Owned("-0").root().real()));
}

TEST_CASE("json fields are found by their paths and missing is not null") {
    Owned record(R"({"a":{"b":[10,{"c":"x"},null]},"odd key":1,"":2,"a.b":3})");
    CHECK(record.at(".a.b[0]").int64() == 10);
    CHECK(string_of(record.at(".a.b[1].c")) == "x");
    CHECK(record.at(".a.b[-1]").null());
    CHECK(record.at(".a.b[-3]").int64() == 10);
    CHECK(record.at(".a.b[3]").missing());
    CHECK(record.at(".a.b[-4]").missing());
    CHECK(record.at(".nothing").missing());
    CHECK(record.at(".a.b.c").missing());
    CHECK(record.at(".a[0]").missing());
    CHECK(record.at(".\"odd key\"").int64() == 1);
    CHECK(record.at("[\"\"]").int64() == 2);
    CHECK(record.at("[\"a.b\"]").int64() == 3);
    CHECK(record.at(".").kind() == Kind::object);
    CHECK(record.at(".a.b[2].d").missing());
}

TEST_CASE("json keys that are equal: the last one counts, however it is written") {
    CHECK(Owned(R"({"a":1,"a":2})").at(".a").int64() == 2);
    CHECK(Owned(R"({"a":1,"\u0061":2})").at(".a").int64() == 2);
    CHECK(Owned(R"({"\u0061":2,"a":1})").at(".a").int64() == 1);
    CHECK(Owned(R"({"a":{"b":1},"a":{"c":2}})").at(".a.b").missing());
}

TEST_CASE("json strings mean what their escapes say") {
    CHECK(string_of(Owned(R"("\"\\\/\b\f\n\r\t")").root()) == "\"\\/\b\f\n\r\t");
    CHECK(string_of(Owned(R"("\u00e9\u20ac\ud83d\ude00")").root()) == "\u00e9\u20ac\U0001f600");
    CHECK(string_of(Owned(R"("x\u0000y")").root()) == std::string("x\0y", 3));
    CHECK(Owned(R"("\u0041b")").root().is("Ab"));
    CHECK_FALSE(Owned(R"("\u0041b")").root().is("AB"));
    CHECK_FALSE(Owned("1").root().is("1"));
    CHECK(Owned("{\"\\u0041\\n\":1}").root().member("A\n").int64() == 1);
}

TEST_CASE("json that is wrong is an error of its kind at its place") {
    using F = Fault;
    CHECK(error_of("") == ParseError{F::empty, 0});
    CHECK(error_of(" \t\r\n") == ParseError{F::empty, 0});
    CHECK(error_of("{\"a\":1} x") == ParseError{F::trailing_bytes, 8});
    CHECK(error_of("1 2") == ParseError{F::trailing_bytes, 2});
    CHECK(error_of("{}{}") == ParseError{F::trailing_bytes, 2});
    CHECK(error_of("[1,2") == ParseError{F::truncated, 4});
    CHECK(error_of("{\"a\":") == ParseError{F::truncated, 5});
    CHECK(error_of("{\"a\"") == ParseError{F::truncated, 4});
    CHECK(error_of("{") == ParseError{F::truncated, 1});
    CHECK(error_of("{\"a\":1,") == ParseError{F::truncated, 7});
    CHECK(error_of("\"abc") == ParseError{F::truncated, 4});
    CHECK(error_of("\"abc\\\"") == ParseError{F::truncated, 6});
    CHECK(error_of("\"a\tb\"") == ParseError{F::control_character, 2});
    CHECK(error_of("\"a\\\nb\"") == ParseError{F::control_character, 3});
    CHECK(error_of("\"a\\x\"") == ParseError{F::invalid_escape, 2});
    CHECK(error_of("\"\\ud800\"") == ParseError{F::invalid_escape, 1});
    CHECK(error_of("\"\\udc00\"") == ParseError{F::invalid_escape, 1});
    CHECK(error_of("\"\\udfff\\ud800\"") == ParseError{F::invalid_escape, 1});
    CHECK(error_of("{\"a\\udc00\":1}") == ParseError{F::invalid_escape, 3});
    CHECK(error_of("\"\\ud800\\u0041\"") == ParseError{F::invalid_escape, 1});
    CHECK(error_of("\"\\u12g4\"") == ParseError{F::invalid_escape, 1});
    CHECK(error_of("{\"\\u1\":1}") == ParseError{F::invalid_escape, 2});
    CHECK(error_of("[01]") == ParseError{F::invalid_number, 1});
    CHECK(error_of("-") == ParseError{F::invalid_number, 0});
    CHECK(error_of("[1.]") == ParseError{F::invalid_number, 1});
    CHECK(error_of("1e+") == ParseError{F::invalid_number, 0});
    CHECK(error_of("12a") == ParseError{F::invalid_number, 0});
    CHECK(error_of("12\"a\"") == ParseError{F::invalid_number, 0});
    CHECK(error_of("nul") == ParseError{F::invalid_literal, 0});
    CHECK(error_of("[nullx]") == ParseError{F::invalid_literal, 1});
    CHECK(error_of("true\"x\"") == ParseError{F::invalid_literal, 0});
    CHECK(error_of("[,1]") == ParseError{F::unexpected, 1});
    CHECK(error_of("[1,]") == ParseError{F::unexpected, 3});
    CHECK(error_of("{\"a\":1,}") == ParseError{F::unexpected, 7});
    CHECK(error_of("{\"a\" 1}") == ParseError{F::unexpected, 5});
    CHECK(error_of("{1:2}") == ParseError{F::unexpected, 1});
    CHECK(error_of("[1}") == ParseError{F::unexpected, 2});
    CHECK(error_of("{\"a\":1]") == ParseError{F::unexpected, 6});
    CHECK(error_of("\"a\"b") == ParseError{F::trailing_bytes, 3});
    CHECK(error_of("[\"a\" \"b\"]") == ParseError{F::unexpected, 5});
    CHECK(error_of("'a'") == ParseError{F::unexpected, 0});
    CHECK(error_of("{\"a\":\"\xff\"}") == ParseError{F::invalid_utf8, 6});
    CHECK(error_of("\"\xed\xa0\x80\"") == ParseError{F::invalid_utf8, 1});
    CHECK(error_of("\xef\xbb\xbf{}") == ParseError{F::unexpected, 0});
    CHECK(error_text(error_of("[1.]")) == "parse error: invalid number at byte 1");
}

TEST_CASE("json is accepted 64 levels deep and refused at 65") {
    CHECK(Owned(nested(64)).good());
    CHECK(error_of(nested(65)) == ParseError{Fault::too_deep, 64});
    std::string objects;
    for (int i = 0; i < 65; ++i) objects += "{\"a\":";
    CHECK(error_of(objects + "1" + std::string(65, '}')).fault == Fault::too_deep);
    CHECK(Owned("[" + nested(63) + "," + nested(63) + "]").good());
}

TEST_CASE("json records are parsed once and keep their bytes") {
    const std::string text = R"({ "a" : 1.50 , "b":"\u0041" })";
    Parser parser;
    Document document(parser);
    document.reset(bytes_of(text), Format::automatic);
    CHECK_FALSE(document.parsed());
    CHECK(document.format() == Format::json);
    const Value root = document.root().value();
    CHECK(document.parsed());
    CHECK(document.root()->node() == root.node());
    CHECK(document.bytes().data() == bytes_of(text).data());
    const auto raw = root.member("a").raw();
    CHECK(std::string(reinterpret_cast<const char*>(raw.data()), raw.size()) == "1.50");
    CHECK(root.member("b").offset() == 19);
    document.reset(bytes_of("[1"), Format::json);
    CHECK_FALSE(document.root());
    CHECK(document.root().error() == ParseError{Fault::truncated, 2});
}

TEST_CASE("numbers are equal if they are the same number") {
    const auto same = [](std::string_view a, std::string_view b) {
        Owned x(a), y(b);
        const bool result = equal(x.root(), y.root());
        CHECK(equal(y.root(), x.root()) == result);
        return result;
    };
    CHECK(same("1", "1.0"));
    CHECK(same("1e2", "100"));
    CHECK(same("0", "-0"));
    CHECK_FALSE(same("9007199254740993", "9007199254740992.0"));
    CHECK(same("9223372036854775808", "9223372036854775808.0"));
    CHECK_FALSE(same("9223372036854775807", "9223372036854775808.0"));
    CHECK_FALSE(same("18446744073709551615", "18446744073709551616.0"));
    CHECK_FALSE(same("9223372036854775808", "9223372036854775807"));
    CHECK_FALSE(same("1", "\"1\""));
    CHECK_FALSE(same("1", "1.5"));
    CHECK(same(R"({"a":1,"b":[1,{}]})", R"({"b":[1.0,{}],"a":2,"\u0061":1})"));
    CHECK_FALSE(same(R"({"a":1})", R"({"a":1,"b":null})"));
    CHECK_FALSE(same("[1]", "[1,2]"));
}

TEST_CASE("paths are read as jq writes them, or refused where they go wrong") {
    CHECK(parse_path(".").value().steps.empty());
    CHECK(parse_path("a.b").value() == parse_path(".a.b").value());
    CHECK(parse_path(".a[\"b\"]").value() == parse_path(".a.b").value());
    CHECK(parse_path(".a[-12]").value().steps[1].index == -12);
    CHECK(parse_path(".[0]").value() == parse_path("[0]").value());
    CHECK(parse_path(R"(."x\u0041\"")").value().steps[0].key == "xA\"");
    CHECK(parse_path("").error().offset == 0);
    CHECK(parse_path(".a.").error().offset == 3);
    CHECK(parse_path(".a b").error().offset == 2);
    CHECK(parse_path(".a[x]").error().offset == 3);
    CHECK(parse_path(".a[1").error().offset == 4);
    CHECK(parse_path(".\"a").error().offset == 3);
    CHECK(parse_path(".\"a\\").error().offset == 4);
    CHECK_FALSE(parse_path(".\"\\x\""));
    CHECK_FALSE(parse_path(".1a"));
    CHECK_FALSE(parse_path(".a[99999999999999999999]"));
}

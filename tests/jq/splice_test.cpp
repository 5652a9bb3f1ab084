// What a compiled program doesn't change keeps its very bytes.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "io/jq/compile.hpp"
#include "tests/jq/both.hpp"

namespace {

using namespace holdfast;
using Texts = std::vector<std::string>;

Texts outputs(const std::string& program, const std::string& record) {
    const auto compiled = test::native(program);
    REQUIRE(compiled);
    const test::Outcome is = test::run(*compiled, record);
    CHECK(is.error.empty());
    CHECK(compiled->left() == 0);
    return is.outputs;
}

const std::string spaced =
    "{ \"a\" : 1.0 ,\t\"b\" : [ 12345678901234567890 , \"\\u00e9\" ] , \"c\" : { \"x\" : 1E2 } }";

}  // namespace

TEST_CASE("record that is selected is kept") {
    const auto program = test::native("select(.a == 1)");
    CHECK(test::run(*program, spaced).verdict == Verdict::keep);
    CHECK(test::run(*program, "{\"a\":2}").verdict == Verdict::drop);
    CHECK(test::run(*test::native("."), spaced).verdict == Verdict::keep);
    CHECK(test::run(*test::native("del(.nothing)"), spaced).verdict == Verdict::keep);
    CHECK(test::run(*test::native("del(.c.nothing)"), spaced).verdict == Verdict::keep);
}

TEST_CASE("key that is set is appended, or its value replaced in its place") {
    CHECK(outputs(".d = 2", "{ \"a\" : 1 }") == Texts{"{ \"a\" : 1,\"d\":2}"});
    CHECK(outputs(".d = \"x\"", "{}") == Texts{R"({"d":"x"})"});
    // jq negates decimals, whose zero has no sign.
    CHECK(outputs(".d = -0", "{}") == Texts{R"({"d":0})"});
    CHECK(outputs(".d = [-0.0, -1.50, -1e2, -0.5]", "{}") ==
          Texts{R"({"d":[0.0,-1.50,-1e2,-0.5]})"});
    CHECK(outputs(".d = \"x\"", "{ }") == Texts{R"({"d":"x"})"});
    CHECK(outputs(".a = 2", spaced) ==
          Texts{"{ \"a\" : 2 ,\t\"b\" : [ 12345678901234567890 , \"\\u00e9\" ] , "
                "\"c\" : { \"x\" : 1E2 } }"});
    CHECK(outputs(".c.x = .b", R"({"b":[1.0, 2],"c":{ "x":0}})") ==
          Texts{R"({"b":[1.0, 2],"c":{ "x":[1.0, 2]}})"});
    CHECK(outputs(".c.y.z = true", R"({"c":{"x": 1}})") ==
          Texts{R"({"c":{"x": 1,"y":{"z":true}}})"});
}

TEST_CASE("key that is deleted takes one comma with it") {
    const std::string record = "{ \"a\" : 1 , \"b\" : 2 , \"c\" : 3 }";
    CHECK(outputs("del(.a)", record) == Texts{"{\"b\" : 2 , \"c\" : 3 }"});
    CHECK(outputs("del(.b)", record) == Texts{"{ \"a\" : 1,\"c\" : 3 }"});
    CHECK(outputs("del(.c)", record) == Texts{"{ \"a\" : 1 , \"b\" : 2}"});
    CHECK(outputs("del(.a, .b)", record) == Texts{"{\"c\" : 3 }"});
    CHECK(outputs("del(.b, .c)", record) == Texts{"{ \"a\" : 1}"});
    CHECK(outputs("del(.a, .b, .c)", record) == Texts{"{}"});
    CHECK(outputs("del(.a, .b, .c) | .d = 4", record) == Texts{"{\"d\":4}"});
    CHECK(outputs("del(.c) | .d = 4", record) == Texts{"{ \"a\" : 1 , \"b\" : 2,\"d\":4}"});
}

TEST_CASE("key that is renamed keeps its place and its value's bytes") {
    CHECK(outputs(R"(with_entries(if .key == "b" then .key = "B" else . end))",
                  "{ \"a\":1, \"b\" : 1.50, \"c\":3}") ==
          Texts{"{ \"a\":1, \"B\" : 1.50, \"c\":3}"});
    CHECK(outputs(".new = .old | del(.old)", R"({"old": 1.50,"a":1})") ==
          Texts{R"({"a":1,"new":1.50})"});
}

TEST_CASE("untouched numbers keep their digits") {
    CHECK(outputs(".x = 1", R"({"n":12345678901234567890,"m":1.000,"e":1E+2,"big":1e400})") ==
          Texts{R"({"n":12345678901234567890,"m":1.000,"e":1E+2,"big":1e400,"x":1})"});
    CHECK(outputs(".n", R"({"n":12345678901234567890})") == Texts{"12345678901234567890"});
    CHECK(outputs("{id: .n}", R"({"n":12345678901234567890})") ==
          Texts{R"({"id":12345678901234567890})"});
}

TEST_CASE("record over several lines becomes one line where it is changed") {
    const auto program = compile_program(".x = 1");
    REQUIRE(program);
    CHECK((*program)->engine() == "native");
    CHECK(test::run(**program, "{\n \"a\": 1\n}").outputs == Texts{R"({"a":1,"x":1})"});
}

TEST_CASE("odd records go to the twin, and come back as from jq") {
    const auto program = compile_program(".a = 3 | select(.b == {\"x\": 1})");
    REQUIRE(program);
    CHECK((*program)->engine() == "native");
    CHECK(test::run(**program, R"({"a":1,"a":2,"b":{"x":1}})").outputs ==
          Texts{R"({"a":3,"b":{"x":1}})"});
    CHECK(test::run(**program, R"({"a":1,"b":{"x":2}})").verdict == Verdict::drop);
    const auto copy = (*program)->clone();
    CHECK(test::run(*copy, R"({"a":1,"b":{"x":1.0}})").outputs.size() == 1);
}

TEST_CASE("condition keeps, drops or fails") {
    const auto verdict = [](const char* condition, const char* record) {
        const auto program = compile_condition(condition);
        REQUIRE(program);
        const auto library = test::library(condition, jq::Use::condition);
        REQUIRE(library);
        const Verdict is = test::run(**program, record).verdict;
        CHECK(test::run(*library, record).verdict == is);
        return is;
    };
    const char* record = R"({"level":"info","n":0,"z":null})";
    CHECK(verdict(R"(.level != "debug")", record) == Verdict::keep);
    CHECK(verdict(R"(.level == "debug")", record) == Verdict::drop);
    CHECK(verdict(".n", record) == Verdict::keep);
    CHECK(verdict(".z", record) == Verdict::drop);
    CHECK(verdict("empty", record) == Verdict::drop);
    CHECK(verdict(".z, .n", record) == Verdict::keep);
    CHECK(verdict("(.z, .n), .level.x", record) == Verdict::keep);
    CHECK(verdict(".level.x", record) == Verdict::fail);
    CHECK(verdict(R"(.level | test("^[a-z]+$"))", record) == Verdict::keep);
    CHECK(verdict(".level | ascii_upcase == \"INFO\"", record) == Verdict::keep);
    CHECK(verdict(".n", "{") == Verdict::fail);
}

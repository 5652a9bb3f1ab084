// Keys of records by value: what is alike, what isn't, what is missing.
#include <catch2/catch.hpp>

#include "core/codec/key_program.hpp"
#include "flow_stub.hpp"

using namespace holdfast;
using codec::Missing;

namespace {

struct Key {
    Verdict verdict{};
    std::string key;
    std::string error;
    bool operator==(const Key& other) const { return verdict == other.verdict && key == other.key; }
};

Key key_of(Program& program, std::string json) {
    const std::size_t size = json.size();
    json += std::string(Program::padding, ' ');
    std::vector<std::byte> out;
    Key key;
    key.verdict = program.run(flow_test::bytes_of(json).first(size), out, key.error).verdict;
    key.key = flow_test::text_of(out);
    return key;
}

Key key(const std::string& json, const char* path = ".a", Missing missing = Missing::is_null) {
    const auto program = codec::make_field_key({codec::parse_path(path).value()}, missing);
    return key_of(*program, json);
}

std::string with(const std::string& value) { return "{\"a\":" + value + "}"; }

}  // namespace

TEST_CASE(
    "keys are alike by value: escapes, spellings of numbers, order of members, last of equals") {
    const std::vector<std::vector<std::string>> alike{
        {"\"a\"", "\"\\u0061\""},
        {"1", "1.0", "1e0", "10e-1", "0.1e1", "1.000"},
        {"0", "-0", "0.0", "0e9", "-0.0e-3"},
        {"12345678901234567890", "12345678901234567890.0", "1234567890123456789e1"},
        {"1e400", "10e399"},
        {R"({"x":1,"y":[2]})", R"({ "y": [2.0], "x": 1 })", R"({"x":7,"y":[2],"x":1})"},
        {"\"/\"", "\"\\/\"", "\"\\u002f\""},
    };
    for (std::size_t i = 0; i < alike.size(); ++i)
        for (std::size_t j = 0; j < alike.size(); ++j)
            for (const std::string& a : alike[i])
                for (const std::string& b : alike[j]) {
                    INFO(a << " and " << b);
                    CHECK((key(with(a)) == key(with(b))) == (i == j));
                }
}

TEST_CASE("keys differ where values differ: types, big integers, nesting, what looks alike") {
    const std::vector<std::string> all{"null",
                                       "false",
                                       "true",
                                       "0",
                                       "\"0\"",
                                       "\"\"",
                                       "[]",
                                       "{}",
                                       "[[]]",
                                       "[{}]",
                                       "[1,2]",
                                       "[12]",
                                       "[\"1\",\"2\"]",
                                       "[\"1,2\"]",
                                       R"({"a":1})",
                                       R"({"a":"1"})",
                                       "12345678901234567890",
                                       "12345678901234567891",
                                       "9007199254740993",
                                       "9007199254740992",
                                       "-1",
                                       "1",
                                       "1e1",
                                       "1e-1",
                                       "\"null\"",
                                       "\"z\"",
                                       "[null]",
                                       "[null,null]",
                                       R"(["s1:a"])",
                                       R"("1:a")"};
    for (std::size_t i = 0; i < all.size(); ++i)
        for (std::size_t j = 0; j < all.size(); ++j) {
            INFO(all[i] << " and " << all[j]);
            CHECK((key(with(all[i])) == key(with(all[j]))) == (i == j));
        }
}

TEST_CASE("a field that is not there is null or no key, and a step into a number is an error") {
    CHECK(key("{}") == key("{\"a\":null}"));
    CHECK(key("{}", ".a.b") == key("{\"a\":null}"));
    CHECK(key("{}", ".a", Missing::drops).verdict == Verdict::drop);
    CHECK(key("{\"a\":null}", ".a", Missing::drops).verdict == Verdict::change);
    CHECK(key("{\"a\":1}", ".a.b").error == "Cannot index number with \"b\"");
    CHECK(key("{\"a\":{}}", ".a[0]").error == "Cannot index object with number");
    CHECK(key("{\"a\":", ".a").verdict == Verdict::fail);
}

TEST_CASE("several fields are told apart, and the key of a program is that of all its outputs") {
    const auto two = codec::make_field_key(
        {codec::parse_path(".a").value(), codec::parse_path(".b").value()}, Missing::is_null);
    CHECK(key_of(*two, R"({"a":"x","b":"y"})") == key_of(*two, R"({"b":"\u0079","a":"x"})"));
    CHECK_FALSE(key_of(*two, R"({"a":"xy","b":""})") == key_of(*two, R"({"a":"x","b":"y"})"));
    CHECK_FALSE(key_of(*two, R"({"a":1})") == key_of(*two, R"({"b":1})"));
    const auto program = codec::make_program_key(flow_test::multiply(2, ""));
    CHECK(key_of(*program, "1").verdict == Verdict::change);
    CHECK(key_of(*program, "1.0") == key_of(*program, "1"));
    CHECK(key_of(*codec::make_program_key(flow_test::multiply(0, "")), "1").verdict ==
          Verdict::drop);
    CHECK(key_of(*program, "\"bad\"").error == "bad record");
}

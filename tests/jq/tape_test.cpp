// What is a record and what isn't: the whole of it is checked, also what no program looks at.
#include "core/jq/tape.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "core/jq/text.hpp"
#include "tests/jq/both.hpp"

namespace {

using namespace holdfast;
using namespace std::string_literals;

/// Whether it is read; behind it stands what a number could go on with.
bool reads(const std::string& record) {
    const std::string padded = record + std::string(Program::padding, '1');
    jq::Tape tape;
    jq::Nodes nodes;
    const bool read = tape.read(std::as_bytes(std::span(padded.data(), record.size())), nodes);
    if (!read) CHECK(nodes.count() == 0);
    return read;
}

std::string nested(std::size_t levels) {
    std::string out;
    for (std::size_t i = 0; i < levels; ++i) out += i % 2 == 0 ? "[" : "{\"a\":";
    out += "1";
    for (std::size_t i = levels; i-- > 0;) out += i % 2 == 0 ? "]" : "}";
    return out;
}

}  // namespace

TEST_CASE("record with a broken part fails, also where the program looks at none of it") {
    const auto program = test::native(".level != \"debug\"", jq::Use::condition);
    REQUIRE(program);
    const std::string broken[] = {"01",
                                  "1.",
                                  ".5",
                                  "+1",
                                  "1e",
                                  "-",
                                  "1e+",
                                  "0x1",
                                  "nan",
                                  "tru",
                                  "truee",
                                  "nul",
                                  "\"\\q\"",
                                  "\"\\u12\"",
                                  "\"\\u12g4\"",
                                  "\"\\ud800\"",
                                  "\"\\udc00\"",
                                  "\"\\ud800\\u0041\"",
                                  "\"\x01\"",
                                  "\"\t\"",
                                  "\"\xff\"",
                                  "\"\xc0\x80\"",
                                  "\"\xed\xa0\x80\"",
                                  "[1,]",
                                  "[,1]",
                                  "[1 2]",
                                  "{\"a\"}",
                                  "{\"a\":}",
                                  "{\"a\":1,}",
                                  "{a:1}",
                                  "{\"a\":1 \"b\":2}",
                                  "[1}",
                                  "{\"a\":1]",
                                  "'a'",
                                  "1 2",
                                  "",
                                  "/*x*/1",
                                  "\"a\"b",
                                  "\"\\\"",
                                  "[1,2",
                                  "]",
                                  "\"a\nb\"",
                                  "{\"\\x\":1}",
                                  "{\"\\ud800\":1}",
                                  "{1:2}",
                                  "{null:1}",
                                  "[\"a\":1]",
                                  "{\"a\",1}",
                                  "-a",
                                  "--1",
                                  "1-"};
    for (const std::string& part : broken) {
        INFO(part);
        const std::string record = R"({"level":"info","deep":{"x":[)" + part + R"(]},"z":1})";
        if (!part.empty()) CHECK(test::run(*program, record).verdict == Verdict::fail);
        CHECK_FALSE(reads(part));
        CHECK_FALSE(reads(part + " "));
    }
}

TEST_CASE("record is one value with white space around it and nothing else") {
    for (const char* one : {"1",
                            "-0",
                            "-0.5e-10",
                            "1E5",
                            "null",
                            "true",
                            "false",
                            "\"\"",
                            "\"a\"",
                            "{}",
                            "[]",
                            " 1",
                            "1 ",
                            "\t[ ]\r",
                            "{\"a\":[{},[],\"\",0]}",
                            "\"\\u00e9\\ud834\\udd1e\\/\\b\\f\\n\\r\\t\"",
                            "\"\x7f\"",
                            "\"é𝄞\"",
                            "{\"\":1}",
                            " { \"a\" : 1 , \"a\" : 2 } ",
                            "\"\\u0000\""}) {
        const std::string good = one;
        INFO(good);
        CHECK(reads(good));
        CHECK(reads("[" + good + "," + good + "]"));
    }
    const std::string bad_ones[] = {"{}{}", "1,", "[] 1",  "{} x", "\"a\" \"b\"", "nulll",
                                    "12a",  "}",  "{}\0"s, "1\0"s, "\0"s,         "\xef\xbb\xbf{}",
                                    "[1]]"};
    for (const std::string& bad : bad_ones) {
        INFO(bad);
        CHECK_FALSE(reads(bad));
    }
}

TEST_CASE("record that is cut short is told from one that something follows, with the place") {
    const auto why = [](const std::string& text) {
        const std::string padded = text + std::string(Program::padding, '1');
        jq::Tape tape;
        jq::Nodes nodes;
        CHECK_FALSE(tape.read(std::as_bytes(std::span(padded.data(), text.size())), nodes));
        return std::string(tape.error()) + " @" + std::to_string(tape.error_offset());
    };
    CHECK(why(R"({"a":1} 5)") == "something follows the value @8");
    CHECK(why(R"([1,{"b":2}]x)") == "something follows the value @11");
    CHECK(why(R"({"a":1}})") == "something follows the value @7");
    CHECK(why(R"({"a":)") == "the record ends early @5");
    CHECK(why(R"([1,{"b":2})") == "the record ends early @10");
    CHECK(why(R"([[1],2)") == "the record ends early @6");
}

TEST_CASE("record has at most 64 levels") {
    CHECK(reads(nested(64)));
    CHECK_FALSE(reads(nested(65)));
    CHECK_FALSE(reads(std::string(100000, '[')));
    CHECK_FALSE(reads(std::string(100000, '[') + "]"));
    CHECK_FALSE(reads(std::string(1000, '{') + "}"));
}

TEST_CASE("nodes are the record's values in order") {
    const std::string record = R"( {"a":[1,{"b":"x\n"}],"":null} )";
    const std::string padded = record + std::string(Program::padding, ' ');
    jq::Tape tape;
    jq::Nodes nodes;
    REQUIRE(tape.read(std::as_bytes(std::span(padded.data(), record.size())), nodes));
    REQUIRE(nodes.count() == 6);
    CHECK(nodes[0].bytes() == R"({"a":[1,{"b":"x\n"}],"":null})");
    CHECK(nodes[0].next == 6);
    CHECK(nodes[1].bytes() == R"([1,{"b":"x\n"}])");
    CHECK(std::string_view(nodes[1].key, nodes[1].key_size) == "a");
    CHECK(nodes[1].next == 5);
    CHECK(nodes[2].bytes() == "1");
    CHECK(nodes[4].escaped);
    CHECK(nodes[4].bytes() == "\"x\\n\"");
    CHECK(nodes[5].kind == jq::Kind::null);
    CHECK(nodes[5].key_size == 0);
}

TEST_CASE("large record is read, and its memory is given back") {
    std::string record = "[";
    for (int i = 0; i < 1000000; ++i) record += "1,";
    record += "1]";
    const auto program = test::native("length");
    CHECK(test::run(*program, record).outputs == std::vector<std::string>{"1000001"});
    for (int i = 0; i < 1100; ++i) {
        CHECK(test::run(*program, "[1]").outputs == std::vector<std::string>{"1"});
    }
    CHECK(test::run(*program, record).outputs == std::vector<std::string>{"1000001"});
}

TEST_CASE("changed bytes never make the reader read too far") {
    std::mt19937_64 random(1);
    const std::string good = R"({"a":[1,-2.5e3,true,null],"b\n":{"c":"\u00e9x"},"d":""})";
    for (int i = 0; i < 20000; ++i) {
        std::string record = good;
        for (std::uint64_t n = random() % 3; n > 0; --n) {
            record[random() % record.size()] = R"({}[]",:\0tn )"[random() % 12];
        }
        record.resize(record.size() - random() % 4);
        // Exactly the padding that is promised, for the sanitizer.
        std::vector<char> exact(record.begin(), record.end());
        exact.insert(exact.end(), Program::padding, '1');
        jq::Tape tape;
        jq::Nodes nodes;
        (void)tape.read(std::as_bytes(std::span(exact.data(), record.size())), nodes);
    }
}

TEST_CASE("numbers are written as short as they can be read again") {
    const auto written = [](double number) {
        std::string out;
        jq::append_number(number, out);
        return out;
    };
    CHECK(written(1) == "1");
    CHECK(written(-0.0) == "-0");
    CHECK(written(0.1) == "0.1");
    CHECK(written(1e16) == "10000000000000000");
    CHECK(written(1e300) == "1e+300");
    CHECK(written(1.5e-7) == "1.5e-07");
    CHECK(written(0.0 / 0.0) == "null");
    CHECK(written(1e308 * 10) == "1.7976931348623157e+308");
}

TEST_CASE("record that is no UTF-8, or has a control character, says at which byte") {
    const auto where = [](const std::string& record) {
        const std::string padded = record + std::string(Program::padding, ' ');
        jq::Tape tape;
        jq::Nodes nodes;
        CHECK_FALSE(tape.read(std::as_bytes(std::span(padded.data(), record.size())), nodes));
        return tape.error_offset();
    };
    CHECK(where("{\"a\":\"b\xff\"}") == 7);
    CHECK(where("{\"a\":\"b\x01\"}") == 7);
    CHECK(where("{\"a\\\"\":\"\\\\\x1f\"}") == 10);
}

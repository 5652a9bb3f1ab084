// JSON values cut out of bytes, and printed.
#include <catch2/catch.hpp>

#include "io/cli/jq_options.hpp"
#include "io/cli/json_print.hpp"
#include "io/cli/json_values.hpp"

using namespace holdfast::cli;

namespace {

/// The values in a text that comes in pieces of this size.
std::vector<std::string> values_of(std::string_view text, std::size_t piece) {
    std::vector<std::string> out;
    ValueScan scan;
    std::string value;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        std::string_view part = text.substr(at, piece);
        while (!part.empty()) {
            std::size_t used = 0;
            const bool is_whole = scan.feed(part, used);
            value += part.substr(0, used);
            part.remove_prefix(used);
            if (!is_whole) continue;
            out.push_back(std::exchange(value, {}).substr(0));
            scan = ValueScan();
        }
    }
    if (scan.ends_here()) out.push_back(value);
    for (std::string& one : out) one.erase(0, one.find_first_not_of(" \n"));
    return out;
}

std::string printed(std::string_view json, const PrintStyle& style) {
    std::string out;
    print_json(json, style, out);
    return out;
}

}  // namespace

TEST_CASE("values are cut alike in pieces of any size") {
    const std::string text =
        " 1 [2,\"]\"]{\"a\":\"\\\"}\"}\"x\\\\\"null\n-1.5e3[[]]]7 \"\\u0022\"{} true";
    const std::vector<std::string> right{
        "1", "[2,\"]\"]", "{\"a\":\"\\\"}\"}", "\"x\\\\\"", "null", "-1.5e3", "[[]]",
        "]", "7",         "\"\\u0022\"",       "{}",        "true"};
    for (std::size_t piece = 1; piece <= text.size(); ++piece)
        CHECK(values_of(text, piece) == right);
}

TEST_CASE("JSON is printed compact, with a space of any kind gone") {
    CHECK(printed(" [ 1 ,\t\"a b\" , { \"k\" :\r\nnull } ] ", {.pretty = false}) ==
          "[1,\"a b\",{\"k\":null}]");
    CHECK(printed("\"\\u00e9\\/\\u0000\x7f\"", {.pretty = false}) == "\"\xc3\xa9/\\u0000\\u007f\"");
}

TEST_CASE("sorted keys are in the order of their characters, of equal ones the last counts") {
    CHECK(printed("{\"b\":[{\"d\":1,\"c\":-2}],\"\\u0061\":\"x\",\"B\":{},\"b\":3}",
                  {.pretty = false, .sort_keys = true}) == "{\"B\":{},\"a\":\"x\",\"b\":3}");
    CHECK(printed("{\"b\":1 , \"a\":[2, {\"z\":1,\"y\":[]}] }", {.sort_keys = true}) ==
          "{\n  \"a\": [\n    2,\n    {\n      \"y\": [],\n      \"z\": 1\n    }\n  ],\n  \"b\": "
          "1\n}");
}

TEST_CASE("jq's flags are read in any order, in letters together, and until --") {
    JqOptions options;
    CHECK(read_jq_options({"-cr", ".a", "-S", "f", "--tab", "--", "-g"}, options).empty());
    CHECK((options.compact && options.raw && options.sort_keys && options.tabs));
    CHECK(options.program == ".a");
    CHECK(options.files == std::vector<std::string>{"f", "-g"});

    options = {};
    CHECK(read_jq_options({"--arg", "a", "-x\"", "--args", ".", "b"}, options).empty());
    REQUIRE(options.named.size() == 1);
    CHECK(options.named[0].name == "a");
    CHECK(options.named[0].json == "\"-x\\\"\"");
    CHECK(options.positional == std::vector<std::string>{"\"b\""});

    for (const std::vector<std::string>& wrong :
         std::vector<std::vector<std::string>>{{},
                                               {"-x", "."},
                                               {"--arg", "a"},
                                               {"--argjson", "a", "{", "."},
                                               {"--indent", "8", "."},
                                               {"--indent"},
                                               {"-f"},
                                               {"--c", "."},
                                               {"--arg", "a", "\xff", "."},
                                               {".", "-L"}}) {
        options = {};
        CHECK_FALSE(read_jq_options(wrong, options).empty());
    }
}

// Where a part of a text stands in the TOML file.
#include <catch2/catch.hpp>

#include "io/cli/config.hpp"
#include "io/cli/text_place.hpp"

using namespace holdfast::cli;

namespace {

std::string where(std::string_view file, std::uint32_t line, std::uint32_t column,
                  std::string_view value, std::size_t offset) {
    const auto place = place_in_text(file, line, column, value, offset);
    if (!place) return "nowhere";
    return std::to_string(place->line) + ":" + std::to_string(place->column) + "\n" + place->shown;
}

}  // namespace

TEST_CASE("a part of a text is found in each of TOML's four ways to write it") {
    CHECK(where("x = '.a + b'", 1, 5, ".a + b", 5) == "1:11\nx = '.a + b'\n          ^");
    CHECK(where("x = \".a\\u0020\\t+ \\\"bc\"", 1, 5, ".a \t+ \"bc", 7) ==
          "1:20\nx = \".a\\u0020\\t+ \\\"bc\"\n                   ^^");
    const std::string text = "\n  x = '''\n.a |\n  b.cd\n'''\n";
    CHECK(where(text, 2, 7, ".a |\n  b.cd\n", 9) == "4:5\n  b.cd\n    ^^");
    CHECK(where("x = \"\"\"\n.a \\\n   bc\"\"\"", 1, 5, ".a bc", 3) == "3:4\n   bc\"\"\"\n   ^^");
    CHECK(where("\xc3\xa9 = '\xc3\xa9 bc'", 1, 5, "\xc3\xa9 bc", 3) ==
          "1:8\n\xc3\xa9 = '\xc3\xa9 bc'\n       ^^");
}

TEST_CASE("what is behind a text's end is shown at its last character") {
    CHECK(where("x = '.a ='", 1, 5, ".a =", 4) == "1:9\nx = '.a ='\n        ^");
    CHECK(where("x = '''.a =\n\n'''", 1, 5, ".a =\n\n", 6) == "1:11\nx = '''.a =\n          ^");
}

TEST_CASE("a long line is cut around the part") {
    const std::string file =
        "x = '" + std::string(500, 'a') + " nosuch " + std::string(500, 'b') + "'";
    const auto place = place_in_text(file, 1, 5, file.substr(5, 1008), 501);
    REQUIRE(place);
    CHECK(place->column == 507);
    CHECK(place->shown.size() < 250);
    CHECK(place->shown.find("... ") == std::string::npos);
    CHECK(place->shown.find(" nosuch ") != std::string::npos);
    CHECK(place->shown.ends_with("^^^^^^"));
}

TEST_CASE("a text that does not stand there has no place") {
    CHECK(where("x = '.a'", 1, 5, ".b", 0) == "nowhere");
    CHECK(where("x = 7", 1, 5, "7", 0) == "nowhere");
    CHECK(where("x = '.a'", 3, 5, ".a", 0) == "nowhere");
    CHECK(where("x = '.a'", 1, 50, ".a", 0) == "nowhere");
    CHECK(where("x = '.a", 1, 5, ".a", 0) == "nowhere");
    CHECK(where("x = \"\\q\"", 1, 5, "q", 0) == "nowhere");
    CHECK(where("x = ''", 1, 5, "", 0) == "nowhere");
    CHECK(where("", 0, 0, "", 0) == "nowhere");
}

TEST_CASE("an error of a program names its line and column in the file, with the part underlined") {
    const std::string head =
        "[sources.in]\ntype = \"stdin\"\n[sinks.o]\ntype = \"stdout\"\ninputs = [\"t\"]\n"
        "[transforms.t]\ntype = \"jq\"\ninputs = [\"in\"]\n";
    const auto result =
        parse_config(head + "program = '''\n.a |\n  nosuch(.b)\n'''\n", "t.toml", {});
    REQUIRE(result.problems.size() == 1);
    const auto lines = lines_of_problem(result.problems[0]);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].starts_with("t.toml(11,3): "));
    CHECK(lines[0].find("nosuch/1 is not defined") != std::string::npos);
    CHECK(lines[1] == "      nosuch(.b)");
    CHECK(lines[2] == "      ^^^^^^");
    // What comes from a flag has no place in the file.
    const auto flagged =
        parse_config(head + "program = '.'\n", "t.toml", {"transforms.t.program=nosuch"});
    REQUIRE(flagged.problems.size() == 1);
    CHECK(flagged.problems[0].starts_with("--set transforms.t.program=nosuch: "));
}

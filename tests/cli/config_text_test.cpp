// Transforms that read text, in a config.
#include <catch2/catch.hpp>
#include <string>

#include "io/cli/config.hpp"
#include "io/cli/effective.hpp"

using namespace holdfast;
using namespace holdfast::cli;

namespace {

ConfigResult parse(const std::string& keys) {
    return parse_config(
        "[sources.in]\ntype = \"stdin\"\n[sinks.out]\ntype = \"stdout\"\ninputs = [\"t\"]\n"
        "[transforms.t]\ntype = \"parse\"\ninputs = [\"in\"]\n" +
            keys + "\n",
        "/tmp/t.toml", {});
}

void refused(const std::string& keys, const std::string& what) {
    const ConfigResult result = parse(keys);
    INFO(keys);
    REQUIRE(result.problems.size() == 1);
    INFO(result.problems[0]);
    CHECK(result.problems[0].find(what) != std::string::npos);
}

ConfigResult format(const std::string& keys) {
    return parse_config(
        "[sources.in]\ntype = \"stdin\"\n[sinks.out]\ntype = \"stdout\"\ninputs = [\"t\"]\n"
        "[transforms.t]\ntype = \"format\"\ninputs = [\"in\"]\n" +
            keys + "\n",
        "/tmp/t.toml", {});
}

}  // namespace

TEST_CASE("a transform that formats writes logfmt, CSV, or what a program says") {
    const ConfigResult pairs = format("format = \"logfmt\"");
    REQUIRE(pairs.problems == std::vector<std::string>{});
    CHECK(pairs.config.transforms[0].reads());
    CHECK(effective_json(pairs).find("\"format\": \"logfmt\"") != std::string::npos);
    CHECK(effective_json(pairs).find("program_memory") == std::string::npos);
    const ConfigResult columns = format("format = \"csv\"\ncolumns = [\"a.b\", \"c\"]");
    REQUIRE(columns.problems == std::vector<std::string>{});
    CHECK(text::text_of(*columns.config.transforms[0].format) == R"(csv "a.b","c")");
    const ConfigResult program = format("format = \"template\"\ntemplate = '\"\\(.a)\"'");
    REQUIRE(program.problems == std::vector<std::string>{});
    CHECK(program.config.transforms[0].texts == std::vector<std::string>{"\"\\(.a)\""});
    CHECK(effective_json(program).find("\"template\": ") != std::string::npos);
}

TEST_CASE("what a transform that formats cannot do is refused, with what to do") {
    const auto says = [](const std::string& keys, const std::string& what) {
        const ConfigResult result = format(keys);
        INFO(keys);
        REQUIRE(result.problems.size() == 1);
        INFO(result.problems[0]);
        CHECK(result.problems[0].find(what) != std::string::npos);
    };
    says("", "t has no format");
    says("format = \"json\"", "is what text is read as; expected \"logfmt\"");
    says("format = \"template\"", "has no template; expected a jq program");
    says("format = \"template\"\ntemplate = \"1 +\"", "is not a jq program");
    says("format = \"logfmt\"\ntemplate = \".\"", "it has no program; expected no template");
    says("format = \"csv\"\ncolumns = [\"a\"]\nprogram_time = \"1s\"", "expected no program_time");
    says("format = \"csv\"", "has 0 columns; expected their names in order");
    says("format = \"csv\"\ncolumns = [\"a[\"]", "is no field");
    says("format = \"csv\"\ncolumns = [\"a\"]\nseparator = \"\"", "without quotes and newlines");
    says("format = \"logfmt\"\ncolumns = [\"a\"]", "it has no columns");
    says("format = \"logfmt\"\nnumbers = true", "numbers is not a key of type \"format\"");
    refused("format = \"template\"", "where it is read");
}

TEST_CASE("text that something reads as JSON is warned of") {
    const auto warns = [](const std::string& more, const std::string& inputs = "u") {
        const ConfigResult result = parse_config(
            "[sources.in]\ntype = \"stdin\"\n[sinks.out]\ntype = \"stdout\"\ninputs = [\"" +
                inputs +
                "\"]\n[transforms.t]\ntype = \"format\"\ninputs = [\"in\"]\nformat = \"logfmt\"\n" +
                more,
            "/tmp/t.toml", {});
        REQUIRE(result.problems == std::vector<std::string>{});
        std::string all;
        for (const std::string& warning : warnings(result.config)) all += warning + "\n";
        return all.find("what t gives is text") != std::string::npos;
    };
    const std::string u = "[transforms.u]\ninputs = [\"t\"]\n";
    CHECK(warns(u + "type = \"filter\"\ncondition = \".a\"\n"));
    CHECK(warns(u + "type = \"parse\"\nformat = \"logfmt\"\nfield = \"a\"\n"));
    CHECK_FALSE(warns(u + "type = \"parse\"\nformat = \"logfmt\"\n"));
    CHECK_FALSE(warns(u + "type = \"dedupe\"\n"));
    CHECK_FALSE(warns("", "t"));
    const ConfigResult parsed = parse_config(
        "[engine]\nmode = \"parsed\"\n[sources.in]\ntype = \"stdin\"\n[sinks.out]\ntype = "
        "\"stdout\"\n"
        "inputs = [\"t\"]\n[transforms.t]\ntype = \"parse\"\ninputs = [\"in\"]\nformat = \"csv\"\n"
        "columns = [\"a\"]\n",
        "/tmp/t.toml", {});
    REQUIRE(parsed.problems == std::vector<std::string>{});
    std::string all;
    for (const std::string& warning : warnings(parsed.config)) all += warning + "\n";
    CHECK(all.find("only lines of JSON reach it, and it reads csv") != std::string::npos);
}

TEST_CASE("a transform that parses has a format, and the rest by default") {
    const ConfigResult result = parse("format = \"key_value\"");
    REQUIRE(result.problems == std::vector<std::string>{});
    const io::TransformSettings& transform = result.config.transforms[0];
    REQUIRE(transform.parse);
    CHECK(text::text_of(*transform.parse) == R"(key_value with " " and "=", at most 1000 keys)");
    CHECK(transform.reads());
    const ConfigResult all = parse(
        "format = \"logfmt\"\nfield = \"at.log\"\nkeep_text = true\ninto = \"to\"\nnumbers = true\n"
        "max_keys = 5\nskip_blank = false\non_error = \"drop\"");
    REQUIRE(all.problems == std::vector<std::string>{});
    CHECK(text::text_of(*all.config.transforms[0].parse) ==
          R"(logfmt of .at.log, which stays, into "to", with numbers, at most 5 keys)");
    CHECK(all.config.transforms[0].node.on_error == flow::OnError::drop);
    CHECK_FALSE(all.config.transforms[0].node.skip_blank);
    const ConfigResult escaped = parse(
        "format = \"key_value\"\npair_separator = \"\\t\"\n"
        "key_separator = \"$${X}\"");
    REQUIRE(escaped.problems == std::vector<std::string>{});
    CHECK(escaped.config.transforms[0].parse->pair_separator == "\t");
    CHECK(escaped.config.transforms[0].parse->key_separator == "$${X}");
}

TEST_CASE("columns, patterns and lines of syslog are told as they are") {
    const auto text = [](const std::string& keys) {
        const ConfigResult result = parse(keys);
        REQUIRE(result.problems == std::vector<std::string>{});
        return text::text_of(*result.config.transforms[0].parse);
    };
    CHECK(text("format = \"csv\"\ncolumns = [\"a\", \"b c\"]\nseparator = \";\"\n"
               "skip_header = true") == R"(csv "a";"b c" without its header)");
    CHECK(text("format = \"regex\"\npattern = '^(?<a>\\S+)$${x}$'") ==
          R"(regex "^(?<a>\\S+)$${x}$")");
    CHECK(text("format = \"syslog\"") == "syslog, at most 1000 keys");
}

TEST_CASE("what a transform that parses cannot do is refused, with what to do") {
    refused("", "t has no format");
    refused("format = \"logfmtt\"", "did you mean \"logfmt\"?");
    refused("format = \"json\"\nprogram = \".\"", "program is not a key of type \"parse\"");
    refused("format = \"json\"\nnumbers = true", "values of JSON have their types");
    refused("format = \"json\"\nmax_keys = 1", "nothing but max_line bounds its keys");
    refused("format = \"logfmt\"\npair_separator = \",\"", "its pairs have fixed separators");
    refused("format = \"csv\"", "has 0 columns; expected their names in order");
    refused("format = \"csv\"\ncolumns = [\"a\", \"a\"]", "column \"a\" is there twice");
    refused("format = \"csv\"\ncolumns = [\"a\"]\nseparator = \"\\\"\"", "without quotes");
    refused("format = \"csv\"\ncolumns = [\"a\"]\nmax_keys = 2", "expected no max_keys");
    refused("format = \"syslog\"\ncolumns = [\"a\"]", "it has no columns; expected no columns");
    refused("format = \"syslog\"\npattern = \"a\"", "it has no pattern");
    refused("format = \"regex\"", "has a pattern of 0 bytes; expected one such as");
    refused("format = \"regex\"\npattern = \"(a)\"", "no group has a name");
    refused("format = \"regex\"\npattern = \"(?<a>\"", "is no pattern: end pattern");
    refused("format = \"logfmt\"\nkeep_text = true", "expected a field, or no keep_text");
    refused("format = \"logfmt\"\nfield = \"a[0].b\"", "expected one such as \"log\"");
    refused("format = \"logfmt\"\nfield = \".\"", "expected one such as \"log\"");
    refused("format = \"logfmt\"\nfield = \"a b c\"", "expected one such as \"log\"");
    refused("format = \"logfmt\"\ninto = \"a.b\"", "without dots");
    refused("format = \"logfmt\"\ninto = \"\"", "without dots");
    refused("format = \"logfmt\"\nmax_keys = 70000", "between 1 and 65536");
    refused("format = \"key_value\"\npair_separator = \"\"", "without quotes and newlines");
    refused("format = \"key_value\"\nkey_separator = \"\\n\"", "without quotes and newlines");
    refused("format = \"key_value\"\nkey_separator = \"\\\"\"", "without quotes and newlines");
    refused("format = \"key_value\"\nkey_separator = \" \"", "two that can be told apart");
    refused("format = \"key_value\"\nkey_separator = \"==\"\npair_separator = \"=\"",
            "two that can be told apart");
}

TEST_CASE("validate shows what a transform parses, and so does its JSON") {
    const ConfigResult result =
        parse("format = \"key_value\"\npair_separator = \",\"\nfield = \"log\"");
    REQUIRE(result.problems == std::vector<std::string>{});
    const std::string json = effective_json(result);
    INFO(json);
    for (const char* part :
         {R"("type": "parse")", R"("format": "key_value")", R"("pair_separator": ",")",
          R"("key_separator": "=")", R"("field": ".log")", R"("keep_text": false)",
          R"("max_keys": 1000)", R"("numbers": false)", R"("on_error": "dead_letter")",
          R"("skip_blank": true)"})
        CHECK(json.find(part) != std::string::npos);
    for (const char* part : {"program_memory", "\"into\"", "\"args\""})
        CHECK(json.find(part) == std::string::npos);
}

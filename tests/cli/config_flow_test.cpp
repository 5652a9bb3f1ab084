// Transforms in a config file: who feeds whom, and what is wrong with that.
#include <algorithm>
#include <catch2/catch.hpp>

#include "io/cli/config.hpp"
#include "io/cli/config_flow.hpp"
#include "io/cli/effective.hpp"
#include "io/jq/module_files.hpp"
#include "io/runner/engine_config.hpp"

using namespace holdfast;
using namespace holdfast::cli;

namespace {

const char* const head =
    "[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\n"
    "[sinks.out]\ntype = \"blackhole\"\n";

ConfigResult parse(const std::string& rest) { return parse_config(head + rest, "t.toml", {}); }

bool has(const std::vector<std::string>& list, const std::string& what) {
    std::string all;
    for (const std::string& text : list) all += text + "\n";
    INFO(all);
    const bool found = all.find(what) != std::string::npos;
    CHECK(found);
    return found;
}

const char* const keep =
    "[transforms.keep]\ntype = \"filter\"\ninputs = [\"in\"]\ncondition = '.a'\n";
const char* const by =
    "[transforms.by]\ntype = \"route\"\ninputs = [\"keep\"]\n"
    "route = { errors = '.level == \"error\"', audit = '.kind' }\n";

}  // namespace

TEST_CASE("a graph of transforms is resolved, and the sources that reach a sink are known") {
    const auto result =
        parse(std::string("inputs = [\"by.audit\", \"by._unmatched\"]\n") + keep + by);
    REQUIRE(result.problems == std::vector<std::string>{});
    const auto& config = result.config;
    REQUIRE(config.transforms.size() == 2);
    CHECK(config.sinks[0].inputs == std::vector<std::uint32_t>{0});
    CHECK(config.sinks[0].from == std::vector<flow::From>{{false, 1, 1}, {false, 1, 2}});
    CHECK(config.transforms[1].outputs == std::vector<std::string>{"errors", "audit"});
    CHECK(config.transforms[1].node.unrouted == flow::Unrouted::route);
    CHECK(config.transforms[0].node.unrouted == flow::Unrouted::drop);
    CHECK(input_name(config, {false, 1, 1}) == "by.audit");
    CHECK(io::engine_config(config).source[0].transform);
    has(warnings(config), "nobody takes by.errors");
    has(warnings(config), "transform keep: a record that it fails on halts the pipeline");
}

TEST_CASE("an input that isn't there is named, with the nearest one") {
    const auto result = parse(std::string("inputs = [\"by.audits\"]\n") + keep + by);
    has(result.problems, "no source or transform is named \"by.audits\"");
    has(result.problems, "did you mean \"by.audit\"?");
    has(parse(std::string("inputs = [\"by\"]\n") + keep + by).problems,
        "\"by\" is a route, which has outputs by name");
}

TEST_CASE("transforms that feed themselves are refused") {
    const auto result = parse(
        "inputs = [\"a\", \"in\"]\n"
        "[transforms.a]\ntype = \"jq\"\ninputs = [\"b\"]\nprogram = '.'\n"
        "[transforms.b]\ntype = \"jq\"\ninputs = [\"a\"]\nprogram = '.'\n");
    has(result.problems, "is fed by its own outputs");
}

TEST_CASE("a transform that feeds nobody is refused, and so is a name that a source has") {
    has(parse(std::string("inputs = [\"in\"]\n") + keep).problems,
        "transform \"keep\" feeds nobody");
    has(parse(
            "inputs = [\"in\"]\n[transforms.in]\ntype = \"sample\"\ninputs = [\"in\"]\nrate = 2\n")
            .problems,
        "is the name of a source too");
}

TEST_CASE("keys belong to types, and those that must be there are asked for") {
    has(parse("inputs = [\"t\"]\n[transforms.t]\ntype = \"filter\"\ninputs = [\"in\"]\n").problems,
        "t has no condition");
    has(parse("inputs = [\"t\"]\n[transforms.t]\ntype = \"sample\"\ninputs = [\"in\"]\nrate = 2\n"
              "threshold = 3\n")
            .problems,
        "threshold is not a key of type \"sample\"");
    has(parse("inputs = [\"t\"]\n[transforms.t]\ntype = \"sampel\"\ninputs = [\"in\"]\n").problems,
        "did you mean \"sample\"?");
}

TEST_CASE("bounds of programs are keys of each transform that runs one") {
    const auto result = parse(
        "inputs = [\"t\", \"u\"]\n[transforms.t]\ntype = \"jq\"\ninputs = [\"in\"]\nprogram = '.'\n"
        "program_memory = \"2MiB\"\nprogram_time = \"250ms\"\nprogram_string = \"64KiB\"\n"
        "program_depth = 200\n"
        "[transforms.u]\ntype = \"filter\"\ninputs = [\"in\"]\ncondition = '.'\n");
    REQUIRE(result.problems == std::vector<std::string>{});
    const ProgramBounds& set = result.config.transforms[0].settings.bounds;
    CHECK(set == ProgramBounds{2 << 20, milliseconds(250), 64 << 10, 200});
    CHECK(result.config.transforms[1].settings.bounds == ProgramBounds{});
    const auto raw = parse(
        "inputs = [\"t\"]\n[transforms.t]\ntype = \"raw_filter\"\ninputs = [\"in\"]\n"
        "rules = [{ missing = \"a\" }]\nprogram_time = \"1s\"\n");
    REQUIRE(raw.problems.size() == 1);
    CHECK(raw.problems[0].find("program_time is not a key of type \"raw_filter\"") !=
          std::string::npos);
}

TEST_CASE(
    "modules stand in jq_path, relative to the config's folder, and errors in them at the import") {
    const std::string folder = HF_SOURCE_DIR "/tests/jq";
    const auto with = [&](const std::string& path, const std::string& program) {
        return parse_config(
            "[sources.in]\ntype = \"stdin\"\n[sinks.out]\ntype = \"stdout\"\n"
            "inputs = [\"t\"]\n[transforms.t]\ntype = \"jq\"\ninputs = [\"in\"]\n"
            "jq_path = [" +
                path + "]\nprogram = '" + program + "'\n",
            folder + "/t.toml", {});
    };
    const auto good = with("\"nothing\", \"modules\"", "import \"a\" as a; a::f");
    CHECK(good.problems == std::vector<std::string>{});
    CHECK(good.config.transforms[0].settings.modules->search_list() ==
          std::vector<std::string>{folder + "/nothing", folder + "/modules"});
    CHECK(good.config.transforms[0].settings.modules->texts().size() == 3);
    const auto bad = with("\"modules\"", ". | 1");
    CHECK(bad.problems == std::vector<std::string>{});
    has(with("\"modules\"", "include \"bad\"; .").problems,
        "unexpected end (in " + folder + "/modules/bad.jq, line 2, column 1)");
    has(with("\"modules\"", "include \"bad\"; .").problems, "t.toml(10,20): ");
    has(with("\"modules\"", "include \"nope\"; .").problems, "module not found: nope");
    has(with("\"~/jq\"", ".").problems, "expected a path without ~");
    has(with("", ".").problems, "a list of folders such as");
}

TEST_CASE("a program that isn't jq is refused at its place") {
    const auto result = parse(
        "inputs = [\"t\"]\n[transforms.t]\ntype = \"jq\"\ninputs = [\"in\"]\nprogram = '.a ='\n");
    REQUIRE(result.problems.size() == 1);
    CHECK(result.problems[0].find("t.toml(10,15): \".a =\" is not a jq program") == 0);
}

TEST_CASE("unrouted must agree with who takes _unmatched") {
    has(parse("inputs = [\"t\"]\n[transforms.t]\ntype = \"filter\"\ninputs = [\"in\"]\n"
              "condition = '.a'\nunrouted = \"route\"\n")
            .problems,
        "nobody takes \"t._unmatched\"");
    has(parse("inputs = [\"t\", \"t._unmatched\"]\n[transforms.t]\ntype = \"filter\"\n"
              "inputs = [\"in\"]\ncondition = '.a'\nunrouted = \"drop\"\n")
            .problems,
        "somebody takes \"t._unmatched\"");
}

TEST_CASE("policies speak one language, and the words of before are told their new one") {
    const auto filter = [](const std::string& more) {
        return parse(
            "inputs = [\"t\"]\n[transforms.t]\ntype = \"filter\"\ninputs = [\"in\"]\n"
            "condition = '.a'\n" +
            more + "\n");
    };
    const auto told = [&](const std::string& key, const std::string& old, const std::string& now) {
        INFO(key << " " << old);
        has(filter(key + " = \"" + old + "\"").problems,
            "; \"" + old + "\" is called \"" + now + "\" now");
    };
    told("on_error", "skip", "drop");
    told("on_error", "fail_batch", "stop");
    told("unrouted", "discard", "drop");
    told("unrouted", "reject", "dead_letter");
    const auto unrouted = [&](const std::string& more) {
        const auto result = filter(more);
        REQUIRE(result.problems == std::vector<std::string>{});
        return result.config.transforms[0].node.unrouted;
    };
    CHECK(unrouted("") == flow::Unrouted::drop);
    CHECK(unrouted("on_error = \"stop\"") == flow::Unrouted::drop);
    CHECK(unrouted("unrouted = \"stop\"") == flow::Unrouted::stop);
    CHECK(unrouted("on_error = \"drop\"\nunrouted = \"dead_letter\"") ==
          flow::Unrouted::dead_letter);
    const auto route = parse(
        "inputs = [\"t.x\"]\n[transforms.t]\ntype = \"route\"\ninputs = [\"in\"]\n"
        "route.x = '.a'\non_error = \"stop\"\n");
    REQUIRE(route.problems == std::vector<std::string>{});
    CHECK(route.config.transforms[0].node.unrouted == flow::Unrouted::stop);
}

TEST_CASE("rules of a raw filter are read in order, with what each does") {
    const auto result = parse(
        "inputs = [\"t\"]\n[transforms.t]\ntype = \"raw_filter\"\ninputs = [\"in\"]\n"
        "rules = [{ missing = \"user.id\", then = \"drop\" }, { field = \"level\", equals = "
        "\"bad\", "
        "then = \"dead_letter\" }, { field = \"code\", equals = 5 }, { present = \"debug\", then = "
        "\"drop\" }]\n");
    REQUIRE(result.problems == std::vector<std::string>{});
    const auto& transform = result.config.transforms[0];
    CHECK(transform.rule_texts == std::vector<std::string>{"user.id is missing", "level is \"bad\"",
                                                           "code is 5", "debug is present"});
    std::vector<bool> drops;
    for (const codec::RawRule& rule : transform.rules) drops.push_back(rule.drops());
    CHECK(drops == std::vector<bool>{true, false, false, true});
    CHECK(transform.node.unrouted == flow::Unrouted::dead_letter);
    has(warnings(result.config), "transform t: a record that it rejects halts the pipeline");
}

TEST_CASE("skip_blank of a transform that parses nothing is refused, at its place") {
    const auto transform = [](const std::string& text) {
        return parse("inputs = [\"t\"]\n[transforms.t]\ninputs = [\"in\"]\n" + text + "\n")
            .problems;
    };
    const std::string skip = "skip_blank = true\n";
    has(transform(skip + "type = \"sample\"\nrate = 2"),
        "t.toml(9,14): skip_blank is set, but transform");
    has(transform(skip + "type = \"throttle\"\nthreshold = 2"), "parses nothing");
    has(transform(skip + "type = \"raw_filter\"\nrules = [{ missing = \"a\" }]"), "skip_blank");
    CHECK(transform(skip + "type = \"sample\"\nrate = 2\nkey_field = \"a\"").empty());
    CHECK(transform(skip + "type = \"throttle\"\nthreshold = 2\nkey_field = \"a\"").empty());
    CHECK(transform(skip + "type = \"dedupe\"\nfields.match = [\"a\"]").empty());
    CHECK(transform(skip + "type = \"filter\"\ncondition = '.a'").empty());
}

TEST_CASE("a rule that says too little, too much or nonsense is refused at its place") {
    const auto rule = [](const std::string& text) {
        return parse(
                   "inputs = [\"t\"]\n[transforms.t]\ntype = \"raw_filter\"\n"
                   "inputs = [\"in\"]\nrules = [" +
                   text + "]\n")
            .problems;
    };
    has(rule("{ field = \"a\" }"), "t.toml(10,10): a rule is not complete");
    has(rule("{ equals = 1 }"), "a rule is not complete");
    has(rule("{ missing = \"a\", equals = 1 }"), "a rule is not complete");
    has(rule("{ missing = \"a\", present = \"b\" }"), "a rule names two fields");
    has(rule("{ field = \"a\", equals = [1] }"), "equals is a list; expected text");
    has(rule("{ missing = \"a\", then = \"stop\" }"), "then is \"stop\"");
    has(rule("{ missing = \"a..b\" }"), "\"a..b\" is no field");
    has(rule("\"missing a\""), "rules holds \"missing a\"");
}

TEST_CASE("on_reject must agree with who takes _rejected, and is to route where somebody does") {
    const char* const raw =
        "[transforms.t]\ntype = \"raw_filter\"\ninputs = [\"in\"]\n"
        "rules = [{ present = \"x\" }]\n";
    CHECK(parse(std::string("inputs = [\"t\", \"t._rejected\"]\n") + raw)
              .config.transforms[0]
              .node.unrouted == flow::Unrouted::route);
    has(parse(std::string("inputs = [\"t\"]\n") + raw + "on_reject = \"route\"\n").problems,
        "on_reject is \"route\", and nobody takes \"t._rejected\"");
    has(parse(std::string("inputs = [\"t._rejected\"]\n") + raw + "on_reject = \"drop\"\n")
            .problems,
        "somebody takes \"t._rejected\"");
}

TEST_CASE("fields become a key, and what dedupe forgets is told") {
    const auto result = parse(
        "inputs = [\"t\"]\n[transforms.t]\ntype = \"dedupe\"\ninputs = [\"in\"]\n"
        "fields.match = [\"id\", \"user.name\", '.\"a b\"']\ncache.num_events = 7\n");
    REQUIRE(result.problems == std::vector<std::string>{});
    CHECK(result.config.transforms[0].texts ==
          std::vector<std::string>{"[.id, .user.name, .\"a b\"]"});
    CHECK(result.config.transforms[0].node.entries == 7);
    has(warnings(result.config), "transform t: begins anew with each start");
}

TEST_CASE("the example of transforms is good, and told as JSON") {
    const auto result = load_config(HF_SOURCE_DIR "/examples/transforms.toml", {});
    REQUIRE(result.problems == std::vector<std::string>{});
    const std::string json = effective_json(result);
    CHECK(json.find("\"by._unmatched\"") != std::string::npos);
    CHECK(json.find("\"transform_threads\": 1") != std::string::npos);
}

TEST_CASE(
    "args are values of any kind, in the order of the file, for each program of the transform") {
    const auto result = parse(
        "inputs = [\"t\"]\n[transforms.t]\ntype = \"filter\"\ninputs = [\"in\"]\n"
        "condition = '.env == $env and .n < $limits.most and ($ARGS.named | length) == 4'\n"
        "[transforms.t.args]\nenv = \"prod \\\"x\\\"\"\nlimits = { most = 10, least = 1.5 }\n"
        "on = true\nall = [1, [\"a\"]]\n");
    REQUIRE(result.problems == std::vector<std::string>{});
    CHECK(result.config.transforms[0].settings.args ==
          std::vector<ProgramArgument>{{"env", R"("prod \"x\"")"},
                                       {"limits", R"({"most":10,"least":1.5})"},
                                       {"on", "true"},
                                       {"all", R"([1,["a"]])"}});
    has(parse("inputs = [\"t\"]\n[transforms.t]\ntype = \"jq\"\ninputs = [\"in\"]\nprogram = '$a'\n"
              "args = { a = 2026-01-01 }\n")
            .problems,
        "t.toml(11,14): \"a\" holds a date");
    has(parse("inputs = [\"t\"]\n[transforms.t]\ntype = \"jq\"\ninputs = [\"in\"]\nprogram = '$b'\n"
              "args = { a = 1 }\n")
            .problems,
        "$b is not defined");
    has(parse("inputs = [\"t\"]\n[transforms.t]\ntype = \"jq\"\ninputs = [\"in\"]\nprogram = '.'\n"
              "args = [1]\n")
            .problems,
        "args is a list; expected a table of values");
}

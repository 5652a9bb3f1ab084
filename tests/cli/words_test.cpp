// Config texts that are hostile, or that mean something elsewhere: what is said of them.
#include <algorithm>
#include <catch2/catch.hpp>

#include "io/cli/config.hpp"
#include "io/cli/toml_depth.hpp"
#include "io/sinks/file/settings.hpp"
#include "io/sources/file/settings.hpp"

using namespace holdfast::cli;

namespace {

std::string repeated(std::string_view text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
}

std::string good(const std::string& include, const std::string& path,
                 const std::string& more = "") {
    return "[sources.in]\ntype = \"file\"\ninclude = [\"" + include +
           "\"]\n[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"" + path + "\"\n" + more;
}

ConfigResult parse(const std::string& text, const std::vector<std::string>& set = {}) {
    return parse_config(text, "/tmp/p.toml", set);
}

bool has(const std::string& text, std::string_view what) { return text.contains(what); }

}  // namespace

TEST_CASE("a key of very many parts is a problem with its place, in the file and in a flag") {
    const std::string deep = "a" + repeated(".a", 31000);
    for (const std::string& text :
         {deep + " = 1\n", "[" + deep + "]\n", "[[" + deep + "]]\n", "x = { " + deep + " = 1 }\n",
          "\"a\"" + repeated(".\"a\"", 31000) + " = 1\n",
          "'a' " + repeated(". 'a' ", 31000) + "= 1\n"}) {
        const ConfigResult result = parse(text);
        REQUIRE(result.problems.size() == 1);
        CHECK(result.problems[0].starts_with("/tmp/p.toml(1,"));
        CHECK(has(result.problems[0], "more than 16 parts"));
    }
    const ConfigResult flag = parse(good("x", "y"), {deep + "=1"});
    REQUIRE(flag.problems.size() == 1);
    CHECK(has(flag.problems[0], "--set a.a"));
    CHECK(has(flag.problems[0], "more than 16 parts"));
    CHECK(flag.problems[0].size() < 400);
}

TEST_CASE("brackets that are nested very deep are a problem with its place") {
    for (const char* open : {"[", "{a = ", "[{a = ", "{a.a.a.a.a.a.a.a = "}) {
        const ConfigResult result = parse("x = " + repeated(open, 31000));
        REQUIRE(result.problems.size() == 1);
        CHECK(has(result.problems[0], "nested more than 16 deep"));
        const ConfigResult flag = parse(good("x", "y"), {"engine.mode=" + repeated(open, 31000)});
        REQUIRE(flag.problems.size() == 1);
        CHECK(has(flag.problems[0], "nested more than 16 deep"));
    }
}

TEST_CASE("dots and brackets in strings and comments are no depth") {
    const std::string dots = repeated(".[{", 100);
    for (const std::string& text :
         {"# " + dots + "\n", "x = \"" + dots + "\"\n", "x = '" + dots + "'\n",
          "x = \"\"\"\n" + dots + "\\\"\"\"\"\"\n", "x = '''\n" + dots + "'''''\n",
          "\"" + dots + "\" = 1\n", "x = [1.5, 2.5]\n" + repeated("y.z.w = 1.5\n", 100)})
        CHECK_FALSE(too_deep(text));
    CHECK(too_deep("x = \"" + dots + "\n" + repeated("[", 17)));  // A string ends with its line.
    CHECK(too_deep("x = \"\\\"\"" + repeated("[", 17)));
}

TEST_CASE("what would be expanded elsewhere is refused in paths, with the way to write it") {
    for (const char* path : {"~/out", "~", "~me/out", "${HOME}/out", "a/${X", "x/${env:HOME}/y"}) {
        const ConfigResult out = parse(good("in", path));
        INFO(path);
        REQUIRE(out.problems.size() == 1);
        CHECK(out.problems[0].starts_with("/tmp/p.toml(7,8): path is "));
        CHECK(has(out.problems[0], "not expanded"));
        const ConfigResult in = parse(good(path, "out"));
        REQUIRE(in.problems.size() == 1);
        CHECK(in.problems[0].starts_with("/tmp/p.toml(3,12): include is "));
        CHECK(parse("data_dir = \"" + std::string(path) + "\"\n" + good("in", "out"))
                  .problems.size() == 1);
        CHECK(parse(good("in", "out"), {"sinks.a.path=" + std::string(path)}).problems.size() == 1);
    }
    const ConfigResult literal = parse(good("./~/in", "$${HOME}/out"));
    REQUIRE(literal.problems.empty());
    CHECK(literal.notes.empty());
    CHECK(holdfast::io::own<holdfast::io::FileSinkSettings>(literal.config.sinks[0]).path ==
          "/tmp/${HOME}/out");
    CHECK(
        holdfast::io::own<holdfast::io::FileSourceSettings>(literal.config.sources[0]).include[0] ==
        "/tmp/~/in");
}

TEST_CASE("what looks like a variable elsewhere is taken as it stands, and noted with its place") {
    const auto filter = [](const std::string& condition) {
        return good("in", "out") +
               "[transforms.t]\ntype = \"filter\"\ninputs = [\"in\"]\n"
               "condition = '" +
               condition + "'\n";
    };
    const ConfigResult noted = parse(filter(".a == \"${HOME}\""));
    REQUIRE(noted.notes.size() == 1);
    CHECK(has(noted.notes[0],
              "p.toml(11,13): condition holds \"${HOME}\": variables are not expanded"));
    CHECK(parse(filter(".a == \"$${HOME}\"")).notes.empty());
    CHECK(parse(filter(".a == \"$${HOME}\"")).config.transforms[0].texts[0] == ".a == \"${HOME}\"");
    CHECK(parse(filter("$__loc__ | .a")).notes.empty());
    const auto transform = [](const std::string& text) {
        return parse(good("in", "out") + "[transforms.t]\ninputs = [\"in\"]\n" + text + "\n");
    };
    for (const char* text :
         {"type = \"raw_filter\"\nrules = [{ field = \"a\", equals = \"${HOME}\" }]",
          "type = \"raw_filter\"\nrules = [{ missing = \"${HOME}\" }]",
          "type = \"dedupe\"\nfields.match = [\"${HOME}\"]",
          "type = \"sample\"\nrate = 2\nkey_field = \"${HOME}\"",
          "type = \"route\"\nroute.x = '.a == \"${HOME}\"'"}) {
        INFO(text);
        const auto notes = transform(text).notes;
        CHECK(std::any_of(notes.begin(), notes.end(), [](const std::string& note) {
            return has(note, "${HOME}") && has(note, "variables are not expanded");
        }));
    }
    const auto rules = transform(
        "type = \"raw_filter\"\n"
        "rules = [{ field = \"a\", equals = \"$${HOME}\" }]");
    CHECK(rules.config.transforms[0].rule_texts[0] == "a is \"${HOME}\"");
    const ConfigResult dollar = parse(good("in", "$HOME/out"));
    REQUIRE(dollar.notes.size() == 1);
    CHECK(has(dollar.notes[0], "p.toml(7,8): path holds \"$HOME/\""));
    CHECK(holdfast::io::own<holdfast::io::FileSinkSettings>(dollar.config.sinks[0]).path ==
          "/tmp/$HOME/out");
}

// Run mode parsed, by the real program.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/real/campaign.hpp"

using namespace holdfast::real;

namespace {

const std::string good_1 = "{\"level\":\"debug\",\"n\":1.0}\n";
const std::string good_2 = " {\"level\":\"info\",\"n\":2}\r\n";
const std::string input = good_1 + "{\"level\":\n" + good_2 + "plain text\n{} {}\n" +
                          std::string(65, '[') + std::string(65, ']') + "\n";

/// One sink takes the source's records as they are, one takes them from a filter.
std::string config(const std::string& source, bool has_dead_letters) {
    return "data_dir = \"state\"\n[engine]\nmode = \"parsed\"\n"
           "[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\nend = \"eof\"\n" +
           source +
           "[transforms.keep]\ntype = \"filter\"\ninputs = [\"in\"]\ncondition = '.n == 2'\n"
           "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out/a\"\n"
           "[sinks.b]\ntype = \"file\"\ninputs = [\"keep\"]\npath = \"out/b\"\n" +
           (has_dead_letters ? "[dead_letters]\ntype = \"file\"\npath = \"out/dead\"\n" : "");
}

Exited run_in(const TempDir& folder, const std::string& text) {
    folder.write("in.log", input);
    folder.write("pipe.toml", text);
    return run({"run", "--progress", "off", folder.at("pipe.toml")});
}

}  // namespace

TEST_CASE("mode parsed sets aside what cannot be parsed, each record alone, before any sink") {
    const TempDir folder;
    const std::string threads = GENERATE("", "transform_threads = 2\n");
    std::string text = config("", true);
    text.insert(text.find("[sources"), threads);
    const Exited exited = run_in(folder, text);
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/a")) == good_1 + good_2);
    CHECK(read_file(folder.at("out/b")) == good_2);
    const std::string dead = read_file(folder.at("out/dead"));
    INFO(dead);
    CHECK(std::count(dead.begin(), dead.end(), '\n') == 4);
    CHECK(contains(dead,
                   "\"reason\":\"parse_error\",\"attempts\":0,\"transform\":\"in.parse\","
                   "\"error\":\"parse error: unexpected end at byte 9\""));
    CHECK(contains(dead, "\"payload\":\"{} {}\""));
    CHECK(contains(exited.err, "in.parse: 6 -> 2 out + 0 dropped + 4 errors (4 dead letters)"));
}

TEST_CASE("mode parsed skips and counts, or stops before the batch, as on_parse_error says") {
    const TempDir folder;
    Exited exited = run_in(folder, config("on_parse_error = \"stop\"\n", false));
    INFO(exited.err);
    CHECK(exited.code != 0);
    CHECK(read_file(folder.at("out/a")).empty());
    exited = run_in(folder, config("on_parse_error = \"drop\"\n", false));
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/a")) == good_1 + good_2);
    CHECK(contains(exited.err, "in.parse: 6 -> 2 out + 0 dropped + 4 errors (0 dead letters)"));
}

// `sim -c`: a user's own pipeline in the simulator. Planted mistakes are named by their lines, the
// examples hold, and no "yes" of `guarantee` is broken.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/base/mix.hpp"
#include "io/cli/guarantee.hpp"
#include "io/cli/sim_records.hpp"
#include "io/cli/sim_report.hpp"

using namespace holdfast;
using namespace holdfast::cli;

namespace {

constexpr const char* files = R"([sources.in]
type = "file"
include = ["/sim/in/*.log"]
[sinks.out]
type = "file"
inputs = ["in"]
path = "/sim/out/a"
)";
constexpr const char* dead_letters = "[dead_letters]\ntype = \"file\"\npath = \"/sim/out/dead\"\n";

ConfigResult parsed(const std::string& text) {
    ConfigResult out = parse_config(text, "/etc/hf/demo.toml", {});
    REQUIRE(out.problems == std::vector<std::string>{});
    return out;
}

SimReport tried(const ConfigResult& config, std::uint64_t seeds,
                const std::vector<std::string>& faults = {},
                const std::vector<std::string>& accepted = {}) {
    SimPipelineCommand command;
    command.seeds = seeds;
    command.jobs = 2;
    command.faults = faults;
    command.accepted = accepted;
    const auto report = try_pipeline(config, command, nullptr);
    INFO((report ? "" : report.error()));
    REQUIRE(report.has_value());
    return *report;
}

SimReport tried(const std::string& text, std::uint64_t seeds,
                const std::vector<std::string>& faults = {}) {
    return tried(parsed(text), seeds, faults);
}

/// "lost 8 sinks.out.fsync", sorted and once each.
std::set<std::string> found(const SimReport& report) {
    std::set<std::string> out;
    for (const SimFinding& each : report.findings)
        out.insert(std::string(name_of(each.of.flaw)) + " " + std::to_string(each.place.line) +
                   " " + each.key);
    return out;
}

}  // namespace

TEST_CASE("from file to file nothing is lost, repeated or torn, whatever fails") {
    for (const char* more : {"", "delivery = \"at_least_once\"\n"}) {
        const SimReport report = tried(std::string(files) + more + dead_letters, 60);
        INFO(text_of(report));
        CHECK(report.holds());
        CHECK(report.findings.empty());
        CHECK(report.tally.lost == 0);
        CHECK(report.tally.delivered == report.seeds * report.records);
        CHECK(report.tally.sessions > report.seeds);
        CHECK(report.tally.held_peak > 0);
        CHECK((report.tally.repeats_most > 1) == (std::string(more) != ""));
    }
}

TEST_CASE("where nothing may fail nothing comes twice, and one record is one") {
    const SimReport report =
        tried(std::string(files) + "delivery = \"at_least_once\"\n" + dead_letters, 10, {"none"});
    CHECK(report.faults.empty());
    CHECK(report.findings.empty());
    CHECK(report.tally.repeats_most == 1);
}

TEST_CASE("a planted mistake is found, and named by its line") {
    const std::string text = files;
    SECTION("a sink that does not sync, and the power fails") {
        const SimReport report = tried(text + "fsync = \"never\"\n", 60, {"power-loss"});
        CHECK(report.tally.lost > 0);
        CHECK(found(report).contains("lost 8 sinks.out.fsync"));
        for (const SimFinding& each : report.findings) CHECK(each.key == "sinks.out.fsync");
        CHECK_FALSE(report.holds());
        // And a process alone that dies loses nothing there.
        CHECK(tried(text + "fsync = \"never\"\n", 40, {"crash"}).findings.empty());
    }
    SECTION("a sink that drops when it is full") {
        const SimReport report = tried(text + "when_full = \"drop_newest\"\n", 40, {"sink-down"});
        CHECK(found(report) == std::set<std::string>{"dropped 8 sinks.out.when_full"});
        CHECK(report.tally.dropped > 0);
        CHECK(report.tally.lost == 0);
        CHECK(report.holds());  // It is told to, and says so.
    }
    SECTION("no dead letters, and a sink that may give up") {
        const SimReport report = tried(text + "retry = { max_attempts = 2 }\n", 40, {"sink-down"});
        CHECK(found(report) == std::set<std::string>{"stopped 8 sinks.out.retry.max_attempts"});
        CHECK_FALSE(report.holds());
        const SimReport mended =
            tried(text + "retry = { max_attempts = 2 }\n" + dead_letters, 40, {"sink-down"});
        CHECK(mended.holds());
        CHECK(mended.tally.dead_lettered > 0);
        CHECK(mended.tally.lost == 0);
    }
    SECTION("no dead letters, and a record that a transform fails on") {
        const SimReport report = tried(
            "[sources.in]\ntype = \"file\"\ninclude = [\"/sim/in/a\"]\n"
            "[transforms.t]\ntype = \"jq\"\ninputs = [\"in\"]\n"
            "program = 'if .id == 3 then error(\"no\") else . end'\n"
            "[sinks.out]\ntype = \"file\"\ninputs = [\"t\"]\n"
            "path = \"/sim/out/a\"\n",
            5);
        CHECK(found(report) == std::set<std::string>{"stopped 4 transforms.t.on_error"});
    }
    SECTION("standard input, and a process that dies") {
        const SimReport report = tried(
            "[sources.in]\ntype = \"stdin\"\n[sinks.out]\n"
            "type = \"file\"\ninputs = [\"in\"]\npath = \"/sim/out/a\"\n",
            60, {"crash"});
        CHECK(found(report).contains("lost 2 sources.in.type"));
        for (const SimFinding& each : report.findings) CHECK(each.key == "sources.in.type");
    }
}

TEST_CASE("what is known and accepted does not count, and nothing else is") {
    const ConfigResult config = parsed(std::string(files) + "fsync = \"never\"\n");
    const SimReport known = tried(config, 40, {"power-loss"}, {"sinks.out.fsync"});
    CHECK(known.holds());
    CHECK(known.tally.lost > 0);
    CHECK_FALSE(tried(config, 40, {"power-loss"}, {"sinks.out.path"}).holds());
}

TEST_CASE("faults that a pipeline cannot meet, and kinds that are not played, are said") {
    const std::string packed = "framing = \"msgpack\"\n";
    std::string text = files;
    text.insert(text.find("[sinks"), packed);
    const SimReport report = tried(text, 4);
    REQUIRE(report.skipped.size() == 1);
    CHECK(report.skipped[0].starts_with("rotation: "));
    CHECK(std::ranges::count(report.faults, "rotation") == 0);

    const SimReport kept = tried(std::string(files) +
                                     "[sinks.none]\ntype = \"blackhole\"\n"
                                     "inputs = [\"in\"]\n",
                                 4);
    REQUIRE(kept.notes.size() == 1);
    CHECK(kept.notes[0] == "sink none keeps nothing: what came there is not looked at");

    // What writes to a peer is tried with one; what reads from one is not, and said.
    const std::string peer =
        "[sinks.next]\ntype = \"socket\"\naddress = \"127.0.0.1:9999\"\n"
        "inputs = [\"in\"]\n";
    const SimReport sent = tried(std::string(files) + peer + dead_letters, 20);
    CHECK(sent.holds());
    CHECK(sent.notes.empty());
    CHECK(sent.tally.delivered == 2 * sent.seeds * sent.records);
    const SimReport rest = tried(std::string(files) +
                                     "[sources.more]\ntype = \"exec\"\n"
                                     "command = [\"true\"]\n[sinks.other]\n"
                                     "type = \"file\"\ninputs = [\"more\"]\n"
                                     "path = \"/sim/out/b\"\n",
                                 4);
    CHECK(rest.tally.delivered > 0);
    REQUIRE(rest.notes.size() == 1);
    CHECK(rest.notes[0].starts_with("source more: the device of exec has no model"));

    SimPipelineCommand command;
    command.faults = {"earthquake"};
    const auto refused = try_pipeline(parsed(files), command, nullptr);
    REQUIRE_FALSE(refused.has_value());
    CHECK(
        refused.error().starts_with("there is no fault \"earthquake\"; expected all, none, crash"));
}

TEST_CASE("one seed is the same each time, and tells what happened") {
    const ConfigResult config = parsed(std::string(files) + dead_letters);
    SimPipelineCommand command;
    command.one_seed = true;
    command.first_seed = 7;
    std::vector<std::string> one, two;
    REQUIRE(try_pipeline(config, command, &one).has_value());
    REQUIRE(try_pipeline(config, command, &two).has_value());
    CHECK(one.size() > 10);
    CHECK(one == two);
}

TEST_CASE("records are the user's own where there are any, else they have what programs name") {
    const std::string text = std::string(files) +
                             "[[tests]]\nname = \"t\"\n"
                             "inputs = [{ to = \"in\", records = ['a', 'b'] }]\n"
                             "outputs = [{ from = \"out\", count = 2 }]\n";
    const SimRecords of_tests = records_for(parsed(text), {});
    CHECK(of_tests.texts[0] == std::vector<std::string>{"a", "b"});
    CHECK(of_tests.origins[0] == "the config's [[tests]]");

    const auto folder = std::filesystem::temp_directory_path() / "hf_sim_records";
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "a.log") << "one\n\ntwo\n";
    const SimRecords given = records_for(parsed(text), (folder / "a.log").string());
    CHECK(given.texts[0] == std::vector<std::string>{"one", "two"});
    std::string own = files;
    own.replace(own.find("/sim/in"), 7, folder.string());
    const SimRecords of_inputs = records_for(parsed(own), {});
    CHECK(of_inputs.texts[0] == std::vector<std::string>{"one", "two"});
    CHECK(of_inputs.origins[0] == "its inputs");
    std::filesystem::remove_all(folder);
    CHECK_FALSE(records_for(parsed(text), "/nowhere/records").problem.empty());

    const auto made = made_records({".user.name == \"ada\"", ".items[] | .x"}, 2);
    REQUIRE(made.size() == 2);
    CHECK(made[0] != made[1]);
    for (const char* part : {"\"id\":1", "\"user\":{\"name\":", "\"items\":[{"})
        CHECK(made[0].find(part) != std::string::npos);
}

TEST_CASE("each example holds, but for what it says itself") {
    std::size_t tried_files = 0;
    for (const char* folder : {"/examples", "/examples/jq"})
        for (const auto& entry :
             std::filesystem::directory_iterator(std::string(HF_SOURCE_DIR) + folder)) {
            if (entry.path().extension() != ".toml") continue;
            const ConfigResult config = load_config(entry.path().string(), {});
            REQUIRE(config.problems.empty());
            SimPipelineCommand command;
            command.seeds = 6;
            command.jobs = 2;
            command.accepted = {"sinks.search.fsync", "sources.numbers.type",
                                "sources.streams.type", "sources.datagrams.type",
                                "sinks.next.mode"};
            const auto report = try_pipeline(config, command, nullptr);
            INFO(entry.path().string() << "\n" << (report ? text_of(*report) : report.error()));
            ++tried_files;
            REQUIRE(report.has_value());
            CHECK(report->holds());
            for (const SimFinding& each : report->findings) CHECK(each.accepted);
        }
    CHECK(tried_files >= 19);
}

namespace {

/// A config that number `n` means; some contradict themselves.
std::string drawn(std::uint64_t n) {
    std::uint64_t asked = 0;
    const auto pick = [&](std::uint64_t bound) { return scale(mix(n, 77, ++asked, 0), bound); };
    std::string out =
        "[engine]\ncommit_interval = \"" + std::string(pick(2) == 0 ? "100ms" : "2s") + "\"\n";
    if (pick(3) == 2) out += "commit_records = 20\n";
    out += "mode = \"" + std::string(std::array{"whole", "streaming", "parsed"}[pick(3)]) + "\"\n";
    const std::uint64_t sources = 1 + pick(2), sinks = 1 + pick(3);
    std::string inputs;
    for (std::uint64_t i = 0; i < sources; ++i) {
        const std::string name = "s" + std::to_string(i);
        out += "[sources." + name + "]\ntype = \"file\"\ninclude = [\"/sim/" + name + "/*\"]\n";
        if (pick(2) == 1) out += "end = \"eof\"\n";
        inputs += (inputs.empty() ? "\"" : ", \"") + name + "\"";
    }
    std::string last = inputs;
    if (pick(2) == 1) {
        out += "[transforms.t]\ntype = \"filter\"\ninputs = [" + inputs +
               "]\ncondition = '.k != \"a\"'\nunrouted = \"" +
               std::array{"drop", "route"}[pick(2)] + "\"\n";
        last = "\"t\"";
    }
    for (std::uint64_t i = 0; i < sinks; ++i) {
        const std::string name = "o" + std::to_string(i);
        out += "[sinks." + name + "]\ntype = \"file\"\npath = \"/sim/out/" + name +
               "\"\ninputs = [" + (i == 0 || pick(2) == 0 ? last : inputs) + "]\n";
        if (pick(3) == 2) out += "delivery = \"at_least_once\"\n";
        if (pick(3) == 2) out += "fsync = \"never\"\n";
        if (pick(6) == 5) out += "when_full = \"drop_newest\"\n";
        if (pick(4) == 3) out += "retry = { max_attempts = 3 }\n";
        if (pick(4) == 3) out += "batch = { max_records = 3, timeout = \"200ms\" }\n";
    }
    if (pick(3) != 0) out += dead_letters;
    return out;
}

}  // namespace

TEST_CASE("no yes of guarantee is broken in a swarm of configs") {
    std::size_t good = 0;
    for (std::uint64_t n = 1; n <= 60; ++n) {
        const ConfigResult config = parse_config(drawn(n), "/etc/hf/demo.toml", {});
        if (!config.problems.empty()) continue;
        ++good;
        const Guarantees guarantees = guarantees_of(config);
        const SimReport report = tried(config, 3);
        INFO(drawn(n) << text_of(report));
        for (const SimFinding& each : report.findings) {
            // What no weakness explains breaks a promise.
            CHECK(each.key != "");
            for (const PathGuarantee& path : guarantees.paths) {
                const bool is_here = each.of.sink < report.sinks.size() &&
                                     path.sink == report.sinks[each.of.sink] &&
                                     each.of.source < report.sources.size() &&
                                     path.source == report.sources[each.of.source];
                if (is_here && each.of.flaw == sim::Flaw::lost)
                    CHECK_FALSE(path.holds(io::Promise::power_loss));
                if (is_here && each.of.flaw == sim::Flaw::dropped)
                    CHECK_FALSE(path.holds(io::Promise::at_least_once));
            }
        }
    }
    CHECK(good > 35);
}

TEST_CASE("the report is whole as JSON and as JUnit") {
    const SimReport report = tried(std::string(files) + "fsync = \"never\"\n", 40, {"power-loss"});
    const std::string json = json_of(report), junit = junit_of(report);
    for (const char* part : {"\"holds\": false", "\"key\": \"sinks.out.fsync\"", "\"line\": 8",
                             "\"what\": \"lost\"", "\"invariant\": \"I110\""}) {
        INFO(json);
        CHECK(json.find(part) != std::string::npos);
    }
    for (const char* part : {"tests=\"2\" failures=\"1\"", "name=\"sink out\"",
                             "/etc/hf/demo.toml(8,", "name=\"the pipeline\""}) {
        INFO(junit);
        CHECK(junit.find(part) != std::string::npos);
    }
}

// The keys of self-regulation.
#include <catch2/catch.hpp>

#include "io/cli/config.hpp"
#include "io/cli/progress.hpp"
#include "io/cli/terminal.hpp"
#include "io/runner/engine_config.hpp"

using namespace holdfast;
using namespace holdfast::cli;

namespace {

ConfigResult parse(const std::string& engine) {
    return parse_config("[engine]\n" + engine +
                            "[sources.in]\ntype = \"file\"\ninclude = [\"/nowhere/*.log\"]\n"
                            "[sinks.out]\ntype = \"blackhole\"\ninputs = [\"in\"]\n",
                        "/tmp/pipe.toml", {});
}

}  // namespace

TEST_CASE("config of regulation has defaults that the engine takes") {
    const ConfigResult result = parse("");
    REQUIRE(result.problems.empty());
    const Config engine = io::engine_config(result.config);
    CHECK(engine.pressure_pause_permille == 800);
    CHECK(engine.pressure_resume_permille == 650);
    CHECK(engine.max_hold == seconds(10));
    // Only the mode makes it work.
    CHECK_FALSE(engine.governor.on);
    CHECK(result.config.regulation.governor.on);
    CHECK(result.config.regulation.governor.start == 8u << 20);
}

TEST_CASE("config of regulation reaches the engine") {
    const ConfigResult result = parse(
        "pause_percent = 90\nresume_percent = 12.5\nmax_hold = \"3s\"\n"
        "governor = \"low_latency\"\nprocess_limit = \"1GiB\"\n");
    REQUIRE(result.problems.empty());
    const Config engine = io::engine_config(result.config);
    CHECK(engine.pressure_pause_permille == 900);
    CHECK(engine.pressure_resume_permille == 125);
    CHECK(engine.max_hold == seconds(3));
    CHECK(engine.governor.start == 1u << 20);
    CHECK(result.config.regulation.process_limit == 1u << 30);
    CHECK_FALSE(parse("governor = \"off\"\n").config.regulation.governor.on);
}

TEST_CASE("config refuses a band of pressure without room, and names the line") {
    for (const char* wrong : {"pause_percent = 60\n", "resume_percent = 80\n",
                              "pause_percent = 50\nresume_percent = 50\n"}) {
        const ConfigResult result = parse(wrong);
        REQUIRE(result.problems.size() == 1);
        CHECK(result.problems[0].find("resume_percent") != std::string::npos);
        CHECK(result.problems[0].find("is not below pause_percent") != std::string::npos);
        CHECK(result.problems[0].find("pipe.toml(") != std::string::npos);
    }
    CHECK(parse("max_hold = \"0s\"\n").problems.size() == 1);
    CHECK(parse("pause_percent = 0\n").problems.size() >= 1);
}

TEST_CASE("the example of self-regulation is a config without problems") {
    const ConfigResult result = load_config(HF_SOURCE_DIR "/examples/regulation.toml", {});
    CHECK(result.problems.empty());
    CHECK(result.config.memory_limit == 24u << 20);
}

TEST_CASE("pressure's level and edges, and the budgets, are told in progress and balance") {
    const ConfigResult result = parse("");
    REQUIRE(result.problems.empty());
    io::RunReport report;
    Stats& stats = report.stats;
    const auto has = [](const std::string& text, const char* what) {
        return text.find(what) != std::string::npos;
    };
    CHECK_FALSE(has(balance(result.config, report), "paused"));
    stats.gate_closed = 3;
    stats.gate_opened = 2;
    stats.gate_windows = 7;
    stats.pressure_hard = 812;
    stats.pressure_soft = 90;
    stats.paused = true;
    stats.source[0].budget = 4096;
    stats.source[0].budget_decreases = 11;
    CHECK(has(balance(result.config, report), " | reading paused for memory: 3 times"));
    const std::string json = balance_json(result.config, report);
    INFO(json);
    for (const char* field : {"\"pressure_hard\": 812", "\"pressure_soft\": 90", "\"paused\": true",
                              "\"gate_closed\": 3", "\"gate_opened\": 2", "\"gate_windows\": 7",
                              "\"budget\": 4096", "\"budget_decreases\": 11"})
        CHECK(has(json, field));
    Terminal terminal(Terminal::Options{});
    Progress progress(result.config, terminal, Progress::Mode::off);
    CHECK(has(progress.line({Instant{0}, &stats, -1, nullptr}),
              " | reading is paused: memory at 81 %"));
}

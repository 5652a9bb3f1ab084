// The keys of self-regulation.
#include <catch2/catch.hpp>

#include "io/cli/config.hpp"
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
    const ConfigResult result =
        parse("pause_percent = 90\nresume_percent = 12.5\nmax_hold = \"3s\"\n"
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

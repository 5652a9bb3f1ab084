// The real program in a memory cgroup: what its limit becomes, and that an outage of a sink never
// makes it grow beyond. Skipped, loudly, where no cgroup can be made.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/real/campaign.hpp"
#include "tests/real/cgroup.hpp"
#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr const char* pipeline =
    "data_dir = \"state\"\n[engine]\nmemory_limit = \"32MiB\"\ncommit_interval = \"50ms\"\n"
    "[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\nend = \"eof\"\n"
    "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"a\"\n"
    "retry = { initial_backoff = \"5ms\", max_backoff = \"50ms\" }\n";

}  // namespace

TEST_CASE("a memory_limit that the config leaves out fits into the cgroup") {
    const Cgroup cgroup(100 * mib);
    if (!cgroup.made()) return;
    const TempDir folder;
    const std::string file = folder.write("pipe.toml",
                                          "[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\n"
                                          "[sinks.a]\ntype = \"blackhole\"\ninputs = [\"in\"]\n");
    Process process(cgroup.inside({"validate", "--json", file}));
    REQUIRE(process.wait(std::chrono::minutes(2)));
    const std::string said = process.result().out;
    INFO(said);
    // 0.85 x 100 MiB is the process's, and three quarters of it what it may need: the records get
    // what the rest leaves them.
    CHECK(contains(said, "\"process_bytes\": 89128960"));
    const std::uint64_t needed = number_after(said, "process_memory_max");
    CHECK(needed <= 89128960 / 4 * 3);
    CHECK(needed >= 89128960 / 4 * 3 - 2 * mib);
    CHECK(number_after(said, "memory_limit") < 64 * mib);
}

TEST_CASE("a program whose sink is out keeps to its limit, and is never killed for it") {
    const TempDir folder;
    const std::string input = numbered_lines(0, 3'000'000);
    folder.write("in.log", input);
    const std::string file = folder.write("pipe.toml", pipeline);
    // As large as the promise.
    const std::uint64_t most =
        number_after(run({"validate", "--json", file}).out, "process_memory_max");
    CHECK(most <= 64 * mib);
    const Cgroup cgroup(most);
    if (!cgroup.made()) return;
    // HF_OUTAGE_S=300 makes it minutes.
    const char* longer = std::getenv("HF_OUTAGE_S");
    const int seconds = longer ? std::atoi(longer) : 15;
    std::uint64_t peak = 0;
    {
        Process process(cgroup.inside({"run", "--set", "sinks.a.inject.fail_percent=100", file}));
        for (int i = 0; i < seconds * 20 && process.running(); ++i) {
            peak = std::max(peak, cgroup.unreclaimable());
            sleep_ms(50);
        }
        REQUIRE(process.running());
        CHECK(peak > 8 * mib);
        CHECK(peak <= most);
        process.send(SIGTERM);
        REQUIRE(says(process, "stopping: finishing"));
        process.send(SIGTERM);
        REQUIRE(process.wait(std::chrono::minutes(2)));
        INFO(process.result().err);
        CHECK_FALSE(process.result().signaled);
    }
    // The outage is over: everything arrives, in the same small cgroup.
    Process process(cgroup.inside({"run", file}));
    REQUIRE(process.wait(std::chrono::seconds(120)));
    INFO(process.result().err);
    CHECK_FALSE(process.result().signaled);
    CHECK(process.result().code == 0);
    CHECK((read_file(folder.at("a")) == input));
}

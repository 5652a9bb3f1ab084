// A failure from end to end: a world in which sinks lie, the judge that notices it, the shrinker,
// the scenario file, and its replay.
#include <unistd.h>
#include <catch2/catch.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "sim/command.hpp"
#include "sim/shrink.hpp"
#include "sim/text.hpp"

using namespace holdfast;
using namespace holdfast::sim;

namespace {

constexpr RunOptions lying{.lies = 30};
constexpr int exit_safety = 10;

/// The first seed in which a lie is noticed as a breach of the ack barrier.
std::uint64_t seed_that_fails() {
    for (std::uint64_t seed = 1; seed < 200; ++seed) {
        const Outcome outcome = run_seed(seed, lying);
        if (outcome.failure.invariant == nullptr) continue;
        if (std::strcmp(outcome.failure.invariant, "I1") == 0) return seed;
    }
    return 0;
}

struct Folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("holdfast_shrink_" + std::to_string(::getpid()));
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("judge notices sinks that say delivered and have nothing") {
    std::uint32_t noticed = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        noticed += run_seed(seed, lying).failure.invariant != nullptr;
    }
    CHECK(noticed > 30);
}

TEST_CASE("shrinker keeps the invariant and drops what it does not need") {
    const std::uint64_t seed = seed_that_fails();
    REQUIRE(seed > 0);
    Seeded seeded(seed);
    Recorded recorded(seeded);
    World world(seed, recorded);
    const Outcome first = world.run(lying);
    const Shrunk small = shrink(seed, lying);
    CHECK(small.scenario.expect == "I1");
    CHECK(std::string(small.outcome.failure.invariant) == first.failure.invariant);
    CHECK(small.scenario.choices.size() * 10 < recorded.list().size());
    CHECK(small.outcome.events < first.events);
    // What it kept is needed: without the lie nothing fails.
    CHECK(run_choices(seed, small.scenario.choices).failure.invariant == nullptr);
}

TEST_CASE("shrinker stays within its runs") {
    const std::uint64_t seed = seed_that_fails();
    REQUIRE(seed > 0);
    const Shrunk small = shrink(seed, lying, 5);
    CHECK(small.runs <= 5);
    CHECK(small.scenario.expect == "I1");
}

TEST_CASE("scenario that was shrunk replays from its text to the same invariant and trace") {
    const std::uint64_t seed = seed_that_fails();
    REQUIRE(seed > 0);
    const Shrunk small = shrink(seed, lying);
    const auto read = read_scenario(write_scenario(small.scenario));
    REQUIRE(read.has_value());
    const Outcome again = run_choices(read->seed, read->choices, {.lies = read->lies});
    REQUIRE(again.failure.invariant != nullptr);
    CHECK(again.failure.invariant == read->expect);
    CHECK(again.hash == small.outcome.hash);
}

TEST_CASE("sweep that fails leaves a scenario file, and the file replays to the same exit code") {
    const std::uint64_t seed = seed_that_fails();
    REQUIRE(seed > 0);
    const Folder folder;
    SimOptions sweep{.seeds = 1, .first_seed = seed, .jobs = 1};
    sweep.lies = lying.lies;
    sweep.out = folder.path.string();
    CHECK(sim_command(sweep) == exit_safety);
    std::filesystem::path file;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path)) file = entry.path();
    REQUIRE(file.extension() == ".scn");
    SimOptions replay;
    replay.scenario = file.string();
    CHECK(sim_command(replay) == exit_safety);
    std::ofstream(file, std::ios::app) << "choice nowhere 1 2 3\n";
    CHECK(sim_command(replay) == 65);
}

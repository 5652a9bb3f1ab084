// The joint world: see sim/joint_world.hpp.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "sim/joint_world.hpp"

using namespace holdfast;

TEST_CASE("pipeline keeps its promises over inputs, outputs and dead letters on one disk",
          "[joint]") {
    // Many more: holdfast sim --world joint --seeds 100000
    const char* more = std::getenv("HF_JOINT_SEEDS");
    const std::uint64_t seeds = more != nullptr ? std::strtoull(more, nullptr, 10) : 1500;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const auto found = sim::run_joint(seed);
        INFO("holdfast sim --world joint --seed " << seed);
        if (found) FAIL(found->invariant << ": " << found->what);
    }
}

TEST_CASE("joint world is what its seed says", "[joint]") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        sim::Seeded first(seed), second(seed);
        sim::JointWorld one(first), two(second);
        const auto run = [](sim::JointWorld& world) {
            try {
                world.run();
            } catch (const sim::Breach& breach) {
                return std::string(breach.invariant);
            }
            return std::string();
        };
        INFO("seed " << seed);
        REQUIRE(run(one) == run(two));
        REQUIRE(one.log() == two.log());
    }
}

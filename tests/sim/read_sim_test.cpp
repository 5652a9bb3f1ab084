// Invariant I50 on a simulated disk, for many seeds: see sim/read_world.cpp.
#include <catch2/catch.hpp>

#include "sim/device_worlds.hpp"

using namespace holdfast::sim;

TEST_CASE("I50: what is asked for is read once and whole, or said to be unreadable") {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        const auto breach = run_reads(seed);
        INFO("seed " << seed << " " << (breach ? breach->what : ""));
        REQUIRE_FALSE(breach);
    }
}

TEST_CASE("I51: who parses gets no blank line and no mark of the head, all others every byte") {
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        const auto breach = run_text(seed);
        INFO("seed " << seed << " " << (breach ? breach->what : ""));
        REQUIRE_FALSE(breach);
    }
}

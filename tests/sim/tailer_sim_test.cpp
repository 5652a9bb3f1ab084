// Invariant I25 on a simulated disk, for many seeds: see tail_world.hpp.
#include <catch2/catch.hpp>

#include "sim/tail_world.hpp"

using namespace holdfast::sim;

TEST_CASE("I25: the tailer emits each complete line, from the file that it is of") {
    std::size_t emitted = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Seeded choices(seed);
        TailWorld world(choices);
        for (int i = 0; i < 40 && world.problem().empty(); ++i) world.act();
        world.end();
        INFO("seed " << seed << "\n" << world.problem());
        REQUIRE(world.problem().empty());
        emitted += world.emitted();
    }
    CHECK(emitted > 300 * 50);
}

TEST_CASE("I25: the tailer emits each complete line of the seeds that once failed") {
    // 3400: emptied, and written anew up to where it stood, shorter by what was no line yet.
    // 11427: cut within its last line while that was read; read again and again, never looked at.
    for (const std::uint64_t seed : {228u, 3400u, 5274u, 11427u}) {
        Seeded choices(seed);
        TailWorld world(choices);
        for (int i = 0; i < 40 && world.problem().empty(); ++i) world.act();
        world.end();
        INFO("seed " << seed << "\n" << world.problem());
        CHECK(world.problem().empty());
    }
}

TEST_CASE("I25: the tailer emits each element and each value, from the file that it is of") {
    const auto framing =
        GENERATE(holdfast::io::Framing::json_array, holdfast::io::Framing::msgpack);
    std::size_t emitted = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Seeded choices(seed);
        TailWorld world(choices, framing);
        for (int i = 0; i < 40 && world.problem().empty(); ++i) world.act();
        world.end();
        INFO("seed " << seed << "\n" << world.problem());
        REQUIRE(world.problem().empty());
        emitted += world.emitted();
    }
    CHECK(emitted > 300 * 50);
}

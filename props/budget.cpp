// Promise: memory stays under memory_limit whatever the sinks do.
#include <rapidcheck/catch.h>

#include "props/worlds.hpp"

using namespace holdfast;

TEST_CASE("batches in memory stay under memory_limit") {
    std::uint64_t tight = 0;
    rc::prop("at any moment of any world", [&](std::uint32_t seed) {
        const auto until = *rc::gen::inRange<std::uint64_t>(1, 500);
        props::RunWorld run(seed, until);
        RC_ASSERT(run.complaint() == "");
        const std::uint64_t limit = run.outcome().draw.config.memory_limit;
        std::uint64_t held = 0;
        for (const sim::BatchTruth& b : run.world().stage().batches) {
            // One record may be larger than a pull allows, and outputs come on top: known at last
            // when they are there, and then nothing more is pulled.
            if (b.state == sim::BatchTruth::State::pulling) held += b.max_bytes;
            if (b.state == sim::BatchTruth::State::arrived) held += std::min(b.held, b.max_bytes);
        }
        RC_ASSERT(held <= limit);
        tight += held * 2 > limit;
    });
    CHECK(tight > 5);
}

// Promise: memory stays under memory_limit whatever the sinks do.
#include <rapidcheck/catch.h>

#include "props/worlds.hpp"

using namespace holdfast;

TEST_CASE("batches in memory stay under memory_limit") {
    std::uint64_t tight = 0;
    // Every other world has room for three pulls at most: most draws are never short of memory.
    const auto small = [](const sim::Draw& draw) {
        std::uint64_t largest = 0;
        for (std::uint32_t s = 0; s < draw.config.sources; ++s) {
            largest = std::max<std::uint64_t>(largest, draw.config.source[s].pull_bytes_max);
        }
        return draw.config.memory_limit <= 3 * largest;
    };
    rc::prop("at any moment of any world", [&](std::uint32_t any, bool short_of_memory) {
        const auto until = *rc::gen::inRange<std::uint64_t>(1, 500);
        const std::uint64_t seed = short_of_memory ? props::seed_of(any, small) : any;
        props::RunWorld run(seed, until);
        RC_ASSERT(run.complaint() == "");
        const std::uint64_t limit = run.outcome().draw.config.memory_limit;
        std::uint64_t held = 0;
        for (const sim::BatchTruth& b : run.world().stage().batches) {
            // One record may be larger than a pull allows, and outputs come on top: known at last
            // when they are there, and then nothing more is pulled.
            if (b.state == sim::BatchTruth::State::pulling) held += b.max_bytes;
            if (b.state == sim::BatchTruth::State::arrived) {
                held += std::min(b.held - b.freed, b.max_bytes);  // Freed: given back already.
            }
        }
        RC_ASSERT(held <= limit);
        tight += held * 2 > limit;
    });
    CHECK(tight > 1);
}

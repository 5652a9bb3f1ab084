// Records with all that they have, for many seeds (sim/record_world.cpp).
#include <catch2/catch.hpp>

#include "sim/device_worlds.hpp"

using namespace holdfast::sim;

TEST_CASE("a record keeps its key, headers, timestamp, position and bytes on every way to a sink") {
    for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
        const auto breach = run_records(seed);
        if (breach)
            FAIL("seed " << seed << " breaks " << breach->invariant << ": " << breach->what);
    }
}

#include <catch2/catch.hpp>

#include "core/base/mix.hpp"

using namespace holdfast;

TEST_CASE("mix depends on each of its arguments") {
    const auto base = mix(1, 2, 3, 4);
    CHECK(base == mix(1, 2, 3, 4));
    CHECK(base != mix(0, 2, 3, 4));
    CHECK(base != mix(1, 0, 3, 4));
    CHECK(base != mix(1, 2, 0, 4));
    CHECK(base != mix(1, 2, 3, 0));
}

TEST_CASE("scale stays below its bound") {
    CHECK(scale(UINT64_MAX, 10) == 9);
    CHECK(scale(0, 10) == 0);
}

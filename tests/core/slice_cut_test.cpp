// Where slices end.
#include <catch2/catch.hpp>
#include <vector>

#include "core/data/slice_cut.hpp"

using namespace holdfast;

namespace {

std::vector<std::uint32_t> slices(const std::vector<std::uint64_t>& sizes, std::uint32_t target) {
    std::vector<std::uint32_t> out;
    for (std::size_t at = 0; at < sizes.size();) {
        SliceCut cut(target);
        std::uint32_t taken = 0;
        for (; at < sizes.size() && cut.takes(sizes[at]); ++at) ++taken;
        out.push_back(taken);
    }
    return out;
}

using Counts = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("slices of five ten-byte records at a target of 25 are 2, 2 and 1") {
    CHECK(slices({10, 10, 10, 10, 10}, 25) == Counts{2, 2, 1});
}

TEST_CASE("slices at a target of 0 are one record each") {
    CHECK(slices({10, 0, 7}, 0) == Counts{2, 1});
    CHECK(slices({10, 1, 7}, 0) == Counts{1, 1, 1});
}

TEST_CASE("slice takes a record over its target alone") {
    CHECK(slices({5, 100, 5, 5}, 20) == Counts{1, 1, 2});
    CHECK(slices({100, 5}, 20) == Counts{1, 1});
}

TEST_CASE("slice without a target takes all that a batch can have") {
    CHECK(slices({UINT32_MAX - 5, 5}, UINT32_MAX) == Counts{2});
}

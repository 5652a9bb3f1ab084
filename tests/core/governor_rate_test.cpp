// What the governor costs: against a backlog and a sink with a fixed time for each call, nothing.
// The known bad signal (busy time over the interval between pulls) is 1 in such a serial loop, so
// that it halves the budget down to nothing, and the rate with it.
#include <catch2/catch.hpp>

#include "core/base/mix.hpp"
#include "tests/core/fixed_cost.hpp"

using namespace holdfast;

namespace {

constexpr std::uint32_t calls = 2000;

double rate_of(const Config& config, Duration call) {
    FixedCost rig(config, [=](std::uint64_t) { return call; });
    rig.calls(calls);
    return rig.rate();
}

Config governed(Config c, GovernorProfile profile, RunMode mode) {
    c.governor = governor_of(profile);
    c.mode = mode;
    c.source[0].transform = mode != RunMode::whole;
    return c;
}

constexpr GovernorProfile profiles[] = {GovernorProfile::throughput, GovernorProfile::balanced,
                                        GovernorProfile::low_latency};

}  // namespace

TEST_CASE("governed pulls keep nine tenths of the rate at 200 us a call, in each profile") {
    for (const GovernorProfile profile : profiles) {
        Config plain = FixedCost::config();
        plain.source[0].pull_bytes_max = 8u << 20;
        plain.source[0].pull_records_max = governor_of(profile).records;
        const double ungoverned = rate_of(plain, microseconds(200));
        const double rate = rate_of(governed(plain, profile, RunMode::whole), microseconds(200));
        CHECK(rate >= 0.9 * ungoverned);
    }
}

TEST_CASE("governed slices keep nine tenths of the rate at 200 us a call, in each profile") {
    for (const GovernorProfile profile : profiles) {
        Config plain = FixedCost::config();
        plain.source[0].pull_bytes_max = 8u << 20;
        plain.source[0].pull_records_max = governor_of(profile).records;
        plain.sink[0].write_parts_max = 1;  // One batch a call: slices are not put together.
        const double ungoverned = rate_of(plain, microseconds(200));
        const double rate = rate_of(governed(plain, profile, RunMode::governed), microseconds(200));
        CHECK(rate >= 0.9 * ungoverned);
    }
}

TEST_CASE("governor keeps nine tenths of the rate for any fixed time a call") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        const auto drawn = [&](std::uint64_t what, std::uint64_t bound) {
            return scale(mix(7, seed, what, 0), bound);
        };
        Config plain = FixedCost::config();
        plain.source[0].pull_bytes_max = 4096u << drawn(0, 12);
        plain.sink[0].write_parts_max = drawn(1, 2) ? 1 : 64;
        const Duration call =
            microseconds(static_cast<std::int64_t>(1 + drawn(2, 1ull << drawn(3, 24))));
        // Else fewer records would be fewer bytes, by the profile and not by the governor.
        const GovernorProfile profile = profiles[drawn(4, 3)];
        plain.source[0].pull_records_max = governor_of(profile).records;
        Config with = governed(plain, profile, RunMode::whole);
        with.governor.start = with.governor.max;
        INFO("seed " << seed << ", " << call.ns << " ns a call, pulls of "
                     << plain.source[0].pull_bytes_max);
        CHECK(rate_of(with, call) >= 0.9 * rate_of(plain, call));
    }
}

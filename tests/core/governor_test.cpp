// The governor's arithmetic: what makes the budget grow, what makes it fall, and what must not.
#include "core/engine/governor.hpp"

#include <catch2/catch.hpp>

using namespace holdfast;

namespace {

constexpr std::uint64_t any = UINT64_MAX;  // No bound by the source.
constexpr std::uint64_t kib = 1024, mib = 1024 * kib;

Governor begun(const GovernorConfig& c) {
    Governor g{};
    g.begin(c, any);
    return g;
}

GovernorConfig small_config() {
    GovernorConfig c = governor_of(GovernorProfile::balanced);
    c.start = 1000;
    c.floor = 10;
    c.max = 2000;
    c.step = 100;
    c.target = milliseconds(10);
    return c;
}

}  // namespace

TEST_CASE("governor has the documented profiles") {
    const GovernorConfig throughput = governor_of(GovernorProfile::throughput);
    CHECK(throughput.start == 16 * mib);
    CHECK(throughput.max == 128 * mib);
    CHECK(throughput.step == 512 * kib);
    CHECK(throughput.records == 2000);
    const GovernorConfig balanced = governor_of(GovernorProfile::balanced);
    CHECK(balanced.start == 8 * mib);
    CHECK(balanced.max == 64 * mib);
    CHECK(balanced.step == 256 * kib);
    CHECK(balanced.records == 1000);
    const GovernorConfig low = governor_of(GovernorProfile::low_latency);
    CHECK(low.start == 1 * mib);
    CHECK(low.max == 16 * mib);
    CHECK(low.step == 128 * kib);
    CHECK(low.records == 500);
    for (const GovernorConfig& c : {throughput, balanced, low}) {
        CHECK(c.on);
        CHECK(c.factor_permille == 500);
        CHECK(c.floor > 0);
    }
}

TEST_CASE("governor's budget grows by its step at each answered pull, up to its maximum") {
    const GovernorConfig c = governor_of(GovernorProfile::balanced);
    Governor g = begun(c);
    CHECK(g.budget == 8 * mib);
    g.answered(c, any);
    CHECK(g.budget == 8 * mib + 256 * kib);
    for (int i = 0; i < 1000; ++i) g.answered(c, any);
    CHECK(g.budget == 64 * mib);
}

TEST_CASE("governor's budget is bounded by what the source can bring") {
    const GovernorConfig c = governor_of(GovernorProfile::balanced);
    Governor g{};
    g.begin(c, 3000);
    CHECK(g.budget == 3000);
    g.answered(c, 3000);
    CHECK(g.budget == 3000);
    g.ordered();
    g.pressed(c, 3000);
    CHECK(g.budget == 3000);  // The floor is above the source's bound.
    GovernorConfig lower = c;
    lower.floor = 1;
    g.pressed(lower, 3000);
    CHECK(g.budget == 1500);
}

TEST_CASE("governor halves the budget under hard pressure, once for each budget that was tried") {
    const GovernorConfig c = small_config();
    Governor g = begun(c);
    g.ordered();
    g.pressed(c, any);
    CHECK(g.budget == 500);
    g.pressed(c, any);
    g.pressed(c, any);
    CHECK(g.budget == 500);
    g.ordered();
    g.pressed(c, any);
    CHECK(g.budget == 250);
    CHECK(g.decreases == 2);
}

TEST_CASE("governor's budget never reaches zero") {
    GovernorConfig c = small_config();
    c.floor = 1;
    Governor g = begun(c);
    for (int i = 0; i < 100; ++i) {
        g.ordered();
        g.pressed(c, any);
        CHECK(g.budget >= 1);
    }
    CHECK(g.budget == 1);
    g.answered(c, any);
    CHECK(g.budget == 101);
}

TEST_CASE("governor halves the budget after a slice that took longer than its target") {
    const GovernorConfig c = small_config();
    Governor g = begun(c);
    g.ordered();
    g.drained(c, any, 900, milliseconds(11));
    CHECK(g.budget == 500);
    // It paid: the next slice takes half the time, and stays.
    g.ordered();
    g.drained(c, any, 450, milliseconds(6));
    CHECK(g.budget == 500);
}

TEST_CASE("governor does not judge by slices that say nothing about the budget") {
    const GovernorConfig c = small_config();
    Governor g = begun(c);
    g.ordered();
    g.drained(c, any, 499, seconds(9));   // Less than half of it.
    g.drained(c, any, 1001, seconds(9));  // Pulled under an older, larger one.
    CHECK(g.budget == 1000);
    GovernorConfig untimed = c;
    untimed.target = Duration{0};
    g.drained(untimed, any, 1000, seconds(9));
    CHECK(g.budget == 1000);
}

TEST_CASE("governor puts the budget back where smaller slices take no less time") {
    const GovernorConfig c = small_config();
    Governor g = begun(c);
    // A sink that takes 5 s for each call, however small.
    for (int i = 0; i < 100; ++i) {
        g.ordered();
        g.drained(c, any, g.budget, seconds(5));
        g.answered(c, any);
        CHECK(g.budget >= 500);
    }
    CHECK(g.budget >= 1900);
    CHECK(g.decreases <= 3);
}

TEST_CASE("governor finds the budget that a slow sink carries within its target") {
    GovernorConfig c = small_config();
    c.start = 64 * mib;
    c.max = 64 * mib;
    c.floor = 4096;
    c.step = 64 * kib;
    c.target = milliseconds(100);
    Governor g = begun(c);
    // 10 MiB/s and 1 ms for each call: 100 ms are about 1 MiB.
    const auto cost = [](std::uint64_t bytes) {
        return Duration{1'000'000 + static_cast<std::int64_t>(bytes * 95)};
    };
    std::uint64_t least = any;
    for (int i = 0; i < 300; ++i) {
        g.ordered();
        g.drained(c, any, g.budget, cost(g.budget));
        g.answered(c, any);
        if (i > 50) least = std::min(least, g.budget);
        if (i > 50) CHECK(g.budget < 2 * mib);
    }
    CHECK(least > 400 * kib);
}

TEST_CASE("governor tries again after a fixed cost has passed") {
    const GovernorConfig c = small_config();
    Governor g = begun(c);
    g.ordered();
    g.drained(c, any, 1000, seconds(5));
    g.ordered();
    g.drained(c, any, 500, seconds(5));
    CHECK(g.budget == 1000);
    // The outage is over; then slices take 11 ms, which is over the target.
    for (int i = 0; i < 1000 && g.budget == 1000; ++i) {
        g.ordered();
        g.drained(c, any, 1000, milliseconds(11));
    }
    CHECK(g.budget == 500);
}

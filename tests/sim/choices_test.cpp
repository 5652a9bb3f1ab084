#include "sim/choices.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace holdfast::sim;

namespace {

constexpr Site site_a = Site::ring_latency;
constexpr Site site_b = Site::ring_tie;

}  // namespace

TEST_CASE("seeded choices are keyed and stay below their bound") {
    Seeded one(1);
    Seeded two(2);
    std::set<std::uint64_t> seen;
    for (std::uint64_t n = 0; n < 200; ++n) {
        const auto value = one.choose(site_a, 3, n, 10);
        CHECK(value < 10);
        CHECK(value == one.choose(site_a, 3, n, 10));
        seen.insert(value);
    }
    CHECK(seen.size() == 10);
    const auto wide = [](Choices& c, Site s, std::uint64_t e, std::uint64_t n) {
        return c.choose(s, e, n, UINT64_MAX);
    };
    CHECK(wide(one, site_a, 3, 4) != wide(two, site_a, 3, 4));
    CHECK(wide(one, site_a, 3, 4) != wide(one, site_b, 3, 4));
    CHECK(wide(one, site_a, 3, 4) != wide(one, site_a, 4, 4));
    CHECK(wide(one, site_a, 3, 4) != wide(one, site_a, 3, 5));
}

TEST_CASE("chance follows its permille") {
    Seeded seeded(7);
    int hits = 0;
    for (std::uint64_t n = 0; n < 10000; ++n) {
        hits += seeded.chance(site_a, 0, n, 100) ? 1 : 0;
        CHECK_FALSE(seeded.chance(site_b, 0, n, 0));
        CHECK(seeded.chance(site_b, 0, n, 1000));
    }
    CHECK(hits > 850);
    CHECK(hits < 1150);
}

TEST_CASE("between includes both of its ends") {
    Seeded seeded(7);
    std::set<std::uint64_t> seen;
    for (std::uint64_t n = 0; n < 200; ++n) seen.insert(seeded.between(site_a, 0, n, 5, 8));
    CHECK(seen == std::set<std::uint64_t>{5, 6, 7, 8});
}

TEST_CASE("a recorder answers what is asked again as its replay will") {
    const auto run = [](Choices& choices) {
        std::vector<std::uint64_t> answers;
        for (std::uint64_t n = 0; n < 50; ++n) {
            for (const std::uint64_t bound : {2u, 100u, 7u, 1000u}) {
                answers.push_back(choices.choose(site_a, 0, n, bound));
            }
            answers.push_back(choices.chance(site_a, 0, n, 500) ? 1 : 0);
        }
        return answers;
    };
    Seeded seeded(5);
    Recorded recorder(seeded);
    const auto first = run(recorder);
    const auto list = recorder.list();
    Recorded player{std::span<const Choice>(list)};
    CHECK(run(player) == first);
}

TEST_CASE("a recorded run replays from its list alone") {
    const auto run = [](Choices& choices) {
        std::vector<std::uint64_t> answers;
        for (std::uint64_t n = 0; n < 50; ++n) {
            answers.push_back(choices.choose(site_a, n % 3, n, 4));
            answers.push_back(choices.chance(site_b, 1, n, 200) ? 1 : 0);
        }
        return answers;
    };
    Seeded seeded(99);
    Recorded recorder(seeded);
    const auto first = run(recorder);
    const auto list = recorder.list();
    for (const Choice& choice : list) CHECK(choice.value != 0);
    Recorded player{std::span<const Choice>(list)};
    CHECK(run(player) == first);
}

TEST_CASE("a replay answers what it does not know with 0 and cuts what is too large") {
    const std::vector<Choice> list{{site_a, 1, 2, 9}};
    Recorded player{std::span<const Choice>(list)};
    CHECK(player.choose(site_a, 1, 2, 100) == 9);
    CHECK(player.choose(site_a, 1, 2, 5) == 4);
    CHECK(player.choose(site_a, 1, 3, 100) == 0);
    CHECK_FALSE(player.chance(site_b, 1, 2, 999));
}

TEST_CASE("fuzz bytes that are used up are benign answers") {
    const std::vector<std::uint8_t> bytes{7, 0x34, 0x12, 255};
    FuzzBytes fuzz(bytes);
    CHECK(fuzz.choose(site_a, 0, 0, 100) == 7);
    CHECK(fuzz.choose(site_a, 0, 1, 65536) == 0x1234);
    CHECK(fuzz.chance(site_a, 0, 2, 1));
    CHECK(fuzz.choose(site_a, 0, 3, 1) == 0);
    CHECK(fuzz.choose(site_a, 0, 4, 100) == 0);
    CHECK_FALSE(fuzz.chance(site_a, 0, 5, 999));
    CHECK(fuzz.used() == 4);
}

TEST_CASE("exhaustive choices visit each combination once, the benign one first") {
    Exhaustive all;
    std::set<std::vector<std::uint64_t>> seen;
    do {
        std::vector<std::uint64_t> run;
        run.push_back(all.choose(site_a, 0, 0, 3));
        // A run may ask other questions after other answers.
        if (run[0] == 1) run.push_back(all.choose(site_a, 0, 1, 4));
        run.push_back(all.chance(site_b, 0, 0, 500) ? 1 : 0);
        if (seen.empty()) CHECK(run == std::vector<std::uint64_t>{0, 0});
        CHECK(seen.insert(run).second);
    } while (all.next());
    CHECK(seen.size() == 2 + 8 + 2);
    CHECK(all.runs() == seen.size());
}

TEST_CASE("exhaustive choices spread over a wide bound and stop at their depth") {
    Exhaustive wide(3);
    std::set<std::uint64_t> seen;
    do {
        seen.insert(wide.choose(site_a, 0, 0, 1001));
    } while (wide.next());
    CHECK(seen == std::set<std::uint64_t>{0, 500, 1000});

    Exhaustive shallow(8, 2);
    do {
        for (std::uint64_t n = 0; n < 10; ++n) shallow.choose(site_a, 0, n, 2);
    } while (shallow.next());
    CHECK(shallow.runs() == 4);
}

TEST_CASE("sites have names") {
    CHECK(name_of(Site::disk_sync_fails) == "disk_sync_fails");
    CHECK(name_of(static_cast<Site>(0)).empty());
}

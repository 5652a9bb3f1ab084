// Engine::check at both sides of each bound, and what one step may write.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "core/engine/engine.hpp"

using namespace holdfast;

namespace {

constexpr Duration long_enough = seconds(400LL * 86'400);
constexpr Duration too_long{long_enough.ns + 1};
constexpr Duration negative{-1};
constexpr std::uint32_t million = 1u << 20;

Config plain() {
    Config c;
    c.sources = 2;
    c.sinks = 2;
    c.batches_max = 8;
    c.partitions_max = 4;
    for (SourceConfig& source : c.source) source.route = 3;
    return c;
}

Config sliced() {
    Config c = plain();
    c.mode = RunMode::streaming;
    c.source[0].transform = c.source[1].transform = true;
    return c;
}

/// Empty: taken.
std::string what_of(const Config& config) {
    const char* what = Engine::check(config).what;
    return what == nullptr ? "" : what;
}

/// All but `bad` are taken; `bad` is refused with a text that holds the words.
template <class Value, class Set>
void bound(const char* words, Set set, std::vector<Value> good, std::vector<Value> bad,
           Config from = plain()) {
    INFO(words);
    for (const Value& value : good) {
        Config c = from;
        set(c, value);
        CHECK(what_of(c) == "");
    }
    for (const Value& value : bad) {
        Config c = from;
        set(c, value);
        CHECK(what_of(c).find(words) != std::string::npos);
    }
}

using Counts = std::vector<std::uint32_t>;
using Times = std::vector<Duration>;

}  // namespace

TEST_CASE("engine refuses counts that are out of their bounds and takes the bounds themselves") {
    using N = std::uint32_t;
    const auto all = [](Config& c) {
        for (SourceConfig& source : c.source) source.route = 1;
    };
    bound<N>("1 to 64 sources", [&](Config& c, N n) { all(c), c.sources = n, c.batches_max = 99; },
             {1, 64}, {0, 65});
    bound<N>("1 to 64 sinks", [&](Config& c, N n) { all(c), c.sinks = n; }, {1, 64}, {0, 65});
    bound<N>("batches_max is below 2", [](Config& c, N n) { c.batches_max = n; }, {2, 3}, {0, 1});
    bound<N>("batches_max is over", [](Config& c, N n) { c.batches_max = n; }, {million},
             {million + 1});
    bound<N>(
        "batches_max of at least", [](Config& c, N n) { c.batches_max = n; }, {4, 5}, {2, 3},
        sliced());
    bound<N>("partitions_max is 0", [](Config& c, N n) { c.partitions_max = n; }, {1}, {0});
    bound<N>("partitions_max is over", [](Config& c, N n) { c.partitions_max = n; }, {million},
             {million + 1});
    bound<N>("queue_entries_max is 0",
             [](Config& c, N n) { c.dead_letters = {.present = true, .queue_entries_max = n}; },
             {1}, {0});
    bound<N>("write_parts_max is 0",
             [](Config& c, N n) { c.dead_letters = {.present = true, .write_parts_max = n}; }, {1},
             {0});
    bound<N>("", [](Config& c, N n) { c.dead_letters = {.queue_entries_max = n}; }, {0}, {});
    bound<N>("", [](Config& c, N n) { c.dead_letters = {.write_parts_max = n}; }, {0}, {});
}

TEST_CASE("engine refuses times that are negative or over 400 days, each by its name") {
    const auto any = Times{Duration{0}, Duration{1}};
    bound<Duration>("dead letters: attempt_timeout is negative",
                    [](Config& c, Duration d) { c.dead_letters.attempt_timeout = d; }, any,
                    {negative});
    bound<Duration>("ticker_period is negative", [](Config& c, Duration d) { c.ticker_period = d; },
                    any, {negative});
    bound<Duration>("ticker_period is over", [](Config& c, Duration d) { c.ticker_period = d; },
                    {long_enough}, {too_long});
    bound<Duration>("commit interval is negative",
                    [](Config& c, Duration d) { c.commit.interval = d; }, any, {negative});
    bound<Duration>("commit interval is over", [](Config& c, Duration d) { c.commit.interval = d; },
                    {long_enough}, {too_long});
    bound<Duration>("commit attempt_timeout is negative",
                    [](Config& c, Duration d) { c.commit.attempt_timeout = d; }, any, {negative});
    bound<Duration>("max_hold is not positive", [](Config& c, Duration d) { c.max_hold = d; },
                    {Duration{1}}, {Duration{0}, negative});
    bound<Duration>("max_hold is over", [](Config& c, Duration d) { c.max_hold = d; },
                    {long_enough}, {too_long});
    bound<Duration>("backoff_initial is negative",
                    [](Config& c, Duration d) { c.commit.retry.backoff_initial = d; }, any,
                    {negative});
    bound<Duration>("backoff_initial is negative",
                    [](Config& c, Duration d) { c.dead_letters.retry.backoff_initial = d; }, any,
                    {negative});
}

TEST_CASE("engine refuses a governor that is out of its bounds, and any where it is off") {
    Config from = plain();
    from.governor = governor_of(GovernorProfile::balanced);
    using N = std::uint64_t;
    bound<N>("floor is 0", [](Config& c, N n) { c.governor.floor = n; }, {1}, {0}, from);
    bound<N>(
        "start is out of its bounds", [](Config& c, N n) { c.governor.start = n; },
        {from.governor.floor, from.governor.max}, {from.governor.floor - 1, from.governor.max + 1},
        from);
    bound<N>("step is 0", [](Config& c, N n) { c.governor.step = n; }, {1}, {0}, from);
    bound<std::uint32_t>(
        "records are 0", [](Config& c, auto n) { c.governor.records = n; }, {1}, {0}, from);
    bound<std::uint32_t>(
        "factor must be", [](Config& c, auto n) { c.governor.factor_permille = n; }, {1, 999},
        {0, 1000}, from);
    bound<Duration>(
        "target is wrong", [](Config& c, Duration d) { c.governor.target = d; },
        {Duration{0}, long_enough}, {negative, too_long}, from);
    from.governor.on = false;
    bound<N>("", [](Config& c, N n) { c.governor.floor = c.governor.step = n; }, {0}, {}, from);
    bound<std::uint32_t>("pressure_resume must be below",
                         [](Config& c, auto n) { c.pressure_resume_permille = n; }, {0, 799},
                         {800, 801});
    bound<std::uint32_t>("at most 1000 permille",
                         [](Config& c, auto n) { c.pressure_pause_permille = n; }, {651, 1000},
                         {650, 1001});
}

TEST_CASE("engine refuses each source and each sink by its own number") {
    for (std::uint32_t at : {0u, 1u}) {
        Config c = plain();
        c.source[at].pulls_max = 0;
        CHECK(what_of(c) == "pulls_max is 0");
        CHECK(Engine::check(c).index == at);
        c = plain();
        c.sink[at].writes_max = 0;
        CHECK(what_of(c) == "writes_max is 0");
        CHECK(Engine::check(c).index == at);
        // Only a sink that may be given slices must not drop.
        c = sliced();
        c.source[0].route = c.source[1].route = 1;
        c.sink[at].when_full = WhenFull::drop_newest;
        CHECK((what_of(c) == "") == (at == 1));
    }
}

TEST_CASE("engine bounds the effects and parts of a step by what each source and sink may add") {
    for (std::uint32_t sources = 1; sources <= 20; ++sources) {
        for (std::uint32_t sinks = 1; sinks <= 20; ++sinks) {
            Config c = plain();
            c.sources = sources;
            c.sinks = sinks;
            std::size_t effects = 9 + 5;  // Of batches, the dead letters, a transform, the end.
            std::size_t parts = 0;
            for (std::uint32_t s = 0; s < sources; ++s) {
                c.source[s].pulls_max = 1 + s * 7;
                effects += 1 + s * 7 + 2;
            }
            for (std::uint32_t s = 0; s < sinks; ++s) {
                c.sink[s].writes_max = 2 + s * 5;
                c.sink[s].write_parts_max = 3 + s;
                effects += 3 * (2 + s * 5) + 2 + 4;  // Its leads, one a partition.
                parts += 2 * (2 + s * 5) * (3 + s);
            }
            effects += 3 * 4;  // Of partitions.
            INFO(sources << " sources, " << sinks << " sinks");
            REQUIRE(Engine::effects_max(c) == effects);
            REQUIRE(Engine::parts_max(c) == parts);
            c.dead_letters = {.present = true, .write_parts_max = 11};
            REQUIRE(Engine::parts_max(c) == parts + 11);
        }
    }
}

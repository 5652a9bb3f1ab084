// The engine as a whole, against anything: total, bounded, deterministic, and never ahead of the
// truth. What a step may do is judged from its effects alone.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/engine/owned.hpp"
#include "tests/core/judge.hpp"
#include "tests/core/random_events.hpp"
#include "tests/core/scenario.hpp"

using namespace holdfast;

namespace {

constexpr int steps = 1500;

std::string text_of(const Effects& effects) {
    std::string out;
    for (const Effect& e : effects.items()) out += scenario::text_of(e, effects) + "\n";
    return out;
}

}  // namespace

TEST_CASE("engine takes every event in every state, and its audit holds after each") {
    std::set<std::size_t> effects_seen;
    std::set<HaltReason> halts;
    std::uint64_t delivered = 0;
    for (std::uint64_t seed = 0; seed < 600; ++seed) {
        const Config config = random_config(seed);
        OwnedEngine owned(config);
        RandomEvents events(seed, config, seed % 3 == 0);
        Judge judge;
        for (int i = 0; i < steps; ++i) {
            const Event event = events.next(owned.engine().deadline());
            const Effects& effects = owned.step(events.now(), event);
            events.saw(effects);
            for (const Effect& e : effects.items()) {
                effects_seen.insert(e.index());
                if (const auto* halt = std::get_if<Halt>(&e)) halts.insert(halt->reason);
            }
            const std::string wrong = judge.see(effects);
            INFO("seed " << seed << " step " << i << " event " << event.index());
            if (!wrong.empty()) FAIL(wrong);
            if (!owned.engine().audit()) FAIL("the audit fails");
            if (owned.engine().halted()) break;
        }
        for (std::uint32_t s = 0; s < config.sinks; ++s) {
            delivered += owned.engine().stats().sink[s].delivered;
        }
    }
    // The test must have reached what it is about.
    CHECK(effects_seen.size() == std::variant_size_v<Effect>);
    CHECK(halts.size() >= 8);
    CHECK(delivered > 100'000);
}

TEST_CASE("engine writes nothing after it halted, and wants no tick") {
    const Config config = random_config(7);
    OwnedEngine owned(config);
    owned.step({0}, Stop{StopMode::now, never});
    REQUIRE(owned.engine().halted());
    const StateHash before = owned.engine().hash();
    RandomEvents events(7, config);
    for (int i = 0; i < steps; ++i) {
        const Event event = events.next(never);
        if (!owned.step(events.now(), event).empty()) FAIL("an effect at step " << i);
    }
    CHECK(owned.engine().hash() == before);
    CHECK(owned.engine().deadline() == never);
}

TEST_CASE("equal events give equal effects and equal hashes, also after a snapshot") {
    for (std::uint64_t seed = 1000; seed < 1060; ++seed) {
        const Config config = random_config(seed);
        OwnedEngine one(config);
        OwnedEngine two(config);
        RandomEvents events(seed, config);
        for (int i = 0; i < steps / 4 && !one.engine().halted(); ++i) {
            const Event event = events.next(one.engine().deadline());
            INFO("seed " << seed << " step " << i);
            const Effects& effects = one.step(events.now(), event);
            const std::string same = text_of(two.step(events.now(), event));
            if (text_of(effects) != same) FAIL("effects differ");
            if (!(one.engine().hash() == two.engine().hash())) FAIL("hashes differ");
            events.saw(effects);
            if (i % 50 == 49) {
                // The state is nothing but its bytes: another engine goes on where this one was.
                const auto bytes = one.engine().snapshot();
                const std::vector<std::byte> copy(bytes.begin(), bytes.end());
                const StateHash hash = one.engine().hash();
                two.step(events.now(), Stop{StopMode::now, never});
                two.engine().restore(copy);
                if (!(two.engine().hash() == hash)) FAIL("a restored hash differs");
            }
        }
    }
}

TEST_CASE("a stale event changes counters and nothing else") {
    std::uint64_t stale_events = 0;
    for (std::uint64_t seed = 2000; seed < 2100; ++seed) {
        const Config config = random_config(seed);
        OwnedEngine owned(config);
        const Engine& engine = owned.engine();
        RandomEvents events(seed, config);
        for (int i = 0; i < steps / 4 && !engine.halted(); ++i) {
            const Instant deadline = engine.deadline();
            const Event event = events.next(deadline);
            const StateHash before = engine.hash();
            const std::uint64_t stale = engine.stats().stale;
            const Effects& effects = owned.step(events.now(), event);
            events.saw(effects);
            if (engine.stats().stale == stale || events.now() >= deadline) continue;
            if (i == 0) continue;  // The first pulls come with any event.
            if (!effects.empty()) {
                // Only a batch that nobody wants: its memory goes back at once.
                if (!std::holds_alternative<BatchPulled>(event))
                    FAIL("effects of a stale event, seed " << seed << " step " << i << "\n"
                                                           << text_of(effects));
                continue;
            }
            ++stale_events;
            INFO("seed " << seed << " step " << i << " event " << event.index());
            if (!(engine.hash() == before)) FAIL("a stale event changed the state");
        }
    }
    CHECK(stale_events > 500);
}

TEST_CASE("engine states its bounds before it begins: check refuses what could wait for ever") {
    Config c = random_config(1);
    REQUIRE(Engine::check(c).what == nullptr);
    c.commit.interval = Duration{INT64_MAX};
    CHECK(Engine::check(c).what != nullptr);
    c = random_config(1);
    c.sink[0].linger = Duration{INT64_MAX};
    CHECK(Engine::check(c).what != nullptr);
}

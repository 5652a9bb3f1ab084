// Pressure, the gate, and the number of transform threads: the pure parts.
#include "core/engine/pressure.hpp"

#include <array>
#include <catch2/catch.hpp>

#include "core/engine/gate.hpp"
#include "core/engine/thread_policy.hpp"

using namespace holdfast;

namespace {

PressureReading hard(std::uint32_t permille) { return {.permille = permille}; }
PressureReading soft(std::uint32_t permille, std::uint32_t weight) {
    return {.permille = permille, .weight_permille = weight, .hard = false};
}

}  // namespace

TEST_CASE("pressure is the highest of the hard readings and the weighted soft ones") {
    CHECK(combine({}).level() == 0);
    const std::array readings{hard(300), soft(900, 500), hard(200), soft(100, 1000)};
    CHECK(combine(readings) == PressureLevel{.hard = 300, .soft = 450});
    CHECK(combine(readings).level() == 450);
}

TEST_CASE("a soft reading never masks a hard one") {
    for (const std::uint32_t calm : {0u, 100u, 899u}) {
        const std::array readings{soft(calm, 1000), hard(900), soft(calm, 10)};
        CHECK(combine(readings).hard == 900);
        CHECK(combine(readings).level() == 900);
    }
}

TEST_CASE("a soft reading's weight is at most one") {
    const std::array readings{soft(800, 5000)};
    CHECK(combine(readings).soft == 800);
}

TEST_CASE("pressure pauses at its upper threshold and resumes at its lower one") {
    Hysteresis h{};
    CHECK(h.sample(799, 800, 650) == PressureEdge::steady);
    CHECK(h.sample(800, 800, 650) == PressureEdge::paused);
    CHECK(h.sample(900, 800, 650) == PressureEdge::steady);
    CHECK(h.sample(651, 800, 650) == PressureEdge::steady);
    CHECK(h.paused);
    CHECK(h.sample(650, 800, 650) == PressureEdge::resumed);
    CHECK(h.sample(799, 800, 650) == PressureEdge::steady);
    CHECK(!h.paused);
}

TEST_CASE("a band without room between its thresholds is not valid") {
    CHECK(band_is_valid(800, 650));
    CHECK(band_is_valid(1, 0));
    CHECK(!band_is_valid(650, 650));
    CHECK(!band_is_valid(650, 800));
    CHECK(!band_is_valid(0, 0));
    CHECK(!band_is_valid(1001, 650));
}

TEST_CASE("the gate acts once for each edge") {
    Gate gate{};
    CHECK(gate.admits(SourceId{0}));
    CHECK(!gate.hold(false));
    CHECK(gate.hold(true));
    CHECK(!gate.hold(true));
    CHECK(!gate.admits(SourceId{0}));
    CHECK(gate.hold(false));
    CHECK(!gate.hold(false));
    CHECK(gate.admits(SourceId{0}));
}

TEST_CASE("a window of the gate admits each source once") {
    Gate gate{};
    gate.hold(true);
    gate.open_window(2);
    CHECK(gate.admits(SourceId{0}));
    gate.admitted(SourceId{0});
    CHECK(!gate.admits(SourceId{0}));
    CHECK(gate.admits(SourceId{1}));
    CHECK(!gate.admits(SourceId{2}));
    gate.open_window(64);
    CHECK(gate.admits(SourceId{63}));
    // What is left of a window does not outlive its hold.
    gate.hold(false);
    gate.hold(true);
    CHECK(!gate.admits(SourceId{1}));
}

TEST_CASE("a window does not open in a gate that admits") {
    Gate gate{};
    gate.open_window(3);
    gate.hold(true);
    CHECK(!gate.admits(SourceId{0}));
}

TEST_CASE("transform threads grow one by one while there is room and work") {
    ThreadPolicy policy({.least = 1, .most = 4, .settle = 0});
    CHECK(policy.threads() == 1);
    CHECK(policy.decide({.saturation_permille = 599, .waiting = 1}) == 2);
    CHECK(policy.decide({.saturation_permille = 600, .waiting = 1}) == 2);
    CHECK(policy.decide({.saturation_permille = 100, .waiting = 0}) == 2);
    CHECK(policy.decide({.saturation_permille = 100, .waiting = 3, .idle = 1}) == 2);
    for (int i = 0; i < 9; ++i) policy.decide({.saturation_permille = 0, .waiting = 1});
    CHECK(policy.threads() == 4);
}

TEST_CASE("transform threads shrink one by one when the machine is nearly full") {
    ThreadPolicy policy({.least = 2, .most = 8, .settle = 0});
    for (int i = 0; i < 9; ++i) policy.decide({.saturation_permille = 0, .waiting = 1});
    CHECK(policy.decide({.saturation_permille = 850}) == 8);
    CHECK(policy.decide({.saturation_permille = 851}) == 7);
    for (int i = 0; i < 20; ++i) policy.decide({.saturation_permille = 900});
    CHECK(policy.threads() == 2);
}

TEST_CASE("transform threads halve at once in an emergency") {
    ThreadPolicy policy({.least = 1, .most = 8, .settle = 5});
    for (int i = 0; i < 99; ++i) policy.decide({.saturation_permille = 0, .waiting = 1});
    CHECK(policy.threads() == 8);
    CHECK(policy.decide({.saturation_permille = 900}) == 7);
    CHECK(policy.decide({.saturation_permille = 951}) == 3);
    CHECK(policy.decide({.saturation_permille = 951}) == 1);
    CHECK(policy.decide({.saturation_permille = 951}) == 1);
}

TEST_CASE("transform threads wait for the effect of a change before the next one") {
    ThreadPolicy policy({.least = 1, .most = 8, .settle = 2});
    const ThreadSample calm{.saturation_permille = 0, .waiting = 9};
    CHECK(policy.decide(calm) == 2);
    CHECK(policy.decide(calm) == 2);
    CHECK(policy.decide(calm) == 2);
    CHECK(policy.decide(calm) == 3);
}

TEST_CASE("limits of transform threads are checked") {
    CHECK(limits_are_valid({}));
    CHECK(!limits_are_valid({.least = 0, .most = 1}));
    CHECK(!limits_are_valid({.least = 3, .most = 2}));
    CHECK(!limits_are_valid({.grow_below_permille = 900}));
}

// The laws of the budget, for any config and any sequence of what can happen to it.
#include <rapidcheck/catch.h>

#include "core/base/mix.hpp"
#include "core/engine/governor.hpp"

using namespace holdfast;

namespace {

GovernorConfig any_governor() {
    GovernorConfig c;
    c.on = true;
    c.floor = *rc::gen::inRange<std::uint64_t>(1, 10'000);
    c.max = *rc::gen::inRange<std::uint64_t>(c.floor, 1u << 27);
    c.start = *rc::gen::inRange<std::uint64_t>(c.floor, c.max + 1);
    c.step = *rc::gen::inRange<std::uint64_t>(1, 1u << 20);
    c.factor_permille = *rc::gen::inRange<std::uint32_t>(1, 1000);
    c.target = Duration{*rc::gen::inRange<std::int64_t>(0, 1'000'000'000)};
    return c;
}

}  // namespace

TEST_CASE("governor's budget stays between its floor and its maximum") {
    rc::prop("whatever happens, in whatever order", [](std::uint64_t seed) {
        const GovernorConfig c = any_governor();
        const std::uint64_t source = *rc::gen::inRange<std::uint64_t>(1, 1u << 28);
        const std::uint64_t top = Governor::most(c, source);
        const std::uint64_t bottom = Governor::least(c, source);
        Governor g{};
        g.begin(c, source);
        for (std::uint64_t i = 0; i < 200; ++i) {
            const std::uint64_t dice = mix(seed, 0, 0, i);
            const std::uint64_t before = g.budget;
            const std::uint32_t decreases = g.decreases;
            switch (dice & 3) {
                case 0: g.ordered(); break;
                case 1: g.answered(c, source); break;
                case 2: g.pressed(c, source); break;
                default:
                    g.drained(
                        c, source, scale(mix64(dice), 2 * before),
                        Duration{static_cast<std::int64_t>(scale(mix64(dice + 1), 1ull << 62))});
            }
            RC_ASSERT(g.budget >= bottom);
            RC_ASSERT(g.budget <= top);
            RC_ASSERT(g.budget > 0u);
            // Multiplicative: never below the factor of what it was, in one go.
            RC_ASSERT(g.budget >= before / 1000 * c.factor_permille);
            // A decrease is a decrease, and there is no other one.
            RC_ASSERT((g.budget < before) == (g.decreases > decreases));
        }
    });
    rc::prop("and two decreases have a pull between them", [](std::uint64_t seed) {
        const GovernorConfig c = any_governor();
        Governor g{};
        g.begin(c, UINT64_MAX);
        bool pulled = false;
        for (std::uint64_t i = 0; i < 200; ++i) {
            const std::uint64_t dice = mix(seed, 1, 0, i);
            const std::uint32_t decreases = g.decreases;
            if (dice % 5 == 0) {
                g.ordered();
                pulled = true;
            } else if (dice % 5 == 1) {
                g.pressed(c, UINT64_MAX);
            } else if (dice % 5 == 2) {
                g.answered(c, UINT64_MAX);
            } else {
                g.drained(c, UINT64_MAX, g.budget, Duration{static_cast<std::int64_t>(dice >> 20)});
            }
            if (g.decreases == decreases) continue;
            RC_ASSERT(pulled);
            pulled = false;
        }
    });
}

// The known bad signal, busy time over the interval between pulls, is 1 in any serial loop and
// collapses the budget. Ours looks at one slice in empty queues.
TEST_CASE("governor keeps nine tenths of the rate of a sink with a fixed cost") {
    rc::prop("for any cost a call, any rate, any target", [] {
        GovernorConfig c = any_governor();
        c.factor_permille = 500;
        c.max = std::max<std::uint64_t>(c.max, 64u << 10);
        c.start = c.max;
        c.floor = 1;
        const auto call_ns = *rc::gen::inRange<std::int64_t>(1, 10'000'000'000);
        // Bytes cost next to nothing: the time is the calls'.
        Governor g{};
        g.begin(c, UINT64_MAX);
        long double bytes = 0;
        constexpr int calls = 400;
        for (int i = 0; i < calls; ++i) {
            g.ordered();
            bytes += static_cast<long double>(g.budget);
            g.drained(c, UINT64_MAX, g.budget, Duration{call_ns});
            g.answered(c, UINT64_MAX);
        }
        // In as many calls the ungoverned loop brings max each time. After a decrease that did not
        // pay the budget is back at once, so little is lost.
        RC_ASSERT(bytes >= 0.9L * calls * static_cast<long double>(c.max));
    });
}

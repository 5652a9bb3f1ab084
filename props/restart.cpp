// Promise: after a crash at any instant a restart loses nothing, and a sink that can be cut to its
// mark holds each record once.
#include <rapidcheck/catch.h>

#include "props/worlds.hpp"

using namespace holdfast;

namespace {

bool crashes(const sim::Draw& draw) {
    return draw.crashes_max > 0 && (draw.permille_of(sim::Fault::crash) > 0 ||
                                    draw.permille_of(sim::Fault::crash_hot) > 0 ||
                                    draw.permille_of(sim::Fault::crash_between) > 0);
}

/// Nobody else has the partitions meanwhile, so that what is read again is read by us.
bool alone(const sim::Draw& draw) {
    return draw.revokes_max == 0 && draw.permille_of(sim::Fault::rewind) == 0 &&
           draw.permille_of(sim::Fault::progress_elsewhere) == 0;
}

}  // namespace

TEST_CASE("mark sinks hold each record once, however often the process died") {
    std::uint64_t restarts = 0;
    std::uint64_t held = 0;
    rc::prop("in worlds with crashes", [&](std::uint32_t from) {
        const auto seed = props::seed_of(from, [](const sim::Draw& draw) {
            bool marks = false;
            for (std::uint32_t s = 0; s < draw.config.sinks; ++s) {
                marks = marks || draw.config.sink[s].has_mark;
            }
            return marks && crashes(draw) && alone(draw);
        });
        props::RunWorld run(seed);
        RC_ASSERT(run.complaint() == "");
        restarts += run.outcome().incarnations - 1;
        const std::vector<std::uint32_t> times = props::times_held(run.ledger(), false);
        for (std::size_t u = 0; u < times.size(); ++u) {
            const sim::Unit& unit = run.ledger().units[u];
            if (!run.outcome().draw.config.sink[unit.sink].has_mark) continue;
            RC_ASSERT(times[u] <= 1u);
            held += times[u];
        }
    });
    CHECK(restarts > 20);
    CHECK(held > 100);
}

TEST_CASE("a restart goes on where nothing is owed below") {
    std::uint64_t restarts = 0;
    rc::prop("in worlds with crashes, at any moment", [&](std::uint32_t from) {
        const auto seed = props::seed_of(from, crashes);
        const auto until = *rc::gen::inRange<std::uint64_t>(50, 600);
        props::RunWorld run(seed, until);
        RC_ASSERT(run.complaint() == "");
        restarts += run.world().stage().incarnation;
        for (const sim::Log& log : run.ledger().logs) {
            RC_ASSERT(!props::owed_below(run.ledger(), log, log.durable, true).has_value());
        }
    });
    CHECK(restarts > 20);
}

// Promise: no position is durable past a record that is still owed to anyone, at any moment.
#include <rapidcheck/catch.h>

#include "props/worlds.hpp"

using namespace holdfast;

TEST_CASE("no durable position passes a record that is owed") {
    int moved = 0;
    rc::prop("at any moment of any world", [&](std::uint32_t seed) {
        const auto until = *rc::gen::inRange<std::uint64_t>(1, 400);
        props::RunWorld run(seed, until);
        RC_ASSERT(run.complaint() == "");
        for (const sim::Log& log : run.ledger().logs) {
            moved += log.durable > 0;
            RC_ASSERT(!props::owed_below(run.ledger(), log, log.durable, true).has_value());
        }
    });
    CHECK(moved > 10);
}

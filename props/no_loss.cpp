// Promise: nothing is lost. When a pipeline has finished, each record is at each sink that it was
// routed to, or durably dead-lettered, or dropped where the config says so.
#include <rapidcheck/catch.h>

#include "props/worlds.hpp"

using namespace holdfast;

TEST_CASE("no record is lost in any world") {
    int finished = 0;
    rc::prop("once it has finished", [&](std::uint32_t seed) {
        props::RunWorld run(seed);
        RC_ASSERT(run.complaint() == "");
        if (!run.finished()) return;
        ++finished;
        for (const sim::Log& log : run.ledger().logs) {
            const std::int64_t end = run.ledger().end_of(log);
            RC_ASSERT(!props::owed_below(run.ledger(), log, end, false).has_value());
        }
    });
    CHECK(finished > 10);
}

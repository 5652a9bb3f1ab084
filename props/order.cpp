// Promise: with one write in flight a sink sees each partition's records in their order.
#include <rapidcheck/catch.h>

#include "props/worlds.hpp"

using namespace holdfast;

TEST_CASE("sinks with one write in flight see each partition in order") {
    std::uint64_t compared = 0;
    rc::prop("in quiet worlds", [&](std::uint32_t from) {
        const auto seed = props::seed_of(from, props::quiet);
        props::RunWorld run(seed);
        RC_ASSERT(run.complaint() == "");
        // A poison without a dead-letter queue halts on a sunny day too; a restart may repeat.
        if (run.outcome().incarnations > 1) return;
        const sim::Ledger& ledger = run.ledger();
        for (std::uint32_t s = 0; s < ledger.sinks.size(); ++s) {
            if (run.outcome().draw.config.sink[s].writes_max != 1) continue;
            std::vector<std::int64_t> last(ledger.logs.size(), -1);
            for (const std::uint32_t u : ledger.sinks[s].contents) {
                const sim::Unit& unit = ledger.units[u];
                std::int64_t& before = last[ledger.records[unit.record].log];
                RC_ASSERT(before < static_cast<std::int64_t>(u));
                before = u;
                ++compared;
            }
        }
    });
    CHECK(compared > 100);
}

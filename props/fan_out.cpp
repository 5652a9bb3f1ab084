// Promise: each sink gets what was routed to it, and nothing else.
#include <rapidcheck/catch.h>

#include "props/worlds.hpp"

using namespace holdfast;

TEST_CASE("sinks hold only what was routed to them") {
    std::uint64_t held = 0;
    rc::prop("at any moment of any world", [&](std::uint32_t seed) {
        const auto until = *rc::gen::inRange<std::uint64_t>(1, 600);
        props::RunWorld run(seed, until);
        RC_ASSERT(run.complaint() == "");
        const sim::Ledger& ledger = run.ledger();
        for (std::uint32_t s = 0; s < ledger.sinks.size(); ++s) {
            for (const std::uint32_t u : ledger.sinks[s].contents) {
                const sim::Unit& unit = ledger.units[u];
                const sim::Record& record = ledger.records[unit.record];
                const sim::Log& log = ledger.logs[record.log];
                RC_ASSERT(unit.sink == s);
                RC_ASSERT((record.route >> s & 1) == 1u);
                RC_ASSERT((run.outcome().draw.config.source[log.source].route >> s & 1) == 1u);
                RC_ASSERT(record.kind == sim::RecordKind::plain);
                ++held;
            }
        }
    });
    CHECK(held > 100);
}

TEST_CASE("quiet worlds deliver each record exactly once to each sink") {
    rc::prop("neither lost nor doubled", [](std::uint32_t from) {
        const auto seed = props::seed_of(from, props::quiet);
        props::RunWorld run(seed);
        RC_ASSERT(run.complaint() == "");
        // A poison without a dead-letter queue halts on a sunny day too; a restart may repeat.
        if (run.outcome().incarnations > 1) return;
        for (const std::uint32_t times : props::times_held(run.ledger(), false)) {
            RC_ASSERT(times <= 1u);
        }
        for (const sim::Log& log : run.ledger().logs) {
            const std::int64_t end = run.ledger().end_of(log);
            if (!run.finished()) continue;
            RC_ASSERT(!props::owed_below(run.ledger(), log, end, false).has_value());
        }
    });
}

// Promise: a drain pulls nothing more and ends by its deadline, whatever the devices do.
#include <rapidcheck/catch.h>

#include "core/engine/owned.hpp"
#include "props/worlds.hpp"
#include "tests/core/random_events.hpp"

using namespace holdfast;

TEST_CASE("drain ends by its deadline and pulls nothing more") {
    int drained = 0;
    rc::prop("from any state", [&](std::uint32_t seed, std::uint16_t before) {
        const Config config = random_config(seed);
        OwnedEngine owned(config);
        RandomEvents events(seed, config, true);
        for (int i = 0; i < before % 400 && !owned.engine().halted(); ++i) {
            const Event event = events.next(owned.engine().deadline());
            events.saw(owned.step(events.now(), event));
        }
        if (owned.engine().halted()) return;
        const Instant deadline = events.now() + seconds(5);
        events.saw(owned.step(events.now(), Stop{StopMode::drain, deadline}));
        while (!owned.engine().halted()) {
            RC_ASSERT(owned.engine().deadline() <= deadline);
            const Event event = events.next(owned.engine().deadline());
            const bool late = events.now() >= deadline;
            const Effects& effects = owned.step(events.now(), event);
            events.saw(effects);
            for (const Effect& e : effects.items()) {
                RC_ASSERT(!std::holds_alternative<Pull>(e));
                const auto* halt = std::get_if<Halt>(&e);
                drained += halt && halt->reason == HaltReason::drained;
            }
            RC_ASSERT(!late || owned.engine().halted());
        }
    });
    CHECK(drained > 5);
}

TEST_CASE("every world ends") {
    rc::prop("finished, drained, or halted for a reason", [](std::uint32_t seed) {
        props::RunWorld run(seed);
        RC_ASSERT(run.complaint() == "");
        RC_ASSERT(run.world().engine().halted());
        RC_ASSERT(run.world().engine().deadline() == never);
    });
}

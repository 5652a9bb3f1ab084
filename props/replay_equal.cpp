// Promise: equal inputs give equal outputs, bit for bit.
#include <rapidcheck/catch.h>

#include "props/worlds.hpp"

using namespace holdfast;

TEST_CASE("a run can be replayed bit for bit") {
    rc::prop("from its seed", [](std::uint32_t seed) {
        RC_ASSERT(sim::run_seed(seed).hash == sim::run_seed(seed).hash);
    });
    rc::prop("from its recorded choices", [](std::uint32_t seed) {
        sim::Seeded seeded(seed);
        sim::Recorded recorded(seeded);
        sim::World first(seed, recorded);
        const sim::TraceHash hash = first.run().hash;
        const std::vector<sim::Choice> list = recorded.list();
        sim::Recorded again(list);
        sim::World second(seed, again);
        RC_ASSERT(second.run().hash == hash);
        RC_ASSERT(sim::run_seed(seed).hash == hash);
    });
    rc::prop("and its beginning is the beginning of the whole", [](std::uint32_t seed) {
        const auto until = *rc::gen::inRange<std::uint64_t>(1, 300);
        sim::Seeded seeded(seed);
        sim::World whole(seed, seeded);
        whole.run({.with_text = true});
        sim::World part(seed, seeded);
        part.run({.with_text = true, .until = until});
        const auto& lines = part.trace().lines();
        RC_ASSERT(lines.size() <= whole.trace().lines().size());
        RC_ASSERT(std::equal(lines.begin(), lines.end(), whole.trace().lines().begin()));
    });
}

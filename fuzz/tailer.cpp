// The file source on a simulated disk, where all that happens is drawn from the bytes: appends,
// renames, truncations, faults, crashes.
//
// Property: invariant I25 (sim/tail_world.hpp): every complete line is emitted once and in its
//           file's order; again only after a crash.
#include <cstdio>

#include "core/base/assert.hpp"
#include "sim/tail_world.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr int deeds_max = 60;
    holdfast::sim::FuzzBytes choices(std::span(data, size));
    holdfast::sim::TailWorld world(choices);
    for (int i = 0; i < deeds_max && choices.used() < size && world.problem().empty(); ++i) {
        world.act();
    }
    world.end();
    if (!world.problem().empty()) std::fprintf(stderr, "%s\n", world.problem().c_str());
    HF_ASSERT(world.problem().empty());
    return 0;
}

// The tailer over JSON arrays and MsgPack: as fuzz/tailer.cpp, with the framing by the first byte.
#include <cstdio>

#include "core/base/assert.hpp"
#include "sim/tail_world.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using holdfast::io::Framing;
    constexpr int deeds_max = 60;
    if (size == 0) return 0;
    holdfast::sim::FuzzBytes choices(std::span(data + 1, size - 1));
    holdfast::sim::TailWorld world(choices,
                                   data[0] % 2 == 0 ? Framing::msgpack : Framing::json_array);
    for (int i = 0; i < deeds_max && choices.used() < size && world.problem().empty(); ++i) {
        world.act();
    }
    world.end();
    if (!world.problem().empty()) std::fprintf(stderr, "%s\n", world.problem().c_str());
    HF_ASSERT(world.problem().empty());
    return 0;
}

// Memory for one part of the engine, laid out alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/base/arena.hpp"

namespace holdfast::props {

/// Zeroed memory that `lay_out(Arena&)` fills twice: once to measure, once for good.
class PartMemory {
public:
    template <class LayOut>
    explicit PartMemory(LayOut lay_out) {
        Arena measure(nullptr);
        lay_out(measure);
        memory_.assign(measure.used() / 8 + 1, 0);
        Arena arena(reinterpret_cast<std::byte*>(memory_.data()));
        lay_out(arena);
    }

private:
    std::vector<std::uint64_t> memory_;
};

}  // namespace holdfast::props

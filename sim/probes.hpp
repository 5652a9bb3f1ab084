// Sometimes-probes: things that must happen now and then, or the simulator has become weak.
//
// They are read off the stream of events and effects, so the engine knows nothing of them.
#pragma once

#include <array>
#include <cstdint>

#include "core/model/effects.hpp"
#include "core/model/event.hpp"

namespace holdfast::sim {

class Oracle;

inline constexpr std::size_t probes_count = 128;

class Probes {
public:
    void hit(std::uint32_t probe) { ++hits_[probe]; }
    void step(const Event& event, const Effects& effects, const Oracle& oracle);
    void merge(const Probes& other);

    std::uint64_t hits(std::uint32_t probe) const { return hits_[probe]; }
    static const char* name(std::uint32_t probe);
    /// Null-named probes don't exist; rare ones may stay unhit.
    static bool rare(std::uint32_t probe);

private:
    std::array<std::uint64_t, probes_count> hits_{};
};

}  // namespace holdfast::sim

// Sinks under other numbers: the world knows them as 0, 1, 2; an engine whose sinks are spread out
// knows them as 0, 9, 18, so that each mask of them needs its upper half.
#pragma once

#include <span>

#include "core/model/effect.hpp"
#include "core/model/event.hpp"

namespace holdfast::sim {

SinkMask spread_mask(SinkMask sinks, std::uint32_t by);

/// The event as the engine gets it.
Event spread(const Event& event, std::uint32_t by);

/// The effects and their parts as the world gets them. A sink of the engine that is none of the
/// world's becomes one that doesn't exist.
void compact(std::span<Effect> effects, std::span<Part> parts, std::uint32_t by);

}  // namespace holdfast::sim

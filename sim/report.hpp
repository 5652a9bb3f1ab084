// What a failing seed prints: the invariant, the draw, the record's life, the line that replays it.
#pragma once

#include <string>
#include <vector>

#include "sim/world.hpp"

namespace holdfast::sim {

/// Several lines for a person.
std::string report_failure(std::uint64_t seed, const Outcome& outcome, World& world);
/// One line of JSON.
std::string report_json(std::uint64_t seed, const Outcome& outcome);

}  // namespace holdfast::sim

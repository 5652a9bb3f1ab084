// Scenarios as text: the choices that are not benign, one a line, and what must come of them.
//
//   # anything
//   seed 0x2a            for the engine's jitter only
//   expect I1            the invariant that failed when it was found, or: ok
//   choice world_fault 3 17 1
//   lies 20              thousandths; only where a lying sink was asked for (RunOptions::lies)
//
// A regression says `expect ok` once its bug is mended. Sites by name; entity, n and value as
// numbers.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "sim/choices.hpp"

namespace holdfast::sim {

struct Scenario {
    std::uint64_t seed = 0;
    std::string expect = "ok";
    std::uint16_t lies = 0;
    std::vector<std::string> remarks;
    std::vector<Choice> choices;
};

std::string write_scenario(const Scenario& scenario);
/// The error says which line, and what is wrong with it.
std::expected<Scenario, std::string> read_scenario(std::string_view text);

}  // namespace holdfast::sim

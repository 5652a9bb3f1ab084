// The broken engines: which there are, and how soon the oracles must find them.
#pragma once

#include <cstdint>
#include <span>

#include "sim/habitats.hpp"

namespace holdfast::sim {

struct Mutant {
    int number = 0;
    const char* title = "";
    const char* twin = "";             ///< The public bug report that it repeats, or "".
    std::uint32_t seeds_max = 0;       ///< It must be killed within so many seeds.
    Habitat habitat = Habitat::world;  ///< Where it is looked for.
    bool rare = false;  ///< Finding it takes minutes: looked for where it is asked for.
};

std::span<const Mutant> mutants();

}  // namespace holdfast::sim

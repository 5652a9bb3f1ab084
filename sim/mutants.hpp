// The broken engines: which there are, and how soon the oracles must find them.
#pragma once

#include <cstdint>
#include <span>

namespace holdfast::sim {

struct Mutant {
    int number = 0;
    const char* title = "";
    const char* twin = "";        ///< The public bug report that it repeats, or "".
    std::uint32_t seeds_max = 0;  ///< It must be killed within so many seeds.
};

std::span<const Mutant> mutants();

}  // namespace holdfast::sim

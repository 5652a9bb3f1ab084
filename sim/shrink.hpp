// Makes a failing run small: benign answers in place of unusual ones, as long as the same invariant
// still fails. Thanks to keyed choices nothing else moves.
#pragma once

#include <cstdint>

#include "sim/text.hpp"
#include "sim/world.hpp"

namespace holdfast::sim {

struct Shrunk {
    Scenario scenario;
    Outcome outcome;
    std::uint64_t runs = 0;
};

/// Runs a list of choices.
Outcome run_choices(std::uint64_t seed, const std::vector<Choice>& choices,
                    const RunOptions& options = {}, std::vector<std::string>* lines = nullptr);

/// Shrinks a failing run. Bound: `runs_max` runs. Requires: the run of these choices fails.
Shrunk shrink(std::uint64_t seed, std::vector<Choice> choices, const RunOptions& options = {},
              std::uint64_t runs_max = 3000);
/// Shrinks the failing run of a seed. Requires: the seed fails.
Shrunk shrink(std::uint64_t seed, const RunOptions& options = {}, std::uint64_t runs_max = 3000);

}  // namespace holdfast::sim

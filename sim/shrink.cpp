#include "sim/shrink.hpp"

#include <algorithm>
#include <string>

#include "core/base/assert.hpp"

namespace holdfast::sim {
namespace {

struct Search {
    std::uint64_t seed;
    std::string invariant;
    RunOptions options;
    std::uint64_t runs = 0;
    std::uint64_t runs_max;

    bool fails(const std::vector<Choice>& choices) {
        ++runs;
        const Outcome outcome = run_choices(seed, choices, options);
        return outcome.failure.invariant != nullptr && outcome.failure.invariant == invariant;
    }
    bool spent() const { return runs >= runs_max; }
};

/// Leaves out runs of choices, ever shorter ones.
bool drop_some(Search& search, std::vector<Choice>& choices) {
    bool smaller = false;
    for (std::size_t size = choices.size() / 2; size > 0 && !search.spent(); size /= 2) {
        for (std::size_t at = 0; at < choices.size() && !search.spent();) {
            std::vector<Choice> less = choices;
            const std::size_t end = std::min(at + size, less.size());
            less.erase(less.begin() + static_cast<std::ptrdiff_t>(at),
                       less.begin() + static_cast<std::ptrdiff_t>(end));
            if (search.fails(less)) {
                choices = std::move(less);
                smaller = true;
            } else {
                at += size;
            }
        }
    }
    return smaller;
}

/// Lowers single answers.
bool lower_some(Search& search, std::vector<Choice>& choices) {
    bool smaller = false;
    for (std::size_t i = 0; i < choices.size() && !search.spent(); ++i) {
        for (const std::uint64_t value : {std::uint64_t{1}, choices[i].value / 2}) {
            if (value == 0 || value >= choices[i].value) continue;
            std::vector<Choice> less = choices;
            less[i].value = value;
            if (!search.fails(less)) continue;
            choices = std::move(less);
            smaller = true;
            break;
        }
    }
    return smaller;
}

}  // namespace

Outcome run_choices(std::uint64_t seed, const std::vector<Choice>& choices,
                    const RunOptions& options, std::vector<std::string>* lines) {
    Recorded recorded{std::span<const Choice>(choices)};
    World world(seed, recorded);
    Outcome outcome = world.run(options);
    if (lines != nullptr) *lines = world.trace().lines();
    return outcome;
}

Shrunk shrink(std::uint64_t seed, const RunOptions& options, std::uint64_t runs_max) {
    Seeded seeded(seed);
    Recorded recorded(seeded);
    World world(seed, recorded);
    world.run(options);
    return shrink(seed, recorded.list(), options, runs_max);
}

Shrunk shrink(std::uint64_t seed, std::vector<Choice> choices, const RunOptions& options,
              std::uint64_t runs_max) {
    const Outcome first = run_choices(seed, choices, options);
    HF_ASSERT(first.failure.invariant != nullptr);
    Search search{seed, first.failure.invariant, options, 0, runs_max};
    while (!search.spent()) {
        const bool dropped = drop_some(search, choices);
        const bool lowered = lower_some(search, choices);
        if (!dropped && !lowered) break;
    }
    Shrunk shrunk;
    shrunk.runs = search.runs;
    shrunk.outcome = run_choices(seed, choices, options);
    shrunk.scenario.seed = seed;
    shrunk.scenario.lies = options.lies;
    shrunk.scenario.choices = std::move(choices);
    const Failure& failure = shrunk.outcome.failure;
    shrunk.scenario.expect = failure.invariant != nullptr ? failure.invariant : "ok";
    if (failure.invariant != nullptr) {
        shrunk.scenario.remarks.push_back(std::string(failure.invariant) + " " + failure.title);
        shrunk.scenario.remarks.push_back(failure.detail);
    }
    return shrunk;
}

}  // namespace holdfast::sim

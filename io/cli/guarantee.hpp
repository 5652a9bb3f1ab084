// What holds on each path from a source to a sink when something fails, from what the components say
// of themselves: nothing here knows a kind.
//
// Rule 1: what breaks a promise is a weakness, with the key that makes it so and its place.
// Rule 2: a promise holds if no weakness breaks it, or one that it builds on (at_least_once, then
//         exactly_once; and power_loss, which is about the same records).
// What a pipeline is told to leave out is no weakness: a filter's condition, sample, throttle,
// dedupe. What it drops because something failed or was full is one.
#pragma once

#include <string>
#include <vector>

#include "io/cli/config.hpp"
#include "io/component/kind.hpp"

namespace holdfast::cli {

struct KeyWeakness {
    io::Promise promise{};
    std::string key;  ///< Its whole name: "sinks.out.fsync".
    io::Place place;
    std::string why;
};

struct PathGuarantee {
    std::string source;
    std::string sink;
    std::string repeats;  ///< After a crash: "nothing", "at most ...".
    std::vector<KeyWeakness> weaknesses;

    /// bounded-memory is no promise of a path: it holds of all pipelines.
    bool holds(io::Promise promise) const;
    /// The first that breaks it. Requires !holds(promise).
    const KeyWeakness& breaks(io::Promise promise) const;
};

struct Guarantees {
    std::vector<PathGuarantee> paths;
    /// Why records would stop the pipeline, since there are no dead letters; empty: they would not.
    std::vector<std::string> stops;
    std::uint64_t memory_max = 0;  ///< Bytes, of the whole process.
};

/// Requires: the config is good.
Guarantees guarantees_of(const ConfigResult& config);

/// "at-least-once"
const char* name_of(io::Promise promise);

}  // namespace holdfast::cli

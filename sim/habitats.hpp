// The worlds beside the engine's own, by name: one device each, or the whole pipeline.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/breach.hpp"

namespace holdfast::sim {

enum class Habitat : std::uint8_t {
    world,        ///< Of the engine: world.hpp.
    world_twice,  ///< The same seed in two of them: I30.
    tailer,       ///< These: device_worlds.hpp.
    streams,      ///< The tailer, of files without lines.
    reads,
    text,
    checkpoints,
    file_sink,
    dead_letters,
    tokens,
    graphs,
    keys,
    memory,
    programs,  ///< The jq machine over a table of cases.
    sockets,   ///< Sources of streams and of datagrams, a sink.
    exec,
    records,  ///< Keys, headers, timestamps, and payloads of any bytes.
    lines,    ///< Text that is parsed into JSON.
    joint,    ///< The whole pipeline: joint_world.hpp.
    trial,    ///< Pipelines that are drawn, tried as a user's own: sim/trial.
};

/// All but the engine's.
const std::vector<Habitat>& habitats();
/// "dead_letters"
const char* name_of(Habitat habitat);
std::optional<Habitat> habitat_of(std::string_view name);

/// What is broken in this seed, if anything. Requires: it is one of habitats().
std::optional<Breach> run_in(Habitat habitat, std::uint64_t seed);

}  // namespace holdfast::sim

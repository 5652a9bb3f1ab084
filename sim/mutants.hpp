// The broken engines: which there are, and how soon the oracles must find them.
#pragma once

#include <cstdint>
#include <span>

namespace holdfast::sim {

/// Where a broken engine, or a broken device, is looked for.
enum class Habitat : std::uint8_t {
    world,         ///< Of the engine: world.hpp.
    world_twice,   ///< The same seed in two of them: I30.
    tailer,        ///< These: device_worlds.hpp.
    streams,       ///< The tailer, of files without lines.
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
    joint,  ///< The whole pipeline: joint_world.hpp.
};

struct Mutant {
    int number = 0;
    const char* title = "";
    const char* twin = "";        ///< The public bug report that it repeats, or "".
    std::uint32_t seeds_max = 0;  ///< It must be killed within so many seeds.
    Habitat habitat = Habitat::world;
};

std::span<const Mutant> mutants();

}  // namespace holdfast::sim

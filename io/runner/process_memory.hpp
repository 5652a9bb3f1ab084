// What a pipeline's process may need at most: each part of its memory that is not fixed, as a formula
// over the config. The only place where they stand; docs/configuration.md, Memory, says them in words.
//
// Rule 1: every part that grows with data is here, or is leased from the pool (which is here).
// Rule 2: a part is what is written to at the worst records that its limits let through: lines of
//         max_line, of two bytes a value (`[0,0,...]`), each of which fails with a text of its own.
// Rule 3: what is known of each file comes on top: `per_file_bytes`, since nobody knows how many
//         there will be.
// Doesn't know: the machine.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "io/runner/pipeline_config.hpp"

namespace holdfast::io {

/// What the process keeps for each file that matches, also for those that were read to their end;
/// and for each as it is written into the checkpoint.
inline constexpr std::uint64_t per_file_bytes = 2048;

struct MemoryPart {
    const char* name;  ///< "parsing"
    const char* what;  ///< What it is for, as a few words.
    std::uint64_t bytes = 0;
};

struct ProcessMemory {
    enum Part : std::uint8_t {
        program,    ///< Code, libraries, stacks, rings, buffers of devices.
        tables,     ///< The engine's, the pool's and the payloads'.
        records,    ///< The pool: memory_limit.
        parsing,    ///< By evaluator: one record's index and values, and what programs keep.
        outputs,    ///< What is being made of batches, before it has a place in the pool.
        beside,     ///< Outputs for which the pool had no room: of each source one batch.
        set_aside,  ///< Why records are dead letters.
        caches,     ///< Keys of dedupe and throttle.
        carried,    ///< Streams: what was read and is no whole record yet.
        unpacked,   ///< Compressed files that are read: windows, and text that was not read yet.
        parts,
    };
    std::array<MemoryPart, parts> part;

    std::uint64_t total() const;
    /// All but the records.
    std::uint64_t beside_records() const;
};

/// Requires: the config has no problems.
ProcessMemory process_memory(const PipelineConfig& pipeline);

/// The memory_limit, at most this config's own, with which all of it comes to at most `room`; 1 MiB,
/// the least, where none does. To a 64th of itself.
std::uint64_t fitting_memory_limit(PipelineConfig pipeline, std::uint64_t room);

/// "records 64MiB, parsing 22MiB, ...": the largest first, without those below 1 MiB.
std::string text_of(const ProcessMemory& memory);

}  // namespace holdfast::io

// From a pipeline's settings to the engine's numbers.
//
// The memory limit M is shared so that one blocked sink cannot starve the sources of others:
// Rule 1: a quarter of M is for batches that are being read or wait for room in a queue; each
//         source has an equal part of it, and pulls at most a fourth of its part at a time.
// Rule 2: the rest is for the queues. What one source has in memory is bounded by the fullest queue
//         that it feeds, so queues of (3/4 M) / min(sources, sinks) bytes fit in M whatever blocks.
//         The engine's batches are shared in the same way.
// Rule 3: the pool's blocks are powers of two, and no line is longer than a block.
#pragma once

#include <cstdint>
#include <string>

#include "core/model/config.hpp"
#include "io/runner/pipeline_config.hpp"

namespace holdfast::io {

/// Requires: the settings' own ranges were checked.
Config engine_config(const PipelineConfig& pipeline);

/// Whether a transform takes this source's records.
bool is_transformed(const PipelineConfig& pipeline, std::uint32_t source);

/// What the block pool is built with. bytes <= memory_limit; a multiple of block_max.
struct PoolSize {
    std::uint64_t bytes = 0;
    std::uint32_t block_max = 0;
};
PoolSize pool_size(const PipelineConfig& pipeline);

/// The longest line of this source: max_line, or less where the memory limit is small.
std::uint32_t line_max(const PipelineConfig& pipeline, const SourceSettings& source);

/// Whether it may begin again in slices (PipelineConfig::in_slices): all can be read again, and the
/// engine takes it.
bool may_go_in_slices(const PipelineConfig& pipeline);

/// What the engine would refuse, in words for the user; empty if nothing.
std::string check_engine_config(const PipelineConfig& pipeline);

}  // namespace holdfast::io

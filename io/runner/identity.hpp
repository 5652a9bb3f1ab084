// Whose checkpoint is this? What a data directory says of its pipeline, and what may change.
//
// Rule 1: a sink is known by its name and where it writes, a source by its name and type. So a sink
//         with another path is a new sink, and no mark is ever applied to another file.
// Rule 2: a checkpoint is ours if at least one source and one sink are the same. All else may
//         change: sinks and sources come and go, includes, limits, retries, promises. Only the
//         framing of a file that was begun may not: it would hold both.
#pragma once

#include <string>
#include <string_view>

#include "core/data/checkpoint.hpp"
#include "io/runner/pipeline_config.hpp"

namespace holdfast::io {

/// One line a source and a sink; stored in each checkpoint.
std::string identity_of(const PipelineConfig& pipeline);
/// What the checkpoint calls this sink.
std::string identity_of(const SinkSettings& sink);
/// Its positions mean nothing under another framing.
std::string identity_of(const SourceSettings& source);
/// Whether a checkpoint that says `found` may be continued by the pipeline that `ours` stands for.
bool continues(std::string_view found, std::string_view ours);
/// Why not, where a sink would go on in another framing in the same file; else empty.
std::string mixed_framing(const Checkpoint& found, const PipelineConfig& ours);

}  // namespace holdfast::io

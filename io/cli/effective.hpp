// What a good config comes to: its guarantees, what to know of it, and all of its values.
#pragma once

#include <string>
#include <vector>

#include "io/cli/config.hpp"

namespace holdfast::cli {

/// What a crash repeats: "at most 1,000 records and 1MiB, or one batch".
std::string repeats(const io::PipelineConfig& pipeline);

/// What is promised for records on their way from this source to this sink, as one sentence.
std::string guarantee(const io::PipelineConfig& pipeline, const io::SourceSettings& source,
                      const io::SinkSettings& sink);

/// What works as it is written but may surprise.
std::vector<std::string> warnings(const io::PipelineConfig& pipeline);

/// {"valid": ..., "problems": [...], "config": {...}, ...}; without config if there are problems.
std::string effective_json(const ConfigResult& result);

}  // namespace holdfast::cli

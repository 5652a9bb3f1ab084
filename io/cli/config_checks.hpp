// What must hold between the parts of a config: names, inputs, paths, promises.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "io/cli/reader.hpp"
#include "io/runner/pipeline_config.hpp"

namespace holdfast::cli {

/// A named part of the config as it was read.
struct Named {
    std::string name;
    Values values;
};

struct Parts {
    std::vector<Named> sources;  ///< In the order of the file, as in PipelineConfig.
    std::vector<Named> transforms;
    std::vector<Named> sinks;
    Values dead_letters;
    Values engine;
};

/// Resolves `inputs` of transforms and sinks, and reports what doesn't fit (config_flow.cpp).
void resolve_inputs(const Parts& parts, io::PipelineConfig& config, Reader& reader);
/// Two writers of one file, or a source that would read an output.
void check_paths(const Parts& parts, const io::PipelineConfig& config, Reader& reader);
/// Settings that contradict each other.
void check_settings(const Parts& parts, const io::PipelineConfig& config, Reader& reader);

}  // namespace holdfast::cli

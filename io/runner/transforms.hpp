// From the transforms of a config to the graph that is evaluated.
//
// Rule 1: texts are compiled when the config is checked (each error with its place), and once more
//         for every evaluator: programs are not shared.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "core/data/flow/evaluate.hpp"
#include "core/data/flow/plan.hpp"
#include "io/jq/compile.hpp"
#include "io/runner/pipeline_config.hpp"

namespace holdfast::io {

/// The graph: the transforms of the config (in their order), then a `decode` for each source and an
/// `encode` for each sink that needs one. Requires: the names of the config were resolved, and there
/// is no cycle.
flow::Spec flow_spec(const PipelineConfig& pipeline);

/// Whether the records of a source become lines of JSON, or are lines that are parsed before all
/// else (mode parsed).
bool is_decoded(const PipelineConfig& pipeline, std::uint32_t source);
/// Whether records of this input are made something else for the sink: MsgPack, unless they come as it
/// straight from a source; envelopes; or lines, where they may have a newline within.
bool is_converted(const PipelineConfig& pipeline, const SinkSettings& sink, const flow::From& from);
/// Whether those of any input are.
bool is_encoded(const PipelineConfig& pipeline, const SinkSettings& sink);
/// Whether there is anything between sources and sinks, transforms or the above.
bool has_flow(const PipelineConfig& pipeline);

/// Compiles one text of a transform. A key is a list of paths or any jq program.
CompiledProgram compile_text(const TransformSettings& transform, const std::string& text);

/// What a transform that parses does; for the format regex its pattern is compiled.
CompiledProgram make_parser(const text::ParseSettings& parse);

/// All of them, by node. Requires: each compiles (they were checked with the config).
std::vector<flow::NodePrograms> compile_all(const PipelineConfig& pipeline);

/// "native" or "machine", for validate.
std::string program_engine(const TransformSettings& transform, const std::string& text);

/// What each node is called, those that holdfast adds included.
std::vector<std::string> transform_names(const PipelineConfig& pipeline);

/// What one evaluation may write: see Limits.
flow::Limits flow_limits(const PipelineConfig& pipeline);

}  // namespace holdfast::io

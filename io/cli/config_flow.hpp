// Who feeds whom: the graph of sources, transforms and sinks in a config.
#pragma once

#include <filesystem>

#include "io/cli/config_checks.hpp"

namespace holdfast::cli {

/// "drop", "stop"; anything else is "dead_letter".
flow::OnError policy_of(std::string_view word);

/// What one transform's table says, inputs aside.
io::TransformSettings transform_of(const Named& part, const std::filesystem::path& folder);

/// The rules of raw filters, and what is wrong with them.
void read_rules(const Parts& parts, io::PipelineConfig& config, Reader& reader);

/// What a transform that parses or formats is asked for (config_text.cpp), and what is wrong with it.
text::ParseSettings parse_of(const Values& values);
void format_of(const Values& values, io::TransformSettings& out);
void check_text(const Parts& parts, const io::PipelineConfig& config, Reader& reader);

/// What a transform that sets key, headers or timestamp is asked for (config_meta.cpp), and what is
/// wrong with it.
void meta_of(const Values& values, io::TransformSettings& out);
void check_meta(const Parts& parts, const io::PipelineConfig& config, Reader& reader);
/// The key under which the n-th of its texts stands.
std::string_view text_key(const io::TransformSettings& transform, std::size_t n);

/// Compiles the texts of all transforms and reports those that aren't jq.
void check_programs(const Parts& parts, const io::PipelineConfig& config, Reader& reader);

/// `in`, `shape` or `by_level.errors`: as it is written in `inputs`.
std::string input_name(const io::PipelineConfig& config, const flow::From& from);

/// What may stand in `inputs`, in the order of the file.
struct InputName {
    std::string text;
    flow::From from;
};
std::vector<InputName> input_names(const io::PipelineConfig& config);

/// Whether nothing can come out there: what a transform doesn't pass on, where nobody takes that.
bool gives_nothing(const io::PipelineConfig& config, const flow::From& from);

/// "filter", "jq", ...
std::string_view type_name(const io::TransformSettings& transform);

/// What is odd, but no mistake: outputs that nobody takes.
std::vector<std::string> flow_warnings(const io::PipelineConfig& config);

/// The same of text where JSON is read (config_text.cpp).
std::vector<std::string> text_warnings(const io::PipelineConfig& config);

}  // namespace holdfast::cli

// See transforms.hpp.
#include "io/runner/transforms.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/assert.hpp"
#include "core/codec/raw_program.hpp"
#include "io/runner/engine_config.hpp"

namespace holdfast::io {
namespace {

constexpr std::uint64_t record_bytes_most = 1u << 20;
constexpr std::uint64_t slice_bytes_least = 1u << 20;

}  // namespace

flow::Spec flow_spec(const PipelineConfig& pipeline) {
    flow::Spec spec;
    spec.sources = static_cast<std::uint32_t>(pipeline.sources.size());
    for (const TransformSettings& transform : pipeline.transforms)
        spec.nodes.push_back(transform.node);
    for (const SinkSettings& sink : pipeline.sinks) spec.sinks.push_back(sink.from);
    return spec;
}

CompiledProgram compile_text(const TransformSettings& transform, const std::string& text) {
    const bool is_condition = transform.node.type == flow::NodeType::filter ||
                              transform.node.type == flow::NodeType::route;
    // jq's library takes tens of milliseconds for a text, and each is wanted several times: when
    // the config is checked, and by every evaluator. On one thread only.
    static std::map<std::pair<bool, std::string>, std::unique_ptr<Program>> known;
    std::unique_ptr<Program>& program = known[{is_condition, text}];
    if (!program) {
        CompiledProgram compiled = is_condition ? compile_condition(text) : compile_program(text);
        if (!compiled) return compiled;
        program = std::move(*compiled);
    }
    return program->clone();
}

std::vector<flow::NodePrograms> compile_all(const PipelineConfig& pipeline) {
    std::vector<flow::NodePrograms> out;
    for (const TransformSettings& transform : pipeline.transforms) {
        flow::NodePrograms& node = out.emplace_back();
        for (const std::string& text : transform.texts) {
            CompiledProgram compiled = compile_text(transform, text);
            HF_ASSERT(compiled.has_value());
            node.programs.push_back(std::move(*compiled));
        }
        if (transform.node.type == flow::NodeType::raw_filter)
            node.programs.push_back(
                std::make_unique<codec::RawProgram>(transform.rules, transform.rule_texts));
    }
    return out;
}

std::string program_engine(const TransformSettings& transform, const std::string& text) {
    const CompiledProgram compiled = compile_text(transform, text);
    return compiled ? (*compiled)->engine() : compiled.error().message;
}

flow::Limits flow_limits(const PipelineConfig& pipeline) {
    const std::uint64_t limit = pipeline.memory_limit;
    flow::Limits out;
    out.record_bytes = static_cast<std::size_t>(std::min(limit / 4, record_bytes_most));
    out.slice_bytes = static_cast<std::size_t>(
        std::min(std::max(limit / 16, slice_bytes_least), limit / 2));
    return out;
}

}  // namespace holdfast::io

// See transforms.hpp.
#include "io/runner/transforms.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/codec/envelope_programs.hpp"
#include "core/codec/key_program.hpp"
#include "core/codec/raw_program.hpp"
#include "core/codec/record_programs.hpp"
#include "core/text/parse_program.hpp"
#include "io/jq/outside.hpp"
#include "io/runner/engine_config.hpp"

namespace holdfast::io {
namespace {

constexpr std::uint64_t record_bytes_most = 1u << 20;
constexpr std::uint64_t record_growth = 64u << 10;
constexpr std::uint64_t slice_bytes_least = 1u << 20;

}  // namespace

namespace {

using flow::From;

/// Whether a sink takes this input as it is, without lines between.
bool takes_raw(const PipelineConfig& pipeline, const SinkSettings& sink, const From& from) {
    const bool is_stream = sink.framing == Framing::msgpack || sink.framing == Framing::length ||
                           sink.framing == Framing::packed;
    return from.source && is_stream && pipeline.sources[from.index].framing == sink.framing;
}

/// Whether records that come from there may have a newline within.
bool gives_any_bytes(const PipelineConfig& pipeline, const From& from) {
    if (from.source) return codec::has_any_bytes(pipeline.sources[from.index].framing);
    // Programs keep what they don't change. A cycle is an error of its own, and ends here.
    std::vector<bool> seen(pipeline.transforms.size(), false);
    std::vector<std::uint32_t> open{from.index};
    while (!open.empty()) {
        const std::uint32_t at = open.back();
        open.pop_back();
        if (seen[at]) continue;
        seen[at] = true;
        for (const From& input : pipeline.transforms[at].node.inputs) {
            if (!input.source)
                open.push_back(input.index);
            else if (codec::has_any_bytes(pipeline.sources[input.index].framing))
                return true;
        }
    }
    return false;
}

/// What must be made of this input for the sink; none: it takes it as it is.
std::optional<flow::Form> made_of(const PipelineConfig& pipeline, const SinkSettings& sink,
                                  const From& from) {
    switch (sink.framing) {
        case Framing::msgpack:
        case Framing::length:
            if (takes_raw(pipeline, sink, from)) return std::nullopt;
            return sink.framing == Framing::msgpack ? flow::Form::msgpack : flow::Form::sized;
        case Framing::json: return flow::Form::envelope;
        case Framing::packed: return std::nullopt;
        default: break;
    }
    if (gives_any_bytes(pipeline, from)) return flow::Form::line;
    return std::nullopt;
}

bool has(const std::vector<From>& inputs, std::uint32_t source) {
    return std::find(inputs.begin(), inputs.end(), From{true, source, 0}) != inputs.end();
}

flow::NodeSpec format_node(flow::NodeType type, flow::Form makes, const std::string& name,
                           flow::OnError on_error, std::vector<From> inputs) {
    flow::NodeSpec node;
    node.type = type;
    node.makes = makes;
    node.makes_one =
        makes == flow::Form::msgpack || makes == flow::Form::payload || makes == flow::Form::sized;
    // What takes any payload takes a blank line.
    node.skip_blank = type == flow::NodeType::decode || makes == flow::Form::msgpack;
    node.name = name;
    node.on_error = on_error;
    node.inputs = std::move(inputs);
    return node;
}

/// The index of an `encode` with these inputs; a new one if there is none.
std::uint32_t encoder(flow::Spec& spec, flow::NodeSpec node) {
    for (std::uint32_t i = 0; i < spec.nodes.size(); ++i) {
        const flow::NodeSpec& known = spec.nodes[i];
        if (known.type == node.type && known.inputs == node.inputs &&
            known.on_error == node.on_error && known.makes == node.makes)
            return i;
    }
    spec.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(spec.nodes.size() - 1);
}

}  // namespace

bool is_decoded(const PipelineConfig& pipeline, std::uint32_t source) {
    if (pipeline.sources[source].framing == Framing::lines) return pipeline.mode == RunMode::parsed;
    // The graph takes them as they are.
    if (pipeline.sources[source].framing == Framing::packed) return false;
    const From from{true, source, 0};
    return std::any_of(pipeline.transforms.begin(), pipeline.transforms.end(),
                       [&](const auto& t) { return has(t.node.inputs, source); }) ||
           std::any_of(pipeline.sinks.begin(), pipeline.sinks.end(), [&](const auto& sink) {
               return has(sink.from, source) && !takes_raw(pipeline, sink, from);
           });
}

bool is_encoded(const PipelineConfig& pipeline, const SinkSettings& sink) {
    return std::any_of(sink.from.begin(), sink.from.end(),
                       [&](const From& from) { return made_of(pipeline, sink, from).has_value(); });
}

bool is_converted(const PipelineConfig& pipeline, const SinkSettings& sink, const From& from) {
    const bool is_packed_anew = sink.framing == Framing::packed && !takes_raw(pipeline, sink, from);
    return is_packed_anew || made_of(pipeline, sink, from).has_value();
}

bool has_flow(const PipelineConfig& pipeline) {
    bool any = !pipeline.transforms.empty();
    for (std::uint32_t i = 0; i < pipeline.sources.size(); ++i)
        any = any || is_decoded(pipeline, i);
    for (const SinkSettings& sink : pipeline.sinks)
        for (const From& from : sink.from) any = any || is_converted(pipeline, sink, from);
    return any;
}

flow::Spec flow_spec(const PipelineConfig& pipeline) {
    flow::Spec spec;
    spec.sources = static_cast<std::uint32_t>(pipeline.sources.size());
    for (const TransformSettings& transform : pipeline.transforms)
        spec.nodes.push_back(transform.node);
    std::vector<From> lines;  // By source: where its lines come from.
    for (std::uint32_t i = 0; i < spec.sources; ++i) {
        const SourceSettings& source = pipeline.sources[i];
        lines.push_back({true, i, 0});
        if (!is_decoded(pipeline, i)) continue;
        lines.back() = {false, static_cast<std::uint32_t>(spec.nodes.size()), 0};
        const char* const does = source.framing == Framing::lines ? ".parse" : ".decode";
        const auto makes =
            codec::has_any_bytes(source.framing) ? flow::Form::payload : flow::Form::json;
        spec.nodes.push_back(format_node(flow::NodeType::decode, makes, source.name + does,
                                         source.on_parse_error, {{true, i, 0}}));
    }
    const auto as_lines = [&](const From& from) { return from.source ? lines[from.index] : from; };
    for (std::size_t i = 0; i < pipeline.transforms.size(); ++i)
        for (From& from : spec.nodes[i].inputs) from = as_lines(from);
    for (const SinkSettings& sink : pipeline.sinks) {
        std::vector<From> inputs, others;
        std::optional<flow::Form> makes;
        for (const From& from : sink.from) {
            const auto made = made_of(pipeline, sink, from);
            const bool is_raw = !made || mutant(528);
            const From lines_of = takes_raw(pipeline, sink, from) ? from : as_lines(from);
            (is_raw ? inputs : others).push_back(lines_of);
            if (!is_raw) makes = made;
        }
        if (makes) {
            const std::uint32_t node =
                encoder(spec, format_node(flow::NodeType::encode, *makes, sink.name + ".encode",
                                          sink.on_parse_error, others));
            inputs.push_back({false, node, 0});
        }
        spec.sinks.push_back(std::move(inputs));
        spec.framings.push_back(codec::bytes_of(sink.framing));
    }
    for (const SourceSettings& source : pipeline.sources)
        spec.any_bytes = spec.any_bytes || codec::has_any_bytes(source.framing);
    return spec;
}

namespace {

bool compares_keys(const TransformSettings& transform) {
    const flow::NodeType type = transform.node.type;
    return type == flow::NodeType::sample || type == flow::NodeType::throttle ||
           type == flow::NodeType::dedupe;
}

/// Fields are looked up, anything else is a jq program; the one as the other gives a key by value.
CompiledProgram compile_key(const TransformSettings& transform, const std::string& text) {
    std::vector<codec::Path> paths;
    const std::vector<std::string> one{text};
    const auto& fields = transform.key_fields.empty() ? one : transform.key_fields;
    for (const std::string& field : fields)
        if (auto path = codec::parse_path(field)) paths.push_back(std::move(*path));
    const auto missing = transform.node.on_missing_key == flow::MissingKey::as_null
                             ? codec::Missing::is_null
                             : codec::Missing::drops;
    if (paths.size() == fields.size()) return codec::make_field_key(std::move(paths), missing);
    CompiledProgram compiled = compile_program(text, transform.settings);
    if (!compiled) return compiled;
    return codec::make_program_key(std::move(*compiled));
}

}  // namespace

CompiledProgram compile_text(const TransformSettings& transform, const std::string& text) {
    if (compares_keys(transform)) return compile_key(transform, text);
    const bool is_condition = transform.node.type == flow::NodeType::filter ||
                              transform.node.type == flow::NodeType::route;
    // jq's library takes tens of milliseconds for a text, and each is wanted several times: when
    // the config is checked, and by every evaluator.
    using Asked = std::tuple<bool, std::string, ProgramSettings>;
    static thread_local std::map<Asked, std::unique_ptr<Program>> known;
    std::unique_ptr<Program>& program = known[{is_condition, text, transform.settings}];
    if (!program) {
        CompiledProgram compiled = is_condition ? compile_condition(text, transform.settings)
                                                : compile_program(text, transform.settings);
        if (!compiled) return compiled;
        program = std::move(*compiled);
    }
    return program->clone();
}

CompiledProgram make_parser(const text::ParseSettings& parse) {
    if (parse.format != text::Format::regex) return text::make_parse_program(parse);
    std::string error;
    auto program = text::make_regex_program(parse, jq::make_outside(), error);
    if (program == nullptr) return std::unexpected(CompileError{error});
    return program;
}

namespace {

std::unique_ptr<Program> converter(const PipelineConfig& pipeline, const flow::NodeSpec& node) {
    switch (node.makes) {
        case flow::Form::json: break;
        case flow::Form::msgpack: return codec::make_encoder();
        case flow::Form::payload:
            return pipeline.sources[node.inputs.front().index].framing == Framing::json
                       ? codec::make_envelope_reader()
                       : codec::make_length_decoder();
        case flow::Form::sized: return codec::make_length_encoder();
        case flow::Form::envelope: return codec::make_envelope_writer();
        case flow::Form::line: return codec::make_line_encoder();
    }
    return codec::make_decoder(pipeline.sources[node.inputs.front().index].framing);
}

/// The texts of a transform that sets what a record has beside its payload.
std::unique_ptr<Program> meta_program(const TransformSettings& transform) {
    codec::MetaPrograms programs;
    for (std::size_t i = 0; i < transform.texts.size(); ++i) {
        CompiledProgram compiled = compile_text(transform, transform.texts[i]);
        HF_ASSERT(compiled.has_value());
        auto& sets = transform.meta[i] == "key"       ? programs.key
                     : transform.meta[i] == "headers" ? programs.headers
                                                      : programs.timestamp;
        sets = std::move(*compiled);
    }
    return codec::make_meta_program(std::move(programs));
}

}  // namespace

std::vector<flow::NodePrograms> compile_all(const PipelineConfig& pipeline) {
    std::vector<flow::NodePrograms> out;
    for (const TransformSettings& transform : pipeline.transforms) {
        flow::NodePrograms& node = out.emplace_back();
        if (transform.is_meta) {
            node.programs.push_back(meta_program(transform));
            continue;
        }
        for (const std::string& text : transform.texts) {
            CompiledProgram compiled = compile_text(transform, text);
            HF_ASSERT(compiled.has_value());
            node.programs.push_back(std::move(*compiled));
        }
        if (transform.parse) {
            CompiledProgram parser = make_parser(*transform.parse);
            HF_ASSERT(parser.has_value());
            node.programs.push_back(std::move(*parser));
        }
        if (transform.format && transform.format->layout == text::Layout::program)
            node.programs.front() = text::make_template_program(std::move(node.programs.front()));
        else if (transform.format)
            node.programs.push_back(text::make_format_program(*transform.format));
        if (transform.node.type == flow::NodeType::raw_filter)
            node.programs.push_back(
                std::make_unique<codec::RawProgram>(transform.rules, transform.rule_texts));
    }
    const flow::Spec spec = flow_spec(pipeline);
    for (std::size_t i = out.size(); i < spec.nodes.size(); ++i) {
        const flow::NodeSpec& node = spec.nodes[i];
        flow::NodePrograms& made = out.emplace_back();
        made.programs.push_back(converter(pipeline, node));
    }
    return out;
}

std::vector<std::string> transform_names(const PipelineConfig& pipeline) {
    std::vector<std::string> out;
    for (const flow::NodeSpec& node : flow_spec(pipeline).nodes) out.push_back(node.name);
    return out;
}

std::string program_engine(const TransformSettings& transform, const std::string& text) {
    const CompiledProgram compiled = compile_text(transform, text);
    return compiled ? (*compiled)->engine() : compiled.error().message;
}

flow::Limits flow_limits(const PipelineConfig& pipeline) {
    const std::uint64_t limit = pipeline.memory_limit;
    flow::Limits out;
    out.slice_bytes =
        static_cast<std::size_t>(std::min(std::max(limit / 16, slice_bytes_least), limit / 2));
    for (const SourceSettings& source : pipeline.sources) {
        // The longest record may gain some fields in each transform.
        const std::uint64_t longest = std::min(source.max_line, limit / 4) + record_growth;
        out.record_bytes.push_back(
            static_cast<std::size_t>(std::max(std::min(limit / 4, record_bytes_most), longest)));
    }
    return out;
}

}  // namespace holdfast::io

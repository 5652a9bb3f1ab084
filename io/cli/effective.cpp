// See effective.hpp.
#include "io/cli/effective.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "io/cli/config_flow.hpp"
#include "io/component/kind.hpp"
#include "io/jq/module_files.hpp"
#include "io/json.hpp"
#include "io/memory_guard.hpp"
#include "io/runner/engine_config.hpp"
#include "io/runner/process_memory.hpp"
#include "io/runner/transforms.hpp"
#include "io/units.hpp"

namespace holdfast::cli {

using namespace io;

std::string repeats(const PipelineConfig& pipeline) {
    std::string out;
    if (pipeline.commit_records > 0)
        out = fmt::format("{} records", format_count(pipeline.commit_records));
    if (pipeline.commit_bytes > 0)
        out += (out.empty() ? "" : " and ") + format_size(pipeline.commit_bytes);
    return out.empty() ? "no bound in records or bytes, see engine.commit_records"
                       : fmt::format("at most {}, or one batch", out);
}

namespace {

std::string delivery_of(const PipelineConfig& pipeline, const SourceSettings& source,
                        const SinkSettings& sink) {
    if (!sink.kind->traits(sink).keeps) return sink.kind->promise(sink, {});
    if (!is_replayable(source))
        return fmt::format(
            "each record once while the process lives; what was read and not yet "
            "delivered is lost if it dies, since {} cannot be read again",
            source.kind->once());
    return sink.kind->promise(
        sink,
        fmt::format("every {}; {}", format_duration(pipeline.commit_interval), repeats(pipeline)));
}

std::string_view name_of(Oversize policy) {
    return policy == Oversize::split ? "split" : policy == Oversize::stop ? "stop" : "dead_letter";
}
std::string_view name_of(flow::OnError policy) {
    return policy == flow::OnError::drop   ? "drop"
           : policy == flow::OnError::stop ? "stop"
                                           : "dead_letter";
}
std::string percent(std::uint32_t permille) {
    return fmt::format("{}.{}", permille / 10, permille % 10);
}

void put_retry(Json& json, const RetryConfig& retry) {
    json.begin_object("retry");
    json.field("max_attempts", retry.attempts_max);
    json.field("initial_backoff", format_duration(retry.backoff_initial));
    json.field("max_backoff", format_duration(retry.backoff_max));
    json.end_object();
}

void put_source(Json& json, const PipelineConfig& pipeline, const SourceSettings& source) {
    json.begin_object(source.name);
    json.field("type", source.kind->name());
    for (const Row& row : source.kind->rows())
        if (row.put) row.put(*source.own, json);
    json.field("framing", codec::framing_name(source.framing));
    if (source.framing != Framing::lines || pipeline.mode == RunMode::parsed)
        json.field("on_parse_error", name_of(source.on_parse_error));
    json.field("max_line", source.max_line);
    json.field("on_oversized", name_of(source.on_oversized));
    json.end_object();
}

void put_inputs(Json& json, const PipelineConfig& pipeline, const std::vector<flow::From>& inputs) {
    json.begin_list("inputs");
    for (const flow::From& from : inputs) json.value(input_name(pipeline, from));
    json.end_list();
}

void put_settings(Json& json, const ProgramSettings& settings) {
    json.field("program_memory", settings.bounds.memory);
    json.field("program_time", format_duration(settings.bounds.time));
    json.field("program_string", settings.bounds.text);
    json.field("program_depth", settings.bounds.depth);
    if (settings.modules && !settings.modules->search_list().empty()) {
        json.begin_list("jq_path");
        for (const std::string& folder : settings.modules->search_list()) json.value(folder);
        json.end_list();
    }
    if (settings.args.empty()) return;
    json.begin_object("args");
    for (const ProgramArgument& one : settings.args) json.field_json(one.name, one.json);
    json.end_object();
}

void put_parse(Json& json, const text::ParseSettings& parse) {
    json.field("format", text::format_name(parse.format));
    if (parse.format == text::Format::key_value) {
        json.field("pair_separator", parse.pair_separator);
        json.field("key_separator", parse.key_separator);
    }
    if (parse.format == text::Format::csv) {
        json.begin_list("columns");
        for (const std::string& column : parse.columns) json.value(column);
        json.end_list();
        json.field("separator", parse.separator);
        json.field("skip_header", parse.skip_header);
    }
    if (parse.format == text::Format::regex) json.field("pattern", parse.pattern);
    if (parse.format != text::Format::json) json.field("numbers", parse.numbers);
    if (parse.field) {
        json.field("field", parse.field_name);
        json.field("keep_text", parse.keep_text);
    }
    if (!parse.into.empty()) json.field("into", parse.into);
    if (text::has_keys_max(parse.format)) json.field("max_keys", parse.keys_max);
}

void put_format(Json& json, const text::FormatSettings& format) {
    json.field("format", text::layout_name(format.layout));
    if (format.layout != text::Layout::csv) return;
    json.begin_list("columns");
    for (const std::string& column : format.columns) json.value(column);
    json.end_list();
    json.field("separator", format.separator);
}

void put_transform(Json& json, const PipelineConfig& pipeline, const TransformSettings& transform) {
    using flow::NodeType;
    const flow::NodeSpec& node = transform.node;
    json.begin_object(node.name);
    json.field("type", type_name(transform));
    put_inputs(json, pipeline, node.inputs);
    if (node.type == NodeType::route) {
        json.begin_object("route");
        for (std::size_t i = 0; i < transform.outputs.size(); ++i)
            json.field(transform.outputs[i], transform.texts[i]);
        json.end_object();
    } else if (transform.is_meta) {
        for (std::size_t i = 0; i < transform.meta.size(); ++i)
            json.field(transform.meta[i], transform.texts[i]);
    } else if (!transform.texts.empty()) {
        const bool is_key = node.type != NodeType::filter && node.type != NodeType::program;
        json.field(is_key ? "key" : text_key(transform, 0), transform.texts.front());
    }
    if (transform.parse) put_parse(json, *transform.parse);
    if (transform.format) put_format(json, *transform.format);
    if (node.type == NodeType::raw_filter) {
        json.begin_list("rules");
        for (const std::string& rule : transform.rule_texts) json.value(rule);
        json.end_list();
    }
    if (node.type == NodeType::sample) json.field("rate", node.rate);
    if (node.type == NodeType::throttle) {
        json.field("threshold", node.threshold);
        json.field("window", format_duration(node.window));
    }
    if (node.type == NodeType::throttle || node.type == NodeType::dedupe)
        json.field("cache_num_events", node.entries);
    if (node.type != NodeType::raw_filter) {
        json.field("on_error", name_of(node.on_error));
        json.field("skip_blank", node.skip_blank);
    }
    if (node.type == NodeType::sample || node.type == NodeType::throttle ||
        node.type == NodeType::dedupe) {
        constexpr const char* names[] = {"null", "keep", "dead_letter", "drop", "stop"};
        json.field("on_missing_key", names[static_cast<std::size_t>(node.on_missing_key)]);
    }
    constexpr const char* unrouted_names[] = {"dead_letter", "drop", "route", "stop"};
    if (node.type == NodeType::filter || node.type == NodeType::route ||
        node.type == NodeType::raw_filter)
        json.field(node.type == NodeType::raw_filter ? "on_reject" : "unrouted",
                   unrouted_names[static_cast<std::size_t>(node.unrouted)]);
    const bool is_native = transform.parse || (transform.format && transform.texts.empty());
    if (node.type != NodeType::raw_filter && !is_native) put_settings(json, transform.settings);
    json.begin_list("runs_in");
    for (const std::string& text : transform.texts) json.value(program_engine(transform, text));
    json.end_list();
    json.end_object();
}

void put_sink(Json& json, const PipelineConfig& pipeline, const SinkSettings& sink) {
    json.begin_object(sink.name);
    json.field("type", sink.kind->name());
    put_inputs(json, pipeline, sink.from);
    json.field("framing", codec::framing_name(sink.framing));
    if (is_encoded(pipeline, sink)) json.field("on_parse_error", name_of(sink.on_parse_error));
    for (const Row& row : sink.kind->rows())
        if (row.put) row.put(*sink.own, json);
    json.field("when_full", sink.when_full == WhenFull::block ? "block" : "drop_newest");
    json.field("on_transient", sink.on_transient == OnTransient::stop ? "stop" : "retry");
    json.field("timeout", format_duration(sink.timeout));
    json.begin_object("batch");
    json.field("max_records", sink.batch_records);
    json.field("max_bytes", sink.batch_bytes);
    json.field("timeout", format_duration(sink.batch_timeout));
    json.end_object();
    put_retry(json, sink.retry);
    if (sink.inject.present) {
        json.begin_object("inject");
        json.field("fail_percent", percent(sink.inject.fail_permille));
        json.field("throttle_percent", percent(sink.inject.throttle_permille));
        json.field("ambiguous_percent", percent(sink.inject.ambiguous_permille));
        json.field("refuse_percent", percent(sink.inject.refuse_permille));
        json.field("sync_fail_percent", percent(sink.inject.sync_fail_permille));
        json.field("latency", format_duration(sink.inject.latency));
        json.field("seed", sink.inject.seed);
        json.end_object();
    }
    json.end_object();
}

void put_config(Json& json, const PipelineConfig& pipeline) {
    json.begin_object("config");
    json.field("data_dir", pipeline.data_dir);
    json.begin_object("engine");
    json.field("memory_limit", pipeline.memory_limit);
    json.field("transform_threads", pipeline.transform_threads);
    json.field("process_limit", pipeline.regulation.process_limit);
    json.field("pause_percent", percent(pipeline.regulation.pause_permille));
    json.field("resume_percent", percent(pipeline.regulation.resume_permille));
    json.field("max_hold", format_duration(pipeline.regulation.max_hold));
    json.field("commit_interval", format_duration(pipeline.commit_interval));
    json.field("commit_records", pipeline.commit_records);
    json.field("commit_bytes", pipeline.commit_bytes);
    json.field("commit_attempts", pipeline.commit_attempts);
    json.field("shutdown_timeout", format_duration(pipeline.shutdown_timeout));
    json.field("on_crash", pipeline.on_crash == OnCrash::stop ? "stop" : "dead_letter");
    json.field("mode", pipeline.mode == RunMode::streaming  ? "streaming"
                       : pipeline.mode == RunMode::governed ? "governed"
                       : pipeline.mode == RunMode::parsed   ? "parsed"
                                                            : "whole");
    json.field("slice_bytes", pipeline.slice_bytes);
    json.end_object();
    json.begin_object("sources");
    for (const SourceSettings& source : pipeline.sources) put_source(json, pipeline, source);
    json.end_object();
    if (!pipeline.transforms.empty()) {
        json.begin_object("transforms");
        for (const TransformSettings& transform : pipeline.transforms)
            put_transform(json, pipeline, transform);
        json.end_object();
    }
    json.begin_object("sinks");
    for (const SinkSettings& sink : pipeline.sinks) put_sink(json, pipeline, sink);
    json.end_object();
    if (pipeline.dead_letters.present) {
        json.begin_object("dead_letters");
        json.field("type", "file");
        json.field("path", pipeline.dead_letters.path);
        json.field("mode", format_mode(pipeline.dead_letters.mode));
        put_retry(json, pipeline.dead_letters.retry);
        json.end_object();
    }
    json.end_object();
}

// What follows from the config for the engine; for people who tune.
void put_derived(Json& json, const PipelineConfig& pipeline) {
    const Config engine = engine_config(pipeline);
    const PoolSize pool = pool_size(pipeline);
    json.begin_object("derived");
    const MemoryLimit limit = find_memory_limit(pipeline.regulation.process_limit);
    json.field("process_bytes", limit.bytes);
    json.field("process_bytes_of", text_of(limit));
    json.field("pool_bytes", pool.bytes);
    json.field("block_bytes", pool.block_max);
    json.field("pull_bytes", engine.source[0].pull_bytes_max);
    json.field("queue_bytes", engine.sink[0].queue_bytes_max);
    json.field("files_max", engine.partitions_max);
    const ProcessMemory memory = process_memory(pipeline);
    json.field("process_memory_max", memory.total());
    json.field("process_memory_per_file", per_file_bytes);
    json.begin_object("process_memory");
    for (const MemoryPart& part : memory.part) json.field(part.name, part.bytes);
    json.end_object();
    json.end_object();
}

const char* record_name(const SourceSettings& source) {
    return codec::bytes_of(source.framing) == Framing::lines ? "line"
           : source.framing == Framing::json_array           ? "element"
           : source.framing == Framing::length               ? "payload"
                                                             : "value";
}

std::string a_record(const SourceSettings& source) {
    return fmt::format("{} {}", source.framing == Framing::json_array ? "an" : "a",
                       record_name(source));
}

}  // namespace

std::string guarantee(const PipelineConfig& pipeline, const SourceSettings& source,
                      const SinkSettings& sink) {
    std::string text = delivery_of(pipeline, source, sink);
    text += sink.kind->reach(sink) + sink.kind->durability(sink);
    if (sink.when_full == WhenFull::drop_newest)
        text += "; records are dropped and counted while the sink cannot keep up";
    if (sink.retry.attempts_max > 0)
        text +=
            pipeline.dead_letters.present
                ? fmt::format("; a dead letter after {} attempts", sink.retry.attempts_max)
                : fmt::format("; the pipeline halts after {} attempts", sink.retry.attempts_max);
    return text;
}

std::vector<std::string> warnings(const PipelineConfig& pipeline) {
    std::vector<std::string> out;
    const MemoryLimit process = find_memory_limit(pipeline.regulation.process_limit);
    const ProcessMemory memory = process_memory(pipeline);
    if (memory.total() > process.bytes)
        out.push_back(
            fmt::format("what this may need ({}) is more than what reading heeds ({}, by "
                        "{}): it will pause often",
                        format_size(memory.total()), format_size(process.bytes), text_of(process)));
    for (const SourceSettings& source : pipeline.sources) {
        if (!is_replayable(source))
            out.push_back(
                fmt::format("source {}: {} cannot be read again; what was read and not "
                            "delivered is lost if the process dies",
                            source.name, source.kind->once()));
        if (!pipeline.dead_letters.present && source.on_oversized == Oversize::dead_letter)
            out.push_back(fmt::format(
                "source {}: {} over {} halts the pipeline, since there "
                "is no [dead_letters]",
                source.name, a_record(source), format_size(line_max(pipeline, source))));
        if (!pipeline.dead_letters.present &&
            (source.framing != Framing::lines || pipeline.mode == RunMode::parsed) &&
            source.on_parse_error == flow::OnError::dead_letter)
            out.push_back(
                fmt::format("source {}: {} that cannot be parsed halts the pipeline, "
                            "since there is no [dead_letters]",
                            source.name, a_record(source)));
        for (const std::string& text : source.kind->warnings(source, pipeline.dead_letters.present))
            out.push_back(fmt::format("source {}: {}", source.name, text));
        if (line_max(pipeline, source) < source.max_line)
            out.push_back(fmt::format(
                "source {}: {}s may have at most {} (a {} of "
                "engine.memory_limit)",
                source.name, record_name(source), format_size(line_max(pipeline, source)),
                source.framing == Framing::lines ? "quarter" : "sixteenth"));
    }
    for (std::string& warning : flow_warnings(pipeline)) out.push_back(std::move(warning));
    for (std::string& warning : text_warnings(pipeline)) out.push_back(std::move(warning));
    for (const SinkSettings& sink : pipeline.sinks) {
        for (const std::string& warning : sink.kind->warnings(sink))
            out.push_back(fmt::format("sink {}: {}", sink.name, warning));
        if (sink.inject.present)
            out.push_back(fmt::format("sink {}: has faults on purpose (inject)", sink.name));
    }
    return out;
}

std::string effective_json(const ConfigResult& result) {
    const PipelineConfig& pipeline = result.config;
    const std::vector<std::string>& problems = result.problems;
    Json json;
    json.begin_object();
    json.field("valid", problems.empty());
    json.field("file", pipeline.file);
    json.begin_list("problems");
    for (const std::string& problem : problems) json.value(problem);
    json.end_list();
    if (problems.empty()) {
        put_config(json, pipeline);
        put_derived(json, pipeline);
        json.begin_list("guarantees");
        for (const SinkSettings& sink : pipeline.sinks) {
            for (std::uint32_t input : sink.inputs) {
                json.begin_object();
                json.field("source", pipeline.sources[input].name);
                json.field("sink", sink.name);
                json.field("guarantee", guarantee(pipeline, pipeline.sources[input], sink));
                json.end_object();
            }
        }
        json.end_list();
        json.begin_list("warnings");
        for (const std::string& note : result.notes) json.value(note);
        for (const std::string& warning : warnings(pipeline)) json.value(warning);
        json.end_list();
    }
    json.end_object();
    return json.text();
}

}  // namespace holdfast::cli

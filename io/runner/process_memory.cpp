// See process_memory.hpp.
#include "io/runner/process_memory.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <string_view>

#include "core/data/flow/plan.hpp"
#include "core/data/flow/recent.hpp"
#include "core/engine/engine.hpp"
#include "io/component/kind.hpp"
#include "io/devices/dead_letter_file.hpp"
#include "io/jq/module_files.hpp"
#include "io/payloads.hpp"
#include "io/runner/engine_config.hpp"
#include "io/runner/transforms.hpp"

namespace holdfast::io {
namespace {

using flow::NodeType;

constexpr std::uint64_t kib = 1024, mib = 1024 * kib, page = 4 * kib;

// Measured at 10 to 12 MiB with a file and a sink, on either ring.
constexpr std::uint64_t program_bytes = 15 * mib;
// Stacks, malloc's arenas, and what runs on them.
constexpr std::uint64_t thread_bytes = 512 * kib;
// A file's buffers and its thread, of a source or a sink.
constexpr std::uint64_t device_bytes = 192 * kib;
constexpr std::uint64_t payload_bytes = 256;
constexpr std::uint64_t pool_node_bytes = 16;

// By byte of a record, at two bytes a value: see core/jq/tape.hpp and core/codec/tape.hpp.
constexpr std::uint64_t native_factor = 20;  // 4 a token, 32 a value.
constexpr std::uint64_t json_factor = 16;    // 4 a token, 24 a value.
// 24 a value of one byte, and its text; or 9 bytes of text for one, twice while it grows.
constexpr std::uint64_t from_msgpack_factor = 36;
// The text of numbers, twice while it grows, and the members of objects to find equal keys.
constexpr std::uint64_t to_msgpack_factor = json_factor + 10;
// Its payload and what stands beside it, as they grow; and a text in which each byte may be escaped.
constexpr std::uint64_t from_envelope_factor = json_factor + 10;
constexpr std::uint64_t to_envelope_factor = json_factor + 24;
// The same of text in a record, or made of one: an index and values; members without escapes; texts
// as they grow.
constexpr std::uint64_t parse_field_factor = json_factor + 24;
// Of a whole line. Its members are counted by their most.
constexpr std::uint64_t parse_line_factor = json_factor + 8;
constexpr std::uint64_t parse_member_bytes = 3 * 48;
// A search's stack at its limit; and a pattern, compiled, by its byte.
constexpr std::uint64_t search_bytes = 8 * mib, pattern_factor = 200;
// What a program keeps from one record to the next.
constexpr std::uint64_t kept_by_program = 5 * mib / 2;
// An output of two bytes has an origin of four.
constexpr std::uint64_t output_factor = 1 + 2;
// A record's text of why it fails, with all that belongs to it.
constexpr std::uint64_t why_bytes = 400;

/// Beside the threads the ring's own, where they are none or a step remembers records.
std::uint64_t evaluators(const PipelineConfig& pipeline) {
    const auto remembers = [](const TransformSettings& transform) {
        const NodeType type = transform.node.type;
        return type == NodeType::throttle || type == NodeType::dedupe;
    };
    const bool alone =
        pipeline.transform_threads == 0 || std::ranges::any_of(pipeline.transforms, remembers);
    return pipeline.transform_threads + std::uint64_t{alone};
}

std::uint64_t table_bytes(const Config& engine, std::uint64_t pool) {
    return Engine::bytes_needed(engine) + Engine::effects_max(engine) * sizeof(Effect) +
           Engine::parts_max(engine) * sizeof(Part) + engine.batches_max * payload_bytes +
           pool / BlockPool::block_min * pool_node_bytes;
}

bool writes(const flow::NodeSpec& node) {
    return node.type == NodeType::program || node.type == NodeType::decode ||
           node.type == NodeType::encode;
}

/// The longest text that a step may be given: a line, or what a program made of one.
std::uint64_t longest_text(const PipelineConfig& pipeline, const flow::Spec& spec) {
    std::uint64_t longest = 0;
    for (std::uint32_t i = 0; i < pipeline.sources.size(); ++i)
        if (is_transformed(pipeline, i))
            longest = std::max<std::uint64_t>(longest, line_max(pipeline, pipeline.sources[i]));
    if (std::ranges::none_of(spec.nodes, writes)) return longest;
    for (const std::uint64_t made : flow_limits(pipeline).record_bytes)
        longest = std::max(longest, made);
    return longest;
}

/// The members of a text, in the transform that may have most; patterns, and a search for one.
std::uint64_t parse_bytes(const PipelineConfig& pipeline) {
    std::uint64_t members = 0, search = 0, patterns = 0;
    for (const TransformSettings& transform : pipeline.transforms) {
        if (!transform.parse) continue;
        members = std::max<std::uint64_t>(members, transform.parse->keys_max);
        members = std::max<std::uint64_t>(members, transform.parse->columns.size());
        patterns += pattern_factor * transform.parse->pattern.size();
        if (!transform.parse->pattern.empty()) search = search_bytes;
    }
    return members * parse_member_bytes + search + patterns;
}

std::uint64_t factor_of(const PipelineConfig& pipeline, const flow::Spec& spec, std::size_t index) {
    const flow::NodeSpec& node = spec.nodes[index];
    if (index < pipeline.transforms.size() && pipeline.transforms[index].parse)
        return pipeline.transforms[index].parse->field ? parse_field_factor : parse_line_factor;
    if (index < pipeline.transforms.size() && pipeline.transforms[index].format)
        return parse_field_factor;
    if (index < pipeline.transforms.size() && pipeline.transforms[index].is_meta)
        return native_factor + from_envelope_factor;
    switch (node.type) {
        case NodeType::decode: {
            if (node.makes == flow::Form::payload) return from_envelope_factor;
            const auto framing = pipeline.sources[node.inputs.front().index].framing;
            return framing == Framing::msgpack ? from_msgpack_factor : json_factor;
        }
        case NodeType::encode:
            return node.makes == flow::Form::envelope ? to_envelope_factor : to_msgpack_factor;
        case NodeType::raw_filter: return json_factor;
        default: return native_factor;
    }
}

std::uint64_t programs_of(const PipelineConfig& pipeline, std::size_t node) {
    return node < pipeline.transforms.size()
               ? std::max<std::size_t>(pipeline.transforms[node].texts.size(), 1) +
                     (pipeline.transforms[node].is_meta ? 1 : 0)
               : 1;
}

/// Of a program that runs on the jq machine: its heap, and once more for what moves as it grows.
std::uint64_t machine_bytes(const PipelineConfig& pipeline, std::uint64_t text) {
    const auto runs_there = [](const TransformSettings& transform) {
        return std::ranges::any_of(transform.texts, [&](const std::string& one) {
            return program_engine(transform, one) == "machine";
        });
    };
    // One runs at a time, and what it took is given back at its end.
    std::uint64_t most = 0;
    for (const TransformSettings& transform : pipeline.transforms)
        if (runs_there(transform))
            most = std::max(most, transform.settings.bounds.memory + 4 * text);
    return 2 * most;
}

/// Values that programs are given or import, as each program has read them.
std::uint64_t given_bytes(const PipelineConfig& pipeline) {
    std::uint64_t all = 0;
    for (const TransformSettings& transform : pipeline.transforms)
        for (const ProgramArgument& one : transform.settings.args)
            // By itself, and among all of them.
            all += 2 * transform.texts.size() * native_factor * one.json.size();
    for (const TransformSettings& transform : pipeline.transforms)
        if (transform.settings.modules)
            all += transform.texts.size() * native_factor * transform.settings.modules->bytes();
    return all;
}

std::uint64_t parsing_bytes(const PipelineConfig& pipeline, const flow::Spec& spec) {
    std::uint64_t factor = 0, programs = 0, writers = 0;
    for (std::size_t i = 0; i < spec.nodes.size(); ++i) {
        const flow::NodeSpec& node = spec.nodes[i];
        // Of one record at a time, by one step at a time.
        factor = std::max(factor, factor_of(pipeline, spec, i));
        programs += programs_of(pipeline, i);
        writers += writes(node);
    }
    const std::uint64_t text = longest_text(pipeline, spec);
    // What a step writes stands until the steps behind it are done; and a copy of the last line.
    return evaluators(pipeline) *
           ((factor + 1 + writers) * text + programs * std::min(kept_by_program, 40 * text) +
            machine_bytes(pipeline, text) + given_bytes(pipeline) + parse_bytes(pipeline));
}

/// What the streams of one batch of this source may come to. Sinks with the same inputs share one.
std::uint64_t written_most(const PipelineConfig& pipeline, const flow::Spec& spec,
                           const flow::Plan& plan, std::uint32_t source, std::uint64_t batch) {
    const flow::Limits limits = flow_limits(pipeline);
    const flow::Reach& reach = plan.reach(SourceId{static_cast<std::uint16_t>(source)});
    const std::uint64_t kept = batch * std::max<std::size_t>(reach.streams.size(), 1);
    if (std::ranges::none_of(spec.nodes, writes)) return kept;
    return kept + limits.slice_bytes + longest_text(pipeline, spec);
}

}  // namespace

std::uint64_t ProcessMemory::total() const {
    std::uint64_t sum = 0;
    for (const MemoryPart& p : part) sum += p.bytes;
    // Limits are kept in pages.
    return (sum + page - 1) / page * page;
}

std::uint64_t ProcessMemory::beside_records() const { return total() - part[records].bytes; }

ProcessMemory process_memory(const PipelineConfig& pipeline) {
    const Config engine = engine_config(pipeline);
    const PoolSize pool = pool_size(pipeline);
    const std::uint64_t devices = pipeline.sources.size() + pipeline.sinks.size() + 2;
    ProcessMemory out;
    auto& part = out.part;
    part[ProcessMemory::program] = {
        "program", "code, stacks, buffers",
        program_bytes + devices * device_bytes + pipeline.transform_threads * thread_bytes};
    part[ProcessMemory::tables] = {"tables", "of the engine and the pool",
                                   table_bytes(engine, pool.bytes)};
    part[ProcessMemory::records] = {"records", "memory_limit", pool.bytes};
    part[ProcessMemory::parsing] = {"parsing", "one record for each thread that transforms", 0};
    part[ProcessMemory::outputs] = {"outputs", "being made of batches", 0};
    part[ProcessMemory::beside] = {"beside", "outputs for which the pool has no room", 0};
    part[ProcessMemory::set_aside] = {"set_aside", "why records are dead letters", 0};
    part[ProcessMemory::caches] = {"caches", "keys of dedupe and throttle", 0};
    part[ProcessMemory::carried] = {"carried", "of streams, no whole record yet", 0};
    part[ProcessMemory::unpacked] = {"unpacked", "compressed files: windows and text", 0};

    const flow::Spec spec = flow_spec(pipeline);
    const flow::Plan plan(spec);
    if (!spec.nodes.empty()) part[ProcessMemory::parsing].bytes = parsing_bytes(pipeline, spec);
    const bool threads = pipeline.transform_threads > 0;
    std::uint64_t growing = 0;  // Copied as it grows, by each that writes.
    for (std::uint32_t i = 0; i < pipeline.sources.size(); ++i) {
        const SourceSettings& source = pipeline.sources[i];
        const SourceMemory beside = source.kind->memory(source, pool.block_max);
        part[ProcessMemory::carried].bytes += beside.carried;
        part[ProcessMemory::unpacked].bytes += beside.unpacked;
        if (!engine.source[i].transform) continue;
        const SourceConfig& pulls = engine.source[i];
        const std::uint64_t batch =
            std::max<std::uint64_t>(pulls.pull_bytes_max, line_max(pipeline, source));
        const std::uint64_t written = written_most(pipeline, spec, plan, i, batch);
        growing = std::max(growing, written);
        // Without threads one at a time; with them all that may wait for their turn.
        part[ProcessMemory::outputs].bytes +=
            output_factor * written * (threads ? pulls.batches_max : 1);
        part[ProcessMemory::beside].bytes += output_factor * written;
        const std::uint64_t records = std::min(pulls.pull_records_max, pulls.pull_bytes_max);
        part[ProcessMemory::set_aside].bytes += (pulls.batches_max + 1) * records * why_bytes;
    }
    const auto is_of_envelopes = [](const auto& end) { return end.framing == Framing::json; };
    if (pipeline.dead_letters.present && (std::ranges::any_of(pipeline.sources, is_of_envelopes) ||
                                          std::ranges::any_of(pipeline.sinks, is_of_envelopes)))
        part[ProcessMemory::set_aside].bytes +=
            DeadLetterFile::opened_max * (from_envelope_factor + 1);
    part[ProcessMemory::outputs].bytes += growing * evaluators(pipeline);
    for (const flow::NodeSpec& node : spec.nodes)
        if (node.type == NodeType::dedupe || node.type == NodeType::throttle)
            part[ProcessMemory::caches].bytes += flow::Recent::bytes_of(node.entries);
    return out;
}

std::uint64_t fitting_memory_limit(PipelineConfig pipeline, std::uint64_t room) {
    constexpr std::uint64_t least = mib;
    std::uint64_t fits = 0, over = pipeline.memory_limit;
    if (process_memory(pipeline).total() <= room) return over;
    while (over > least && over - fits > over / 64) {
        pipeline.memory_limit = std::max(fits + (over - fits) / 2, least);
        (process_memory(pipeline).total() <= room ? fits : over) = pipeline.memory_limit;
    }
    return std::max(fits, least);
}

std::string text_of(const ProcessMemory& memory) {
    std::vector<MemoryPart> sorted(memory.part.begin(), memory.part.end());
    std::sort(sorted.begin(), sorted.end(), [](const MemoryPart& a, const MemoryPart& b) {
        return a.bytes != b.bytes ? a.bytes > b.bytes : std::string_view(a.name) < b.name;
    });
    std::string out;
    for (const MemoryPart& part : sorted)
        if (part.bytes >= mib)
            out += fmt::format("{}{} {}MiB", out.empty() ? "" : ", ", part.name,
                               (part.bytes + mib - 1) / mib);
    return out;
}

}  // namespace holdfast::io

// See engine_config.hpp.
#include "io/runner/engine_config.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

#include "core/engine/engine.hpp"
#include "io/component/kind.hpp"
#include "io/payloads.hpp"
#include "io/runner/transforms.hpp"

namespace holdfast::io {
namespace {

constexpr std::uint32_t batches_waiting = 4;
constexpr std::uint64_t commit_batches = 4;
constexpr std::uint64_t queue_batches_most = 1024;
constexpr std::uint64_t pull_bytes_least = 64u << 10;
// What was read should be in a core's cache while it is counted and transformed; and while it is
// read nobody hears that a sink has written, and wants its next write.
constexpr std::uint64_t pull_bytes_most = 256u << 10;
// Of a large memory so small pulls would be more batches than queues have places for.
constexpr std::uint64_t large_pull_bytes_most = 1u << 20;
constexpr std::uint64_t pulls_of_memory = 512;
// Of records that are transformed each may have an origin and a reason why it failed.
constexpr std::uint64_t transformed_records_most = 4096;
constexpr std::uint64_t transformed_records_all = 16384;
constexpr std::uint64_t transformed_records_least = 256;
// Memory for the engine's own tables.
constexpr std::size_t tables_bytes = 10u << 20;
constexpr std::uint32_t partitions_least = 256;

std::uint32_t pull_bytes(const PipelineConfig& pipeline) {
    const std::uint64_t sources = std::max<std::size_t>(pipeline.sources.size(), 1);
    const bool transforms = has_flow(pipeline);
    // Transformed batches may have their outputs beside them.
    const std::uint64_t share =
        pipeline.memory_limit / (transforms ? 8 : 4) / sources / batches_waiting;
    const std::uint64_t largest = transforms ? pull_bytes_most
                                             : std::clamp(pipeline.memory_limit / pulls_of_memory,
                                                          pull_bytes_most, large_pull_bytes_most);
    // A limit that is small for so many sources: less than the least, down to one page.
    const std::uint64_t most = std::clamp<std::uint64_t>(share, BlockPool::block_min, largest);
    const std::uint64_t wanted = sources == 1 ? std::max(most, pull_bytes_least) : most;
    return static_cast<std::uint32_t>(std::bit_floor(wanted));
}

/// How many queues may be full at the same time without a source in common.
std::uint64_t shares(const PipelineConfig& pipeline) {
    return std::max<std::size_t>(std::min(pipeline.sources.size(), pipeline.sinks.size()), 1);
}

std::uint64_t queue_bytes(const PipelineConfig& pipeline) {
    return std::max<std::uint64_t>(pipeline.memory_limit / 4 * 3 / shares(pipeline),
                                   BlockPool::block_min);
}

std::uint32_t queue_batches(const PipelineConfig& pipeline) {
    const std::uint64_t share = Config{}.batches_max / 4 * 3 / shares(pipeline);
    return static_cast<std::uint32_t>(std::min(share, queue_batches_most));
}

SourceConfig source_config(const PipelineConfig& pipeline, std::uint32_t index) {
    SourceConfig out;
    out.transform = is_transformed(pipeline, index);
    for (std::uint16_t sink = 0; sink < pipeline.sinks.size(); ++sink) {
        const auto& inputs = pipeline.sinks[sink].inputs;
        if (std::find(inputs.begin(), inputs.end(), index) != inputs.end())
            out.route |= mask_of(SinkId{sink});
    }
    out.pulls_max = is_replayable(pipeline.sources[index]) ? 2 : 1;
    out.batches_max = batches_waiting;
    out.pull_bytes_max = pull_bytes(pipeline);
    if (out.transform)
        out.pull_records_max = static_cast<std::uint32_t>(
            std::clamp(transformed_records_all / pipeline.sources.size(), transformed_records_least,
                       transformed_records_most));
    // Several batches to what may be written again, so that sinks write while a commit is under way.
    if (pipeline.commit_records > 0)
        out.pull_records_max = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
            pipeline.commit_records / commit_batches, 1, out.pull_records_max));
    if (pipeline.commit_bytes > 0)
        out.pull_bytes_max = static_cast<std::uint32_t>(
            std::clamp<std::uint64_t>(std::bit_floor(pipeline.commit_bytes / commit_batches),
                                      BlockPool::block_min, out.pull_bytes_max));
    return out;
}

SinkConfig sink_config(const PipelineConfig& pipeline, const SinkSettings& sink) {
    SinkConfig out;
    const SinkTraits traits = sink.kind->traits(sink);
    out.queue_batches_max = queue_batches(pipeline);
    out.queue_records_max = 1u << 24;
    out.queue_bytes_max = queue_bytes(pipeline);
    out.when_full = sink.when_full;
    out.on_transient = sink.on_transient;
    out.write_records_max = sink.batch_records;
    // Half of the queue fills up while the other half is written.
    out.write_bytes_max =
        std::min(sink.batch_bytes, std::max<std::uint64_t>(out.queue_bytes_max / 2, 1));
    out.linger = sink.batch_timeout;
    out.writes_max = traits.writes_max;
    out.attempt_timeout = sink.timeout;
    out.retry = sink.retry;
    out.answers_partially = false;
    out.needs_sync = traits.needs_sync;
    out.has_mark = traits.has_mark;
    return out;
}

std::size_t table_bytes(const Config& config) {
    return Engine::bytes_needed(config) + Engine::effects_max(config) * sizeof(Effect) +
           Engine::parts_max(config) * sizeof(Part);
}

/// Partitions that this pipeline may need at the same time.
std::uint32_t partitions_wanted(const PipelineConfig& pipeline) {
    std::uint64_t wanted = 0;
    for (const SourceSettings& source : pipeline.sources) {
        const std::optional<std::uint64_t> one = source.kind->partitions(source);
        if (!one) return pipeline.partitions_max;
        wanted += *one;
    }
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(
        std::max<std::uint64_t>(wanted, partitions_least), pipeline.partitions_max));
}

}  // namespace

bool is_transformed(const PipelineConfig& pipeline, std::uint32_t source) {
    const auto takes = [&](const std::vector<flow::From>& inputs) {
        return std::find(inputs.begin(), inputs.end(), flow::From{true, source, 0}) != inputs.end();
    };
    if (is_decoded(pipeline, source)) return true;
    return std::any_of(pipeline.transforms.begin(), pipeline.transforms.end(),
                       [&](const auto& t) { return takes(t.node.inputs); }) ||
           std::any_of(pipeline.sinks.begin(), pipeline.sinks.end(), [&](const auto& sink) {
               const flow::From from{true, source, 0};
               return takes(sink.from) && is_converted(pipeline, sink, from);
           });
}

Config engine_config(const PipelineConfig& pipeline) {
    Config config;
    config.seed = 1;
    config.memory_limit = pool_size(pipeline).bytes;
    config.sources = static_cast<std::uint32_t>(pipeline.sources.size());
    config.sinks = static_cast<std::uint32_t>(pipeline.sinks.size());
    for (std::uint32_t i = 0; i < config.sources && i < sources_limit; ++i)
        config.source[i] = source_config(pipeline, i);
    for (std::uint32_t i = 0; i < config.sinks && i < sinks_limit; ++i)
        config.sink[i] = sink_config(pipeline, pipeline.sinks[i]);
    config.dead_letters.present = pipeline.dead_letters.present;
    config.dead_letters.retry = pipeline.dead_letters.retry;
    config.commit.interval = pipeline.commit_interval;
    config.commit.records = pipeline.commit_records;
    config.commit.bytes = pipeline.commit_bytes;
    // As sinks are tried: a full disk has most often both, and must heal by itself. Meanwhile
    // records are delivered, and after a crash they are cut and delivered again.
    config.commit.retry.attempts_max = pipeline.commit_attempts;
    config.mode = pipeline.in_slices ? RunMode::streaming : pipeline.mode;
    config.slice_bytes = pipeline.slice_bytes;
    config.pressure_pause_permille = pipeline.regulation.pause_permille;
    config.pressure_resume_permille = pipeline.regulation.resume_permille;
    config.max_hold = pipeline.regulation.max_hold;
    config.governor = pipeline.regulation.governor;
    config.governor.on = config.governor.on && config.mode == RunMode::governed;

    config.partitions_max = std::min(partitions_least, pipeline.partitions_max);
    if (Engine::check(config).what) return config;
    config.partitions_max = partitions_wanted(pipeline);
    while (config.partitions_max > partitions_least && table_bytes(config) > tables_bytes)
        config.partitions_max -= config.partitions_max / 8;
    return config;
}

std::uint32_t line_max(const PipelineConfig& pipeline, const SourceSettings& source) {
    std::uint64_t most = pipeline.memory_limit / 4;
    // What it becomes must have room beside it.
    if (source.framing != Framing::lines)
        most = std::min<std::uint64_t>(most, flow_limits(pipeline).slice_bytes);
    return static_cast<std::uint32_t>(std::min(source.max_line, most));
}

PoolSize pool_size(const PipelineConfig& pipeline) {
    std::uint32_t longest = std::max(pull_bytes(pipeline), BlockPool::block_min);
    // A transform's outputs may be larger than what it was given.
    if (has_flow(pipeline)) longest *= 2;
    for (const SourceSettings& source : pipeline.sources)
        longest = std::max(longest, line_max(pipeline, source));
    PoolSize out;
    out.block_max = std::bit_ceil(longest);
    out.bytes = pipeline.memory_limit / out.block_max * out.block_max;
    return out;
}

bool may_go_in_slices(const PipelineConfig& pipeline) {
    if (pipeline.in_slices ||
        !std::all_of(pipeline.sources.begin(), pipeline.sources.end(), is_replayable))
        return false;
    PipelineConfig sliced = pipeline;
    sliced.in_slices = true;
    return Engine::check(engine_config(sliced)).what == nullptr;
}

std::string check_engine_config(const PipelineConfig& pipeline) {
    const ConfigError error = Engine::check(engine_config(pipeline));
    if (!error.what) return {};
    return fmt::format(
        "the engine refuses this config: {} (source or sink number {}); expected "
        "smaller or larger settings there",
        error.what, error.index + 1);
}

}  // namespace holdfast::io

// See guarantee.hpp.
#include "io/cli/guarantee.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/assert.hpp"
#include "io/cli/effective.hpp"
#include "io/runner/process_memory.hpp"
#include "io/runner/transforms.hpp"

namespace holdfast::cli {
namespace {

using namespace io;

/// Whether what breaks `broken` breaks `promise`, too.
bool builds_on(Promise promise, Promise broken) {
    if (promise == broken) return true;
    const bool loses = broken == Promise::at_least_once;
    return loses && (promise == Promise::exactly_once || promise == Promise::power_loss);
}

/// Which transforms stand between a source and a sink.
class Between {
public:
    explicit Between(const PipelineConfig& pipeline)
        : pipeline_(pipeline), from_source_(pipeline.transforms.size()) {}

    std::vector<std::size_t> find(std::uint32_t source, const SinkSettings& sink) {
        const std::size_t nodes = pipeline_.transforms.size();
        from_source_.assign(nodes, false);
        std::vector<bool> to_sink(nodes, false);
        // In as many rounds as there are transforms everything that can be reached is.
        for (std::size_t round = 0; round < nodes; ++round)
            for (std::size_t i = 0; i < nodes; ++i)
                for (const flow::From& from : pipeline_.transforms[i].node.inputs)
                    if (from.source ? from.index == source : from_source_[from.index])
                        from_source_[i] = true;
        mark(sink.from, to_sink);
        for (std::size_t round = 0; round < nodes; ++round)
            for (std::size_t i = 0; i < nodes; ++i)
                if (to_sink[i]) mark(pipeline_.transforms[i].node.inputs, to_sink);
        std::vector<std::size_t> out;
        for (std::size_t i = 0; i < nodes; ++i)
            if (from_source_[i] && to_sink[i]) out.push_back(i);
        return out;
    }

private:
    static void mark(const std::vector<flow::From>& inputs, std::vector<bool>& marks) {
        for (const flow::From& from : inputs)
            if (!from.source) marks[from.index] = true;
    }

    const PipelineConfig& pipeline_;
    std::vector<bool> from_source_;
};

class PathJudge {
public:
    PathJudge(const ConfigResult& result, PathGuarantee& path) : result_(result), path_(path) {}

    void source(const PipelineConfig& pipeline, std::uint32_t index) {
        const SourceSettings& source = pipeline.sources[index];
        const std::string part = "sources." + source.name;
        if (!is_replayable(source))
            add(Promise::at_least_once, part, "type",
                fmt::format("{} cannot be read again: what was read and not delivered is lost when "
                            "the process dies",
                            source.kind->once()));
        const bool parses = source.framing != Framing::lines || pipeline.mode == RunMode::parsed;
        if (parses && source.on_parse_error == flow::OnError::drop)
            add(Promise::at_least_once, part, "on_parse_error", "what cannot be parsed is dropped");
    }

    void transform(const TransformSettings& transform) {
        const flow::NodeSpec& node = transform.node;
        const std::string part = "transforms." + node.name;
        if (node.on_error == flow::OnError::drop && node.type != flow::NodeType::raw_filter)
            add(Promise::at_least_once, part, "on_error", "records on which it fails are dropped");
        if (node.on_missing_key == flow::MissingKey::drop)
            add(Promise::at_least_once, part, "on_missing_key",
                "records without the key are dropped");
        if (node.type == flow::NodeType::route && node.unrouted == flow::Unrouted::drop)
            add(Promise::at_least_once, part, "unrouted",
                "records that no condition holds for are dropped");
        if (node.type == flow::NodeType::throttle)
            add(Promise::exactly_once, part, "type",
                "it begins anew after a crash, and other records may pass than passed before: what "
                "stands in the output and does not come again is set aside, or stays there");
        if (node.type == flow::NodeType::dedupe)
            add(Promise::exactly_once, part, "type",
                "it begins anew after a crash: a record that came before may pass once more");
    }

    void sink(const PipelineConfig& pipeline, const SinkSettings& sink) {
        const std::string part = "sinks." + sink.name;
        for (const Weakness& weakness : sink.kind->weaknesses(sink))
            add(weakness.promise, part, weakness.key, weakness.why);
        if (sink.when_full == WhenFull::drop_newest)
            add(Promise::at_least_once, part, "when_full",
                "records are dropped while the sink cannot keep up");
        if (is_encoded(pipeline, sink) && sink.on_parse_error == flow::OnError::drop)
            add(Promise::at_least_once, part, "on_parse_error",
                "what cannot be converted is dropped");
        if (sink.kind->traits(sink).writes_max > 1)
            add(Promise::order, part, "max_in_flight",
                "writes that fail are repeated behind later ones");
    }

private:
    void add(Promise promise, const std::string& part, std::string_view key, std::string why) {
        KeyWeakness out{promise, fmt::format("{}.{}", part, key), {}, std::move(why)};
        const auto place = result_.places.find(out.key);
        if (place != result_.places.end()) out.place = place->second;
        path_.weaknesses.push_back(std::move(out));
    }

    const ConfigResult& result_;
    PathGuarantee& path_;
};

/// Without dead letters: what would stop the pipeline.
std::vector<std::string> stops_of(const PipelineConfig& pipeline) {
    std::vector<std::string> out;
    if (pipeline.dead_letters.present) return out;
    for (const SourceSettings& source : pipeline.sources) {
        const bool parses = source.framing != Framing::lines || pipeline.mode == RunMode::parsed;
        if (source.on_oversized == Oversize::dead_letter)
            out.push_back(fmt::format("sources.{}.on_oversized: one that is longer than max_line",
                                      source.name));
        if (parses && source.on_parse_error == flow::OnError::dead_letter)
            out.push_back(
                fmt::format("sources.{}.on_parse_error: one that cannot be parsed", source.name));
    }
    for (const TransformSettings& transform : pipeline.transforms)
        if (transform.node.on_error == flow::OnError::dead_letter &&
            transform.node.type != flow::NodeType::raw_filter)
            out.push_back(
                fmt::format("transforms.{}.on_error: one on which it fails", transform.node.name));
    for (const SinkSettings& sink : pipeline.sinks) {
        if (sink.retry.attempts_max > 0)
            out.push_back(fmt::format(
                "sinks.{}.retry.max_attempts: one that it does not take in so many attempts",
                sink.name));
        if (sink.inject.refuse_permille > 0)
            out.push_back(
                fmt::format("sinks.{}.inject.refuse_percent: one that it refuses", sink.name));
        if (is_encoded(pipeline, sink) && sink.on_parse_error == flow::OnError::dead_letter)
            out.push_back(
                fmt::format("sinks.{}.on_parse_error: one that cannot be converted", sink.name));
    }
    return out;
}

}  // namespace

bool PathGuarantee::holds(Promise promise) const {
    return std::ranges::none_of(weaknesses, [&](const KeyWeakness& weakness) {
        return builds_on(promise, weakness.promise);
    });
}

const KeyWeakness& PathGuarantee::breaks(Promise promise) const {
    const auto found = std::ranges::find_if(weaknesses, [&](const KeyWeakness& weakness) {
        return builds_on(promise, weakness.promise);
    });
    HF_ASSERT(found != weaknesses.end());
    return *found;
}

Guarantees guarantees_of(const ConfigResult& config) {
    const PipelineConfig& pipeline = config.config;
    Guarantees out;
    Between between(pipeline);
    for (const SinkSettings& sink : pipeline.sinks) {
        for (const std::uint32_t input : sink.inputs) {
            PathGuarantee& path = out.paths.emplace_back();
            path.source = pipeline.sources[input].name;
            path.sink = sink.name;
            PathJudge judge(config, path);
            judge.source(pipeline, input);
            for (const std::size_t node : between.find(input, sink))
                judge.transform(pipeline.transforms[node]);
            judge.sink(pipeline, sink);
            const SinkTraits traits = sink.kind->traits(sink);
            path.repeats = !traits.repeats || !is_replayable(pipeline.sources[input])
                               ? "nothing"
                               : repeats(pipeline);
        }
    }
    out.stops = stops_of(pipeline);
    out.memory_max = process_memory(pipeline).total();
    return out;
}

const char* name_of(Promise promise) {
    switch (promise) {
        case Promise::at_least_once: return "at-least-once";
        case Promise::exactly_once: return "exactly-once";
        case Promise::power_loss: return "power-loss";
        case Promise::order: break;
    }
    return "order";
}

}  // namespace holdfast::cli

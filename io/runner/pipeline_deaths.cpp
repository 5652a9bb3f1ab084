// What a pipeline does about records on which its process died, and about evaluations that hang.
#include <fmt/core.h>

#include <algorithm>

#include "io/runner/pipeline.hpp"
#include "io/runner/transforms.hpp"

namespace holdfast::io {
namespace {

// For writes and a commit of what was transformed before.
constexpr Duration ended_drain = milliseconds(500);

/// How long a commit of what is settled is waited for.
Duration commit_takes(const PipelineConfig& pipeline) {
    return std::min(Duration{2 * pipeline.commit_interval.ns + milliseconds(500).ns},
                    pipeline.shutdown_timeout);
}

}  // namespace

/// Whoever ends a process that hangs says what is evaluated, of copies: the rest is in use.
void Pipeline::name_what_hangs() {
    std::vector<std::string> sources;
    for (const SourceSettings& source : pipeline_.sources) sources.push_back(source.name);
    process_.name_what_hangs([log = options_.log, places = transforms_->places(), sources,
                              nodes = payloads_.transform_names, words = words_] {
        if (words != nullptr) words->end();
        bool any = false;
        for (const auto& place : places) {
            const flow::Spot spot = place->spot();
            if (spot.node >= nodes.size() || spot.source >= sources.size()) continue;
            any = true;
            log(Level::error,
                LogLine("a transform comes to no end: the process is ended without waiting for "
                        "it; the record is read again at the next start")
                    .with("transform", nodes[spot.node])
                    .with("source", sources[spot.source])
                    .with("partition", flow::partition_text(spot.partition))
                    .with("position", spot.position)
                    .text());
        }
        if (!any)
            log(Level::error,
                "something comes to no end (a disk?): the process is ended without "
                "waiting for it; what is unfinished is read again at the next start");
    });
}

/// Before a record that surely ends the process: everything else is finished and committed first.
void Pipeline::watch_deaths(Instant now) {
    if (!transforms_ || caution_.known.empty()) return;
    if (caution_.is_careful && engine_.engine().stats().commits > 0) caution_.is_careful = false;
    if (transforms_->reached() == nullptr) return;
    if (!stops_) {
        stops_ = true;
        events_.push(Stop{StopMode::drain, now + pipeline_.shutdown_timeout});
        return;
    }
    if (!only_the_deadly_is_left()) return;
    const std::uint64_t commits = engine_.engine().stats().commits;
    if (stops_since_ == never) {
        stops_since_ = now;
        commits_then_ = commits;
    }
    if (commits == commits_then_ && now < stops_since_ + commit_takes(pipeline_)) return;
    events_.push(Stop{StopMode::now, now});
}

/// A program did not come to its end in the time that a stop leaves: what is done is committed, and
/// the rest is read again.
void Pipeline::watch_ended(Instant now) {
    if (!transforms_ || transforms_->ended() == nullptr || gives_way_) return;
    gives_way_ = true;
    // The signal may not have been looked at, since the program ran on this thread.
    if (signals_.take() > 0) on_signals();
    const auto& ended = *transforms_->ended();
    log(Level::warn,
        LogLine("a program was ended by the stop; its record is read again at the next "
                "start")
            .with("transform", payloads_.transform_names[ended.node])
            .with("position", ended.position));
    events_.push(Stop{StopMode::drain, now + std::min(ended_drain, pipeline_.shutdown_timeout)});
}

/// What else is left of its source waits behind it.
bool Pipeline::only_the_deadly_is_left() const {
    const SourceId source{static_cast<std::uint16_t>(transforms_->reached()->spot.source)};
    for (std::uint32_t i = 0; i < config_.partitions_max; ++i) {
        const PartitionLeft left = engine_.engine().left(PartitionId{i});
        if (left.records == 0) continue;
        if (left.source != source) return false;
        if (PartitionId{i} == transforms_->reached_in() &&
            left.from.value < transforms_->reached()->spot.position)
            return false;
    }
    return true;
}

std::string Pipeline::crash_problem() const {
    const Caution::Known& known = *transforms_->reached();
    const SourceId source{static_cast<std::uint16_t>(known.spot.source)};
    const auto& nodes = payloads_.transform_names;
    return fmt::format(
        "halted before a record that ends the process: {}. It is the record at position {} of {} "
        "(partition {}) of source \"{}\", in transform \"{}\". Everything before it is delivered. "
        "Change the transform, or set engine.on_crash = \"dead_letter\" to set such records aside, "
        "and start again; to try it once more as it is, remove {}/last_words. That a record can do "
        "this is a fault inside holdfast; please report it",
        known.why, known.spot.position, names_.partition(source, transforms_->reached_in()),
        flow::partition_text(known.spot.partition), pipeline_.sources[source.index].name,
        known.spot.node < nodes.size() ? nodes[known.spot.node] : "?", pipeline_.data_dir);
}

}  // namespace holdfast::io

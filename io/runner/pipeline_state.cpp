// The state of a pipeline in lines, for a person who asks at 3 a.m. (USR1): what the whole waits for
// and since when, memory, and what is read, delivered, owed and settled.
#include <algorithm>
#include <utility>
#include <vector>

#include "io/runner/pipeline.hpp"

namespace holdfast::io {
namespace {

constexpr std::size_t partitions_told = 20;

}  // namespace

void Pipeline::tell(const LogLine& line) const {
    if (options_.tell) options_.tell(line.text());
}

void Pipeline::say_state() const {
    if (!running_) {
        std::string opening;
        for (std::size_t i = 0; i < sinks_.size(); ++i)
            if (sinks_[i]->state() == DeviceState::opening) opening = pipeline_.sinks[i].name;
        if (opening.empty()) return tell(LogLine("state: it is starting"));
        return tell(
            LogLine("state: it is starting, and waits for a sink to open").with("sink", opening));
    }
    const Stats& stats = engine_.engine().stats();
    tell(LogLine("state: waits for " + stuck())
             .with("running_s", (ring_->now() - began_).ns / 1'000'000'000)
             .with("life", life_)
             .with("stops", signals_.count()));
    tell(LogLine("state: memory")
             .with("leased", stats.held)
             .with("leased_peak", stats.held_peak)
             .with("pool_used", pool_.used())
             .with("pool", config_.memory_limit)
             .with("process", guard_.usage(pool_.used()))
             .with("process_limit", guard_.limit().bytes)
             .with("reading_paused", stats.paused ? "yes" : "no"));
    for (std::uint16_t i = 0; i < config_.sources; ++i) say_source(SourceId{i});
    for (std::uint16_t i = 0; i < config_.sinks; ++i) say_sink(SinkId{i});
    const std::string commit = pending_.of_checkpoint(ring_->now());
    tell(LogLine("state: commits")
             .with("done", stats.commits)
             .with("failures", stats.commit_failures)
             .with("waits_for", commit.empty() ? "something settled" : commit));
    if (config_.dead_letters.present)
        tell(LogLine("state: dead letters")
                 .with("stored", stats.dead_letters)
                 .with("retries", stats.dead_letter_retries)
                 .with("waits_for", pending_.of_dead_letters(ring_->now())));
    say_partitions();
}

/// The sink that has waited longest; without one, what else is under way; else the sources.
std::string Pipeline::stuck() const {
    const Instant now = ring_->now();
    std::uint16_t most = 0;
    for (std::uint16_t i = 1; i < config_.sinks; ++i)
        if (pending_.since(SinkId{i}) < pending_.since(SinkId{most})) most = i;
    if (pending_.since(SinkId{most}) != never)
        return "sink " + pipeline_.sinks[most].name + ", which waits for " +
               pending_.of(SinkId{most}, now);
    for (const std::string& what :
         {pending_.of_dead_letters(now), pending_.of_transforms(now), pending_.of_checkpoint(now)})
        if (!what.empty()) return what;
    if (engine_.engine().stats().paused) return "memory: reading is paused";
    std::string all;
    for (std::uint16_t i = 0; i < config_.sources; ++i)
        all += (all.empty() ? "source " : ", source ") + pipeline_.sources[i].name + " (" +
               pending_.of(SourceId{i}, now) + ")";
    return all;
}

void Pipeline::say_source(SourceId id) const {
    const SourceStats& stats = engine_.engine().stats().source[id.index];
    tell(LogLine("state: source")
             .with("source", pipeline_.sources[id.index].name)
             .with("records", stats.records)
             .with("bytes", stats.bytes)
             .with("settled", stats.settled)
             .with("failures", stats.failures)
             .with("waits_for", pending_.of(id, ring_->now())));
}

void Pipeline::say_sink(SinkId id) const {
    const SinkStats& stats = engine_.engine().stats().sink[id.index];
    const std::string wait = pending_.of(id, ring_->now());
    tell(LogLine("state: sink")
             .with("sink", pipeline_.sinks[id.index].name)
             .with("delivered", stats.delivered)
             .with("dead_letters", stats.parked)
             .with("dropped", stats.dropped)
             .with("owed", stats.owed)
             .with("writes", stats.writes)
             .with("retries", stats.retries)
             .with("waits_for", wait.empty() ? "records" : wait));
}

/// Those with something unsettled first.
void Pipeline::say_partitions() const {
    std::vector<std::pair<std::uint32_t, PartitionLeft>> all;
    for (std::uint32_t i = 0; i < config_.partitions_max; ++i) {
        const PartitionLeft left = engine_.engine().left(PartitionId{i});
        if (left.to.value > 0 || left.records > 0) all.emplace_back(i, left);
    }
    std::ranges::sort(all, {},
                      [](const auto& a) { return std::pair(a.second.records == 0, a.first); });
    for (std::size_t n = 0; n < all.size() && n < partitions_told; ++n) {
        const auto& [index, left] = all[n];
        tell(LogLine("state: position")
                 .with("source", names_.source(left.source))
                 .with("partition", names_.partition(left.source, PartitionId{index}))
                 .with("settled_to", left.from.value)
                 .with("read_to", left.to.value)
                 .with("unsettled_records", left.records));
    }
    if (all.size() > partitions_told)
        tell(LogLine("state: more positions").with("partitions", all.size() - partitions_told));
}

}  // namespace holdfast::io

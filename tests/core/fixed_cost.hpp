// A source with a backlog without end, and a sink that takes a fixed time for each call: what the
// engine brings through it, in virtual time, or in real time if `spend` waits.
//
// Pulls and transforms are answered at once, with as many records as they allow.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <vector>

#include "core/engine/owned.hpp"

namespace holdfast {

class FixedCost {
public:
    static constexpr std::uint32_t record_bytes = 500;

    /// `cost`: of a sink's call with so many bytes. `spend`: called for each, and takes that long.
    FixedCost(
        const Config& config, std::function<Duration(std::uint64_t)> cost,
        std::function<void(Duration)> spend = [](Duration) {})
        : engine_(config),
          cost_(std::move(cost)),
          spend_(std::move(spend)),
          parents_(config.batches_max) {
        step(PartitionAssigned{SourceId{0}, PartitionId{0}, Epoch{1}, {0}});
    }

    /// One source and one sink, without memory pressure.
    static Config config() {
        Config c;
        c.memory_limit = 512u << 20;
        c.batches_max = 64;
        c.partitions_max = 1;
        c.sources = c.sinks = 1;
        c.source[0].route = 1;
        c.source[0].pulls_max = 2;
        c.source[0].pull_records_max = 1000;
        c.sink[0].answers_partially = false;
        return c;
    }

    void calls(std::uint32_t n) {
        for (const std::uint32_t end = calls_ + n; calls_ < end;) {
            const Event event = queue_.front();
            queue_.pop_front();
            if (const auto* answer = std::get_if<SinkAnswered>(&event)) {
                const Duration cost = cost_(writing_);
                spend_(cost);
                now_ = now_ + cost;
                ++calls_;
                (void)answer;
            }
            step(event);
        }
    }

    Duration took() const { return Duration{now_.ns}; }
    std::uint64_t delivered() const { return engine_.engine().stats().sink[0].bytes_delivered; }
    std::uint64_t budget() const { return engine_.engine().stats().source[0].budget; }
    /// Bytes a second.
    double rate() const {
        return static_cast<double>(delivered()) * 1e9 / static_cast<double>(now_.ns);
    }

private:
    void step(const Event& event) {
        const Effects& effects = engine_.step(now_, event);
        for (const Effect& effect : effects.items()) {
            std::visit([&](const auto& e) { on(e); }, effect);
        }
    }
    void on(const Pull& e) {
        const std::uint32_t records =
            std::max(1u, std::min(e.max_records, e.max_bytes / record_bytes));
        const std::uint32_t bytes = records * record_bytes;
        const Position first{position_};
        position_ += records;
        parents_[e.batch.index] = first.value;
        queue_.push_back(BatchPulled{e.batch,
                                     e.source,
                                     Fate::deliver,
                                     PartitionId{0},
                                     Epoch{1},
                                     records,
                                     bytes,
                                     bytes,
                                     first,
                                     {position_}});
    }
    void on(const Transform& e) {
        const std::uint32_t most = std::max(1u, e.bytes_max / record_bytes);
        const std::uint32_t end = e.end - e.begin > most ? e.begin + most : e.end;
        SliceTransformed s{};
        s.slice = e.slice;
        s.outputs = end - e.begin;
        s.bytes = s.outputs * record_bytes;
        s.end = end;
        s.route = 1;
        s.next = {parents_[e.batch.index] + end};
        queue_.push_back(s);
    }
    void on(const WriteToSink& e) {
        writing_ = e.bytes;
        queue_.push_back(SinkAnswered{e.delivery, e.attempt, SinkOutcome::delivered, {}, 0});
    }
    void on(const WriteCheckpoint& e) {
        queue_.push_back(CheckpointWritten{e.sequence, StoreOutcome::ok});
    }
    void on(const SyncCheckpoint& e) {
        queue_.push_back(CheckpointSynced{e.sequence, StoreOutcome::ok});
    }
    template <class T>
    void on(const T&) {}

    OwnedEngine engine_;
    std::function<Duration(std::uint64_t)> cost_;
    std::function<void(Duration)> spend_;
    std::deque<Event> queue_;
    std::vector<std::int64_t> parents_;  ///< Where each batch begins.
    std::int64_t position_ = 0;
    std::uint64_t writing_ = 0;
    std::uint32_t calls_ = 0;
    Instant now_{1};
};

}  // namespace holdfast

// The engine alone: a world that answers every effect at once, so that only the engine costs.
//
// Items are records: each one is pulled, fanned out to all sinks, delivered, settled, committed.
#include <benchmark/benchmark.h>

#include <vector>

#include "core/engine/owned.hpp"

using namespace holdfast;

namespace {

Config config_for(std::uint32_t sinks) {
    Config config;
    config.sources = 1;
    config.sinks = sinks;
    config.partitions_max = 1;
    config.batches_max = 64;
    config.source[0].route = (SinkMask{1} << sinks) - 1;
    config.source[0].pulls_max = 1;
    config.source[0].pull_bytes_max = 1u << 16;
    for (std::uint32_t s = 0; s < sinks; ++s) config.sink[s].answers_partially = false;
    config.commit.interval = milliseconds(1);
    return config;
}

/// Answers each effect with success, in order.
class Echo {
public:
    Echo(const Config& config, std::uint32_t batch) : engine_(config), batch_(batch) {
        answer(engine_.step(now_, PartitionAssigned{SourceId{0}, PartitionId{0}, Epoch{1}, {}}));
    }

    /// Takes one event through the engine.
    void step() {
        now_.ns += 20;
        answer(engine_.step(now_, queue_[head_++ % slots]));
    }

    std::uint64_t records() const { return engine_.engine().stats().source[0].records; }
    std::uint64_t delivered() const { return engine_.engine().stats().sink[0].delivered; }
    std::uint64_t commits() const { return engine_.engine().stats().commits; }

private:
    static constexpr std::size_t slots = 1024;

    template <class E>
    void put(const E& event) {
        queue_[tail_++ % slots].template emplace<E>(event);
    }
    void answer(const Effects& effects) {
        for (const Effect& effect : effects.items()) {
            std::visit([&](const auto& e) { answer(e); }, effect);
        }
    }
    void answer(const Pull& e) {
        const std::int64_t first = position_;
        position_ += batch_ * 100;
        put(BatchPulled{e.batch,
                        e.source,
                        Fate::deliver,
                        PartitionId{0},
                        Epoch{1},
                        batch_,
                        batch_ * 100,
                        batch_ * 100,
                        {first},
                        {position_}});
    }
    void answer(const WriteToSink& e) {
        put(SinkAnswered{e.delivery, e.attempt, SinkOutcome::delivered, {}, 0});
    }
    void answer(const WriteCheckpoint& e) { put(CheckpointWritten{e.sequence, StoreOutcome::ok}); }
    void answer(const SyncCheckpoint& e) { put(CheckpointSynced{e.sequence, StoreOutcome::ok}); }
    template <class T>
    void answer(const T&) {}

    OwnedEngine engine_;
    std::uint32_t batch_;
    std::int64_t position_ = 0;
    Instant now_{0};
    std::vector<Event> queue_ = std::vector<Event>(slots);
    std::size_t head_ = 0;
    std::size_t tail_ = 0;
};

void engine_records(benchmark::State& state) {
    Echo echo(config_for(static_cast<std::uint32_t>(state.range(1))),
              static_cast<std::uint32_t>(state.range(0)));
    const std::uint64_t before = echo.records();
    std::uint64_t steps = 0;
    for (auto _ : state) {
        for (int i = 0; i < 100; ++i) echo.step();
        steps += 100;
    }
    if (echo.delivered() == 0 || echo.commits() == 0) state.SkipWithError("nothing was delivered");
    state.SetItemsProcessed(static_cast<std::int64_t>(echo.records() - before));
    state.counters["steps/s"] =
        benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsRate);
}

BENCHMARK(engine_records)
    ->ArgNames({"batch", "sinks"})
    ->Args({1, 3})
    ->Args({64, 3})
    ->Args({1, 1})
    ->Args({1000, 1});

}  // namespace

BENCHMARK_MAIN();

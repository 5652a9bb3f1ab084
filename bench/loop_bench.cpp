// The engine loop between a null source and a null sink, in each run mode.
//
// What a driver would do for each record is done: the source fills a batch with references to
// payloads and a token each, the transform stage cuts slices by the sizes of the payloads, the sink
// copies the references that it is given, and the source takes its tokens back. Items are records.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <span>
#include <vector>

#include "core/engine/owned.hpp"

using namespace holdfast;

namespace {

constexpr std::uint32_t batch_records = 1000;
constexpr std::uint32_t record_bytes = 100;

using Reference = std::span<const std::byte>;

Config config_for(RunMode mode, std::uint32_t slice_bytes) {
    Config config;
    config.sources = config.sinks = 1;
    config.partitions_max = 1;
    config.batches_max = 16;
    config.mode = mode;
    config.slice_bytes = slice_bytes;
    if (mode == RunMode::governed) config.governor = governor_of(GovernorProfile::balanced);
    config.source[0].route = 1;
    config.source[0].transform = mode != RunMode::whole;
    config.source[0].pulls_max = 1;
    config.source[0].pull_bytes_max = 1u << 20;
    config.source[0].commit = CommitMode::source;
    config.sink[0].answers_partially = false;
    config.commit.interval = milliseconds(1);
    return config;
}

class Loop {
public:
    explicit Loop(const Config& config)
        : engine_(config),
          payloads_(std::size_t{batch_records} * record_bytes),
          batches_(config.batches_max),
          parents_(config.batches_max),
          written_(batch_records) {
        answer(engine_.step(now_, PartitionAssigned{SourceId{0}, PartitionId{0}, Epoch{1}, {}}));
    }

    void step() {
        now_.ns += 50;
        answer(engine_.step(now_, queue_[head_++ % queue_.size()]));
    }

    std::uint64_t delivered() const { return engine_.engine().stats().sink[0].delivered; }
    std::uint64_t tokens() const { return tokens_; }
    std::uint64_t slices() const { return slices_; }

private:
    struct Batch {
        std::vector<Reference> references;
        std::vector<std::int64_t> tokens;
    };
    /// Where a slice's records stand in its batch.
    struct Range {
        std::uint32_t batch = 0;
        std::uint32_t begin = 0;
    };

    template <class E>
    void put(const E& event) {
        queue_[tail_++ % queue_.size()].template emplace<E>(event);
    }
    void answer(const Effects& effects) {
        effects_ = &effects;
        for (const Effect& effect : effects.items()) {
            std::visit([&](const auto& e) { answer(e); }, effect);
        }
    }
    void answer(const Pull& e) {
        Batch& b = batches_[e.batch.index];
        b.references.clear();
        b.tokens.clear();
        for (std::uint32_t i = 0; i < batch_records; ++i) {
            b.references.emplace_back(payloads_.data() + std::size_t{i} * record_bytes,
                                      record_bytes);
            b.tokens.push_back(position_ + i + 1);
        }
        parents_[e.batch.index] = {e.batch.index, 0};
        const Position first{position_};
        position_ += batch_records;
        constexpr std::uint32_t bytes = batch_records * record_bytes;
        put(BatchPulled{e.batch, e.source, Fate::deliver, PartitionId{0}, Epoch{1}, batch_records,
                        bytes, bytes, first, Position{position_}});
    }
    void answer(const Transform& e) {
        const Batch& b = batches_[e.batch.index];
        const std::uint32_t end = cut(b, e);
        parents_[e.slice.index] = {e.batch.index, e.begin};
        ++slices_;
        const std::uint32_t outputs = end - e.begin;
        put(SliceTransformed{e.slice, Fate::deliver, outputs, outputs * record_bytes, 0, 0, end, 1,
                             Position{b.tokens[end - 1]}});
    }
    /// The payloads lie side by side, so where a slice ends is found by bisection.
    static std::uint32_t cut(const Batch& b, const Transform& e) {
        const std::byte* from = b.references[e.begin].data();
        const auto fits = [&](const Reference& r) {
            return static_cast<std::size_t>(r.data() + r.size() - from) <= e.bytes_max;
        };
        if (fits(b.references[e.end - 1])) return e.end;
        const auto begin = b.references.begin() + e.begin + 1;
        const auto end = std::partition_point(begin, b.references.begin() + e.end, fits);
        return static_cast<std::uint32_t>(end - b.references.begin());
    }
    void answer(const WriteToSink& e) {
        Reference* to = written_.data();
        for (const Part& part : effects_->parts(e.parts)) {
            const Range& range = parents_[part.batch.index];
            const Reference* from = batches_[range.batch].references.data() + range.begin;
            to = std::copy(from + part.begin, from + part.end, to);
        }
        benchmark::DoNotOptimize(written_.data());
        put(SinkAnswered{e.delivery, e.attempt, SinkOutcome::delivered, {}, 0});
    }
    void answer(const ReleaseBatch& e) {
        const Range& range = parents_[e.batch.index];
        if (range.batch != e.batch.index) return;
        for (const std::int64_t token : batches_[range.batch].tokens) tokens_ += token > 0;
    }
    void answer(const CommitPosition& e) {
        put(CommitAnswered{e.partition, e.epoch, e.position, StoreOutcome::ok});
    }
    template <class T>
    void answer(const T&) {}

    OwnedEngine engine_;
    const Effects* effects_ = nullptr;
    std::vector<std::byte> payloads_;
    std::vector<Batch> batches_;
    std::vector<Range> parents_;
    std::vector<Reference> written_;
    std::vector<Event> queue_ = std::vector<Event>(256);
    std::size_t head_ = 0;
    std::size_t tail_ = 0;
    std::int64_t position_ = 0;
    std::uint64_t tokens_ = 0;
    std::uint64_t slices_ = 0;
    Instant now_{0};
};

void engine_loop(benchmark::State& state) {
    Loop loop(config_for(static_cast<RunMode>(state.range(0)),
                         static_cast<std::uint32_t>(state.range(1))));
    const std::uint64_t before = loop.delivered();
    for (auto _ : state) {
        for (int i = 0; i < 100; ++i) loop.step();
    }
    const bool sliced = loop.slices() > 0;
    if (loop.tokens() == 0 || sliced != (state.range(0) != 0)) state.SkipWithError("no way");
    state.SetItemsProcessed(static_cast<std::int64_t>(loop.delivered() - before));
}

// mode 0: whole, 1: streaming, 2: governed. A batch is 100,000 bytes.
BENCHMARK(engine_loop)
    ->ArgNames({"mode", "slice"})
    ->Args({0, 0})
    ->Args({1, 256 << 10})
    ->Args({1, 25'000})
    ->Args({2, 256 << 10});

}  // namespace

// Events for an engine that knows no mercy: true answers, wrong answers, answers twice, and events
// that can't be. Everything follows from the seed.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/mix.hpp"
#include "core/engine/engine.hpp"

namespace holdfast {

/// Numbers from a seed, one after another.
class Numbers {
public:
    explicit Numbers(std::uint64_t seed) : seed_(seed) {}
    std::uint64_t next() { return mix(seed_, 0, 0, n_++); }
    std::uint64_t below(std::uint64_t bound) { return scale(next(), bound); }
    bool percent(std::uint64_t p) { return below(100) < p; }

private:
    std::uint64_t seed_;
    std::uint64_t n_ = 0;
};

/// A small config that check() accepts: short queues, few slots, every feature in turn.
Config random_config(std::uint64_t seed);

class RandomEvents {
public:
    /// `sane`: only true answers, each once, and nothing that ends the run.
    RandomEvents(std::uint64_t seed, const Config& config, bool sane = false);

    /// The next event, and the instant at which it comes (never before the last one).
    Event next(Instant deadline);
    Instant now() const { return now_; }
    void saw(const Effects& effects);

private:
    Event answer();
    Event answer_to(const Effect& effect);
    Event garbage();
    Event unsolicited();
    BatchPulled batch(const Pull& pull);
    SinkOutcome sink_outcome();
    StoreOutcome store_outcome();
    std::int64_t any_number();

    Config config_;
    Numbers numbers_;
    bool sane_;
    Instant now_{0};
    std::vector<Effect> open_;      ///< Effects that want an answer.
    std::vector<Effect> answered_;  ///< Some that had theirs.
    std::vector<std::uint32_t> epochs_;
    std::vector<std::int64_t> positions_;
    std::vector<SinkMask> routes_;  ///< Of the batch slots.
};

}  // namespace holdfast

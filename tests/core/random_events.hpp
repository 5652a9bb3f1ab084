// Events for an engine that knows no mercy: true answers, wrong answers, answers twice, and events
// that can't be. Everything follows from the seed, or from a fuzzer's bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/mix.hpp"
#include "core/engine/engine.hpp"
#include "fuzz/bytes.hpp"

namespace holdfast {

/// Numbers from a seed, or from bytes, one after another.
class Numbers {
public:
    explicit Numbers(std::uint64_t seed) : seed_(seed) {}
    explicit Numbers(fuzz::Bytes bytes) : bytes_(bytes) {}
    std::uint64_t next() { return bytes_ ? bytes_->number(8) : mix(seed_, 0, 0, n_++); }
    std::uint64_t below(std::uint64_t bound) {
        return bytes_ ? bytes_->below(bound) : scale(next(), bound);
    }
    bool percent(std::uint64_t p) { return below(100) < p; }
    bool used_up() const { return bytes_ && bytes_->used_up(); }

private:
    std::optional<fuzz::Bytes> bytes_;
    std::uint64_t seed_ = 0;
    std::uint64_t n_ = 0;
};

/// A small config: short queues, few slots, every feature in turn. check() may still refuse it.
Config drawn_config(Numbers& numbers);
/// One that check() accepts.
Config random_config(std::uint64_t seed);

class RandomEvents {
public:
    /// `sane`: only true answers, each once, and nothing that ends the run.
    RandomEvents(const Numbers& numbers, const Config& config, bool sane = false);
    RandomEvents(std::uint64_t seed, const Config& config, bool sane = false)
        : RandomEvents(Numbers(seed), config, sane) {}

    /// The next event, and the instant at which it comes (never before the last one).
    Event next(Instant deadline);
    Instant now() const { return now_; }
    bool used_up() const { return numbers_.used_up(); }
    /// Effects that still want an answer.
    std::size_t unanswered() const { return open_.size(); }
    void saw(const Effects& effects);

private:
    Event answer();
    Event answer_to(const Effect& effect);
    struct Handles {
        BatchId batch;
        DeliveryId delivery;
        std::uint32_t attempt;
        std::uint32_t end;
    };
    Handles handles();
    Event garbage();
    Event unsolicited();
    BatchPulled batch(const Pull& pull);
    void cut(SliceTransformed& answer, const Transform& order);
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
    /// Of the batch slots: the positions from where no slice has taken them, and up to where.
    std::vector<std::pair<std::int64_t, std::int64_t>> ranges_;
};

}  // namespace holdfast

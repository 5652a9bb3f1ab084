// How much one pull, and one slice, may bring: a budget of bytes with additive increase and
// multiplicative decrease. One for each source.
//
// Rule 1: each answered pull adds `step`, up to `max`; an empty one too (it is slack).
// Rule 2: hard memory pressure multiplies by `factor`, whatever else is true.
// Rule 3: so does a slice that took longer than `target`, but only if nothing was queued before it
//         (a backlog says nothing about the budget) and it filled at least half of the budget.
// Rule 4: the second must pay: unless the next such slice saves half of the time that its fewer
//         bytes would save if time were made of bytes, the budget is put back, and it takes twice
//         that time to try again. Until then, for some pulls at most, it does not grow.
// Rule 5: no second decrease before a pull was ordered with the result of the first.
// Rule 6: never below `floor`, so never 0. All in integers.
// Doesn't know: clocks, sinks, how many pulls there are.
#pragma once

#include <cstdint>

#include "core/base/mutant.hpp"
#include "core/base/time.hpp"
#include "core/model/config.hpp"

namespace holdfast {

struct Governor {
    std::uint64_t budget;
    std::uint64_t before_budget;  ///< Before the last decrease by rule 3.
    std::uint64_t before_bytes;   ///< Of the slice that caused it.
    std::int64_t before_ns;       ///< The time that it took; 0: nothing is to be judged.
    std::int64_t learned_ns;      ///< No decrease by rule 3 below it.
    std::uint32_t decreases;      ///< So many were there; for people.
    bool tried;                   ///< A pull was ordered since the last decrease.
    std::uint8_t waiting;         ///< Pulls until a decrease by rule 3 is no longer judged.
    std::uint8_t unused[2];

    /// The largest budget that makes sense: a pull never brings more than `pull_bytes_max`.
    static constexpr std::uint64_t most(const GovernorConfig& c, std::uint64_t pull_bytes_max) {
        return c.max < pull_bytes_max ? c.max : pull_bytes_max;
    }
    static constexpr std::uint64_t least(const GovernorConfig& c, std::uint64_t pull_bytes_max) {
        const std::uint64_t top = most(c, pull_bytes_max);
        return c.floor < top ? c.floor : top;
    }

    constexpr void begin(const GovernorConfig& c, std::uint64_t pull_bytes_max) {
        const std::uint64_t top = most(c, pull_bytes_max);
        budget = c.start < top ? c.start : top;
    }

    /// A pull was ordered with this budget.
    constexpr void ordered() { tried = true; }

    /// A pull was answered, by a batch or by nothing.
    constexpr void answered(const GovernorConfig& c, std::uint64_t pull_bytes_max) {
        if (waiting > 0) {
            if (--waiting == 0) before_ns = 0;
            return;
        }
        const std::uint64_t top = most(c, pull_bytes_max);
        budget = top - budget < c.step ? top : budget + c.step;
    }

    /// Hard memory pressure.
    constexpr void pressed(const GovernorConfig& c, std::uint64_t pull_bytes_max) {
        before_ns = 0;
        waiting = 0;
        decrease(c, pull_bytes_max);
    }

    /// A slice of `bytes` met empty queues and was settled `took` later.
    constexpr void drained(const GovernorConfig& c, std::uint64_t pull_bytes_max,
                           std::uint64_t bytes, Duration took) {
        if (c.target.ns == 0 || bytes > budget || bytes < budget - bytes) return;
        if (before_ns > 0 && bytes < before_bytes && !mutant(82)) {
            const bool paid = took.ns <= before_ns - saving(bytes) / 2;
            before_ns = paid ? 0 : judged_fixed();
            waiting = 0;
            if (!paid) return;
        }
        const std::int64_t limit = learned_ns > c.target.ns ? learned_ns : c.target.ns;
        if (took.ns <= limit) {
            learned_ns -= learned_ns / 64;
            return;
        }
        const std::uint64_t old = budget;
        if (!decrease(c, pull_bytes_max)) return;
        before_budget = old;
        before_bytes = bytes;
        before_ns = took.ns;
        waiting = judged_within;
    }

private:
    static constexpr std::uint8_t judged_within = 8;

    /// What so many bytes would save if the time of the slice before were made of its bytes.
    constexpr std::int64_t saving(std::uint64_t bytes) const {
        const auto fewer = static_cast<std::int64_t>((before_bytes - bytes) * 1000 / before_bytes);
        return before_ns / 1000 * fewer + before_ns % 1000 * fewer / 1000;
    }

    /// Fewer bytes take as long: puts the budget back. Returns what is left to judge: nothing.
    constexpr std::int64_t judged_fixed() {
        learned_ns = before_ns < INT64_MAX / 2 ? before_ns * 2 : INT64_MAX;
        if (before_budget > budget) budget = before_budget;
        return 0;
    }

    /// False if it is too early, or there is nothing left to take away.
    constexpr bool decrease(const GovernorConfig& c, std::uint64_t pull_bytes_max) {
        const std::uint64_t bottom = mutant(81) ? 0 : least(c, pull_bytes_max);
        if ((!tried && !mutant(83)) || budget <= bottom) return false;
        const std::uint64_t less =
            budget / 1000 * c.factor_permille + budget % 1000 * c.factor_permille / 1000;
        budget = less > bottom ? less : bottom;
        tried = false;
        ++decreases;
        return true;
    }
};
static_assert(sizeof(Governor) == 48);

}  // namespace holdfast

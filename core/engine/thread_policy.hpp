// How many transform threads are worth having: grows while there is room, shrinks before there is
// none. Pure; whoever owns the threads asks once a sample, and obeys.
//
// Saturation is how much of what the threads fill is used already, in thousandths: of the memory
// for records (see io/devices/transform_stage.cpp). Not how busy the threads are: with a backlog
// they always are.
//
// Rule 1: below 600 one more, if a batch waits and none of the threads is idle.
// Rule 2: above 850 one less. Above 950 half of them at once.
// Rule 3: after a change by one the next `settle` samples change nothing, because they still show
//         the old number; an emergency does not wait.
// Rule 4: always within [least, most], 1 <= least. Equal samples give equal answers.
#pragma once

#include <cstdint>

namespace holdfast {

struct ThreadLimits {
    std::uint32_t least = 1;
    std::uint32_t most = 1;
    std::uint32_t settle = 2;
    std::uint32_t grow_below_permille = 600;
    std::uint32_t shrink_above_permille = 850;
    std::uint32_t emergency_above_permille = 950;
};

constexpr bool limits_are_valid(const ThreadLimits& l) {
    return l.least >= 1 && l.least <= l.most && l.grow_below_permille <= l.shrink_above_permille &&
           l.shrink_above_permille <= l.emergency_above_permille;
}

struct ThreadSample {
    std::uint32_t saturation_permille = 0;
    std::uint32_t waiting = 0;  ///< Batches that no thread has begun.
    std::uint32_t idle = 0;     ///< Threads without a batch.
};

class ThreadPolicy {
public:
    /// Requires limits_are_valid(). Begins with the least.
    constexpr explicit ThreadPolicy(const ThreadLimits& limits)
        : limits_(limits), threads_(limits.least) {}

    constexpr std::uint32_t threads() const { return threads_; }

    /// How many there should be from now on.
    constexpr std::uint32_t decide(const ThreadSample& sample) {
        const ThreadLimits& l = limits_;
        if (sample.saturation_permille > l.emergency_above_permille) {
            return change(threads_ / 2);
        }
        if (wait_ > 0) {
            --wait_;
            return threads_;
        }
        if (sample.saturation_permille > l.shrink_above_permille) return change(threads_ - 1);
        const bool wanted = sample.waiting > 0 && sample.idle == 0;
        if (sample.saturation_permille < l.grow_below_permille && wanted) {
            return change(threads_ + 1);
        }
        return threads_;
    }

private:
    constexpr std::uint32_t change(std::uint32_t to) {
        if (to < limits_.least) to = limits_.least;
        if (to > limits_.most) to = limits_.most;
        if (to != threads_) wait_ = limits_.settle;
        return threads_ = to;
    }

    ThreadLimits limits_;
    std::uint32_t threads_;
    std::uint32_t wait_ = 0;
};

}  // namespace holdfast

// The partition slots of one engine, shared by all of its sources.
//
// Rule 1: (partition, epoch) never repeats: a slot's epoch grows each time it is taken.
// Rule 2: who finds none makes it known: the others give back what they need no more.
// Bound: Config::partitions_max.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/assert.hpp"
#include "core/model/ids.hpp"

namespace holdfast::io {

struct Assignment {
    PartitionId partition;
    Epoch epoch;
};

class PartitionSlots {
public:
    explicit PartitionSlots(std::uint32_t partitions_max) : epochs_(partitions_max, 0) {
        free_.reserve(partitions_max);
        for (std::uint32_t i = partitions_max; i > 0; --i) free_.push_back(i - 1);
    }

    /// Nothing when all slots are in use: try again after a give_back.
    std::optional<Assignment> take() {
        wanted_ = free_.empty();
        if (wanted_) return std::nullopt;
        const std::uint32_t index = free_.back();
        free_.pop_back();
        return Assignment{{index}, {++epochs_[index]}};
    }

    void give_back(const Assignment& assignment) {
        HF_ASSERT(assignment.partition.index < epochs_.size());
        HF_ASSERT(epochs_[assignment.partition.index] == assignment.epoch.value);
        free_.push_back(assignment.partition.index);
    }

    bool available() const { return !free_.empty(); }
    /// Somebody waits for one.
    bool wanted() const { return wanted_; }

private:
    std::vector<std::uint32_t> epochs_;
    std::vector<std::uint32_t> free_;
    bool wanted_ = false;
};

}  // namespace holdfast::io

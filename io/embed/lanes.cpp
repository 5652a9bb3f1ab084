// See lanes.hpp.
#include "io/embed/lanes.hpp"

#include <algorithm>

#include "core/base/assert.hpp"

namespace holdfast::embed {

/// Whether something of the same partition waits before it.
bool Lanes::is_behind(std::size_t i) const {
    for (std::size_t before = 0; before < i; ++before)
        if (waiting_[before].pull.source == waiting_[i].pull.source &&
            waiting_[before].batch.partition == waiting_[i].batch.partition)
            return true;
    return false;
}

std::optional<std::uint32_t> Lanes::take_free() {
    if (!free_.empty()) {
        const std::uint32_t slot = free_.back();
        free_.pop_back();
        return slot;
    }
    if (used_ < lanes_.size()) return used_++;
    return {};
}

PartitionAssigned Lanes::assign(std::uint32_t slot, std::uint32_t source, std::uint32_t number) {
    Lane& lane = lanes_[slot];
    const Epoch epoch{lane.epoch.value + 1};
    lane = Lane{};
    lane.source = source;
    lane.number = number;
    lane.epoch = epoch;
    lane.used = ++clock_;
    lane.next = begins_at_;
    slots_[Name{source, number}] = slot;
    return {SourceId{static_cast<std::uint16_t>(source)}, PartitionId{slot}, epoch,
            Position{lane.next}};
}

void Lanes::leave(std::uint32_t slot) {
    Lane& lane = lanes_[slot];
    HF_ASSERT(lane.leaving && lane.owed.empty());
    begins_at_ = std::max(begins_at_, lane.next);
    slots_.erase(Name{lane.source, lane.number});
    lane.leaving = false;
    free_.push_back(slot);
}

}  // namespace holdfast::embed

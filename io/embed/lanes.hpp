// The partitions of an embedded pipeline: which of the engine's slots each has, and what it is owed.
//
// Rule 1: a partition keeps its slot while anything of it is uncommitted; then another may take it,
//         the one that was idle for longest first. It comes back with a new epoch, and counts on
//         behind all that have left: never a number twice, perhaps with a gap.
// Rule 2: what arrives for a partition without a slot waits, in order; what arrives behind it of the
//         same partition waits, too.
// Bound: Config::partitions_max slots, however many partitions there ever are; what waits are pulls
//        under way (SourceConfig::pulls_max for each source).
// Doesn't know: threads, sources.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/model/effect.hpp"
#include "core/model/event.hpp"
#include "io/embed/record.hpp"

namespace holdfast::embed {

/// A partition in its slot: what was pulled and isn't committed.
struct Lane {
    struct Owed {
        std::int64_t next = 0;
        std::vector<Token> tokens;
    };
    std::uint32_t source = 0;
    std::uint32_t number = 0;  ///< As the source calls it.
    Epoch epoch{0};
    std::int64_t next = 0;  ///< The position that its next record gets.
    std::deque<Owed> owed;
    std::uint64_t used = 0;  ///< Grows with each arrival.
    bool leaving = false;    ///< Its slot is asked back.
    /// The number of the last commit that was ordered: an older one that has not begun is dropped.
    std::shared_ptr<std::atomic<std::uint64_t>> commits =
        std::make_shared<std::atomic<std::uint64_t>>(0);
};

/// A batch, and the pull that brought it.
struct Arrival {
    Pull pull;
    Batch batch;
};

class Lanes {
public:
    explicit Lanes(std::uint32_t slots) : lanes_(slots) {}

    /// The slot of the arrival's partition, where it may go on at once. A new one is assigned, a
    /// slot is asked back if none is free: pushed as events. `unsettled(slot)`: records that the
    /// engine still has of it.
    template <class Unsettled, class Push>
    std::optional<std::uint32_t> admit(std::uint32_t source, std::uint32_t number,
                                       Unsettled unsettled, Push push) {
        for (const Arrival& other : waiting_)
            if (other.pull.source.index == source && other.batch.partition == number) return {};
        return slot_of(source, number, unsettled, push);
    }
    /// Keeps what may not go on yet.
    void wait(Arrival arrival) { waiting_.push_back(std::move(arrival)); }

    /// The slot is free: RevokeDone came. Requires: nothing of it is owed.
    void leave(std::uint32_t slot);

    /// The first that waits and may go on now, with its slot.
    template <class Unsettled, class Push>
    std::optional<std::pair<std::uint32_t, Arrival>> next_waiting(Unsettled unsettled, Push push) {
        for (std::size_t i = 0; i < waiting_.size(); ++i) {
            const Pull& pull = waiting_[i].pull;
            if (is_behind(i)) continue;
            const auto slot =
                slot_of(pull.source.index, waiting_[i].batch.partition, unsettled, push);
            if (!slot) continue;
            auto out = std::pair(*slot, std::move(waiting_[i]));
            waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
            return out;
        }
        return {};
    }

    Lane& operator[](std::uint32_t slot) { return lanes_[slot]; }
    /// How many slots were ever used.
    std::uint32_t size() const { return used_; }
    const std::deque<Arrival>& waiting() const { return waiting_; }

private:
    template <class Unsettled, class Push>
    std::optional<std::uint32_t> slot_of(std::uint32_t source, std::uint32_t number,
                                         Unsettled unsettled, Push push) {
        const auto at = slots_.find({source, number});
        if (at != slots_.end()) {
            if (lanes_[at->second].leaving) return {};
            lanes_[at->second].used = ++clock_;
            return at->second;
        }
        const auto free = take_free();
        if (!free) {
            if (const auto idle = longest_idle(unsettled)) {
                Lane& lane = lanes_[*idle];
                lane.leaving = true;
                push(Event(
                    PartitionRevoked{PartitionId{*idle}, lane.epoch, RevokeKind::graceful, never}));
            }
            return {};
        }
        push(Event(assign(*free, source, number)));
        return free;
    }
    bool is_behind(std::size_t i) const;
    std::optional<std::uint32_t> take_free();
    /// None while one is on its way out: it will be enough.
    template <class Unsettled>
    std::optional<std::uint32_t> longest_idle(Unsettled unsettled) const {
        std::optional<std::uint32_t> out;
        for (std::uint32_t i = 0; i < used_; ++i) {
            if (lanes_[i].leaving) return {};
            if (!lanes_[i].owed.empty() || unsettled(i)) continue;
            if (!out || lanes_[i].used < lanes_[*out].used) out = i;
        }
        return out;
    }
    PartitionAssigned assign(std::uint32_t slot, std::uint32_t source, std::uint32_t number);

    using Name = std::pair<std::uint32_t, std::uint32_t>;
    std::vector<Lane> lanes_;
    std::uint32_t used_ = 0;
    std::uint64_t clock_ = 0;
    std::vector<std::uint32_t> free_;
    std::map<Name, std::uint32_t> slots_;
    std::int64_t begins_at_ = 0;  ///< Behind every position of those that have left.
    std::deque<Arrival> waiting_;
};

}  // namespace holdfast::embed

// The dead-letter queue: a barrier, not an exit.
//
// Rule 1: what is handed over still counts as owed until DeadLettersStored(ok).
// Rule 2: one write in flight, in the order of handing over; a write that fails is repeated whole.
// Rule 3: a failure for good, or attempts used up, halts; nothing is ever dropped here.
// Bound: DeadLettersConfig::queue_entries_max.
// Doesn't know: lanes, timers, why a record is dead.
#pragma once

#include <bit>
#include <cstdint>

#include "core/base/arena.hpp"
#include "core/model/effect.hpp"

namespace holdfast {

struct DeadEntry {
    Part part;
    std::uint64_t entry;  ///< Sequence number in the sink's lane; unused without a sink.
};
static_assert(sizeof(DeadEntry) == 32);

struct DeadLettersState {
    std::uint64_t head;
    std::uint64_t tail;
    std::int64_t due;     ///< When the next attempt may begin.
    std::uint32_t taken;  ///< Entries of the write in flight or waiting; 0: none.
    std::uint32_t generation;
    std::uint32_t attempt;
    std::uint32_t failures;
    bool writing;
    std::uint8_t unused[7];
};
static_assert(sizeof(DeadLettersState) == 48);

class DeadLetterQueue {
public:
    void lay_out(Arena& arena, std::uint32_t entries) {
        state_ = arena.table<DeadLettersState>(1);
        capacity_ = entries;
        ring_ = arena.table<DeadEntry>(std::bit_ceil(entries));
    }

    DeadLettersState& state() const { return state_.only(); }
    DeadEntry& entry(std::uint64_t sequence) const { return ring_[sequence & (ring_.size() - 1)]; }
    std::uint64_t count() const { return state().tail - state().head; }
    bool has_room() const { return count() < capacity_; }

    /// Requires has_room().
    void push(const DeadEntry& e) const {
        HF_ASSERT(has_room());
        HF_ASSERT(e.part.begin < e.part.end);
        entry(state().tail++) = e;
    }

private:
    Table<DeadLettersState> state_;
    Table<DeadEntry> ring_;
    std::uint32_t capacity_ = 0;
};

}  // namespace holdfast

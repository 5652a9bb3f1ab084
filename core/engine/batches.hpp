// The batches in memory: slots, generations, and what each one still owes.
//
// Rule 1: a slot is reserved when its pull leaves, and free again when its payload is released, all
//         its lanes retired it, and the watermark has passed it (or its partition is lost).
// Rule 2: the token is the batch's: `owed` counts (output, sink) pairs and dead letters that are
// not
//         settled; `lanes_left` counts the lanes that hold it in order.
// Rule 3: outcomes are absorbing: `owed` only falls once a batch is fanned out.
// Rule 4: a slice is a batch as well, with a slot of its own. It stands in lanes and owes; its
//         parent alone stands in the partition's order. At most one slice of a batch exists.
// Bound: Config::batches_max.
// Doesn't know: lanes, sinks' answers, time.
#pragma once

#include <cstdint>

#include "core/base/arena.hpp"
#include "core/base/mutant.hpp"
#include "core/model/ids.hpp"
#include "core/model/outcomes.hpp"

namespace holdfast {

enum class BatchPhase : std::uint8_t {
    free,
    pulling,       ///< Pull is out.
    transforming,  ///< Transform is out.
    slicing,       ///< Goes on slice by slice, when it is its source's oldest.
    ready,         ///< Waits for its turn and for room in its lanes.
    storing,       ///< Its own dead letters are being stored; then it is ready again.
    out,           ///< Fanned out; owes.
    released,      ///< Owes nothing, payload gone; waits for its lanes' order or the watermark.
};

/// Its slot may be given back: it never came, or nothing is left of it.
constexpr bool is_spent(BatchPhase phase) {
    constexpr std::uint32_t spent = 1u << static_cast<std::uint32_t>(BatchPhase::pulling) |
                                    1u << static_cast<std::uint32_t>(BatchPhase::released);
    return (spent >> static_cast<std::uint32_t>(phase) & 1) != 0;
}

inline constexpr std::uint32_t none = UINT32_MAX;

struct Batch {
    std::uint64_t owed;
    std::uint64_t held;
    std::uint64_t route;
    std::uint64_t shared;  ///< Sinks with an entry of their own in Batches::share.
    std::int64_t first;
    std::int64_t next;
    std::int64_t cut_at;  ///< In slices: the position up to which they were taken. Whole: the bytes
                          ///< that it held when it came.
    std::int64_t since;   ///< When it met empty lanes; 0: it met a queue, or is not out.
    std::uint32_t generation;
    std::uint32_t partition;
    std::uint32_t epoch;
    std::uint32_t records;
    std::uint32_t outputs;
    std::uint32_t output_bytes;
    std::uint32_t
        dead;  ///< Records that the source or the transform made dead letters, not stored.
    std::uint32_t lanes_left;
    std::uint32_t ready_next;  ///< In its source's queue; also the free list.
    std::uint32_t older;       ///< In its partition's order.
    std::uint32_t newer;
    std::uint32_t cut;      ///< Records below it were taken by slices.
    std::uint32_t partner;  ///< A batch's slice, or a slice's batch.
    std::uint16_t source;
    BatchPhase phase;
    Fate fate;
    bool is_slice;
    bool listed;    ///< In its partition's order.
    bool fenced;    ///< Its partition was lost: commits nothing.
    bool settled;   ///< All lanes retired it.
    bool had_dead;  ///< Had dead letters of its own.
    std::uint8_t unused[3];
};
static_assert(sizeof(Batch) == 128);

struct Share {
    std::uint32_t outputs;
    std::uint32_t bytes;
};

class Batches {
public:
    struct Head {
        std::uint32_t free_first;
        std::uint32_t used;
    };

    void lay_out(Arena& arena, std::uint32_t batches, std::uint32_t sinks) {
        head_ = arena.table<Head>(1);
        slots_ = arena.table<Batch>(batches);
        shares_ = arena.table<Share>(std::uint64_t{batches} * sinks);
        sinks_ = sinks;
    }

    void begin() {
        for (std::uint32_t i = 0; i < slots_.size(); ++i) {
            slots_[i].ready_next = i + 1 < slots_.size() ? i + 1 : none;
        }
    }

    bool any_free() const { return head().free_first != none; }
    std::uint32_t free() const { return slots_.size() - head().used; }
    std::uint32_t used() const { return head().used; }
    std::uint32_t size() const { return slots_.size(); }
    Batch& operator[](std::uint32_t index) const { return slots_[index]; }
    Share& share(std::uint32_t index, std::uint32_t sink) const {
        return shares_[std::uint64_t{index} * sinks_ + sink];
    }

    /// Requires any_free().
    BatchId reserve(SourceId source) const {
        const std::uint32_t index = head().free_first;
        Batch& b = slots_[index];
        HF_ASSERT(b.phase == BatchPhase::free);
        head().free_first = b.ready_next;
        ++head().used;
        const std::uint32_t generation = next_generation(b.generation);
        b = Batch{};
        b.generation = generation;
        b.source = source.index;
        b.phase = BatchPhase::pulling;
        b.ready_next = b.older = b.newer = b.partner = none;
        return {index, generation};
    }

    void give_back(std::uint32_t index) const {
        Batch& b = slots_[index];
        HF_ASSERT(is_spent(b.phase));
        HF_ASSERT(!b.listed);
        b.phase = BatchPhase::free;
        b.ready_next = head().free_first;
        head().free_first = index;
        --head().used;
    }

    /// The slot that a handle names, or null if it is stale or not in this phase.
    Batch* find(BatchId id, BatchPhase phase) const {
        if (id.index >= slots_.size()) return nullptr;
        Batch& b = slots_[id.index];
        return b.generation == id.generation && b.phase == phase ? &b : nullptr;
    }

    BatchId id(std::uint32_t index) const { return {index, slots_[index].generation}; }

private:
    static std::uint32_t next_generation(std::uint32_t g) {
        if (mutant(56)) return (g + 1) & 0xff ? (g + 1) & 0xff : 1;
        return g + 1 ? g + 1 : 1;
    }
    Head& head() const { return head_.only(); }

    Table<Head> head_;
    Table<Batch> slots_;
    Table<Share> shares_;
    std::uint32_t sinks_ = 0;
};

}  // namespace holdfast

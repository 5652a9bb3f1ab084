// A delivery: one write of consecutive outputs of a lane, over all its attempts.
//
// Rule 1: its outputs are numbered from 0. Those before `cursor` are done: settled or handed to the
//         dead letters. An attempt covers what is pending in [cursor, span_end).
// Rule 2: `window` is how many outputs the next attempt may cover. A refusal that names no output
//         halves it until one output is left, which is the poison; success doubles it.
// Rule 3: what a sink says of single outputs (SinkToldRange) is kept in bit maps and counts when
// the
//         attempt ends. The first word about an output stands.
// Rule 4: no output sees more than attempts_max transient failures: `failures` is at least what any
//         output before `tried_end` has seen, and later ones have seen none. Used up, what is
//         pending of the attempt becomes dead letters, and nothing beyond it.
// Rule 5: `streak`, by which the backoff grows, begins anew when the sink has decided on something.
// Bound: SinkConfig::writes_max deliveries a lane, write_records_max outputs each.
// Doesn't know: batches, time, effects.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/base/arena.hpp"
#include "core/base/mutant.hpp"
#include "core/model/ids.hpp"
#include "core/model/outcomes.hpp"

namespace holdfast {

enum class DeliveryPhase : std::uint8_t {
    free,
    writing,  ///< WriteToSink is unanswered.
    waiting,  ///< For its backoff: `due`.
    parking,  ///< For room in the dead-letter queue.
};

struct Delivery {
    std::uint64_t first_entry;  ///< Sequence number in the lane.
    std::int64_t due;           ///< When the next attempt may begin.
    std::uint32_t bits;         ///< Where its bit maps begin; fixed.
    std::uint32_t generation;
    std::uint32_t offset;  ///< Outputs of the first entry that belong to an earlier delivery.
    std::uint32_t entries;
    std::uint32_t count;
    std::uint32_t cursor;
    std::uint32_t window;
    std::uint32_t pending;  ///< Outputs that are not done.
    std::uint32_t span_end;
    std::uint32_t sent;  ///< Outputs that the attempt covers.
    std::uint32_t attempt;
    std::uint32_t failures;
    std::uint32_t tried_end;
    std::uint32_t streak;
    std::uint32_t refused;  ///< Outputs to hand to the dead letters, not handed yet.
    std::uint16_t lane;
    DeliveryPhase phase;
    Reason reason;   ///< Of the refused ones.
    bool sparse;     ///< The `done` map is in use.
    bool told;       ///< A SinkToldRange came for this attempt.
    bool exhausted;  ///< What is pending of the attempt is to be refused next.
    std::uint8_t unused[5];

    /// A new delivery in this slot.
    void begin(std::uint64_t entry, std::uint32_t skip, std::uint32_t number) {
        first_entry = entry;
        due = 0;
        generation = number;
        offset = skip;
        entries = count = cursor = window = pending = span_end = sent = 0;
        attempt = failures = tried_end = streak = refused = 0;
        reason = Reason::none;
        sparse = told = exhausted = false;
    }
};
static_assert(sizeof(Delivery) == 88);

class Deliveries {
public:
    enum Map : std::uint32_t { done, told_delivered, told_other, refused, maps };

    void lay_out(Arena& arena, std::uint32_t deliveries, std::uint64_t words) {
        slots_ = arena.table<Delivery>(deliveries);
        bits_ = arena.table<std::uint64_t>(words);
    }

    std::uint32_t size() const { return slots_.size(); }
    Delivery& operator[](std::uint32_t index) const { return slots_[index]; }

    static std::uint64_t words_for(std::uint32_t outputs) { return (outputs + 63) / 64; }

    bool test(const Delivery& d, Map map, std::uint32_t output) const {
        return (word(d, map, output / 64) >> (output % 64)) & 1;
    }
    void set(const Delivery& d, Map map, std::uint32_t output) const {
        word(d, map, output / 64) |= std::uint64_t{1} << (output % 64);
    }
    void clear(const Delivery& d, Map map) const {
        const std::uint64_t words = mutant(280) ? 1 : words_for(d.count);
        for (std::uint64_t w = 0; w < words; ++w) word(d, map, w) = 0;
    }

    /// Begins to keep a delivery's outputs apart.
    void make_sparse(Delivery& d) const {
        if (d.sparse) return;
        d.sparse = true;
        for (std::uint32_t m = 0; m < maps; ++m) clear(d, static_cast<Map>(m));
        for (std::uint32_t i = 0; i < d.cursor; ++i) set(d, done, i);
    }

    bool is_done(const Delivery& d, std::uint32_t output) const {
        return d.sparse ? test(d, done, output) : output < d.cursor;
    }

    /// The first output at or after `from` that is not done; d.count if there is none.
    std::uint32_t pending_from(const Delivery& d, std::uint32_t from) const {
        return d.sparse ? pending_between(d, from) : std::max(from, d.cursor);
    }

    /// The first output in [from, to) that is done, or `to`. Requires that `from` is not.
    std::uint32_t done_from(const Delivery& d, std::uint32_t from, std::uint32_t to) const {
        while (d.sparse && from < to) {
            const std::uint64_t shut = word(d, done, from / 64) >> (from % 64);
            if (mutant(282) && shut == 0) return to;
            if (shut)
                return std::min(from + static_cast<std::uint32_t>(std::countr_zero(shut)), to);
            from = (from / 64 + 1) * 64;
        }
        return to;
    }

private:
    [[gnu::noinline]] std::uint32_t pending_between(const Delivery& d, std::uint32_t from) const {
        while (from < d.count) {
            const std::uint64_t open = ~word(d, done, from / 64) >> (from % 64);
            if (open)
                return std::min(from + static_cast<std::uint32_t>(std::countr_zero(open)), d.count);
            if (mutant(281)) return d.count;
            from = (from / 64 + 1) * 64;
        }
        return d.count;
    }

    std::uint64_t& word(const Delivery& d, std::uint32_t map, std::uint64_t w) const {
        return bits_[d.bits + map * words_per_map(d) + w];
    }
    std::uint64_t words_per_map(const Delivery& d) const { return words_for(d.count); }

    Table<Delivery> slots_;
    Table<std::uint64_t> bits_;
};

}  // namespace holdfast

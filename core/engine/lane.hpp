// A lane: one sink's bounded queue and what is in flight of it.
//
// Rule 1: first in, first out. Entries are sent in order and retire in order.
// Rule 2: an entry retires when all its outputs are settled and no delivery names it any more.
// Rule 3: with a mark (a file's length), entries retire only up to a clean point: the end of a
//         delivery that ended between two batches. The mark is the sink's length there, so length
//         and positions always agree.
// Rule 4: a full lane takes nothing, except that an empty one takes any batch.
// Rule 5: the window is what a restart may write again: entries that were begun and are not behind a
//         durable position, whole. One that would pass the window's bound is not begun, except that
//         an empty window takes any entry: what is begun must be able to end.
// Bound: SinkConfig::queue_batches_max entries.
// Doesn't know: timers, retries, the answers' meaning.
#pragma once

#include <bit>
#include <cstdint>

#include "core/base/arena.hpp"
#include "core/base/mutant.hpp"
#include "core/model/config.hpp"
#include "core/model/ids.hpp"

namespace holdfast {

/// One batch's outputs for one sink.
struct Entry {
    std::uint64_t bytes;
    std::int64_t mark;  ///< With `clean`: the sink's position after this entry.
    std::uint32_t batch;
    std::uint32_t outputs;
    std::uint32_t sent;        ///< Outputs that a delivery has taken (or that were forgotten).
    std::uint32_t left;        ///< Outputs that are not settled.
    std::uint32_t deliveries;  ///< Deliveries under way that name it.
    bool clean;
    bool has_mark;  ///< `mark` is known.
    bool charged;   ///< It is in the window.
    std::uint8_t unused[1];
};
static_assert(sizeof(Entry) == 40);

struct Load {
    std::uint64_t records;
    std::uint64_t bytes;

    void add(const Load& more) { records += more.records, bytes += more.bytes; }
    void remove(const Load& less) {
        HF_ASSERT(records >= less.records && bytes >= less.bytes);
        records -= less.records, bytes -= less.bytes;
    }
};

/// Of sources that commit to the checkpoint. open = of entries in the lane + settled + staged.
struct Window {
    Load open;
    Load settled;  ///< Has left the lane, and no commit cycle has it yet.
    Load staged;   ///< The running cycle has it.
};

struct LaneState {
    std::uint64_t head;     ///< Sequence number of the oldest entry.
    std::uint64_t next;     ///< Of the first entry with unsent outputs.
    std::uint64_t tail;     ///< Of the next entry to come.
    std::uint64_t records;  ///< Of all entries.
    std::uint64_t bytes;
    std::uint64_t unsent_records;
    std::uint64_t unsent_bytes;
    std::int64_t mark;        ///< After the last delivered write.
    std::int64_t clean_mark;  ///< At the last retired clean point.
    std::int64_t staged_mark;
    std::int64_t linger_until;  ///< When what is unsent goes out in any case; 0: not waiting.
    std::uint32_t writes;       ///< Deliveries under way.
    std::uint32_t sync;         ///< Number of the last SyncSink.
    Window window;
    bool mark_known;
    bool clean_known;
    bool staged_known;
    bool unsynced;  ///< Has retired something since the last SyncSink.
    bool syncing;   ///< SyncSink is unanswered.
    bool held;      ///< The next entry waits for room in the window.
    std::uint8_t unused[2];
};
static_assert(sizeof(LaneState) == 152);

class Lane {
public:
    void lay_out(Arena& arena, const SinkConfig& config) {
        state_ = arena.table<LaneState>(1);
        capacity_ = config.queue_batches_max;
        ring_ = arena.table<Entry>(std::bit_ceil(capacity_));
    }

    LaneState& state() const { return state_.only(); }
    Entry& entry(std::uint64_t sequence) const { return ring_[sequence & (ring_.size() - 1)]; }
    std::uint64_t count() const { return state().tail - state().head; }

    bool has_room(const SinkConfig& config, std::uint64_t records, std::uint64_t bytes) const {
        const LaneState& l = state();
        if (l.tail == l.head) return true;
        const bool fits = l.records + records <= config.queue_records_max || mutant(90);
        const std::uint64_t queued = mutant(264) ? l.unsent_bytes : l.bytes;
        const bool light = queued + bytes <= config.queue_bytes_max || mutant(262);
        return l.tail - l.head < capacity_ && fits && light;
    }

    /// Requires has_room().
    void push(std::uint32_t batch, std::uint32_t outputs, std::uint64_t bytes) const {
        LaneState& l = state();
        HF_ASSERT(l.tail - l.head < capacity_ && outputs > 0);
        entry(l.tail++) =
            Entry{.bytes = bytes, .batch = batch, .outputs = outputs, .left = outputs};
        l.records += outputs;
        l.bytes += bytes;
        l.unsent_records += outputs;
        l.unsent_bytes += bytes;
    }

    static Load load_of(const Entry& e) { return {e.outputs, e.bytes}; }

    /// Whether the entry may be begun.
    bool window_has_room(const CommitConfig& bound, const Entry& e) const {
        const Load& open = state().window.open;
        if (open.records == 0 || mutant(330)) return true;
        return (bound.records == 0 || open.records + e.outputs <= bound.records) &&
               (bound.bytes == 0 || open.bytes + e.bytes <= bound.bytes || mutant(334));
    }

    /// The entry is begun. Requires window_has_room().
    void charge(const CommitConfig& bound, Entry& e) const {
        HF_ASSERT(!e.charged && window_has_room(bound, e));
        e.charged = true;
        if (!mutant(335)) state().window.open.add(load_of(e));
    }

    /// Bytes of a run of an entry's outputs, by the entry's average: exact for the whole entry.
    static std::uint64_t bytes_of(const Entry& e, std::uint32_t outputs) {
        return outputs == e.outputs ? e.bytes : e.bytes * outputs / e.outputs;
    }

    /// Marks `outputs` more of the first unsent entry as taken.
    void take(std::uint32_t outputs) const {
        LaneState& l = state();
        Entry& e = entry(l.next);
        HF_ASSERT(e.sent + std::uint64_t{outputs} <= e.outputs);
        const std::uint64_t before = e.sent ? bytes_of(e, e.sent) : 0;
        l.unsent_records -= outputs;
        e.sent += outputs;
        l.unsent_bytes -= bytes_of(e, e.sent) - before;
        if (e.sent == e.outputs) ++l.next;
    }

    /// A delivery no longer names the entry.
    static void leave(Entry& e) {
        HF_ASSERT(e.deliveries > 0);
        --e.deliveries;
    }

    static bool done(const Entry& e) {
        return e.left == 0 && e.deliveries == 0 && e.sent == e.outputs;
    }

    /// How many entries can retire now.
    std::uint64_t retirable(const SinkConfig& config) const {
        const LaneState& l = state();
        std::uint64_t n = 0;
        for (std::uint64_t s = l.head; s < l.next && done(entry(s)); ++s) {
            if (!config.has_mark || entry(s).clean) n = s + 1 - l.head;
        }
        return n;
    }

    /// Removes the oldest entry. Lives: the result is valid until the next push.
    const Entry& pop() const {
        LaneState& l = state();
        const Entry& e = entry(l.head++);
        l.records -= e.outputs;
        l.bytes -= e.bytes;
        l.unsynced = true;
        if (e.clean && e.has_mark) {
            l.clean_mark = e.mark;
            l.clean_known = true;
        }
        return e;
    }

private:
    Table<LaneState> state_;
    Table<Entry> ring_;  ///< A power of two, so that a sequence number needs no division.
    std::uint32_t capacity_ = 0;
};

}  // namespace holdfast

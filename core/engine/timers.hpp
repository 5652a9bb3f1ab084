// Who waits until when: an indexed binary heap, one timer a waiter.
//
// Rule 1: setting a timer that is set moves it; clearing one that isn't set does nothing.
// Rule 2: equal instants fire in the order of their ids, so the order never depends on history.
// Bound: O(log n) a change, O(1) for earliest().
// Doesn't know: what a timer is for.
#pragma once

#include <cstdint>

#include "core/base/arena.hpp"
#include "core/base/time.hpp"

namespace holdfast {

class Timers {
public:
    struct Head {
        std::uint32_t count;
        std::uint32_t unused;
    };

    void lay_out(Arena& arena, std::uint32_t ids) {
        head_ = arena.table<Head>(1);
        at_ = arena.table<std::int64_t>(ids);
        heap_ = arena.table<std::uint32_t>(ids);
        place_ = arena.table<std::uint32_t>(ids);  // 1 + index in heap_; 0: not set
    }

    void set(std::uint32_t id, Instant at) {
        if (at == never) return clear(id);
        at_[id] = at.ns;
        if (place_[id] == 0) {
            heap_[head().count] = id;
            place_[id] = ++head().count;
        }
        settle(place_[id] - 1);
    }

    void clear(std::uint32_t id) {
        const std::uint32_t place = place_[id];
        if (place == 0) return;
        place_[id] = 0;
        const std::uint32_t last = heap_[--head().count];
        at_[id] = 0;
        if (last == id) return;
        heap_[place - 1] = last;
        place_[last] = place;
        settle(place - 1);
    }

    bool is_set(std::uint32_t id) const { return place_[id] != 0; }
    /// When this one fires, or `never`.
    Instant at(std::uint32_t id) const { return is_set(id) ? Instant{at_[id]} : never; }
    Instant earliest() const { return head().count ? Instant{at_[heap_[0]]} : never; }

    /// Takes one timer that is due, or returns false.
    bool take(Instant now, std::uint32_t& id) {
        if (head().count == 0 || now < Instant{at_[heap_[0]]}) return false;
        id = heap_[0];
        clear(id);
        return true;
    }

    bool audit() const {
        for (std::uint32_t i = 0; i < head().count; ++i) {
            if (place_[heap_[i]] != i + 1) return false;
            if (i && before(heap_[i], heap_[(i - 1) / 2])) return false;
        }
        return true;
    }

private:
    Head& head() const { return head_.only(); }
    bool before(std::uint32_t a, std::uint32_t b) const {
        return at_[a] != at_[b] ? at_[a] < at_[b] : a < b;
    }
    void put(std::uint32_t index, std::uint32_t id) {
        heap_[index] = id;
        place_[id] = index + 1;
    }
    void settle(std::uint32_t index) {
        const std::uint32_t id = heap_[index];
        while (index > 0 && before(id, heap_[(index - 1) / 2])) {
            put(index, heap_[(index - 1) / 2]);
            index = (index - 1) / 2;
        }
        for (;;) {
            std::uint32_t child = 2 * index + 1;
            if (child >= head().count) break;
            if (child + 1 < head().count && before(heap_[child + 1], heap_[child])) ++child;
            if (!before(heap_[child], id)) break;
            put(index, heap_[child]);
            index = child;
        }
        put(index, id);
    }

    Table<Head> head_;
    Table<std::int64_t> at_;
    Table<std::uint32_t> heap_;
    Table<std::uint32_t> place_;
};

}  // namespace holdfast

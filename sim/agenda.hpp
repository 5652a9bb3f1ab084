// The world's future: a binary heap of occurrences keyed (time, sequence). No ticks: time jumps.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/base/time.hpp"

namespace holdfast::sim {

enum class Due : std::uint8_t {
    ready,             ///< a: source. A SourceReady, perhaps spurious.
    pull_answer,       ///< a, b: batch.
    transform_answer,  ///< a, b: batch.
    sink_apply,        ///< a: attempt. The write takes effect.
    sink_answer,       ///< a: attempt, b: which answer of it.
    sync_answer,       ///< a: sink, b: number, c: outcome.
    store_answer,      ///< a: attempt, of the dead letters.
    commit_answer,     ///< a: partition, b: epoch, c: position, d: outcome.
    written,           ///< c: sequence, d: outcome.
    synced,            ///< c: sequence, d: outcome.
    append,            ///< a: log.
    assign,            ///< a: log.
    revoke,            ///< a: log.
    revoke_heard,      ///< a: log, b: epoch. Lost some time ago.
    revoke_deadline,   ///< a: log, b: epoch.
    close,             ///< a: log, b: epoch, c: 1 if before its end.
    pressure,          ///< a: thousandths.
    stop,              ///< a: mode.
    stale,             ///< c: which.
};

struct Occurrence {
    Instant at;
    std::uint32_t sequence = 0;
    Due due = Due::ready;
    std::uint8_t d = 0;
    bool survives = false;  ///< A crash of the process doesn't remove it.
    std::uint32_t a = 0;
    std::uint32_t b = 0;
    std::uint64_t c = 0;
};

class Agenda {
public:
    void clear() {
        heap_.clear();
        sequence_ = 0;
    }

    void add(Instant at, Occurrence what) {
        what.at = at;
        what.sequence = sequence_++;
        heap_.push_back(what);
        std::push_heap(heap_.begin(), heap_.end(), later);
    }

    bool empty() const { return heap_.empty(); }
    const Occurrence& top() const { return heap_.front(); }

    Occurrence pop() {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        const Occurrence what = heap_.back();
        heap_.pop_back();
        return what;
    }

    /// Removes what the crashed process was waiting for.
    template <class Keep>
    void keep_if(Keep keep) {
        std::erase_if(heap_, [&](const Occurrence& o) { return !keep(o); });
        std::make_heap(heap_.begin(), heap_.end(), later);
    }

private:
    static bool later(const Occurrence& x, const Occurrence& y) {
        return x.at != y.at ? x.at > y.at : x.sequence > y.sequence;
    }

    std::vector<Occurrence> heap_;
    std::uint32_t sequence_ = 0;
};

}  // namespace holdfast::sim

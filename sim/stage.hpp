// What all parts of the world share: time, luck, the truth, the batches, the writes under way.
//
// Rule 1: faults happen only in phase 1; in phase 2 a component works, or is dead for good.
// Rule 2: events are put into `out`, and the world steps the engine with them one by one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/model/effects.hpp"
#include "core/model/event.hpp"
#include "sim/agenda.hpp"
#include "sim/ledger.hpp"

namespace holdfast::sim {

/// What really is behind a batch handle.
struct BatchTruth {
    enum class State : std::uint8_t { none, pulling, arrived, released };
    std::uint32_t generation = 0;
    State state = State::none;
    bool told = false;        ///< The engine has its BatchPulled.
    bool fanned_out = false;  ///< Something of it was sent.
    bool transforming = false;
    bool outputs_known = false;
    bool lost = false;  ///< Its partition was lost after it arrived, or before.
    Fate fate = Fate::deliver;
    std::uint16_t source = 0;
    std::uint32_t log = 0;
    std::uint32_t epoch = 0;
    std::uint32_t first = 0;  ///< Record.
    std::uint32_t count = 0;
    std::uint32_t held = 0;
    std::uint32_t extra = 0;  ///< What the outputs hold.
    std::uint32_t freed = 0;  ///< Of what the batch held: given back with its transform's answer.
    std::uint32_t max_records = 0;
    std::uint32_t max_bytes = 0;        ///< Of the pull, or of the input of a slice.
    std::uint32_t parent = UINT32_MAX;  ///< Of a slice: its batch.
    std::uint32_t order = 0;  ///< Among all that were handed out; a slice's is its batch's.
    std::uint32_t taken = 0;  ///< Of a batch: records below it were taken by slices.
    Instant arrived;
    Instant written;                   ///< When something of it was sent first.
    std::vector<std::uint32_t> units;  ///< Sorted by sink; sink s has [from[s], from[s + 1]).
    std::uint32_t from[9] = {};
    std::uint32_t sink_bytes[8] = {};  ///< What the engine was told of them.
    std::vector<std::uint32_t> dead;   ///< Records meant for no sink but the dead letters.
};

/// One attempt to write something to a sink or to the dead letters.
struct Attempt {
    enum class State : std::uint8_t { free, open, given_up, answered };
    State state = State::free;
    bool applies = false;      ///< It takes effect at some time.
    bool applied = false;      ///< It has.
    bool excused = false;      ///< Its units may be applied once more because of it.
    std::uint8_t pending = 0;  ///< Occurrences that name it.
    std::uint16_t sink = 0;    ///< Of the dead letters: 0xffff.
    DeliveryId delivery;
    std::uint32_t number = 0;
    std::uint32_t bytes = 0;
    std::uint32_t incarnation = 0;
    Instant issued;
    Instant deadline;
    std::vector<std::uint32_t> items;   ///< Units; whole records with the highest bit set.
    std::vector<std::uint32_t> epochs;  ///< Of each item's log, when it was sent.
    std::vector<std::uint8_t> verdict;  ///< The sink's, per item: outcome + 1, or 0: as `answer`.
    std::vector<std::uint8_t> named;    ///< What SinkToldRange told the engine: outcome + 1.
    SinkOutcome answer = SinkOutcome::delivered;
    StoreOutcome stored = StoreOutcome::ok;
    Duration retry_after{0};
};
inline constexpr std::uint32_t whole_record = 1u << 31;

class Stage {
public:
    explicit Stage(const Draw& drawn, Choices& luck) : draw(&drawn), choices(&luck) {}

    bool fault(Fault which, std::uint64_t entity, std::uint64_t n) const {
        if (healed) return false;
        return choices->chance(Site::world_fault, entity,
                               static_cast<std::uint64_t>(which) << 40 | n,
                               draw->permille_of(which));
    }
    std::uint64_t detail(std::uint64_t entity, std::uint64_t n, std::uint64_t bound) const {
        return bound <= 1 ? 0 : choices->choose(Site::world_detail, entity, n, bound);
    }
    /// As detail(), where the key does not settle the bound: what comes twice in a life (a record
    /// that is read again) must be the same question.
    std::uint64_t detail_below(std::uint64_t entity, std::uint64_t n, std::uint64_t bound) const {
        return bound <= 1 ? 0 : detail(entity, n, 1u << 16) % bound;
    }
    bool dead(std::uint32_t bit) const { return healed && (draw->dead & bit) != 0; }

    /// At least 1 microsecond; what is usual is drawn, a tail is rare.
    Duration latency(std::uint64_t component, std::uint64_t n, Duration usual) const {
        const auto bound = static_cast<std::uint64_t>(usual.ns / 1000);
        std::int64_t us = 1;
        if (bound > 1) {
            us += static_cast<std::int64_t>(
                choices->choose(Site::world_latency, component, n, bound));
        }
        if (draw->latency_tail && !healed && choices->chance(Site::world_tail, component, n, 3)) {
            us *= 200;
        }
        return microseconds(us);
    }

    /// Nothing takes longer than phase 2 is patient (liveness.cpp), however slow it is drawn.
    void later(Duration after, Occurrence what) {
        agenda.add(now + Duration{std::min(after.ns, seconds(20).ns)}, what);
    }

    /// A fresh entry, with its vectors empty.
    std::uint32_t new_attempt();
    void drop_reference(std::uint32_t attempt);
    BatchTruth* batch(BatchId id);

    const Draw* draw;
    Choices* choices;
    Agenda agenda;
    Ledger ledger;
    std::vector<BatchTruth> batches;
    std::vector<Attempt> attempts;
    std::vector<std::uint32_t> free_attempts;
    std::vector<Event> out;
    Instant now{0};
    std::uint32_t incarnation = 0;
    std::uint32_t questions = 0;  ///< Numbers things that have no better name, per incarnation.
    bool healed = false;

    std::uint64_t ask() { return static_cast<std::uint64_t>(incarnation) << 24 | questions++; }
};

}  // namespace holdfast::sim

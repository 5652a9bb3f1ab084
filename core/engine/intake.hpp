// A source's intake: its pulls, and its batches that wait to be fanned out, in order.
//
// Rule 1: batches are fanned out in the order in which their pulls were answered.
// Rule 2: at most batches_max of them are pulled but not fanned out.
// Doesn't know: budget, lanes, time.
#pragma once

#include <cstdint>

#include "core/base/arena.hpp"
#include "core/engine/batches.hpp"

namespace holdfast {

struct Intake {
    std::uint32_t pulls;    ///< Outstanding.
    std::uint32_t batches;  ///< Outstanding pulls and batches not fanned out.
    std::uint32_t oldest;   ///< Batches not fanned out.
    std::uint32_t newest;
    std::uint32_t failures;  ///< In a row.
    bool ended;
    bool resting;  ///< Idle or backing off; its timer is set.
    std::uint8_t unused[2];
};
static_assert(sizeof(Intake) == 24);

inline void append_ready(Intake& in, const Batches& batches, std::uint32_t index) {
    batches[index].ready_next = none;
    (in.newest == none ? in.oldest : batches[in.newest].ready_next) = index;
    in.newest = index;
}

inline void pop_ready(Intake& in, const Batches& batches) {
    in.oldest = batches[in.oldest].ready_next;
    if (in.oldest == none) in.newest = none;
    --in.batches;
}

}  // namespace holdfast

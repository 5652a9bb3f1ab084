// One record of bytes that lie elsewhere than in a block: the rest of a connection, a datagram.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "io/device.hpp"
#include "io/devices/partition_slots.hpp"
#include "io/payloads.hpp"

namespace holdfast::io {

struct Verdict {
    Fate fate = Fate::deliver;
    std::string why;  ///< Of Fate::unreadable: for the dead letter.
};

/// Answers the pull with this record alone, and moves `position` behind it. False: the pool has no
/// block for it, and nothing has happened. Requires: bytes is not empty, and holds no newline or is
/// unreadable.
bool give_record(Payloads& payloads, Events& events, const Pull& pull, const Assignment& assigned,
                 std::span<const std::byte> bytes, Position& position, Verdict verdict);

}  // namespace holdfast::io

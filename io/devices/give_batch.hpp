// What the sources of lines share: from the head of a block to a batch that the engine knows.
#pragma once

#include <span>

#include "core/data/line_cut.hpp"
#include "io/device.hpp"
#include "io/devices/partition_slots.hpp"
#include "io/payloads.hpp"

namespace holdfast::io {

/// The largest block that a pull may fill, save for one record that is larger.
std::uint32_t block_allowed(const Pull& pull, const BlockPool& pool);

/// How the bytes of a block of this size are cut. A block beyond what the pull allows is for one
/// record, which alone makes it so large.
CutRule cut_rule(const Pull& pull, std::size_t block, std::uint32_t line_max, Oversize oversize);

/// Answers the pull with what was cut off the head of a block; gives back the rest of the block.
/// Returns the position after it. Requires: cut.bytes > 0.
Position give_batch(Payloads& payloads, Events& events, const Pull& pull,
                    const Assignment& assigned, std::span<std::byte> block, const Cut& cut,
                    Position first);

}  // namespace holdfast::io

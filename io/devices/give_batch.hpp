// What the sources of bytes share: from the head of a block to a batch that the engine knows.
#pragma once

#include <span>

#include <optional>

#include "core/codec/stream_cut.hpp"
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

// ---- streams that have no lines ----------------------------------------------------------------

/// What a config says of such a stream.
struct StreamSettings {
    Framing framing = Framing::lines;
    bool stops = false;  ///< An error of the framing halts; else what follows becomes dead letters.
};

/// How the bytes of a block are cut; see cut_rule.
codec::StreamCutRule stream_cut_rule(const CutRule& rule, bool stops);

/// As the other: the batch begins at the record, its positions where the last batch ended.
/// Requires: cut.records > 0. `place`: where the block begins.
void give_batch(Payloads& payloads, Events& events, const Pull& pull, const Assignment& assigned,
                std::span<std::byte> block, const codec::StreamCut& cut,
                const codec::StreamPlace& place);

/// "unbalanced at byte 17: ...", for the log and for dead letters.
std::string broken_text(const codec::StreamPlace& place);

}  // namespace holdfast::io

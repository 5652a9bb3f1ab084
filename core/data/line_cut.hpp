// Where a batch ends: from the bytes that were read to the records that may be given away.
//
// Rule 1: a record is a line with its newline. Only where the bytes are `closed` (nothing can ever
//         follow, or a lead begins here) is a rest without newline a record too.
// Rule 2: a line that is longer than line_max, its newline included, is cut into pieces of exactly
//         line_max bytes, counted from its first byte, so that a restart finds the same pieces.
// Rule 3: such pieces stand alone; ordinary lines come together.
// Doesn't know: files, blocks, positions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/model/outcomes.hpp"

namespace holdfast {

/// What becomes of a line over the size limit.
enum class Oversize : std::uint8_t {
    dead_letter,  ///< Its pieces go to the dead letters.
    split,        ///< Its pieces are records.
    stop,         ///< The pipeline stops before it.
};

struct CutRule {
    std::size_t line_max = 0;  ///< > 0.
    std::uint32_t records_max = UINT32_MAX;
    Oversize oversize = Oversize::dead_letter;
    bool closed = false;    ///< The end of the bytes ends a record.
    bool mid_line = false;  ///< The bytes go on with a line whose head was oversized.
};

/// bytes == 0: no record yet, more bytes are needed.
struct Cut {
    std::size_t bytes = 0;  ///< Up to the end of the last record.
    std::uint32_t records = 0;
    Fate fate = Fate::deliver;
    bool terminated = true;  ///< The last record ends with its newline.
    bool mid_line = false;   ///< What follows goes on with an oversized line.
    std::size_t waiting =
        0;  ///< So many bytes after these are the head of a record that is not complete.
};

/// Bound: one pass to count, and a look back from each line_max-th byte.
Cut cut_lines(std::span<const std::byte> bytes, const CutRule& rule);

}  // namespace holdfast

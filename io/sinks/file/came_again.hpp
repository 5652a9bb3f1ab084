// Which records of one range of bytes stand in another one as well: whether what was set aside has
// been written again, in whatever order.
//
// Rule 1: a record counts as often as it stands in both.
// Rule 2: a torn last record of the first range is met by one that begins with it.
// Rule 3: records are told apart by 64 bits of hash.
// Bound: 1.5 MiB, whatever the ranges. The first is read once, and both once more for each 96 Ki
// records of it; where that would be more than `passes_max` times, nothing is known.
#pragma once

#include <cstdint>

#include "core/codec/record_scan.hpp"
#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

struct FileRange {
    int fd = -1;
    std::int64_t begin = 0;  ///< A record begins here.
    std::int64_t end = 0;
};

struct CameAgain {
    std::uint64_t records = 0;  ///< In the first range; a torn one is one.
    std::uint64_t found = 0;    ///< Of those.
    bool all() const { return records == found; }
};

inline constexpr std::uint64_t came_again_passes_max = 64;

/// Result: 0 or an error. -EFBIG: too many records to say.
Task<std::int64_t> came_again(Ring& ring, FileRange of, FileRange in, codec::Framing framing,
                              CameAgain& out);

}  // namespace holdfast::io

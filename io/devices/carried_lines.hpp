// The lines of a stream that can be read once, from block to block: what was read of it and not given
// away yet.
//
// Rule 1: a line that is cut by the end of a block is carried over (copied) to the next one.
// Rule 2: while whole lines are carried nothing more is to be read.
// Rule 3: who carries nothing has no memory.
// Bound: a block, or line_max bytes where that is more.
// Doesn't know: where the bytes come from, positions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/data/line_cut.hpp"
#include "io/device.hpp"
#include "io/payloads.hpp"

namespace holdfast::io {

struct LineLimits {
    std::uint32_t line_max = 1u << 20;  ///< Newline included; at most the pool's block_max.
    Oversize oversize = Oversize::dead_letter;
};

class CarriedLines {
public:
    /// A block for this pull with room behind what is carried. Empty: the pool has none.
    std::span<std::byte> take_block(const Pull& pull, BlockPool& pool) const;
    /// Copies what is carried to the head of the block; so many bytes.
    std::size_t copy_to(std::span<std::byte> block) const;
    /// What of the block's first `length` bytes is given away; the rest is carried from now on.
    /// `carried` of them are copy_to's. `ended`: nothing follows, so a rest without newline is a
    /// record. No bytes: there is no whole record yet.
    Cut cut(const Pull& pull, std::span<const std::byte> block, std::size_t length,
            std::size_t carried, bool ended, const LineLimits& limits);

    /// Something of it can be given away with nothing read before.
    bool has_whole() const { return !bytes_.empty() && !waits_; }
    bool empty() const { return bytes_.empty(); }
    std::span<const std::byte> bytes() const { return bytes_; }
    /// What follows goes on with a line whose head was oversized.
    bool mid_line() const { return mid_line_; }
    /// Bytes of memory that it holds.
    std::size_t held() const { return bytes_.capacity(); }
    /// What follows is another stream.
    void clear();

private:
    void keep(std::span<const std::byte> rest, std::size_t carried);

    std::vector<std::byte> bytes_;
    bool waits_ = false;  ///< All of it is the head of a line that is not complete.
    bool mid_line_ = false;
};

}  // namespace holdfast::io

// A stream of compressed bytes made plain, piece by piece.
//
// Rule 1: several gzip members, or zstd frames, one behind the other are one text; zero bytes behind
//         the last one are nothing, anything else there is damage.
// Rule 2: what was made before damage, or before the data ends too early, is good: checksums are
//         checked where the format has them, at the end of a member or frame.
// Bound: gzip takes 48 KiB, zstd its window, of which `window_max` bytes are accepted.
// Doesn't know: files, rings, positions.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "io/sources/file/archive.hpp"

namespace holdfast::io {

class Unpacker {
public:
    static constexpr unsigned window_max = 8u << 20;

    struct Step {
        std::size_t taken = 0;   ///< Of `in`.
        std::size_t made = 0;    ///< In `out`.
        bool good = true;        ///< false: damaged, for good.
        bool too_large = false;  ///< Not good: it needs a window that is too large.
    };

    virtual ~Unpacker() = default;
    /// Takes what it can and makes what fits. Nothing of either: it needs more input.
    virtual Step step(std::span<const std::byte> in, std::span<std::byte> out) = 0;
    /// May the input end here?
    virtual bool complete() const = 0;
};

/// Null for what is not unpacked.
std::unique_ptr<Unpacker> make_unpacker(Archive archive);

}  // namespace holdfast::io

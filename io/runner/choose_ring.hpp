// Which ring: io_uring where the kernel allows it, plain calls elsewhere.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "io/ring.hpp"

namespace holdfast::io {

enum class RingChoice : std::uint8_t { automatic, uring, posix };

/// A ring for the calling thread. `automatic` tries io_uring and falls back to posix. `why` becomes
/// a line for the log, where there is something to say: why io_uring was not taken, or why its
/// buffers are not registered; else "". Null only if `choice` is uring and that is impossible.
/// `buffers` are registered where io_uring can: that pins them, which costs start-up time, and for
/// page-cache I/O was not seen to gain any (uring_prepare.cpp); empty registers nothing.
/// Lives: `buffers` until the ring is destroyed.
std::unique_ptr<Ring> choose_ring(RingChoice choice, std::span<std::byte> buffers,
                                  std::string& why);

}  // namespace holdfast::io

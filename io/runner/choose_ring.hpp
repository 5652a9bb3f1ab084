// Which ring: io_uring where the kernel allows it, plain calls elsewhere.
#pragma once

#include <memory>
#include <string>

#include "io/ring.hpp"

namespace holdfast::io {

enum class RingChoice : std::uint8_t { automatic, uring, posix };

/// A ring for the calling thread. `automatic` tries io_uring and falls back to posix; `why` then
/// says why io_uring was not taken, for the log; else it is "". Null only if `choice` is uring and
/// that is impossible.
std::unique_ptr<Ring> choose_ring(RingChoice choice, std::string& why);

}  // namespace holdfast::io

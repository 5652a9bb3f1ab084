// Operations as plain system calls on the calling thread.
#pragma once

#include <sys/stat.h>

#include "io/ring.hpp"

namespace holdfast::io {

/// Does a file operation (open ... list, and reads and writes of regular files) and returns its
/// result: >= 0, or a negated errno. May block. Touches nothing of `op` but its out-parameters.
/// Requires: not a timeout, and no socket operation or poll.
std::int64_t perform_file(const Op& op);

/// Tries what may have to wait for its peer (read and write of a stream, recv, send, accept,
/// poll_in) and returns -EAGAIN where it would block. `revents` is what poll(2) said of the fd.
std::int64_t try_stream(const Op& op, short revents);

/// Monotonic time, and wall time since 1970.
Instant monotonic_now();
std::int64_t wall_clock_ns();

}  // namespace holdfast::io

// Operations as plain system calls on the calling thread.
#pragma once

#include <sys/stat.h>

#include "io/ring.hpp"

namespace holdfast::io {

/// What of a file's metadata is asked for.
inline constexpr unsigned stat_mask = STATX_BASIC_STATS | STATX_BTIME;
FileStat file_stat(const struct statx& from);

/// Operations that only look at what the kernel knows or has: no thread is woken for one. Those are
/// perform_file's, too.
bool never_waits(const Op& op);

/// Does a file operation (open ... list, and reads and writes of regular files) and returns its
/// result: >= 0, or a negated errno. May block. Touches nothing of `op` but its out-parameters.
/// Requires: not a timeout, and no socket operation or poll, save for one that never waits.
std::int64_t perform_file(const Op& op);

/// The part of perform_file that is about watched directories.
std::int64_t perform_watch(const Op& op);

/// Tries what may have to wait for its peer (read and write of a stream, recv, send, accept,
/// poll_in) and returns -EAGAIN where it would block. `revents` is what poll(2) said of the fd.
std::int64_t try_stream(const Op& op, short revents);

/// Monotonic time, and wall time since 1970.
Instant monotonic_now();
std::int64_t wall_clock_ns();

}  // namespace holdfast::io

// SIGINT and SIGTERM as something that the ring can wait for.
//
// Bound: one file descriptor. Must be made before any thread is, so that all of them block the
// signals and none is killed by one.
#pragma once

#include <cstdint>

namespace holdfast::io {

class Signals {
public:
    /// Blocks SIGINT and SIGTERM, ignores SIGPIPE and SIGXFSZ (their calls fail instead).
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;

    /// Readable when a signal came.
    int fd() const { return fd_; }
    /// Counts what came since, without waiting.
    std::uint32_t take();
    /// All that came so far.
    std::uint32_t count() const { return count_; }

private:
    int fd_ = -1;
    std::uint32_t count_ = 0;
};

}  // namespace holdfast::io

// SIGINT and SIGTERM as something that the ring can wait for.
//
// Bound: one file descriptor. Must be made before any thread is, so that all of them block the
// signals and none is killed by one.
#pragma once

#include <cstdint>

namespace holdfast::io {

/// Somebody wants the pipeline to end: the first one drains, the second stops now.
class StopRequests {
public:
    virtual ~StopRequests() = default;
    /// Readable when one came.
    virtual int fd() const = 0;
    /// Counts what came since, without waiting.
    virtual std::uint32_t take() = 0;
    /// All that came so far.
    virtual std::uint32_t count() const = 0;
};

class Signals final : public StopRequests {
public:
    /// Blocks SIGINT and SIGTERM, ignores SIGPIPE and SIGXFSZ (their calls fail instead).
    Signals();
    ~Signals() override;
    Signals(const Signals&) = delete;

    int fd() const override { return fd_; }
    std::uint32_t take() override;
    std::uint32_t count() const override { return count_; }

private:
    int fd_ = -1;
    std::uint32_t count_ = 0;
};

}  // namespace holdfast::io

// Signals as something that the ring can wait for.
//
// Rule 1: INT and TERM ask to stop; QUIT counts as two, so it stops at once; USR1 asks for the state;
//         HUP (until there is reload) and USR2 change nothing, and are answered with a line.
// Rule 2: nothing else that somebody may send by mistake, or a timer of the caller's, ends the
//         process: it is ignored. What the process does wrong itself (SEGV, ABRT, ...), XCPU and job
//         control stay as they are.
// Bound: one file descriptor, and the watchdog. Must be made before any other thread is, so that all
// of them block the signals and none is killed by one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "io/runner/watchdog.hpp"

namespace holdfast::io {

/// What else may be wanted of a pipeline that goes on.
enum class Asked : std::uint8_t {
    none,
    state,    ///< What it is at.
    reload,   ///< Another config: there is no reload.
    nothing,  ///< It means nothing, and whoever sent it should know.
};

/// Somebody wants the pipeline to end: the first one drains, the second stops now.
class StopRequests {
public:
    virtual ~StopRequests() = default;
    /// What else was asked since take(), one by one, then none.
    virtual Asked asked() { return Asked::none; }
    /// Readable when one came.
    virtual int fd() const = 0;
    /// Counts what came since, without waiting.
    virtual std::uint32_t take() = 0;
    /// All that came so far.
    virtual std::uint32_t count() const = 0;
};

class Signals final : public StopRequests {
public:
    /// Blocks those that are told, ignores the rest of rule 2 (calls fail instead of PIPE and XFSZ).
    Signals();
    ~Signals() override;
    Signals(const Signals&) = delete;

    int fd() const override { return watchdog_->fd(); }
    std::uint32_t take() override;
    Asked asked() override;
    std::uint32_t count() const override { return count_; }
    /// Who ends the process if nobody heeds the signals.
    Watchdog& watchdog() const { return *watchdog_; }

private:
    int fd_ = -1;
    std::uint32_t count_ = 0;
    std::vector<Asked> asked_;  ///< Each kind once, the first one last.
    std::unique_ptr<Watchdog> watchdog_;
};

}  // namespace holdfast::io

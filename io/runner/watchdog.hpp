// Ends the process when it was told to end and does not: a program in an endless loop, a disk that
// hangs. Stands between the kernel's signals and whoever acts on them.
//
// Rule 1: a second signal to stop ends the process within `grace`, the first one within the
//         shutdown timeout and `grace`, whatever other threads do.
// Rule 2: the end is a crash (_exit): nothing is committed that was not, so it is safe at any time.
//         What is evaluated at that moment is named first.
// Rule 3: what it says may hang as well (a full pipe): it is waited for shortly.
// Bound: one thread, one pipe.
// Doesn't know: what the signals mean to a pipeline.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "core/base/time.hpp"
#include "core/data/hurry.hpp"

namespace holdfast::io {

class Watchdog {
public:
    /// After its time a process has so long to come to its end by itself.
    static constexpr Duration grace = seconds(3);
    static constexpr int exit_code = 75;  ///< Work is left; the same command resumes.

    /// From now on reads `signal_fd` (a signalfd, which stays the caller's) alone.
    explicit Watchdog(int signal_fd);
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;

    /// What it read, unchanged: a signalfd_siginfo at a time, without waiting.
    int fd() const { return read_fd_; }

    /// How long the first signal leaves. Until it is called: for ever.
    void allow(Duration shutdown_timeout);
    /// Tells programs of the signals: the first one leaves them what Haste::soon leaves, the second,
    /// or the timeout, nothing.
    const Hurry& hurry() const { return hurry_; }
    /// Said before it ends the process. Called on a thread of its own.
    void say_with(std::function<void()> last_words);

private:
    void watch();
    void forward();
    void end() const;

    int signal_fd_;
    int read_fd_ = -1;
    int write_fd_ = -1;
    int wake_fd_ = -1;
    mutable std::mutex mutex_;
    std::function<void()> last_words_;
    Duration allowed_{INT64_MAX};
    std::uint32_t stops_ = 0;
    Hurry hurry_;
    Instant first_{};
    Instant second_{};
    bool ends_ = false;
    std::thread thread_;  ///< Last: it uses all of the above.
};

}  // namespace holdfast::io

// Threads that do file operations as plain calls, which may block: one for each that blocks.
//
// Rule 1: an operation goes to the thread that became idle last: its cache is the warmest, and it
//         stays on that core. If none is idle a new thread is made, up to `threads_max`; beyond it,
//         operations wait in order. So a disk that hangs holds up the operations on it and no other.
// Rule 2: what has been begun cannot be cancelled: it ends with its result. So abandon() waits for
//         it; opening a FIFO without a peer would hold it up for ever.
// Rule 3: all that threads share is behind one mutex. Ended operations are handed out by take(), on
//         the ring's thread; `wake` is called when there is a first one, from any thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "io/posix/open_files.hpp"
#include "io/ring.hpp"

namespace holdfast::io {

class FileThreads {
public:
    static constexpr std::size_t threads_max = 128;

    /// `wake` must not block and not call back.
    explicit FileThreads(std::function<void()> wake, std::size_t threads = threads_max);
    ~FileThreads();
    FileThreads(const FileThreads&) = delete;

    void start(Op& op);
    /// True if it had not been begun: it will not be, and is not handed out.
    bool cancel(Op& op);
    /// Appends what has ended, its `result` set, to `ended`.
    void take(std::vector<Op*>& ended);
    /// Started and not yet taken.
    std::size_t outstanding() const { return outstanding_; }
    /// Forgets what has not been begun, waits for the rest, tells it to `open` and forgets it too.
    void abandon(OpenFiles& open);

private:
    struct Worker {
        std::condition_variable given;
        Op* op = nullptr;
        std::thread thread;
    };

    void work(Worker& own);

    const std::function<void()> wake_;
    const std::size_t threads_most_;
    std::size_t outstanding_ = 0;  ///< The ring thread's own.

    std::mutex mutex_;  // guards the rest
    std::condition_variable all_ended_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<Worker*> idle_;
    std::deque<Op*> queue_;
    std::vector<Op*> ended_;
    std::size_t running_ = 0;
    bool stop_ = false;
};

}  // namespace holdfast::io

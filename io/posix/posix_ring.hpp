// A Ring of plain system calls on a few threads, for kernels and containers without io_uring.
//
// Rule 1: file operations run on a small pool; what waits for a peer (pipes, sockets, poll_in) on
//         the Poller; timeouts on the ring's own thread, in run(). No order is promised.
// Rule 2: all that threads share is behind one mutex; an Op is touched by one thread at a time, and
//         `ring_data` only under the mutex.
// Rule 3: an operation that a pool thread has begun cannot be cancelled: it ends with its result.
//         So abandon() waits for it; opening a FIFO without a peer would hold it up for ever.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "io/posix/poller.hpp"
#include "io/ring.hpp"

namespace holdfast::io {

class PosixRing final : public Ring {
public:
    explicit PosixRing(unsigned threads = 4);
    ~PosixRing() override;
    PosixRing(const PosixRing&) = delete;

    void start(Op& op) override;
    void cancel(Op& op) override;
    std::size_t run(Instant until) override;
    Instant now() override;
    std::int64_t wall_ns() override;
    void abandon() override;
    const char* name() const override { return "posix"; }

private:
    enum class Where : std::uint64_t { nowhere, timer, queued, running, polled, done };
    using TimerKey = std::pair<std::int64_t, std::uint64_t>;

    static Where where(const Op& op) { return Where{op.ring_data[0]}; }
    static void set_where(Op& op, Where w) { op.ring_data[0] = static_cast<std::uint64_t>(w); }
    static bool waits_for_peer(const Op& op);

    void work();
    void end(Op& op, std::int64_t result);
    void fire_timers();

    // The ring thread's own.
    std::map<TimerKey, Op*> timers_;  ///< By instant, then order of start.
    std::uint64_t started_ = 0;  ///< Numbers the operations: see ring_data[1].
    std::deque<Op*> batch_;
    bool in_run_ = false;

    std::mutex mutex_;  // guards the rest
    std::condition_variable work_;
    std::condition_variable ended_;
    std::deque<Op*> queue_;
    std::vector<Op*> done_;
    std::size_t running_ = 0;  ///< On pool threads.
    std::size_t polled_ = 0;
    bool stop_ = false;

    Poller poller_;
    std::vector<std::thread> threads_;
};

}  // namespace holdfast::io

// A Ring of plain system calls on a few threads, for kernels and containers without io_uring.
//
// Rule 1: file operations run on FileThreads; what waits for a peer (pipes, sockets, poll_in) on
// the
//         Poller; timeouts on the ring's own thread, in run(). No order is promised.
// Rule 2: an Op is touched by one thread at a time; what the threads share is behind one mutex.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "io/posix/file_threads.hpp"
#include "io/posix/open_files.hpp"
#include "io/posix/poller.hpp"
#include "io/ring.hpp"

namespace holdfast::io {

class PosixRing final : public Ring {
public:
    explicit PosixRing(std::size_t threads = FileThreads::threads_max);
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
    enum class Where : std::uint64_t { nowhere, timer, file, polled, done };
    using TimerKey = std::pair<std::int64_t, std::uint64_t>;

    static Where where(const Op& op) { return Where{op.ring_data[0]}; }
    static void set_where(Op& op, Where w) { op.ring_data[0] = static_cast<std::uint64_t>(w); }
    static bool waits_for_peer(const Op& op);

    void end(Op& op, std::int64_t result);
    void fire_timers();

    bool is_over(Instant until);
    std::size_t hand_out();

    // The ring thread's own.
    std::map<TimerKey, Op*> timers_;  ///< By instant, then order of start.
    std::uint64_t started_ = 0;       ///< Numbers the operations: see ring_data[1].
    std::vector<Op*> ended_files_;
    std::deque<Op*> batch_;
    bool in_run_ = false;
    OpenFiles open_files_;

    std::mutex mutex_;  // guards the next four
    std::condition_variable ended_;
    std::vector<Op*> done_;
    std::size_t polled_ = 0;
    bool files_ended_ = false;

    Poller poller_;
    FileThreads files_;
};

}  // namespace holdfast::io

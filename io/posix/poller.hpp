// One thread that waits with poll(2) for what depends on a peer: reads and writes of pipes,
// sockets, poll_in. So a blocked peer holds up nothing else, and everything here can be cancelled.
//
// Rule 1: an Op belongs to the poller from add() until it was handed to `done`, on this thread.
// Rule 2: `done` is called without the poller's lock.
// Bound: a poll over all operations a wake-up; meant for tens of them, not thousands.
#pragma once

#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "io/ring.hpp"

namespace holdfast::io {

class Poller {
public:
    explicit Poller(std::function<void(Op&, std::int64_t result)> done);
    ~Poller();
    Poller(const Poller&) = delete;

    /// `id` is never used twice: an Op's address may be.
    void add(Op& op, std::uint64_t id);
    /// Ends it with -ECANCELED, unless its result comes first. Nothing if it isn't here any more.
    void cancel(std::uint64_t id);
    void cancel_all();

private:
    struct Entry {
        Op* op;
        std::uint64_t id;
        short wants;
        bool begun = false;  ///< connect: called, and the fd's flags are to be restored.
        int flags = 0;
    };

    void work();
    void take_orders();
    void wait_and_try();
    static std::int64_t attempt(Entry& entry, short revents);
    static std::int64_t try_connect(Entry& entry, short revents);
    void wake();

    std::function<void(Op&, std::int64_t)> done_;
    int wake_fd_;
    std::mutex mutex_;
    std::vector<Entry> added_;  ///< Guarded by mutex_, as the next three.
    std::vector<std::uint64_t> cancelled_;
    bool cancel_all_ = false;
    bool stop_ = false;
    std::vector<Entry> entries_;  ///< The poller thread's own.
    std::thread thread_;
};

}  // namespace holdfast::io

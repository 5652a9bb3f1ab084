// Two ends of the threads of an embedded pipeline: a Desk does tasks on a thread of its own, an
// Inbox collects what the threads have to say until the engine's thread takes it.
//
// Rule 1: a desk does its tasks one after the other, in order; urgent ones first, and in order among
//         themselves.
// Rule 2: destroying a desk waits for the task under way and drops the rest.
// Bound: a desk's tasks are answers to effects, so the engine's own limits bound them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "core/base/time.hpp"

namespace holdfast::embed {

using Task = std::function<void()>;

/// Now, on the clock of all waits here.
Instant clock_now();

class Inbox {
public:
    void post(Task task);
    /// What has come; waits for something until `until`.
    std::deque<Task> take(Instant until);

private:
    std::mutex mutex_;
    std::condition_variable came_;
    std::deque<Task> tasks_;
};

class Desk {
public:
    Desk() : thread_([this] { work(); }) {}
    ~Desk();
    Desk(const Desk&) = delete;

    void post(Task task);
    void post_urgent(Task task);

private:
    void work();

    std::mutex mutex_;
    std::condition_variable came_;
    std::deque<Task> urgent_;
    std::deque<Task> tasks_;
    bool closed_ = false;
    std::thread thread_;  ///< Last: it uses all of the above.
};

}  // namespace holdfast::embed

// See desk.hpp.
#include "io/embed/desk.hpp"

#include <chrono>

namespace holdfast::embed {

Instant clock_now() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return Instant{std::chrono::duration_cast<std::chrono::nanoseconds>(since).count()};
}

void Inbox::post(Task task) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    came_.notify_one();
}

std::deque<Task> Inbox::take(Instant until) {
    std::unique_lock lock(mutex_);
    const auto any = [this] { return !tasks_.empty(); };
    if (until == never) {
        came_.wait(lock, any);
    } else {
        const std::chrono::steady_clock::time_point at{std::chrono::nanoseconds(until.ns)};
        came_.wait_until(lock, at, any);
    }
    return std::exchange(tasks_, {});
}

Desk::~Desk() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        urgent_.clear();
        tasks_.clear();
    }
    came_.notify_one();
    thread_.join();
}

void Desk::post(Task task) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    came_.notify_one();
}

void Desk::post_urgent(Task task) {
    {
        const std::lock_guard lock(mutex_);
        urgent_.push_back(std::move(task));
    }
    came_.notify_one();
}

void Desk::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        came_.wait(lock, [this] { return closed_ || !urgent_.empty() || !tasks_.empty(); });
        if (closed_) return;
        {
            std::deque<Task>& from = urgent_.empty() ? tasks_ : urgent_;
            const Task task = std::move(from.front());
            from.pop_front();
            lock.unlock();
            task();
        }
        lock.lock();
    }
}

}  // namespace holdfast::embed

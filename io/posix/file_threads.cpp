#include "io/posix/file_threads.hpp"

#include <algorithm>
#include <utility>

#include "core/base/assert.hpp"
#include "io/posix/plain_calls.hpp"
#include "io/posix/signals_blocked.hpp"

namespace holdfast::io {

FileThreads::FileThreads(std::function<void()> wake, std::size_t threads)
    : wake_(std::move(wake)), threads_most_(threads) {
    HF_ASSERT(threads > 0);
}

FileThreads::~FileThreads() {
    OpenFiles none;
    abandon(none);
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
        for (const auto& worker : workers_) worker->given.notify_one();
    }
    for (const auto& worker : workers_) worker->thread.join();
}

void FileThreads::start(Op& op) {
    outstanding_ += 1;
    std::unique_lock lock(mutex_);
    if (!idle_.empty()) {
        Worker& worker = *idle_.back();
        idle_.pop_back();
        worker.op = &op;
        running_ += 1;
        // Unlocked, or what is woken on this core would wait for the lock at once.
        lock.unlock();
        worker.given.notify_one();
    } else if (workers_.size() < threads_most_) {
        const SignalsBlocked blocked;
        workers_.push_back(std::make_unique<Worker>());
        Worker& worker = *workers_.back();
        worker.op = &op;
        running_ += 1;
        worker.thread = std::thread([this, &worker] { work(worker); });
    } else {
        queue_.push_back(&op);
    }
}

bool FileThreads::cancel(Op& op) {
    const std::lock_guard lock(mutex_);
    if (std::erase(queue_, &op) == 0) return false;
    outstanding_ -= 1;
    return true;
}

void FileThreads::work(Worker& own) {
    std::unique_lock lock(mutex_);
    while (true) {
        own.given.wait(lock, [&] { return stop_ || own.op != nullptr; });
        if (own.op == nullptr) return;
        Op& op = *std::exchange(own.op, nullptr);
        lock.unlock();
        const std::int64_t result = perform_file(op);
        lock.lock();
        op.result = result;
        ended_.push_back(&op);
        const bool is_first = ended_.size() == 1;
        if (!queue_.empty()) {
            own.op = queue_.front();
            queue_.pop_front();
            running_ += 1;
        } else {
            idle_.push_back(&own);
        }
        if (is_first) {
            // As in start(). It counts as running until then: abandon() waits for its wake.
            lock.unlock();
            wake_();
            lock.lock();
        }
        running_ -= 1;
        if (running_ == 0) all_ended_.notify_one();
    }
}

void FileThreads::take(std::vector<Op*>& ended) {
    if (outstanding_ == 0) return;
    const std::lock_guard lock(mutex_);
    HF_ASSERT(ended_.size() <= outstanding_);
    outstanding_ -= ended_.size();
    ended.insert(ended.end(), ended_.begin(), ended_.end());
    ended_.clear();
}

void FileThreads::abandon(OpenFiles& open) {
    std::unique_lock lock(mutex_);
    queue_.clear();
    all_ended_.wait(lock, [this] { return running_ == 0; });
    for (const Op* op : ended_) open.ended(*op);
    ended_.clear();
    outstanding_ = 0;
}

}  // namespace holdfast::io

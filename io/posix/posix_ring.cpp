#include "io/posix/posix_ring.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "core/base/assert.hpp"
#include "io/posix/plain_calls.hpp"
#include "io/posix/signals_blocked.hpp"

namespace holdfast::io {

PosixRing::PosixRing(unsigned threads)
    : poller_([this](Op& op, std::int64_t result) {
          const std::lock_guard lock(mutex_);
          polled_ -= 1;
          end(op, result);
      }) {
    HF_ASSERT(threads > 0);
    const SignalsBlocked blocked;
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

PosixRing::~PosixRing() {
    abandon();
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

Instant PosixRing::now() { return monotonic_now(); }
std::int64_t PosixRing::wall_ns() { return wall_clock_ns(); }

// Regular files never block for long, whatever poll(2) says of them.
bool PosixRing::waits_for_peer(const Op& op) {
    switch (op.kind) {
        case OpKind::connect:
        case OpKind::accept:
        case OpKind::recv:
        case OpKind::send:
        case OpKind::poll_in: return true;
        case OpKind::read:
        case OpKind::write: {
            struct stat st {};
            if (op.offset >= 0 || ::fstat(op.fd, &st) != 0) return false;
            return S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode);
        }
        default: return false;
    }
}

void PosixRing::start(Op& op) {
    HF_ASSERT(op.done != nullptr);
    op.ring_data[1] = started_++;
    if (op.kind == OpKind::timeout) {
        set_where(op, Where::timer);
        timers_.emplace(TimerKey{op.at.ns, op.ring_data[1]}, &op);
        return;
    }
    const bool polled = waits_for_peer(op);
    {
        const std::lock_guard lock(mutex_);
        set_where(op, polled ? Where::polled : Where::queued);
        polled_ += polled ? 1 : 0;
        if (!polled) queue_.push_back(&op);
    }
    if (polled) {
        poller_.add(op, op.ring_data[1]);
    } else {
        work_.notify_one();
    }
}

void PosixRing::cancel(Op& op) {
    bool polled = false;
    {
        const std::lock_guard lock(mutex_);
        polled = where(op) == Where::polled;
        if (where(op) == Where::timer) {
            timers_.erase(TimerKey{op.at.ns, op.ring_data[1]});
            end(op, -ECANCELED);
        } else if (where(op) == Where::queued) {
            std::erase(queue_, &op);
            end(op, -ECANCELED);
        }
    }
    if (polled) poller_.cancel(op.ring_data[1]);
}

// Requires: the mutex is held.
void PosixRing::end(Op& op, std::int64_t result) {
    op.result = result;
    set_where(op, Where::done);
    done_.push_back(&op);
    ended_.notify_one();
}

void PosixRing::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        work_.wait(lock, [this] { return stop_ || !queue_.empty(); });
        if (stop_) return;
        Op& op = *queue_.front();
        queue_.pop_front();
        set_where(op, Where::running);
        running_ += 1;
        lock.unlock();
        const std::int64_t result = perform_file(op);
        lock.lock();
        running_ -= 1;
        end(op, result);
    }
}

// Requires: the mutex is held.
void PosixRing::fire_timers() {
    if (timers_.empty()) return;
    const std::int64_t now_ns = monotonic_now().ns;
    while (!timers_.empty() && timers_.begin()->first.first <= now_ns) {
        Op& op = *timers_.begin()->second;
        timers_.erase(timers_.begin());
        end(op, -ETIME);
    }
}

std::size_t PosixRing::run(Instant until) {
    HF_ASSERT(!in_run_);
    in_run_ = true;
    {
        std::unique_lock lock(mutex_);
        // A wait needs a wake.
        HF_ASSERT(until != never || !timers_.empty() || !done_.empty() || !queue_.empty() ||
                  running_ > 0 || polled_ > 0);
        while (true) {
            fire_timers();
            if (!done_.empty() || monotonic_now() >= until) break;
            const std::int64_t first =
                timers_.empty() ? never.ns : std::min(until.ns, timers_.begin()->first.first);
            const std::int64_t wake_ns = std::min(first, until.ns);
            if (wake_ns == never.ns) {
                ended_.wait(lock);
            } else {
                using Clock = std::chrono::steady_clock;
                ended_.wait_until(lock, Clock::time_point(std::chrono::nanoseconds(wake_ns)));
            }
        }
        batch_.assign(done_.begin(), done_.end());
        done_.clear();
    }
    std::size_t completed = 0;
    while (!batch_.empty()) {
        Op& op = *batch_.front();
        batch_.pop_front();
        set_where(op, Where::nowhere);
        completed += 1;
        op.done(op);
    }
    in_run_ = false;
    return completed;
}

void PosixRing::abandon() {
    timers_.clear();
    batch_.clear();
    std::unique_lock lock(mutex_);
    queue_.clear();
    if (polled_ > 0) poller_.cancel_all();
    ended_.wait(lock, [this] { return running_ == 0 && polled_ == 0; });
    done_.clear();
}

}  // namespace holdfast::io

#include "io/posix/posix_ring.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "core/base/assert.hpp"
#include "io/posix/plain_calls.hpp"

namespace holdfast::io {

PosixRing::PosixRing(std::size_t threads)
    : poller_([this](Op& op, std::int64_t result) {
          const std::lock_guard lock(mutex_);
          polled_ -= 1;
          end(op, result);
      }),
      files_(
          [this] {
              const std::lock_guard lock(mutex_);
              files_ended_ = true;
              ended_.notify_one();
          },
          threads) {}

PosixRing::~PosixRing() { abandon(); }

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
            struct stat st{};
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
    if (never_waits(op)) {
        const std::int64_t result = perform_file(op);
        const std::lock_guard lock(mutex_);
        end(op, result);
        return;
    }
    if (!waits_for_peer(op)) {
        set_where(op, Where::file);
        files_.start(op);
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        set_where(op, Where::polled);
        polled_ += 1;
    }
    poller_.add(op, op.ring_data[1]);
}

void PosixRing::cancel(Op& op) {
    bool polled = false;
    bool file = false;
    {
        const std::lock_guard lock(mutex_);
        polled = where(op) == Where::polled;
        file = where(op) == Where::file;
        if (where(op) == Where::timer) {
            timers_.erase(TimerKey{op.at.ns, op.ring_data[1]});
            end(op, -ECANCELED);
        }
    }
    if (polled) poller_.cancel(op.ring_data[1]);
    if (!file || !files_.cancel(op)) return;
    const std::lock_guard lock(mutex_);
    end(op, -ECANCELED);
}

// Requires: the mutex is held.
void PosixRing::end(Op& op, std::int64_t result) {
    op.result = result;
    set_where(op, Where::done);
    done_.push_back(&op);
    ended_.notify_one();
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

// Requires: the mutex is held.
bool PosixRing::is_over(Instant until) {
    fire_timers();
    return !done_.empty() || files_ended_ || monotonic_now() >= until;
}

std::size_t PosixRing::run(Instant until) {
    HF_ASSERT(!in_run_);
    in_run_ = true;
    {
        std::unique_lock lock(mutex_);
        // A wait needs a wake.
        HF_ASSERT(until != never || !timers_.empty() || !done_.empty() || polled_ > 0 ||
                  files_.outstanding() > 0);
        while (!is_over(until)) {
            const std::int64_t first = timers_.empty() ? never.ns : timers_.begin()->first.first;
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
        files_ended_ = false;
    }
    files_.take(ended_files_);
    batch_.insert(batch_.end(), ended_files_.begin(), ended_files_.end());
    ended_files_.clear();
    const std::size_t completed = hand_out();
    in_run_ = false;
    return completed;
}

std::size_t PosixRing::hand_out() {
    std::size_t completed = 0;
    while (!batch_.empty()) {
        Op& op = *batch_.front();
        batch_.pop_front();
        set_where(op, Where::nowhere);
        completed += 1;
        open_files_.ended(op);
        op.done(op);
    }
    return completed;
}

void PosixRing::abandon() {
    timers_.clear();
    for (const Op* op : batch_) open_files_.ended(*op);
    batch_.clear();
    files_.abandon(open_files_);
    std::unique_lock lock(mutex_);
    if (polled_ > 0) poller_.cancel_all();
    ended_.wait(lock, [this] { return polled_ == 0; });
    for (const Op* op : done_) open_files_.ended(*op);
    done_.clear();
    open_files_.close_all();
    files_ended_ = false;
}

}  // namespace holdfast::io

#include "io/devices/transform_threads.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/assert.hpp"
#include "io/death_watch.hpp"

namespace holdfast::io {
namespace {

// Ends between two looks at how many threads there should be.
constexpr std::uint32_t sample_interval = 16;

}  // namespace

TransformThreads::TransformThreads(Ring& ring, std::uint32_t threads, const MakeEvaluator& make,
                                   std::function<void()> done)
    : ring_(ring),
      done_(std::move(done)),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      active_(1),
      policy_(ThreadLimits{.least = 1, .most = threads}) {
    HF_ASSERT(threads > 0);
    HF_ASSERT(wake_fd_ >= 0);
    for (std::uint32_t i = 0; i < threads; ++i) evaluators_.push_back(make());
    // Signals are for the thread that waits for them.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { work(i); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    scope_.spawn(watch());
}

TransformThreads::~TransformThreads() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
        orders_.clear();
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    ::close(wake_fd_);
}

std::vector<std::shared_ptr<const flow::Place>> TransformThreads::places() const {
    std::vector<std::shared_ptr<const flow::Place>> out;
    for (const auto& evaluator : evaluators_) out.push_back(evaluator->place());
    return out;
}

void TransformThreads::start(Evaluation& evaluation) {
    {
        const std::lock_guard lock(mutex_);
        orders_.push_back(&evaluation);
    }
    // All: the one that is woken may be one that rests.
    changed_.notify_all();
}

void TransformThreads::work(std::size_t index) {
    flow::Evaluator& evaluator = *evaluators_[index];
    const DeathWatch watch(evaluator.place());
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [&] { return ends_ || (index < active_ && !orders_.empty()); });
        if (ends_) return;
        Evaluation& next = *orders_.front();
        orders_.pop_front();
        ++working_;
        lock.unlock();
        evaluator.run(next.input, next.result);
        lock.lock();
        --working_;
        finished_.push_back(&next);
        if (finished_.size() > 1) continue;  // The ring's thread was told already.
        const std::uint64_t one = 1;
        const auto written = ::write(wake_fd_, &one, sizeof one);
        HF_ASSERT(written == static_cast<ssize_t>(sizeof one));
    }
}

Task<> TransformThreads::watch() {
    while (true) {
        co_await RingOp(ring_, Op{.kind = OpKind::poll_in, .fd = wake_fd_});
        std::uint64_t count = 0;
        const auto read = ::read(wake_fd_, &count, sizeof count);
        if (read != sizeof count) continue;
        std::vector<Evaluation*> finished;
        {
            const std::lock_guard lock(mutex_);
            finished.swap(finished_);
        }
        for (Evaluation* evaluation : finished) evaluation->done = true;
        done_();
    }
}

void TransformThreads::adapt(std::uint32_t saturation_permille) {
    if (++samples_ < sample_interval) return;
    samples_ = 0;
    const std::lock_guard lock(mutex_);
    const auto waiting = static_cast<std::uint32_t>(orders_.size());
    const std::uint32_t idle = active_ - std::min(working_, active_);
    active_ = policy_.decide({saturation_permille, waiting, idle});
    changed_.notify_all();
}

}  // namespace holdfast::io

// A few threads that evaluate batches, beside the ring's thread.
//
// Rule 1: orders begin in the order in which they came; they may end in any. Who waits for them is
//         told on the ring's thread, through an eventfd that the ring polls.
// Rule 2: what a thread reads (the batch's bytes) and writes (its result) is nobody else's until it
//         is done. Graphs that remember records are not evaluated here (see Plan's Reach).
// Rule 3: at most `active` of them work (core/engine/thread_policy.hpp says how many).
// Bound: one order and one result a batch; each thread has programs of its own.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/data/flow/evaluate.hpp"
#include "core/engine/thread_policy.hpp"
#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

/// One evaluation. Lives: its owner's, until it is done.
struct Evaluation {
    flow::Input input;
    flow::Result result;
    std::uint32_t noted = 0;  ///< By Witness::begins.
    bool done = false;
};

class TransformThreads {
public:
    using MakeEvaluator = std::function<std::unique_ptr<flow::Evaluator>()>;

    /// `make` is called once a thread, here. `done` on the ring's thread, when something is.
    TransformThreads(Ring& ring, std::uint32_t threads, const MakeEvaluator& make,
                     std::function<void()> done);
    /// Waits for what is being evaluated. After Ring::abandon().
    ~TransformThreads();
    TransformThreads(const TransformThreads&) = delete;

    void start(Evaluation& evaluation);
    /// How full memory is, asked at each end: decides how many threads work.
    void adapt(std::uint32_t saturation_permille);
    std::uint32_t active() const { return policy_.threads(); }
    /// Where each of them is.
    std::vector<std::shared_ptr<const flow::Place>> places() const;

private:
    void work(std::size_t index);
    Task<> watch();

    Ring& ring_;
    std::function<void()> done_;
    int wake_fd_;
    std::vector<std::unique_ptr<flow::Evaluator>> evaluators_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Evaluation*> orders_;
    std::vector<Evaluation*> finished_;
    std::uint32_t active_;
    std::uint32_t working_ = 0;
    bool ends_ = false;

    ThreadPolicy policy_;
    std::uint32_t samples_ = 0;
    std::vector<std::thread> threads_;
    Scope scope_;
};

}  // namespace holdfast::io

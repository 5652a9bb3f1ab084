// Coroutines for devices: a device reads from top to bottom and suspends where the kernel works.
//
// Rule 1: everything runs on the ring's thread; nothing here is thread-safe.
// Rule 2: a Task starts when it is awaited or spawned; it is owned by its awaiter or by a Scope.
// Rule 3: teardown is a crash: Ring::abandon(), then destroy the Scope; frames are destroyed where
//         they are suspended. A device must not rely on code after a co_await being reached.
// g++ 12: keep each co_await in a statement of its own (`auto n = co_await read(...);`), with no
// temporaries that have destructors in it; the compiler mishandles more than that.
#pragma once

#include <coroutine>
#include <cstdlib>
#include <list>
#include <utility>
#include <vector>

namespace holdfast::io {

template <class T>
class Task;

namespace detail {

struct PromiseBase {
    std::coroutine_handle<> continuation;
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
        bool await_ready() noexcept { return false; }
        template <class P>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<P> done) noexcept {
            auto next = done.promise().continuation;
            return next ? next : std::noop_coroutine();
        }
        void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    [[noreturn]] void unhandled_exception() noexcept { std::abort(); }
};

template <class T>
struct Promise : PromiseBase {
    T value{};
    Task<T> get_return_object();
    void return_value(T v) { value = std::move(v); }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object();
    void return_void() {}
};

}  // namespace detail

/// A coroutine with a result. Awaiting it runs it to its end. T must be default-constructible.
template <class T = void>
class [[nodiscard]] Task {
public:
    using promise_type = detail::Promise<T>;

    explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
    Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
    Task& operator=(Task&& other) noexcept {
        std::swap(frame_, other.frame_);
        return *this;
    }
    ~Task() {
        if (frame_) frame_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
        frame_.promise().continuation = waiter;
        return frame_;
    }
    T await_resume() {
        if constexpr (!std::is_void_v<T>) return std::move(frame_.promise().value);
    }

    bool done() const { return !frame_ || frame_.done(); }
    /// Runs to the first suspension. For Scope.
    void start() { frame_.resume(); }

private:
    std::coroutine_handle<promise_type> frame_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
    return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() {
    return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

/// Owns the coroutines that run on their own. Finished ones are freed at the next spawn.
class Scope {
public:
    Scope() = default;
    Scope(const Scope&) = delete;

    void spawn(Task<void> task) {
        tasks_.remove_if([](const Task<void>& t) { return t.done(); });
        tasks_.push_back(std::move(task));
        tasks_.back().start();
    }

private:
    std::list<Task<void>> tasks_;
};

/// Lets coroutines wait until somebody notifies. All waiters are resumed, from within notify().
/// A notification without waiters is not remembered: check the condition in a loop.
class Signal {
public:
    Signal() = default;
    Signal(const Signal&) = delete;

    auto wait() {
        struct Awaiter {
            Signal& signal;
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> h) { signal.waiters_.push_back(h); }
            void await_resume() const noexcept {}
        };
        return Awaiter{*this};
    }
    void notify() {
        std::vector<std::coroutine_handle<>> ready;
        ready.swap(waiters_);
        for (auto h : ready) h.resume();
    }

private:
    std::vector<std::coroutine_handle<>> waiters_;
};

}  // namespace holdfast::io

// See watchdog.hpp.
#include "io/runner/watchdog.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <climits>
#include <csignal>

#include "core/base/assert.hpp"

namespace holdfast::io {
namespace {

constexpr std::chrono::milliseconds words_take_at_most(1000);

Instant clock_now() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::nanoseconds>(since).count()};
}

}  // namespace

Watchdog::Watchdog(int signal_fd)
    : signal_fd_(signal_fd), wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    std::array<int, 2> ends{};
    const int made = ::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK);
    HF_ASSERT(made == 0 && wake_fd_ >= 0);
    read_fd_ = ends[0];
    write_fd_ = ends[1];
    thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    const std::uint64_t one = 1;
    const auto written = ::write(wake_fd_, &one, sizeof one);
    HF_ASSERT(written == static_cast<ssize_t>(sizeof one));
    thread_.join();
    for (const int fd : {read_fd_, write_fd_, wake_fd_}) ::close(fd);
}

void Watchdog::allow(Duration shutdown_timeout) {
    const std::lock_guard lock(mutex_);
    allowed_ = shutdown_timeout;
}

void Watchdog::say_with(std::function<void()> last_words) {
    const std::lock_guard lock(mutex_);
    last_words_ = std::move(last_words);
}

/// Hands on what came.
void Watchdog::forward() {
    signalfd_siginfo signal;
    while (::read(signal_fd_, &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
        // A reader that hangs leaves the pipe full; then only the count below matters.
        [[maybe_unused]] const auto written = ::write(write_fd_, &signal, sizeof signal);
        const int number = static_cast<int>(signal.ssi_signo);
        if (number != SIGINT && number != SIGTERM && number != SIGQUIT) continue;
        const Instant now = clock_now();
        if (stops_ == 0) first_ = now;
        // Who sends more of them is in a hurry, and gets no more time.
        if (stops_ < 2) second_ = now;
        stops_ = std::min(stops_ + (number == SIGQUIT ? 2u : 1u), 2u);
        hurry_.ask(stops_ > 1 ? Haste::now : Haste::soon);
    }
}

void Watchdog::watch() {
    while (true) {
        Instant deadline = never, hurry_at = never;
        {
            const std::lock_guard lock(mutex_);
            if (ends_) return;
            if (stops_ > 1) deadline = second_ + grace;
            if (stops_ > 0 && allowed_.ns < INT64_MAX / 2) {
                hurry_at = first_ + allowed_;
                deadline = std::min(deadline, hurry_at + grace);
            }
        }
        const Instant now = clock_now();
        if (deadline <= now) end();
        if (hurry_at <= now) hurry_.ask(Haste::now);
        const Instant next = hurry_at <= now ? deadline : std::min(hurry_at, deadline);
        const std::int64_t left = next == never ? -1 : (next - now).ns / 1'000'000 + 1;
        std::array<pollfd, 2> wait{pollfd{.fd = signal_fd_, .events = POLLIN, .revents = 0},
                                   pollfd{.fd = wake_fd_, .events = POLLIN, .revents = 0}};
        ::poll(wait.data(), wait.size(), static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
        forward();
    }
}

/// Does not return.
void Watchdog::end() const {
    std::function<void()> words;
    {
        const std::lock_guard lock(mutex_);
        words = last_words_;
    }
    std::atomic<bool> said = !words;
    if (words)
        std::thread([&words, &said] {
            words();
            said = true;
        }).detach();
    const auto until = std::chrono::steady_clock::now() + words_take_at_most;
    while (!said && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::_exit(exit_code);
}

}  // namespace holdfast::io

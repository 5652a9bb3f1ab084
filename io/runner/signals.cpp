// See signals.hpp.
#include "io/runner/signals.hpp"

#include <sys/signalfd.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>

#include "core/base/assert.hpp"

namespace holdfast::io {
namespace {

constexpr int told[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};
constexpr int ignored[] = {SIGPIPE, SIGXFSZ, SIGALRM, SIGVTALRM,
                           SIGPROF, SIGPOLL, SIGPWR,  SIGSTKFLT};

}  // namespace

Signals::Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : told) sigaddset(&set, number);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    for (const int number : ignored) std::signal(number, SIG_IGN);
    for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) std::signal(number, SIG_IGN);
    fd_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    HF_ASSERT(fd_ >= 0);
    watchdog_ = std::make_unique<Watchdog>(fd_);
}

Signals::~Signals() {
    watchdog_.reset();
    ::close(fd_);
}

std::uint32_t Signals::take() {
    std::uint32_t stops = 0;
    const auto ask = [&](Asked what) {
        if (std::ranges::find(asked_, what) == asked_.end()) asked_.insert(asked_.begin(), what);
    };
    signalfd_siginfo info;
    while (::read(fd(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        switch (info.ssi_signo) {
            case SIGINT:
            case SIGTERM: stops += 1; break;
            case SIGQUIT: stops += 2; break;
            case SIGUSR1: ask(Asked::state); break;
            case SIGHUP: ask(Asked::reload); break;
            default: ask(Asked::nothing); break;
        }
    }
    count_ += stops;
    return stops;
}

Asked Signals::asked() {
    if (asked_.empty()) return Asked::none;
    const Asked out = asked_.back();
    asked_.pop_back();
    return out;
}

}  // namespace holdfast::io

// See signals.hpp.
#include "io/runner/signals.hpp"

#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/base/assert.hpp"

namespace holdfast::io {

Signals::Signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    fd_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    HF_ASSERT(fd_ >= 0);
}

Signals::~Signals() { ::close(fd_); }

std::uint32_t Signals::take() {
    std::uint32_t taken = 0;
    signalfd_siginfo info;
    while (::read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) ++taken;
    count_ += taken;
    return taken;
}

}  // namespace holdfast::io

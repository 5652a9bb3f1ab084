// Blocks all signals while it lives. Threads inherit the mask of the one that makes them: signals
// are for the ring's own thread.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace holdfast::io {

class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;

private:
    sigset_t before_;
};

}  // namespace holdfast::io

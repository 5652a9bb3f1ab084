#include "io/posix/poller.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/base/assert.hpp"
#include "io/posix/plain_calls.hpp"
#include "io/posix/signals_blocked.hpp"

namespace holdfast::io {

Poller::Poller(std::function<void(Op&, std::int64_t)> done)
    : done_(std::move(done)), wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    HF_ASSERT(wake_fd_ >= 0);
    const SignalsBlocked blocked;
    thread_ = std::thread([this] { work(); });
}

Poller::~Poller() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake();
    thread_.join();
    HF_ASSERT(entries_.empty());
    ::close(wake_fd_);
}

void Poller::wake() {
    const std::uint64_t one = 1;
    const ssize_t n = ::write(wake_fd_, &one, sizeof one);
    HF_ASSERT(n == sizeof one);
}

void Poller::add(Op& op, std::uint64_t id) {
    const bool out =
        op.kind == OpKind::write || op.kind == OpKind::send || op.kind == OpKind::connect;
    {
        const std::lock_guard lock(mutex_);
        added_.push_back({.op = &op, .id = id, .wants = out ? short{POLLOUT} : short{POLLIN}});
    }
    wake();
}

void Poller::cancel(std::uint64_t id) {
    {
        const std::lock_guard lock(mutex_);
        cancelled_.push_back(id);
    }
    wake();
}

void Poller::cancel_all() {
    {
        const std::lock_guard lock(mutex_);
        cancel_all_ = true;
    }
    wake();
}

void Poller::work() {
    while (true) {
        take_orders();
        {
            const std::lock_guard lock(mutex_);
            if (stop_) return;
        }
        wait_and_try();
    }
}

void Poller::take_orders() {
    std::vector<Entry> added;
    std::vector<std::uint64_t> cancelled;
    bool cancel_all = false;
    {
        const std::lock_guard lock(mutex_);
        added.swap(added_);
        cancelled.swap(cancelled_);
        cancel_all = std::exchange(cancel_all_, false);
    }
    for (Entry& entry : added) {
        const std::int64_t result =
            entry.op->kind == OpKind::connect ? try_connect(entry, 0) : std::int64_t{-EAGAIN};
        if (result == -EAGAIN) {
            entries_.push_back(entry);
        } else {
            done_(*entry.op, result);
        }
    }
    if (cancel_all) {
        cancelled.clear();
        for (const Entry& entry : entries_) cancelled.push_back(entry.id);
    }
    for (const std::uint64_t id : cancelled) {
        const auto entry = std::ranges::find(entries_, id, &Entry::id);
        if (entry == entries_.end()) continue;
        if (entry->begun) ::fcntl(entry->op->fd, F_SETFL, entry->flags);
        Op& ended = *entry->op;
        entries_.erase(entry);
        done_(ended, -ECANCELED);
    }
}

void Poller::wait_and_try() {
    std::vector<pollfd> fds;
    fds.push_back({wake_fd_, POLLIN, 0});
    for (const Entry& entry : entries_) fds.push_back({entry.op->fd, entry.wants, 0});
    if (::poll(fds.data(), fds.size(), -1) < 0) return;  // EINTR, ENOMEM: again
    std::uint64_t count = 0;
    if (::read(wake_fd_, &count, sizeof count) < 0) HF_ASSERT(errno == EAGAIN);
    std::vector<Entry> waiting;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        Entry entry = entries_[i];
        const short revents = fds[i + 1].revents;
        const std::int64_t result = revents == 0 ? -EAGAIN : attempt(entry, revents);
        if (result == -EAGAIN) {
            waiting.push_back(entry);
        } else {
            done_(*entry.op, result);
        }
    }
    entries_.swap(waiting);
}

std::int64_t Poller::attempt(Entry& entry, short revents) {
    if (entry.op->kind == OpKind::connect) return try_connect(entry, revents);
    return try_stream(*entry.op, revents);
}

// The fd is non-blocking just while it connects. Asked again, connect() tells how it ended, and
// unlike SO_ERROR leaves a refused socket fit for another attempt.
std::int64_t Poller::try_connect(Entry& entry, short revents) {
    const Op& op = *entry.op;
    if (entry.begun && revents == 0) return -EAGAIN;
    if (!entry.begun) {
        entry.flags = ::fcntl(op.fd, F_GETFL);
        if (entry.flags < 0 || ::fcntl(op.fd, F_SETFL, entry.flags | O_NONBLOCK) != 0)
            return -errno;
    }
    const int failed = ::connect(op.fd, reinterpret_cast<const sockaddr*>(op.address.data()),
                                 static_cast<socklen_t>(op.address.size()));
    const int error = failed != 0 ? errno : 0;
    const bool pending = error == EINPROGRESS || error == EALREADY;
    const bool connected = error == 0 || (error == EISCONN && entry.begun);
    entry.begun = true;
    if (pending) return -EAGAIN;
    ::fcntl(op.fd, F_SETFL, entry.flags);
    if (connected) return 0;
    // A Unix socket whose peer's backlog is full says EAGAIN, and polling would not tell when.
    return error == EAGAIN ? -ECONNREFUSED : -error;
}

}  // namespace holdfast::io

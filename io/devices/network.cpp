// Sockets of the system.
#include "io/devices/network.hpp"

#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

namespace holdfast::io {
namespace {

constexpr int backlog = 1024;
// What may come while nobody reads; the system allows less (net.core.rmem_max) or as much.
constexpr int datagram_buffer = 8 << 20;

const sockaddr* raw(const SocketAddress& address) {
    return reinterpret_cast<const sockaddr*>(address.bytes().data());
}
socklen_t size_of(const SocketAddress& address) {
    return static_cast<socklen_t>(address.bytes().size());
}

void set(int fd, int level, int option, int value) {
    // None of them is needed for what is promised.
    static_cast<void>(::setsockopt(fd, level, option, &value, sizeof value));
}

std::string cannot(const std::string& what, const SocketAddress& at, int error) {
    std::string out = "cannot " + what + " " + at.text() + ": " + std::strerror(error);
    if (error == EADDRINUSE) out += " (another process has it)";
    if (error == EACCES) out += " (ports below 1024 need CAP_NET_BIND_SERVICE; a path, its folder)";
    if (error == EADDRNOTAVAIL) out += " (no address of this machine)";
    return out;
}

enum class Found { nothing, stale, used, other };

/// What stands at the path of a socket that cannot be bound.
Found look_at(const SocketAddress& at) {
    struct stat st{};
    if (::lstat(at.text().c_str(), &st) != 0) return Found::nothing;
    if (!S_ISSOCK(st.st_mode)) return Found::other;
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return Found::used;
    const bool refused = ::connect(fd, raw(at), size_of(at)) != 0 && errno == ECONNREFUSED;
    ::close(fd);
    return refused ? Found::stale : Found::used;
}

std::string in_the_way(const SocketAddress& at, Found found) {
    if (found == Found::other)
        return "cannot listen on " + at.text() +
               ": it is no socket. Remove it, or set another path";
    return cannot("listen on", at, EADDRINUSE);
}

SocketAddress name_of(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (ask(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
    return {storage, std::min<std::size_t>(size, sizeof storage)};
}

/// The right to listen at a path, and to replace what stands there: the lock of a file beside it. It
/// ends with the descriptor, so with the process. -1: somebody has it; -2: nobody can tell.
int lock_beside(const SocketAddress& at) {
    const std::string path = at.text() + ".lock";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return -2;
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    ::close(fd);
    return -1;
}

class SystemNetwork final : public Network {
public:
    std::expected<int, std::string> listen(const SocketAddress& at) override {
        if (at.family() != AF_UNIX) return listen_now(at);
        const int lock = lock_beside(at);
        if (lock == -1) return std::unexpected(cannot("listen on", at, EADDRINUSE));
        const auto fd = listen_now(at);
        const std::lock_guard guard(mutex_);
        if (fd && lock >= 0) locks_[*fd] = lock;
        if (!fd && lock >= 0) ::close(lock);
        return fd;
    }

    std::expected<int, std::string> listen_now(const SocketAddress& at) {
        const int fd = ::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return std::unexpected(cannot("listen on", at, errno));
        set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        // For those that are accepted: a machine that is gone does not hold a place for ever.
        set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        bool bound = ::bind(fd, raw(at), size_of(at)) == 0;
        int error = errno;
        if (!bound && error == EADDRINUSE && at.family() == AF_UNIX) {
            const Found found = look_at(at);
            if (found == Found::used || found == Found::other) {
                ::close(fd);
                return std::unexpected(in_the_way(at, found));
            }
            ::unlink(at.text().c_str());
            bound = ::bind(fd, raw(at), size_of(at)) == 0;
            error = errno;
        }
        if (bound && ::listen(fd, backlog) == 0) return fd;
        if (bound) error = errno;
        ::close(fd);
        return std::unexpected(cannot("listen on", at, error));
    }

    std::expected<int, std::string> take_datagrams(const SocketAddress& at) override {
        const int fd = ::socket(at.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return std::unexpected(cannot("take datagrams at", at, errno));
        set(fd, SOL_SOCKET, SO_RCVBUF, datagram_buffer);
        if (::bind(fd, raw(at), size_of(at)) == 0) return fd;
        const int error = errno;
        ::close(fd);
        return std::unexpected(cannot("take datagrams at", at, error));
    }

    int open_stream(const SocketAddress& to) override {
        const int fd = ::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return -errno;
        set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        if (to.family() != AF_UNIX) set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        return fd;
    }

    std::string local_name(int fd) override { return name_of(fd, ::getsockname).text(); }
    std::string peer_name(int fd) override { return name_of(fd, ::getpeername).text(); }

    bool is_own_peer(int fd) override {
        const SocketAddress ours = name_of(fd, ::getsockname);
        return ours.port() != 0 && ours.text() == peer_name(fd);
    }

    bool has_unread(int fd) override {
        std::byte one{};
        return ::recv(fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
    }

    std::uint64_t dropped(int fd) override {
        std::array<std::uint32_t, SK_MEMINFO_VARS> told{};
        socklen_t size = sizeof told;
        if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, told.data(), &size) != 0) return 0;
        return told[SK_MEMINFO_DROPS];
    }

    void close(int fd) override {
        // Bytes that came and were not read would make the system forget those that were sent.
        ::shutdown(fd, SHUT_WR);
        std::array<std::byte, 4096> unread{};
        for (int i = 0; i < 64; ++i)
            if (::recv(fd, unread.data(), unread.size(), MSG_DONTWAIT) <= 0) break;
        ::close(fd);
        const std::lock_guard guard(mutex_);
        const auto lock = locks_.find(fd);
        if (lock == locks_.end()) return;
        ::close(lock->second);
        locks_.erase(lock);
    }

private:
    std::mutex mutex_;
    std::map<int, int> locks_;  ///< By the listener: what it has of lock_beside().
};

}  // namespace

Network& system_network() {
    static SystemNetwork network;
    return network;
}

}  // namespace holdfast::io

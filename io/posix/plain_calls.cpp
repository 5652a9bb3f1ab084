#include "io/posix/plain_calls.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <string_view>

#include "core/base/assert.hpp"

namespace holdfast::io {
namespace {

constexpr bool known_kind = false;  // asserted where no kind is left

std::int64_t checked(std::int64_t result) { return result < 0 ? -errno : result; }

int vector_count(const Op& op) {
    return static_cast<int>(std::min<std::size_t>(op.vectors.size(), IOV_MAX));
}

std::int64_t stat_of(const Op& op) {
    struct statx st{};
    const int at_hand = op.flags == stat_at_hand ? AT_STATX_DONT_SYNC : 0;
    const int failed = op.path != nullptr
                           ? ::statx(AT_FDCWD, op.path, 0, stat_mask, &st)
                           : ::statx(op.fd, "", AT_EMPTY_PATH | at_hand, stat_mask, &st);
    if (failed != 0) return -errno;
    *op.stat = file_stat(st);
    return 0;
}

std::int64_t list_of(const Op& op) {
    op.names->clear();
    DIR* dir = ::opendir(op.path);
    if (dir == nullptr) return -errno;
    errno = 0;
    while (const dirent* entry = ::readdir(dir)) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") op.names->emplace_back(name);
    }
    const std::int64_t result = -errno;
    ::closedir(dir);
    return result;
}

// Of the open file description: two in one process exclude each other too.
std::int64_t lock_of(const Op& op) {
    struct flock whole{};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    const std::int64_t result = checked(::fcntl(op.fd, F_OFD_SETLK, &whole));
    return result == -EACCES ? -EAGAIN : result;
}

std::int64_t read_of(const Op& op) {
    return checked(op.offset < 0 ? ::read(op.fd, op.buffer.data(), op.buffer.size())
                                 : ::pread(op.fd, op.buffer.data(), op.buffer.size(), op.offset));
}

// In pieces: a large write makes the page cache take large folios, which were slow to get where it
// was measured (dd bs=64K 0.55 s, bs=1M 1.17 s for 1 GB; see also io/uring/uring_prepare.cpp).
std::int64_t write_in_pieces(const Op& op) {
    constexpr std::size_t piece = std::size_t{64} << 10;
    std::int64_t moved = 0;
    for (const iovec& bytes : op.vectors) {
        for (std::size_t at = 0; at < bytes.iov_len;) {
            const std::size_t size = std::min(bytes.iov_len - at, piece);
            const ssize_t n = ::pwrite(op.fd, static_cast<const std::byte*>(bytes.iov_base) + at,
                                       size, op.offset + moved);
            if (n < 0) return moved > 0 ? moved : -errno;
            moved += n;
            if (static_cast<std::size_t>(n) < size) return moved;
            at += size;
        }
    }
    return moved;
}

std::int64_t write_of(const Op& op) {
    constexpr std::size_t small = std::size_t{64} << 10;
    if (op.offset < 0) return checked(::writev(op.fd, op.vectors.data(), vector_count(op)));
    const bool large = std::any_of(op.vectors.begin(), op.vectors.end(),
                                   [](const iovec& bytes) { return bytes.iov_len > small; });
    if (large) return write_in_pieces(op);
    return checked(::pwritev(op.fd, op.vectors.data(), vector_count(op), op.offset));
}

// A pipe that polls as readable or writable can still block on a blocking fd: a read if somebody
// else is faster, a write if it is larger than the room. RWF_NOWAIT settles both, where the file
// knows it (pipes since 6.4).
std::int64_t try_read(const Op& op) {
    iovec vector{op.buffer.data(), op.buffer.size()};
    const ssize_t n = ::preadv2(op.fd, &vector, 1, -1, RWF_NOWAIT);
    if (n >= 0 || errno != EOPNOTSUPP) return checked(n);
    return read_of(op);
}

std::int64_t try_write(const Op& op) {
    const ssize_t n = ::pwritev2(op.fd, op.vectors.data(), vector_count(op), -1, RWF_NOWAIT);
    if (n >= 0 || errno != EOPNOTSUPP) return checked(n);
    // POLLOUT promises room for PIPE_BUF bytes: that many never block.
    for (const iovec& vector : op.vectors) {
        if (vector.iov_len == 0) continue;
        return checked(
            ::write(op.fd, vector.iov_base, std::min<std::size_t>(vector.iov_len, PIPE_BUF)));
    }
    return 0;
}

std::int64_t try_send(const Op& op) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(op.vectors.data());  // sendmsg only reads it
    message.msg_iovlen = static_cast<std::size_t>(vector_count(op));
    return checked(::sendmsg(op.fd, &message, op.flags | MSG_DONTWAIT | MSG_NOSIGNAL));
}

std::int64_t nanoseconds(clockid_t clock) {
    timespec t{};
    ::clock_gettime(clock, &t);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

std::int64_t nanoseconds(const struct statx_timestamp& time) {
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

FileStat file_stat(const struct statx& from) {
    const bool knows_birth = (from.stx_mask & STATX_BTIME) != 0;
    return FileStat{
        .device = makedev(from.stx_dev_major, from.stx_dev_minor),
        .inode = from.stx_ino,
        .size = static_cast<std::int64_t>(from.stx_size),
        .modified_ns = nanoseconds(from.stx_mtime),
        .born_ns = knows_birth ? nanoseconds(from.stx_btime) : 0,
        .links = from.stx_nlink,
        .mode = from.stx_mode,
    };
}

bool never_waits(const Op& op) {
    if (op.kind == OpKind::watch_read) return true;
    if (op.kind == OpKind::recv) return (op.flags & MSG_DONTWAIT) != 0;
    return op.kind == OpKind::stat && op.path == nullptr && op.flags == stat_at_hand;
}

std::int64_t perform_file(const Op& op) {
    switch (op.kind) {
        case OpKind::open: return checked(::open(op.path, op.flags | O_CLOEXEC, op.mode));
        case OpKind::close: return checked(::close(op.fd));
        case OpKind::read: return read_of(op);
        case OpKind::write: return write_of(op);
        case OpKind::sync: return checked(::fdatasync(op.fd));
        case OpKind::sync_all: return checked(::fsync(op.fd));
        case OpKind::truncate: return checked(::ftruncate(op.fd, op.offset));
        case OpKind::stat: return stat_of(op);
        case OpKind::rename: return checked(::rename(op.path, op.path2));
        case OpKind::unlink: return checked(::unlink(op.path));
        case OpKind::mkdir: return checked(::mkdir(op.path, op.mode));
        case OpKind::list: return list_of(op);
        case OpKind::lock: return lock_of(op);
        case OpKind::watch_open:
        case OpKind::watch:
        case OpKind::watch_read: return perform_watch(op);
        case OpKind::recv:
            HF_ASSERT(never_waits(op));
            return checked(::recv(op.fd, op.buffer.data(), op.buffer.size(), op.flags));
        case OpKind::timeout:
        case OpKind::connect:
        case OpKind::accept:
        case OpKind::send:
        case OpKind::poll_in: break;
    }
    HF_ASSERT(known_kind);
    return -EINVAL;
}

std::int64_t try_stream(const Op& op, short revents) {
    if ((revents & POLLNVAL) != 0) return -EBADF;
    switch (op.kind) {
        case OpKind::read: return try_read(op);
        case OpKind::write: return try_write(op);
        case OpKind::accept:
            return checked(::accept4(op.fd, nullptr, nullptr, op.flags | SOCK_CLOEXEC));
        case OpKind::recv:
            return checked(
                ::recv(op.fd, op.buffer.data(), op.buffer.size(), op.flags | MSG_DONTWAIT));
        case OpKind::send: return try_send(op);
        case OpKind::poll_in: return revents;
        default: break;
    }
    HF_ASSERT(known_kind);
    return -EINVAL;
}

Instant monotonic_now() { return Instant{nanoseconds(CLOCK_MONOTONIC)}; }
std::int64_t wall_clock_ns() { return nanoseconds(CLOCK_REALTIME); }

}  // namespace holdfast::io

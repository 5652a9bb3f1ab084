// The narrow interface to the kernel: devices are written once against it.
//
// UringRing is the kernel's io_uring, PosixRing plain calls on a few threads, SimRing (sim/) a
// simulated disk and network.
// Rule 1: an operation completes exactly once, from run(), on the thread that owns the ring; never
//         from within start(). Operations complete in any order.
// Rule 2: an Op and all that it points to must live until it completes or abandon() returned.
// Rule 3: a result is >= 0, or a negated errno. Short reads and writes are results, not errors.
// Rule 4: a cancelled operation still completes: with its result, or -ECANCELED.
// Doesn't know: records, retries, formats.
#pragma once

#include <sys/uio.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/time.hpp"

namespace holdfast::io {

enum class OpKind : std::uint8_t {
    open,        // path, flags, mode -> fd
    close,       // fd
    read,        // fd, buffer, offset (-1: stream) -> bytes
    write,       // fd, vectors, offset (-1: stream or append) -> bytes
    sync,        // fd: data and metadata needed to read it back (fdatasync)
    sync_all,    // fd: everything (fsync); on a directory's fd: its entries
    truncate,    // fd, offset = new length
    stat,        // path, or fd when path is null -> *stat; flags: 0, or stat_at_hand
    rename,      // path -> path2
    unlink,      // path
    mkdir,       // path, mode
    list,        // path -> *names (entries of a directory, without . and ..), unordered
    timeout,     // until `at`; completes with -ETIME, as the kernel does
    connect,     // fd, address
    accept,      // fd -> fd
    recv,        // fd, buffer -> bytes, 0 at the end; with MSG_DONTWAIT in flags it never waits:
                 // -EAGAIN where nothing is there
    send,        // fd, vectors -> bytes
    poll_in,     // fd: readable
    lock,        // fd, open for writing: the file is this descriptor's alone, until it is closed;
                 // -EAGAIN: somebody else has it. Only who asks for locks is held off by them
    watch_open,  // -> fd: a queue of what changes in the directories that it watches
    watch,       // fd, path of a directory -> its number in that queue
    watch_read,  // fd -> *changes since the last one; never waits, there may be none
};

/// For stat of a descriptor: what this machine knows, without asking a server for it. So it never
/// waits, and no thread is woken for it.
constexpr int stat_at_hand = 1;

/// Something has changed in a directory that is watched. A hint: a file system may tell nothing.
struct Change {
    enum class Kind : std::uint8_t {
        bytes,  ///< An entry was written or cut.
        names,  ///< An entry came, went, or has another name now.
        gone,   ///< The directory is no more, or is elsewhere: nothing more is told of it.
        lost,   ///< The queue was full: anything may have changed, in any directory.
    };
    Kind kind{};
    std::int64_t directory = 0;  ///< Its number; of lost: none.
    std::string name;            ///< The entry's.
    bool operator==(const Change&) const = default;
};

/// What stat answers; the fields that devices need.
struct FileStat {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t born_ns = 0;  ///< When it was made, wall time; 0 where nobody knows.
    std::uint32_t links = 0;
    std::uint32_t mode = 0;  ///< As st_mode: type and permissions.
};

/// One operation. Filled by the caller, submitted with Ring::start, completed by Ring::run.
struct Op {
    OpKind kind{};
    int fd = -1;
    int flags = 0;
    std::uint32_t mode = 0;
    std::int64_t offset = 0;
    std::span<std::byte> buffer;
    std::span<const iovec> vectors;
    const char* path = nullptr;
    const char* path2 = nullptr;
    FileStat* stat = nullptr;
    std::vector<std::string>* names = nullptr;
    std::vector<Change>* changes = nullptr;
    Instant at{};
    std::span<const std::byte> address;  ///< A sockaddr.

    std::int64_t result = 0;
    void (*done)(Op&) = nullptr;      ///< Called once, from run(), after `result` is set.
    void* owner = nullptr;            ///< For `done`.
    std::uint64_t ring_data[2] = {};  ///< The ring's own, while the operation is in flight.
};

class Ring {
public:
    virtual ~Ring() = default;

    /// Begins an operation. Never completes it before returning.
    virtual void start(Op& op) = 0;

    /// Asks for an early end of an operation in flight. See rule 4.
    virtual void cancel(Op& op) = 0;

    /// Submits what was started, then completes operations: those that are done, and if there are
    /// none, waits for one until `until`. Returns how many completed.
    virtual std::size_t run(Instant until) = 0;

    /// Monotonic time, and wall time in nanoseconds since 1970.
    virtual Instant now() = 0;
    virtual std::int64_t wall_ns() = 0;

    /// Cancels everything in flight and returns when the kernel is done with all of it; nothing is
    /// completed any more. Closes what was opened through this ring and not closed, as the end of a
    /// process would. For teardown: after it, Ops and buffers may be destroyed.
    virtual void abandon() = 0;

    /// "io_uring", "posix" or "sim", for the log.
    virtual const char* name() const = 0;
};

/// `auto n = co_await RingOp(ring, op);` where `op` is a filled Op: its result.
class RingOp {
public:
    RingOp(Ring& ring, const Op& op) : ring_(ring), op_(op) {}
    RingOp(const RingOp&) = delete;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        op_.owner = this;
        op_.done = [](Op& op) { static_cast<RingOp*>(op.owner)->waiter_.resume(); };
        ring_.start(op_);
    }
    std::int64_t await_resume() const noexcept { return op_.result; }

    /// The operation itself, for Ring::cancel.
    Op& op() { return op_; }

private:
    Ring& ring_;
    Op op_;
    std::coroutine_handle<> waiter_;
};

// The operations by name. Paths, vectors and out-parameters must live until the result is there.
inline RingOp open(Ring& r, const char* path, int flags, std::uint32_t mode = 0644) {
    return RingOp(r, Op{.kind = OpKind::open, .flags = flags, .mode = mode, .path = path});
}
inline RingOp close(Ring& r, int fd) { return RingOp(r, Op{.kind = OpKind::close, .fd = fd}); }
inline RingOp read(Ring& r, int fd, std::span<std::byte> buffer, std::int64_t offset) {
    return RingOp(r, Op{.kind = OpKind::read, .fd = fd, .offset = offset, .buffer = buffer});
}
inline RingOp write(Ring& r, int fd, std::span<const iovec> vectors, std::int64_t offset) {
    return RingOp(r, Op{.kind = OpKind::write, .fd = fd, .offset = offset, .vectors = vectors});
}
inline RingOp sync(Ring& r, int fd) { return RingOp(r, Op{.kind = OpKind::sync, .fd = fd}); }
inline RingOp sync_all(Ring& r, int fd) {
    return RingOp(r, Op{.kind = OpKind::sync_all, .fd = fd});
}
inline RingOp truncate(Ring& r, int fd, std::int64_t length) {
    return RingOp(r, Op{.kind = OpKind::truncate, .fd = fd, .offset = length});
}
inline RingOp stat(Ring& r, const char* path, FileStat& out) {
    return RingOp(r, Op{.kind = OpKind::stat, .path = path, .stat = &out});
}
inline RingOp stat(Ring& r, int fd, FileStat& out) {
    return RingOp(r, Op{.kind = OpKind::stat, .fd = fd, .stat = &out});
}
inline RingOp stat_now(Ring& r, int fd, FileStat& out) {
    return RingOp(r, Op{.kind = OpKind::stat, .fd = fd, .flags = stat_at_hand, .stat = &out});
}
inline RingOp rename(Ring& r, const char* from, const char* to) {
    return RingOp(r, Op{.kind = OpKind::rename, .path = from, .path2 = to});
}
inline RingOp unlink(Ring& r, const char* path) {
    return RingOp(r, Op{.kind = OpKind::unlink, .path = path});
}
inline RingOp mkdir(Ring& r, const char* path, std::uint32_t mode = 0755) {
    return RingOp(r, Op{.kind = OpKind::mkdir, .mode = mode, .path = path});
}
inline RingOp lock(Ring& r, int fd) { return RingOp(r, Op{.kind = OpKind::lock, .fd = fd}); }
inline RingOp list(Ring& r, const char* path, std::vector<std::string>& names) {
    return RingOp(r, Op{.kind = OpKind::list, .path = path, .names = &names});
}
inline RingOp watch_open(Ring& r) { return RingOp(r, Op{.kind = OpKind::watch_open}); }
inline RingOp watch(Ring& r, int fd, const char* path) {
    return RingOp(r, Op{.kind = OpKind::watch, .fd = fd, .path = path});
}
inline RingOp watch_read(Ring& r, int fd, std::vector<Change>& changes) {
    return RingOp(r, Op{.kind = OpKind::watch_read, .fd = fd, .changes = &changes});
}
inline RingOp sleep_until(Ring& r, Instant at) {
    return RingOp(r, Op{.kind = OpKind::timeout, .at = at});
}

}  // namespace holdfast::io

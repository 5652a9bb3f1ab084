// How each operation looks as a submission queue entry.
//
// Writes at an offset don't come here but go to FileThreads. Measured on Linux 6.18,
// ext4, 2 cores, 1 GB from file to file in the page cache, where io_uring gives every buffered
// write to a worker thread of its own (medians of 5, with the run's spread): workers of
// io_uring 1.52 s (1.50 to 1.72), FileThreads 0.39 s (0.37 to 0.42), `dd bs=64K` 0.50 s (0.39 to
// 0.60), `cat` 0.52 s (0.33 to 2.54). What counts is that one thread stays on one core with the
// bytes in its cache: the thread that became idle last takes the next operation. Registered buffers
// and files gained nothing for such copies (medians of 9 for 256 MiB: plain 69.9 ms, registered
// buffers 71.0, buffers and files 69.7) and pinning 32 MiB took 40 to 70 ms.
// Reads are the ring's: what is in the page cache is copied when it is submitted, by the thread that
// looks at it next, with no thread to wake; for the rest the kernel calls back.
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>

#include "core/base/assert.hpp"
#include "io/posix/plain_calls.hpp"
#include "io/uring/uring_ring.hpp"

namespace holdfast::io {
namespace {

// IORING_OP_FTRUNCATE of kernel 6.9; liburing 2.3 doesn't know it.
constexpr std::uint8_t op_ftruncate = 55;

// The kernel moves at most this much in one call (MAX_RW_COUNT), and an entry's length has 32 bits.
constexpr std::size_t transfer_max = 0x7ffff000;

constexpr bool known_kind = false;  // asserted where no kind is left

unsigned clamped(std::size_t size) { return static_cast<unsigned>(std::min(size, transfer_max)); }
unsigned vector_count(const Op& op) {
    return static_cast<unsigned>(std::min<std::size_t>(op.vectors.size(), IOV_MAX));
}

}  // namespace

void UringRing::learn_opcodes() {
    io_uring_probe* probe = io_uring_get_probe_ring(&ring_);
    if (probe == nullptr) return;
    has_truncate_ = io_uring_opcode_supported(probe, op_ftruncate) != 0;
    has_mkdir_ = io_uring_opcode_supported(probe, IORING_OP_MKDIRAT) != 0;
    io_uring_free_probe(probe);
}

bool UringRing::is_for_threads(const Op& op) const {
    switch (op.kind) {
        case OpKind::list:
        case OpKind::lock:
        case OpKind::watch_open:
        case OpKind::watch:
        case OpKind::watch_read: return true;
        case OpKind::stat:
        case OpKind::recv: return never_waits(op);
        case OpKind::write: return op.offset >= 0;
        case OpKind::truncate: return !has_truncate_;
        case OpKind::mkdir: return !has_mkdir_;
        default: return false;
    }
}

void UringRing::prepare_file(io_uring_sqe& sqe, Op& op, Slot& slot) {
    switch (op.kind) {
        case OpKind::open:
            io_uring_prep_openat(&sqe, AT_FDCWD, op.path, op.flags | O_CLOEXEC, op.mode);
            break;
        case OpKind::close: io_uring_prep_close(&sqe, op.fd); break;
        case OpKind::sync: io_uring_prep_fsync(&sqe, op.fd, IORING_FSYNC_DATASYNC); break;
        case OpKind::sync_all: io_uring_prep_fsync(&sqe, op.fd, 0); break;
        case OpKind::truncate:
            io_uring_prep_rw(op_ftruncate, &sqe, op.fd, nullptr, 0,
                             static_cast<std::uint64_t>(op.offset));
            break;
        case OpKind::stat:
            io_uring_prep_statx(&sqe, op.path != nullptr ? AT_FDCWD : op.fd,
                                op.path != nullptr ? op.path : "",
                                op.path != nullptr ? 0 : AT_EMPTY_PATH, stat_mask, &slot.stat);
            break;
        case OpKind::rename: io_uring_prep_rename(&sqe, op.path, op.path2); break;
        case OpKind::unlink: io_uring_prep_unlink(&sqe, op.path, 0); break;
        case OpKind::mkdir: io_uring_prep_mkdir(&sqe, op.path, op.mode); break;
        default: HF_ASSERT(known_kind);
    }
}

void UringRing::prepare_socket(io_uring_sqe& sqe, Op& op, Slot& slot) {
    switch (op.kind) {
        case OpKind::connect:
            io_uring_prep_connect(&sqe, op.fd, reinterpret_cast<const sockaddr*>(op.address.data()),
                                  static_cast<socklen_t>(op.address.size()));
            break;
        case OpKind::accept:
            io_uring_prep_accept(&sqe, op.fd, nullptr, nullptr, op.flags | SOCK_CLOEXEC);
            break;
        case OpKind::recv:
            io_uring_prep_recv(&sqe, op.fd, op.buffer.data(), clamped(op.buffer.size()), op.flags);
            break;
        case OpKind::send:
            slot.message = msghdr{};
            slot.message.msg_iov = const_cast<iovec*>(op.vectors.data());  // only read
            slot.message.msg_iovlen = vector_count(op);
            io_uring_prep_sendmsg(&sqe, op.fd, &slot.message,
                                  static_cast<unsigned>(op.flags) | MSG_NOSIGNAL);
            break;
        case OpKind::poll_in: io_uring_prep_poll_add(&sqe, op.fd, POLLIN); break;
        default: HF_ASSERT(known_kind);
    }
}

void UringRing::prepare(io_uring_sqe& sqe, Op& op, Slot& slot) {
    switch (op.kind) {
        case OpKind::read:
            // A stream: -1 is the file's own position, for the kernel too.
            io_uring_prep_read(&sqe, op.fd, op.buffer.data(), clamped(op.buffer.size()),
                               static_cast<std::uint64_t>(op.offset));
            break;
        case OpKind::write:
            io_uring_prep_writev(&sqe, op.fd, op.vectors.data(), vector_count(op),
                                 ~std::uint64_t{0});
            break;
        case OpKind::timeout: {
            const std::int64_t ns = std::max<std::int64_t>(op.at.ns, 0);
            slot.time = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
            io_uring_prep_timeout(&sqe, &slot.time, 0, IORING_TIMEOUT_ABS);
            break;
        }
        case OpKind::connect:
        case OpKind::accept:
        case OpKind::recv:
        case OpKind::send:
        case OpKind::poll_in: prepare_socket(sqe, op, slot); break;
        default: prepare_file(sqe, op, slot);
    }
}

}  // namespace holdfast::io

// How each operation looks as a submission queue entry.
//
// Measured on Linux 6.18, ext4, 2 cores, copying 256 MiB in pieces of 1 MiB in the page cache
// (medians of 9): plain 69.9 ms, registered buffers 71.0, registered buffers and files 69.7,
// writes with IOSQE_ASYNC 68.7. So files are not registered and IOSQE_ASYNC is not set. Registered
// buffers gain nothing here either, and pinning 32 MiB took 40 to 70 ms: for those who ask only.
//
// Measured later, 1 GB from file to file, the kernel's workers doing the writes (medians of 7): one
// write of 1 MiB at a time 2.4 s; the same in linked pieces of 64 KiB, of which only the last one
// answers, 1.4 s; these with the workers on the CPU of the ring's thread 0.5 s, as fast as one
// thread that does plain calls. Large writes make the page cache take large folios, which were slow
// to get; and a worker elsewhere fetches every byte from the other core's cache.
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>

#include "core/base/assert.hpp"
#include "io/uring/uring_ring.hpp"

namespace holdfast::io {
namespace {

// IORING_OP_FTRUNCATE of kernel 6.9; liburing 2.3 doesn't know it.
constexpr std::uint8_t op_ftruncate = 55;

// The kernel moves at most this much in one call (MAX_RW_COUNT), and an entry's length has 32 bits.
constexpr std::size_t transfer_max = 0x7ffff000;

constexpr std::size_t write_piece = std::size_t{64} << 10;
constexpr std::uint32_t pieces_max = 64;

constexpr bool known_kind = false;  // asserted where no kind is left

unsigned clamped(std::size_t size) { return static_cast<unsigned>(std::min(size, transfer_max)); }
unsigned vector_count(const Op& op) {
    return static_cast<unsigned>(std::min<std::size_t>(op.vectors.size(), IOV_MAX));
}
// -1 is the file's own position, for the kernel too.
std::uint64_t offset_of(const Op& op) {
    return op.offset < 0 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(op.offset);
}

}  // namespace

void UringRing::learn_opcodes() {
    can_skip_ = (ring_.features & IORING_FEAT_CQE_SKIP) != 0;
    io_uring_probe* probe = io_uring_get_probe_ring(&ring_);
    if (probe == nullptr) return;
    has_truncate_ = io_uring_opcode_supported(probe, op_ftruncate) != 0;
    has_mkdir_ = io_uring_opcode_supported(probe, IORING_OP_MKDIRAT) != 0;
    io_uring_free_probe(probe);
}

bool UringRing::plain(OpKind kind) const {
    return kind == OpKind::list || (kind == OpKind::truncate && !has_truncate_) ||
           (kind == OpKind::mkdir && !has_mkdir_);
}

int UringRing::fixed_buffer(const void* begin, std::size_t size) const {
    constexpr std::size_t part = std::size_t{1} << 30;
    const auto first = reinterpret_cast<std::uintptr_t>(begin) -
                       reinterpret_cast<std::uintptr_t>(registered_.data());
    if (registered_.empty() || size == 0 || first >= registered_.size()) return -1;
    if (size > registered_.size() - first) return -1;
    if (first / part != (first + size - 1) / part) return -1;
    return static_cast<int>(first / part);
}

void UringRing::prepare_read(io_uring_sqe& sqe, Op& op) {
    const unsigned size = clamped(op.buffer.size());
    const int index = fixed_buffer(op.buffer.data(), size);
    if (index >= 0) {
        io_uring_prep_read_fixed(&sqe, op.fd, op.buffer.data(), size, offset_of(op), index);
    } else {
        io_uring_prep_read(&sqe, op.fd, op.buffer.data(), size, offset_of(op));
    }
}

void UringRing::prepare_write(io_uring_sqe& sqe, Op& op) {
    if (op.vectors.size() != 1) {
        io_uring_prep_writev(&sqe, op.fd, op.vectors.data(), vector_count(op), offset_of(op));
        return;
    }
    const iovec& bytes = op.vectors.front();
    const unsigned size = clamped(bytes.iov_len);
    const int index = fixed_buffer(bytes.iov_base, size);
    if (index >= 0) {
        io_uring_prep_write_fixed(&sqe, op.fd, bytes.iov_base, size, offset_of(op), index);
    } else {
        io_uring_prep_write(&sqe, op.fd, bytes.iov_base, size, offset_of(op));
    }
}

// Writes to files that are larger than a piece: see the measurements above.
void UringRing::cut_into_pieces(const Op& op, Slot& slot) {
    slot.pieces = 1;
    slot.cuts.clear();
    if (op.kind != OpKind::write || op.offset < 0 || !can_skip_) return;
    std::size_t total = 0;
    for (const iovec& bytes : op.vectors) total += bytes.iov_len;
    if (total <= write_piece || op.vectors.size() > IOV_MAX / 2) return;
    std::size_t in_piece = 0;
    for (const iovec& bytes : op.vectors) {
        for (std::size_t at = 0; at < bytes.iov_len;) {
            if (in_piece == write_piece) {
                if (slot.pieces == pieces_max) return;  // A short write, then.
                ++slot.pieces;
                in_piece = 0;
            }
            const std::size_t size = std::min(bytes.iov_len - at, write_piece - in_piece);
            slot.cuts.push_back({static_cast<std::byte*>(bytes.iov_base) + at, size});
            at += size;
            in_piece += size;
        }
    }
}

// A chain of which one entry answers: the last, or the first that fails or is short (the kernel
// cancels those after it, and they answer nothing). Each carries its number in its id.
void UringRing::place_pieces(Op& op, Slot& slot, std::uint64_t id) {
    std::uint64_t offset = offset_of(op);
    std::size_t next = 0;
    for (std::uint64_t piece = 0; piece < slot.pieces; ++piece) {
        const std::size_t first = next;
        std::size_t size = 0;
        while (next < slot.cuts.size() && size < write_piece) size += slot.cuts[next++].iov_len;
        io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
        HF_ASSERT(sqe != nullptr && size > 0);
        io_uring_prep_writev(sqe, op.fd, &slot.cuts[first], static_cast<unsigned>(next - first),
                             offset);
        if (piece + 1 < slot.pieces) sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
        io_uring_sqe_set_data64(sqe, id | piece << piece_shift);
        offset += size;
    }
}

/// What the operation has moved when this entry of it answers; or its error, if nothing.
std::int64_t UringRing::moved_by(std::uint64_t id, std::int64_t result) {
    const auto before = static_cast<std::int64_t>((id & piece_mask) >> piece_shift) *
                        static_cast<std::int64_t>(write_piece);
    if (before == 0) return result;
    return before + std::max<std::int64_t>(result, 0);
}

// A worker on another core would fetch what this one has just read from its cache.
void UringRing::keep_workers_near() {
    const int cpu = sched_getcpu();
    if (cpu < 0 || cpu == cpu_) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(cpu), &set);
    io_uring_register_iowq_aff(&ring_, sizeof set, &set);  // A refusal costs speed only.
    cpu_ = cpu;
}

void UringRing::prepare_file(io_uring_sqe& sqe, Op& op, Slot& slot) {
    switch (op.kind) {
        case OpKind::open:
            io_uring_prep_openat(&sqe, AT_FDCWD, op.path, op.flags | O_CLOEXEC, op.mode);
            break;
        case OpKind::close:
            io_uring_prep_close(&sqe, op.fd);
            break;
        case OpKind::sync:
            io_uring_prep_fsync(&sqe, op.fd, IORING_FSYNC_DATASYNC);
            break;
        case OpKind::sync_all:
            io_uring_prep_fsync(&sqe, op.fd, 0);
            break;
        case OpKind::truncate:
            io_uring_prep_rw(op_ftruncate, &sqe, op.fd, nullptr, 0,
                             static_cast<std::uint64_t>(op.offset));
            break;
        case OpKind::stat:
            io_uring_prep_statx(
                &sqe, op.path != nullptr ? AT_FDCWD : op.fd, op.path != nullptr ? op.path : "",
                op.path != nullptr ? 0 : AT_EMPTY_PATH, STATX_BASIC_STATS, &slot.stat);
            break;
        case OpKind::rename:
            io_uring_prep_rename(&sqe, op.path, op.path2);
            break;
        case OpKind::unlink:
            io_uring_prep_unlink(&sqe, op.path, 0);
            break;
        case OpKind::mkdir:
            io_uring_prep_mkdir(&sqe, op.path, op.mode);
            break;
        default:
            HF_ASSERT(known_kind);
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
        case OpKind::poll_in:
            io_uring_prep_poll_add(&sqe, op.fd, POLLIN);
            break;
        default:
            HF_ASSERT(known_kind);
    }
}

void UringRing::prepare(io_uring_sqe& sqe, Op& op, Slot& slot) {
    switch (op.kind) {
        case OpKind::read:
            prepare_read(sqe, op);
            break;
        case OpKind::write:
            prepare_write(sqe, op);
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
        case OpKind::poll_in:
            prepare_socket(sqe, op, slot);
            break;
        default:
            prepare_file(sqe, op, slot);
    }
}

}  // namespace holdfast::io

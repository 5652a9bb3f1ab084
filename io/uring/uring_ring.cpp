#include "io/uring/uring_ring.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/assert.hpp"
#include "io/posix/plain_calls.hpp"

namespace holdfast::io {
namespace {

// Headers of older kernels lack the newer flags; the kernel that runs may have them all the same.
#ifndef IORING_SETUP_SUBMIT_ALL
#define IORING_SETUP_SUBMIT_ALL (1U << 7)
#endif
#ifndef IORING_SETUP_COOP_TASKRUN
#define IORING_SETUP_COOP_TASKRUN (1U << 8)
#endif
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

constexpr unsigned sq_entries = 256;
constexpr unsigned cq_entries = 4096;  // 64 KiB; what overflows waits in the kernel (NODROP)
constexpr std::uint64_t id_ignored = ~std::uint64_t{0};   // completions of cancels themselves
constexpr std::uint64_t id_files_ended = id_ignored - 1;  // of reads of files_ended_fd_

struct Mode {
    unsigned flags;
    const char* name;
};
constexpr Mode modes[] = {
    // SINGLE_ISSUER: only this thread submits, so the kernel skips a lock. DEFER_TASKRUN:
    // completions are posted when run() waits for them, not whenever the kernel is left, so they
    // come in batches and never interrupt. Both are in 6.1; older kernels say EINVAL.
    {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
     "single issuer, deferred task run"},
    // COOP_TASKRUN (5.19): completions wait for the next system call instead of an interrupt.
    {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL, "cooperative task run"},
    // Without SUBMIT_ALL (5.18) one bad entry ends a submission early; the next one continues.
    {0, "plain"},
};

// NODROP: completions never get lost. EXT_ARG: waits with a timeout. RW_CUR_POS: offset -1.
// SUBMIT_STABLE: what entries point to is read at submission. All of them by 5.11.
constexpr unsigned features_needed =
    IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_RW_CUR_POS | IORING_FEAT_SUBMIT_STABLE;

std::string reason(const char* what, int error) {
    return std::string(what) + ": " + std::strerror(error);
}

}  // namespace

std::unique_ptr<UringRing> UringRing::make(std::string& why) {
    std::unique_ptr<UringRing> ring(new UringRing);
    if (!ring->set_up(why) || !ring->answers_nop(why)) return nullptr;
    ring->learn_opcodes();
    return ring;
}

bool UringRing::set_up(std::string& why) {
    int error = 0;
    if (files_ended_fd_ < 0) {
        why = reason("eventfd", errno);
        return false;
    }
    for (const Mode& mode : modes) {
        io_uring_params params{};
        params.flags = mode.flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
        params.cq_entries = cq_entries;
        error = -io_uring_queue_init_params(sq_entries, &ring_, &params);
        if (error == 0) {
            open_ = true;
            mode_ = mode.name;
            break;
        }
        if (error != EINVAL) break;
    }
    if (!open_) {
        why = reason("io_uring_setup", error);
        return false;
    }
    if ((ring_.features & features_needed) == features_needed) return true;
    why = "io_uring of this kernel is too old (5.11 is needed)";
    return false;
}

// A seccomp filter can allow the set-up and forbid the rest.
bool UringRing::answers_nop(std::string& why) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    HF_ASSERT(sqe != nullptr);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, id_ignored);
    io_uring_cqe* cqe = nullptr;
    __kernel_timespec second{.tv_sec = 1, .tv_nsec = 0};
    const int result = io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &second, nullptr);
    if (result < 0 || cqe == nullptr) {
        why = reason("io_uring_enter", result < 0 ? -result : ETIME);
        return false;
    }
    io_uring_cqe_seen(&ring_, cqe);
    return true;
}

UringRing::UringRing()
    : files_ended_fd_(::eventfd(0, EFD_CLOEXEC)), files_([this] {
          const std::uint64_t one = 1;
          [[maybe_unused]] const ssize_t n = ::write(files_ended_fd_, &one, sizeof one);
      }) {}

UringRing::~UringRing() {
    if (open_) {
        abandon();
        io_uring_queue_exit(&ring_);
    }
    if (files_ended_fd_ >= 0) ::close(files_ended_fd_);
}

Instant UringRing::now() { return monotonic_now(); }
std::int64_t UringRing::wall_ns() { return wall_clock_ns(); }

std::uint64_t UringRing::slot_for(Op& op) {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = slots_[index];
    HF_ASSERT(slot.op == nullptr);
    HF_ASSERT(!slot.held);
    slot.op = &op;
    slot.kind = op.kind;
    slot.fd = op.fd;
    return std::uint64_t{slot.generation} << 32 | index;
}

void UringRing::start(Op& op) {
    HF_ASSERT(op.done != nullptr);
    op.ring_data[1] = is_for_threads(op) ? 1 : 0;
    if (never_waits(op)) {
        // Asked often; the kernel would give a stat to a thread of its own.
        op.result = perform_file(op);
        ended_files_.push_back(&op);
        return;
    }
    if (op.ring_data[1] != 0) return files_.start(op);
    const std::uint64_t id = slot_for(op);
    op.ring_data[0] = id;
    slot_of(id).held = true;
    held_ += 1;
    send({id, false});
}

void UringRing::cancel(Op& op) {
    if (op.ring_data[1] != 0) {
        if (!files_.cancel(op)) return;
        op.result = -ECANCELED;
        ended_files_.push_back(&op);
        return;
    }
    const std::uint64_t id = op.ring_data[0];
    // Zero when it has completed.
    if (id == 0 || !slot_of(id).held) return;
    HF_ASSERT(slot_of(id).op == &op);
    send({id, true});
}

void UringRing::send(const Unsent& what) {
    if (unsent_.empty() && io_uring_sq_space_left(&ring_) > 0) {
        place(what);
    } else {
        unsent_.push_back(what);
    }
}

// Requires room for one entry.
void UringRing::place(const Unsent& what) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    HF_ASSERT(sqe != nullptr);
    if (what.cancel) {
        io_uring_prep_cancel64(sqe, what.id, 0);
        io_uring_sqe_set_data64(sqe, id_ignored);
        return;
    }
    Slot& slot = slot_of(what.id);
    prepare(*sqe, *slot.op, slot);
    io_uring_sqe_set_data64(sqe, what.id);
}

// Goes before everything else, so that a wait can always be ended by a thread.
void UringRing::listen_for_threads() {
    if (listens_ || files_.outstanding() == 0) return;
    if (io_uring_sq_space_left(&ring_) == 0) io_uring_submit(&ring_);
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    if (sqe == nullptr) return;  // The kernel wants completions taken first, so there are some.
    io_uring_prep_read(sqe, files_ended_fd_, &files_ended_count_, sizeof files_ended_count_, 0);
    io_uring_sqe_set_data64(sqe, id_files_ended);
    listens_ = true;
}

// Moves what waits into the submission queue, and that to the kernel, until all of it is there or
// the kernel wants completions taken first (EBUSY, EAGAIN): then the rest goes with the next run().
void UringRing::send_unsent() {
    while (!unsent_.empty()) {
        if (io_uring_sq_space_left(&ring_) == 0) {
            if (io_uring_submit(&ring_) <= 0) return;
            if (io_uring_sq_space_left(&ring_) == 0) return;
        }
        const Unsent what = unsent_.front();
        unsent_.pop_front();
        place(what);
    }
}

// Submits, and waits until `until` for a completion if none is there.
void UringRing::enter(Instant until) {
    while (true) {
        listen_for_threads();
        send_unsent();
        const bool ready = !ended_files_.empty() || io_uring_cq_ready(&ring_) > 0;
        const std::int64_t left = ready ? 0 : until.ns - monotonic_now().ns;
        int result = 0;
        if (left <= 0) {
            result = io_uring_submit_and_get_events(&ring_);
        } else {
            io_uring_cqe* cqe = nullptr;
            __kernel_timespec wait{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
            result = io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &wait, nullptr);
        }
        // EINTR: a signal; EAGAIN, EBUSY: the kernel is short of memory, or completions must be
        // taken first. ETIME ends the wait below.
        HF_ASSERT(result >= 0 || result == -EINTR || result == -EAGAIN || result == -EBUSY ||
                  result == -ETIME);
        skip_own();
        if (ready || left <= 0 || io_uring_cq_ready(&ring_) > 0 || !ended_files_.empty()) return;
    }
}

// Completions of cancels alone don't end a wait, nor that of a thread whose work was taken before.
void UringRing::skip_own() {
    io_uring_cqe* first = nullptr;
    while (io_uring_cq_ready(&ring_) > 0 && io_uring_peek_cqe(&ring_, &first) == 0) {
        if (first->user_data != id_ignored && first->user_data != id_files_ended) break;
        if (first->user_data == id_files_ended) listens_ = false;
        io_uring_cqe_seen(&ring_, first);
    }
    files_.take(ended_files_);
}

std::size_t UringRing::run(Instant until) {
    HF_ASSERT(!running_);
    // A wait needs a wake.
    HF_ASSERT(held_ > 0 || files_.outstanding() > 0 || !ended_files_.empty() || until != never);
    running_ = true;
    enter(until);
    const std::size_t completed = hand_out_files() + hand_out();
    running_ = false;
    return completed;
}

// One batch: what is there now, so that callbacks that start more cannot hold run() for ever.
std::size_t UringRing::hand_out() {
    std::size_t completed = 0;
    for (unsigned n = io_uring_cq_ready(&ring_); n > 0 && io_uring_cq_ready(&ring_) > 0; --n) {
        io_uring_cqe* cqe = nullptr;
        if (io_uring_peek_cqe(&ring_, &cqe) != 0) break;
        const std::uint64_t id = cqe->user_data;
        const std::int64_t result = cqe->res;
        io_uring_cqe_seen(&ring_, cqe);
        if (id == id_files_ended) listens_ = false;
        if (id != id_ignored && id != id_files_ended) completed += take(id, result);
    }
    return completed;
}

std::size_t UringRing::hand_out_files() {
    handed_out_.swap(ended_files_);
    const std::size_t completed = handed_out_.size();
    for (Op* op : handed_out_) {
        op->ring_data[1] = 0;
        open_files_.ended(*op);
        op->done(*op);
    }
    handed_out_.clear();
    return completed;
}

// Ends the operation behind `id`; its slot is free before `done` is called.
bool UringRing::take(std::uint64_t id, std::int64_t result) {
    Slot& slot = slot_of(id);
    HF_ASSERT(slot.generation == id >> 32);
    Op* op = slot.op;
    open_files_.ended(slot.kind, slot.fd, result);
    if (slot.held) held_ -= 1;
    slot.held = false;
    slot.op = nullptr;
    slot.generation += 1;
    if (slot.generation == ~std::uint32_t{0}) slot.generation = 1;  // id_ignored is no slot's
    free_.push_back(static_cast<std::uint32_t>(id));
    if (op == nullptr) return false;  // abandoned
    if (op->kind == OpKind::stat && result == 0) *op->stat = file_stat(slot.stat);
    op->result = op->kind == OpKind::close && result == -EINTR ? 0 : result;
    op->ring_data[0] = 0;
    op->done(*op);
    return true;
}

void UringRing::cancel_held() {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        const Slot& slot = slots_[i];
        if (slot.held) send({std::uint64_t{slot.generation} << 32 | i, true});
    }
}

// Operations that were not submitted are: their entries cannot be taken back, and a crash might as
// well have come after. Then all are cancelled; again every 100 ms, for a cancel can miss an
// operation that a kernel thread is just taking up.
void UringRing::abandon() {
    files_.abandon(open_files_);
    for (const Op* op : ended_files_) open_files_.ended(*op);
    ended_files_.clear();
    std::erase_if(unsent_, [](const Unsent& u) { return u.cancel; });
    while (!unsent_.empty()) {
        const std::uint64_t id = unsent_.front().id;
        unsent_.pop_front();
        slot_of(id).op = nullptr;
        take(id, -ECANCELED);
    }
    // Entries point at their Ops' paths and vectors, but the Ops themselves are done with.
    for (Slot& slot : slots_) slot.op = nullptr;
    while (held_ > 0) {
        if (unsent_.empty()) cancel_held();
        enter(monotonic_now() + milliseconds(100));
        hand_out();
    }
    open_files_.close_all();
}

}  // namespace holdfast::io

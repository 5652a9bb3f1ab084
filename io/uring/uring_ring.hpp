// The kernel's io_uring as a Ring.
//
// Rule 1: one thread makes the ring, starts, runs and destroys it (single issuer).
// Rule 2: an operation has a slot from start() until its completion is handed out. The slot's
//         number and generation are what the kernel knows it by (user_data), and hold what the
//         kernel must find in place: the timespec, the statx buffer, the msghdr.
// Rule 3: what finds the submission queue full waits in `unsent_`, in order; so a cancel always
//         comes after what it cancels.
// Rule 4: what this kernel's io_uring lacks (list always; truncate before 6.9; mkdir before 5.15)
//         is a plain call at start(), whose completion the next run() hands out.
// Needs kernel 5.11 (waits with a timeout, no lost completions); see make().
#pragma once

#include <liburing.h>
#include <sys/socket.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "io/ring.hpp"

namespace holdfast::io {

class UringRing final : public Ring, public RegistersBuffers {
public:
    /// A ring that was seen to work, or null and the reason in `why`: the kernel may lack io_uring
    /// or features, or a sysctl or a seccomp filter may forbid it.
    static std::unique_ptr<UringRing> make(std::string& why);
    ~UringRing() override;
    UringRing(const UringRing&) = delete;

    void start(Op& op) override;
    void cancel(Op& op) override;
    std::size_t run(Instant until) override;
    Instant now() override;
    std::int64_t wall_ns() override;
    void abandon() override;
    const char* name() const override { return "io_uring"; }

    /// Registers one region as buffers of at most 1 GiB each. A refusal (RLIMIT_MEMLOCK, or no
    /// memory to pin) costs a little speed and nothing else; buffers_refused() says why.
    bool register_buffers(std::span<std::byte> memory) override;
    /// "" if buffers are registered or nobody asked.
    const std::string& buffers_refused() const { return buffers_refused_; }

    /// The set-up flags that the kernel accepted, for the log: "single issuer, deferred", ...
    const char* mode() const { return mode_; }

private:
    struct Slot {
        Op* op = nullptr;  ///< Null: free, or abandoned with `held`.
        std::uint32_t generation = 1;
        bool held = false;         ///< The kernel has it, or will have it from `unsent_`.
        std::uint32_t pieces = 1;  ///< Entries of a large write, linked; only one answers.
        std::vector<iovec> cuts;   ///< What the pieces write, cut at their borders.
        union {
            __kernel_timespec time;
            struct statx stat;
            msghdr message;
        };
        Slot() : time{} {}
    };
    struct Unsent {
        std::uint64_t id;
        bool cancel;
    };

    UringRing() = default;
    bool set_up(std::string& why);
    bool answers_nop(std::string& why);
    void learn_opcodes();

    std::uint64_t slot_for(Op& op);
    Slot& slot_of(std::uint64_t id) { return slots_[static_cast<std::uint32_t>(id)]; }
    bool plain(OpKind kind) const;
    void send(const Unsent& what);
    void send_unsent();
    void place(const Unsent& what);
    unsigned entries_for(const Unsent& what);
    void cut_into_pieces(const Op& op, Slot& slot);
    void place_pieces(Op& op, Slot& slot, std::uint64_t id);
    static std::int64_t moved_by(std::uint64_t id, std::int64_t result);
    void keep_workers_near();

    // A slot's id: generation in the upper half, the piece of a large write, the slot's number.
    static constexpr int piece_shift = 24;
    static constexpr std::uint64_t piece_mask = std::uint64_t{0xff} << piece_shift;
    void prepare(io_uring_sqe& sqe, Op& op, Slot& slot);
    void prepare_file(io_uring_sqe& sqe, Op& op, Slot& slot);
    void prepare_read(io_uring_sqe& sqe, Op& op);
    void prepare_write(io_uring_sqe& sqe, Op& op);
    void prepare_socket(io_uring_sqe& sqe, Op& op, Slot& slot);
    int fixed_buffer(const void* begin, std::size_t size) const;

    void enter(Instant until);
    std::size_t hand_out();
    std::size_t hand_out_plain();
    bool take(std::uint64_t id, std::int64_t result);
    void cancel_held();

    io_uring ring_{};
    bool open_ = false;
    const char* mode_ = "";
    bool has_truncate_ = false;
    bool has_mkdir_ = false;
    bool can_skip_ = false;  ///< Entries may succeed without a completion.
    int cpu_ = -1;           ///< Where the kernel's workers run; -1: anywhere.

    std::deque<Slot> slots_;  ///< A deque: the kernel holds addresses in it.
    std::vector<std::uint32_t> free_;
    std::deque<Unsent> unsent_;
    std::deque<std::uint64_t> plain_done_;
    std::size_t held_ = 0;
    bool running_ = false;

    std::span<std::byte> registered_;
    std::string buffers_refused_;
};

}  // namespace holdfast::io

// The kernel's io_uring as a Ring.
//
// Rule 1: one thread makes the ring, starts, runs and destroys it (single issuer).
// Rule 2: an operation has a slot from start() until its completion is handed out. The slot's
//         number and generation are what the kernel knows it by (user_data), and hold what the
//         kernel must find in place: the timespec, the statx buffer, the msghdr.
// Rule 3: what finds the submission queue full waits in `unsent_`, in order; so a cancel always
//         comes after what it cancels.
// Rule 4: writes at an offset go to FileThreads, as does what this kernel's io_uring lacks
//         (list and lock always; truncate before 6.9; mkdir before 5.15). io_uring would give
//         buffered writes to threads of its own anyway, and these were measured to be slower: see
//         uring_prepare.cpp. An eventfd, read by the ring, says that some have ended.
// Needs kernel 5.11 (waits with a timeout, no lost completions); see make().
#pragma once

#include <liburing.h>
#include <sys/socket.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "io/posix/file_threads.hpp"
#include "io/posix/open_files.hpp"
#include "io/ring.hpp"

namespace holdfast::io {

class UringRing final : public Ring {
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

    /// The set-up flags that the kernel accepted, for the log: "single issuer, deferred", ...
    const char* mode() const { return mode_; }

private:
    struct Slot {
        Op* op = nullptr;  ///< Null: free, or abandoned with `held`.
        OpKind kind{};     ///< Of the operation, also when that is gone. As is `fd`.
        int fd = -1;
        std::uint32_t generation = 1;
        bool held = false;  ///< The kernel has it, or will have it from `unsent_`.
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

    UringRing();
    bool set_up(std::string& why);
    bool answers_nop(std::string& why);
    void learn_opcodes();

    std::uint64_t slot_for(Op& op);
    Slot& slot_of(std::uint64_t id) { return slots_[static_cast<std::uint32_t>(id)]; }
    bool is_for_threads(const Op& op) const;
    void listen_for_threads();
    void send(const Unsent& what);
    void send_unsent();
    void place(const Unsent& what);
    void prepare(io_uring_sqe& sqe, Op& op, Slot& slot);
    void prepare_file(io_uring_sqe& sqe, Op& op, Slot& slot);
    void prepare_socket(io_uring_sqe& sqe, Op& op, Slot& slot);

    void enter(Instant until);
    std::size_t hand_out();
    std::size_t hand_out_files();
    void skip_own();
    bool take(std::uint64_t id, std::int64_t result);
    void cancel_held();

    io_uring ring_{};
    bool open_ = false;
    const char* mode_ = "";
    bool has_truncate_ = false;
    bool has_mkdir_ = false;

    std::deque<Slot> slots_;  ///< A deque: the kernel holds addresses in it.
    std::vector<std::uint32_t> free_;
    std::deque<Unsent> unsent_;
    std::size_t held_ = 0;
    OpenFiles open_files_;
    bool running_ = false;

    int files_ended_fd_ = -1;  ///< Written by a thread when a first operation has ended.
    std::uint64_t files_ended_count_ = 0;
    bool listens_ = false;  ///< The kernel reads files_ended_fd_.
    FileThreads files_;
    std::vector<Op*> ended_files_;  ///< Not handed out yet.
    std::vector<Op*> handed_out_;   ///< Only within run().
};

}  // namespace holdfast::io

// Processes that a source starts, and what is known of them.
//
// Rule 1: a child has standard output and error of its own (pipes), nothing on standard input, no
//         other descriptor of ours, no signal blocked or ignored, and a process group of its own.
// Rule 2: a child is reaped in end(), never before: until then its number and its group are its own,
//         and a signal can hit nobody else.
// Rule 3: who destroys Children ends all of them: SIGTERM to their groups, SIGKILL after `grace`.
// Rule 4: a child is sent SIGKILL by the kernel when the thread that started it ends, so that it does
//         not outlive a process that was killed. Its own children are not; and it is not if it
//         changes its user or is a set-uid program (prctl(2), PR_SET_PDEATHSIG).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.hpp"

namespace holdfast::io {

struct Command {
    std::vector<std::string> argv;  ///< At least the program, which is looked for in PATH.
    std::string working_dir;        ///< Empty: ours.
};

struct Child {
    int exit_fd = -1;  ///< Readable when it has ended.
    int out_fd = -1;   ///< Its standard output and error; reads don't wait.
    int err_fd = -1;
    pid_t pid = 0;
};

/// How a process ended.
struct ChildEnd {
    int code = 0;
    int signal = 0;  ///< 0: none.
    bool ok() const { return code == 0 && signal == 0; }
    /// "it exited with code 3"
    std::string text() const;
};

/// Why a command could not be started.
struct StartProblem {
    int error = 0;
    bool is_ours = false;  ///< Something of this machine is missing, not the command.
    std::string text;
};

class Children {
public:
    virtual ~Children() = default;
    /// Requires: argv is not empty. From the thread that lives as long as the child may.
    virtual std::expected<Child, StartProblem> start(const Command& command) = 0;
    /// Nothing as long as it runs. Requires: end() was not called.
    virtual std::optional<ChildEnd> ended(const Child& child) = 0;
    /// What is left of its group is told to end, it is reaped, exit_fd is closed. Requires: it ended.
    virtual void end(const Child& child) = 0;
    /// Of out_fd and err_fd. Requires: nothing of a ring uses it.
    virtual void close(int fd) = 0;
};

/// Real ones. `grace`: how long the destructor waits between SIGTERM and SIGKILL.
std::unique_ptr<Children> make_children(Duration grace);

}  // namespace holdfast::io

// Children as real processes.
#include "io/sources/exec/children.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "core/base/assert.hpp"

namespace holdfast::io {
namespace {

enum class Step : int { none, folder, descriptors, program };

/// What a child needs to become its program. It shares our memory until then (vfork).
struct Birth {
    const char* const* argv = nullptr;
    const char* folder = nullptr;
    int in = -1;
    int out = -1;
    int err = -1;
    pid_t parent = 0;
    volatile Step failed = Step::none;
    volatile int error = 0;
};

void fail(Birth& birth, Step step) {
    birth.error = errno;
    birth.failed = step;
    ::_exit(127);
}

// In the child, with our memory and all signals blocked: system calls only. Handlers go first, for
// one of ours that ran here would run in our memory.
[[noreturn]] void become(Birth& birth) {
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Who asked for it may have died before that.
    if (::getppid() != birth.parent) ::_exit(127);
    ::setpgid(0, 0);
    if (birth.folder != nullptr && ::chdir(birth.folder) != 0) fail(birth, Step::folder);
    const std::array<int, 3> ours{birth.in, birth.out, birth.err};
    for (int fd = 0; fd < 3; ++fd)
        if (::dup2(ours[static_cast<std::size_t>(fd)], fd) != fd) fail(birth, Step::descriptors);
    // All of ours are closed by exec in any case; this is for those of libraries.
    ::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execvp(birth.argv[0], const_cast<char* const*>(birth.argv));
    fail(birth, Step::program);
    ::_exit(127);
}

[[gnu::noinline]] pid_t give_birth(Birth& birth) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = ::vfork();
    if (pid == 0) become(birth);
    const int error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return pid;
}

/// Descriptors above the standard ones, which dup2 would mix up where ours are closed.
int above_standard(int fd) {
    if (fd < 0 || fd > 2) return fd;
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    ::close(fd);
    return moved;
}

struct Pipe {
    int in = -1;   ///< Ours, which doesn't wait.
    int out = -1;  ///< The child's.
    bool open() {
        std::array<int, 2> fds{};
        if (::pipe2(fds.data(), O_CLOEXEC) != 0) return false;
        in = above_standard(fds[0]);
        out = above_standard(fds[1]);
        return in >= 0 && out >= 0 && ::fcntl(in, F_SETFL, O_NONBLOCK) == 0;
    }
};

void close_all(std::initializer_list<int> fds) {
    for (const int fd : fds)
        if (fd >= 0) ::close(fd);
}

std::string named(const std::string& what, int error) { return what + ": " + std::strerror(error); }

StartProblem problem_of(const Birth& birth, const Command& command) {
    const int error = birth.error;
    switch (birth.failed) {
        case Step::folder:
            return {error, false, named("cannot go to working_dir " + command.working_dir, error)};
        case Step::program:
            if (error == ENOENT)
                return {error, false,
                        "command not found: " + command.argv[0] +
                            " (not a file, or none of this name in PATH)"};
            return {error, error == ENOMEM || error == EAGAIN,
                    named("cannot run " + command.argv[0], error)};
        case Step::none:
        case Step::descriptors: break;
    }
    return {error, true, named("cannot start a process", error)};
}

ChildEnd end_of(const siginfo_t& told) {
    if (told.si_code == CLD_EXITED) return {.code = told.si_status, .signal = 0};
    return {.code = 0, .signal = told.si_status};
}

class RealChildren final : public Children {
public:
    explicit RealChildren(Duration grace) : grace_(grace) {}
    ~RealChildren() override;

    std::expected<Child, StartProblem> start(const Command& command) override;
    std::optional<ChildEnd> ended(const Child& child) override;
    void end(const Child& child) override;
    void close(int fd) override {
        std::erase(pipes_, fd);
        ::close(fd);
    }

private:
    static bool wait_for(const Child& child, int flags, siginfo_t& told) {
        told = {};
        int result = 0;
        do {
            result = ::waitid(P_PID, static_cast<id_t>(child.pid), &told, WEXITED | flags);
        } while (result != 0 && errno == EINTR);
        return result == 0 && told.si_pid == child.pid;
    }
    void reap(const Child& child);
    bool all_ended_by(std::int64_t until_ms);

    Duration grace_;
    std::vector<Child> running_;
    std::vector<int> pipes_;  ///< Ours, open.
};

std::int64_t milliseconds_now() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return std::int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000;
}

RealChildren::~RealChildren() {
    for (const int fd : pipes_) ::close(fd);
    for (const Child& child : running_) ::kill(-child.pid, SIGTERM);
    all_ended_by(milliseconds_now() + grace_.ns / 1'000'000);
    while (!running_.empty()) {
        const Child child = running_.back();
        ::kill(-child.pid, SIGKILL);
        reap(child);
    }
}

bool RealChildren::all_ended_by(std::int64_t until_ms) {
    for (const Child& child : running_) {
        const std::int64_t left = std::max<std::int64_t>(until_ms - milliseconds_now(), 0);
        pollfd one{.fd = child.exit_fd, .events = POLLIN, .revents = 0};
        if (::poll(&one, 1, static_cast<int>(left)) == 0) return false;
    }
    return true;
}

std::expected<Child, StartProblem> RealChildren::start(const Command& command) {
    HF_ASSERT(!command.argv.empty());
    std::vector<const char*> argv;
    for (const std::string& word : command.argv) argv.push_back(word.c_str());
    argv.push_back(nullptr);
    Pipe out;
    Pipe err;
    const int in = above_standard(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const bool open = in >= 0 && out.open() && err.open();
    const auto failed = [&](StartProblem problem) {
        close_all({in, out.in, out.out, err.in, err.out});
        return std::unexpected(std::move(problem));
    };
    if (!open) return failed({errno, true, named("cannot start a process", errno)});
    Birth birth;
    birth.argv = argv.data();
    birth.folder = command.working_dir.empty() ? nullptr : command.working_dir.c_str();
    birth.in = in;
    birth.out = out.out;
    birth.err = err.out;
    birth.parent = ::getpid();
    Child child{.exit_fd = -1, .out_fd = out.in, .err_fd = err.in, .pid = give_birth(birth)};
    if (child.pid < 0) return failed({errno, true, named("cannot start a process", errno)});
    // Also done by itself; whoever is first, it is done when we send a signal.
    ::setpgid(child.pid, child.pid);
    siginfo_t told{};
    if (birth.failed != Step::none) {
        wait_for(child, 0, told);
        return failed(problem_of(birth, command));
    }
    child.exit_fd = static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0));
    if (child.exit_fd < 0) {
        const int error = errno;
        ::kill(-child.pid, SIGKILL);
        wait_for(child, 0, told);
        return failed({error, true, named("cannot watch a process (pidfd_open)", error)});
    }
    close_all({in, out.out, err.out});
    running_.push_back(child);
    pipes_.insert(pipes_.end(), {child.out_fd, child.err_fd});
    return child;
}

std::optional<ChildEnd> RealChildren::ended(const Child& child) {
    siginfo_t told{};
    if (!wait_for(child, WNOHANG | WNOWAIT, told)) return std::nullopt;
    return end_of(told);
}

void RealChildren::end(const Child& child) {
    ::kill(-child.pid, SIGTERM);
    reap(child);
}

void RealChildren::reap(const Child& child) {
    siginfo_t told{};
    wait_for(child, 0, told);
    ::close(child.exit_fd);
    std::erase_if(running_, [&](const Child& one) { return one.pid == child.pid; });
}

}  // namespace

std::string ChildEnd::text() const {
    if (signal != 0)
        return "it was ended by signal " + std::to_string(signal) + " (" + ::strsignal(signal) +
               ")";
    return "it exited with code " + std::to_string(code);
}

std::unique_ptr<Children> make_children(Duration grace) {
    return std::make_unique<RealChildren>(grace);
}

}  // namespace holdfast::io

// The real binary as a test sees it: spawn, signal, wait, read what it said.
//
// Rule 1: a Process that goes out of scope is killed; a TempDir is removed.
// Rule 2: every wait has a limit; a test that runs into it fails with what the process said.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace holdfast::real {

/// A directory of its own under the system's temporary one.
class TempDir {
public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;

    const std::string& path() const { return path_; }
    /// A path in it.
    std::string at(const std::string& name) const { return path_ + "/" + name; }
    /// Writes a file in it, with the folders above; returns its path.
    std::string write(const std::string& name, const std::string& contents) const;

private:
    std::string path_;
};

void append_file(const std::string& path, const std::string& text);
/// The whole of a file; empty if it isn't there.
std::string read_file(const std::string& path);
bool exists(const std::string& path);
bool contains(const std::string& text, const std::string& what);
/// "{"n":FIRST,...}\n" for `count` numbers: every line is different.
std::string lines(std::uint64_t first, std::uint64_t count, std::size_t padding = 0);

struct Exited {
    bool signaled = false;
    int code = 0;  ///< Exit code, or the signal's number.
    std::string out;
    std::string err;
};

class Process {
public:
    struct Options {
        std::string in_text;                             ///< For its stdin, then closed.
        bool in_open = false;                            ///< stdin stays open: see write_in().
        int err = -1;                                    ///< Its stderr, instead of a file.
        std::map<std::string, std::string> environment;  ///< Besides ours.
    };

    /// Starts `arguments[0]`. Its stdout and stderr go to files of their own.
    explicit Process(std::vector<std::string> arguments);
    Process(std::vector<std::string> arguments, Options options);
    ~Process();
    Process(const Process&) = delete;

    void send(int signal) const;
    /// SIGKILL, and waits.
    void kill();
    void write_in(const std::string& text) const;
    void close_in();
    /// False at the limit.
    bool wait(std::chrono::milliseconds limit);
    bool running();
    /// Requires: wait() was true. What it said: also before its end.
    Exited result() const;
    pid_t pid() const { return pid_; }

private:
    void collect(int status);

    TempDir said_;
    pid_t pid_ = -1;
    int in_ = -1;
    bool ended_ = false;
    bool signaled_ = false;
    int code_ = 0;
};

/// The program under test with these arguments.
std::vector<std::string> program(std::vector<std::string> arguments);
/// Runs it to its end; fails the test if that takes longer.
Exited run(std::vector<std::string> arguments, Process::Options options = {},
           std::chrono::milliseconds limit = std::chrono::minutes(4));
/// Waits until a condition holds; false at the limit.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::minutes(2));

/// Waits until it has said `what` on its stderr.
bool says(const Process& process, const std::string& what);
/// Waits until no file of a folder, such as a data directory, has changed for a while.
bool is_quiet(const std::string& folder);

void sleep_ms(int ms);

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        sleep_ms(2);
    }
    return true;
}

}  // namespace holdfast::real

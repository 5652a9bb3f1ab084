// What the SIGKILL campaigns share: numbered lines, a pipeline's config, one life of the program,
// and verdicts that look at files only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace campaign {

/// A folder of its own, removed at the end.
class Folder {
public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    std::string operator/(std::string_view name) const;

private:
    std::string path_;
};

void write_file(const std::string& path, std::string_view text);
void append_file(const std::string& path, std::string_view text);
/// The whole file; empty if there is none.
std::string read_file(const std::string& path);

/// Lines "<number> <padding>\n", numbered from `first`, of lengths that vary.
std::string numbered_lines(std::uint64_t first, std::uint64_t count);

/// One process of the real program, its output in a file.
class Process {
public:
    Process(const std::string& config, const std::string& log);
    ~Process();
    Process(const Process&) = delete;

    void signal(int number) const;
    /// True if it ended by itself within the time; then `exit_code()` is known.
    bool ended_within(std::int64_t milliseconds);
    /// SIGKILL, and waits.
    void kill();
    int exit_code() const { return exit_code_; }

private:
    pid_t pid_ = -1;
    int exit_code_ = -1;
};

/// What kills are drawn from: equal seeds give equal waits.
class Waits {
public:
    explicit Waits(std::uint64_t seed) : seed_(seed) {}
    std::int64_t next(std::int64_t low, std::int64_t high);

private:
    std::uint64_t seed_;
    std::uint64_t count_ = 0;
};

/// How a file of numbered lines differs from lines 0 to `count` - 1, each once, in order.
struct Verdict {
    std::uint64_t lost = 0;
    std::uint64_t repeated = 0;
    std::uint64_t jumps = 0;  ///< Times that the numbers went back.
    std::uint64_t torn = 0;   ///< Lines that were never written.
};
Verdict judge(const std::string& text, std::uint64_t count);

/// Kills the program at random moments until it was killed `kills` times after it had written some
/// but not all of `output` (of `size` bytes), each time starting it again on the same state; then
/// lets it end. When it is done before its kill, `begin_again` is called for a fresh start; kills
/// that hit before the first byte count for nothing. Returns the last exit code.
int run_with_kills(const std::string& config, const std::string& log, std::uint32_t kills,
                   std::int64_t wait_ms_max, Waits& waits, void (*begin_again)(const Folder&),
                   const Folder& folder, const std::string& output, std::uint64_t size);

}  // namespace campaign

// Runs a program that copies lines from one file to another and judges it by that other file:
// how long until all is there, or what ten SIGKILLs and restarts did to it.
//
//   peer time  IN OUT COMMAND ...   one run; prints: seconds, peak MiB, and "same" or "different"
//   peer kills IN OUT COMMAND ...   killed ten times, started again each time; prints: lost,
//                                   repeated, torn
//
// A program that goes on for ever is told to end (SIGTERM) once the output is as long as the input,
// or has not grown for some seconds; the time is up to the last byte. Of one that ends by itself
// the time is up to its end.
// A line is known by what follows its first `:`: a 1, then its number in eight digits (lines.awk).
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds quiet_for{8};
constexpr std::chrono::seconds give_up{180};

// Of the input's size: how much more the output must hold before the next kill.
constexpr std::array<double, 10> kill_after{.05, .13, .07, .11, .04, .12, .08, .10, .06, .09};

std::int64_t size_of(const char* path) {
    struct stat found{};
    return stat(path, &found) == 0 ? found.st_size : 0;
}

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

class Child {
public:
    explicit Child(char** command) {
        pid_ = fork();
        if (pid_ == 0) {
            const int log = open("peer.log", O_WRONLY | O_CREAT | O_APPEND, 0644);
            dup2(log, 1);
            dup2(log, 2);
            execvp(command[0], command);
            _exit(127);
        }
    }

    bool ended() {
        if (!ended_) ended_ = wait4(pid_, &status_, WNOHANG, &usage_) == pid_;
        return ended_;
    }
    void end(int signal) {
        if (ended()) return;
        ::kill(pid_, signal);
        const auto begin = Clock::now();
        while (!ended()) {
            if (seconds_since(begin) > 60) ::kill(pid_, SIGKILL);
            usleep(1000);
        }
    }
    bool good() const { return WIFEXITED(status_) && WEXITSTATUS(status_) == 0; }
    double peak_mib() const { return static_cast<double>(usage_.ru_maxrss) / 1024; }

private:
    pid_t pid_ = -1;
    bool ended_ = false;
    int status_ = 0;
    rusage usage_{};
};

/// Waits until the program ends, or has written `size` bytes, or writes nothing more.
/// Returns seconds up to the last growth that was seen, or up to its end.
double settle(Child& child, const char* out, std::int64_t size) {
    const auto begin = Clock::now();
    auto grown = begin;
    std::int64_t before = size_of(out);
    while (!child.ended()) {
        const std::int64_t now = size_of(out);
        if (now != before) grown = Clock::now();
        before = now;
        if (size > 0 && now >= size) break;
        if (Clock::now() - grown > quiet_for || Clock::now() - begin > give_up) break;
        usleep(1000);
    }
    return child.ended() ? seconds_since(begin)
                         : std::chrono::duration<double>(grown - begin).count();
}

std::string read_file(const char* path) {
    std::ifstream in(path, std::ios::binary);
    std::string text(static_cast<std::size_t>(size_of(path)), '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    return text;
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        lines.push_back(text.substr(at, end == std::string_view::npos ? end : end + 1 - at));
        if (end == std::string_view::npos) break;
        at = end + 1;
    }
    return lines;
}

int judge(const char* in, const char* out) {
    const std::string input = read_file(in);
    const std::string output = read_file(out);
    const auto expected = split(input);
    std::vector<std::uint32_t> seen(expected.size(), 0);
    std::uint64_t repeated = 0, torn = 0, lost = 0;
    for (const std::string_view line : split(output)) {
        const std::size_t colon = line.find(':');
        const std::size_t number =
            colon == std::string_view::npos
                ? expected.size()
                : std::strtoull(std::string(line.substr(colon + 2, 8)).c_str(), nullptr, 10);
        if (number >= expected.size() || line != expected[number])
            ++torn;
        else if (seen[number]++ > 0)
            ++repeated;
    }
    for (const std::uint32_t times : seen) lost += times == 0;
    std::printf("%llu\t%llu\t%llu\n", static_cast<unsigned long long>(lost),
                static_cast<unsigned long long>(repeated), static_cast<unsigned long long>(torn));
    return 0;
}

int measure(const char* in, const char* out, char** command) {
    Child child(command);
    const double seconds = settle(child, out, size_of(in));
    child.end(SIGTERM);
    const bool same = read_file(in) == read_file(out);
    std::printf("%.3f\t%.1f\t%s\n", seconds, child.peak_mib(), same ? "same" : "different");
    return child.good() ? 0 : 1;
}

int kills(const char* in, const char* out, char** command) {
    const auto size = static_cast<double>(size_of(in));
    for (const double share : kill_after) {
        const std::int64_t target = size_of(out) + static_cast<std::int64_t>(share * size);
        Child child(command);
        const auto begin = Clock::now();
        while (size_of(out) < target && !child.ended() && Clock::now() - begin < give_up)
            usleep(200);
        if (child.ended() || size_of(out) < target) {
            std::fprintf(stderr, "peer: it ended, or stood still, before it could be killed\n");
            return 1;
        }
        child.end(SIGKILL);
    }
    Child child(command);
    settle(child, out, 0);
    child.end(SIGTERM);
    return judge(in, out);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view verb = argc > 4 ? argv[1] : "";
    if (verb == "time") return measure(argv[2], argv[3], argv + 4);
    if (verb == "kills") return kills(argv[2], argv[3], argv + 4);
    std::fprintf(stderr, "usage: peer time|kills IN OUT COMMAND ...\n");
    return 64;
}

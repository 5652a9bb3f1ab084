// Times two or more shell commands in turn (A B A B ...), each from the same prepared state, and
// prints for each its median wall time, its peak memory, and its ratios to the last one: of medians,
// and of the lowest of each. Whoever measures beside others believes the latter: noise only adds.
//
//   pair --runs 5 --prepare 'rm -f out; sync' 'NAME=COMMAND' ... 'NAME=COMMAND'
//
// Output: one line a command, tab-separated: name, median seconds, min, max, ratio of medians to
// the last command, peak resident MiB of the largest process, ratio of the lowest ones, and of its
// lowest run in processor time the user and system seconds. A command that fails is said and ends it.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

struct Command {
    std::string name;
    std::string text;
    std::vector<double> seconds;
    double peak_mib = 0;
    double user = 0;  ///< Seconds, of the run that took the least processor time.
    double system = 0;
};

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// Runs a shell command; returns wall seconds, or a negative number if it failed.
double run(const std::string& text, Command* command) {
    const auto begin = std::chrono::steady_clock::now();
    const pid_t child = fork();
    if (child == 0) {
        const int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        execl("/bin/bash", "bash", "-c", text.c_str(), nullptr);
        _exit(127);
    }
    int status = 0;
    rusage usage{};
    wait4(child, &status, 0, &usage);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (command) {
        const double user = seconds_of(usage.ru_utime);
        const double system = seconds_of(usage.ru_stime);
        command->peak_mib =
            std::max(command->peak_mib, static_cast<double>(usage.ru_maxrss) / 1024);
        if (command->seconds.empty() || user + system < command->user + command->system) {
            command->user = user;
            command->system = system;
        }
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? took.count() : -1;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t n = values.size();
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

}  // namespace

int main(int argc, char** argv) {
    int runs = 5;
    std::string prepare = "sync";
    std::vector<Command> commands;
    for (int i = 1; i < argc; ++i) {
        if (!std::strcmp(argv[i], "--runs") && i + 1 < argc) {
            runs = std::atoi(argv[++i]);
        } else if (!std::strcmp(argv[i], "--prepare") && i + 1 < argc) {
            prepare = argv[++i];
        } else if (const char* equals = std::strchr(argv[i], '=')) {
            commands.push_back(
                {std::string(static_cast<const char*>(argv[i]), equals), equals + 1, {}, 0});
        } else {
            std::fprintf(stderr, "pair: not NAME=COMMAND: %s\n", argv[i]);
            return 64;
        }
    }
    if (commands.empty() || runs < 1) {
        std::fprintf(stderr, "usage: pair [--runs N] [--prepare COMMAND] NAME=COMMAND ...\n");
        return 64;
    }
    for (int r = -1; r < runs; ++r) {  // Run -1 warms up and isn't counted.
        for (Command& c : commands) {
            if (run(prepare, nullptr) < 0) {
                std::fprintf(stderr, "pair: preparing failed: %s\n", prepare.c_str());
                return 1;
            }
            const double seconds = run(c.text, &c);
            if (seconds < 0) {
                std::fprintf(stderr, "pair: %s failed: %s\n", c.name.c_str(), c.text.c_str());
                return 1;
            }
            if (r >= 0) c.seconds.push_back(seconds);
        }
    }
    const double base = median(commands.back().seconds);
    const double base_low = *std::ranges::min_element(commands.back().seconds);
    for (const Command& c : commands) {
        const auto [low, high] = std::minmax_element(c.seconds.begin(), c.seconds.end());
        std::printf("%s\t%.3f\t%.3f\t%.3f\t%.2f\t%.1f\t%.2f\t%.2f\t%.2f\n", c.name.c_str(),
                    median(c.seconds), *low, *high, median(c.seconds) / base, c.peak_mib,
                    *low / base_low, c.user, c.system);
    }
    return 0;
}

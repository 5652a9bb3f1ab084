// Branch flips: each conditional jump of the engine, turned round in the running program, one at a
// time; then unit tests, properties and the simulator must notice.
//
// Reads lines "ADDRESS SYMBOL" (hexadecimal, as the disassembler prints them for this very file). For
// each a child turns the jump round in its own memory and runs the checks; nothing is built anew.
// Prints a line for each survivor, then the counts. A child that dies or does not end was noticed, too.
// Jcc rel8 is 70+cc, Jcc rel32 is 0F 80+cc; the lowest bit of cc negates the condition (Intel SDM
// volume 2, appendix B.1.4.7).
#define CATCH_CONFIG_RUNNER
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "sim/world.hpp"

extern "C" const char __executable_start;  // The linker's: where this file lies in memory.

namespace {

constexpr int survived = 0;
constexpr int found_by_simulator = 41;
constexpr int found_by_tests = 42;
constexpr int not_a_jump = 43;
constexpr rlim_t seconds_plain = 20;  // Of a processor, for the checks with nothing turned round.
constexpr std::uint64_t seeds_first = 40;  // Before the tests: most are found in these.
constexpr rlim_t seconds_first = 2;        // They take a fiftieth of it, where nothing hangs.

struct Flip {
    std::uint64_t address = 0;  ///< 0: nothing is turned round.
    std::string symbol;
};

struct Settings {
    std::uint64_t seeds = 2000;
    std::uint64_t every = 1;  ///< Only each n-th jump.
    std::uint32_t jobs = 2;
    rlim_t seconds = 0;  ///< Of a processor, for one jump.
    bool verbose = false;
};

std::vector<Flip> read_flips(const char* path, std::uint64_t every) {
    std::vector<Flip> out;
    std::ifstream file(path);
    std::string address, symbol;
    for (std::uint64_t i = 0; file >> address >> symbol; ++i)
        if (i % every == 0) out.push_back({std::strtoull(address.c_str(), nullptr, 16), symbol});
    return out;
}

bool turn_round(std::uint64_t address) {
    auto* at = reinterpret_cast<unsigned char*>(
        reinterpret_cast<std::uintptr_t>(&__executable_start) + address);
    const auto page = reinterpret_cast<std::uintptr_t>(at) & ~std::uintptr_t{4095};
    if (::mprotect(reinterpret_cast<void*>(page), 2 * 4096, PROT_READ | PROT_WRITE | PROT_EXEC) !=
        0)
        return false;
    if (at[0] == 0x0f && (at[1] & 0xf0) == 0x80)
        at[1] ^= 1;
    else if ((at[0] & 0xf0) == 0x70)
        at[0] ^= 1;
    else
        return false;
    return true;
}

bool simulator_is_content(std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t seed = first; seed < end; ++seed)
        if (holdfast::sim::run_seed(seed).failure.invariant != nullptr) return false;
    return true;
}

/// Of a processor, from the start on: others may use it as well.
void limit_time(rlim_t seconds, rlim_t at_most) {
    const rlimit time{std::min(seconds, at_most), at_most + 1};
    ::setrlimit(RLIMIT_CPU, &time);
}

int check(std::uint64_t seeds, rlim_t seconds) {
    limit_time(seconds_first, seconds);
    if (!simulator_is_content(1, std::min(seeds, seeds_first))) return found_by_simulator;
    limit_time(seconds, seconds);
    Catch::Session session;
    const char* const arguments[] = {"flips", "-a", "-o", "/dev/null"};
    session.applyCommandLine(4, arguments);
    if (session.run() != 0) return found_by_tests;
    return simulator_is_content(seeds_first, seeds) ? survived : found_by_simulator;
}

[[noreturn]] void child(const Flip& flip, std::uint64_t seeds, rlim_t seconds) {
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(null, 1);
    ::dup2(null, 2);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    const rlimit memory{std::uint64_t{3} << 30, std::uint64_t{3} << 30};
    ::setrlimit(RLIMIT_AS, &memory);
    if (flip.address != 0 && !turn_round(flip.address)) ::_exit(not_a_jump);
    ::_exit(check(seeds, seconds));
}

const char* verdict(int status) {
    if (WIFEXITED(status)) {
        switch (WEXITSTATUS(status)) {
            case survived: return "survived";
            case found_by_simulator: return "found by the simulator";
            case found_by_tests: return "found by tests and properties";
            case not_a_jump: return "not a jump";
            default: return "ended by itself";
        }
    }
    return WTERMSIG(status) == SIGXCPU ? "hangs" : "dies of an assertion or a fault";
}

int run(const std::vector<Flip>& flips, const Settings& settings) {
    std::map<pid_t, std::size_t> running;
    std::map<std::string, std::uint64_t> counts;
    std::size_t next = 0;
    while (next < flips.size() || !running.empty()) {
        if (next < flips.size() && running.size() < settings.jobs) {
            const pid_t pid = ::fork();
            if (pid == 0) child(flips[next], settings.seeds, settings.seconds);
            running[pid] = next++;
            continue;
        }
        int status = 0;
        const auto ended = running.find(::wait(&status));
        if (ended == running.end()) continue;
        const char* what = verdict(status);
        ++counts[what];
        if (settings.verbose || std::string(what) == "survived")
            std::printf("%llx %s %s\n",
                        static_cast<unsigned long long>(flips[ended->second].address),
                        flips[ended->second].symbol.c_str(), what);
        std::fflush(stdout);
        running.erase(ended);
    }
    for (const auto& [what, count] : counts)
        std::printf("%llu %s\n", static_cast<unsigned long long>(count), what.c_str());
    const std::uint64_t all = flips.size();
    std::printf("flips: %llu of %llu found\n",
                static_cast<unsigned long long>(all - counts["survived"] - counts["not a jump"]),
                static_cast<unsigned long long>(all));
    return counts["not a jump"] == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    if (argc < 2) {
        std::fprintf(stderr, "usage: flips LIST [SEEDS [EVERY [JOBS]]]   (see ./dev flips)\n");
        return 64;
    }
    if (argc > 2) settings.seeds = std::strtoull(argv[2], nullptr, 10);
    if (argc > 3) settings.every = std::max(std::strtoull(argv[3], nullptr, 10), 1ull);
    if (argc > 4) settings.jobs = static_cast<std::uint32_t>(std::strtoul(argv[4], nullptr, 10));
    settings.verbose = std::getenv("HF_FLIPS_VERBOSE") != nullptr;
    ::setenv("RC_PARAMS", "max_success=40 seed=1", 1);
    int status = 0;
    rusage used{};
    const pid_t plain = ::fork();
    if (plain == 0) child({}, settings.seeds, seconds_plain);
    if (::wait4(plain, &status, 0, &used) != plain || std::string(verdict(status)) != "survived") {
        std::fprintf(stderr, "flips: without a flip: %s\n", verdict(status));
        return 1;
    }
    // Most that hang do so for ever: a few times what all the checks take is enough to know.
    settings.seconds = 2 + 3 * static_cast<rlim_t>(used.ru_utime.tv_sec + 1);
    return run(read_flips(argv[1], settings.every), settings);
}

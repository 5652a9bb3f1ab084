// `holdfast sim --world NAME`: many seeds of one of the worlds beside the engine's, or one with all that
// happened in it.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "sim/command.hpp"
#include "sim/crash_words.hpp"
#include "sim/habitats.hpp"
#include "sim/joint_world.hpp"

namespace holdfast::sim {
namespace {

constexpr int exit_safety = 10;
constexpr int exit_liveness = 11;
constexpr int exit_crash = 12;

const char* world_now = "";

int code_of(const Breach& breach) {
    return breach.invariant[0] == 'L' ? exit_liveness : exit_safety;
}

void print(std::uint64_t seed, const Breach& breach) {
    fmt::print("{}\nFAIL {}  seed={:#x}\n  replay: holdfast sim --world {} --seed {:#x}\n",
               breach.what, breach.invariant, seed, world_now, seed);
}

int run_one(Habitat habitat, std::uint64_t seed) {
    crash_is_of(seed);
    const auto found = run_in(habitat, seed);
    if (found) {
        print(seed, *found);
        return code_of(*found);
    }
    fmt::print("ok  seed={:#x}\n", seed);
    return 0;
}

int run_joint_one(const SimOptions& options) {
    crash_is_of(options.first_seed);
    Seeded choices(options.first_seed);
    JointWorld world(choices);
    std::optional<Breach> found;
    try {
        world.run();
    } catch (const Breach& breach) {
        found = breach;
    }
    if (options.log_full || found)
        for (const std::string& line : world.log()) fmt::print("{}\n", line);
    if (found) {
        print(options.first_seed, *found);
        return code_of(*found);
    }
    fmt::print("ok  seed={:#x}  {} lines, {} of virtual time\n", options.first_seed, world.lines(),
               world.ended().ns / 1'000'000'000);
    return 0;
}

}  // namespace

int world_command(const SimOptions& options) {
    const Habitat habitat = habitat_of(options.world).value();
    world_now = name_of(habitat);
    static std::string what;
    what = std::string("--world ") + world_now;
    say_at_crash(what.c_str(), exit_crash);
    if (options.one_seed)
        return habitat == Habitat::joint ? run_joint_one(options)
                                         : run_one(habitat, options.first_seed);
    std::atomic<std::uint64_t> next{0};
    std::mutex mutex;
    std::map<std::string, std::uint64_t> kinds;
    std::uint64_t failed = 0;
    int code = 0;
    const auto began = std::chrono::steady_clock::now();
    const auto some = [&] {
        for (std::uint64_t i = next++; i < options.seeds; i = next++) {
            const std::uint64_t seed = options.first_seed + i;
            crash_is_of(seed);
            const auto found = run_in(habitat, seed);
            if (!found) continue;
            const std::lock_guard lock(mutex);
            ++failed;
            if (++kinds[found->invariant] == 1) print(seed, *found);
            code = code == 0 ? code_of(*found) : std::min(code, code_of(*found));
        }
    };
    const std::uint32_t jobs =
        options.jobs > 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 1; i < jobs; ++i) threads.emplace_back(some);
    some();
    threads.clear();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    for (const auto& [kind, count] : kinds) fmt::print("{:>8} seeds failed {}\n", count, kind);
    fmt::print("{} world: {} seeds, {} failed; {:.0f} seeds/s\n", world_now, options.seeds, failed,
               static_cast<double>(options.seeds) / seconds);
    return code;
}

}  // namespace holdfast::sim

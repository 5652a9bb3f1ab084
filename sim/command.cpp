#include "sim/command.hpp"
#include "sim/crash_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

#include "sim/report.hpp"
#include "sim/shrink.hpp"
#include "sim/world.hpp"

namespace holdfast::sim {
namespace {

constexpr int exit_safety = 10;
constexpr int exit_liveness = 11;
constexpr int exit_crash = 12;
constexpr int exit_nondeterminism = 13;
constexpr int exit_probes = 14;
constexpr int exit_data = 65;

struct Sweep {
    const SimOptions& options;
    std::atomic<std::uint64_t> next{0};
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::uint64_t> events{0};
    std::atomic<std::uint64_t> virtual_ms{0};
    std::atomic<bool> different{false};
    std::mutex mutex;
    std::map<std::uint64_t, Failure> failures;  // By seed, so that the report has an order.
    std::vector<TraceHash> hashes;
    Probes probes;
};

void sweep_some(Sweep& sweep) {
    Probes mine;
    for (;;) {
        const std::uint64_t i = sweep.next++;
        if (i >= sweep.options.seeds) break;
        const std::uint64_t seed = sweep.options.first_seed + i;
        crash_is_of(seed);
        const RunOptions run{.until = sweep.options.until, .lies = sweep.options.lies};
        const Outcome outcome = run_seed(seed, run, &mine);
        sweep.events += outcome.events;
        // A stall with a timer in the next century would drown all others.
        sweep.virtual_ms +=
            static_cast<std::uint64_t>(std::min(outcome.ended.ns, seconds(3600).ns) / 1'000'000);
        if (sweep.options.golden) sweep.hashes[i] = outcome.hash;
        if (sweep.options.twice && !(run_seed(seed, run).hash == outcome.hash)) {
            sweep.different = true;
            std::fprintf(stderr, "DIFFERS seed=0x%llx: two runs, two traces\n",
                         static_cast<unsigned long long>(seed));
        }
        if (outcome.failure.invariant != nullptr) {
            const std::lock_guard lock(sweep.mutex);
            sweep.failures.emplace(seed, outcome.failure);
            if (sweep.options.json) fmt::print("{}\n", report_json(seed, outcome));
        }
        ++sweep.done;
    }
    const std::lock_guard lock(sweep.mutex);
    sweep.probes.merge(mine);
}

void show_progress(const Sweep& sweep, std::chrono::steady_clock::time_point began) {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    std::fprintf(stderr, "\r%llu of %llu seeds, %.0f seeds/s",
                 static_cast<unsigned long long>(sweep.done.load()),
                 static_cast<unsigned long long>(sweep.options.seeds),
                 static_cast<double>(sweep.done.load()) / seconds);
}

int run_one(std::uint64_t seed, const SimOptions& options) {
    crash_is_of(seed);
    Seeded choices(seed);
    World world(seed, choices);
    const Outcome outcome =
        world.run({.with_text = true, .until = options.until, .lies = options.lies});
    if (options.log_full) {
        for (const std::string& line : world.trace().lines()) fmt::print("{}\n", line);
    }
    if (options.json) {
        fmt::print("{}\n", report_json(seed, outcome));
    } else if (outcome.failure.invariant != nullptr) {
        fmt::print("{}", report_failure(seed, outcome, world));
    } else {
        fmt::print("ok  seed={:#x}  mode={}  {} events  {} of virtual time  trace={}\n", seed,
                   name(outcome.draw.mode), outcome.events, text_of(outcome.ended),
                   outcome.hash.text());
    }
    if (options.twice && !(run_seed(seed, {.lies = options.lies}).hash == outcome.hash))
        return exit_nondeterminism;
    if (outcome.failure.invariant == nullptr) return 0;
    return outcome.failure.liveness ? exit_liveness : exit_safety;
}

void write_shrunk(std::uint64_t seed, const SimOptions& options) {
    const Shrunk small = shrink(seed, RunOptions{.lies = options.lies});
    const std::string path =
        fmt::format("{}{}{}-{:x}.scn", options.out, options.out.empty() ? "" : "/",
                    small.scenario.expect, seed);
    std::ofstream(path) << write_scenario(small.scenario);
    std::fprintf(stderr,
                 "  shrunk: holdfast sim --scenario %s  (%zu choices, %llu events, %llu runs)\n",
                 path.c_str(), small.scenario.choices.size(),
                 static_cast<unsigned long long>(small.outcome.events),
                 static_cast<unsigned long long>(small.runs));
}

int replay(const SimOptions& options) {
    std::ifstream file(options.scenario);
    std::ostringstream text;
    text << file.rdbuf();
    const auto scenario = read_scenario(text.str());
    if (!file || !scenario) {
        std::fprintf(stderr, "%s: %s\n", options.scenario.c_str(),
                     file ? scenario.error().c_str() : "can't be read");
        return exit_data;
    }
    crash_is_of(scenario->seed);
    Recorded choices{std::span<const Choice>(scenario->choices)};
    World world(scenario->seed, choices);
    const Outcome outcome =
        world.run({.with_text = true, .until = options.until, .lies = scenario->lies});
    if (options.log_full) {
        for (const std::string& line : world.trace().lines()) fmt::print("{}\n", line);
    }
    if (outcome.failure.invariant != nullptr) {
        fmt::print("{}", report_failure(scenario->seed, outcome, world));
        return outcome.failure.liveness ? exit_liveness : exit_safety;
    }
    fmt::print("ok  {} events  {}\n", outcome.events, outcome.hash.text());
    return 0;
}

int report_probes(const Probes& probes, bool enough) {
    int code = 0;
    for (std::uint32_t i = 0; i < probes_count && Probes::name(i) != nullptr; ++i) {
        fmt::print("{:>12}  {}\n", probes.hits(i), Probes::name(i));
        if (probes.hits(i) == 0 && !Probes::rare(i) && enough) code = exit_probes;
    }
    return code;
}

std::uint32_t probes_hit(const Probes& probes, std::uint32_t& all) {
    std::uint32_t hit = 0;
    for (all = 0; all < probes_count && Probes::name(all) != nullptr; ++all) {
        hit += probes.hits(all) > 0;
    }
    return hit;
}

int report(Sweep& sweep, double seconds) {
    int code = 0;
    std::map<std::string, std::uint64_t> kinds;
    for (const auto& [seed, failure] : sweep.failures) {
        if (++kinds[failure.invariant] == 1 && !sweep.options.json) {
            SimOptions quiet = sweep.options;
            quiet.twice = false;
            run_one(seed, quiet);
            if (sweep.options.shrink) write_shrunk(seed, sweep.options);
        }
        const int mine = failure.liveness ? exit_liveness : exit_safety;
        code = code == 0 ? mine : std::min(code, mine);
    }
    if (code == 0 && sweep.different) code = exit_nondeterminism;
    if (sweep.options.probes) {
        const int starved = report_probes(sweep.probes, sweep.options.seeds >= 20'000);
        if (code == 0) code = starved;
    }
    std::uint32_t all = 0;
    const std::uint32_t hit = probes_hit(sweep.probes, all);
    const auto seeds = static_cast<double>(sweep.options.seeds);
    const auto events = static_cast<double>(sweep.events.load());
    if (sweep.options.json) {
        fmt::print(
            R"({{"seeds":{},"failures":{},"events":{},"seconds":{:.3f},"probes_hit":{},"probes":{}}})"
            "\n",
            sweep.options.seeds, sweep.failures.size(), sweep.events.load(), seconds, hit, all);
        return code;
    }
    for (const auto& [kind, count] : kinds) fmt::print("{:>8} seeds failed {}\n", count, kind);
    fmt::print(
        "{} seeds, {} failed; {:.0f} seeds/s, {:.0f} events a seed, {:.1f} M events/s, "
        "{:.0f} x real time; {} of {} probes hit\n",
        sweep.options.seeds, sweep.failures.size(), seeds / seconds, events / seeds,
        events / seconds / 1e6, static_cast<double>(sweep.virtual_ms.load()) / 1000.0 / seconds,
        hit, all);
    return code;
}

}  // namespace

int sim_command(const SimOptions& options) {
    if (options.world != "engine") return world_command(options);
    if (!options.scenario.empty()) return replay(options);
    say_at_crash("", exit_crash);
    if (options.one_seed) return run_one(options.first_seed, options);
    Sweep sweep{.options = options};
    if (options.golden) sweep.hashes.resize(options.seeds);
    const auto began = std::chrono::steady_clock::now();
    std::uint32_t jobs = options.jobs > 0 ? options.jobs : std::thread::hardware_concurrency();
    jobs = std::max(jobs, 1u);
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < jobs; ++i) threads.emplace_back([&] { sweep_some(sweep); });
    const bool progress = !options.json && !options.golden && ::isatty(2) != 0;
    while (progress && sweep.done < options.seeds) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        show_progress(sweep, began);
    }
    threads.clear();
    if (progress) std::fprintf(stderr, "\r\033[K");
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    if (options.golden) {
        for (std::uint64_t i = 0; i < options.seeds; ++i) {
            fmt::print("{} {}\n", options.first_seed + i, sweep.hashes[i].text());
        }
        return sweep.failures.empty() ? 0 : exit_safety;
    }
    return report(sweep, std::max(seconds, 1e-9));
}

}  // namespace holdfast::sim

// The flavour in which `mutant(n)` is chosen at run time and the core's assertions are compiled
// out: shows that the oracles alone find every broken engine, and that "none" is production.
//
// Rule 1: a mutant lives in a process of its own, with a limit of time for each seed and of memory:
//         one that loops, crashes or eats everything is found, and named as such.
// Rule 2: found by an oracle and found by falling over are counted apart.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/mutant.hpp"
#include "sim/device_worlds.hpp"
#include "sim/joint_world.hpp"
#include "sim/mutants.hpp"
#include "sim/world.hpp"

namespace holdfast {

int mutant_chosen = 0;

namespace {

constexpr int exit_survived = 15;
constexpr int exit_golden = 13;

constexpr std::uint32_t starts_max = 100;

/// Which invariant it was, or "crash", "hang", "assertion".
struct Kill {
    std::uint32_t seeds = 0;  ///< Seeds until the first failure; 0: survived.
    char by[12] = {};
};

/// What a child writes for its parent, in memory that both see: it may die at any time.
struct Progress {
    std::uint32_t start = 0;  ///< Sequences of seeds before it are done.
    std::uint32_t seeds = 0;  ///< Of this one, begun.
    Kill kills[starts_max];
};

/// The invariant that the engine breaks, or null.
const char* breach_of_engine(std::uint64_t seed, bool twice) {
    sim::Seeded choices(seed);
    sim::World world(seed, choices);
    const sim::Outcome outcome = world.run();
    if (outcome.failure.invariant != nullptr || !twice) return outcome.failure.invariant;
    // While the first one lives, so that the second one's memory is elsewhere.
    return sim::run_seed(seed).hash == outcome.hash ? nullptr : "I30";
}

/// The invariant that is broken in this seed, or null.
const char* breach(sim::Habitat habitat, std::uint64_t seed) {
    if (habitat == sim::Habitat::world || habitat == sim::Habitat::world_twice)
        return breach_of_engine(seed, habitat == sim::Habitat::world_twice);
    const std::optional<sim::Breach> found = sim::run_in(habitat, seed);
    return found ? found->invariant : nullptr;
}

/// The time of the processor that one seed may take, and the memory of a child.
constexpr int seed_seconds_max = 20;
constexpr rlim_t child_bytes_max = 4ull << 30;

void guard_seed() {
    const itimerval limit{.it_interval = {},
                          .it_value = {.tv_sec = seed_seconds_max, .tv_usec = 0}};
    ::setitimer(ITIMER_PROF, &limit, nullptr);
}

/// In a child: goes on where the last one died, and never returns.
[[noreturn]] void hunt(const sim::Mutant& mutant, std::uint32_t starts, Progress& progress) {
    const rlimit memory{child_bytes_max, child_bytes_max};
    ::setrlimit(RLIMIT_AS, &memory);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    mutant_chosen = mutant.number;
    for (; progress.start < starts; ++progress.start) {
        const std::uint64_t first = 1 + std::uint64_t{progress.start} * 1'000'003;
        for (progress.seeds = 1; progress.seeds <= mutant.seeds_max; ++progress.seeds) {
            guard_seed();
            const char* invariant = breach(mutant.habitat, first + progress.seeds - 1);
            if (invariant == nullptr) continue;
            Kill& kill = progress.kills[progress.start];
            kill.seeds = progress.seeds;
            std::strncpy(kill.by, invariant, sizeof(kill.by) - 1);
            break;
        }
    }
    ::_exit(0);
}

const char* name_of_death(int status) {
    if (!WIFSIGNALED(status)) return "crash";
    switch (WTERMSIG(status)) {
        case SIGPROF: return "hang";
        case SIGABRT:
        case SIGTRAP:
        case SIGILL: return "assertion";
        default: return "crash";
    }
}

/// A mutant under way, in a child.
struct Hunt {
    const sim::Mutant* mutant = nullptr;
    Progress* progress = nullptr;
    pid_t child = -1;
    bool over = false;

    void go_on(std::uint32_t starts) {
        std::fflush(stdout);
        child = ::fork();
        if (child == 0) hunt(*mutant, starts, *progress);
        if (child < 0) throw std::runtime_error("fork failed");
    }

    /// The child has ended: by itself, or by what its mutant did.
    void ended(int status, std::uint32_t starts) {
        child = -1;
        over = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (over) return;
        Kill& kill = progress->kills[progress->start];
        kill.seeds = progress->seeds;
        std::strncpy(kill.by, name_of_death(status), sizeof(kill.by) - 1);
        ++progress->start;
        go_on(starts);
    }
};

struct Tally {
    std::uint32_t all = 0, by_oracle = 0, by_falling = 0;
};

bool is_invariant(const char* by) { return by[0] == 'I' || by[0] == 'L'; }

/// Prints one row. By falling over only: no oracle found it in any sequence of seeds.
void row(const Hunt& hunt, std::uint32_t starts, Tally& tally) {
    const sim::Mutant& mutant = *hunt.mutant;
    std::vector<std::uint32_t> seeds;
    std::map<std::string, std::uint32_t> killers;
    bool judged = false;
    for (std::uint32_t i = 0; i < starts; ++i) {
        const Kill& kill = hunt.progress->kills[i];
        if (kill.seeds == 0) continue;
        seeds.push_back(kill.seeds);
        ++killers[kill.by];
        judged = judged || is_invariant(kill.by);
    }
    std::sort(seeds.begin(), seeds.end());
    std::string who;
    for (const auto& [name, count] : killers)
        who += fmt::format("{}{}", who.empty() ? "" : " ", name);
    const bool dead = seeds.size() == starts;
    fmt::print("M{:<4} {:<70} {:<16} {:>7} {:>7}  {}\n", mutant.number, mutant.title,
               dead ? who : "SURVIVED " + who, seeds.empty() ? 0 : seeds[seeds.size() / 2],
               seeds.empty() ? 0 : seeds[(seeds.size() * 99 + 99) / 100 - 1], mutant.twin);
    std::fflush(stdout);
    ++tally.all;
    if (dead) ++(judged ? tally.by_oracle : tally.by_falling);
}

/// Runs the mutants in so many children at once, and prints their rows in order.
Tally run_all(const std::vector<const sim::Mutant*>& chosen, std::uint32_t starts,
              std::uint32_t jobs) {
    const std::size_t bytes = sizeof(Progress) * std::max<std::size_t>(chosen.size(), 1);
    void* shared =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) throw std::runtime_error("mmap failed");
    std::vector<Hunt> hunts(chosen.size());
    for (std::size_t i = 0; i < hunts.size(); ++i) {
        hunts[i].mutant = chosen[i];
        hunts[i].progress = new (static_cast<std::byte*>(shared) + i * sizeof(Progress)) Progress{};
    }
    Tally tally;
    std::size_t begun = 0;
    std::size_t shown = 0;
    for (std::size_t running = 0; shown < hunts.size();) {
        for (; running < jobs && begun < hunts.size(); ++running) hunts[begun++].go_on(starts);
        int status = 0;
        const pid_t child = ::wait(&status);
        const auto mine = std::ranges::find(hunts, child, &Hunt::child);
        if (child < 0 || mine == hunts.end()) continue;
        mine->ended(status, starts);
        if (mine->over) --running;
        while (shown < hunts.size() && hunts[shown].over) row(hunts[shown++], starts, tally);
    }
    ::munmap(shared, bytes);
    return tally;
}

/// "None" must behave exactly as production: the same traces.
bool golden_is_right(const std::string& path) {
    std::ifstream file(path);
    std::uint64_t seed = 0;
    std::string hash;
    std::uint32_t checked = 0;
    while (file >> seed >> hash) {
        const std::string mine = sim::run_seed(seed).hash.text();
        ++checked;
        if (mine == hash) continue;
        fmt::print("seed {}: trace {} with no mutant, {} in production\n", seed, mine, hash);
        return false;
    }
    fmt::print("no mutant: {} traces equal production's\n", checked);
    return checked > 0;
}

/// With none chosen no device world may break anything.
bool devices_are_right() {
    for (const sim::Habitat habitat : sim::habitats()) {
        for (std::uint64_t seed = 0; seed < 100; ++seed) {
            const char* invariant = breach(habitat, seed);
            if (invariant == nullptr) continue;
            fmt::print("{}, seed {}: {} is broken with no mutant\n", sim::name_of(habitat), seed,
                       invariant);
            return false;
        }
    }
    return true;
}

/// Many seeds of the engine's world with none chosen; says which one breaks what.
bool engine_is_right(std::uint64_t seeds) {
    bool right = true;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const sim::Outcome outcome = sim::run_seed(seed);
        if (outcome.failure.invariant == nullptr) continue;
        fmt::print("seed {}: {}: {}\n", seed, outcome.failure.invariant, outcome.failure.detail);
        std::fflush(stdout);
        right = false;
    }
    return right;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
    CLI::App app{
        "Runs the broken engines against the simulator's oracles.\n"
        "Example: holdfast-mutants --golden tests/sim/golden_hashes.txt"};
    int only = 0;
    int from = 0;
    int to = 0;
    std::uint32_t starts = 5;
    std::uint32_t jobs = std::max(1u, std::thread::hardware_concurrency());
    std::uint64_t none = 0;
    bool rare = false;
    std::string golden;
    app.add_flag("--rare", rare,
                 "Those as well whose bug is so rare that it takes minutes to find");
    app.add_option("--only", only, "Only this mutant");
    app.add_option("--from", from, "Only mutants from this number on");
    app.add_option("--to", to, "Only mutants up to this number");
    app.add_option("--starts", starts, "How many sequences of seeds")
        ->check(CLI::Range(1u, holdfast::starts_max));
    app.add_option("--jobs", jobs, "So many mutants at once")->check(CLI::Range(1, 256));
    app.add_option("--golden", golden, "Trace hashes of production to compare with");
    app.add_option("--none", none, "So many seeds of the engine's world with no mutant, instead");
    CLI11_PARSE(app, argc, argv);
    if (none > 0) return holdfast::engine_is_right(none) ? 0 : holdfast::exit_golden;
    std::vector<const holdfast::sim::Mutant*> chosen;
    for (const holdfast::sim::Mutant& mutant : holdfast::sim::mutants()) {
        if (only != 0 && mutant.number != only) continue;
        if (mutant.rare && !rare && mutant.number != only) continue;
        if (mutant.number < from || (to != 0 && mutant.number > to)) continue;
        chosen.push_back(&mutant);
    }
    fmt::print("{:<5} {:<70} {:<16} {:>7} {:>7}  {}\n", "", "mutant", "killed by", "median", "p99",
               "upstream");
    const holdfast::Tally tally = holdfast::run_all(chosen, starts, jobs);
    const bool same =
        golden.empty() || (holdfast::golden_is_right(golden) && holdfast::devices_are_right());
    const std::uint32_t killed = tally.by_oracle + tally.by_falling;
    fmt::print("{} of {} mutants killed, {} of them by a crash, a hang or an assertion only\n",
               killed, tally.all, tally.by_falling);
    if (killed != tally.all) return holdfast::exit_survived;
    return same ? 0 : holdfast::exit_golden;
}

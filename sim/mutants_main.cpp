// The flavour in which `mutant(n)` is chosen at run time and the core's assertions are compiled
// out: shows that the oracles alone find every broken engine, and that "none" is production.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "core/base/mutant.hpp"
#include "sim/mutants.hpp"
#include "sim/world.hpp"

namespace holdfast {

int mutant_chosen = 0;

namespace {

constexpr int exit_survived = 15;
constexpr int exit_golden = 13;

struct Kill {
    std::uint32_t seeds = 0;  ///< Seeds until the first failure; 0: survived.
    std::string invariant;
};

Kill kill(const sim::Mutant& mutant, std::uint64_t first_seed) {
    mutant_chosen = mutant.number;
    for (std::uint32_t i = 0; i < mutant.seeds_max; ++i) {
        const sim::Outcome outcome = sim::run_seed(first_seed + i);
        if (outcome.failure.invariant == nullptr) continue;
        mutant_chosen = 0;
        return {i + 1, outcome.failure.invariant};
    }
    mutant_chosen = 0;
    return {};
}

/// Prints one row. False if the mutant has survived somewhere.
bool row(const sim::Mutant& mutant, std::uint32_t starts) {
    std::vector<std::uint32_t> seeds;
    std::map<std::string, std::uint32_t> killers;
    for (std::uint32_t i = 0; i < starts; ++i) {
        const Kill k = kill(mutant, 1 + std::uint64_t{i} * 1'000'003);
        if (k.seeds == 0) continue;
        seeds.push_back(k.seeds);
        ++killers[k.invariant];
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
    return dead;
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

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
    CLI::App app{
        "Runs the broken engines against the simulator's oracles.\n"
        "Example: holdfast-mutants --golden tests/sim/golden_hashes.txt"};
    int only = 0;
    std::uint32_t starts = 5;
    std::string golden;
    app.add_option("--only", only, "Only this mutant");
    app.add_option("--starts", starts, "How many sequences of seeds")->check(CLI::Range(1, 1000));
    app.add_option("--golden", golden, "Trace hashes of production to compare with");
    CLI11_PARSE(app, argc, argv);
    std::uint32_t killed = 0;
    std::uint32_t all = 0;
    fmt::print("{:<5} {:<70} {:<16} {:>7} {:>7}  {}\n", "", "mutant", "killed by", "median", "p99",
               "upstream");
    for (const holdfast::sim::Mutant& mutant : holdfast::sim::mutants()) {
        if (only != 0 && mutant.number != only) continue;
        ++all;
        killed += holdfast::row(mutant, starts);
    }
    const bool same = golden.empty() || holdfast::golden_is_right(golden);
    fmt::print("{} of {} mutants killed\n", killed, all);
    if (killed != all) return holdfast::exit_survived;
    return same ? 0 : holdfast::exit_golden;
}

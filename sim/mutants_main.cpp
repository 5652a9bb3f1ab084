// The flavour in which `mutant(n)` is chosen at run time and the core's assertions are compiled
// out: shows that the oracles alone find every broken engine, and that "none" is production.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/mutant.hpp"
#include "sim/device_worlds.hpp"
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
    using Delivery = io::FileSinkConfig::Delivery;
    std::optional<sim::Breach> found;
    switch (habitat) {
        case sim::Habitat::world: return breach_of_engine(seed, false);
        case sim::Habitat::world_twice: return breach_of_engine(seed, true);
        case sim::Habitat::tailer: found = sim::run_tailer(seed); break;
        case sim::Habitat::streams:
            found = sim::run_tailer(
                seed, seed % 2 == 0 ? io::Framing::json_array : io::Framing::msgpack);
            break;
        case sim::Habitat::reads: found = sim::run_reads(seed); break;
        case sim::Habitat::text: found = sim::run_text(seed); break;
        case sim::Habitat::checkpoints: found = sim::run_checkpoints(seed); break;
        case sim::Habitat::file_sink:
            found = sim::run_file_sink(seed, seed % 2 == 0 ? Delivery::exactly_once
                                                           : Delivery::at_least_once);
            break;
        case sim::Habitat::dead_letters:
            found = sim::run_dead_letters(seed, seed % 2 == 0 ? sim::Death::power_loss
                                                              : sim::Death::kill);
            break;
        case sim::Habitat::tokens: found = sim::run_tokens(seed); break;
        case sim::Habitat::keys: found = sim::run_keys(seed); break;
        case sim::Habitat::graphs: found = sim::run_graphs(seed); break;
    }
    return found ? found->invariant : nullptr;
}

Kill kill(const sim::Mutant& mutant, std::uint64_t first_seed) {
    Kill out;
    mutant_chosen = mutant.number;
    for (std::uint32_t i = 0; i < mutant.seeds_max && out.seeds == 0; ++i) {
        const char* invariant = breach(mutant.habitat, first_seed + i);
        if (invariant != nullptr) out = {i + 1, invariant};
    }
    mutant_chosen = 0;
    return out;
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

/// With none chosen no device world may break anything.
bool devices_are_right() {
    for (const sim::Habitat habitat : {sim::Habitat::tailer, sim::Habitat::streams, sim::Habitat::reads, sim::Habitat::text,
                                       sim::Habitat::checkpoints, sim::Habitat::file_sink, sim::Habitat::dead_letters,
                                       sim::Habitat::tokens, sim::Habitat::graphs, sim::Habitat::keys}) {
        for (std::uint64_t seed = 0; seed < 100; ++seed) {
            const char* invariant = breach(habitat, seed);
            if (invariant == nullptr) continue;
            fmt::print("seed {}: {} is broken with no mutant\n", seed, invariant);
            return false;
        }
    }
    return true;
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
    const bool same =
        golden.empty() || (holdfast::golden_is_right(golden) && holdfast::devices_are_right());
    fmt::print("{} of {} mutants killed\n", killed, all);
    if (killed != all) return holdfast::exit_survived;
    return same ? 0 : holdfast::exit_golden;
}

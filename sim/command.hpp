// `holdfast sim`: many seeds, one seed, or one scenario.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast::sim {

struct SimOptions {
    std::string world = "engine";  ///< Or one of habitats.hpp.
    std::uint64_t seeds = 1000;
    std::uint64_t first_seed = 1;
    bool one_seed = false;   ///< Only first_seed; its failure is printed whole.
    std::uint32_t jobs = 0;  ///< Threads; 0: one per core.
    bool json = false;
    bool twice = false;  ///< Run each seed twice and compare the traces.
    bool shrink = true;  ///< Make the first failure small, and write it down.
    bool log_full = false;
    std::uint64_t until = UINT64_MAX;  ///< Stop a seed after so many events.
    std::uint16_t lies =
        0;                 ///< Sinks lie about so many of a thousand units: the judge must notice.
    std::string scenario;  ///< Replay this file instead.
    std::string out = "";  ///< Where shrunk failures are written; empty: here.
    bool golden = false;   ///< Print the trace hashes of the seeds, and nothing else.
    bool probes = false;   ///< List the probes; fail if one that isn't rare was not hit.
};

/// Returns the exit code: 0, 10 safety, 11 liveness, 12 crash, 13 non-determinism, 14 a probe was
/// not hit, 65 a scenario that can't be read.
int sim_command(const SimOptions& options);
/// The same, of another world: seeds, first_seed, one_seed, jobs, and of the joint world log_full
/// count.
int world_command(const SimOptions& options);

}  // namespace holdfast::sim

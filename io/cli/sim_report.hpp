// What many seeds of a pipeline's trial gave, and which line of the config explains each finding.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "io/cli/commands.hpp"
#include "io/cli/config.hpp"
#include "sim/trial/judge.hpp"

namespace holdfast::cli {

/// A finding of all seeds together, with what explains it.
struct SimFinding {
    sim::TrialFinding of;  ///< Its count is of all seeds, its seed the first one.
    std::string key;       ///< "sinks.out.fsync"; empty: no key explains it, holdfast is wrong.
    io::Place place;
    std::string why;
    bool accepted = false;  ///< Somebody knows, and said so.

    /// Whether the command fails for it.
    bool counts() const { return !accepted && of.flaw != sim::Flaw::dropped; }
};

struct SimReport {
    std::string file;
    std::uint64_t seeds = 0;
    double seconds = 0;
    std::size_t records = 0;
    std::vector<std::string> origins;  ///< "40 of in: made, ...".
    std::vector<std::string> faults;   ///< That were tried.
    std::vector<std::string> skipped;  ///< "rotation: why".
    std::vector<std::string> notes;
    std::vector<std::string> sinks;  ///< Names.
    std::vector<std::string> sources;
    sim::TrialTally tally;
    std::vector<SimFinding> findings;

    bool holds() const;
};

/// `found`: of all seeds, in any order. What calm runs found is among `plan`'s flaws.
std::vector<SimFinding> explain(const ConfigResult& config, const sim::TrialPlan& plan,
                                const std::vector<sim::TrialFinding>& found,
                                const std::vector<std::string>& accepted);

/// What becomes of this pipeline in so many seeds; or why none can be run. `story`: what happened in the
/// one seed, if one was asked for; may be null.
/// Requires: the config has no problems.
std::expected<SimReport, std::string> try_pipeline(const ConfigResult& config,
                                                   const SimPipelineCommand& command,
                                                   std::vector<std::string>* story);

std::string text_of(const SimReport& report);
std::string json_of(const SimReport& report);
std::string junit_of(const SimReport& report);

}  // namespace holdfast::cli

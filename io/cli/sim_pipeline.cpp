// `holdfast sim -c FILE`: the user's own pipeline in the simulator.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <expected>
#include <iterator>
#include <mutex>
#include <thread>

#include "io/cli/commands.hpp"
#include "io/cli/config.hpp"
#include "io/cli/report_file.hpp"
#include "io/cli/sim_records.hpp"
#include "io/cli/sim_report.hpp"
#include "io/jq/outside.hpp"
#include "io/printable.hpp"
#include "sim/crash_words.hpp"

namespace holdfast::cli {
namespace {

using namespace io;
using sim::FaultSet;
using sim::TrialFault;

// When programs ask for the time: always the same, so that what they give can be compared.
constexpr double standing_still_at = 1.7e9;

std::expected<FaultSet, std::string> faults_of(const std::vector<std::string>& names) {
    if (names.empty()) return FaultSet::all();
    FaultSet out;
    for (const std::string& name : names) {
        if (name == "all") out = FaultSet::all();
        if (name == "all" || name == "none") continue;
        const auto fault = sim::trial_fault_of(name);
        if (fault) {
            out.add(*fault);
            continue;
        }
        std::string known;
        for (const std::string_view each : sim::trial_fault_names)
            known += fmt::format(", {}", each);
        return std::unexpected(
            fmt::format("there is no fault \"{}\"; expected all, none{}", name, known));
    }
    return out;
}

/// Faults that this pipeline cannot meet.
std::vector<std::string> skip(const sim::TrialPlan& plan, FaultSet& faults) {
    std::vector<std::string> out;
    const bool rotates = std::ranges::any_of(plan.inputs, &sim::TrialInput::rotates);
    if (faults.has(TrialFault::rotation) && !rotates) {
        faults.remove(TrialFault::rotation);
        out.emplace_back("rotation: no source reads lines of files that could be renamed");
    }
    return out;
}

struct Sweep {
    const SimPipelineCommand& command;
    const sim::TrialPlan& plan;
    FaultSet faults;
    std::atomic<std::uint64_t> next{0}, done{0};
    std::mutex mutex;
    sim::TrialTally tally{};
    std::vector<sim::TrialFinding> found{};
};

void sweep_some(Sweep& sweep) {
    for (std::uint64_t i = sweep.next++; i < sweep.command.seeds; i = sweep.next++) {
        const std::uint64_t seed = sweep.command.first_seed + i;
        sim::crash_is_of(seed);
        sim::TrialRun run = sim::try_seed(sweep.plan, sweep.faults, seed);
        const std::lock_guard lock(sweep.mutex);
        sweep.tally.add(run.verdict.tally);
        std::ranges::move(run.verdict.findings, std::back_inserter(sweep.found));
        ++sweep.done;
    }
}

void run_all(Sweep& sweep) {
    const auto began = std::chrono::steady_clock::now();
    const std::uint32_t jobs = sweep.command.jobs > 0
                                   ? sweep.command.jobs
                                   : std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < jobs; ++i) threads.emplace_back([&] { sweep_some(sweep); });
    const bool progress = !sweep.command.json && ::isatty(2) != 0;
    while (progress && sweep.done < sweep.command.seeds) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
        std::fprintf(stderr, "\r%llu of %llu seeds, %.0f seeds/s",
                     static_cast<unsigned long long>(sweep.done.load()),
                     static_cast<unsigned long long>(sweep.command.seeds),
                     static_cast<double>(sweep.done.load()) / passed.count());
    }
    threads.clear();
    if (progress) std::fprintf(stderr, "\r\033[K");
}

int refuse(const std::string& why) {
    fmt::print(stderr, "holdfast: {}\n", printable(why));
    return exit_not_simulated;
}

SimReport report_of(const ConfigResult& config, const SimRecords& records,
                    const sim::TrialPlan& plan, FaultSet faults) {
    SimReport out;
    out.file = config.config.file;
    out.records = plan.records.size();
    out.notes = plan.notes;
    for (std::size_t i = 0; i < config.config.sources.size(); ++i) {
        const std::string& name = config.config.sources[i].name;
        out.sources.push_back(name);
        const auto is_here = [&](const sim::TrialRecord& record) {
            return plan.inputs[record.input].sources[0] == i;
        };
        out.origins.push_back(fmt::format("{} of {}: {}",
                                          std::ranges::count_if(plan.records, is_here), name,
                                          records.origins[i]));
    }
    for (const sim::TrialSink& sink : plan.sinks) out.sinks.push_back(sink.name);
    for (std::size_t i = 0; i < sim::trial_fault_names.size(); ++i)
        if (faults.has(static_cast<TrialFault>(i)))
            out.faults.emplace_back(sim::trial_fault_names[i]);
    return out;
}

int finish(const SimPipelineCommand& command, const SimReport& report) {
    fmt::print("{}", command.json ? json_of(report) : text_of(report));
    if (!command.junit.empty() && !write_file(command.junit, junit_of(report)))
        return refuse(command.junit + " cannot be written");
    return report.holds() ? exit_done : exit_failed;
}

}  // namespace

std::expected<SimReport, std::string> try_pipeline(const ConfigResult& config,
                                                   const SimPipelineCommand& command,
                                                   std::vector<std::string>* story) {
    const auto faults = faults_of(command.faults);
    if (!faults) return std::unexpected(faults.error());
    const SimRecords records = records_for(config, command.records);
    if (!records.problem.empty()) return std::unexpected(records.problem);
    jq::stand_still(standing_still_at);
    const auto began = std::chrono::steady_clock::now();
    const sim::TrialPlan plan(config.config, records.texts, command.records_max);
    if (plan.inputs.empty())
        return std::unexpected("nothing of this pipeline can be simulated: " +
                               (plan.notes.empty() ? "it has no source" : plan.notes.front()));
    Sweep sweep{.command = command, .plan = plan, .faults = *faults};
    const std::vector<std::string> skipped = skip(plan, sweep.faults);
    SimReport report = report_of(config, records, plan, sweep.faults);
    report.skipped = skipped;
    if (plan.plays() && command.one_seed) {
        sim::crash_is_of(command.first_seed);
        sim::TrialRun run = sim::try_seed(plan, sweep.faults, command.first_seed);
        if (story != nullptr) *story = std::move(run.log);
        report.seeds = 1;
        sweep.tally = run.verdict.tally;
        sweep.found = std::move(run.verdict.findings);
    } else if (plan.plays()) {
        run_all(sweep);
        report.seeds = command.seeds;
    }
    jq::go_on();
    report.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    report.tally = sweep.tally;
    report.findings = explain(config, plan, sweep.found, command.accepted);
    return report;
}

int sim_pipeline_command(const SimPipelineCommand& command) {
    const ConfigResult config = load_config_of_elsewhere(command.file, command.set);
    for (const std::string& problem : config.problems)
        for (const std::string& line : lines_of_problem(problem))
            fmt::print(stderr, "{}\n", printable(line));
    if (!config.problems.empty()) return exit_not_simulated;
    if (!command.junit.empty()) {
        const std::string problem = report_problem(command.junit, std::span(&command.file, 1));
        if (!problem.empty()) return refuse(problem);
    }
    static std::string what;
    what = "-c " + command.file;
    sim::say_at_crash(what.c_str(), exit_internal);
    std::vector<std::string> story;
    const auto report = try_pipeline(config, command, &story);
    if (!report) return refuse(report.error());
    if (!command.json)
        for (const std::string& line : story) fmt::print("{}\n", printable(line));
    return finish(command, *report);
}

}  // namespace holdfast::cli

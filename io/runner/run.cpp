// See run.hpp.
#include "io/runner/run.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "core/base/mutant.hpp"
#include "io/component/kind.hpp"
#include "io/runner/pipeline.hpp"
#include "io/runner/transforms.hpp"

namespace holdfast::io {
namespace {

constexpr Duration backoff_first = seconds(1);
constexpr Duration backoff_max = seconds(30);

// Thousands of tailed files are open at once; the soft limit of most systems is 1,024.
void raise_open_files_limit(const Log& log) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, 1u << 20);
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log(Level::debug, "the limit of open files stays as it is");
}

bool may_begin_again(const PipelineConfig& pipeline, const RunReport& report) {
    if (mutant(297)) return false;
    const bool is_in_doubt = report.halt.reason == HaltReason::sink_sync_failed ||
                             report.halt.reason == HaltReason::sink_broken;
    return report.end == End::halted && is_in_doubt &&
           std::all_of(pipeline.sources.begin(), pipeline.sources.end(), is_replayable);
}

/// A life's numbers on top of those before it. What it owed is given up: it is read again.
void add(Stats& sum, const Stats& life) {
    for (std::size_t i = 0; i < sum.source.size(); ++i) {
        sum.source[i].batches += life.source[i].batches;
        sum.source[i].records += life.source[i].records;
        sum.source[i].bytes += life.source[i].bytes;
        sum.source[i].failures += life.source[i].failures;
        sum.source[i].settled += life.source[i].settled;
        sum.source[i].forgotten += life.source[i].forgotten;
        sum.source[i].budget = life.source[i].budget;
        sum.source[i].budget_decreases += life.source[i].budget_decreases;
    }
    for (std::size_t i = 0; i < sum.sink.size(); ++i) {
        SinkStats& to = sum.sink[i];
        const SinkStats& of = life.sink[i];
        to.forgotten += to.owed + of.forgotten;
        to.owed = of.owed;
        to.admitted += of.admitted;
        to.delivered += of.delivered;
        to.parked += of.parked;
        to.dropped += of.dropped;
        to.bytes_delivered += of.bytes_delivered;
        to.writes += of.writes;
        to.retries += of.retries;
        to.ambiguous += of.ambiguous;
    }
    sum.steps += life.steps;
    sum.stale += life.stale;
    sum.filtered += life.filtered;
    sum.dead_letters += life.dead_letters;
    sum.dead_letter_retries += life.dead_letter_retries;
    sum.commits += life.commits;
    sum.commit_failures += life.commit_failures;
    sum.held = life.held;
    sum.held_peak = std::max(sum.held_peak, life.held_peak);
    sum.batches = life.batches;
    sum.gate_closed += life.gate_closed;
    sum.gate_opened += life.gate_opened;
    sum.gate_windows += life.gate_windows;
    sum.pressure_hard = life.pressure_hard;
    sum.pressure_soft = life.pressure_soft;
    sum.paused = life.paused;
}

void add(std::vector<flow::NodeCounts>& life, const std::vector<flow::NodeCounts>& before) {
    // A life that ended before it was built has none.
    life.resize(std::max(life.size(), before.size()));
    for (std::size_t i = 0; i < before.size(); ++i) life[i].add(before[i]);
}

void add(KeptRecords& life, const KeptRecords& before) {
    life.again += before.again;
    life.aside += before.aside;
    life.aside_bytes += before.aside_bytes;
    if (life.aside_path.empty()) life.aside_path = before.aside_path;
}

void add_life(RunReport& report, RunReport life, std::uint32_t number) {
    Stats stats = report.stats;
    add(stats, life.stats);
    // A life that ended before it was built says nothing of what stands in files.
    if (life.kept.empty()) life.kept = std::move(report.kept);
    for (std::size_t i = 0; i < life.kept.size() && i < report.kept.size(); ++i)
        add(life.kept[i], report.kept[i]);
    add(life.transforms, report.transforms);
    if (number > 0) life.resumed = report.resumed;
    life.began = life.began || report.began;
    report = std::move(life);
    report.stats = stats;
    report.restarts = number;
}

/// Whoever looks on sees the numbers of all lives.
RunOptions of_life(const RunOptions& options, const RunReport& before, std::uint32_t life) {
    RunOptions out = options;
    if (life == 0 || !options.observer) return out;
    out.observer = [&options, &before](const Sample& sample) {
        Stats sum = before.stats;
        add(sum, *sample.stats);
        if (!sample.transforms)
            return options.observer({sample.now, &sum, sample.unread, nullptr, sample.may_repeat});
        std::vector<flow::NodeCounts> transforms = *sample.transforms;
        add(transforms, before.transforms);
        return options.observer({sample.now, &sum, sample.unread, &transforms, sample.may_repeat});
    };
    return out;
}

}  // namespace

RunReport run_pipeline(const PipelineConfig& pipeline, const RunOptions& options,
                       Process& process) {
    raise_open_files_limit(options.log);
    RunReport report;
    report.problem = process.take_data_dir(pipeline.data_dir);
    if (!report.problem.empty()) {
        report.end = End::refused;
        return report;
    }
    process.allow_to_end_in(pipeline.shutdown_timeout);
    std::unique_ptr<LastWords> words;
    if (has_flow(pipeline)) words = process.last_words(pipeline, options.log);
    PipelineConfig sliced;
    const PipelineConfig* now = &pipeline;
    Duration backoff = backoff_first;
    for (std::uint32_t life = 0;; ++life) {
        RunReport last;
        Pipeline(*now, of_life(options, report, life), process, words.get(), life).run(last);
        process.name_what_hangs({});
        if (words) words->end();
        const bool moved_on = last.stats.commits > 0;
        add_life(report, std::move(last), life);
        if (report.needs_slices) {
            sliced = pipeline;
            sliced.in_slices = true;
            now = &sliced;
            options.log(Level::info,
                        "what transforms make of a batch is too much for one piece; "
                        "beginning again from the last checkpoint, in slices");
            continue;
        }
        if (!may_begin_again(pipeline, report)) return report;
        if (moved_on) backoff = backoff_first;
        options.log(Level::warn,
                    LogLine("a sink could not make its data durable; beginning again from the "
                            "last checkpoint")
                        .with("sink", pipeline.sinks[report.halt.sink.index].name)
                        .with("wait_ms", backoff.ns / 1'000'000)
                        .text());
        if (!process.wait(backoff)) {
            report.end = End::stopped;
            return report;
        }
        backoff = std::min(Duration{backoff.ns * 2}, backoff_max);
    }
}

}  // namespace holdfast::io

// `holdfast run`: from a file name to an exit code.
#include <fmt/core.h>

#include <utility>

#include "io/cli/commands.hpp"
#include "io/cli/config.hpp"
#include "io/cli/progress.hpp"
#include "io/component/kind.hpp"
#include "io/runner/run.hpp"
#include "io/units.hpp"

namespace holdfast::cli {
namespace {

using namespace io;

struct Verdict {
    int exit = exit_internal;
    std::string text;
};

std::string sink_name(const PipelineConfig& pipeline, const Halt& halt) {
    return halt.sink.index < pipeline.sinks.size() ? pipeline.sinks[halt.sink.index].name : "?";
}

std::string source_name(const PipelineConfig& pipeline, const Halt& halt) {
    return halt.source.index < pipeline.sources.size() ? pipeline.sources[halt.source.index].name
                                                       : "?";
}

std::string resume_of(const PipelineConfig& pipeline) {
    const SourceSettings* once = nullptr;
    for (const SourceSettings& source : pipeline.sources)
        if (!is_replayable(source)) once = &source;
    if (!once) return "What was not delivered is read again when you run this again.";
    const std::string what =
        fmt::format("What was read from {} (source \"{}\") and not delivered is lost",
                    once->kind->once(), once->name);
    if (pipeline.sources.size() == 1) return what + ".";
    return what + "; what other sources had undelivered is read again when you run this again.";
}

/// A record is to be set aside, and there is nowhere to put it.
Verdict explain_absent(const PipelineConfig& pipeline, const Halt& halt,
                       const std::string& resume) {
    const std::string why =
        halt.sink.index < pipeline.sinks.size()
            ? fmt::format("sink \"{}\" refused it, or gave up after retry.max_attempts",
                          sink_name(pipeline, halt))
            : "it is longer than max_line, or a transform failed on it";
    return {exit_unfinished,
            fmt::format("halted: a record must be set aside ({}), and there is no [dead_letters]. "
                        "Add one, or mend the cause. {}",
                        why, resume)};
}

/// A source was told to stop at what it came to.
Verdict explain_stop(const RunReport& report, const std::string& source,
                     const std::string& resume) {
    if (!report.source_problem.empty())
        return {exit_unfinished,
                fmt::format("halted: source \"{}\" has records that cannot be told apart: {}. Mend "
                            "the file, or set on_parse_error = \"dead_letter\". {}",
                            source, report.source_problem, resume)};
    return {exit_unfinished,
            fmt::format("halted: source \"{}\" has a line that is longer than max_line, and "
                        "on_oversized is \"stop\". Raise max_line or choose another "
                        "on_oversized. {}",
                        source, resume)};
}

/// It ended as it should; but for what a source could not read until it gave up.
Verdict explain_end(const RunReport& report) {
    const bool all = report.halt.reason == HaltReason::finished;
    std::uint64_t unreadable = 0, compressed = 0, unfinished = 0, unfinished_bytes = 0;
    std::string example, patience;
    for (std::size_t i = 0; i < report.left_out.size(); ++i) {
        const LeftOut& left = report.left_out[i];
        compressed += left.compressed;
        unfinished += left.unfinished;
        unfinished_bytes += left.unfinished_bytes;
        if (!left.gave_up) continue;
        unreadable += left.unreadable;
        example = left.example;
        patience = format_duration(left.patience);
    }
    if (unreadable > 0)
        return {
            exit_io,
            fmt::format("{}: {} of what was to be read could not be read for give_up_after ({}), "
                        "{}. Everything else was delivered. Mend that, and run this again: it "
                        "reads the rest",
                        all ? "ended without all" : "stopped", unreadable, patience, example)};
    for (const LeftOut& left : report.left_out)
        if (!left.failed.empty())
            return {exit_io, fmt::format("{}: {}. All that was read of it is delivered",
                                         all ? "ended" : "stopped", left.failed)};
    std::string but = compressed == 0
                          ? ""
                          : fmt::format(", but for {} compressed files (see the log)", compressed);
    if (unfinished > 0)
        but += fmt::format(", but for {} that {} begun and not ended ({}), and dropped",
                           unfinished == 1 ? "one record" : fmt::format("{} records", unfinished),
                           unfinished == 1 ? "was" : "were", format_size(unfinished_bytes));
    return {exit_done, (all ? "finished: everything was read and delivered"
                            : "stopped: everything that was read is delivered") +
                           but};
}

Verdict explain(const PipelineConfig& pipeline, const RunReport& report) {
    const Halt& halt = report.halt;
    const std::string resume = resume_of(pipeline);
    const std::string sink = sink_name(pipeline, halt);
    const std::string source = source_name(pipeline, halt);
    switch (halt.reason) {
        case HaltReason::finished:
        case HaltReason::drained: return explain_end(report);
        case HaltReason::drain_deadline:
            return {exit_unfinished,
                    fmt::format("stopped after shutdown_timeout ({}) with records undelivered. {}",
                                format_duration(pipeline.shutdown_timeout), resume)};
        case HaltReason::stopped:
            return {exit_unfinished, fmt::format("stopped at once. {}", resume)};
        case HaltReason::dead_letters_absent: return explain_absent(pipeline, halt, resume);
        case HaltReason::dead_letters_failed:
            return {exit_unfinished,
                    fmt::format("halted: {} cannot be written (see the log). Make room there or "
                                "mend it. {}",
                                pipeline.dead_letters.path, resume)};
        case HaltReason::sink_sync_failed:
        case HaltReason::sink_broken:
            return {exit_io,
                    fmt::format("halted: sink \"{}\" could not make its data durable, and a source "
                                "cannot be read again. What this sink was given since the last "
                                "checkpoint (every {}) is in doubt: compare it with the input",
                                sink, format_duration(pipeline.commit_interval))};
        case HaltReason::checkpoint_failed:
            return {exit_io, fmt::format("halted: the checkpoint in {} cannot be written (see the "
                                         "log). Make room there or mend it. {}",
                                         pipeline.data_dir, resume)};
        case HaltReason::commit_failed:
            return {exit_io, fmt::format("halted: source \"{}\" does not take its positions. {}",
                                         source, resume)};
        case HaltReason::source_failed:
            return {exit_io, fmt::format("halted: source \"{}\" cannot be read any more (see the "
                                         "log). {}",
                                         source, resume)};
        case HaltReason::oversized_record: return explain_stop(report, source, resume);
        case HaltReason::transform_stopped:
            return {exit_unfinished,
                    fmt::format("halted by a transform whose policy is \"stop\" (see the "
                                "log). {}",
                                resume)};
        case HaltReason::sink_failed:
            return {exit_io,
                    fmt::format("halted: sink \"{}\" failed and is not to be tried again (see the "
                                "log). {}",
                                sink, resume)};
        case HaltReason::transform_contract:
            return {exit_internal,
                    fmt::format("halted: the transform of source \"{}\" took other records than it "
                                "was given, a fault inside holdfast; please report it. Nothing "
                                "undelivered was acknowledged",
                                source)};
        case HaltReason::protocol_broken:
            return {exit_internal,
                    "halted: a fault inside holdfast; please report it. Nothing "
                    "undelivered was acknowledged"};
    }
    return {};
}

Verdict verdict_of(const PipelineConfig& pipeline, const RunReport& report) {
    if (!report.crash_problem.empty()) return {exit_internal, report.crash_problem};
    switch (report.end) {
        case End::halted: return explain(pipeline, report);
        case End::refused:
            return {exit_io, report.began
                                 ? fmt::format("{}. {}", report.problem, resume_of(pipeline))
                                 : report.problem};
        case End::foreign: return {exit_config, report.problem};
        case End::stopped:
            return {exit_unfinished,
                    fmt::format("stopped {}. {}",
                                report.began ? "before it began again from the last checkpoint"
                                             : "before it began",
                                resume_of(pipeline))};
    }
    return {};
}

Progress::Mode mode_of(const RunCommand& command, const Terminal& terminal) {
    if (command.progress == "off" || command.terminal.verbosity < 0) return Progress::Mode::off;
    if (command.progress == "plain") return Progress::Mode::plain;
    return terminal.is_terminal() && !terminal.json() ? Progress::Mode::redraw
                                                      : Progress::Mode::off;
}

RingChoice ring_of(const std::string& name) {
    return name == "uring"   ? RingChoice::uring
           : name == "posix" ? RingChoice::posix
                             : RingChoice::automatic;
}

void warn_of_what_is_read_once(const PipelineConfig& pipeline, const Log& log) {
    for (const SourceSettings& source : pipeline.sources)
        if (!is_replayable(source))
            log(Level::warn, LogLine(fmt::format("{} cannot be read again: what was read and not "
                                                 "delivered is lost if this process dies",
                                                 source.kind->once()))
                                 .with("source", source.name)
                                 .text());
}

}  // namespace

int run_command(const RunCommand& command) {
    const ConfigResult loaded = load_config(command.file, command.set);
    Terminal terminal(command.terminal);
    if (!loaded.problems.empty()) {
        for (const std::string& problem : loaded.problems)
            for (const std::string& line : lines_of_problem(problem)) terminal.print(line);
        return exit_config;
    }
    const PipelineConfig& pipeline = loaded.config;
    Signals signals;
    const Log log = terminal.logger();
    for (const std::string& note : loaded.notes) log(Level::warn, note);
    warn_of_what_is_read_once(pipeline, log);
    Progress progress(pipeline, terminal, mode_of(command, terminal));
    RunOptions options;
    options.log = log;
    options.tell = [&](const std::string& line) { terminal.tell(line); };
    options.observer = [&](const Sample& sample) { return progress.observe(sample); };
    RealProcess process(ring_of(command.ring), signals);
    const RunReport report = run_pipeline(pipeline, options, process);
    terminal.redraw("");
    const Verdict verdict = verdict_of(pipeline, report);
    log(verdict.exit == exit_done ? Level::info : Level::error, verdict.text);
    if (command.terminal.verbosity >= 0 && report.began) {
        if (terminal.json())
            log(Level::info, balance_json(pipeline, report));
        else
            terminal.print(balance(pipeline, report));
    }
    return verdict.exit;
}

}  // namespace holdfast::cli

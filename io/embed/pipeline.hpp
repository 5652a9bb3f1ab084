// A pipeline in your own program: your sources, your transform, your sinks; holdfast's engine
// between them.
//
//   Pipeline p;
//   p.add_source("orders", std::make_unique<MySource>());
//   p.add_sink("archive", std::make_unique<MySink>());
//   const auto report = p.run();
//
// Rule 1: a source is told to commit only what every sink has, or the dead-letter queue durably
//         holds. After a crash it hands over again what was not committed: at least once.
// Rule 2: each source, the transform, each sink and the dead-letter queue have a thread of their
//         own; the engine has the caller's of run(). A slow sink stops others only through its own
//         full queue.
// Rule 3: nothing is thrown; what can't begin is a Failure, how it ended is in the Report.
// Rule 4: one way for records that are set aside, wherever that happens before the sinks: they are
//         durable before any record of their slice goes to a sink, or the pipeline halts.
// Bound: records in memory: Config::memory_limit, plus one batch a source that it handed over beyond
//        the limits of its pull.
// To drive the engine from an event loop of your own instead: core/engine/owned.hpp.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/fault.hpp"
#include "core/codec/raw_filter.hpp"
#include "core/model/config.hpp"
#include "core/model/effect.hpp"
#include "core/model/names.hpp"
#include "core/model/stats.hpp"
#include "io/embed/ports.hpp"

namespace holdfast::embed {

/// What becomes of records that are rejected on the way in: by a filter, or by the source itself.
enum class OnReject : std::uint8_t {
    dead_letter,  ///< Where there is no queue that is an error: the pipeline halts.
    drop,         ///< They are dropped, and counted.
    route,        ///< To the sinks of Options::rejected_to, as they are, past the transform.
};

struct Options {
    /// Limits, mode, commits, dead-letter retries. The numbers and settings of sources and sinks are
    /// filled in by the pipeline.
    Config engine;
    /// RunMode::parsed: what becomes of a record that cannot be parsed.
    codec::OnParseError on_parse_error = codec::OnParseError::dead_letter;
    /// RunMode::parsed: field names that have the numbers 0, 1, 2 ... from the start.
    std::vector<std::string> known_fields;
    OnReject on_reject = OnReject::dead_letter;
    SinkMask rejected_to = 0;  ///< With OnReject::route: bit i is the sink of the i-th add_sink().
    /// Memory that the whole process may have: near it sources are not pulled (Config::pressure_...,
    /// docs/regulation.md). 0: what its cgroup leaves it, or the machine. UINT64_MAX: not watched.
    std::uint64_t process_limit = 0;
    Duration shutdown_timeout = seconds(30);  ///< After stop(): what is not finished then stays.
    /// Called after each Config::ticker_period, on the thread of run(): must be quick. Its failure is
    /// logged, and nothing else. May be empty.
    std::function<std::expected<void, Failure>()> tick;
    /// For what a person should see; called on the thread of run(). May be empty.
    std::function<void(std::string_view)> log;
};

/// How a run ended. Everything that is not committed is handed over again at the next run.
struct Report {
    HaltReason halt = HaltReason::finished;
    std::string problem;  ///< What the world said, where the halt has a cause outside; else empty.
    Stats stats;
    std::uint64_t parse_errors = 0;  ///< RunMode::parsed: records that could not be parsed.
    std::uint64_t dropped = 0;       ///< By a rule of the filter.
    std::uint64_t rejected = 0;      ///< By a rule of the filter, or by a source.
    /// What a stop or a halt left uncommitted, by partition; handed over again at the next run.
    struct Left {
        std::string source;
        std::uint32_t partition = 0;
        /// That were handed over and are not settled: pulled, or waiting for the next pull.
        std::uint64_t records = 0;
        std::vector<Token> tokens;  ///< That were not given back, in order.
    };
    std::vector<Left> left;

    /// All sources ended, or stop() drained; all that was ever handed over is settled and committed.
    bool complete() const {
        return (halt == HaltReason::finished || halt == HaltReason::drained) && left.empty();
    }
};

class Pipeline {
public:
    explicit Pipeline(Options options = {});
    ~Pipeline();
    Pipeline(Pipeline&&) noexcept;

    /// SourceConfig: route and transform are filled in; commit is CommitMode::source, or ::sink.
    void add_source(std::string name, std::unique_ptr<Source> source, SourceConfig config = {});
    /// SinkConfig: needs_sync and has_mark are filled in.
    void add_sink(std::string name, std::unique_ptr<Sink> sink, SinkConfig config = {});
    /// Judges each record by single fields, on its raw bytes, before anything else is done with it;
    /// the first rule that matches decides. What a rule rejects goes by Options::on_reject.
    void set_filter(std::vector<codec::RawRule> rules);
    /// Without one, records go on as they are.
    void set_transform(std::unique_ptr<Transformer> transform);
    /// Without one, a record that must be set aside halts the pipeline.
    void set_dead_letters(std::unique_ptr<DeadLetterQueue> queue);

    /// Runs until all sources have ended, stop(), or a halt; once. Returns when the calls that are
    /// under way have returned.
    std::expected<Report, Failure> run();

    /// Finish what was pulled, commit, return. From any thread, at any time.
    void stop();

private:
    std::expected<Report, Failure> run_once();

    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace holdfast::embed

// A pipeline from start to end: what `holdfast run` does, without the command line.
//
// Rule 1: a failed sync of a sink is answered as a crash is: everything is torn down and begins
//         again from the last checkpoint, after a backoff. Not if a source cannot be read again.
//         The same where the outputs of a whole batch are too much: it begins again, in slices.
// Rule 2: nothing here writes to a terminal: what happens goes to the Log, numbers to the Observer.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/data/flow/evaluate.hpp"
#include "core/engine/engine.hpp"
#include "core/model/effect.hpp"
#include "core/model/stats.hpp"
#include "io/device.hpp"
#include "io/log.hpp"
#include "io/runner/pipeline_config.hpp"
#include "io/runner/process.hpp"

namespace holdfast::io {

/// A look at a running pipeline.
struct Sample {
    Instant now;
    const Stats* stats = nullptr;
    std::int64_t unread = -1;  ///< Bytes that the sources still have, as far as known; -1: unknown.
    const std::vector<flow::NodeCounts>* transforms = nullptr;  ///< By transform; null: none.
    std::span<const Repeats> may_repeat = {};  ///< By sink: what a crash now would write again.
};

/// Called when it asked for; returns when it wants to be called next.
using Observer = std::function<Instant(const Sample&)>;

struct RunOptions {
    Log log;
    std::function<void(const std::string&)> tell;  ///< What somebody asked for, a line each.
    Observer observer;                             ///< May be empty, as `tell`.
};

enum class End : std::uint8_t {
    halted,   ///< The engine ended it: see `halt`.
    refused,  ///< It could not begin, or go on: see `problem`.
    foreign,  ///< The data directory is another pipeline's, or an output is an input.
    stopped,  ///< A signal came before it had begun, or between two lives of it.
};

struct RunReport {
    End end = End::halted;
    Halt halt{HaltReason::finished};
    std::string problem;  ///< For the user: what is wrong, and what to do.
    bool began = false;   ///< It read, or was about to, in some life.
    /// Of all lives in this process. What one that failed owed is `forgotten`: it was read again,
    /// and counts again.
    Stats stats;
    bool needs_slices = false;                 ///< A batch was too much for one piece; see run().
    bool resumed = false;                      ///< From a checkpoint of an earlier run.
    std::uint32_t restarts = 0;                ///< In this process, after failed syncs.
    std::vector<flow::NodeCounts> transforms;  ///< By transform.
    std::vector<std::string> transform_names;  ///< The same: with what decodes and encodes.
    std::string transform_problem;             ///< Which record stopped it (on_error).
    std::string crash_problem;                 ///< Before which deadly record it stopped.
    std::string source_problem;                ///< Where a source's records end (on_parse_error).
    std::vector<Repeats> may_repeat;           ///< By sink: what the next start writes again.
    std::vector<LeftOut> left_out;             ///< By source: what was not read. Of the last life.
    std::vector<KeptRecords> kept;             ///< By sink.
};

/// Runs until the end. Requests to stop: the first drains, the second stops now.
RunReport run_pipeline(const PipelineConfig& pipeline, const RunOptions& options, Process& process);

}  // namespace holdfast::io

// What one pipeline is told at its start: the config file as plain values, checked and resolved.
//
// Rule 1: every path is absolute, every default filled in, every name resolved to an index.
// Rule 2: sources and sinks stand in the order of the file; their index is their id in the engine.
// Doesn't know: TOML, line numbers, flags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/codec/raw_filter.hpp"
#include "core/data/flow/plan.hpp"
#include "core/data/line_cut.hpp"
#include "core/model/config.hpp"
#include "core/text/format_program.hpp"
#include "core/text/settings.hpp"
#include "io/component/settings.hpp"
#include "io/jq/compile.hpp"

namespace holdfast::io {

struct TransformSettings {
    flow::NodeSpec node;               ///< Its name, type, inputs and numbers.
    std::vector<std::string> texts;    ///< jq: conditions, the program, or the key.
    ProgramSettings settings;          ///< Of what is jq.
    bool is_meta = false;              ///< It sets what stands beside the payload; a program.
    std::vector<std::string> meta;     ///< Of it, by text: "key", "headers" or "timestamp".
    std::vector<std::string> outputs;  ///< route: names of its outputs, without `_unmatched`.
    std::vector<std::string> fields;   ///< dedupe: as they were written; the key is made of them.
    std::vector<std::string> key_fields;         ///< The same as paths, or jq programs.
    std::vector<codec::RawRule> rules;           ///< raw_filter.
    std::vector<std::string> rule_texts;         ///< Of each: `level is "bad"`.
    std::optional<text::ParseSettings> parse;    ///< Its node is a program.
    std::optional<text::FormatSettings> format;  ///< Alike; a template is among the texts.

    /// Whether it looks into records.
    bool reads() const { return !texts.empty() || parse || format; }
};

struct DeadLetterSettings {
    bool present = false;
    std::string path;
    std::uint32_t mode = 0600;  ///< Of a file that is made, under the umask.
    RetryConfig retry;
};

/// Self-regulation; see docs/regulation.md.
struct RegulationSettings {
    GovernorConfig governor;  ///< Used where the mode is governed.
    std::uint32_t pause_permille = 800;
    std::uint32_t resume_permille = 650;
    Duration max_hold = seconds(10);
    std::uint64_t process_limit = 0;  ///< Of the whole process; 0: as the machine says.
};

/// What becomes of a record on which the process died again and again.
enum class OnCrash : std::uint8_t {
    stop,         ///< The pipeline ends before it, with a message.
    dead_letter,  ///< It is set aside.
};

struct PipelineConfig {
    std::string file;  ///< The config file as it was named on the command line.
    std::string name;  ///< Its name without folder and extension.
    std::string data_dir;
    std::uint64_t memory_limit = 0;
    std::uint32_t transform_threads = 0;
    bool memory_limit_given =
        true;  ///< Else it is lowered to what fits; see fitting_memory_limit().
    RegulationSettings regulation;
    Duration commit_interval{};
    std::uint64_t commit_records =
        0;  ///< Given to a sink again after a crash, at most; 0: no bound.
    std::uint64_t commit_bytes = 0;
    std::uint32_t commit_attempts = 0;  ///< Of one checkpoint, then it halts; 0: for ever.
    RunMode mode = RunMode::whole;
    bool in_slices = false;  ///< As if streaming, since a batch was too much for one piece.
    std::uint32_t slice_bytes = 256u << 10;
    std::uint32_t partitions_max = 16384;  ///< Files that are read at the same time, at most.
    Duration shutdown_timeout{};
    OnCrash on_crash = OnCrash::stop;
    std::vector<SourceSettings> sources;
    std::vector<TransformSettings> transforms;
    std::vector<SinkSettings> sinks;
    DeadLetterSettings dead_letters;
};

}  // namespace holdfast::io

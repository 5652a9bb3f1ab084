// What one pipeline is told at its start: the config file as plain values, checked and resolved.
//
// Rule 1: every path is absolute, every default filled in, every name resolved to an index.
// Rule 2: sources and sinks stand in the order of the file; their index is their id in the engine.
// Doesn't know: TOML, line numbers, flags.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/codec/raw_filter.hpp"
#include "core/data/flow/plan.hpp"
#include "core/data/line_cut.hpp"
#include "core/model/config.hpp"
#include "io/devices/file_source.hpp"
#include "io/jq/compile.hpp"

namespace holdfast::io {

enum class SourceType : std::uint8_t { file, stdin_stream };
enum class SinkType : std::uint8_t { file, stdout_stream, blackhole };
enum class Fsync : std::uint8_t { batch, never };
enum class DeliveryMode : std::uint8_t { exactly_once, at_least_once };

struct SourceSettings {
    std::string name;
    SourceType type = SourceType::file;
    std::vector<std::string> include;  ///< Absolute glob patterns. Files only.
    std::vector<std::string> exclude;  ///< The same, of what is not read.
    ReadFrom read_from = ReadFrom::beginning;
    EndAt end = EndAt::never;
    Duration poll_interval{};
    Duration give_up_after{};
    Decompress decompress = Decompress::refuse;
    Duration rotate_wait{};
    std::uint64_t max_line = 0;
    Oversize on_oversized = Oversize::dead_letter;
    Framing framing = Framing::lines;
    flow::OnError on_parse_error = flow::OnError::dead_letter;  ///< Where framing is not lines.
};

/// Faults for people: demos and tests. All of it seeded, nothing drawn from the clock.
struct InjectSettings {
    bool present = false;
    std::uint32_t fail_permille = 0;       ///< Writes that fail for the moment.
    std::uint32_t throttle_permille = 0;   ///< Writes that are told to come later.
    std::uint32_t ambiguous_permille = 0;  ///< Writes of which nobody knows if they were done.
    std::uint32_t refuse_permille = 0;     ///< Records that are refused for good.
    std::uint32_t sync_fail_permille = 0;  ///< Syncs that fail.
    Duration latency{};                    ///< Before each write.
    std::uint64_t seed = 0;
};

struct TransformSettings {
    flow::NodeSpec node;             ///< Its name, type, inputs and numbers.
    std::vector<std::string> texts;  ///< jq: conditions, the program, or the key.
    ProgramSettings settings;          ///< Of what is jq.
    std::vector<std::string> outputs;  ///< route: names of its outputs, without `_unmatched`.
    std::vector<std::string> fields;   ///< dedupe: as they were written; the key is made of them.
    std::vector<std::string> key_fields;  ///< The same as paths, or jq programs.
    std::vector<codec::RawRule> rules;      ///< raw_filter.
    std::vector<std::string> rule_texts;    ///< Of each: `level is "bad"`.
};

struct SinkSettings {
    std::string name;
    SinkType type = SinkType::file;
    std::vector<flow::From> from;       ///< Its inputs as they were named.
    std::vector<std::uint32_t> inputs;  ///< The sources that reach it.
    std::string path;                   ///< Absolute. Files only.
    std::uint32_t mode = 0640;          ///< Of a file that is made, under the umask.
    Framing framing = Framing::lines;   ///< Or msgpack.
    flow::OnError on_parse_error = flow::OnError::dead_letter;  ///< Where framing is msgpack.
    Fsync fsync = Fsync::batch;
    DeliveryMode delivery = DeliveryMode::at_least_once;
    WhenFull when_full = WhenFull::block;
    OnTransient on_transient = OnTransient::retry;
    RetryConfig retry;
    std::uint32_t batch_records = 0;
    std::uint64_t batch_bytes = 0;
    Duration batch_timeout{};
    Duration timeout{};  ///< Of one attempt; 0: none.
    std::uint32_t max_in_flight = 1;
    InjectSettings inject;
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
    bool memory_limit_given = true;  ///< Else it is lowered to what fits; see fitting_memory_limit().
    RegulationSettings regulation;
    Duration commit_interval{};
    std::uint64_t commit_records = 0;  ///< Given to a sink again after a crash, at most; 0: no bound.
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

/// Whether a restart can read again what was read before.
constexpr bool replayable(const SourceSettings& source) { return source.type == SourceType::file; }

}  // namespace holdfast::io

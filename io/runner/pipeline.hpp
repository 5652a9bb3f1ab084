// One life of a pipeline: ring, devices and engine, from the checkpoint to the halt.
//
// Rule 1: the loop: events into the engine, effects to the devices, then the ring waits until the
//         engine's deadline.
// Rule 2: whatever ends it, the end is a crash: the ring is abandoned, then all is destroyed.
// Rule 3: no record is read before every new sink's mark is durable (file_sink.hpp, rule 4).
// Bound: memory: the pool, the engine's tables, and what devices keep per file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/engine/owned.hpp"
#include "io/device.hpp"
#include "io/devices/checkpoint_store.hpp"
#include "io/devices/dead_letter_file.hpp"
#include "io/devices/look_turn.hpp"
#include "io/devices/partition_slots.hpp"
#include "io/devices/transform_stage.hpp"
#include "io/memory_guard.hpp"
#include "io/payloads.hpp"
#include "io/runner/engine_config.hpp"
#include "io/runner/last_words.hpp"
#include "io/runner/names.hpp"
#include "io/runner/pending.hpp"
#include "io/runner/process.hpp"
#include "io/runner/run.hpp"
#include "io/task.hpp"

namespace holdfast::io {

class Pipeline {
public:
    /// `life`: how many came before it in this process. `words`: null where nothing is transformed.
    Pipeline(const PipelineConfig& pipeline, const RunOptions& options, Process& process,
             LastWords* words, std::uint32_t life);
    ~Pipeline();
    Pipeline(const Pipeline&) = delete;

    /// Runs it to its end; once. `report` gets everything but `restarts`.
    void run(RunReport& report);

private:
    // Start.
    bool begin(RunReport& report);
    bool has_descriptors();
    bool load(RunReport& report);
    void build_sinks();
    std::unique_ptr<Sink> make_sink(SinkId id, Events& answers);
    std::unique_ptr<Source> make_source(SourceId id);
    void build_sources();
    void build_transforms();
    std::vector<flow::NodePrograms> programs() const;
    std::string written_as(const FileStat& file) const;
    bool no_input_is_an_output();
    void refuse_config(std::string problem);
    void name_what_hangs();
    bool wait_for_sinks(RunReport& report);
    bool save_marks(RunReport& report);
    bool make_data_dir_again();
    Task<> watch_signals();
    Task<> watch_sink(Sink& sink, SinkId id);
    Task<> watch_dead_letters();
    template <class Done>
    bool drive(Done done, Instant until);

    // Running.
    void loop();
    void say_left() const;
    void say_clean();
    void look_again();
    void finish(Task<> task);
    void report_kept(RunReport& report) const;
    void feed(Instant now, const Event& event);
    void observe(Instant now);
    void watch_memory(Instant now);
    void watch_deaths(Instant now);
    void watch_ended(Instant now);
    void watch_stopping(Instant now);
    bool only_the_deadly_is_left() const;
    std::string crash_problem() const;
    Instant next_wake() const;
    void on_signals();
    void on_asked(Asked asked);
    std::int64_t unread() const;
    std::vector<Repeats> may_repeat() const;

    // Effects, one overload each.
    void on(const Pull&);
    void on(const Transform&);
    void on(const ReleaseBatch&);
    void on(const WriteToSink&);
    void on(const CancelWrite&);
    void on(const SyncSink&);
    void on(const WriteDeadLetters&);
    void on(const StageSink&);
    void on(const StagePosition&);
    void on(const StageLead&);
    void on(const WriteCheckpoint&);
    void on(const SyncCheckpoint&);
    void on(const CommitPosition&);
    void on(const RevokeDone&);
    void on(const SetGate&);
    void on(const RunTicker&) {}  // No pipeline of this program has a ticker.
    void on(const Halt&);

    void log(Level level, const LogLine& line) const { options_.log(level, line.text()); }
    void fail(std::string problem);

    // The state, for who asks (pipeline_state.cpp).
    void tell(const LogLine& line) const;
    void say_state() const;
    void say_source(SourceId id) const;
    void say_sink(SinkId id) const;
    void say_partitions() const;
    std::string stuck() const;

    const PipelineConfig& pipeline_;
    const RunOptions& options_;
    Process& process_;
    StopRequests& signals_;
    LastWords* words_;
    Caution caution_;
    Instant stops_since_ = never;  ///< Before a deadly record: when all before it was settled.
    bool stops_ = false;
    bool gives_way_ = false;  ///< A program was ended for a stop, so the drain is short.
    std::uint64_t commits_then_ = 0;
    std::uint32_t life_;
    Config config_;
    BlockPool pool_;
    std::unique_ptr<Ring> ring_;
    Events events_;
    Payloads payloads_;
    PartitionSlots slots_;
    OwnedEngine engine_;
    MemoryGuard guard_;
    Instant read_memory_at_{};
    PressureLevel told_{};  ///< What the engine knows of memory.

    std::unique_ptr<CheckpointStore> checkpoints_;
    Names names_;
    std::unique_ptr<DeadLetterFile> dead_letters_;
    LookTurn look_turn_;
    std::vector<std::unique_ptr<Sink>> sinks_;
    std::vector<std::unique_ptr<Source>> sources_;
    std::unique_ptr<flow::Plan> plan_;
    std::unique_ptr<TransformStage> transforms_;  ///< null: no source is transformed.
    Checkpoint loaded_;
    std::int64_t recorded_ns_ = INT64_MAX;  ///< When `loaded_` was written, in wall time.
    std::vector<FileStat> slots_at_start_;  ///< See CheckpointLoad.

    bool halted_ = false;
    Halt halt_{HaltReason::finished};
    bool failed_ = false;  ///< See problem_: not the engine's end.
    std::string problem_;
    bool is_config_wrong_ = false;  ///< See problem_: the config's fault.
    bool running_ = false;
    Instant began_{};
    /// Asked to stop, and sources still have to give away what they took: until when they may.
    std::optional<Instant> gives_until_;
    Instant drains_until_{};
    Pending pending_;
    Instant observe_at_{};
    Scope scope_;  ///< Last: its coroutines use all of the above.
};

}  // namespace holdfast::io

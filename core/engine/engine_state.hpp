// All parts of the engine in one place, and the moves between them. Private to engine*.cpp.
//
// engine.cpp         construction, dispatch, hash, snapshot
// engine_check.cpp   what a config may say, and how much memory it needs
// engine_intake.cpp  partitions, pulls, fan-out
// engine_slices.cpp  transforms, slices
// engine_lanes.cpp   deliveries: forming, attempts, answers, isolation
// engine_settle.cpp  settling, retiring, dead letters
// engine_commit.cpp  the commit cycle
// engine_regulate.cpp  pressure, the gate, the byte budgets
// engine_end.cpp     stop, revocation, halt
// engine_audit.cpp   O(n) invariants
//
// Layout: this struct (the config, where the tables are, and the time), then the statistics,
// then the tables (the state). Only the tables are hashed.
#pragma once

#include "core/base/arena.hpp"
#include "core/base/time.hpp"
#include "core/engine/batches.hpp"
#include "core/engine/commit.hpp"
#include "core/engine/dead_letters.hpp"
#include "core/engine/delivery.hpp"
#include "core/engine/gate.hpp"
#include "core/engine/governor.hpp"
#include "core/engine/intake.hpp"
#include "core/engine/lane.hpp"
#include "core/engine/pressure.hpp"
#include "core/engine/timers.hpp"
#include "core/engine/watermark.hpp"
#include "core/model/config.hpp"
#include "core/model/effects.hpp"
#include "core/model/event.hpp"
#include "core/model/stats.hpp"

namespace holdfast {

/// What is seldom done stays out of line, so that what every step does is small: measured, that is
/// a tenth of a step. The second is for what is done at each step, but of some pipelines only.
#define HF_RARE [[gnu::cold, gnu::noinline]]
#define HF_APART [[gnu::noinline]]

/// No wait is longer, so that `now` plus a wait never becomes `never`: a wait needs a wake.
inline constexpr Duration longest_wait = seconds(400LL * 24 * 3600);
constexpr Duration within_longest_wait(Duration d) {
    return d.ns <= 0 ? Duration{0} : d < longest_wait ? d : longest_wait;
}

/// What is true of the whole pipeline.
struct Flags {
    std::uint64_t lanes_dirty;  ///< Lanes that may be able to send.
    std::uint64_t lanes_parking;
    std::uint64_t held;
    std::uint64_t wake_intake;  ///< Something was freed: sources may pull or fan out. 0 or 1.
    std::uint64_t revokes_due;  ///< A revocation may be complete. 0 or 1.
    std::uint64_t slices;       ///< Slots that hold a slice.
    std::uint64_t ticks;        ///< RunTicker effects.
    std::int64_t ticker_due;
    bool halted;
    bool draining;
    Hysteresis pressure;
    bool cycle_orphaned;   ///< The running cycle lost the partition it waited for.
    bool fan_out_blocked;  ///< A batch waits for room in a lane or in the dead letters.
    std::uint8_t unused[3];
};

struct EngineState {
    Config config;
    std::uint32_t delivery_base[sinks_limit + 1] = {};  ///< First delivery slot of each lane.
    SinkMask sliced_sinks = 0;                          ///< By the config.
    std::uint32_t sliced_sources = 0;
    std::uint64_t stats_bytes = 0;
    std::uint64_t state_bytes = 0;
    std::byte* stats_at = nullptr;
    Instant step_at{};  ///< The `now` of the step under way.

    Table<Stats> stats_;
    Table<Flags> flags_;
    Table<CommitState> commit_;
    Table<Gate> gate_;
    Table<Governor> governors_;
    Table<Intake> intakes_;
    Batches batches;
    Partitions partitions;
    Lane lanes[sinks_limit];
    Deliveries deliveries;
    DeadLetterQueue dead;
    Timers timers;

    Stats& stats() const { return stats_.only(); }
    Flags& flags() const { return flags_.only(); }
    CommitState& commit() const { return commit_.only(); }
    Gate& gate() const { return gate_.only(); }

    /// Lays the tables out; measures only if `base` is null. Returns the bytes used.
    std::size_t lay_out(std::byte* base);
    void begin();

    // Timer ids.
    std::uint32_t timer_of_delivery(std::uint32_t i) const { return i; }
    std::uint32_t timer_of_lane(std::uint32_t i) const { return delivery_base[config.sinks] + i; }
    std::uint32_t timer_of_source(std::uint32_t i) const { return timer_of_lane(config.sinks) + i; }
    std::uint32_t timer_of_dead() const { return timer_of_source(config.sources); }
    std::uint32_t timer_of_commit() const { return timer_of_dead() + 1; }
    std::uint32_t timer_of_step() const { return timer_of_dead() + 2; }
    std::uint32_t timer_of_drain() const { return timer_of_dead() + 3; }
    std::uint32_t timer_of_gate() const { return timer_of_dead() + 4; }
    std::uint32_t timer_of_ticker() const { return timer_of_dead() + 5; }
    std::uint32_t timer_of_partition(std::uint32_t i) const { return timer_of_dead() + 6 + i; }

    // One event each.
    void on(Instant now, const PartitionAssigned&, Effects&);
    void on(Instant now, const PartitionLead&, Effects&);
    void on(Instant now, const PartitionRevoked&, Effects&);
    void on(Instant now, const BatchPulled&, Effects&);
    void on(Instant now, const SourceIdle&, Effects&);
    void on(Instant now, const SourceEnded&, Effects&);
    void on(Instant now, const SourceFailed&, Effects&);
    void on(Instant now, const SourceReady&, Effects&);
    void on(Instant now, const SinkShare&, Effects&);
    void on(Instant now, const SliceTransformed&, Effects&);
    void on(Instant now, const SinkToldRange&, Effects&);
    void on(Instant now, const SinkAnswered&, Effects&);
    void on(Instant now, const SinkSynced&, Effects&);
    void on(Instant now, const SinkBroken&, Effects&);
    void on(Instant now, const DeadLettersStored&, Effects&);
    void on(Instant now, const CommitAnswered&, Effects&);
    void on(Instant now, const CheckpointWritten&, Effects&);
    void on(Instant now, const CheckpointSynced&, Effects&);
    void on(Instant now, const PressureSampled&, Effects&);
    void on(Instant now, const Stop&, Effects&);
    void on(Instant now, const Tick&, Effects&);

    // Timers that came due.
    HF_RARE void fire(Instant now, std::uint32_t timer, Effects&);
    // What follows from any event, in this order: fan out, send, park, pull, commit, end.
    void pump(Instant now, Effects&);

    // Regulation.
    HF_RARE void set_gate(bool held, Effects&);
    HF_RARE void hold_assigned(std::uint32_t source, std::uint32_t partition, Effects&);
    HF_RARE void open_window();
    void budget_changed(std::uint32_t source) const;
    void pull_ordered(std::uint32_t source);
    void pull_answered(std::uint32_t source);
    HF_APART void measure_from_now(Batch&, SinkMask wanted) const;
    std::uint64_t input_held(const Batch&) const;
    HF_APART void measured(Batch&);

    // Intake.
    Batch* answered_pull(BatchId, SourceId);
    HF_RARE void refuse_batch(BatchId, Effects&);
    HF_RARE void skip_batch(BatchId, Effects&);
    void fan_out_ready(std::uint32_t source, Effects&);
    bool fan_out(std::uint32_t index, Effects&);
    HF_RARE void store_own_dead(std::uint32_t index, Effects&);
    HF_RARE void own_dead_stored(std::uint32_t index, std::uint32_t records);
    bool has_outputs(const Batch&, std::uint32_t index) const;
    SinkMask wanted_sinks(const Batch&, std::uint32_t index, bool& broken) const;
    bool lanes_have_room(const Batch&, std::uint32_t index, SinkMask wanted) const;
    void admit(Batch&, std::uint32_t index, SinkMask wanted);
    void pull(std::uint32_t source, Effects&);
    bool slot_for_pull() const;
    std::uint32_t pull_bytes(std::uint32_t source) const;
    std::uint32_t pull_records(std::uint32_t source) const;
    void free_reservation(std::uint32_t index);
    Share share_of(const Batch&, std::uint32_t index, std::uint32_t sink) const;

    // Slices.
    std::uint32_t slice_bytes(std::uint32_t source) const;
    bool slice_on(std::uint32_t index, Effects&);
    void order_slice(std::uint32_t index, Effects&);
    bool take_records(Batch&, const SliceTransformed&);
    void slice_settled(std::uint32_t index);

    // Lanes.
    void dispatch(Instant now, std::uint32_t lane, Effects&);
    bool ripe(Instant now, std::uint32_t lane);
    HF_RARE void forget_fenced(std::uint32_t lane, Effects&);
    void begin_delivery(Instant now, std::uint32_t lane, Effects&);
    bool counts_in_window(const Entry& e) const {
        return config.source[batches[e.batch].source].commit == CommitMode::checkpoint;
    }
    bool window_is_full(std::uint32_t lane) const;
    void leave_window(std::uint32_t lane, const Entry& e, bool fenced);
    std::uint64_t push_parts(Delivery&, Effects&) const;
    HF_APART std::uint64_t push_scattered(Delivery&, Effects&) const;
    void attempt(Instant now, std::uint32_t delivery, Effects&);
    void end_attempt(Instant now, std::uint32_t delivery, SinkOutcome, Duration after, Effects&);
    HF_RARE void end_otherwise(Instant now, std::uint32_t delivery, SinkOutcome, Duration after,
                               Effects&);
    HF_RARE std::uint32_t settle_told(Delivery&, Effects&);
    void settle_rest(Delivery&, Effects&);
    HF_RARE void settle_rest_sparse(Delivery&, Effects&);
    HF_RARE void refuse_rest(Delivery&);
    std::uint32_t attempt_limit(const Delivery&) const;
    bool tried_beyond(const Delivery&) const;
    HF_RARE void refuse_span(Delivery&);
    bool retry_not(std::uint32_t lane) const;
    HF_RARE void proceed(Instant now, std::uint32_t delivery, Effects&);
    void finish(Delivery&, Effects&);
    Delivery* writing(DeliveryId, std::uint32_t attempt);
    HF_RARE void retry_parked(Instant now, Effects&);

    // Settling.
    void settle_outputs(Delivery&, std::uint32_t begin, std::uint32_t end, Effects&);
    HF_APART void settle_scattered(Delivery&, std::uint32_t begin, std::uint32_t end, Effects&);
    void settle_entry(std::uint32_t lane, Entry&, std::uint32_t outputs, Effects&);
    void retire(std::uint32_t lane, Effects&);
    void settle_batch(std::uint32_t index);
    void release_if_owed_nothing(std::uint32_t index, Effects&);
    HF_RARE bool hand_to_dead_letters(Delivery&, Effects&);
    HF_RARE bool park_run(const Delivery&, std::uint32_t begin, std::uint32_t& end);
    HF_RARE void write_dead_letters(Instant now, Effects&);
    HF_RARE void dead_letters_failed(Instant now, Effects&);

    // Commits.
    bool input_over() const;
    bool commit_pending() const;
    bool commit_wanted(Instant now);
    void commit_step(Instant now, Effects&);
    HF_RARE void begin_cycle(Instant now, Effects&);
    void stage_partitions(Effects&);
    void stage_marks(Effects&);
    void free_windows(Instant now);
    void after_syncs(Instant now, Effects&);
    void tell_sources(Instant now, Effects&);
    HF_RARE void end_or_repeat(Instant now, Effects&);
    void end_cycle();
    void commit_failed(CommitPhase resume, HaltReason, Instant now, Effects&);
    void resume_cycle(Instant now, Effects&);
    void drop_from_cycle(std::uint32_t partition);
    void wait_for_answer(Instant now);

    // Ends.
    HF_RARE void begin_ticker(Instant now);
    HF_RARE void run_ticker(Instant now, Effects&);
    HF_RARE void lose_partition(std::uint32_t partition);
    HF_RARE void fence_partition(std::uint32_t partition);
    HF_RARE void finish_revocations(Effects&);
    void check_end(Effects&);
    HF_RARE void halt(HaltReason, Effects&, SinkId = no_sink, SourceId = SourceId{0xffff});

    bool audit() const;
};

}  // namespace holdfast

// The judge. It sees each event and effect and the world's truth, never the engine's inside (its
// exported counters only where I29 compares them).
//
// Rule 1: every check is a named invariant; the numbers stand in docs/simulator.md.
// Rule 2: the first breach is kept, the run ends there.
// Bound: O(what the step names) a step, besides a scan of the writes in flight.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/engine/engine.hpp"
#include "sim/fake_stores.hpp"
#include "sim/stage.hpp"

namespace holdfast::sim {

struct Failure {
    const char* invariant = nullptr;  ///< As "I1"; null: none.
    const char* title = "";
    std::string detail;
    std::uint32_t record = UINT32_MAX;
    bool liveness = false;
};

/// What the engine knows of a partition, by the events it was given.
enum class Known : std::uint8_t { nothing, assigned, revoking, lost };

class Oracle {
public:
    explicit Oracle(Stage& stage) : stage_(stage) {}

    void begin();
    /// A new engine.
    void restart(const Config& config);

    /// After each step, before any of its effects is carried out.
    void step(const Event& event, const Effects& effects, const Engine& engine);
    /// The durable position of a partition was `before` until now.
    void moved(std::uint32_t log, std::int64_t before);
    /// The durable checkpoint says that a sink is ahead of a partition's position.
    void lead_durable(std::uint32_t log, std::uint32_t sink, std::int64_t position);
    /// A unit was just applied.
    void applied(std::uint32_t unit);
    void recovered(std::uint32_t sink, bool whole);
    /// The checkpoint's contents are about to be written.
    void writing(const CheckpointTruth& staged);

    bool failed() const { return failure_.invariant != nullptr; }
    const Failure& failure() const { return failure_; }
    void fail(const char* invariant, const char* title, std::string detail,
              std::uint32_t record = UINT32_MAX, bool liveness = false);

    /// The attempt that a WriteToSink or WriteDeadLetters of the last step became, or UINT32_MAX.
    std::uint32_t attempt_of(DeliveryId delivery, bool dead_letters = false) const;
    /// The event of the last step named nothing current.
    bool was_stale() const { return stale_; }
    bool halted() const { return halted_; }
    HaltReason halt_reason() const { return halt_reason_; }
    bool stopping() const { return stopping_; }
    Instant stop_deadline() const { return stop_deadline_; }
    bool paused() const { return paused_; }
    std::uint64_t leased() const { return leased_; }
    bool any_revoked() const { return any_revoked_; }
    /// The last PartitionAssigned was of a partition that had been assigned before.
    bool assigned_again() const { return assigned_again_; }
    /// Its slot was another one's in this life.
    bool slot_used_again() const { return slot_again_; }
    /// The batch just told is of an epoch that is over.
    bool batch_was_late() const { return batch_late_; }
    bool any_dropped() const {
        return std::ranges::any_of(surely_dropped_, [](std::uint64_t n) { return n > 0; });
    }
    Instant revoke_deadline(const RevokeDone& e) const {
        const std::uint32_t log = stage_.ledger.log_of(e.partition, e.epoch);
        return log == UINT32_MAX ? never : partitions_[log].deadline;
    }
    std::uint32_t engine_sink(SinkId sink) const { return stage_.draw->engine_sink(sink.index); }
    Instant now() const { return stage_.now; }
    std::uint32_t writes_open(std::uint32_t sink) const { return open_writes_[sink]; }
    bool write_or_commit_open() const { return !open_.empty() || commits_open_ > 0; }
    std::uint32_t pulls_open(std::uint32_t source) const { return pulls_open_[source]; }

private:
    // What the engine was told (oracle_told.cpp).
    void told(const Event& event, const Effects& effects);
    void told_more(const Event& event, const Effects& effects);
    void told_assigned(const PartitionAssigned& e);
    void told_sliced(BatchTruth& b, const SliceTransformed& e);
    void told_range(const SinkToldRange& e);
    void told_answer(const SinkAnswered& e);
    void told_stored(const DeadLettersStored& e);
    void told_unit(Attempt& a, std::size_t i, SinkOutcome outcome, std::uint32_t unnamed,
                   const SinkAnswered& e);
    void told_batch(const BatchPulled& e);
    bool told_pull_over(BatchId batch);
    bool took_its_records(const BatchTruth& b, const SliceTransformed& e);
    void told_revoked(const PartitionRevoked& e);
    void told_pressure(const PressureSampled& e);
    void lose_batches(std::uint32_t partition);
    bool cancelled_now(const Effects& effects, DeliveryId delivery, std::uint32_t attempt) const;
    Attempt* open(DeliveryId delivery, std::uint32_t number, bool dead_letters = false);
    void close(std::uint32_t attempt);

    // What it ordered (oracle_writes.cpp).
    void order(const Effect& effect, const Effects& effects);
    void on(const Pull& e, const Effects&);
    void on(const Transform& e, const Effects&);
    void check_slice(const Transform& e);
    void on(const ReleaseBatch& e, const Effects&);
    void on(const WriteToSink& e, const Effects& all);
    void on(const CancelWrite& e, const Effects&);
    void on(const SyncSink& e, const Effects&);
    void on(const WriteDeadLetters& e, const Effects& all);
    void on(const StageSink& e, const Effects&);
    void on(const StagePosition& e, const Effects&);
    void on(const StageLead& e, const Effects&);
    void on(const WriteCheckpoint& e, const Effects&);
    void on(const SyncCheckpoint& e, const Effects&);
    void on(const CommitPosition& e, const Effects&);
    void on(const RevokeDone& e, const Effects&);
    void check_source(const char* what, std::uint32_t log, SourceId source);
    void on(const SetGate& e, const Effects&);
    void on(const RunTicker& e, const Effects&);
    void check_ticker(bool tick, const Engine& engine);
    void note_progress(const Attempt& a, SinkOutcome unnamed, Duration retry_after);
    void check_streak(const WriteToSink& e, const SinkConfig& sink);
    void on(const Halt& e, const Effects&);
    bool resolve(const Part& part, SinkId sink, Attempt& a);
    std::uint32_t epoch_of(std::uint32_t record) const {
        return stage_.ledger.logs[stage_.ledger.records[record].log].epoch;
    }
    std::uint32_t new_delivery(DeliveryId delivery, std::uint32_t number, std::uint16_t sink);
    void check_send(std::uint32_t unit, const SinkConfig& sink);
    bool out_of_the_way(std::uint32_t unit) const;
    void check_order(const Attempt& a);
    void check_dead_letter(std::uint32_t item, const Part& part);
    void check_limits(const WriteToSink& e, const Attempt& a, const SinkConfig& sink);
    void check_clean(const WriteToSink& e, const Effects& all);

    // Regulation (oracle_regulation.cpp).
    void check_admission(const Pull& e);
    void check_budget(const Pull& e);
    void check_slice(const Transform& e, std::uint32_t source);
    void check_gate(const Event& event, const Effects& effects);
    void note_slow(const BatchTruth& b);
    void note_fall(std::uint32_t source, std::uint64_t last, std::uint64_t now);
    std::uint64_t input_of(const BatchTruth& b) const;

    // The engine's statistics (oracle_stats.cpp).
    void count_event(const Event& event);
    void count(const BatchPulled& e);
    void check_stats(const Stats& stats);
    void check_stats_at_end(const Stats& stats);

    // Queues (oracle_queues.cpp).
    bool is_owed(std::uint32_t unit) const;
    void check_queues();
    void check_drop(std::uint32_t sink, std::uint64_t dropped);

    // Positions (oracle_positions.cpp).
    void check_epoch(const char* what, PartitionId partition, Epoch epoch);
    void check_issued(const char* what, PartitionId partition, Epoch epoch, Position position,
                      std::int64_t& last);
    void check_agrees(const CheckpointTruth& staged, std::uint32_t sink);
    template <class Test>
    void check_below(const char* id, const char* what, std::uint32_t log, std::int64_t from,
                     std::int64_t to, Test test);

    // What a restart would write again (oracle_repeats.cpp).
    struct Uncovered {
        std::uint64_t records = 0;
        std::uint64_t bytes = 0;
        std::uint32_t order = 0;  ///< Of its last batch.
        bool one_batch = true;
        bool done = true;  ///< The engine was told of all of it.
    };
    /// A batch's outputs for a sink, from their first write on until they are surely durable.
    struct Begun {
        BatchId batch;
        std::vector<DeliveryId> takers;  ///< What took of it.
        std::uint32_t outputs = 0;
        std::uint32_t bytes = 0;
        bool retired = false;  ///< Surely, when the running cycle began.
    };
    bool commits_are_bounded() const;
    void note_cycle(const Event& event, const Effects& effects);
    Uncovered uncovered(std::uint32_t sink);
    void note_sent(Unit& u, std::uint32_t index);
    void note_begun(const Part& part, const WriteToSink& write);
    void forget_given(std::uint32_t log);
    void retire_windows();
    void free_windows();
    bool is_done(const Begun& entry, std::uint32_t sink) const;
    bool may_be_held(std::uint32_t sink) const;
    bool may_be_half_full(std::uint32_t sink) const;
    bool window_may_ask() const;
    void note_windows();
    void check_repeats(const Event& event, const Effects& effects, const Engine& engine);
    void check_repeats(std::uint32_t sink, const Uncovered& now, const Repeats& told);

    // Bounds, timers, the end (oracle_bounds.cpp).
    void check_bounds(const Event& event, const Effects& effects, const Engine& engine);
    void check_halt(const Halt& e);
    bool wants_dead_letters(const Halt& e) const;
    void check_finished(bool all_read);
    void check_counters(const Engine& engine);
    void note_trouble(const Event& event);
    std::uint32_t pulls_open() const {
        std::uint32_t n = 0;
        for (const std::uint32_t pulls : pulls_open_) n += pulls;
        return n;
    }

    // Commit cycles and revocations (oracle_cycle.cpp).
    struct Partition;
    bool is_said(const Partition& p, const Log& log) const;
    bool marks_are_said() const;
    bool commit_outstanding() const;
    void note_commits_overdue();
    bool syncs_open() const {
        return std::ranges::any_of(sync_open_, [](bool b) { return b; });
    }
    void note_synced(const SinkSynced& e);
    void note_written(const CheckpointWritten& e);
    void note_persisted(const CheckpointSynced& e);
    void note_commit(const CommitAnswered& e);
    void note_overdue();
    void note_store_overdue();
    void store_fails();
    void commit_fails(bool checkpoint);
    void begins_cycle();
    void begin_cycle();
    void check_cycle_repeats();
    void may_be_new_cycle();
    bool all_ended() const;
    void check_cycle_is_needed();
    void check_cycle(const Engine& engine);
    void check_quiet(const Engine& engine);
    void count_towards_commit(const BatchTruth& b);
    void check_revocations();
    void check_given_back(std::uint32_t log);

    // Waits (oracle_pace.cpp).
    struct Waiting {
        std::uint64_t batches = 0, records = 0, bytes = 0, unsent = 0, begun = 0;
    };
    void note_source_failed(std::uint32_t source, SourceOutcome outcome);
    void note_source_idle(std::uint32_t source, Duration retry_after);
    void note_source_ready(std::uint32_t source);
    void check_rests(const Engine& engine);
    void check_rest(const Pull& e);
    void check_batches_max(const Pull& e);
    Waiting waiting_at(std::uint32_t sink) const;
    bool lingers(std::uint32_t sink) const;
    void check_lingered(const WriteToSink& e, const Attempt& a);
    std::uint32_t lull(std::uint32_t sink) const;
    void check_lingers(const Engine& engine);
    void note_dropped(const BatchTruth& b);
    void note_passed_over(std::uint32_t log, std::uint32_t sink);
    void check_dropped(const Stats& stats);

    /// What Stats must say, by what went in and out.
    struct Counted {
        struct Sink {
            std::uint64_t delivered = 0, parked = 0, writes = 0, retries = 0, ambiguous = 0;
        };
        struct Source {
            std::uint64_t batches = 0, records = 0, bytes = 0, failures = 0;
        };
        std::array<Sink, 8> sink{};
        std::array<Source, 4> source{};
        std::uint64_t steps = 0, filtered = 0, dead_letters = 0, dead_letter_retries = 0;
        std::uint64_t commit_failures = 0;
        std::uint64_t held_peak = 0, gate_closed = 0, gate_opened = 0;
        std::uint32_t pressure_hard = 0, pressure_soft = 0;
    };
    /// Of one source's budget: whether its last fall, by time alone, has paid.
    struct Fall {
        bool open = false;          ///< Nothing but the time of a batch can explain it.
        std::uint32_t answers = 0;  ///< Pulls, since the Pull before it.
        std::uint64_t least = 0;    ///< Bytes of the smallest batch that may have caused it.
        std::int64_t longest = 0;   ///< At most so long took the one that did.
        // Since the last Pull, and since the last fall:
        bool pressed = false;
        std::uint32_t answers_now = 0;
        std::uint64_t least_now = UINT64_MAX;
        std::int64_t longest_now = 0;
        std::uint64_t most_since = 0;
        std::int64_t shortest_since = INT64_MAX;
    };
    struct Delivery {
        std::uint32_t generation = 0;
        std::uint32_t attempt = UINT32_MAX;  ///< In Stage::attempts, while open.
        std::uint32_t number = 0;            ///< Of its last attempt.
        bool over = true;
        // What the last attempt gave, for the law of backoff.
        std::uint32_t streak = 0;  ///< Failures since the sink last decided on something.
        bool failed = false;
        bool decided = false;  ///< On something: it may have waited for the dead letters.
        Instant failed_at;
        Duration retry_after{0};
    };
    struct Partition {
        Known known = Known::nothing;
        std::uint32_t epoch = 0;
        std::int64_t staged = 0;
        std::int64_t committed = 0;
        std::int64_t checked = 0;  ///< Records below it are settled.
        bool revoke_done = false;
        bool fenced = false;             ///< Its source took no commit any more.
        bool again = false;              ///< Its commit was answered badly.
        std::uint32_t held = 0;          ///< Batches that are not released.
        std::int64_t read = 0;           ///< Up to where the engine has it.
        std::int64_t told = 0;           ///< Committed, as the source confirmed.
        Instant deadline = never;        ///< Of its revocation:
        bool overdue = false;            ///< it had passed before this step.
        std::vector<std::int64_t> ends;  ///< Where it was assigned, and where its batches end.
        bool commit_open = false;        ///< The engine waits for its answer, until:
        Instant commit_due = never;
    };

    /// The partition that an assignment is of, if it is this life's.
    Partition* partition(PartitionId id, Epoch epoch) {
        const std::uint32_t log = stage_.ledger.log_of(id, epoch);
        return log == UINT32_MAX ? nullptr : &partitions_[log];
    }

    Stage& stage_;
    Failure failure_;
    std::vector<Delivery> deliveries_;  ///< By handle; the first one is the dead letters'.
    std::vector<std::uint32_t> open_;   ///< Attempts that the engine waits for.
    std::vector<Partition> partitions_;
    std::vector<std::vector<std::uint32_t>> lane_;  ///< [sink * logs + log]: units in order.
    std::vector<std::uint32_t> lane_head_;
    std::vector<std::uint32_t> scratch_;
    std::array<std::uint32_t, 8> open_writes_{};
    std::array<std::uint32_t, 4> pulls_open_{};
    std::array<std::uint32_t, 4> source_ends_{};
    std::array<std::uint64_t, 8> told_delivered_{};
    std::array<std::uint64_t, 8> told_parked_{};
    std::uint32_t ticks_in_vain_ = 0;  ///< In a row.
    std::array<std::uint64_t, 8> dropped_{};
    std::array<bool, 8> sync_failed_{};
    std::array<std::uint32_t, 8> sync_number_{};
    std::array<std::uint32_t, 4> slice_open_{};  ///< By source: the slice that isn't released.
    std::uint64_t leased_ = 0;
    std::uint32_t batches_open_ = 0;
    std::uint32_t commits_open_ = 0;
    std::uint64_t checkpoint_ = 0;  ///< Sequence in progress.
    enum class Cycle : std::uint8_t { none, writing, written, syncing, sync_failed } cycle_{};
    bool any_commit_ = false;    ///< Some partition may have a commit open, or to be repeated.
    bool any_revoking_ = false;  ///< Some partition may be being revoked.
    bool halted_ = false;
    bool stopping_ = false;
    bool stop_now_ = false;
    bool paused_ = false;
    Instant paused_at_{};
    std::array<std::uint32_t, 4> pulls_while_paused_{};
    std::array<bool, 4> gate_told_{};             ///< What each source was told last.
    std::array<std::uint32_t, 4> last_budget_{};  ///< max_bytes of its last pull; 0: none yet.
    std::array<bool, 4> may_shrink_{};            ///< Something since then is a reason for less.
    std::array<Fall, 4> fall_{};
    Counted counted_;
    bool any_revoked_ = false;  ///< Of this incarnation's partitions.
    bool stale_ = false;        ///< The event just given named nothing current.
    /// What happened in this step after which nothing may follow. A cause is never older than that.
    struct Causes {
        SinkMask sync_failed = 0, sink_failed = 0, sink_broken = 0;
        std::uint32_t source_failed = 0, fate_stop = 0, contract = 0, stop = 0, astray = 0;
        bool sync_overdue = false, checkpoint = false, commit = false, store = false;
        bool surely = false;  ///< Of `checkpoint` and `commit`: there is no doubt.
        bool any() const {
            return (sync_failed | sink_failed | sink_broken) != 0 ||
                   (source_failed | fate_stop | contract | stop | astray) != 0 || sync_overdue ||
                   store || surely;
        }
    };
    Causes causes_;
    /// A commit cycle, as far as it can be seen.
    struct CommitCycle {
        bool began_once = false;
        bool owed = false;                   ///< Something is staged that is not durable.
        bool round = false;                  ///< Sources are being told.
        bool proceeds = false;               ///< The step before telling has ended just now.
        std::uint64_t step = UINT64_MAX;     ///< In which it began.
        std::uint64_t told_at = UINT64_MAX;  ///< In which sources were told last.
        Instant began, began_latest;         ///< Where it is in doubt which cycle goes on.
        Instant syncs_due, not_before, rests_until;
        std::uint32_t failures = 0, least_failures = 0;
        std::uint64_t early = 0;               ///< Cycles that only counts explain.
        std::uint64_t records = 0, bytes = 0;  ///< Surely settled since it began.
    };
    CommitCycle commit_;
    struct Rest {
        bool on = false;
        std::uint32_t failures = 0;  ///< In a row.
        Instant not_before, at_latest;
    };
    std::array<Rest, 4> rest_{};
    std::array<bool, 8> sync_open_{};
    std::array<std::int64_t, 8> told_mark_{};  ///< -1: none in this life.
    std::array<std::int64_t, 8> staged_mark_{};
    std::array<std::uint32_t, 8> agreed_mark_{};  ///< Up to here marks and positions agree.
    std::array<std::uint64_t, 8> surely_dropped_{};
    std::array<std::uint64_t, 8> perhaps_dropped_{};
    std::array<Instant, 8> lull_since_{};
    std::uint64_t forgotten_ = 0;  ///< Outputs that were never sent, at most.
    std::uint64_t bytes_in_ = 0;   ///< Told of all outputs, in this life.
    Instant window_due_;
    bool assigned_again_ = false, slot_again_ = false, batch_late_ = false;
    std::vector<bool> slots_used_;
    std::uint64_t ticks_ = 0;
    Instant ticker_due_;
    std::int64_t checkpoint_at_ = 0;  ///< When its write or sync was ordered.
    std::uint32_t store_failures_ = 0;
    HaltReason halt_reason_{};
    Instant stop_deadline_ = never;
    std::vector<std::int64_t> durable_lead_;  ///< [log * 8 + sink]
    std::uint64_t cycle_sequence_ = 0;        ///< Of its last checkpoint.
    bool cycle_open_ = false;
    /// Units that were sent in this life and that no durable position covered, when last looked at.
    std::array<std::vector<std::uint32_t>, 8> given_;
    std::array<std::vector<Begun>, 8> begun_;  ///< By sink, in order.
    bool windows_count_ = false;  ///< What may be written again is bounded (I43), in this config.
    bool window_asked_ = false;   ///< For a commit, perhaps, since the last cycle began.
};

/// min(initial * 2^(n-1), max), in integers.
std::int64_t backoff_base(const RetryConfig& retry, std::uint32_t failures);

template <class Test>
void Oracle::check_below(const char* id, const char* what, std::uint32_t log_index,
                         std::int64_t from, std::int64_t to, Test test) {
    const Log& log = stage_.ledger.logs[log_index];
    for (std::uint32_t r = stage_.ledger.record_after(log, from); r < log.end; ++r) {
        const Record& record = stage_.ledger.records[r];
        // A record that begins before the position is covered by it, wholly or (worse) in part.
        if (record.begin >= to) break;
        if (test(record)) continue;
        fail(id, "ack barrier",
             std::string(what) + " of partition " + std::to_string(log_index) + ": " +
                 std::to_string(from) + " -> " + std::to_string(to) + ", but record " +
                 std::to_string(r) + " at " + std::to_string(record.begin) + ".." +
                 std::to_string(record.next) + " is not settled",
             r);
        return;
    }
}

}  // namespace holdfast::sim

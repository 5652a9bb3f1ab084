// Sources: logs with partitions, gaps, empty polls, short batches, failures, revocations; and the
// transform, which belongs to the batch as well.
//
// Rule 1: what a pull brings is decided when it is answered, so a partition's batches come in
// order. Rule 2: a batch never spans a lead, and never mixes fates. Rule 3: a transform fails as a
// whole only where there are no leads: a lead may pass a batch whose
//         dead letters are not stored yet, and a batch that is cut anew may not fail again.
// Rule 4: slots are dealt out again and again, as the shipped source does; an epoch is dealt once in
//         a world. A log that is a file is given back when it is read, and its slot goes to the next.
#pragma once

#include <vector>

#include "sim/fake_stores.hpp"
#include "sim/stage.hpp"

namespace holdfast::sim {

class FakeSource {
public:
    FakeSource(Stage& stage, const FakeCheckpoint& checkpoint)
        : stage_(stage), checkpoint_(checkpoint) {}
    void begin();
    /// A process begins: what it can have, it has.
    void start();
    /// A new process: nothing is assigned, nothing is in flight.
    void restart();

    void pull(const Pull& pull);
    void transform(const Transform& transform);
    void release(BatchId batch);
    void commit(const CommitPosition& commit);
    void revoke_done(const RevokeDone& done);

    void pull_due(const Occurrence& what);
    void transform_due(const Occurrence& what);
    /// True if the broker's position has moved.
    bool commit_due(const Occurrence& what);
    void append_due(const Occurrence& what);
    void revoke_due(const Occurrence& what);
    void revoke_heard_due(const Occurrence& what);
    void revoke_deadline_due(const Occurrence& what);
    void assign_due(const Occurrence& what);
    void close_due(const Occurrence& what);

    /// All records exist from now on.
    void append_all();
    bool ended(std::uint32_t source) const;
    bool revoking(std::uint32_t log) const { return state_[log].revoking; }
    bool broker_owns(std::uint32_t log) const { return state_[log].owned; }

private:
    struct LogState {
        std::uint32_t cursor = 0;   ///< Next record to hand out.
        std::int64_t position = 0;  ///< After the last one.
        bool revoking = false;      ///< Gracefully, not done yet.
        bool opening = false;       ///< Its assignment is on its way.
        bool owned = false;         ///< The broker takes our commits.
        std::uint32_t slot = 0;
        std::uint32_t revokes = 0;
        std::uint32_t commits = 0;
        std::int64_t last_commit = 0;
    };

    std::uint64_t key(std::uint64_t n) const {
        return static_cast<std::uint64_t>(stage_.incarnation & 15) << 36 | n;
    }
    bool fault_answer(const BatchTruth& b, BatchId id, std::uint64_t n);
    std::uint32_t pick_log(std::uint16_t source, std::uint64_t n);
    void fill_empty(BatchTruth& b, BatchId id, std::uint32_t log);
    void fill(BatchTruth& b, BatchId id, std::uint32_t log, std::uint64_t n);
    std::uint32_t take(const BatchTruth& b, std::uint32_t log, std::uint64_t n);
    void outputs(BatchTruth& b);
    BatchTruth& begin_slice(const Transform& transform);
    std::uint32_t cut_slice(BatchTruth& b, std::uint64_t n);
    std::uint32_t freed_by(BatchTruth& b);
    void answer_transform(BatchTruth& b, BatchId id, std::uint32_t end, Position next);
    /// Emits PartitionAssigned and the leads that the checkpoint has.
    void assign(std::uint32_t log);
    void free_slot(std::uint32_t log);
    bool is_file(const Log& log) const { return stage_.draw->source[log.source].open_max > 0; }
    void open_more(std::uint16_t source);
    void schedule_close(std::uint32_t log);
    void late_batch(std::uint32_t log, std::uint32_t epoch);
    void schedule_revoke(std::uint32_t log);
    void lose(std::uint32_t log, Duration back_after);
    void come_back(std::uint32_t log, Duration after);

    Stage& stage_;
    const FakeCheckpoint& checkpoint_;
    std::vector<std::uint32_t> free_slots_;
    std::vector<LogState> state_;
    std::vector<std::uint32_t> pulls_;     ///< Answers by source, for the keys.
    std::vector<std::uint32_t> next_log_;  ///< By source, in turn.
    std::vector<std::uint32_t> next_open_;
    std::vector<std::uint32_t> revokes_;
    std::uint32_t revokes_done_ = 0;
};

}  // namespace holdfast::sim

// Two stores: the dead letters, and the checkpoint (staged, written, synced).
//
// Rule 1: dead letters answer ok only for what is durable.
// Rule 2: at a crash a checkpoint that was written but not synced is kept, or not (a torn one
// counts
//         as not: its checksum is wrong, and the other slot holds).
// Rule 3: after a failed sync no later sync of the same write makes anything durable.
#pragma once

#include <vector>

#include "sim/stage.hpp"

namespace holdfast::sim {

class FakeDeadLetters {
public:
    explicit FakeDeadLetters(Stage& stage) : stage_(stage) {}
    void write(std::uint32_t attempt);
    void answer_due(const Occurrence& what);

private:
    void apply(Attempt& a);
    Stage& stage_;
};

/// What a checkpoint says. Positions and leads by log; -1: nothing.
struct CheckpointTruth {
    std::vector<std::int64_t> position;
    std::vector<std::int64_t> lead;  ///< [log * 8 + sink]
    std::vector<std::int64_t> mark;  ///< By sink.
    bool valid = false;
};

class FakeCheckpoint {
public:
    explicit FakeCheckpoint(Stage& stage) : stage_(stage) {}
    void begin();

    void stage(const StageSink& stage);
    void stage(const StagePosition& stage);
    void stage(const StageLead& stage);
    void write(const WriteCheckpoint& write);
    void sync(const SyncCheckpoint& sync);
    void written_due(const Occurrence& what);
    /// True if the durable checkpoint is another one now.
    bool synced_due(const Occurrence& what);
    /// True if the durable checkpoint is another one now.
    bool crash();

    const CheckpointTruth& durable() const { return durable_; }
    const CheckpointTruth& staged() const { return staged_; }
    bool in_flight() const { return written_.valid; }

private:
    Stage& stage_;
    CheckpointTruth staged_;
    CheckpointTruth written_;  ///< In the other slot, not synced.
    CheckpointTruth durable_;
    std::uint32_t writes_ = 0;
    bool landed_ = false;    ///< The bytes of `written_` are in the page cache.
    bool poisoned_ = false;  ///< A sync of it has failed.
};

}  // namespace holdfast::sim

// Sinks that accept, accept in part, refuse, time out, lie about time-outs, and forget on a crash.
//
// Rule 1: what a sink holds is in the ledger; what it says is an event, and the two may differ only
//         where it says `ambiguous` or says nothing in time.
// Rule 2: a sink with a mark is a file: a write that was cancelled before it was answered never
//         grows it, and it is cut to the checkpoint's mark at a restart.
#pragma once

#include <array>
#include <span>

#include "sim/stage.hpp"

namespace holdfast::sim {

class FakeSinks {
public:
    explicit FakeSinks(Stage& stage) : stage_(stage) {}

    /// `items` are the units that the parts stand for.
    void write(const WriteToSink& write, std::uint32_t attempt);
    void cancel(std::uint32_t attempt);
    void sync(const SyncSink& sync);

    void apply_due(const Occurrence& what);
    void answer_due(const Occurrence& what);
    void sync_due(const Occurrence& what);

    /// The process is gone: unsynced contents are kept, or lost, or some of them.
    void crash();
    /// A restart: files are cut to their marks. False if a file is shorter than its mark.
    bool recover(std::uint32_t sink, std::uint32_t mark);

private:
    void plan(Attempt& a, const WriteToSink& write);
    bool plan_dead(Attempt& a);
    void turn(const Attempt& a);
    void say_twice(const Attempt& a, std::uint32_t begin, std::uint32_t end);
    void babble(const Attempt& a);
    bool plan_poison(Attempt& a);
    void plan_partial(Attempt& a, std::uint64_t n);
    void schedule(const Attempt& a, std::uint32_t index, std::uint64_t n);
    void apply(Attempt& a);
    void excuse(Attempt& a);

    Stage& stage_;
    std::array<bool, 8> sync_broken_{};
    std::array<std::uint32_t, 8> syncing_{};
};

}  // namespace holdfast::sim

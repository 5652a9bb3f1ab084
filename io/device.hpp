// What the runner knows of devices: effects go in, events come out through Events.
//
// Rule 1: a device answers each effect exactly once, through Events::push, from within Ring::run or
//         at once. It never calls the engine.
// Rule 2: a device may use a batch's bytes from the effect that names them until its answer, and
//         beyond (a cancelled write that the kernel still holds) only while it holds the batch:
//         Payloads::hold before, Payloads::drop after.
// Rule 3: everything runs on the ring's thread.
#pragma once

#include <deque>
#include <span>
#include <string>

#include "core/model/effect.hpp"
#include "core/model/event.hpp"
#include "io/task.hpp"

namespace holdfast::io {

/// Where devices put their answers; the runner feeds them to the engine in this order.
class Events {
public:
    virtual ~Events() = default;
    /// Virtual for devices that stand before others and change what these answer.
    virtual void push(const Event& event) { queue_.push_back(event); }
    bool empty() const { return queue_.empty(); }
    Event pop() {
        Event event = queue_.front();
        queue_.pop_front();
        return event;
    }

private:
    std::deque<Event> queue_;
};

class Source {
public:
    virtual ~Source() = default;
    /// Assigns what a restart already knows, begins discovery. Called once, first.
    virtual void start() = 0;
    virtual void pull(const Pull& pull) = 0;
    /// Only for CommitMode::source.
    virtual void commit(const CommitPosition& commit) = 0;
    virtual void revoke_done(const RevokeDone& done) = 0;
};

class Sink {
public:
    virtual ~Sink() = default;
    /// Prepares (opens, truncates to the checkpoint's mark). Called once, first; writes may follow
    /// at once and are queued by the device until it is ready.
    virtual void start() = 0;
    virtual void write(const WriteToSink& write, std::span<const Part> parts) = 0;
    virtual void cancel(const CancelWrite& cancel) = 0;
    /// Only for SinkConfig::needs_sync.
    virtual void sync(const SyncSink& sync) = 0;
};

class DeadLetters {
public:
    virtual ~DeadLetters() = default;
    virtual void start() = 0;
    virtual void write(const WriteDeadLetters& write, std::span<const Part> parts) = 0;
};

class Checkpoints {
public:
    virtual ~Checkpoints() = default;
    /// Says what a partition slot stands for, before its first StagePosition; what the loaded
    /// checkpoint says of this (source, key) is carried on until then. `key` is the source's own.
    /// Bound again with the same epoch: the partition's key has changed, what is known moves along.
    virtual void bind(SourceId source, PartitionId partition, Epoch epoch, std::string key) = 0;
    /// The partition will never be read again (its file is gone and settled): leave it out.
    virtual void unbind(PartitionId partition, Epoch epoch) = 0;
    virtual void stage(const StageSink& stage) = 0;
    virtual void stage(const StagePosition& stage) = 0;
    virtual void stage(const StageLead& stage) = 0;
    /// What stands before `position`, the end of a batch, in its source's own words. In a checkpoint
    /// the key begins with the seal of the highest position that the partition's own one or a lead
    /// has reached: so a restart sees whether the bytes that were delivered are still there.
    virtual void seal(PartitionId partition, Epoch epoch, Position position,
                      std::string words) = 0;
    /// A look of this source at all of its folders has ended; it began then, in wall time. A restart
    /// looks for what came since.
    virtual void looked(SourceId source, std::int64_t begun_ns) = 0;
    /// The position that a checkpoint written now would hold. Requires: it is bound.
    virtual Position staged(PartitionId partition, Epoch epoch) const = 0;
    virtual void write(const WriteCheckpoint& write) = 0;
    virtual void sync(const SyncCheckpoint& sync) = 0;
    /// Makes what is staged durable now, between the engine's orders.
    virtual Task<StoreOutcome> save() = 0;
};

}  // namespace holdfast::io

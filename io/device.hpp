// What the runner knows of devices: effects go in, events come out through Events.
//
// Rule 1: a device answers each effect exactly once, through Events::push, from within Ring::run or
//         at once. It never calls the engine.
// Rule 2: a device may use a batch's bytes from the effect that names them until its answer, and
//         beyond (a cancelled write that the kernel still holds) only while it holds the batch:
//         Payloads::hold before, Payloads::drop after.
// Rule 3: everything runs on the ring's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>

#include "core/data/checkpoint.hpp"
#include "core/model/effect.hpp"
#include "core/model/event.hpp"
#include "io/ring.hpp"
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

enum class DeviceState : std::uint8_t {
    opening,  ///< Not ready; if it takes long, the log says why.
    ready,
    refused,  ///< Will never be ready, or never again: see problem().
    broken,   ///< Was ready; only a restart from the checkpoint helps: see problem().
};

/// What a source did not read of what was asked for.
struct LeftOut {
    std::uint64_t unreadable = 0;        ///< Files and folders that cannot be read or listed.
    std::uint64_t compressed = 0;        ///< Files that were refused since they are compressed.
    bool gave_up = false;                ///< It ended without those that are unreadable,
    Duration patience{};                 ///< after so long.
    std::string example;                 ///< One of those: its path and why.
    std::uint64_t unfinished = 0;        ///< Records that were begun, never ended, and dropped;
    std::uint64_t unfinished_bytes = 0;  ///< so much of them.
    std::string failed;  ///< What it read from failed at its end, and how. Empty: it did not.
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

    /// The pipeline is to stop: nothing more is taken from outside. What was taken already is given
    /// away at pulls, as far as it is whole or a policy says what becomes of it. For sources that
    /// cannot be read again; the others have nothing to do.
    virtual void take_no_more() {}
    /// After take_no_more(): nothing waits to be given away.
    virtual bool has_given_all() const { return true; }

    /// Why Fate::stop was answered, where it wasn't for an oversized record. For the user.
    virtual const std::string& problem() const = 0;
    /// For progress: bytes known to be unread; nothing where that cannot be known.
    virtual std::optional<std::int64_t> unread() const { return std::nullopt; }
    /// What was asked for and is not read; once the source has ended, what it ended without.
    virtual LeftOut left_out() const { return {}; }
    /// Whether it has this file open.
    virtual bool reads(const FileStat&) const { return false; }
    /// The one file that all of it comes from; null: none, or many.
    virtual const FileStat* file() const { return nullptr; }
};

/// What became of the bytes that stood behind a mark.
struct KeptRecords {
    std::uint64_t again = 0;  ///< Records that stood there already when they came again.
    std::uint64_t aside = 0;  ///< Records that were set aside: see docs/configuration.md.
    std::int64_t aside_bytes = 0;
    std::string aside_path;    ///< The last file of them.
    std::uint64_t behind = 0;  ///< Records that still stand there, at the end.
    std::int64_t behind_bytes = 0;
};

/// Of a sink of which a position says how much it has: a restart goes on there (SinkConfig::has_mark).
class Marks {
public:
    virtual ~Marks() = default;
    /// Requires: the sink was ready once.
    virtual std::int64_t mark() const = 0;
    /// What the place is known by at a mark that was answered, or that it began with, since the last
    /// call; it forgets the marks before that one.
    virtual CheckpointFile known_at(std::int64_t mark) = 0;
    /// From now on records are read by what the checkpoint says. What turns out to be begun anew
    /// while it is opened then breaks the sink instead: its mark must be durable first.
    virtual void rely_on_mark() = 0;
    /// Nothing that this process wrote stands beyond mark(), and it knows no other bytes there.
    virtual bool is_clean() const = 0;
    virtual const KeptRecords& kept() const = 0;
    /// Once more at an end, for the balance: what of kept() came again, and what stands behind.
    virtual Task<> look_again() = 0;
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

    virtual DeviceState state() const { return DeviceState::ready; }
    /// Notified when state() changes; null: it never does.
    virtual Signal* changed() { return nullptr; }
    /// For the user: what is wrong, and what to do.
    virtual std::string problem() const { return {}; }
    /// The file that it writes; null while it has none.
    virtual const FileStat* file() const { return nullptr; }
    /// null: it has none. The same for ever.
    virtual Marks* marks() { return nullptr; }
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
    virtual void seal(PartitionId partition, Epoch epoch, Position position, std::string words) = 0;
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

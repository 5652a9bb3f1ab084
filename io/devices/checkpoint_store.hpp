// The checkpoint on disk: two slot files, of which one is always whole.
//
// Rule 1: the newest slot that is known to be durable is never touched. Durable is what a sync of
//         this process answered ok to, nothing else: what a start reads may be only in the page
//         cache, there after a killed process or a failed sync but gone after a power loss.
// Rule 2: the other slot is overwritten in place only while rule 1's slot exists and the other one
//         was itself durable once in this process. Then a torn write leaves rule 1's slot.
// Rule 3: in all other cases (the first write after a start, a slot that is absent, or one whose
//         sync failed) a whole new file is written, synced, renamed over the slot, and the
//         directory synced. Until then both slots are what they were. So no sync that follows a
//         failed one is believed for the same file, and a crash in the very first write leaves a
//         fresh start and not two damaged slots.
// Rule 4: each write has a higher sequence number than anything seen in any slot; numbers of the
//         engine are only for its answers.
// Rule 5: a checkpoint is what was staged when it was ordered, though it may be written later.
// Rule 6: a start with a damaged slot and a valid one uses the valid one (a crash tears only the
//         slot that doesn't count). It fails closed, and nothing is overwritten, if every slot that
//         has bytes is damaged, if one can't be read, is foreign, or is of a newer program.
// Bound: memory for all partitions that were ever bound and not unbound, and for each write that
//         waits its bytes (the engine orders one at a time). Staging is O(1).
// Doesn't know: who may use the directory (data_dir.hpp), what a partition's key means.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/data/checkpoint.hpp"
#include "io/device.hpp"
#include "io/devices/files.hpp"
#include "io/log.hpp"

namespace holdfast::io {

struct CheckpointLoad {
    enum class State : std::uint8_t {
        failed,  ///< Don't go on: see `problem`.
        fresh,   ///< Nothing was ever written.
        found,   ///< See `checkpoint`.
    };
    State state = State::failed;
    Checkpoint checkpoint;
    std::int64_t written_ns = INT64_MAX;  ///< With found: when, in wall time.
    /// The files that the slots were; links to them stay when a slot is replaced.
    std::vector<FileStat> slots;
    bool foreign = false;  ///< With failed: it is another pipeline's.
    std::string problem;   ///< For the user: what is wrong, and what to do.
};

class CheckpointStore : public Checkpoints {
public:
    /// The key under which a source's last look stands: its position is the time.
    static constexpr std::string_view look_key = "l";

    struct Config {
        std::string data_dir;              ///< Exists.
        std::string pipeline;              ///< What a checkpoint must say that it is for.
        std::vector<std::string> sources;  ///< Names, by SourceId.
        std::vector<std::string> sinks;    ///< Names, by SinkId.
        /// Whether a checkpoint that says `found` may be continued by `ours`. Empty: if equal.
        std::function<bool(std::string_view found, std::string_view ours)> continues;
        /// The directory is gone: makes it anew, and ours. False: don't try. Empty: never.
        std::function<bool()> make_again;
    };

    CheckpointStore(Ring& ring, Events& events, Log log, Config config);

    /// Reads the newest valid checkpoint and carries it on. Once, before anything else.
    Task<CheckpointLoad> load();

    /// What the sink's file is known by at the mark that was staged last. A mark that is staged
    /// without it is one of which nothing is known but the length.
    void know(SinkId sink, const CheckpointFile& file);
    /// Nothing is being written or synced.
    bool is_idle() const { return !busy_; }

    void bind(SourceId source, PartitionId partition, Epoch epoch, std::string key) override;
    void unbind(PartitionId partition, Epoch epoch) override;
    void seal(PartitionId partition, Epoch epoch, Position position, std::string words) override;
    void looked(SourceId source, std::int64_t begun_ns) override;
    void stage(const StageSink& stage) override;
    void stage(const StagePosition& stage) override;
    void stage(const StageLead& stage) override;
    Position staged(PartitionId partition, Epoch epoch) const override;
    void write(const WriteCheckpoint& write) override;
    void sync(const SyncCheckpoint& sync) override;
    /// Never between an order to write and the one to sync. At the start: so that the marks of sinks
    /// that are new are durable before their first write.
    Task<StoreOutcome> save() override;

    /// What a write at this moment would hold; its sequence number is the last one used.
    Checkpoint staged() const;

private:
    struct Lead {
        std::size_t sink = 0;  ///< Into sinks_.
        std::int64_t position = 0;
    };
    struct Seal {
        std::int64_t position = 0;
        std::string words;
    };
    struct Partition {
        std::int64_t position = 0;  ///< 0 if only leads were ever staged.
        std::vector<Lead> leads;
        std::vector<Seal> seals;  ///< Ascending; only the first one may be reached.
        bool known = false;       ///< Something was staged or loaded.
    };
    using Partitions = std::map<std::pair<std::string, std::string>, Partition>;
    struct Binding {
        Epoch epoch;
        Partitions::iterator entry;
        bool bound = false;
    };
    struct NamedMark {
        std::string name;
        std::optional<std::int64_t> mark;
        CheckpointFile file = {};  ///< Of that mark.
    };
    struct Slot {
        std::string path;
        int fd = -1;
        std::int64_t size = 0;
        bool in_place = false;  ///< Was durable in this process: rule 2.
    };
    struct SlotRead {
        std::int64_t error = 0;  ///< Negated errno, or 0.
        CheckpointFault fault = CheckpointFault::empty;
        std::optional<Checkpoint> checkpoint;
        std::optional<FileStat> file;
    };
    struct Order {
        std::uint64_t sequence = 0;    ///< The engine's.
        std::vector<std::byte> bytes;  ///< Of a write; a sync has none.
    };

    static constexpr std::size_t no_slot = 2;

    static std::int64_t reach(const Partition& partition);
    static void reached(Partition& partition);
    Binding* find(PartitionId partition, Epoch epoch);
    std::size_t sink_index(const std::string& name);
    void adopt(const Checkpoint& checkpoint);
    std::string problem_of(const std::array<SlotRead, 2>& read) const;
    void encode_staged(std::vector<std::byte>& out) const;
    std::vector<std::byte> next_bytes();
    void order(Order order);

    Task<SlotRead> read_slot(const std::string& path);
    Task<> serve();
    Task<std::int64_t> write_bytes(std::span<const std::byte> bytes);
    Task<std::int64_t> write_in_place(Slot& slot, std::span<const std::byte> bytes);
    Task<std::int64_t> write_replacement(std::span<const std::byte> bytes);
    Task<std::int64_t> make_durable();
    Task<std::int64_t> put_in_place(Slot& slot);
    Task<> discard_replacement();
    void say_failed(std::string_view what, std::int64_t result);
    void say_healed();

    Ring& ring_;
    Events& events_;
    Log log_;
    Config config_;
    Partitions partitions_;
    std::vector<Binding> bindings_;
    std::vector<NamedMark> sinks_;

    std::array<Slot, 2> slots_;
    Slot replacement_;               ///< checkpoint.new while it is being written.
    std::size_t keep_ = no_slot;     ///< Rule 1's slot; after load, the newest valid one.
    bool keep_is_durable_ = false;   ///< False after load.
    std::size_t written_ = no_slot;  ///< The slot that the last write was for, if it went well.
    std::uint64_t sequence_ = 0;
    std::size_t encoded_ = 0;  ///< Bytes of the last one.

    std::deque<Order> orders_;
    bool busy_ = false;
    Signal idle_;           ///< Nothing is under way, and what was written is synced.
    bool failing_ = false;  ///< Was logged.
    Scope scope_;
};

}  // namespace holdfast::io

// What a kind of source or sink is to those that know no kind: its keys, its words, its promises,
// and how a device of it is made. One object a kind; registry.hpp lists them.
//
// Rule 1: nothing outside a kind's folder names it, but the list (registry.cpp).
// Rule 2: every sentence about a kind comes from here; the rest of the program only joins them.
// Lives: kinds live as long as the process. They hold no state: all of it is in settings and devices.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/data/checkpoint.hpp"
#include "io/component/row.hpp"
#include "io/component/settings.hpp"
#include "io/component/values.hpp"
#include "io/device.hpp"
#include "io/devices/give_batch.hpp"
#include "io/devices/look_turn.hpp"
#include "io/devices/partition_slots.hpp"
#include "io/devices/socket_address.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/sink_words.hpp"

namespace holdfast::io {

/// A path that a kind reads or writes, and the key that says so.
struct PathClaim {
    std::string_view key;
    std::string path;
};

/// Where a kind listens or connects to, and the key that says so.
struct AddressClaim {
    std::string_view key;
    SocketAddress address;
    bool datagrams = false;  ///< Else streams.
    bool meets(const AddressClaim& other) const {
        return datagrams == other.datagrams && address.meets(other.address);
    }
};

/// What a source gets from the pipeline that it is made for.
/// Lives: all references as long as the device.
struct SourceContext {
    SourceId id;
    const SourceSettings& settings;
    Ring& ring;
    Payloads& payloads;
    Events& events;
    Checkpoints& checkpoints;
    PartitionSlots& slots;
    Log log;
    std::uint32_t line_max = 0;  ///< max_line, as far as memory allows it.
    StreamSettings stream;
    bool transformed = false;                  ///< Its batches get room for what is added to them.
    int fd_limit = 0;                          ///< Descriptors from here on are left to others.
    std::map<std::string, SinkId> sinks;       ///< By identity: for the leads in `records`.
    std::vector<CheckpointPartition> records;  ///< What the loaded checkpoint says of this source.
    std::int64_t recorded_ns = INT64_MAX;      ///< When it was written; wall time, or unknown.
    std::int64_t looked_ns = INT64_MAX;        ///< When it says that the last look began; likewise.
    /// As what this pipeline writes that file, or empty if it doesn't.
    std::function<std::string(const FileStat&)> written_as;
    std::function<void(std::string problem)> refuse;  ///< The config is wrong: the pipeline ends.
};

/// What a source may hold of memory beside the records.
struct SourceMemory {
    std::uint64_t carried = 0;   ///< Of what is no whole record yet.
    std::uint64_t unpacked = 0;  ///< Of compressed files.
};

/// What may be asked of a path from a source to a sink.
enum class Promise : std::uint8_t {
    at_least_once,  ///< Each record comes, or is in the dead letters, whatever dies and whenever.
    exactly_once,   ///< And it is there once.
    power_loss,     ///< And so when the power fails, not only a process.
    order,          ///< Records of a partition come in their order.
};

/// A promise that does not hold, the key that makes it so, and why: half a sentence.
struct Weakness {
    Promise promise{};
    std::string_view key;
    std::string why;
};

/// What all kinds have.
class Kind {
public:
    virtual ~Kind() = default;
    /// As in `type = "file"`, and in the checkpoint.
    virtual std::string_view name() const = 0;
    /// What it is, in half a sentence, for the key `type`: "files, tailed or read once".
    virtual std::string_view doc() const = 0;
    /// Its own keys.
    virtual std::span<const Row> rows() const = 0;
    /// Its settings: what the values say, or (null: they were wrong) all defaults.
    virtual std::shared_ptr<KindSettings> settings(const Values* values,
                                                   const std::filesystem::path& folder) const = 0;
    /// A pipeline has one of it at most.
    virtual bool is_single() const { return false; }
    /// Descriptors that a device of it may need, at least.
    virtual int descriptors(const KindSettings&) const { return 1; }
};

class SourceKind : public Kind {
public:
    /// "stdin": what it reads can be read once only. Empty: a restart reads again what was not
    /// delivered.
    virtual std::string_view once() const { return {}; }
    bool is_replayable() const { return once().empty(); }
    /// "files /var/log/*.log", for `validate`.
    virtual std::string words(const SourceSettings& source) const = 0;
    /// What contradicts itself.
    virtual void check(const SourceSettings&, const Values&, const Complain&) const {}
    /// What holds where there is a [dead_letters], or none.
    virtual std::vector<std::string> warnings(const SourceSettings&, bool) const { return {}; }
    /// Patterns of what it reads.
    virtual std::vector<PathClaim> reads(const SourceSettings&) const { return {}; }
    /// Whether it would read this path by that pattern of reads().
    virtual bool reads(const SourceSettings&, const std::string&, const std::string&) const {
        return false;
    }
    /// Where it listens: nobody else in the pipeline does, and no sink connects there.
    virtual std::optional<AddressClaim> listens(const SourceSettings&) const {
        return std::nullopt;
    }
    /// Partitions that it may have at the same time; nothing: nobody knows.
    virtual std::optional<std::uint64_t> partitions(const SourceSettings&) const { return 1; }
    /// It comes to an end by itself, and knows how much there is to read.
    virtual bool is_finite(const SourceSettings&) const { return false; }
    /// `block` is the largest of the pool.
    virtual SourceMemory memory(const SourceSettings&, std::uint64_t block) const = 0;
    virtual std::unique_ptr<Source> make(SourceContext context) const = 0;
};

/// What the engine and the runner must know of a sink.
struct SinkTraits {
    bool has_mark = false;    ///< A position says how much it has; see Marks.
    bool needs_sync = false;  ///< It is asked before a checkpoint.
    bool syncs_data = false;  ///< And that takes its data to a disk.
    bool keeps = true;        ///< Records that it took are somewhere.
    bool repeats = true;      ///< After a crash it may have records twice.
    std::uint32_t writes_max = 1;
};

/// Lives: all references as long as the device.
struct SinkContext {
    SinkId id;
    const SinkSettings& settings;
    Ring& ring;
    Payloads& payloads;
    Events& answers;
    Log log;
    const CheckpointSink* known = nullptr;  ///< What the loaded checkpoint says of it.
    std::optional<std::int64_t> mark;       ///< The mark in it.
    LookTurn& look_turn;
    std::string set_aside;  ///< The folder for what is set aside.
    SinkWords& words;
};

class SinkKind : public Kind {
public:
    virtual SinkTraits traits(const SinkSettings& sink) const = 0;
    /// What makes it this sink and no other, in the checkpoint: "file /var/out.jsonl".
    virtual std::string identity(const SinkSettings& sink) const = 0;
    /// "file /var/out.jsonl", for `validate`.
    virtual std::string words(const SinkSettings& sink) const = 0;
    /// What a source would read that reads what this writes: `the output of sink "a" (/out)`.
    virtual std::string output_words(const SinkSettings& sink) const { return words(sink); }
    /// The path that it writes.
    virtual std::optional<PathClaim> writes(const SinkSettings&) const { return std::nullopt; }
    /// Where it connects to.
    virtual std::optional<AddressClaim> connects(const SinkSettings&) const { return std::nullopt; }
    /// What holds of sources that can be read again; `window`: between two checkpoints.
    virtual std::string promise(const SinkSettings& sink, const std::string& window) const = 0;
    /// How far "delivered" goes, where that is not all the way: "; ...", or nothing.
    virtual std::string reach(const SinkSettings&) const { return {}; }
    /// What holds when the power fails: "; on the disk before ...", or nothing.
    virtual std::string durability(const SinkSettings&) const { return {}; }
    virtual std::vector<std::string> warnings(const SinkSettings&) const { return {}; }
    /// What does not hold of it by itself. What breaks a promise breaks those that say more, too.
    virtual std::vector<Weakness> weaknesses(const SinkSettings& sink) const = 0;
    /// Some source of it can be read once only (SourceKind::once): a promise that cannot be kept is
    /// not made by default, and what was asked for and can't be is said.
    virtual void weaken(SinkSettings&, const Values&, std::string_view, const Complain&) const {}
    /// What contradicts itself.
    virtual void check(const SinkSettings&, const Values&, const Complain&) const {}
    virtual std::unique_ptr<Sink> make(SinkContext context) const = 0;
};

/// A restart can read again what was read before.
inline bool is_replayable(const SourceSettings& source) { return source.kind->is_replayable(); }

}  // namespace holdfast::io

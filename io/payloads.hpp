// The bytes of the batches in memory. The engine knows them by BatchId; devices read them here.
//
// Rule 1: all of it lives in one region of BlockPool, whose size is the memory limit.
// Rule 2: a payload's block goes back to the pool when the engine has released the batch and no
//         device holds it any more.
// Rule 3: a batch's bytes never change after put(), but by its transform, before it answers.
// Rule 4: a slice has a handle and a payload of its own; where it points into its batch's bytes,
//         these stay as long as it does.
// Bound: batches_max payloads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/codec/record_scan.hpp"
#include "core/model/effect.hpp"
#include "core/model/event.hpp"
#include "core/model/ids.hpp"
#include "core/record/packed.hpp"

namespace holdfast::io {

/// Buddy allocator over one mapped region: blocks of 4 KiB times a power of two. Its blocks are
/// what `held` counts in BatchPulled, so leases and real memory agree.
class BlockPool {
public:
    static constexpr std::uint32_t block_min = 4096;

    /// Maps `bytes` (rounded up to a multiple of `block_max`, a power of two). Aborts if it cannot.
    BlockPool(std::uint64_t bytes, std::uint32_t block_max);
    ~BlockPool();
    BlockPool(const BlockPool&) = delete;

    /// A block of at least `bytes`; empty if the pool has none. Its size is a power of two.
    /// Requires bytes <= block_max().
    std::span<std::byte> take(std::uint32_t bytes);
    /// Keeps the first `bytes` of a block (rounded up to a power of two) and frees the rest.
    std::span<std::byte> shrink(std::span<std::byte> block, std::uint32_t bytes);
    void give_back(std::span<std::byte> block);

    std::span<std::byte> region() const { return region_; }
    std::uint32_t block_max() const { return block_max_; }
    std::uint64_t used() const { return used_; }

private:
    static constexpr std::uint32_t none = UINT32_MAX;
    /// One for each smallest block; it speaks for the block that begins there, if one does.
    struct Node {
        std::uint32_t next = none;
        std::uint32_t previous = none;
        std::uint8_t order = 0;
        bool head = false;  ///< A block, free or taken, begins here.
        bool free = false;
    };

    std::uint32_t order_of(std::uint64_t bytes) const;
    std::uint32_t index_of(const std::byte* at) const;
    void push(std::uint32_t index, std::uint32_t order);
    void unlink(std::uint32_t index);
    void merge(std::uint32_t index, std::uint32_t order);

    std::span<std::byte> region_;
    std::uint32_t block_max_;
    std::uint64_t used_ = 0;
    std::vector<std::uint32_t> free_;  ///< By order: the first free block of 4096 << order bytes.
    std::vector<Node> nodes_;
};

using codec::Framing;

/// One batch's bytes: its records side by side, each with its newline, save perhaps the last; or as
/// codec/record_scan.hpp says.
struct Payload {
    std::span<std::byte> block;  ///< From the pool; `bytes` lies in it. Empty: a slice.
    std::span<const std::byte> bytes;
    std::uint32_t records = 0;
    bool terminated = true;  ///< The last record ends with its newline.
    SourceId source;
    PartitionId partition;
    Position first;
    Position next;  ///< Of packed records: after the batch; of others it follows from the bytes.
    Fate fate = Fate::deliver;
    Framing framing = Framing::lines;
    std::string why;  ///< Of Fate::unreadable: for the dead letter.
};

/// The outputs of a slice that some sinks share, side by side, each with its newline; or the records
/// of its dead letters.
struct OutputRun {
    std::span<const std::byte> bytes;
    std::uint32_t records = 0;
    bool terminated = true;
    /// By output: the offset of its record in the batch. Empty: the bytes are the batch's own.
    std::span<const std::uint32_t> origins;
    /// What outputs have beside their payloads: flow::Stream::heads(). Empty: nothing, or they are
    /// packed.
    std::span<const std::byte> heads;
    std::span<const std::uint32_t> head_at;
    Framing framing = Framing::lines;
};

/// Why a transform made a record a dead letter.
struct DeadReason {
    std::uint32_t transform = 0;
    std::uint32_t text = 0;  ///< Index into Outputs::texts.
    Reason reason = Reason::failed;
};

/// What a transform made of a slice. The runs point into the block, the heap, or the batch.
struct Outputs {
    std::span<std::byte> block;                ///< From the pool; empty: none of its own.
    std::vector<std::vector<std::byte>> heap;  ///< Where the pool had no room.
    std::vector<std::vector<std::uint32_t>> heap_numbers;
    std::vector<OutputRun> runs;
    std::span<const std::uint8_t> run_of_sink;  ///< By sink. Lives: as long as the payloads.
    OutputRun dead;
    std::vector<DeadReason> why;  ///< By record of `dead`.
    std::vector<std::string> texts;
    bool uses_batch = true;  ///< Some run points into the batch's bytes.
};

/// Bytes to write for a Part. A sink of lines appends a newline where `terminated` is false.
struct Slice {
    std::span<const std::byte> bytes;
    bool terminated = true;
};

/// One record of a part, for those who look at each.
struct RecordView {
    std::span<const std::byte> bytes;  ///< The payload, without the newline that ends a line.
    std::optional<std::span<const std::byte>> key;  ///< None: it is null.
    std::span<const std::byte> headers;             ///< packing::HeaderWalk; empty: none.
    std::optional<std::int64_t> timestamp;          ///< In milliseconds since 1970.
    Position position;                ///< Of the record of the source that it is, or is made of.
    const DeadReason* why = nullptr;  ///< Where a transform made it a dead letter.
};

/// The records of a part, in order.
class RecordWalk {
public:
    /// False at the end.
    bool next(RecordView& record);

private:
    friend class Payloads;
    bool next_framed(RecordView& record);
    void place(RecordView& record);
    static void take_extras(const packing::Extras& extras, RecordView& record);

    std::span<const std::byte> rest_;
    std::optional<codec::RecordScan> scan_;  ///< Where the records are no lines.
    Position position_;                      ///< Of rest_, where there are no origins.
    Position first_;                         ///< Of the batch.
    std::span<const std::uint32_t> origins_;
    std::span<const std::byte> heads_;
    std::span<const std::uint32_t> head_at_;
    std::span<const DeadReason> why_;
    Framing framing_ = Framing::lines;
};

class Payloads {
public:
    Payloads(BlockPool& pool, std::uint32_t batches_max);

    /// Before BatchPulled is pushed. Requires: the slot's last batch was released (a device may
    /// still hold it).
    void put(BatchId batch, const Payload& payload);
    /// Requires: the batch is there.
    const Payload& at(BatchId batch) const;
    /// A slice of the batch, so many records in [begin, end) of its bytes, gets a payload under its
    /// own handle.
    void put_slice(BatchId slice, BatchId batch, std::size_t begin, std::size_t end,
                   std::uint32_t records);
    /// False once the engine has released it and no device holds it.
    bool present(BatchId batch) const;
    /// What the slice's transform made of it. Without `uses_batch` a batch that is its own slice
    /// loses its input bytes; its block goes back to the pool, unless the outputs stand in it.
    /// Returns the bytes of the lease that went back.
    std::uint32_t transformed(BatchId slice, std::unique_ptr<Outputs> outputs);
    /// null: none, every sink gets the batch's own records.
    const Outputs* outputs(BatchId slice) const;

    /// The bytes of a run of outputs, begin < end <= records of the part's sink; with no_sink, of
    /// the transform's dead letters or, without any, of the batch's records. Bound: O(1) for a
    /// whole batch, else one scan of it.
    Slice slice(const Part& part) const;
    /// The same, record by record.
    RecordWalk walk(const Part& part) const;
    /// The position at which record `n` of the batch begins (file sources: byte offsets); with the
    /// number of all of them, the one after the batch.
    Position position_of(BatchId batch, std::uint32_t n) const;
    /// The same by the offset of a record in the batch's bytes; their end: after the batch.
    Position position_at(BatchId batch, std::size_t offset) const;
    /// The transforms' names, for dead letters; set once.
    std::vector<std::string> transform_names;

    void hold(BatchId batch);
    void drop(BatchId batch);
    /// ReleaseBatch.
    void release(BatchId batch);

    BlockPool& pool() { return pool_; }

private:
    struct Slot {
        Payload payload;
        std::unique_ptr<Outputs> outputs;
        BatchId parent;  ///< Of a slice; generation 0: none.
        std::uint32_t generation = 0;
        std::uint32_t holds = 0;
        bool present = false;
        bool released = false;
    };
    struct Lingering {
        BatchId batch;
        Slot slot;
    };
    Slot& slot(BatchId batch);
    static Position position_in(const Payload& payload, std::size_t offset);
    const Slot& slot(BatchId batch) const { return const_cast<Payloads*>(this)->slot(batch); }
    Slot& fresh(BatchId batch);
    static const OutputRun* run_of(const Slot& slot, const Part& part);
    bool free_if_unused(Slot& slot);

    BlockPool& pool_;
    std::vector<Slot> slots_;
    /// Released by the engine, which may have given the slot away again, but held by a device.
    std::vector<Lingering> lingering_;
};

}  // namespace holdfast::io

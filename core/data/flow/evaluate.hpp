// Records through the graph: a slice of a batch in, outputs of each stream and dead letters out.
//
// Rule 1: a record goes all its ways through the graph before the next one begins; so each stream
//         keeps the order of the input.
// Rule 2: a slice that may ends early when what is written exceeds Limits::slice_bytes; it has at
//         least one record. What a node makes of one record of the source may have so many bytes
//         for each way on which it gets it; what is more fails there, by policy. A batch that may
//         not end early, and of which a node has made more than Limits::slice_bytes, is given up as
//         a whole (Failure::too_much), or, where that may not be, the node makes no more of it.
// Rule 3: a failure of any kind takes back what that node made of that record, and nothing else:
//         what a stream gets depends only on the nodes between it and its sources.
// Rule 4: a record is at most once among the dead letters, whatever fails in it; what of it went
//         to streams before stays there.
// Rule 5: sampling depends on the record alone (its key, or its place in its partition), so a batch
//         that is read again after a crash is decided as before. throttle and dedupe begin anew.
// Rule 6: a record's key, headers and timestamp go with it through the graph, and with all that is
//         made of it, until a node sets others (Program::extras); its position stays.
// Rule 7: who parses gets no blank line (NodeSpec::skip_blank), and no byte order mark at the head of
//         a partition: from there on the record is without it. All else gets every byte.
// Bound: memory: slice_bytes, and for each stream and program node record_bytes for each way to it.
// Doesn't know: threads (one Evaluator each; one Memory for those that remember), the engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/data/flow/place.hpp"
#include "core/data/flow/plan.hpp"
#include "core/data/flow/recent.hpp"
#include "core/data/flow/stream.hpp"
#include "core/model/outcomes.hpp"

namespace holdfast::flow {

/// What throttle and dedupe nodes remember.
struct Memory {
    explicit Memory(const Plan& plan);
    std::vector<std::optional<Recent>> recent;  ///< By node.
};

struct Limits {
    std::size_t slice_bytes = std::size_t{1} << 20;
    /// By source: what one node may make of one record of it; missing: 1 MiB. decode and encode:
    /// slice_bytes if that is more. Should be at least the longest record.
    std::vector<std::size_t> record_bytes;

    std::size_t record_bytes_of(SourceId source) const {
        return source.index < record_bytes.size() ? record_bytes[source.index]
                                                  : std::size_t{1} << 20;
    }
};

/// What the streams of one slice of this source with so many bytes may come to at most: what counts
/// for the slice's end, all that its last record may add, and the slice's own bytes where a stream
/// kept all of them until then. (A batch that may not end early: that, and slice_bytes for each
/// node.)
std::size_t most_written(const Plan& plan, const Limits& limits, SourceId source,
                         std::size_t input);

/// One slice of a batch.
struct Input {
    SourceId source;
    std::span<const std::byte> bytes;     ///< Of the whole batch.
    std::span<const std::byte> readable;  ///< What may be read: `bytes` and what lies behind them.
    std::size_t begin = 0;                ///< The offset of the slice's first record.
    std::uint32_t records = 0;            ///< Left from there on in the batch.
    std::size_t bytes_max = SIZE_MAX;     ///< Of the input that the slice may take.
    bool may_end_early = false;           ///< Else it takes all the records.
    bool may_be_given_up = false;         ///< Where it becomes too much, to come again in slices.
    std::uint64_t partition = 0;          ///< A number that stands for the partition for ever.
    std::int64_t position = 0;            ///< Of the batch's first byte in its partition.
    std::int64_t next = 0;                ///< Of packed records: the position after the batch.
    std::string_view source_name;         ///< For `$meta`, as `partition`.
    codec::Framing framing = codec::Framing::lines;  ///< Of the batch's bytes; not `one`.
    Instant now{};
    /// Records that a node sets aside without looking at them: they go to the dead letters.
    std::span<const Deadly> deadly;
    Witness* witness = nullptr;  ///< Told of each record; null: of none.

    bool is_packed() const { return framing == codec::Framing::packed; }
    /// The position of the record at this offset, or of what follows the batch.
    std::int64_t position_at(std::size_t offset) const {
        return is_packed() ? packed_position_at(offset)
                           : position + static_cast<std::int64_t>(offset);
    }
    std::int64_t packed_position_at(std::size_t offset) const;
    /// What the slice may take of its partition.
    Stretch stretch() const {
        return {source.index, partition, position_at(begin), position_at(bytes.size())};
    }
};

/// The number that stands for a partition, as `$meta` and dead letters show it: 16 hex digits.
std::string partition_text(std::uint64_t number);

/// What nodes did. `in` = `out` + `dropped` + `blank` + `errors` but for programs, which make any
/// number.
struct NodeCounts {
    std::uint64_t in = 0;
    std::uint64_t out = 0;  ///< Records that left it, by all outputs.
    std::uint64_t dropped =
        0;                    ///< By its condition, rate, threshold or memory; or nobody takes it.
    std::uint64_t blank = 0;  ///< Lines of white space that it did not parse.
    std::uint64_t errors = 0;
    std::uint64_t dead = 0;  ///< Of the errors: dead letters.
    std::uint64_t rejected =
        0;  ///< raw_filter: by a rule; each is also in `out`, `dropped` or `dead`.
    void add(const NodeCounts& other);
};

struct DeadRecord {
    std::uint32_t node = 0;
    std::uint32_t text = 0;  ///< Index into Result::texts.
    Reason reason = Reason::failed;
};

struct Result {
    std::uint32_t records = 0;    ///< Of the input that were evaluated.
    std::size_t begin = 0;        ///< The offset of the first one.
    std::size_t end = 0;          ///< The offset after the last one.
    std::vector<Stream> streams;  ///< By stream of the plan; those that the source reaches count.
    Stream dead;                  ///< The records of the dead letters, as they came.
    std::vector<DeadRecord> why;  ///< Of each of `dead`.
    std::vector<std::string> texts;
    std::vector<NodeCounts> counts;  ///< By node.
    /// A policy "stop", or given up: why, and where: then nothing else of it counts.
    struct Failure {
        std::uint32_t node = 0;
        std::string text;
        std::int64_t position = 0;
        bool too_much = false;  ///< No record is wrong: the batch was given up.
        bool ended = false;     ///< No record is wrong: somebody is in a hurry (Program::heed).
    };
    std::optional<Failure> failure;
};

class Evaluator {
public:
    /// `programs` by node; they are this evaluator's own. Lives: plan and memory as long as it.
    Evaluator(const Plan& plan, Memory& memory, std::vector<NodePrograms> programs,
              const Limits& limits);

    /// Requires: input.records > 0; the slice has so many. Lives: the result's streams, and the
    /// input until they are used.
    void run(const Input& input, Result& result);

    /// Where it is.
    std::shared_ptr<const Place> place() const { return place_; }

private:
    struct Record {
        std::span<const std::byte> text;  ///< Without newline, padding behind it.
        std::size_t origin = 0;           ///< Offset of the input record in the batch.
        std::size_t length = 0;           ///< Of the input's own bytes, newline included; else 0.
        const packing::Extras* extras = nullptr;  ///< Of the input or of a node; null: it has none.

        std::size_t size() const {
            return extras == nullptr ? text.size() : packing::packed_size(*extras, text.size());
        }
    };

    void begin(const Input& input, Result& result);
    void run_lines();
    void run_framed();
    void evaluate_one(const Record& record);
    void evaluate_packed(std::span<const std::byte> bytes, std::size_t at);
    std::span<const std::byte> padded(std::span<const std::byte> text);
    void emit(std::uint32_t port, const Record& record);
    void pass(std::uint32_t node, std::uint32_t port, const Record& record);
    void visit(std::uint32_t node, const Record& record);
    bool has_mark(std::span<const std::byte> text, std::size_t origin) const;
    Record without_mark(const Record& record) const;
    bool leaves_out(std::uint32_t node, const Record& record) const;
    void filter(std::uint32_t node, const Record& record);
    void route(std::uint32_t node, const Record& record);
    void raw_filter(std::uint32_t node, const Record& record);
    void unrouted(std::uint32_t node, const Record& record, std::string_view rule);
    void sample(std::uint32_t node, const Record& record);
    void throttle(std::uint32_t node, const Record& record);
    void dedupe(std::uint32_t node, const Record& record);
    void program(std::uint32_t node, const Record& record);
    Stream* only_stream(std::uint32_t port);
    void spread(std::uint32_t node, const Record& record, std::size_t size);
    void append_to(Stream& stream, const Record& record);
    const packing::Extras* extras_of(std::uint32_t node, const Record& record);
    void keep(std::uint32_t node, const Record& record);
    bool goes_on_without_key(std::uint32_t node, const Record& record);
    bool key_of(std::uint32_t node, const Record& record, Hash128& key);
    Hash128 hash_of_all(const Record& record);
    enum class Room : std::uint8_t { enough, record_full, batch_full };
    Room room_for(std::uint32_t node, std::size_t bytes);
    void too_much(std::uint32_t node, const Record& record, Room room);
    std::size_t most_of(std::uint32_t node) const;
    std::size_t record_limit(std::uint32_t node, SourceId source) const;
    bool has_room(std::size_t length) const;
    ProgramResult run(Program& program, const Record& record, std::vector<std::byte>& out);
    bool fails(std::uint32_t node, const Record& record, const ProgramResult& result);
    void fail(std::uint32_t node, const Record& record, Reason reason, const std::string& text,
              OnError policy);
    bool enter(std::uint32_t node, const Record& record);
    void set_aside(std::uint32_t node, const Record& record, Reason reason, std::string_view text);
    std::size_t written() const;

    const Plan& plan_;
    Memory& memory_;
    std::vector<NodePrograms> programs_;
    Limits limits_;
    const Input* input_ = nullptr;
    Result* result_ = nullptr;
    std::vector<std::vector<std::byte>> scratch_;  ///< By node.
    std::vector<bool> parses_;                     ///< By node: it looks at values.
    std::vector<bool> gives_extras_;               ///< By node: its program does.
    std::vector<packing::Extras> extras_;          ///< By node: those of its last record.
    packing::Extras input_extras_;                 ///< Of the input record, where it is packed.
    std::vector<std::byte> padded_;
    std::vector<std::byte> key_;
    std::string error_;
    std::string partition_;              ///< As text.
    std::size_t input_size_ = 0;         ///< Of the record in its batch, where that is no line.
    std::vector<std::size_t> made_;      ///< By node: of the record so far.
    std::vector<std::size_t> made_all_;  ///< By node: of the whole slice.
    std::size_t why_bytes_ = 0;          ///< Of texts and entries of the dead letters.
    std::shared_ptr<Place> place_ = std::make_shared<Place>();
    bool is_dead_ = false;  ///< The record is among the dead letters.
};

}  // namespace holdfast::flow

// Where a batch ends in a stream that has no lines: what line_cut.hpp is for lines.
//
// Rule 1: a batch ends with a record. There, and at the stream's beginning, nothing needs to be known
//         but the position: such a place is `clean`, and what a checkpoint holds.
// Rule 2: a record over record_max is given away in pieces of record_max bytes (Fate::oversized), and
//         what follows it is read on. An error of the framing ends the stream: all behind the last
//         record is given away in pieces (Fate::unreadable), or the pipeline stops before it.
// Rule 3: within such pieces only what was read since the last clean place tells where one is:
//         StreamPlace keeps it, and resume() finds it again.
// Rule 4: no batch goes beyond `bytes_max`, where a lead is.
// Bound: one pass; a few words of state.
// Doesn't know: files, blocks, formats of records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/codec/record_scan.hpp"
#include "core/data/line_cut.hpp"
#include "core/model/outcomes.hpp"

namespace holdfast::codec {

/// A position in a stream, and what its next bytes go on with.
class StreamPlace {
public:
    enum class Stage : std::uint8_t {
        between,  ///< Records follow.
        inside,   ///< An oversized record goes on.
        broken,   ///< There are no more records: see error.
    };

    /// Requires json_array, msgpack or length.
    explicit StreamPlace(Framing framing) : StreamPlace(framing, 0) {}
    /// A clean place.
    StreamPlace(Framing framing, std::uint64_t position);

    Framing framing() const { return framing_; }
    std::uint64_t position() const { return position_; }
    /// The last place from which a restart can go on, at or before the position.
    std::uint64_t clean() const { return clean_; }
    Stage stage() const { return stage_; }
    /// Where the next batch begins: at the end of the last one, before what was skipped since.
    std::uint64_t begins_at() const { return stage_ == Stage::between ? begins_ : position_; }
    /// Not before here: a lead was skipped, which no batch may span.
    void begin_at(std::uint64_t position) { begins_ = position; }
    /// Of a broken stream.
    const std::optional<FramingError>& error() const { return error_; }

    /// Goes on through bytes that were given away before a restart, as records and in pieces, from a
    /// clean place on. Answers false at `end`, which is where the restart goes on, or once the
    /// stream is broken.
    bool resume(std::span<const std::byte> bytes, std::uint64_t end);

private:
    friend class StreamCutter;

    FramingResult feed(std::span<const std::byte> bytes, std::vector<StreamExtent>& out);
    FramingResult finish();
    std::uint64_t waiting_from() const;
    void limit(std::uint64_t record_max);
    void step(std::span<const std::byte> bytes);
    void breaks(const FramingError& error);

    Framing framing_;
    Stage stage_ = Stage::between;
    std::uint64_t position_;
    std::uint64_t clean_;
    std::uint64_t begins_;
    ArrayFraming array_;  ///< Of json_array, at the position.
    SideBySide values_;   ///< Of msgpack and length, at the position.
    std::optional<FramingError> error_;
};

struct StreamCutRule {
    std::size_t record_max = 0;  ///< > 1. For json_array with the byte that ends it.
    std::uint32_t records_max = UINT32_MAX;
    std::size_t bytes_max = SIZE_MAX;
    bool stop_oversized = false;  ///< Fate::stop rather than oversized.
    bool stop_broken = false;     ///< Fate::stop rather than unreadable.
    bool closed = false;          ///< Nothing can ever follow the bytes.
    bool full = false;            ///< There may be more, but the block is full.
};

struct StreamCut {
    std::size_t begin = 0;  ///< Of the first record.
    /// The end of the last record. Without records: so many bytes hold none, and needn't be kept.
    std::size_t end = 0;
    std::uint32_t records = 0;
    Fate fate = Fate::deliver;
    std::size_t waiting = 0;  ///< So many bytes behind `end` are known to hold no whole record.
    StreamPlace next;         ///< At `end`.
    bool breaks = false;      ///< The error is new: somebody should be told.
};

/// Requires: the bytes are those at the place, and rule.bytes_max > 0.
StreamCut cut_stream(std::span<const std::byte> bytes, const StreamPlace& place,
                     const StreamCutRule& rule);

}  // namespace holdfast::codec

// The records in a batch's bytes, however they stand there.
//
// The bytes of a batch, by its framing:
//   lines       records with their newlines (core/data/framing.hpp does these)
//   json_array  elements, with the comma and white space that stood between them; the bytes begin
//               with an element and end with one, or with a comma
//   msgpack     values side by side
//   one         one record, whatever it is: a piece of something that has no records
// Rule: what is cut here was cut out of a stream before (stream_cut.hpp), so it has no errors.
// Bound: one pass; memory for the records of a few KiB at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/codec/stream_framing.hpp"

namespace holdfast::codec {

enum class Framing : std::uint8_t { lines, json_array, msgpack, one };

/// "json_array"
const char* framing_name(Framing framing);

class RecordScan {
public:
    /// Nothing to scan.
    RecordScan() : RecordScan(Framing::one, {}) {}
    /// Requires framing != lines. Lives: the bytes as long as this.
    RecordScan(Framing framing, std::span<const std::byte> bytes);

    /// The next record, as offsets in the bytes; false at the end.
    bool next(StreamExtent& record);

private:
    void look_on();

    Framing framing_;
    std::span<const std::byte> bytes_;
    std::size_t looked_ = 0;  ///< So many bytes were fed.
    ArrayFraming array_;
    MsgpackFraming values_;
    std::vector<StreamExtent> found_;
    std::size_t given_ = 0;  ///< Of found_.
    bool ended_ = false;
};

/// Where record n begins; bytes.size() if there are no more than n. Requires framing != lines.
std::size_t begin_of_record(Framing framing, std::span<const std::byte> bytes, std::uint64_t n);
/// The records [begin, end) and what stands between them. Requires begin < end <= their number, and
/// framing != lines.
std::span<const std::byte> records_of(Framing framing, std::span<const std::byte> bytes,
                                      std::uint64_t begin, std::uint64_t end);

}  // namespace holdfast::codec

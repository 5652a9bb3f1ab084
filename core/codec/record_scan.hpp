// The records in a batch's bytes, however they stand there.
//
// The bytes of a batch, by its framing:
//   lines       records with their newlines (core/data/framing.hpp does these)
//   json_array  elements, with the comma and white space that stood between them; the bytes begin
//               with an element and end with one, or with a comma
//   msgpack     values side by side
//   one         one record, whatever it is: a piece of something that has no records
//   packed      heads, keys, headers and payloads (core/record/packed.hpp)
//   length      payloads, each behind its size (4 bytes, big endian)
// And what only settings say: `json`, lines of JSON that hold a record each with all that it has
// (envelope.hpp).
// Rule: what is cut here was cut out of a stream before (stream_cut.hpp), so it has no errors.
// Bound: one pass; memory for the records of a few KiB at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/codec/stream_framing.hpp"

namespace holdfast::codec {

/// "json_array"
const char* framing_name(Framing framing);
/// How the bytes stand in a batch, a stream of outputs and a file, where the settings say so.
Framing bytes_of(Framing framing);
/// Whether a record may have a newline within.
bool has_any_bytes(Framing framing);
/// What of a record's bytes in a batch is its payload. Requires: not packed, nor the end of a line.
std::span<const std::byte> payload_in(Framing framing, std::span<const std::byte> record);

class RecordScan {
public:
    /// Nothing to scan.
    RecordScan() : RecordScan(Framing::one, {}) {}
    /// Requires: bytes_of(framing) is it, and not lines. Lives: the bytes as long as this.
    RecordScan(Framing framing, std::span<const std::byte> bytes);

    /// The next record, as offsets in the bytes; false at the end.
    bool next(StreamExtent& record);

private:
    void look_on();
    bool next_packed(StreamExtent& record);

    Framing framing_;
    std::span<const std::byte> bytes_;
    std::size_t looked_ = 0;  ///< So many bytes were fed.
    ArrayFraming array_;
    SideBySide values_;
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

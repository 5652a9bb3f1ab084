// Records that are no lines, side by side in one block: a head of fixed size, the key, the headers,
// then the payload, which may be any bytes.
//
//   u32 size of the whole, u32 flags, u32 size of the key, u32 size of the headers,
//   i64 position, i64 timestamp, key, headers, payload            all of it little endian
//   a header: u32 size of the name, u32 size of the value (none: a null value), name, value
//
// Rule 1: reading is total: of any bytes it says what they are, or that they are no record.
// Rule 2: nothing is allocated for a record; what is read points into the bytes.
// Rule 3: a key that is null is no key; an empty one is a key. Names of headers may come again.
// Bound: a record has less than 4 GiB.
// Doesn't know: batches, streams, formats of payloads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace holdfast::packing {

using Bytes = std::span<const std::byte>;

inline constexpr std::size_t head_size = 32;
inline constexpr std::size_t header_head_size = 8;

/// What a record has beside its payload.
struct Extras {
    std::optional<Bytes> key;               ///< None: it is null.
    Bytes headers;                          ///< As they are packed; empty: none.
    std::optional<std::int64_t> timestamp;  ///< In milliseconds since 1970.
    std::int64_t position = 0;              ///< Of the record in its partition.
};

struct Header {
    Bytes name;
    std::optional<Bytes> value;  ///< None: it is null.
};

/// The headers, one after the other. Total: it ends before the first that is none.
class HeaderWalk {
public:
    explicit HeaderWalk(Bytes headers) : rest_(headers) {}
    bool next(Header& header);
    /// After the last one: whether nothing is left, as it should be.
    bool ended_well() const { return rest_.empty(); }

private:
    Bytes rest_;
};

/// Appends one header to packed headers.
void append_header(const Header& header, std::vector<std::byte>& headers);

struct View {
    Extras extras;
    Bytes payload;
    std::size_t size = 0;  ///< Of the whole record.
};

/// The record that the bytes begin with; none: they begin with no whole record.
std::optional<View> view_of(Bytes bytes);

/// The position of the record that the bytes begin with. Requires: they do.
std::int64_t position_at(Bytes bytes);

/// What it takes.
std::size_t packed_size(const Extras& extras, std::size_t payload);
/// Writes it at the head of `to`; returns packed_size. Requires: there is so much room.
std::size_t pack(const Extras& extras, Bytes payload, std::span<std::byte> to);
/// The same at the end.
void append_packed(const Extras& extras, Bytes payload, std::vector<std::byte>& out);

}  // namespace holdfast::packing

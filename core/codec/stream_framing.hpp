// Records in a stream that has no lines: the elements of one JSON array, or MsgPack values one
// after the other. Where a record begins and ends; nothing is copied, nothing is kept of the bytes.
//
// Rule 1: the stream comes in pieces of any size; the answer doesn't depend on where they are cut.
// Rule 2: what is wrong inside a record is that record's own affair (its parser says it). An error
//         here is of the stream: nothing after it can be told apart. What came before it stands.
// Rule 3: positions are offsets in the stream. The end of a record is where a restart goes on:
//         `first`, or after_record(position).
// Bound: one pass; a few words of state, whatever the records.
// Doesn't know: buffers. Who feeds it keeps the bytes from `waiting_from` on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

namespace holdfast::codec {

/// How records stand in bytes: see record_scan.hpp.
enum class Framing : std::uint8_t { lines, json_array, msgpack, one, packed, json, length };

enum class FramingFault : std::uint8_t {
    not_an_array,      ///< The stream begins with something else than [.
    unexpected_end,    ///< It ends before the array or the record does.
    empty_element,     ///< A comma or ] where an element should begin.
    unbalanced,        ///< A bracket that closes another kind, or none.
    trailing_garbage,  ///< Something follows the array.
    utf_16,            ///< It begins as UTF-16 does: see StreamCut.
    too_long,          ///< A record over the limit begins here, white space behind it included.
};

struct FramingError {
    FramingFault fault = FramingFault::unexpected_end;
    std::uint64_t offset = 0;
    bool operator==(const FramingError&) const = default;
};

/// "unbalanced at byte 17"
std::string error_text(const FramingError& error);

/// Half-open, in the stream.
struct StreamExtent {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    bool operator==(const StreamExtent&) const = default;
};

using FramingResult = std::expected<void, FramingError>;

/// `[a, b, ...]`: elements without the white space around them.
class ArrayFraming {
public:
    /// Requires 0 < record_max <= INT64_MAX.
    explicit ArrayFraming(std::uint64_t record_max) : record_max_(record_max) {}
    /// At the end of a record: a comma or ] comes next.
    static ArrayFraming after_record(std::uint64_t position, std::uint64_t record_max);
    /// Where an element must begin, after white space perhaps.
    static ArrayFraming before_element(std::uint64_t position, std::uint64_t record_max);

    /// The next bytes of the stream; appends the records that end in them, or whose end is known
    /// now. After an error: the same error again.
    FramingResult feed(std::span<const std::byte> bytes, std::vector<StreamExtent>& out);
    /// Nothing follows.
    FramingResult finish();

    /// Another limit from here on.
    void limit(std::uint64_t record_max) { record_max_ = record_max; }

    std::uint64_t offset() const { return offset_; }
    /// The bytes from here on are still needed: the begin of an element, or offset().
    std::uint64_t waiting_from() const { return state_ == State::element ? begin_ : offset_; }

private:
    enum class State : std::uint8_t { first, opened, comma, element, after, closed, failed };

    FramingResult fail(FramingFault fault, std::uint64_t offset);
    bool outside(char c, std::vector<StreamExtent>& out);
    bool inside(char c, std::vector<StreamExtent>& out);
    bool close(char c);
    const char* skip_text(const char* at, const char* end);

    std::uint64_t record_max_;
    std::uint64_t offset_ = 0;
    std::uint64_t begin_ = 0;     ///< Of the element.
    std::uint64_t text_end_ = 0;  ///< After its last byte that is no white space.
    std::uint64_t depth_ = 0;     ///< Brackets open inside the element.
    std::uint64_t braces_ = 0;    ///< Bit n: the one at depth n is a brace. Only for the first 64.
    State state_ = State::first;
    bool quoted_ = false;
    bool escaped_ = false;  ///< The next byte of the string is.
    FramingError error_;
};

/// Values one after the other.
class MsgpackFraming {
public:
    /// Requires 0 < record_max <= UINT32_MAX.
    explicit MsgpackFraming(std::uint64_t record_max, std::uint64_t position = 0)
        : record_max_(record_max), offset_(position), begin_(position) {}
    static MsgpackFraming after_record(std::uint64_t position, std::uint64_t record_max) {
        return MsgpackFraming(record_max, position);
    }

    /// As ArrayFraming's. The byte 0xc1, which is no value, stands as a value of one byte here.
    FramingResult feed(std::span<const std::byte> bytes, std::vector<StreamExtent>& out);
    FramingResult finish();

    void limit(std::uint64_t record_max) { record_max_ = record_max; }

    std::uint64_t offset() const { return offset_; }
    std::uint64_t waiting_from() const { return begin_; }

private:
    static constexpr std::size_t head_max = 9;
    FramingResult fail(FramingFault fault, std::uint64_t offset);
    bool head(const char* at, const char* end, std::size_t& used);

    std::uint64_t record_max_;
    std::uint64_t offset_;
    std::uint64_t begin_;
    std::uint64_t values_ = 0;  ///< Still to come in this record; 0: between records.
    std::uint64_t skip_ = 0;    ///< Bytes of the value that is being stepped over.
    std::array<char, head_max> head_{};
    std::size_t head_size_ = 0;  ///< Bytes of a head that was cut.
    bool failed_ = false;
    FramingError error_;
};

/// Payloads, each behind its size: 4 bytes, big endian.
class LengthFraming {
public:
    static constexpr std::size_t head_size = 4;

    /// Requires 0 < record_max, which counts the size as well.
    explicit LengthFraming(std::uint64_t record_max, std::uint64_t position = 0)
        : record_max_(record_max), offset_(position), begin_(position) {}

    /// As ArrayFraming's.
    FramingResult feed(std::span<const std::byte> bytes, std::vector<StreamExtent>& out);
    FramingResult finish();

    void limit(std::uint64_t record_max) { record_max_ = record_max; }

    std::uint64_t offset() const { return offset_; }
    std::uint64_t waiting_from() const { return begin_; }

private:
    FramingResult fail(FramingFault fault, std::uint64_t offset);

    std::uint64_t record_max_;
    std::uint64_t offset_;
    std::uint64_t begin_;
    std::uint64_t skip_ = 0;  ///< Bytes of the payload that are still to come.
    std::uint32_t size_ = 0;  ///< What came of it.
    std::size_t head_size_ = 0;
    bool failed_ = false;
    FramingError error_;
};

/// The one or the other of those two, whose records stand side by side.
class SideBySide {
public:
    /// Any framing but length is taken for MsgPack.
    SideBySide(Framing framing, std::uint64_t record_max, std::uint64_t position = 0)
        : is_length_(framing == Framing::length),
          values_(record_max, position),
          payloads_(record_max, position) {}

    FramingResult feed(std::span<const std::byte> bytes, std::vector<StreamExtent>& out) {
        return is_length_ ? payloads_.feed(bytes, out) : values_.feed(bytes, out);
    }
    FramingResult finish() { return is_length_ ? payloads_.finish() : values_.finish(); }
    void limit(std::uint64_t record_max) {
        values_.limit(record_max);
        payloads_.limit(record_max);
    }
    std::uint64_t offset() const { return is_length_ ? payloads_.offset() : values_.offset(); }
    std::uint64_t waiting_from() const {
        return is_length_ ? payloads_.waiting_from() : values_.waiting_from();
    }

private:
    bool is_length_;
    MsgpackFraming values_;
    LengthFraming payloads_;
};

}  // namespace holdfast::codec

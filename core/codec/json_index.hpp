// Where JSON's structure is: simdjson's first stage, over one record or over many at a time.
//
// Rule 1: an index stands for each of {}[]:, and for the first byte of each scalar (a string's
//         opening quote), none for what is inside strings. UTF-8 is checked on the way.
// Rule 2: lines are looked at in windows of many records, because a call costs as much as 500
//         bytes. A window that simdjson refuses is looked at again record by record, so that an
//         error is that record's alone. It cannot hide in a window: a string that a line leaves
//         open has its newline in it, which is refused.
// Bound: 4 bytes for each index of the window, or of the longest record until trim().
// Doesn't know: grammar. This is the only unit that knows simdjson's first stage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>

#include "core/codec/fault.hpp"

namespace holdfast::codec {

/// A piece of a batch's bytes.
struct Extent {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
    bool operator==(const Extent&) const = default;
};

/// One record and its structure.
/// Lives: until the next call of the indexer that made it.
struct Indexed {
    const char* text = nullptr;  ///< What the indexes count from.
    std::uint32_t begin = 0;     ///< The record is text[begin, end).
    std::uint32_t end = 0;
    const std::uint32_t* at = nullptr;  ///< `count` indexes, and one more that is >= end.
    std::uint32_t count = 0;
    bool backslash = true;  ///< false: there is none in it.
};

class JsonIndex {
public:
    JsonIndex();
    ~JsonIndex();
    JsonIndex(const JsonIndex&) = delete;

    /// One record.
    std::expected<Indexed, ParseError> index(std::span<const std::byte> record);

    /// Many: the records of a batch in their order. Requires: a newline stands between any two.
    /// Lives: both spans until the last next().
    void begin(std::span<const std::byte> batch, std::span<const Extent> records);
    /// Requires: next() was called fewer times than there are records.
    std::expected<Indexed, ParseError> next();
    /// Gives back what a large record took; what was indexed last is gone.
    void trim();

private:
    struct Stage;
    bool look(const char* text, std::size_t size);
    void open_window();
    std::expected<Indexed, ParseError> alone(const Extent& record);

    std::unique_ptr<Stage> stage_;
    std::span<const std::byte> batch_;
    std::span<const Extent> records_;
    std::size_t record_ = 0;      ///< The next one.
    std::size_t window_end_ = 0;  ///< Records before this one are in the window.
    bool window_good_ = false;    ///< Its indexes may be used.
    bool window_backslash_ = false;
    std::uint32_t window_begin_ = 0;  ///< In the batch.
    const std::uint32_t* at_ = nullptr;
    const std::uint32_t* at_end_ = nullptr;
    std::size_t indexes_most_ = 0;  ///< So much memory was written to.
    std::size_t guess_ = 0;         ///< How many indexes the record before had.
};

}  // namespace holdfast::codec

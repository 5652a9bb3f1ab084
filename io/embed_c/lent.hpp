// What the C library lends to callbacks, and its structs to and from records.
//
// Rule: a struct of the caller's is as long as its `size` says: read_struct() and write_struct() go no
//       further, so that programs and libraries of different versions meet.
// Doesn't know: pipelines.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "io/embed/ports.hpp"
#include "io/embed_c/holdfast.h"

struct holdfast_batch {
    holdfast::embed::Batch batch;
    std::uint64_t again_ms = 0;
};

struct holdfast_records {
    std::vector<const holdfast::embed::Record*> records;
    std::vector<const holdfast::embed::DeadLetter*> letters;  ///< Empty, or one for each record.
    mutable std::vector<holdfast_header> headers;             ///< Of the last holdfast_records_get.
};

struct holdfast_output {
    std::vector<holdfast::embed::Record>* input = nullptr;
    holdfast::embed::Output out;
};

struct holdfast_answer {
    holdfast::embed::Answer answer;
    std::size_t records = 0;
};

struct holdfast_words {
    std::string text;
};

namespace holdfast::embed {

/// A copy of the caller's struct, with zero behind what it has. False: null, or of no possible size.
template <class Struct>
bool read_struct(const Struct* from, Struct& out) {
    if (from == nullptr || from->size < sizeof from->size) return false;
    out = {};
    std::memcpy(&out, from, std::min(from->size, sizeof(Struct)));
    return true;
}

/// As much as the caller has room for. False: as above.
template <class Struct>
bool write_struct(Struct value, Struct* out) {
    if (out == nullptr || out->size < sizeof out->size) return false;
    value.size = out->size;
    std::memcpy(static_cast<void*>(out), &value, std::min(out->size, sizeof(Struct)));
    return true;
}

/// The longest that a Duration can say, where it is more.
inline Duration duration_of(std::uint64_t ms) {
    constexpr std::uint64_t most = INT64_MAX / 4 / 1'000'000;  // No sum with a time overflows.
    return milliseconds(static_cast<std::int64_t>(std::min(ms, most)));
}

/// False: it is no record.
bool read_record(const holdfast_record* from, Record& out);

/// A failure of a callback, by its status; `what` where it said nothing.
Failure failure_of(holdfast_status status, const holdfast_words& words, const char* what);

}  // namespace holdfast::embed

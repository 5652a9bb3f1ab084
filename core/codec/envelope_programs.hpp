// What stands in the graph of transforms where records have a key, headers, a timestamp, or payloads of
// any bytes: envelopes to records and back, payloads to lines, and jq programs that set what a record
// has beside its payload.
//
// Rule 1: a payload with a newline never becomes two lines: what is JSON goes without the white space
//         between its tokens, all else fails.
// Bound: scratch memory of one record, given back after a large one.
#pragma once

#include <memory>

#include "core/data/program.hpp"

namespace holdfast::codec {

/// A line with an envelope to the payload within, with its extras(). What it appends is the payload,
/// without a '\n' of its own.
std::unique_ptr<Program> make_envelope_reader();
/// A record to its envelope, a line.
std::unique_ptr<Program> make_envelope_writer();
/// A payload to a line: keep, where it is one.
std::unique_ptr<Program> make_line_encoder();

/// A payload behind its size, and back: framing `length`.
std::unique_ptr<Program> make_length_encoder();
std::unique_ptr<Program> make_length_decoder();

/// The texts of a transform of type `meta`, compiled; null: not given.
struct MetaPrograms {
    std::unique_ptr<Program> key;
    std::unique_ptr<Program> headers;
    std::unique_ptr<Program> timestamp;
};
/// Keeps each record, with the extras() that the programs say; what one gives nothing for stays.
std::unique_ptr<Program> make_meta_program(MetaPrograms programs);

}  // namespace holdfast::codec

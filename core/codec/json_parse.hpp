// JSON to nodes: simdjson's indexes in, a whole record validated, out.
#pragma once

#include <expected>

#include "core/codec/fault.hpp"
#include "core/codec/json_index.hpp"
#include "core/codec/tape.hpp"

namespace holdfast::codec {

/// Appends the record's nodes; the first is the whole value. After an error nothing was appended.
/// Offsets count from the record's first byte. Bound: one pass over the indexes, numbers and
/// literals; over strings only if the record has a backslash.
std::expected<void, ParseError> parse_json(const Indexed& record, Tape& tape);

/// One scalar, as a node without key. Requires: record.count == 1 and its index is within it.
std::expected<void, ParseError> parse_json_scalar(const Indexed& record, Node& out);

}  // namespace holdfast::codec

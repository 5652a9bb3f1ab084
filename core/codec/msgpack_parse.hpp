// MsgPack to nodes, a whole record validated. One unit of work per value; no recursion.
//
// Keys: a string, or a scalar that has a text in JSON (an integer, a boolean, nil, a number that is
// not NaN): that text is then the key.
#pragma once

#include <cstddef>
#include <expected>
#include <span>

#include "core/codec/fault.hpp"
#include "core/codec/tape.hpp"

namespace holdfast::codec {

/// Appends the record's nodes; the first is the whole value. After an error nothing was appended.
/// Bound: one pass; memory for no more values than the record has bytes.
std::expected<void, ParseError> parse_msgpack(std::span<const std::byte> record, Tape& tape);

/// A float of 4 or 8 bytes behind its type byte.
double msgpack_real(const char* at);

}  // namespace holdfast::codec

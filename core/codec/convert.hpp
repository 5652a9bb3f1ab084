// From one format to the other.
//
// Rule 1: equal(value, converted value), save where the other format has no such thing (below).
// Rule 2: integers up to 64 bits keep their digits; other numbers become the nearest double, which
//         is written with the fewest digits that read as the same double.
// Rule 3: of equal keys the last one is written, where the first one stood.
// To JSON: binary is its base64 (RFC 4648, padded); a timestamp of the years 0 to 9999 is a string
// "2026-01-31T23:59:59.5Z"; any other extension is {"ext":TYPE,"data":"BASE64"}; NaN is null and
// the infinite are the largest double, as jq has it.
// To MsgPack: the smallest form of each integer, double for all other numbers.
#pragma once

#include <string>
#include <vector>

#include "core/codec/value.hpp"

namespace holdfast::codec {

/// Appends the value as JSON without white space and without newline. A value that is JSON is
/// appended as its very bytes. Requires: not missing.
void append_json(const Value& value, std::string& out);
/// Appends the value as MsgPack. A value that is MsgPack is appended as its very bytes.
/// Requires: not missing.
void append_msgpack(const Value& value, std::string& out);

}  // namespace holdfast::codec

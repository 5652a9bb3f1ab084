// NDJSON: which part of each line is the record's value.
//
// Rule 1: a line ends with LF or CR LF, the last one perhaps with nothing. Neither belongs to the
//         value. (It belongs to the record, which keeps its bytes: core/data/framing.hpp.)
// Rule 2: a blank line has no value. It is left out, or stands as an empty one, as the caller says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/codec/json_index.hpp"

namespace holdfast::codec {

enum class Blank : std::uint8_t { skip, keep };

/// Appends the value of each line; nothing is copied. keep: as many as count_newlines says, and one
/// for a rest without newline. Requires bytes.size() < 4 GiB. Bound: one vectorised pass.
void values_of_lines(std::span<const std::byte> bytes, Blank blank, std::vector<Extent>& out);

/// The line without its end.
std::span<const std::byte> value_of_line(std::span<const std::byte> line);
/// Nothing but white space.
bool is_blank(std::span<const std::byte> line);

}  // namespace holdfast::codec

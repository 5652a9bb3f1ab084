// Lines in bytes: where records begin and end. A record is a line with its newline.
//
// Pure functions over borrowed bytes; nothing is copied. CR before LF belongs to the record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast {

/// How many newlines. Bound: one pass, vectorised.
std::uint64_t count_newlines(std::span<const std::byte> bytes);

/// The length of the longest prefix that ends with a newline; 0 if there is none.
std::size_t complete_lines(std::span<const std::byte> bytes);

/// The offset after the n-th newline (n >= 1), or bytes.size() if there are fewer. n == 0 gives 0.
std::size_t after_newlines(std::span<const std::byte> bytes, std::uint64_t n);

}  // namespace holdfast

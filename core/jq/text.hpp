// JSON text of scalars: escapes, numbers, quoting. Pure functions over borrowed bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::jq {

/// Whether each escape in what stands between a string's quotes names a character.
bool escapes_are_valid(std::string_view inside);

/// What stands between a string's quotes, without escapes. Requires escapes_are_valid(inside).
void decode_string(std::string_view inside, std::string& out);

/// As a JSON string, with its quotes. Requires valid UTF-8.
std::string quoted(std::string_view text);

/// Where the JSON number at `p` ends; nullptr if there is none. Requires a readable byte behind it
/// that belongs to no number.
const char* number_end(const char* p);

/// Its value as jq has it, rounded to the nearest double; nothing if it is too large or too small
/// for one. Requires a JSON number.
std::optional<double> number_value(std::string_view text);

/// How many code points. Requires valid UTF-8.
std::uint64_t code_points(std::string_view text);

/// Shortest digits that give the number again, in jq's style (no exponent below 1e17); null for
/// what is no number, the largest double for infinity.
void append_number(double number, std::string& out);

}  // namespace holdfast::jq

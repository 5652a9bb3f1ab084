// The text of JSON's scalars: numbers and strings, read and written.
//
// Rule 1: the grammar of RFC 8259 exactly, and escapes name characters: half of a surrogate pair is an
// error, as in transforms. Rule 2: where jq 1.6 decides about a meaning, so do we: an integer beyond
// uint64 is the nearest double, and a double beyond the largest is infinite.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/codec/fault.hpp"
#include "core/codec/tape.hpp"

namespace holdfast::codec {

/// White space between JSON's values and signs.
constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// A number at the head of a text. kind == missing: there is none.
struct NumberShape {
    std::size_t size = 0;
    Kind kind = Kind::missing;  ///< int64, uint64 or real.
};
/// What follows the number is not looked at. -0 is real, to keep its sign.
NumberShape number_shape(std::string_view text);
/// Requires: number_shape(text) is the whole of it, with this kind.
std::int64_t int64_of(std::string_view text);
std::uint64_t uint64_of(std::string_view text);
double real_of(std::string_view text);

/// The first wrong escape, if there is one: its backslash. `contents` is without its quotes.
std::optional<std::size_t> wrong_escape(std::string_view contents);
/// Appends what the escapes stand for. Requires: !wrong_escape(contents).
void append_unescaped(std::string_view contents, std::string& out);
/// Whether the escaped contents mean this text. Requires: !wrong_escape(contents).
bool unescaped_equals(std::string_view contents, std::string_view text);

/// Appends the text as a JSON string with its quotes; escapes only what must be.
void append_quoted(std::string_view text, std::string& out);
/// The shortest text that reads as this double, always with a fraction or an exponent. As jq does:
/// NaN is null, the infinite are the largest double.
void append_real(double number, std::string& out);
void append_int64(std::int64_t number, std::string& out);
void append_uint64(std::uint64_t number, std::string& out);

}  // namespace holdfast::codec

// What is wrong with one record, and where. Such an error is that record's alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::codec {

enum class Fault : std::uint8_t {
    empty,              ///< No value at all: a blank line.
    truncated,          ///< The record ends inside a value.
    trailing_bytes,     ///< Something follows the value.
    too_deep,           ///< More than depth_max arrays and objects inside one another.
    invalid_utf8,       ///< In a string (JSON: anywhere).
    control_character,  ///< JSON: a byte below 0x20 in a string.
    invalid_escape,     ///< JSON: an unknown escape, or half of a surrogate pair.
    invalid_number,     ///< JSON: such as 01, 1. or -.
    invalid_literal,    ///< JSON: a word that is not true, false or null.
    unexpected,         ///< JSON: a character that cannot stand here.
    invalid_type,       ///< MsgPack: the byte 0xc1.
    invalid_key,        ///< MsgPack: a key that has no text (array, map, binary, extension, NaN).
    too_large,          ///< 4 GiB or more.
};

/// Arrays and objects inside one another: so many are accepted.
inline constexpr std::size_t depth_max = 64;

struct ParseError {
    Fault fault = Fault::empty;
    std::size_t offset = 0;  ///< From the record's first byte.
    bool operator==(const ParseError&) const = default;
};

/// "invalid escape"
std::string_view fault_name(Fault fault);
/// "parse error: invalid escape at byte 17", as the reason of a dead letter.
std::string error_text(const ParseError& error);

/// What becomes of a record that cannot be parsed. Whoever owns the transform carries it out.
enum class OnParseError : std::uint8_t {
    dead_letter,  ///< It is set aside, with error_text() as its reason; counted as error.
    drop,         ///< It is dropped, and counted as error.
    stop,         ///< The whole batch fails; terminal.
};

}  // namespace holdfast::codec

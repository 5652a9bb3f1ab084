// Keys of records, for transforms that compare them: what is the same value is the same key, however
// it is written.
//
// Rule 1: strings by their characters, escapes decoded; numbers by their exact value (1, 1.0, 1e0 and
//         10e-1 are one number, -0 is 0, and integers of any length keep all their digits); objects
//         by their members in any order, of equal names the last one; arrays element by element.
// Rule 2: two keys are equal if and only if their values are: the text is unambiguous.
// Rule 3: a field that isn't there is no null: see Missing.
// Bound: the text has at most about twice the value's bytes.
// Doesn't know: what is done with a key.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/codec/path.hpp"
#include "core/codec/value.hpp"
#include "core/data/program.hpp"

namespace holdfast::codec {

/// Appends the value's key. Requires: it is not missing, and of JSON.
void append_key(const Value& value, std::vector<std::byte>& out);

/// What a record without one of the fields answers.
enum class Missing : std::uint8_t {
    is_null,  ///< As if the field were null.
    drops,    ///< Verdict::drop.
};

/// The key of some fields of a record: change, with one output, which is no JSON. A step into what
/// has no fields is an error, in jq's words.
std::unique_ptr<Program> make_field_key(std::vector<Path> fields, Missing missing);

/// The key of what another program gives, all of its outputs in order. drop: it gives none.
std::unique_ptr<Program> make_program_key(std::unique_ptr<Program> program);

}  // namespace holdfast::codec

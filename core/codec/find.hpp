// One field of a record on demand: only what leads there is looked at.
//
// Rule 1: of a record that is valid as a whole, the answer is that of Value::at().
// Rule 2: of any other record the answer may be an error, or whatever stands where it was looked.
//         Who must not be deceived by a broken record parses it whole.
// Bound: one pass over the structure of the objects on the way; nothing is allocated unless a key
// has escapes.
#pragma once

#include <cstddef>
#include <expected>
#include <span>

#include "core/codec/fault.hpp"
#include "core/codec/json_index.hpp"
#include "core/codec/path.hpp"
#include "core/codec/tape.hpp"
#include "core/codec/value.hpp"

namespace holdfast::codec {

/// A field that was found, or not. Its value can be read if it is a scalar; of an array or object
/// only kind() and raw() mean something.
/// Lives: as long as the record's bytes. value() as long as this.
struct Found {
    Node node;  ///< kind == missing: the record has no such field.
    const std::byte* record = nullptr;
    Format format = Format::json;

    Value value() const {
        return node.kind == Kind::missing ? Value() : Value(&node, record, format);
    }
};

std::expected<Found, ParseError> find_json(const Indexed& record, const Path& path);
std::expected<Found, ParseError> find_msgpack(std::span<const std::byte> record, const Path& path);

}  // namespace holdfast::codec

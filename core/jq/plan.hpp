// A jq program as a plan: what of the language is compiled, and how it is laid down.
//
// Rule 1: a plan is made only of what behaves here as in jq 1.6; everything else is left to the
//         machine. What is odd in a record is left to it when the record is there.
// Rule 2: only `Flow` expressions may give several values (comma, .[]), and they stand only where
//         values go on one after the other: in pipes, at the end of branches.
// Doesn't know: records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/jq/tape.hpp"

namespace holdfast::jq {

enum class Op : std::uint8_t {
    identity,  ///< .
    field,     ///< a | .[name]; name is texts[text]
    index,     ///< a | .[number]
    constant,  ///< the value constants[text]
    meta,      ///< $meta: where the record came from
    pipe,      ///< a | b
    comma,     ///< a, b                                    (flow)
    iterate,   ///< a | .[]                                 (flow)
    equal,     ///< a == b, and so on
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    both,         ///< a and b
    either,       ///< a or b
    alternative,  ///< a // b
    negation,     ///< not
    has,          ///< has(texts[text])
    starts_with,  ///< startswith(texts[text])
    ends_with,
    contains,
    matches,  ///< test(texts[text]), a text between anchors
    length,
    type,
    empty,
    select,  ///< if a then . else empty end
    choice,  ///< if a then b else c end
    assign,  ///< paths[text .. text + number] = a
    remove,  ///< del(paths[text .. text + number])
    rename,  ///< with_entries(if .key == texts[text] then .key = texts[number] else . end)
    object,  ///< {items[text .. text + number]}
    array,   ///< [items[text .. text + number]]
};

using ExprId = std::uint32_t;

struct Expr {
    Op op = Op::identity;
    bool flow = false;  ///< May give several values.
    bool optional =
        false;  ///< field, index, iterate: a wrong type gives nothing instead of an error.
    bool at_begin = false;  ///< matches: anchored.
    bool at_end = false;
    ExprId a = 0;
    ExprId b = 0;
    ExprId c = 0;
    std::uint32_t text = 0;
    std::int32_t number = 0;
};

/// A text of the program: as it is, and as a JSON string.
struct Text {
    std::string plain;
    std::string quoted;
};

/// A member or element that is built: texts[key] (of an object) and its value.
struct Item {
    std::uint32_t key = 0;
    ExprId value = 0;
};

using Path = std::vector<std::uint32_t>;  ///< Of texts.

struct Plan {
    std::vector<Expr> exprs;
    std::vector<Text> texts;
    std::vector<Path> paths;
    std::vector<Item> items;
    std::vector<std::string> constants;  ///< JSON scalars.
    ExprId root = 0;
    bool asks_meta = false;  ///< There is a $meta in it.
};

/// Why a program isn't compiled, and where.
struct NotNative {
    std::string reason;
    std::size_t offset = 0;
};

/// Bound: programs of at most 64 KiB, 1,000 expressions and 200 levels.
std::expected<Plan, NotNative> make_plan(std::string_view program);

}  // namespace holdfast::jq

// A jq program as a tree: what the parser makes and the compiler reads.
//
// Rule 1: everything is an index into a table of the Syntax; `none` is no entry.
// Rule 2: each expression knows where in the text it stands, so that errors can say line and
// column. Bound: height_max levels, so that who walks it recursively is bounded, too. Doesn't know:
// what names mean.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::jq::machine {

using ExprId = std::uint32_t;
using TextId = std::uint32_t;
using PatternId = std::uint32_t;
inline constexpr std::uint32_t none = UINT32_MAX;

enum class Op : std::uint8_t {
    identity,     ///< `.`
    recurse,      ///< `..`
    number,       ///< text: its digits.
    string,       ///< items: literal and interpolated parts in turn; text: its `@format` or none.
    format,       ///< text: `@format` alone.
    index,        ///< a[b]; optional: `?`.
    slice,        ///< a[b:c], b or c may be none; optional.
    iterate,      ///< a[]; optional.
    pipe,         ///< a | b
    comma,        ///< a , b
    negate,       ///< -a
    alternative,  ///< a // b
    conjunction,  ///< a and b
    disjunction,  ///< a or b
    binary,       ///< a OP b: arithmetic or comparison; text: the operator.
    update,       ///< a OP b: `=`, `|=`, `+=` and the like; text: the operator.
    attempt,      ///< try a catch b; b may be none.
    condition,    ///< if a then b else c; c may be none.
    reduce,       ///< reduce a as items (b; c)
    foreach,      ///< foreach a as items (b; c; d); d may be none.
    define,       ///< def; a: the definition, b: what follows.
    bind,         ///< a as items | b
    label,        ///< label $text | a
    leave,        ///< break $text
    call,         ///< text(items)
    variable,     ///< $text
    array,        ///< [a]; a may be none.
    object,       ///< {items}: keys and values in turn.
    location,     ///< $__loc__
};

struct Expr {
    Op op = Op::identity;
    bool optional = false;
    std::uint16_t height = 1;
    std::uint32_t a = none;
    std::uint32_t b = none;
    std::uint32_t c = none;
    std::uint32_t d = none;
    TextId text = none;
    std::uint32_t items = 0;  ///< Where its list begins in Syntax::lists.
    std::uint32_t count = 0;
    std::uint32_t offset = 0;
};

/// What `as` binds to.
struct Pattern {
    enum class Kind : std::uint8_t { variable, array, object, entry };
    Kind kind = Kind::variable;
    TextId name = none;       ///< Of variable; of entry: `$name` there, or none.
    ExprId key = none;        ///< Of entry: its key, or none where it is the name.
    PatternId inside = none;  ///< Of entry: what the value binds to, or none.
    std::uint32_t items = 0;
    std::uint32_t count = 0;
    std::uint32_t offset = 0;
};

struct Parameter {
    TextId name = none;
    bool is_value = false;  ///< `$name`
};

struct Definition {
    TextId name = none;
    std::vector<Parameter> parameters;
    ExprId body = none;
    std::uint32_t offset = 0;
};

/// `import PATH as NAME META;`, `include PATH META;`
struct Import {
    std::string path;
    std::string as;  ///< Empty: of include.
    bool is_data = false;
    ExprId metadata = none;
    std::uint32_t offset = 0;
};

/// What stands before all else.
struct Header {
    ExprId metadata = none;  ///< Of `module META;`.
    std::vector<Import> imports;
};

struct Syntax {
    /// Higher than what the parser nests, so that `1+1+1+...` has room.
    static constexpr std::uint16_t height_max = 1500;

    std::vector<Expr> exprs;
    std::vector<Pattern> patterns;
    std::vector<Definition> definitions;
    std::vector<std::uint32_t> lists;
    /// References to a text stay good while others are added.
    std::vector<std::unique_ptr<const std::string>> texts;

    const std::string& text(TextId id) const { return *texts[id]; }
    TextId add(std::string_view text) {
        texts.push_back(std::make_unique<const std::string>(text));
        return static_cast<TextId>(texts.size() - 1);
    }
};

struct SyntaxError {
    std::string reason;
    std::size_t offset = 0;
};

struct Place {
    std::uint32_t line = 1;
    std::uint32_t column = 1;  ///< In bytes.
};

/// Where an offset stands, both from 1.
inline Place place_of(std::string_view program, std::size_t offset) {
    Place place;
    for (std::size_t i = 0; i < offset && i < program.size(); ++i) {
        ++place.column;
        if (program[i] == '\n') place = {place.line + 1, 1};
    }
    return place;
}

}  // namespace holdfast::jq::machine

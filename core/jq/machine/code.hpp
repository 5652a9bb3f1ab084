// A compiled program: instructions for the machine, immutable and shared by threads.
//
// The code of an expression takes its input from the stack's top and leaves its output there; it
// leaves by going on (an output), by backtracking (no more), or by an error. A generator is code
// that leaves a fork behind, to which backtracking returns.
//
// Rule 1: a function's frame is a header, its closure parameters, then its variables.
// Rule 2: a variable is found by walking `level` static links, then by its slot.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/jq/tape.hpp"

namespace holdfast::jq::machine {

enum class Do : std::uint8_t {
    constant,      ///< top := constants[a]
    global,        ///< top := globals[a]
    duplicate,     ///< push top
    drop,          ///< pop
    sub_begin,     ///< push top, for a value beside it; paths are not followed inside
    sub_end,       ///< swap the two uppermost, ends sub_begin: the value lies below the input
    sub_store,     ///< pop into variable a, ends sub_begin
    sub_test,      ///< pop; jump to a where it is false or null; ends sub_begin
    load,          ///< top := variable (level a, slot b)
    load_moved,    ///< the same, and the variable is null then
    store,         ///< pop into variable a
    empty_array,   ///< variable a := []
    append,        ///< pop, append to variable a
    field,         ///< top := top[constants[a]]; flag: optional
    index,         ///< [key, target] -> target[key]; flag: optional
    slice,         ///< [from, to, target] -> target[from:to]; flag: optional; a: 1 no from, 2 no to
    each,          ///< top := each of its values; flag: optional
    range,         ///< [upto, from] -> each number
    fork,          ///< backtracking goes on at a
    fork_try,      ///< errors go on at a, the error on top
    try_end,       ///< errors from here on are not for the fork_try
    fork_alt,      ///< `//`: backtracking goes on at a, unless variable b is true
    alt_found,     ///< `//`: jump to a if top is false or null, else variable b := true
    fork_pattern,  ///< `?//`: errors go on at a
    fork_label,    ///< variable a := this label
    leave,         ///< break to the label in variable (level a, slot b)
    fork_mark,     ///< variable b := this fork; backtracking goes on at a
    cut,           ///< forgets the fork in variable a and all after it
    jump,          ///< to a
    jump_unless,   ///< pop; to a where it is false or null
    backtrack,
    make_object,  ///< [key, value, ... input] -> object of a members
    make_text,    ///< [part, ... input] -> text of a parts; b: format
    path_begin,   ///< what follows is followed as a path
    path_end,     ///< top := the path
    quiet,        ///< paths are not followed until loud
    loud,
    call,          ///< function a with arguments from b on; flag: last call of its function
    parameter,     ///< closure (level a, slot b); flag: last call
    give_back,     ///< return
    native,        ///< builtins[a]: [last argument, ..., first, input] -> result
    new_owner,     ///< variable a := the owner of what `|=` makes on its way
    get_path,      ///< top := getpath(variable a; variable b), for `|=`; variable b + 1: the owner
    set_path,      ///< variable a := setpath(a; variable b; pop), for `|=`; the same owner
    set_at,        ///< [value, input] -> input with the value where constants a to a + b lead
    get_in,        ///< top := what is where the variables from a on lead; b: see Code::own
    set_in,        ///< [value, input] -> input with the value there, in place where it is owned
    add_in,        ///< [value, input] -> input + value, in place where it is owned; b: the same
    delete_at,     ///< top := top without what is there
    delete_paths,  ///< top := delpaths(top; variable a)
    raise,         ///< error: constants[a]
    binary,        ///< native of two arguments whose right one is constants[b]
};

struct Instruction {
    Do what = Do::backtrack;
    bool flag = false;
    std::uint32_t a = 0;
    std::uint32_t b = 0;
};

struct Function {
    std::uint32_t entry = 0;
    std::uint32_t slots = 0;  ///< Parameters and variables.
    std::uint32_t parameters = 0;
    std::uint32_t level = 0;  ///< Static links from the caller to its definition: in the call.
};

/// A closure argument.
struct Argument {
    bool is_parameter = false;   ///< Passes a parameter of the caller's on; else a function.
    std::uint32_t function = 0;  ///< Or the parameter's slot.
    std::uint32_t level = 0;     ///< Of the parameter.
};

struct Call {
    std::uint32_t level = 0;  ///< Static links to where the function was defined.
    std::uint32_t first = 0;  ///< In Code::arguments.
    std::uint32_t count = 0;
};

struct Constant {
    Kind kind = Kind::null;
    bool digits = false;  ///< A number by its digits.
    double number = 0;
    std::string text;
};

struct Code {
    /// Of get_in and its like: the variable with the owner, and how many keys there are.
    static constexpr std::uint32_t own(std::uint32_t owner, std::uint32_t keys) {
        return owner << 4 | keys;
    }
    static constexpr std::uint32_t own_keys_max = 15;
    static constexpr std::uint32_t owners_max = 1 << 27;
    std::vector<Instruction> instructions;
    std::vector<Function> functions;  ///< The first is the program.
    std::vector<Call> calls;
    std::vector<Argument> arguments;
    std::vector<Constant> constants;
    /// JSON with room behind it to be read: the globals from Global::given on.
    std::vector<std::string> given;
    bool asks_meta = false;
    bool asks_environment = false;
};

/// What a reader wants to be there behind a text.
inline constexpr std::size_t given_padding = 64;

/// Values that programs see as variables of the outside.
enum class Global : std::uint32_t { environment, meta, given };

}  // namespace holdfast::jq::machine

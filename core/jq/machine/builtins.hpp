// The functions that come with the machine: in C++ (natives), or as definitions in jq.
//
// Rule: a native is total: it answers a value or an error, in bounded time but for what it says to
//       Heap::work().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/jq/machine/outside.hpp"
#include "core/jq/machine/value.hpp"

namespace holdfast::jq::machine {

/// A regular expression that a run has compiled, by its text and flags.
struct KeptRegex {
    std::string pattern;
    RegexFlags flags;
    std::unique_ptr<Regex> regex;
};

/// What a native works with.
struct Bench {
    Heap& heap;
    Outside& outside;
    Tape& tape;
    std::vector<KeptRegex>& regexes;
    Value error{};        ///< Of what failed.
    bool halts = false;   ///< The error ends the run, nobody catches it.
    int exit_code = 0;    ///< Of what halts: for a command.
    bool silent = false;  ///< It halts without an error.

    /// Sets the error; false, to be returned.
    bool fail(std::string_view words);
};

/// arguments[0] is the input. False: see Bench::error.
using Native = bool (*)(Bench& bench, const Value* arguments, Value& result);

struct NativeEntry {
    std::string_view name;
    std::uint32_t arity = 0;
    Native run = nullptr;
};

/// The natives of one file each.
std::vector<NativeEntry> arithmetic_natives();
std::vector<NativeEntry> container_natives();
std::vector<NativeEntry> text_natives();
std::vector<NativeEntry> format_natives();
std::vector<NativeEntry> math_natives();
std::vector<NativeEntry> date_natives();
std::vector<NativeEntry> path_natives();
std::vector<NativeEntry> regex_natives();

/// All of them; the position is the number in Code.
const std::vector<NativeEntry>& natives();
std::optional<std::uint32_t> find_native(std::string_view name, std::uint32_t arity);
/// The text of a `def`, or empty.
std::string_view find_defined(std::string_view name, std::uint32_t arity);
/// `name/arity` of all.
std::vector<std::string> builtin_names();

// ---- shared among natives ----
/// As jq negates decimals: all digits stay, and a zero that was read has no sign.
Value negated(Heap& heap, const Value& number);
bool add_values(Bench& bench, const Value& a, const Value& b, Value& result);
/// The value that stands in this text, which is copied. Bytes behind the text are not looked at.
bool read_value(Bench& bench, std::string_view text, Value& result);
/// What stands there, as `.[key]` has it.
bool index_value(Bench& bench, const Value& target, const Value& key, Value& result);
bool slice_value(Bench& bench, const Value& target, const Value& from, const Value& to,
                 Value& result);
bool get_path_of(Bench& bench, const Value& root, const Value& path, Value& result);
/// Containers on the way that are the owner's (not 0) are changed in place, the others are copied
/// and the owner's from then on. Requires: nobody but the owner has a value of the owner's.
bool set_path_of(Bench& bench, const Value& root, const Value& path, const Value& value,
                 Value& result, std::uint32_t owner = 0);
bool delete_paths_of(Bench& bench, const Value& root, const Value& paths, Value& result);
/// As `@name` writes it; a string.
bool format_value(Bench& bench, std::string_view format, const Value& value, Value& result);
/// The parts of v[0] between occurrences of v[1].
bool split_text(Bench& bench, const Value* v, Value& result);
Value to_text(Heap& heap, const Value& value);
Value slice_key(Heap& heap, const Value& from, const Value& to);
/// Where the code point with that number begins. Requires valid UTF-8.
std::size_t byte_of_point(std::string_view text, std::uint64_t point);
std::uint64_t points_of(std::string_view text);
/// Where `sought` stands at or behind `from`, in time that grows with both only; npos: nowhere.
std::size_t find_text(std::string_view text, std::string_view sought, std::size_t from = 0);

}  // namespace holdfast::jq::machine

// A key of the config file: its name, type, default, range, and what is said about it. Checks,
// suggestions, `holdfast keys` and docs/configuration.md all come from here, so they cannot disagree.
//
// Rule 1: a default is written as the user would write it, and is read by the same code.
// Rule 2: a key that isn't here is an error in a config file.
// Doesn't know: TOML, which field a key fills (row.hpp).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace holdfast::io {

enum class KeyType : std::uint8_t {
    text,
    path,      // text; relative to the config file's folder
    size,      // "64MiB" or a number of bytes
    duration,  // "100ms"
    count,     // an integer
    percent,   // 1 or 0.5; kept as thousandths
    flag,      // true or false
    choice,    // one of `choices`
    names,     // a list of names of sources and transforms
    words,     // a list of texts
    fields,    // a list of paths to fields
    routes,    // a table of conditions by name
    values,    // a table of any values by name; kept as JSON
    rules,     // a list of tables: the rules of a raw filter
    globs,     // a list of paths that may hold *, ? and [...]
    folders,   // a list of paths
    verbatim,  // text in which $$ is nothing special: bytes of records
    time,      // a point in time, as RFC 3339 has it; kept as nanoseconds since 1970
    records,   // a list of records: texts, or TOML values that stand for JSON
    section,   // a table with keys of its own
    tables,    // a list of such tables
};

struct Section;

struct Key {
    std::string_view name;
    KeyType type;
    std::string_view fallback;  ///< "": none. `required`: must be given.
    std::string_view doc;       ///< One sentence, Markdown.
    std::string_view choices = {};
    std::int64_t min = 0;  ///< In bytes, nanoseconds, items or thousandths.
    std::int64_t max = INT64_MAX;
    const Section* section = nullptr;
    std::string_view only = {};  ///< The `type`s of its section that have this key: "a|b".
};

inline constexpr std::string_view required = "(required)";

struct Section {
    std::string_view name;  ///< As in the file: "engine", "sources.NAME", "sinks.NAME.retry".
    std::string_view doc;
    std::vector<Key> keys;
    std::string_view type = {};  ///< Of one kind: these keys stand beside those of all kinds.
    std::vector<const Section*> kinds = {};  ///< What each kind has of its own, by its type.

    /// The keys of this kind; null: it has none, or there is no such kind.
    const Section* kind(std::string_view wanted) const {
        for (const Section* one : kinds)
            if (one->type == wanted) return one;
        return nullptr;
    }
};

/// Whether a part of this type has the key.
bool applies(const Key& key, std::string_view type);
/// "a|b", one by one.
std::vector<std::string_view> words_of(std::string_view text);

}  // namespace holdfast::io

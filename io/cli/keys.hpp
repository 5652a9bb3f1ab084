// Every key of the config file, as a table: validation, suggestions, `holdfast keys` and
// docs/configuration.md all come from here, so they cannot disagree.
//
// Rule 1: a default is written as the user would write it, and is read by the same code.
// Rule 2: a key that isn't here is an error in a config file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::cli {

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

/// Whether a part of this type has the key.
bool applies(const Key& key, std::string_view type);
/// `choices` or `only`, one by one.
std::vector<std::string_view> words_of(std::string_view text);

inline constexpr std::string_view required = "(required)";

struct Section {
    std::string_view name;  ///< As in the file: "engine", "sources.NAME", "sinks.NAME.retry".
    std::string_view doc;
    std::vector<Key> keys;
};

const Section& root_section();
const Section& engine_section();
const Section& source_section();
const Section& transform_section();
const Section& sink_section();
const Section& dead_letters_section();
/// `[[tests]]` and the lists in one (keys_tests.cpp).
const Section& tests_section();
const Section& tests_inputs_section();
const Section& tests_outputs_section();
const Section& tests_dead_letters_section();

/// All of them in the order of the documentation.
std::vector<const Section*> all_sections();

/// `a size such as "64MiB", between 1MiB and 1TiB`.
std::string expectation(const Key& key);
/// A value of this key as text, with its unit.
std::string format_value(const Key& key, std::int64_t number);
/// The reference in Markdown: one table a section.
std::string keys_as_markdown();
/// The same for `holdfast keys --json`.
std::string keys_as_json();

}  // namespace holdfast::cli

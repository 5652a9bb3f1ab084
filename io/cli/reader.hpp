// A TOML document against the table of keys: every problem is found, each with its place.
//
// Rule 1: reading never stops at the first problem; what is wrong is replaced by the default, so
//         that the rest can be checked too.
// Rule 2: a place is file(line,column), or the --set flag that the value came from.
// Rule 3: text of the user is printed with control characters escaped, and cut.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/cli/keys.hpp"
#include "io/component/values.hpp"
#include "io/printable.hpp"

// toml++'s own headers are only needed where documents are read.
#include <toml++/toml.h>

namespace holdfast::cli {

using io::in_quotes;
using io::Item;
using io::Place;
using io::RuleItem;
using io::Value;
using io::Values;

struct Problem {
    Place place;
    std::string what;        ///< `what; expected ...; did you mean "..."?`
    std::string shown = {};  ///< The part of the file, with marks below; or empty.
};

/// The scalar as the user wrote it, or what kind of thing it is.
std::string shown(const toml::node& node);

struct Override {
    std::string flag;              ///< As on the command line, for messages.
    std::vector<std::string> key;  ///< Its parts.
};

struct Document {
    std::string text;  ///< Of the file.
    toml::table root;
    std::vector<Override> overrides;
};

class Reader {
public:
    Reader(const Document& document, std::vector<Problem>& problems, std::vector<Problem>& notes)
        : document_(document), problems_(problems), notes_(notes) {}

    /// Reads the table that `path` names. `table` may be null: all defaults.
    Values read(const Section& section, const toml::table* table,
                const std::vector<std::string>& path, const Place& place);
    /// The place of a node or key, given its path.
    Place place(const toml::source_region& source, const std::vector<std::string>& path) const;
    void problem(Place place, std::string what) {
        problems_.push_back({std::move(place), std::move(what)});
    }
    /// The same for those who know no reader. Lives: as long as this.
    io::Complain complain() {
        return [this](const Place& where, std::string what) { problem(where, std::move(what)); };
    }

    /// Of a part of a text, which begins at `offset` of it; `at` is the text's place.
    void problem_in(const Place& at, std::string_view text, std::size_t offset, std::string what);

private:
    std::string literal(const Key& key, std::string_view text, const Place& at);
    void read_key(const Key& key, const toml::node& node, Value& value,
                  const std::vector<std::string>& path);
    void read_entry(const Section& section, const Section* own, const toml::key& name,
                    const toml::node& node, Values& out, const std::vector<std::string>& path);
    void begin_key(const Key& key, const toml::table* table, Values& out,
                   const std::vector<std::string>& path);
    void report_missing(const Section& section, const toml::table& table, const Values& read,
                        const std::vector<std::string>& path);
    void report_elsewhere(const Section& section, std::string_view type, std::string_view name,
                          const Place& place);
    void read_list(const Key& key, const toml::node& node, Value& value,
                   const std::vector<std::string>& path);
    void read_routes(const Key& key, const toml::node& node, Value& value,
                     const std::vector<std::string>& path);
    void read_values(const Key& key, const toml::node& node, Value& value,
                     const std::vector<std::string>& path);
    void read_rules(const Key& key, const toml::node& node, Value& value,
                    const std::vector<std::string>& path);
    void read_tables(const Key& key, const toml::node& node, Value& value,
                     const std::vector<std::string>& path);
    void read_time(const Key& key, const toml::node& node, Value& value);
    void read_records(const Key& key, const toml::node& node, Value& value,
                      const std::vector<std::string>& path);
    bool read_rule(const Key& rules, const toml::table& table, RuleItem& rule,
                   const std::vector<std::string>& path);
    void read_number(const Key& key, const toml::node& node, Value& value);
    void report_unknown(const Section& section, std::string_view type, std::string_view name,
                        const Place& place);

    const Document& document_;
    std::vector<Problem>& problems_;
    std::vector<Problem>& notes_;  ///< What works as it is written, but hardly as it was meant.
};

/// Since 1970; nothing for what has no offset or is out of range.
std::optional<std::int64_t> nanoseconds_of(const toml::date_time& time);
std::optional<std::int64_t> nanoseconds_of(std::string_view text);

/// Reads TOML and lays `--set` flags over it. Empty if it isn't TOML (then there are problems).
Document read_document(std::string_view text, const std::vector<std::string>& set,
                       std::vector<Problem>& problems);

}  // namespace holdfast::cli

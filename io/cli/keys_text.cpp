// What is said about keys: expectations, the reference in Markdown and as JSON. See keys.hpp.
#include <fmt/core.h>

#include <algorithm>

#include "io/cli/keys.hpp"
#include "io/json.hpp"
#include "io/units.hpp"

namespace holdfast::cli {
namespace {

using T = KeyType;

}  // namespace

std::string format_value(const Key& key, std::int64_t number) {
    switch (key.type) {
        case T::size: return io::format_size(static_cast<std::uint64_t>(number));
        case T::duration: return io::format_duration(Duration{number});
        case T::percent:
            return number % 10 == 0 ? fmt::format("{}", number / 10)
                                    : fmt::format("{}.{}", number / 10, number % 10);
        default: return fmt::format("{}", number);
    }
}

std::string expectation(const Key& key) {
    std::string range;
    if (key.max != INT64_MAX)
        range = fmt::format(" between {} and {}", format_value(key, key.min),
                            format_value(key, key.max));
    switch (key.type) {
        case T::text:
        case T::verbatim: return "text in quotes";
        case T::path: return "a path in quotes";
        case T::size: return "a size such as \"64MiB\"" + range;
        case T::duration: return "a duration such as \"100ms\"" + range;
        case T::count: return "a whole number" + (range.empty() ? " that is not negative" : range);
        case T::percent: return "a percentage" + range + " with at most one decimal";
        case T::names: return "a list of names of sources or transforms such as [\"in\"]";
        case T::words: return "a list of texts such as [\"seq\", \"10\"]";
        case T::fields: return "a list of fields such as [\"user.id\"]";
        case T::routes: return "a table of conditions such as { errors = '.level == \"error\"' }";
        case T::values: return "a table of values such as { env = \"prod\", limits = [10, 20] }";
        case T::rules:
            return "a list of rules such as [{ missing = \"user.id\", then = \"drop\" }]";
        case T::globs: return "a list of paths such as [\"logs/*.jsonl\"]";
        case T::folders: return "a list of folders such as [\"jq\"]";
        case T::time: return "a time such as \"2026-01-31T23:59:59Z\"";
        case T::records: return "a list of records such as ['{\"id\":1}', '{\"id\":2}']";
        case T::section: return "a table";
        case T::tables: return fmt::format("a list of tables, each [{}]", key.section->name);
        case T::flag: return "true or false";
        case T::choice: break;
    }
    std::string text;
    std::string_view rest = key.choices;
    while (!rest.empty()) {
        const std::size_t bar = rest.find('|');
        const bool last = bar == std::string_view::npos;
        if (!text.empty()) text += last ? " or " : ", ";
        text += fmt::format("\"{}\"", rest.substr(0, bar));
        rest = last ? std::string_view{} : rest.substr(bar + 1);
    }
    return text;
}

namespace {

std::string markdown_default(const Key& key) {
    if (key.fallback == required) return "required";
    if (key.fallback.empty()) return "";
    const bool bare = key.type == T::count || key.type == T::percent || key.type == T::flag;
    return bare ? fmt::format("`{}`", key.fallback) : fmt::format("`\"{}\"`", key.fallback);
}

std::string markdown_range(const Key& key) {
    if (key.type == T::choice) {
        std::string text = "`\"";
        for (char c : key.choices)
            if (c == '|')
                text += "\"` `\"";
            else
                text += c;
        return text + "\"`";
    }
    if (key.type == T::flag) return "`true` `false`";
    if (key.type == T::text || key.type == T::verbatim) return "text";
    if (key.type == T::section || key.type == T::path) return "path";
    if (key.type == T::names || key.type == T::words || key.type == T::globs ||
        key.type == T::fields || key.type == T::folders || key.type == T::rules ||
        key.type == T::records || key.type == T::tables)
        return "list";
    if (key.type == T::time) return "time";
    if (key.type == T::routes || key.type == T::values) return "table";
    if (key.max == INT64_MAX) return "number";
    return fmt::format("{} to {}", format_value(key, key.min), format_value(key, key.max));
}

std::string heading(const Section& section) {
    if (section.name.empty()) return "The head of the file";
    if (!section.type.empty())
        return fmt::format("`[{}]` with `type = \"{}\"`", section.name, section.type);
    for (const Key& key : sink_section().keys)
        if (key.section == &section) return fmt::format("`{}` of a sink", section.name);
    for (const Key& key : transform_section().keys)
        if (key.section == &section) return fmt::format("`{}` of a transform", section.name);
    return fmt::format("`[{}]`", section.name);
}

}  // namespace

std::string keys_as_markdown() {
    std::string out;
    for (const Section* section : all_sections()) {
        out += fmt::format("### {}\n\n{}{}| key | values | default | |\n|---|---|---|---|\n",
                           heading(*section), section->doc, section->doc.empty() ? "" : "\n\n");
        for (const Key& key : section->keys) {
            if (key.doc.empty()) continue;  // A table with keys of its own, which has its part.
            std::string doc(key.doc);
            std::string types;
            for (std::string_view type : words_of(key.only))
                types += fmt::format("{}`{}`", types.empty() ? "" : ", ", type);
            if (!types.empty()) doc = fmt::format("({} only) {}", types, doc);
            out += fmt::format("| `{}` | {} | {} | {} |\n", key.name, markdown_range(key),
                               markdown_default(key), doc);
        }
        out += "\n";
    }
    return out;
}

std::string keys_as_json() {
    io::Json json;
    json.begin_list();
    for (const Section* section : all_sections()) {
        for (const Key& key : section->keys) {
            if (key.doc.empty()) continue;
            json.begin_object();
            json.field("section", section->name);
            json.field("key", key.name);
            json.field("default", key.fallback == required ? "" : key.fallback);
            json.field("required", key.fallback == required);
            json.field("expected", expectation(key));
            if (!key.only.empty()) json.field("type", key.only);
            if (!section->type.empty()) json.field("type", section->type);
            json.field("doc", key.doc);
            json.end_object();
        }
    }
    json.end_list();
    return json.text();
}

}  // namespace holdfast::cli

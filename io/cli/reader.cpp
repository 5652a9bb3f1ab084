// See reader.hpp.
#include "io/cli/reader.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <sstream>
#include <tuple>

#include "core/base/assert.hpp"
#include "io/cli/text_place.hpp"
#include "io/cli/toml_depth.hpp"
#include "io/printable.hpp"
#include "io/units.hpp"

namespace holdfast::cli {
namespace {

std::string_view kind_of(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::table: return "a table";
        case toml::node_type::array: return "a list";
        case toml::node_type::string: return "text";
        case toml::node_type::integer: return "a number";
        case toml::node_type::floating_point: return "a number with decimals";
        case toml::node_type::boolean: return "true or false";
        default: return "a date or time";
    }
}

bool has_choice(const Key& key, std::string_view text) {
    const auto words = words_of(key.choices);
    return std::find(words.begin(), words.end(), text) != words.end();
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& known) {
    const std::string_view best = io::nearest(word, known);
    return best.empty() ? "" : fmt::format("; did you mean {}?", in_quotes(best));
}

/// What was meant by a word that is none of a key's; of before there was one word for each thing that
/// can become of a record, too.
std::string advice(std::string_view word, const Key& key) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> words{
        {{"skip", "drop"}, {"discard", "drop"}, {"fail_batch", "stop"}, {"reject", "dead_letter"}}};
    for (const auto& [old, now] : words)
        if (word == old && has_choice(key, now))
            return fmt::format("; {} is called {} now", in_quotes(old), in_quotes(now));
    return suggestion(word, words_of(key.choices));
}

// The default, through the same functions as the user's own values.
void fill_default(const Key& key, Value& value) {
    if (key.fallback.empty() || key.fallback == required) return;
    switch (key.type) {
        case KeyType::size:
            value.number = static_cast<std::int64_t>(io::parse_size(key.fallback).value());
            break;
        case KeyType::duration: value.number = io::parse_duration(key.fallback).value().ns; break;
        case KeyType::count:
            value.number = static_cast<std::int64_t>(io::parse_size(key.fallback).value());
            break;
        case KeyType::percent:
            value.number = 10 * static_cast<std::int64_t>(io::parse_size(key.fallback).value());
            break;
        case KeyType::flag: value.number = key.fallback == "true" ? 1 : 0; break;
        case KeyType::time: value.number = nanoseconds_of(key.fallback).value(); break;
        case KeyType::choice:
        case KeyType::verbatim:
        case KeyType::text: value.text = key.fallback; break;
        default: break;
    }
}

std::optional<std::int64_t> as_percent(const toml::node& node) {
    if (const auto* whole = node.as_integer()) {
        if (whole->get() < 0 || whole->get() > 100) return std::nullopt;
        return whole->get() * 10;
    }
    const auto* number = node.as_floating_point();
    if (!number || !(number->get() >= 0 && number->get() <= 100)) return std::nullopt;
    const double tenths = number->get() * 10;
    if (std::abs(tenths - std::round(tenths)) > 1e-9) return std::nullopt;
    return std::llround(tenths);
}

}  // namespace

std::string shown(const toml::node& node) {
    if (const auto* text = node.as_string()) return in_quotes(text->get());
    if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
    if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
    if (const auto* on = node.as_boolean()) return on->get() ? "true" : "false";
    return std::string(kind_of(node));
}

Place Reader::place(const toml::source_region& source, const std::vector<std::string>& path) const {
    if (source.begin.line != 0) return {{}, source.begin.line, source.begin.column};
    // What has no place came from a flag: the last one that set it, or something in it.
    for (auto flag = document_.overrides.rbegin(); flag != document_.overrides.rend(); ++flag) {
        const std::size_t shared = std::min(flag->key.size(), path.size());
        if (std::equal(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(shared),
                       flag->key.begin()))
            return {flag->flag, 0, 0};
    }
    return {};
}

void Reader::problem_in(const Place& at, std::string_view text, std::size_t offset,
                        std::string what) {
    const auto found = at.flag.empty()
                           ? place_in_text(document_.text, at.line, at.column, text, offset)
                           : std::nullopt;
    if (!found) return problem(at, std::move(what));
    problems_.push_back({{{}, found->line, found->column}, std::move(what), found->shown});
}

namespace {

const Key* find_key(const Section* section, std::string_view name) {
    if (section == nullptr) return nullptr;
    const auto key = std::ranges::find(section->keys, name, &Key::name);
    return key == section->keys.end() ? nullptr : &*key;
}

}  // namespace

/// The key's place, default, and, if it is a section, what stands in it.
void Reader::begin_key(const Key& key, const toml::table* table, Values& out,
                       const std::vector<std::string>& path) {
    Value& value = out.values[key.name];
    value.place = out.place;
    fill_default(key, value);
    if (key.type != KeyType::section || key.section == nullptr) return;
    const toml::table* inner = table ? table->get_as<toml::table>(key.name) : nullptr;
    std::vector<std::string> inner_path = path;
    inner_path.emplace_back(key.name);
    value.given = inner != nullptr;
    if (inner) value.place = place(inner->source(), inner_path);
    value.section = std::make_shared<Values>(read(*key.section, inner, inner_path, value.place));
}

Values Reader::read(const Section& section, const toml::table* table,
                    const std::vector<std::string>& path, const Place& place_of_section) {
    Values out;
    out.place = place_of_section;
    for (const Key& key : section.keys) begin_key(key, table, out, path);
    if (!table) return out;
    // The type first: which keys there are depends on it.
    const auto* type_key = section.keys.empty() ? nullptr : &section.keys.front();
    const bool typed = type_key->name == "type";
    if (const toml::node* node = typed ? table->get("type") : nullptr) {
        read_key(*type_key, *node, out.values["type"], path);
        out.type = out.text("type");
    }
    const Section* own = section.kind(out.type);
    if (own != nullptr)
        for (const Key& key : own->keys) begin_key(key, table, out, path);
    for (auto&& [name, node] : *table)
        if (!typed || name.str() != "type") read_entry(section, own, name, node, out, path);
    report_missing(section, *table, out, path);
    if (own != nullptr) report_missing(*own, *table, out, path);
    return out;
}

void Reader::read_entry(const Section& section, const Section* own, const toml::key& name,
                        const toml::node& node, Values& out, const std::vector<std::string>& path) {
    const Key* key = find_key(&section, name.str());
    if (key == nullptr) key = find_key(own, name.str());
    std::vector<std::string> key_path = path;
    key_path.emplace_back(name.str());
    const Place key_place = place(name.source(), key_path);
    const bool is_right = key != nullptr && (out.type.empty() || applies(*key, out.type));
    if (is_right)
        read_key(*key, node, out.values[key->name], key_path);
    else
        report_elsewhere(section, out.type, name.str(), key_place);
}

/// A key that this type doesn't have: others do, or none.
void Reader::report_elsewhere(const Section& section, std::string_view type, std::string_view name,
                              const Place& key_place) {
    std::vector<std::string_view> types;
    if (const Key* key = find_key(&section, name)) types = words_of(key->only);
    for (const Section* kind : section.kinds)
        if (find_key(kind, name) != nullptr) types.push_back(kind->type);
    if (types.empty()) return report_unknown(section, type, name, key_place);
    if (type.empty()) return;  // That has been said; nobody knows which keys were meant.
    std::string all;
    for (std::string_view one : types)
        all += fmt::format("{}\"{}\"", all.empty() ? "" : " or ", one);
    problem(key_place,
            fmt::format("{} is not a key of type \"{}\"; expected it only with type = {}", name,
                        type, all));
}

void Reader::report_missing(const Section& section, const toml::table& table, const Values& read,
                            const std::vector<std::string>& path) {
    for (const Key& key : section.keys) {
        const bool wanted = key.fallback == required && applies(key, read.type);
        if (!wanted || table.contains(key.name) || path.empty()) continue;
        problem(read.place,
                fmt::format("{} has no {}; expected {}", path.back(), key.name, expectation(key)));
    }
}

/// Nothing in a value is expanded. What looks as if it were is refused in paths and patterns, where
/// it would make folders of strange names, and noted elsewhere. `$${` stands for `${`.
std::string Reader::literal(const Key& key, std::string_view text, const Place& at) {
    const bool is_path =
        key.type == KeyType::path || key.type == KeyType::globs || key.type == KeyType::folders;
    const auto is_word = [&](std::size_t i) {
        return i < text.size() &&
               (std::isalpha(static_cast<unsigned char>(text[i])) != 0 || text[i] == '_');
    };
    if (is_path && text.starts_with('~'))
        problem(at, fmt::format("{} is {}; expected a path without ~, which is not expanded; what "
                                "has this name is written {}",
                                key.name, in_quotes(text), in_quotes(fmt::format("./{}", text))));
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view rest = text.substr(i);
        if (rest.starts_with("$${")) {
            out += "${";
            i += 2;
            continue;
        }
        out += text[i];
        if (is_path && rest.starts_with("${")) {
            problem(at, fmt::format("{} is {}; expected a path without ${{...}}, which is not "
                                    "expanded; ${{ itself is written $${{",
                                    key.name, in_quotes(text)));
            return std::string(text);
        }
        const bool looks_so = rest.starts_with("${") ? is_word(i + 2) && rest.contains('}')
                                                     : is_path && rest[0] == '$' && is_word(i + 1);
        if (looks_so)
            notes_.push_back(
                {at, fmt::format("{} holds {}: variables are not expanded, it is taken "
                                 "as it stands{}",
                                 key.name, in_quotes(rest.substr(0, rest.find_first_of("}/") + 1)),
                                 rest[1] == '{' ? "; written $${ it is not noted" : "")});
    }
    return out;
}

void Reader::read_key(const Key& key, const toml::node& node, Value& value,
                      const std::vector<std::string>& path) {
    value.place = place(node.source(), path);
    const auto wrong = [&](std::string_view more = {}) {
        problem(value.place, fmt::format("{} is {}; expected {}{}", key.name, shown(node),
                                         expectation(key), more));
    };
    switch (key.type) {
        case KeyType::size:
        case KeyType::duration:
        case KeyType::count:
        case KeyType::percent: return read_number(key, node, value);
        case KeyType::names:
        case KeyType::fields:
        case KeyType::folders:
        case KeyType::words:
        case KeyType::globs: return read_list(key, node, value, path);
        case KeyType::routes: return read_routes(key, node, value, path);
        case KeyType::values: return read_values(key, node, value, path);
        case KeyType::rules: return read_rules(key, node, value, path);
        case KeyType::tables: return read_tables(key, node, value, path);
        case KeyType::time: return read_time(key, node, value);
        case KeyType::records: return read_records(key, node, value, path);
        case KeyType::verbatim: break;
        case KeyType::section:
            if (!node.is_table()) wrong();
            return;
        case KeyType::flag:
            if (!node.is_boolean()) return wrong();
            value.number = node.as_boolean()->get() ? 1 : 0;
            value.given = true;
            return;
        case KeyType::text:
        case KeyType::path:
        case KeyType::choice: break;
    }
    const auto* text = node.as_string();
    if (!text) return wrong();
    if (key.type == KeyType::choice && !has_choice(key, text->get()))
        return wrong(advice(text->get(), key));
    if (key.type == KeyType::path && (text->get().empty() || text->get().size() > 4000 ||
                                      text->get().find('\0') != std::string::npos))
        return wrong(text->get().empty() ? " that is not empty" : " of at most 4000 bytes");
    const bool as_it_is = key.type == KeyType::choice || key.type == KeyType::verbatim;
    value.text = as_it_is ? text->get() : literal(key, text->get(), value.place);
    value.given = true;
}

void Reader::read_number(const Key& key, const toml::node& node, Value& value) {
    std::optional<std::int64_t> number;
    if (key.type == KeyType::percent) {
        number = as_percent(node);
    } else if (const auto* whole = node.as_integer()) {
        if (key.type != KeyType::duration) number = whole->get();
    } else if (const auto* text = node.as_string()) {
        if (key.type == KeyType::size) {
            const auto size = io::parse_size(text->get());
            if (size && *size <= static_cast<std::uint64_t>(INT64_MAX))
                number = static_cast<std::int64_t>(*size);
        } else if (key.type == KeyType::duration) {
            const auto duration = io::parse_duration(text->get());
            if (duration) number = duration->ns;
        }
    }
    if (!number || *number < key.min || *number > key.max) {
        std::string_view hint;
        if (key.type == KeyType::duration && node.is_integer()) hint = "; a duration has a unit";
        problem(value.place, fmt::format("{} is {}; expected {}{}", key.name, shown(node),
                                         expectation(key), hint));
        return;
    }
    value.number = *number;
    value.given = true;
}

void Reader::read_list(const Key& key, const toml::node& node, Value& value,
                       const std::vector<std::string>& path) {
    const auto* list = node.as_array();
    if (!list || list->empty()) {
        problem(value.place, fmt::format("{} is {}; expected {}", key.name,
                                         list ? "an empty list" : shown(node), expectation(key)));
        return;
    }
    for (const toml::node& item : *list) {
        const auto* text = item.as_string();
        const Place item_place = place(item.source(), path);
        // An argument of a command may be empty, its name may not.
        const bool may_be_empty = key.type == KeyType::words && !value.list.empty();
        if (!text || (text->get().empty() && !may_be_empty) || text->get().size() > 4000 ||
            text->get().find('\0') != std::string::npos) {
            problem(item_place, fmt::format("{} holds {}; expected {}", key.name, shown(item),
                                            expectation(key)));
            continue;
        }
        value.list.push_back({literal(key, text->get(), item_place), item_place});
    }
    value.given = !value.list.empty();
}

void Reader::read_routes(const Key& key, const toml::node& node, Value& value,
                         const std::vector<std::string>& path) {
    const auto* table = node.as_table();
    if (!table || table->empty()) {
        problem(value.place, fmt::format("{} is {}; expected {}", key.name,
                                         table ? "an empty table" : shown(node), expectation(key)));
        return;
    }
    for (auto&& [name, item] : *table) {
        std::vector<std::string> item_path = path;
        item_path.emplace_back(name.str());
        const Place item_place = place(item.source(), item_path);
        const auto* text = item.as_string();
        if (!text || text->get().empty()) {
            problem(item_place, fmt::format("{} is {}; expected a condition in quotes",
                                            in_quotes(name.str()), shown(item)));
            continue;
        }
        value.list.push_back(
            {literal(key, text->get(), item_place), item_place, std::string(name.str())});
    }
    // TOML tables are sorted by name; people expect the order of the file.
    std::sort(value.list.begin(), value.list.end(), [](const Item& a, const Item& b) {
        return std::tie(a.place.line, a.place.column, a.name) <
               std::tie(b.place.line, b.place.column, b.name);
    });
    value.given = !value.list.empty();
}

void Reader::report_unknown(const Section& section, std::string_view type, std::string_view name,
                            const Place& at) {
    std::vector<std::string_view> known;
    for (const Key& key : section.keys)
        if (type.empty() || applies(key, type)) known.push_back(key.name);
    // Behind the type.
    std::size_t at_end = std::min<std::size_t>(known.size(), 1);
    for (const Section* kind : section.kinds)
        for (const Key& key : kind->keys) {
            if (!type.empty() && kind->type != type) continue;
            if (std::ranges::find(known, key.name) != known.end()) continue;
            known.insert(known.begin() + static_cast<std::ptrdiff_t>(at_end++), key.name);
        }
    std::string all;
    for (std::string_view key : known) all += (all.empty() ? "" : ", ") + std::string(key);
    problem(at, fmt::format("{} is not a key of {}; expected one of {}{}", in_quotes(name),
                            section.name.empty() ? "this file" : fmt::format("[{}]", section.name),
                            all, suggestion(name, known)));
}

namespace {

std::string description_of(const toml::parse_error& error) {
    std::string text(error.description());
    std::replace(text.begin(), text.end(), '\n', ' ');
    return io::printable(text);
}

// "engine.memory_limit=32MiB" -> its parts and its value; quotes in either are as in TOML.
bool split_flag(const std::string& set, std::vector<std::string>& key, toml::table& holder) {
    const std::size_t equals = set.find('=');
    if (equals == std::string::npos || equals == 0) return false;
    const std::string name = set.substr(0, equals);
    const std::string value = set.substr(equals + 1);
    // A value that isn't TOML by itself is taken as text: --set engine.memory_limit=32MiB.
    try {
        holder = toml::parse("value = " + value + "\n");
        if (holder.size() != 1) return false;
    } catch (const toml::parse_error&) {
        holder = toml::table{};
        holder.insert("value", value);
    }
    try {
        const toml::table table = toml::parse(name + " = 0\n");
        const toml::node* node = &table;
        while (const auto* inner = node->as_table()) {
            if (inner->size() != 1) return false;
            key.emplace_back(inner->begin()->first.str());
            node = &inner->begin()->second;
        }
        return true;
    } catch (const toml::parse_error&) {
        return false;
    }
}

// Copies lose their place in the text, which is how place() knows a flag's values from the file's.
void lay_over(toml::table& root, const std::vector<std::string>& key, const toml::node& value) {
    toml::table* at = &root;
    for (std::size_t i = 0; i + 1 < key.size(); ++i) {
        if (!at->contains(key[i]) || !(*at)[key[i]].is_table())
            at->insert_or_assign(key[i], toml::table{});
        at = (*at)[key[i]].as_table();
    }
    value.visit([&](const auto& typed) { at->insert_or_assign(key.back(), typed); });
}

}  // namespace

Document read_document(std::string_view text, const std::vector<std::string>& set,
                       std::vector<Problem>& problems) {
    Document document;
    document.text = text;
    if (const auto deep = too_deep(text)) {
        problems.push_back({{{}, deep->line, deep->column}, deep->what});
        return document;
    }
    try {
        document.root = toml::parse(text);
    } catch (const toml::parse_error& error) {
        const auto begin = error.source().begin;
        problems.push_back({{{}, begin.line, begin.column},
                            fmt::format("this is not TOML: {}", description_of(error))});
    }
    for (const std::string& one : set) {
        constexpr std::size_t longest = 200;
        const std::string_view shown_part = io::cut(one, longest);
        Override override{
            "--set " + io::printable(shown_part) + (shown_part.size() < one.size() ? "..." : ""),
            {}};
        if (const auto deep = too_deep(one)) {
            problems.push_back({{override.flag, 0, 0}, deep->what});
            continue;
        }
        toml::table holder;
        if (!split_flag(one, override.key, holder)) {
            problems.push_back({{override.flag, 0, 0},
                                "this is not an assignment; expected key=value such as "
                                "engine.memory_limit=32MiB"});
            continue;
        }
        lay_over(document.root, override.key, *holder.get("value"));
        document.overrides.push_back(std::move(override));
    }
    return document;
}

}  // namespace holdfast::cli

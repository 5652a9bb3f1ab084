// Lists of tables, times, and records as a test writes them. See reader.hpp.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <tuple>

#include "core/jq/text.hpp"
#include "io/cli/reader.hpp"

namespace holdfast::cli {
namespace {

using Begin = std::pair<std::uint32_t, std::uint32_t>;

Begin begin_of(const toml::key& key) {
    return {key.source().begin.line, key.source().begin.column};
}

/// The JSON that a TOML value stands for, members in the order of the file; nothing for what JSON
/// has no word for (dates, nan).
std::optional<std::string> json_of(const toml::node& node) {
    if (const auto* text = node.as_string()) return jq::quoted(text->get());
    if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
    if (const auto* on = node.as_boolean()) return on->get() ? "true" : "false";
    if (const auto* number = node.as_floating_point()) {
        if (!std::isfinite(number->get())) return std::nullopt;
        return fmt::format("{}", number->get());
    }
    std::string out;
    const auto add = [&](const std::string& before, const toml::node& inner) {
        const auto json = json_of(inner);
        if (json) out += (out.empty() ? "" : ",") + before + *json;
        return json.has_value();
    };
    if (const auto* list = node.as_array()) {
        for (const toml::node& item : *list)
            if (!add({}, item)) return std::nullopt;
        return "[" + out + "]";
    }
    const auto* table = node.as_table();
    if (!table) return std::nullopt;
    std::vector<std::pair<const toml::key*, const toml::node*>> members;
    for (auto&& [name, inner] : *table) members.emplace_back(&name, &inner);
    std::sort(members.begin(), members.end(),
              [](const auto& a, const auto& b) { return begin_of(*a.first) < begin_of(*b.first); });
    for (const auto& [name, inner] : members)
        if (!add(jq::quoted(name->str()) + ":", *inner)) return std::nullopt;
    return "{" + out + "}";
}

}  // namespace

std::optional<std::int64_t> nanoseconds_of(const toml::date_time& time) {
    if (!time.offset) return std::nullopt;
    using namespace std::chrono;
    const year_month_day day{year{time.date.year}, month{time.date.month},
                             std::chrono::day{time.date.day}};
    // What a count of nanoseconds holds, with a margin.
    if (!day.ok() || time.date.year < 1700 || time.date.year > 2200) return std::nullopt;
    const auto at = sys_days(day) + hours(time.time.hour) + minutes(time.time.minute) +
                    seconds(time.time.second) - minutes(time.offset->minutes);
    return duration_cast<nanoseconds>(at.time_since_epoch()).count() + time.time.nanosecond;
}

std::optional<std::int64_t> nanoseconds_of(std::string_view text) {
    // Nothing but a time: what stands there becomes TOML.
    if (text.find_first_not_of("0123456789-:.TtZz+ ") != std::string_view::npos)
        return std::nullopt;
    try {
        const toml::table table = toml::parse("time = " + std::string(text) + "\n");
        const auto* time = table.get_as<toml::date_time>("time");
        return time ? nanoseconds_of(time->get()) : std::nullopt;
    } catch (const toml::parse_error&) {
        return std::nullopt;
    }
}

void Reader::read_time(const Key& key, const toml::node& node, Value& value) {
    std::optional<std::int64_t> time;
    if (const auto* text = node.as_string()) time = nanoseconds_of(text->get());
    if (const auto* written = node.as_date_time()) time = nanoseconds_of(written->get());
    if (!time) {
        problem(value.place,
                fmt::format("{} is {}; expected {} (years 1700 to 2200, with Z or an offset)",
                            key.name, shown(node), expectation(key)));
        return;
    }
    value.number = *time;
    value.given = true;
}

/// An empty list is one: no record.
void Reader::read_records(const Key& key, const toml::node& node, Value& value,
                          const std::vector<std::string>& path) {
    const auto* list = node.as_array();
    if (!list) {
        problem(value.place,
                fmt::format("{} is {}; expected {}", key.name, shown(node), expectation(key)));
        return;
    }
    value.given = true;
    for (const toml::node& item : *list) {
        const Place at = place(item.source(), path);
        if (const auto* text = item.as_string()) {
            value.list.push_back({text->get(), at});
        } else if (auto json = json_of(item)) {
            value.list.push_back({std::move(*json), at});
        } else {
            problem(at, fmt::format("{} holds {}, which JSON has no word for; expected {}",
                                    key.name, shown(item), expectation(key)));
        }
    }
}

void Reader::read_tables(const Key& key, const toml::node& node, Value& value,
                         const std::vector<std::string>& path) {
    const auto* list = node.as_array();
    const auto is_table = [](const toml::node& item) { return item.is_table(); };
    if (!list || !std::all_of(list->begin(), list->end(), is_table)) {
        problem(value.place,
                fmt::format("{} is {}; expected {}", key.name,
                            list ? "a list of other things" : shown(node), expectation(key)));
        return;
    }
    value.given = true;
    for (const toml::node& item : *list)
        value.tables.push_back(std::make_shared<Values>(
            read(*key.section, item.as_table(), path, place(item.source(), path))));
}

/// Of any kind that JSON has, as JSON.
void Reader::read_values(const Key& key, const toml::node& node, Value& value,
                         const std::vector<std::string>& path) {
    const auto* table = node.as_table();
    if (!table) {
        problem(value.place,
                fmt::format("{} is {}; expected {}", key.name, shown(node), expectation(key)));
        return;
    }
    for (auto&& [name, item] : *table) {
        std::vector<std::string> item_path = path;
        item_path.emplace_back(name.str());
        const Place at = place(item.source(), item_path);
        const auto* text = item.as_string();
        const std::optional<std::string> json =
            text ? jq::quoted(literal(key, text->get(), at)) : json_of(item);
        if (!json) {
            problem(at,
                    fmt::format("{} holds a date, a time or a number that is none; expected what "
                                "JSON has: text, numbers, true, false, lists and tables",
                                in_quotes(name.str())));
            continue;
        }
        value.list.push_back({*json, at, std::string(name.str())});
    }
    std::sort(value.list.begin(), value.list.end(), [](const Item& a, const Item& b) {
        return std::tie(a.place.line, a.place.column, a.name) <
               std::tie(b.place.line, b.place.column, b.name);
    });
    value.given = true;
}

}  // namespace holdfast::cli

// Rules of a raw filter: a list of tables. See reader.hpp.
#include <fmt/core.h>

#include <cmath>

#include "core/jq/text.hpp"
#include "io/cli/reader.hpp"

namespace holdfast::cli {
namespace {

/// A number or boolean as JSON; empty for what has no place in a rule.
std::string json_of(const toml::node& node) {
    if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
    if (const auto* number = node.as_floating_point())
        return std::isfinite(number->get()) ? fmt::format("{}", number->get()) : std::string();
    if (const auto* on = node.as_boolean()) return on->get() ? "true" : "false";
    return {};
}

}  // namespace

bool Reader::read_rule(const Key& rules, const toml::table& table, RuleItem& rule,
                       const std::vector<std::string>& path) {
    const auto wrong = [&](const Place& at, const std::string& what) {
        problem(at, what);
        return false;
    };
    for (auto&& [name, node] : table) {
        const std::string_view key = name.str();
        const Place at = place(name.source(), path);
        if (key == "equals") {
            const auto* text = node.as_string();
            rule.json = text ? jq::quoted(literal(rules, text->get(), at)) : json_of(node);
            rule.when = "equals";
            if (rule.json.empty())
                return wrong(at, fmt::format("equals is {}; expected text, a number, true or false",
                                             shown(node)));
            continue;
        }
        if (key != "missing" && key != "present" && key != "field" && key != "then")
            return wrong(at, fmt::format("{} is not a key of a rule; expected missing, present, "
                                         "field, equals or then",
                                         in_quotes(key)));
        const auto* text = node.as_string();
        if (!text || text->get().empty())
            return wrong(at, fmt::format("{} is {}; expected {}", key, shown(node),
                                         key == "then" ? "\"drop\" or \"dead_letter\""
                                                       : "a field such as \"user.id\""));
        if (key == "then") {
            rule.then = text->get();
            if (rule.then != "drop" && rule.then != "dead_letter")
                return wrong(at, fmt::format("then is {}; expected \"drop\" or \"dead_letter\"",
                                             shown(node)));
            continue;
        }
        if (!rule.field.empty())
            return wrong(rule.place,
                         "a rule names two fields; expected one of missing, present "
                         "and field");
        rule.field = literal(rules, text->get(), at);
        if (key != "field") rule.when = key;
    }
    const bool has_equals = table.contains("equals");
    if (rule.field.empty() || rule.when.empty() || table.contains("field") != has_equals)
        return wrong(rule.place,
                     "a rule is not complete; expected { missing = \"user.id\" }, "
                     "{ present = \"debug\" } or { field = \"level\", equals = "
                     "\"bad\" }");
    return true;
}

void Reader::read_rules(const Key& key, const toml::node& node, Value& value,
                        const std::vector<std::string>& path) {
    const auto* list = node.as_array();
    if (!list || list->empty()) {
        problem(value.place, fmt::format("{} is {}; expected {}", key.name,
                                         list ? "an empty list" : shown(node), expectation(key)));
        return;
    }
    for (const toml::node& item : *list) {
        RuleItem rule;
        rule.place = place(item.source(), path);
        const auto* table = item.as_table();
        if (!table) {
            problem(rule.place, fmt::format("{} holds {}; expected {}", key.name, shown(item),
                                            expectation(key)));
            continue;
        }
        if (read_rule(key, *table, rule, path)) value.rules.push_back(std::move(rule));
    }
    value.given = !value.rules.empty();
}

}  // namespace holdfast::cli

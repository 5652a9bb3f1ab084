// Transforms that read text: what their tables say, and what is wrong with it. See config_flow.hpp.
#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/codec/utf8.hpp"
#include "io/cli/config_flow.hpp"
#include "io/runner/transforms.hpp"

namespace holdfast::cli {
namespace {

using namespace io;
using text::Format;

constexpr std::size_t columns_most = 1000, pattern_most = 64 << 10;

bool by_keys(const codec::Path& path) {
    return !path.steps.empty() && std::none_of(path.steps.begin(), path.steps.end(),
                                               [](const auto& step) { return step.by_index; });
}

bool is_text(std::string_view text) {
    return !text.empty() && codec::valid_utf8(text) &&
           text.find_first_of(std::string_view("\"\n\0", 3)) == std::string_view::npos;
}

class Check {
public:
    Check(const TransformSettings& transform, const Values& values, Reader& reader)
        : parse_(*transform.parse), name_(transform.node.name), values_(values), reader_(reader) {}

    void run() {
        field();
        into();
        separators();
        csv();
        pattern();
        only("numbers", parse_.format != Format::json, "values of JSON have their types");
        only("max_keys", text::has_keys_max(parse_.format), "nothing but max_line bounds its keys");
        if (given("keep_text") && !given("field"))
            wrong("keep_text",
                  fmt::format("keep_text is about `field`, and transform \"{}\" parses "
                              "whole lines; expected a field, or no keep_text",
                              name_));
    }

private:
    bool given(std::string_view key) const { return values_.at(key).given; }
    void wrong(std::string_view key, std::string what) {
        reader_.problem(values_.at(key).place, std::move(what));
    }

    void field() {
        if (!given("field") || parse_.field) return;
        wrong("field", fmt::format("{} is no field of an object; expected one such as \"log\" or "
                                   "\"kubernetes.log\"",
                                   in_quotes(values_.text("field"))));
    }

    void into() {
        const std::string& key = values_.text("into");
        if (!given("into")) return;
        if (key.empty() || !codec::valid_utf8(key) || key.find('.') != std::string::npos)
            wrong("into", fmt::format("into is {}; expected one key of the record such as "
                                      "\"fields\", without dots",
                                      in_quotes(key)));
    }

    void separators() {
        const bool wanted = parse_.format == Format::key_value;
        only("pair_separator", wanted, "its pairs have fixed separators");
        only("key_separator", wanted, "its pairs have fixed separators");
        const std::string &pairs = parse_.pair_separator, &keys = parse_.key_separator;
        for (const char* key : {"pair_separator", "key_separator"})
            if (wanted && !is_text(values_.text(key)))
                return wrong(key, fmt::format("{} is {}; expected text without quotes and newlines",
                                              key, in_quotes(values_.text(key))));
        if (!wanted ||
            (pairs.find(keys) == std::string::npos && keys.find(pairs) == std::string::npos))
            return;
        wrong(given("key_separator") ? "key_separator" : "pair_separator",
              fmt::format("pair_separator {} and key_separator {} hold one another; expected two "
                          "that can be told apart",
                          in_quotes(pairs), in_quotes(keys)));
    }

    void csv() {
        const bool wanted = parse_.format == Format::csv;
        for (const char* key : {"columns", "separator", "skip_header"})
            only(key, wanted, "it has no columns");
        if (!wanted) return;
        if (!is_text(parse_.separator))
            wrong("separator",
                  fmt::format("separator is {}; expected text without quotes and newlines",
                              in_quotes(parse_.separator)));
        const std::vector<Item>& columns = values_.at("columns").list;
        if (columns.empty() || columns.size() > columns_most)
            reader_.problem(given("columns") ? values_.at("columns").place : values_.place,
                            fmt::format("transform \"{}\" has {} columns; expected their names in "
                                        "order, columns = [\"id\", \"name\"], at most {}",
                                        name_, columns.size(), columns_most));
        std::set<std::string_view> seen;
        for (const Item& column : columns)
            if (!seen.insert(column.text).second || !codec::valid_utf8(column.text))
                reader_.problem(column.place,
                                fmt::format("column {} is there twice; expected another "
                                            "name",
                                            in_quotes(column.text)));
    }

    void pattern() {
        const bool wanted = parse_.format == Format::regex;
        only("pattern", wanted, "it has no pattern");
        if (!wanted) return;
        const Place& place = given("pattern") ? values_.at("pattern").place : values_.place;
        if (parse_.pattern.empty() || parse_.pattern.size() > pattern_most)
            return reader_.problem(
                place,
                fmt::format("transform \"{}\" has a pattern of {} bytes; expected one such as "
                            "pattern = '^(?<ip>\\S+) (?<path>.*)', at most {} bytes",
                            name_, parse_.pattern.size(), pattern_most));
        const CompiledProgram made = make_parser(parse_);
        if (!made)
            reader_.problem(place,
                            fmt::format("{} is no pattern: {}; expected one with named groups "
                                        "such as '^(?<ip>\\S+) (?<path>.*)'",
                                        in_quotes(parse_.pattern), made.error().message));
    }

    /// A key that says nothing here.
    void only(std::string_view key, bool applies, std::string_view why) {
        if (applies || !given(key)) return;
        wrong(key,
              fmt::format("{} is set, but the format of transform \"{}\" is {}: {}; expected no {}",
                          key, name_, text::format_name(parse_.format), why, key));
    }

    const text::ParseSettings& parse_;
    const std::string& name_;
    const Values& values_;
    Reader& reader_;
};

}  // namespace

text::ParseSettings parse_of(const Values& values) {
    text::ParseSettings out;
    const std::string& format = values.text("format");
    out.format = format == "logfmt"      ? Format::logfmt
                 : format == "key_value" ? Format::key_value
                 : format == "csv"       ? Format::csv
                 : format == "regex"     ? Format::regex
                 : format == "syslog"    ? Format::syslog
                                         : Format::json;
    for (const Item& column : values.at("columns").list) out.columns.push_back(column.text);
    out.separator = values.text("separator");
    out.skip_header = values.number("skip_header") != 0;
    out.pattern = values.text("pattern");
    out.pair_separator = values.text("pair_separator");
    out.key_separator = values.text("key_separator");
    out.numbers = values.number("numbers") != 0;
    if (auto path = codec::parse_path(values.text("field")); path && by_keys(*path)) {
        out.field = std::move(*path);
        out.field_name = values.text("field");
        if (!out.field_name.starts_with('.')) out.field_name.insert(0, ".");
    }
    out.into = values.text("into");
    out.keep_text = values.number("keep_text") != 0;
    out.keys_max = static_cast<std::uint32_t>(values.number("max_keys"));
    return out;
}

void check_parse(const Parts& parts, const PipelineConfig& config, Reader& reader) {
    for (std::size_t i = 0; i < config.transforms.size(); ++i)
        if (config.transforms[i].parse)
            Check(config.transforms[i], parts.transforms[i].values, reader).run();
}

}  // namespace holdfast::cli

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
using text::Layout;

constexpr std::size_t columns_most = 1000, pattern_most = 64 << 10;

bool by_keys(const codec::Path& path) {
    return !path.steps.empty() && std::none_of(path.steps.begin(), path.steps.end(),
                                               [](const auto& step) { return step.by_index; });
}

bool is_text(std::string_view text) {
    return !text.empty() && codec::valid_utf8(text) &&
           text.find_first_of(std::string_view("\"\n\0", 3)) == std::string_view::npos;
}

/// What is wrong with the table of one transform.
class Table {
protected:
    Table(const TransformSettings& transform, const Values& values, Reader& reader)
        : name_(transform.node.name), values_(values), reader_(reader) {}

    bool given(std::string_view key) const { return values_.at(key).given; }
    void wrong(std::string_view key, std::string what) {
        reader_.problem(given(key) ? values_.at(key).place : values_.place, std::move(what));
    }
    /// A key that says nothing here.
    void only(std::string_view key, bool applies, std::string_view format, std::string_view why) {
        if (applies || !given(key)) return;
        wrong(key,
              fmt::format("{} is set, but the format of transform \"{}\" is {}: {}; expected no {}",
                          key, name_, format, why, key));
    }
    void separator() {
        const std::string& text = values_.text("separator");
        if (is_text(text)) return;
        wrong("separator", fmt::format("separator is {}; expected text without quotes and newlines",
                                       in_quotes(text)));
    }
    void columns(std::string_view names) {
        const std::size_t size = values_.at("columns").list.size();
        if (size > 0 && size <= columns_most) return;
        wrong("columns",
              fmt::format("transform \"{}\" has {} columns; expected their names in order, "
                          "columns = {}, at most {}",
                          name_, size, names, columns_most));
    }

    const std::string& name_;
    const Values& values_;
    Reader& reader_;
};

class ParseTable : Table {
public:
    ParseTable(const TransformSettings& transform, const Values& values, Reader& reader)
        : Table(transform, values, reader), parse_(*transform.parse) {}

    void run() {
        if (values_.text("format") == "template")
            return wrong("format",
                         "\"template\" writes text; expected \"json\", \"logfmt\", "
                         "\"key_value\", \"csv\", \"regex\" or \"syslog\" where it is read");
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
        separator();
        columns("[\"id\", \"name\"]");
        std::set<std::string_view> seen;
        for (const Item& column : values_.at("columns").list)
            if (!seen.insert(column.text).second)
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

    void only(std::string_view key, bool applies, std::string_view why) {
        Table::only(key, applies, text::format_name(parse_.format), why);
    }

    const text::ParseSettings& parse_;
};

class FormatTable : Table {
public:
    FormatTable(const TransformSettings& transform, const Values& values, Reader& reader)
        : Table(transform, values, reader), format_(*transform.format) {}

    void run() {
        const bool is_csv = format_.layout == Layout::csv;
        const bool is_program = format_.layout == Layout::program;
        const std::string& word = values_.text("format");
        const std::string_view known = text::layout_name(format_.layout);
        if (!word.empty() && word != known)
            return wrong("format", fmt::format("{} is what text is read as; expected \"logfmt\", "
                                               "\"csv\" or \"template\" where it is written",
                                               in_quotes(word)));
        for (const char* key : {"columns", "separator"})
            only(key, is_csv, known, "it has no columns");
        only("template", is_program, known, "it has no program");
        for (const char* key : {"program_memory", "program_time", "program_string", "program_depth",
                                "args", "jq_path"})
            only(key, is_program, known, "it has no program");
        if (is_program && !given("template"))
            wrong("template",
                  fmt::format("transform \"{}\" has no template; expected a jq program that "
                              "gives text, such as template = '\"\\(.time) \\(.message)\"'",
                              name_));
        if (!is_csv) return;
        separator();
        columns("[\"id\", \"user.name\"]");
        for (const Item& column : values_.at("columns").list)
            if (!codec::parse_path(column.text))
                reader_.problem(column.place, fmt::format("{} is no field; expected one such as "
                                                          "\"user.name\"",
                                                          in_quotes(column.text)));
    }

private:
    const text::FormatSettings& format_;
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

void format_of(const Values& values, TransformSettings& out) {
    text::FormatSettings& format = out.format.emplace();
    const std::string& word = values.text("format");
    format.layout = word == "csv"        ? Layout::csv
                    : word == "template" ? Layout::program
                                         : Layout::logfmt;
    if (format.layout == Layout::program) out.texts.push_back(values.text("template"));
    format.separator = values.text("separator");
    for (const Item& column : values.at("columns").list) {
        auto path = codec::parse_path(column.text);
        if (!path) continue;
        format.columns.push_back(column.text);
        format.paths.push_back(std::move(*path));
    }
}

void check_text(const Parts& parts, const PipelineConfig& config, Reader& reader) {
    for (std::size_t i = 0; i < config.transforms.size(); ++i) {
        const TransformSettings& transform = config.transforms[i];
        const Values& values = parts.transforms[i].values;
        if (transform.parse) ParseTable(transform, values, reader).run();
        if (transform.format) FormatTable(transform, values, reader).run();
    }
}

std::vector<std::string> text_warnings(const PipelineConfig& config) {
    std::vector<std::string> out;
    const auto gives_text = [&](const flow::From& from) {
        return !from.source && config.transforms[from.index].format;
    };
    const auto warn = [&](std::string_view kind, const std::string& name, const flow::From& from) {
        out.push_back(fmt::format("{} {}: what {} gives is text, and no JSON that could be read",
                                  kind, name, input_name(config, from)));
    };
    for (const TransformSettings& transform : config.transforms) {
        const bool takes_text = !transform.reads() ||
                                transform.node.type == flow::NodeType::raw_filter ||
                                (transform.parse && !transform.parse->field);
        for (const flow::From& from : transform.node.inputs) {
            if (gives_text(from) && !takes_text) warn("transform", transform.node.name, from);
            const bool is_parsed = from.source && config.mode == RunMode::parsed &&
                                   config.sources[from.index].framing == Framing::lines;
            if (is_parsed && transform.parse && !transform.parse->field &&
                transform.parse->format != Format::json)
                out.push_back(
                    fmt::format("transform {}: with engine.mode = \"parsed\" only lines of "
                                "JSON reach it, and it reads {}",
                                transform.node.name, text::format_name(transform.parse->format)));
        }
    }
    for (const SinkSettings& sink : config.sinks)
        for (const flow::From& from : sink.from)
            if (gives_text(from) && sink.framing == Framing::msgpack) warn("sink", sink.name, from);
    return out;
}

}  // namespace holdfast::cli

// See config_tests.hpp.
#include "io/cli/config_tests.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "core/model/ids.hpp"
#include "io/cli/config_flow.hpp"
#include "io/jq/compile.hpp"
#include "io/printable.hpp"
#include "io/runner/transforms.hpp"
#include "io/units.hpp"

namespace holdfast::cli {
namespace {

using namespace io;

class TestReader {
public:
    TestReader(const PipelineConfig& config, Reader& reader)
        : config_(config), reader_(reader), names_(input_names(config)) {}

    TestCase read(const Values& values);

private:
    void wrong(const Place& place, const std::string& what) { reader_.problem(place, what); }
    void read_input(const Values& values, std::int64_t& at, TestCase& test);
    void read_output(const Values& values, TestCase& test);
    void read_dead_letter(const Values& values, TestCase& test);
    bool input_place(const Values& values, TestPlace& to);
    bool output_place(const Values& values, TestPlace& from);
    TestRecords records_of(const Values& values, Framing framing);
    void check_lines(const Value& value, const TestRecords& records);
    void check_size(const Values& values, const TestCase& test);
    void unknown(const Value& key, std::string_view what, const std::vector<std::string>& known);

    const PipelineConfig& config_;
    Reader& reader_;
    std::vector<InputName> names_;
};

std::optional<std::string> bytes_of(std::string_view hex) {
    std::string out;
    int high = -1;
    for (const char c : hex) {
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) return std::nullopt;
        if (high >= 0) out += static_cast<char>(high * 16 + digit);
        high = high < 0 ? digit : -1;
    }
    if (high >= 0) return std::nullopt;
    return out;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        out.emplace_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return out;
}

void TestReader::unknown(const Value& key, std::string_view what,
                         const std::vector<std::string>& known) {
    std::string all;
    for (const std::string& name : known)
        all += fmt::format("{}\"{}\"", all.empty() ? "" : ", ", name);
    const std::vector<std::string_view> views(known.begin(), known.end());
    const std::string_view near = nearest(key.text, views);
    wrong(key.place,
          fmt::format("no {} is named {}; expected one of {}{}", what, in_quotes(key.text), all,
                      near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
}

/// Requires that they are to be single lines.
void TestReader::check_lines(const Value& value, const TestRecords& records) {
    for (const std::string& record : records.records)
        if (record.find('\n') != std::string::npos)
            wrong(value.place, fmt::format("{} holds a newline, so that it is several lines; "
                                           "expected one line a record",
                                           in_quotes(record)));
}

/// `framing`: how the records stand in the place; of lines, text and hex are cut into them.
TestRecords TestReader::records_of(const Values& values, Framing framing) {
    TestRecords out;
    const Value* said = nullptr;
    for (const char* key : {"records", "text", "hex"}) {
        const Value& value = values.at(key);
        if (!value.given) continue;
        if (said)
            wrong(value.place,
                  fmt::format("{} is set beside another way to write records; expected "
                              "one of records, text and hex",
                              key));
        said = &value;
    }
    if (!said) return out;
    out.given = true;
    if (values.at("records").given) {
        for (const Item& item : said->list) out.records.push_back(item.text);
        if (framing == Framing::lines) check_lines(*said, out);
        return out;
    }
    out.bytes = said->text;
    if (values.at("hex").given) {
        out.is_bytes = true;
        const auto bytes = bytes_of(said->text);
        if (!bytes)
            wrong(said->place, fmt::format("hex is {}; expected pairs of hexadecimal digits, with "
                                           "white space between them at most",
                                           in_quotes(said->text)));
        out.bytes = bytes.value_or("");
    }
    if (framing == Framing::lines) out.records = lines_of(out.bytes);
    return out;
}

bool TestReader::input_place(const Values& values, TestPlace& to) {
    const Value& key = values.at("to");
    std::vector<std::string> known;
    for (std::uint32_t i = 0; i < config_.sources.size(); ++i)
        known.push_back(config_.sources[i].name);
    const std::size_t sources = known.size();
    for (const TransformSettings& transform : config_.transforms)
        known.push_back(transform.node.name);
    if (!key.given && sources != 1) {
        wrong(values.place, fmt::format("[tests.inputs] has no to, and there are {} sources; "
                                        "expected the name of a source or a transform",
                                        sources));
        return false;
    }
    to.name = key.given ? key.text : known.front();
    const auto found =
        static_cast<std::size_t>(std::find(known.begin(), known.end(), to.name) - known.begin());
    if (found == known.size()) {
        unknown(key, "source or transform", known);
        return false;
    }
    to.at_end = found < sources;
    to.index = static_cast<std::uint32_t>(to.at_end ? found : found - sources);
    return true;
}

bool TestReader::output_place(const Values& values, TestPlace& from) {
    const Value& key = values.at("from");
    std::vector<std::string> known;
    for (const SinkSettings& sink : config_.sinks) known.push_back(sink.name);
    const std::size_t sinks = known.size();
    for (const InputName& name : names_)
        if (!name.from.source) known.push_back(name.text);
    if (!key.given && sinks != 1) {
        wrong(values.place, fmt::format("[tests.outputs] has no from, and there are {} sinks; "
                                        "expected the name of a sink, a transform or an output",
                                        sinks));
        return false;
    }
    from.name = key.given ? key.text : known.front();
    const auto at = std::find(known.begin(), known.end(), from.name);
    if (at == known.end()) {
        unknown(key, "sink, transform or output of a transform", known);
        return false;
    }
    if (std::count(known.begin(), known.end(), from.name) > 1) {
        wrong(key.place,
              fmt::format("{} is the name of a sink and of a transform; expected another "
                          "name for one of them",
                          in_quotes(from.name)));
        return false;
    }
    const auto found = static_cast<std::size_t>(at - known.begin());
    from.at_end = found < sinks;
    if (from.at_end) {
        from.index = static_cast<std::uint32_t>(found);
        return true;
    }
    const auto name = std::find_if(names_.begin(), names_.end(),
                                   [&](const InputName& n) { return n.text == from.name; });
    from.from = name->from;
    from.index = name->from.index;
    if (!gives_nothing(config_, from.from)) return true;
    wrong(key.place, fmt::format("nobody takes {}, so that nothing comes out there; expected it in "
                                 "inputs of a sink or transform, or dropped or dead_letters in the "
                                 "test",
                                 in_quotes(from.name)));
    return false;
}

void TestReader::read_input(const Values& values, std::int64_t& at, TestCase& test) {
    TestInput input;
    if (values.at("at").given) at = values.number("at");
    input.at_ns = at;
    const bool known = input_place(values, input.to);
    const bool is_source = known && input.to.at_end;
    const Framing framing =
        is_source ? codec::bytes_of(config_.sources[input.to.index].framing) : Framing::lines;
    input.records = records_of(values, framing);
    if (!input.records.given)
        wrong(values.place, "[tests.inputs] has no records; expected one of records, text and hex");
    test.inputs.push_back(std::move(input));
}

void TestReader::read_output(const Values& values, TestCase& test) {
    TestOutput output;
    output_place(values, output.from);
    output.records = records_of(values, Framing::lines);
    output.by_bytes = values.text("compare") == "bytes";
    if (values.at("count").given) output.count = static_cast<std::uint64_t>(values.number("count"));
    output.every = values.text("every");
    if (!output.records.given && !output.count && output.every.empty())
        wrong(values.place,
              "[tests.outputs] says nothing of what comes out; expected one of "
              "records, text, hex, count and every");
    if (!output.every.empty()) {
        const auto compiled = compile_condition(output.every);
        if (!compiled)
            reader_.problem_in(
                values.at("every").place, output.every, compiled.error().offset,
                fmt::format("{} is not a jq program: {}; expected one such as '.level != "
                            "\"debug\"'",
                            in_quotes(output.every), printable(compiled.error().message)));
    }
    test.outputs.push_back(std::move(output));
}

void TestReader::read_dead_letter(const Values& values, TestCase& test) {
    TestDeadLetter dead;
    if (values.at("record").given) dead.record = values.text("record");
    dead.transform = values.text("transform");
    dead.reason = values.text("reason");
    dead.error = values.text("error");
    std::vector<std::string> known = transform_names(config_);
    if (!dead.transform.empty() &&
        std::find(known.begin(), known.end(), dead.transform) == known.end())
        unknown(values.at("transform"), "transform", known);
    known = {"parse_error", "failed", "rejected", "oversized"};
    if (!dead.reason.empty() && std::find(known.begin(), known.end(), dead.reason) == known.end())
        unknown(values.at("reason"), "reason that transforms and sources have", known);
    test.dead_letters.push_back(std::move(dead));
}

/// A place that is looked at takes the place of a sink, and one where records go in that of a source.
void TestReader::check_size(const Values& values, const TestCase& test) {
    std::set<std::string> taps, doors;
    for (const TestOutput& output : test.outputs)
        if (!output.from.at_end) taps.insert(output.from.name);
    for (const TestInput& input : test.inputs)
        if (!input.to.at_end) doors.insert(input.to.name);
    if (config_.sinks.size() + taps.size() > sinks_limit)
        wrong(values.place, fmt::format("there are {} sinks, and this test looks at {} outputs of "
                                        "transforms; expected at most {} together",
                                        config_.sinks.size(), taps.size(), sinks_limit));
    if (config_.sources.size() + doors.size() > sources_limit)
        wrong(values.place, fmt::format("there are {} sources, and this test puts records into {} "
                                        "transforms; expected at most {} together",
                                        config_.sources.size(), doors.size(), sources_limit));
}

TestCase TestReader::read(const Values& values) {
    TestCase test;
    test.name = values.text("name");
    test.line = values.place.line;
    test.halts = values.text("halts");
    std::int64_t at = values.number("at");
    for (const auto& table : values.at("inputs").tables) read_input(*table, at, test);
    for (const auto& table : values.at("outputs").tables) read_output(*table, test);
    for (const auto& table : values.at("dead_letters").tables) read_dead_letter(*table, test);
    const Value& dropped = values.at("dropped");
    test.dropped.given = dropped.given;
    for (const Item& item : dropped.list) test.dropped.records.push_back(item.text);
    if (values.at("inputs").given && test.inputs.empty())
        wrong(values.at("inputs").place, "inputs is an empty list; expected at least one");
    if (!config_.dead_letters.present && !test.dead_letters.empty())
        wrong(
            values.at("dead_letters").place,
            "dead_letters are expected, and there is no [dead_letters], so that the pipeline would "
            "halt; expected that section");
    if (test.outputs.empty() && test.dead_letters.empty() && test.halts.empty() && !dropped.given)
        wrong(values.place, fmt::format("test {} expects nothing; expected outputs, dead_letters, "
                                        "dropped or halts",
                                        in_quotes(test.name)));
    check_size(values, test);
    return test;
}

}  // namespace

std::vector<TestCase> read_tests(const Value& tests, const PipelineConfig& config, Reader& reader) {
    std::vector<TestCase> out;
    TestReader tables(config, reader);
    for (const auto& table : tests.tables) out.push_back(tables.read(*table));
    return out;
}

}  // namespace holdfast::cli

// See sim_records.hpp.
#include "io/cli/sim_records.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>

#include "io/component/kind.hpp"
#include "io/devices/glob.hpp"
#include "io/json.hpp"

namespace holdfast::cli {
namespace {

using namespace io;

constexpr std::size_t lines_max = 100;
constexpr std::size_t bytes_max = 256u << 10;
constexpr std::size_t line_length_max = 4096;
constexpr std::size_t entries_max = 2000;
constexpr std::size_t made_count = 40;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Blank lines are none, and what is too long is left out.
void take_lines(const std::string& path, std::vector<std::string>& out) {
    std::ifstream file(path, std::ios::binary);
    std::size_t bytes = 0;
    for (std::string line;
         out.size() < lines_max && bytes < bytes_max && std::getline(file, line);) {
        bytes += line.size();
        if (line.size() <= line_length_max && line.find_first_not_of(" \t\r") != std::string::npos)
            out.push_back(line);
    }
}

std::vector<std::string> from_tests(const ConfigResult& config, std::uint32_t source) {
    std::vector<std::string> out;
    for (const TestCase& test : config.tests)
        for (const TestInput& input : test.inputs)
            if (input.to.at_end && input.to.index == source && !input.records.is_bytes)
                for (const std::string& record : input.records.records)
                    if (!record.empty() && std::ranges::count(out, record) == 0)
                        out.push_back(record);
    return out;
}

std::vector<std::string> from_inputs(const SourceSettings& source) {
    std::vector<std::string> out;
    if (source.framing != Framing::lines) return out;
    std::size_t entries = 0;
    for (const PathClaim& claim : source.kind->reads(source)) {
        const std::filesystem::path base = Glob(claim.path).base();
        std::error_code error;
        if (source.kind->reads(source, claim.path, base.string())) take_lines(base.string(), out);
        std::vector<std::string> paths;
        using std::filesystem::recursive_directory_iterator;
        recursive_directory_iterator at(
            base, std::filesystem::directory_options::skip_permission_denied, error);
        for (; !error && at != recursive_directory_iterator() && entries < entries_max;
             at.increment(error), ++entries) {
            std::error_code other;
            if (at->is_regular_file(other) &&
                source.kind->reads(source, claim.path, at->path().string()))
                paths.push_back(at->path().string());
        }
        std::ranges::sort(paths);
        for (const std::string& path : paths) take_lines(path, out);
    }
    return out;
}

// ---- made of what programs name --------------------------------------------------------------

/// A member, and what is below it. Without anything below it is a value.
struct Member {
    std::map<std::string, std::unique_ptr<Member>> below;
    bool is_list = false;
};

class Made {
public:
    void read(const std::string& program) {
        for (std::size_t i = 0; i < program.size();) {
            if (program[i] == '"') {
                i = read_literal(program, i);
            } else if (program[i] == '.' && (i == 0 || !is_word(program[i - 1]))) {
                i = read_path(program, i);
            } else {
                ++i;
            }
        }
    }

    std::string record(std::size_t number) const {
        std::string out = "{\"id\":" + std::to_string(number);
        for (const auto& [name, member] : top_.below)
            if (name != "id") out += "," + json_quote(name) + ":" + value(name, *member, number);
        return out + "}";
    }

private:
    std::size_t read_literal(const std::string& program, std::size_t at) {
        const std::size_t end = program.find('"', at + 1);
        if (end == std::string::npos) return program.size();
        const std::string text = program.substr(at + 1, end - at - 1);
        const bool is_plain = !text.empty() && text.find('\\') == std::string::npos;
        if (is_plain && text.size() < 40 && std::ranges::count(literals_, text) == 0)
            literals_.push_back(text);
        return end + 1;
    }

    std::size_t read_path(const std::string& program, std::size_t at) {
        Member* now = &top_;
        while (at + 1 < program.size() && program[at] == '.') {
            std::size_t begin = at + 1;
            const bool quoted = program[begin] == '"';
            if (quoted) ++begin;
            std::size_t end = begin;
            while (end < program.size() && is_word(program[end])) ++end;
            if (end == begin) return at + 1;
            std::unique_ptr<Member>& next = now->below[program.substr(begin, end - begin)];
            if (!next) next = std::make_unique<Member>();
            now = next.get();
            at = quoted && end < program.size() ? end + 1 : end;
            if (program.compare(at, 2, "[]") == 0) now->is_list = true, at += 2;
        }
        return at;
    }

    std::string value(const std::string& name, const Member& member, std::size_t number) const {
        std::string one;
        if (member.below.empty()) {
            // Each field goes through them at a pace of its own.
            const std::size_t at = number * 7 + name.size() * 3 + number / 5;
            const std::size_t kinds = literals_.size() + 2;
            if (at % kinds < literals_.size())
                one = json_quote(literals_[at % kinds]);
            else if (at % kinds == literals_.size())
                one = std::to_string(number % 13);
            else
                one = json_quote(name + " " + std::to_string(number));
        } else {
            for (const auto& [below, what] : member.below)
                one += (one.empty() ? "{" : ",") + json_quote(below) + ":" +
                       value(below, *what, number);
            one += "}";
        }
        if (!member.is_list) return one;
        // What is behind `[]` most often has members.
        if (member.below.empty()) one = "{" + json_quote("n") + ":" + one + "}";
        return "[" + one + "]";
    }

    Member top_;
    std::vector<std::string> literals_;
};

std::vector<std::string> programs_of(const PipelineConfig& config) {
    std::vector<std::string> out;
    for (const TransformSettings& transform : config.transforms) {
        out.insert(out.end(), transform.texts.begin(), transform.texts.end());
        for (const std::string& field : transform.fields) out.push_back("." + field);
        for (const std::string& rule : transform.rule_texts)
            out.push_back("." + rule.substr(0, rule.find(' ')) + rule.substr(rule.find(' ')));
        if (transform.parse && !transform.parse->field_name.empty())
            out.push_back("." + transform.parse->field_name);
    }
    return out;
}

/// What a parser takes that stands right behind the source; empty: lines of JSON will do.
std::string text_for(text::Format format, const text::ParseSettings& parse, std::size_t n) {
    switch (format) {
        case text::Format::json:
        case text::Format::regex: break;
        case text::Format::logfmt: return fmt::format("level=info msg=\"text {0}\" id={0}", n);
        case text::Format::key_value:
            return fmt::format("a{0}{2}{1}id{0}{2}", parse.key_separator, parse.pair_separator, n);
        case text::Format::syslog:
            return fmt::format("Jan  5 14:{:02}:{:02} host1 app[{}]: text {}", n / 60 % 60, n % 60,
                               n + 1, n);
        case text::Format::csv: {
            std::string out;
            for (const std::string& column : parse.columns)
                out += (out.empty() ? "" : parse.separator) + column + std::to_string(n);
            return out;
        }
    }
    return {};
}

std::vector<std::string> made_for(const PipelineConfig& config, std::uint32_t source) {
    for (const TransformSettings& transform : config.transforms) {
        const bool is_first = std::ranges::any_of(
            transform.node.inputs,
            [&](const flow::From& from) { return from.source && from.index == source; });
        if (!is_first || !transform.parse || transform.parse->field) continue;
        std::vector<std::string> out;
        for (std::size_t n = 1; n <= made_count; ++n)
            out.push_back(text_for(transform.parse->format, *transform.parse, n));
        if (!out[0].empty()) return out;
    }
    return made_records(programs_of(config), made_count);
}

}  // namespace

std::vector<std::string> made_records(const std::vector<std::string>& programs, std::size_t count) {
    Made made;
    for (const std::string& program : programs) made.read(program);
    std::vector<std::string> out;
    for (std::size_t n = 1; n <= count; ++n) out.push_back(made.record(n));
    return out;
}

SimRecords records_for(const ConfigResult& config, const std::string& file) {
    SimRecords out;
    std::vector<std::string> given;
    if (!file.empty()) {
        take_lines(file, given);
        if (given.empty())
            out.problem =
                fmt::format("{} holds no record that can be read; expected one a line", file);
    }
    for (std::uint32_t i = 0; i < config.config.sources.size(); ++i) {
        std::vector<std::string> texts = given;
        std::string origin = file;
        if (texts.empty()) {
            texts = from_tests(config, i);
            origin = "the config's [[tests]]";
        }
        if (texts.empty()) {
            texts = from_inputs(config.config.sources[i]);
            origin = "its inputs";
        }
        if (texts.empty()) {
            texts = made_for(config.config, i);
            origin = "made, with the fields that programs name";
        }
        out.texts.push_back(std::move(texts));
        out.origins.push_back(std::move(origin));
    }
    return out;
}

}  // namespace holdfast::cli

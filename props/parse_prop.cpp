// Promise: members that are written as logfmt or key_value, whatever is in them, are read back.
#include <rapidcheck/catch.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "core/codec/document.hpp"
#include "core/codec/utf8.hpp"
#include "core/text/parse_program.hpp"

using namespace holdfast;

namespace {

using Texts = std::vector<std::pair<std::string, std::string>>;

/// Any characters.
std::string characters(const std::vector<std::uint32_t>& points) {
    std::string out;
    for (const std::uint32_t point : points) {
        const std::uint32_t one = point % 3 != 0 ? point % 128 : point % 0x110000;
        if (one < 0xd800 || one > 0xdfff) codec::append_utf8(one, out);
    }
    return out;
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

/// The members of the object that comes of the line.
std::map<std::string, std::string> read(const text::ParseSettings& settings, std::string line) {
    const std::size_t size = line.size();
    line += std::string(Program::padding, ' ');
    std::vector<std::byte> out;
    std::string error;
    const auto program = text::make_parse_program(settings);
    const auto is = program->run(std::as_bytes(std::span(line)).first(size), out, error);
    RC_LOG() << error;
    RC_ASSERT(is.verdict == Verdict::change);
    const std::size_t json = out.size();
    out.resize(json + Program::padding);
    codec::Parser parser;
    codec::Document document(parser);
    document.reset(std::span(out).first(json), codec::Format::json);
    std::map<std::string, std::string> members;
    std::string key, value;
    for (const codec::Value member : document.root().value().children()) {
        const bool is_new =
            members.emplace(std::string(member.key(key)), std::string(member.string(value))).second;
        RC_ASSERT(is_new);
    }
    return members;
}

}  // namespace

TEST_CASE("members that are written in quotes are read back, of equal keys the last one") {
    const std::pair<const char*, const char*> separators[] = {
        {" ", "="}, {",", ":"}, {"\t", " "}, {"&&", "->"}};
    rc::prop("pairs of any characters", [&](std::vector<std::vector<std::uint32_t>> points,
                                            std::uint8_t choice) {
        text::ParseSettings settings;
        settings.format = choice % 5 == 4 ? text::Format::logfmt : text::Format::key_value;
        std::tie(settings.pair_separator, settings.key_separator) = separators[choice % 5 % 4];
        std::map<std::string, std::string> wanted;
        std::string line = "\"\"" + settings.key_separator + "\"\"";
        wanted[""] = "";
        for (std::size_t i = 0; i + 1 < points.size(); i += 2) {
            const std::string key = characters(points[i]), value = characters(points[i + 1]);
            wanted[key] = value;
            line += settings.pair_separator + quoted(key) + settings.key_separator + quoted(value);
        }
        RC_ASSERT(read(settings, line) == wanted);
    });
}

// Text to JSON: any bytes, in every format, as a line and in a field.
//
// Property 1: what comes out is one line of compact JSON; a failure leaves nothing, and says why.
// Property 2: the same record gives the same whatever came before.
// Property 3: a text in a field gives what the line gives.
#include <iterator>
#include <memory>
#include <string>

#include "core/base/assert.hpp"
#include "core/codec/document.hpp"
#include "core/codec/json_text.hpp"
#include "core/codec/utf8.hpp"
#include "core/text/members.hpp"
#include "core/text/parse_program.hpp"
#include "fuzz/bytes.hpp"
#include "io/jq/outside.hpp"

namespace {

using namespace holdfast;

struct Outcome {
    Verdict verdict = Verdict::fail;
    std::string text;
    bool operator==(const Outcome&) const = default;
};

bool is_compact_json(const std::string& line) {
    const std::string padded = line + std::string(Program::padding, ' ');
    codec::Parser parser;
    codec::Document document(parser);
    document.reset(std::as_bytes(std::span(padded)).first(line.size()), codec::Format::json);
    std::string compact;
    text::append_compact(line, compact);
    return document.root().has_value() && compact == line;
}

Outcome run(Program& program, const std::string& record) {
    const std::string padded = record + std::string(Program::padding, '"');
    std::vector<std::byte> out;
    std::string error;
    const ProgramResult is =
        program.run(std::as_bytes(std::span(padded)).first(record.size()), out, error);
    if (is.verdict == Verdict::keep) return {is.verdict, record};
    if (is.verdict == Verdict::fail) {
        HF_ASSERT(out.empty());
        HF_ASSERT(!error.empty());
        return {is.verdict, error};
    }
    HF_ASSERT(is.verdict == Verdict::change);
    std::string text(reinterpret_cast<const char*>(out.data()), out.size());
    HF_ASSERT(text.ends_with('\n'));
    text.pop_back();
    HF_ASSERT(text.find('\n') == text.npos);
    HF_ASSERT(is_compact_json(text));
    return {is.verdict, text};
}

text::ParseSettings settings_of(fuzz::Bytes& bytes) {
    static constexpr const char* separators[][2] = {
        {" ", "="}, {",", ":"}, {"||", "=>"}, {"; ", " "}};
    text::ParseSettings out;
    const std::uint64_t choice = bytes.number(1);
    constexpr text::Format formats[] = {text::Format::json,      text::Format::logfmt,
                                        text::Format::key_value, text::Format::csv,
                                        text::Format::syslog,    text::Format::regex};
    const std::uint64_t format = bytes.number(1) % std::size(formats);
    out.format = formats[format];
    out.columns = {"a", "b"};
    out.separator = separators[choice / 4 % 4][0];
    out.pattern = R"(^(?<a>\S*)(?: (?<b>.*?))?(?<c>\d+)?$)";
    out.pair_separator = separators[choice / 4 % 4][0];
    out.key_separator = separators[choice / 4 % 4][1];
    out.numbers = (choice & 16) != 0;
    if ((choice & 32) != 0) out.into = "to";
    out.keys_max = (choice & 64) != 0 ? 4 : 65536;
    return out;
}

std::unique_ptr<Program> made(const text::ParseSettings& settings) {
    if (settings.format != text::Format::regex) return text::make_parse_program(settings);
    std::string error;
    return text::make_regex_program(settings, jq::make_outside(), error);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Bytes bytes({data, size});
    text::ParseSettings settings = settings_of(bytes);
    const auto rest = bytes.rest();
    const std::string line(reinterpret_cast<const char*>(rest.data()), rest.size());
    const auto program = made(settings);
    const Outcome first = run(*program, line);
    run(*program, "a=\"\\n\" a=\"");
    HF_ASSERT(run(*program, line) == first);
    HF_ASSERT(run(*program->clone(), line) == first);
    if (!codec::valid_utf8(line)) {
        HF_ASSERT(first.verdict == Verdict::fail);
        return 0;
    }
    settings.field = *codec::parse_path("log");
    settings.field_name = ".log";
    std::string record = "{\"log\":";
    codec::append_quoted(line, record);
    const Outcome held = run(*made(settings), record + "}");
    if (settings.format == text::Format::json && settings.into.empty()) return 0;
    HF_ASSERT((held.verdict == Verdict::fail) == (first.verdict == Verdict::fail));
    HF_ASSERT(first.verdict == Verdict::fail || held.text == first.text);
    return 0;
}

// What steps keep in memory after a large record (I90): the worst records through each kind of step
// that parses, and through a stream's outputs; malloc's own books are the judge.
//
// Rule 1: records are dense: what is only asked for and never written to would count as well.
// Rule 2: kept_max is what io/runner/process_memory.cpp allows each program.
// Doesn't know: how much a record takes while it is looked at (tests/real/memory_bound_test.cpp).
#include <malloc.h>

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "core/base/mix.hpp"
#include "core/codec/envelope_programs.hpp"
#include "core/codec/raw_program.hpp"
#include "core/codec/record_programs.hpp"
#include "core/data/flow/stream.hpp"
#include "core/jq/native.hpp"
#include "core/text/parse_program.hpp"
#include "sim/device_worlds.hpp"

namespace holdfast::sim {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;
constexpr std::size_t kept_max = 5 * mib / 2;

std::size_t in_use() {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

std::string array_of(const std::string& element, std::size_t size) {
    std::string out = "[" + element;
    while (out.size() + element.size() + 2 < size) out += "," + element;
    return out + "]";
}

std::string packed(char element, std::size_t size) {
    std::string out = "\xdd";
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift & 0xff);
    return out + std::string(size, element);
}

/// As many pairs as a text may have, each with an escape and a key of its own.
std::string words(std::size_t size) {
    std::string out;
    for (int i = 0; out.size() + 20 < size && i < 65536; ++i)
        out += "\"k" + std::to_string(i) + "\\n\"=\"\\t\" ";
    return out.empty() ? "a=1" : out;
}

/// A record, with the bytes behind it that may be read.
class Text {
public:
    explicit Text(std::string text) : text_(std::move(text)), size_(text_.size()) {
        text_.append(Program::padding, ' ');
    }
    std::span<const std::byte> bytes() const {
        return std::as_bytes(std::span(text_)).first(size_);
    }

private:
    std::string text_;
    std::size_t size_;
};

enum class Step : std::uint8_t {
    condition,
    edits,
    raw_filter,
    parser,
    elements,
    unpack,
    lines,
    text,
    pack,
    steps,
};

std::unique_ptr<Program> make(Step step) {
    const auto native = [](const char* text, jq::Use use) {
        auto plan = std::make_shared<jq::Plan>(*jq::make_plan(text));
        return std::make_unique<jq::NativeProgram>(std::move(plan), use, nullptr);
    };
    switch (step) {
        case Step::condition: return native("true", jq::Use::condition);
        case Step::edits: return native(".[] | length", jq::Use::program);
        case Step::raw_filter: {
            std::vector<codec::RawRule> rules(1);
            rules[0].path = *codec::parse_path("a");
            return std::make_unique<codec::RawProgram>(std::move(rules),
                                                       std::vector<std::string>{"a is missing"});
        }
        case Step::parser: return codec::make_decoder(codec::Framing::lines);
        case Step::elements: return codec::make_decoder(codec::Framing::json_array);
        case Step::unpack: return codec::make_decoder(codec::Framing::msgpack);
        case Step::lines:
            return text::make_parse_program({.format = text::Format::logfmt, .keys_max = 65536});
        case Step::text: {
            text::ParseSettings settings{.into = "to"};
            settings.field = *codec::parse_path("log");
            return text::make_parse_program(settings);
        }
        case Step::pack:
        case Step::steps: break;
    }
    return codec::make_encoder();
}

void run_step(std::uint64_t seed, Step step) {
    const std::size_t size = mib + mix64(seed ^ 1) % mib;
    const bool is_packed = step == Step::unpack;
    const char* const element = mix64(seed ^ 2) % 2 != 0 ? "0" : "[]";
    const auto record = [&](const std::string& one, std::size_t bytes) {
        if (is_packed) return packed(0, bytes);
        if (step == Step::lines) return words(bytes);
        if (step == Step::text) return "{\"log\":\"" + array_of("0", bytes) + "\",\"a\":1}";
        return array_of(one, bytes);
    };
    const Text large(record(element, size));
    const Text small(record("[]", 8));
    const std::size_t before = in_use();
    const auto program = make(step);
    std::string error;
    for (const Text* text : {&small, &large, &small}) {
        std::vector<std::byte> out;
        (void)program->run(text->bytes(), out, error);
    }
    const std::size_t now = in_use();
    demand(now <= before + kept_max, "I90",
           fmt::format("step {} keeps {} bytes after a record of {}", static_cast<int>(step),
                       now - before, size));
}

/// What takes a record out of an envelope, writes one, makes a line of it, and sets a key.
void run_record_step(std::uint64_t seed) {
    const std::size_t size = mib + mix64(seed ^ 1) % mib;
    const std::uint64_t step = mix64(seed ^ 5) % 4;
    const auto text = [&](std::size_t bytes) {
        const std::string array = array_of("[]", bytes);
        if (step == 0)
            return "{\"key\":" + array + ",\"headers\":{\"h\":" + array + "},\"payload\":" + array +
                   "}";
        return (step == 1 && seed % 2 == 0 ? std::string("\x01 ") : std::string("\n")) + array;
    };
    const Text large(text(size)), small(text(8));
    const std::size_t before = in_use();
    std::unique_ptr<Program> program;
    if (step == 0) program = codec::make_envelope_reader();
    if (step == 1) program = codec::make_envelope_writer();
    if (step == 2) program = codec::make_line_encoder();
    if (step == 3) {
        codec::MetaPrograms programs;
        programs.key = make(Step::edits);
        auto plan = std::make_shared<jq::Plan>(*jq::make_plan("."));
        programs.headers =
            std::make_unique<jq::NativeProgram>(std::move(plan), jq::Use::program, nullptr);
        program = codec::make_meta_program(std::move(programs));
    }
    std::string error;
    for (const Text* one : {&small, &large, &small}) {
        std::vector<std::byte> out;
        (void)program->run(one->bytes(), out, error);
    }
    const std::size_t now = in_use();
    // Two programs within keep what two may.
    const std::size_t most = step == 3 ? 2 * kept_max : kept_max;
    demand(
        now <= before + most, "I90",
        fmt::format("step {} of records keeps {} bytes after one of {}", step, now - before, size));
}

void run_stream(std::uint64_t seed) {
    const std::string input(4096, '\n');
    const auto bytes = std::as_bytes(std::span(input));
    const std::size_t before = in_use();
    flow::Stream stream;
    const std::size_t large = 4 * mib + mix64(seed ^ 3) % mib;
    for (const std::size_t size : {std::size_t{100}, large, std::size_t{100}}) {
        stream.begin(bytes, 0);
        const std::string record(size, 'x');
        stream.append(std::as_bytes(std::span(record)), 0);
        stream.finish(bytes.size());
    }
    demand(in_use() <= before + kept_max, "I90",
           fmt::format("a stream keeps {} bytes after a slice of {}", in_use() - before, large));
}

}  // namespace

std::optional<Breach> run_memory(std::uint64_t seed) {
    try {
        const auto step = static_cast<std::uint64_t>(Step::steps);
        const std::uint64_t chosen = seed % (step + 1);
        if (chosen != step) {
            run_step(seed, static_cast<Step>(chosen));
        } else {
            run_stream(seed);
            run_record_step(seed);
        }
    } catch (const Breach& breach) {
        return breach;
    }
    return std::nullopt;
}

}  // namespace holdfast::sim

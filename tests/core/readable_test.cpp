// Lines that are no records for who parses, and what is said of bytes that are no UTF-8 text.
#include <algorithm>
#include <catch2/catch.hpp>

#include "core/codec/record_programs.hpp"
#include "core/codec/stream_framing.hpp"
#include "core/data/flow/readable.hpp"
#include "flow_stub.hpp"

using namespace holdfast;
using namespace flow_test;
using flow::NodeType;
using namespace std::string_literals;

namespace {

/// One node between a source and a sink; the sink that follows has the source's records.
struct Line {
    flow::Result result;
    std::string text;

    void run(flow::NodeSpec spec, std::unique_ptr<Program> program, std::string input,
             std::int64_t position = 0) {
        flow::Spec graph{.sources = 1};
        graph.nodes = {std::move(spec)};
        graph.sinks = {{output(0)}, {source(0)}};
        const flow::Plan plan(graph);
        flow::Memory memory(plan);
        std::vector<flow::NodePrograms> programs(1);
        if (program) programs[0].programs.push_back(std::move(program));
        flow::Evaluator evaluator(plan, memory, std::move(programs), {});
        text = input;
        std::string padded = input + std::string(Program::padding, '\0');
        flow::Input in;
        in.readable = bytes_of(padded);
        in.bytes = in.readable.first(text.size());
        in.records = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n'));
        in.position = position;
        evaluator.run(in, result);
    }
    std::string out() const {
        const flow::Stream& stream = result.streams[0];
        return stream.whole() ? text : std::string(text_of(stream.bytes()));
    }
    const flow::NodeCounts& counts() const { return result.counts[0]; }
};

const std::string mark = "\xef\xbb\xbf";

std::string utf16(std::string_view text, bool little, bool with_mark) {
    std::string out = with_mark ? (little ? "\xff\xfe" : "\xfe\xff") : "";
    for (const char c : text) {
        if (!little) out += '\0';
        out += c;
        if (little) out += '\0';
    }
    return out;
}

}  // namespace

TEST_CASE("a blank line is dropped and counted by who parses") {
    Line line;
    const auto parse = [] { return codec::make_decoder(codec::Framing::lines); };
    line.run(node("f", NodeType::filter, {source(0)}), parse(), "{}\n\n \t\r\n{\"a\":1}\n");
    CHECK(line.out() == "{}\n{\"a\":1}\n");
    CHECK(line.counts().blank == 2);
    CHECK(line.counts().in == 4);
    CHECK(line.counts().errors == 0);
    CHECK(line.result.streams[1].whole());
}

TEST_CASE("with skip_blank off a blank line is no JSON") {
    Line line;
    flow::NodeSpec spec = node("f", NodeType::filter, {source(0)});
    spec.skip_blank = false;
    line.run(spec, codec::make_decoder(codec::Framing::lines), "{}\n\n");
    CHECK(line.counts().blank == 0);
    CHECK(line.counts().errors == 1);
    CHECK(line.result.texts.front() == "parse error: no value at byte 0");
}

TEST_CASE("what is parsed ahead stays in step with lines that are blank") {
    Line line;
    std::string input, expected;
    for (int i = 0; i < 500; ++i) {
        input += "{\"i\":" + std::to_string(i) + "}\n";
        expected += "{\"i\":" + std::to_string(i) + "}\n";
        if (i % 3 == 0) input += "  \n";
        if (i % 7 == 0) input += "bad\n";
    }
    line.run(node("d", NodeType::decode, {source(0)}), codec::make_decoder(codec::Framing::lines),
             mark + input);
    CHECK(line.out() == expected);
    CHECK(line.counts().blank == 167);
    CHECK(line.counts().errors == 72);
}

TEST_CASE("a node that does not parse passes blank lines and a mark as they are") {
    Line line;
    line.run(node("d", NodeType::dedupe, {source(0)}), nullptr, mark + "\n\n{}\n");
    CHECK(line.out() == mark + "\n\n{}\n");
    CHECK(line.counts().blank == 0);
}

TEST_CASE("a byte order mark at the head of a partition is no part of its first record") {
    Line line;
    line.run(node("f", NodeType::filter, {source(0)}), contains("a"),
             mark + "{\"a\":1}\n{\"a\":2}\n");
    CHECK(line.out() == "{\"a\":1}\n{\"a\":2}\n");
    CHECK(line.result.streams[1].whole());
    line.run(node("f", NodeType::filter, {source(0)}), contains("a"), mark + "{\"a\":1}\n", 100);
    CHECK(line.out() == mark + "{\"a\":1}\n");
    line.run(node("f", NodeType::filter, {source(0)}), contains("a"), mark + " \n{\"a\":1}\n");
    CHECK(line.out() == "{\"a\":1}\n");
    CHECK(line.counts().blank == 1);
}

TEST_CASE("a byte order mark before an array is no part of it") {
    codec::ArrayFraming framing(1000);
    std::vector<codec::StreamExtent> found;
    const std::string text = mark + "[1,2]";
    REQUIRE(framing.feed(bytes_of(text), found));
    CHECK(found.size() == 2);
}

TEST_CASE("UTF-16 is named as such, with a mark and without one") {
    for (const bool little : {true, false}) {
        for (const bool with_mark : {true, false}) {
            Line line;
            line.run(node("f", NodeType::filter, {source(0)}),
                     codec::make_decoder(codec::Framing::lines),
                     utf16("{\"a\":1}\n{\"b\":2}\n", little, with_mark) + "\n");
            INFO(little << with_mark);
            REQUIRE_FALSE(line.result.texts.empty());
            CHECK(line.result.texts.front().starts_with("parse error: this looks like UTF-16"));
        }
    }
    CHECK_FALSE(codec::looks_like_utf16(bytes_of("{\"a\":\"text\"}")));
    CHECK_FALSE(codec::looks_like_utf16(bytes_of(std::string(100, '\0'))));
    CHECK_FALSE(codec::looks_like_utf16(bytes_of("\0\0\0\0{}"s)));
}

TEST_CASE("a record behind a hole says how large the hole is") {
    Line line;
    line.run(node("f", NodeType::filter, {source(0)}), codec::make_decoder(codec::Framing::lines),
             std::string(5000, '\0') + "{}\n");
    CHECK(line.result.texts.front().starts_with("parse error: it begins with 5000 zero bytes"));
}

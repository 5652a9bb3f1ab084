// Records through a graph of transforms, judged by what comes out of each stream.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "core/base/mix.hpp"
#include "flow_stub.hpp"

using namespace holdfast;
using namespace flow_test;
using flow::NodeType;

namespace {

/// A graph with its programs, fed with text.
class Graph {
public:
    flow::Spec spec{.sources = 1};
    std::vector<flow::NodePrograms> programs;
    flow::Limits limits;
    flow::Result result;
    bool may_end_early = false;
    std::uint64_t partition = 7;
    std::int64_t position = 0;
    Instant now{};

    std::uint32_t add(flow::NodeSpec node) {
        spec.nodes.push_back(std::move(node));
        programs.emplace_back();
        return static_cast<std::uint32_t>(spec.nodes.size() - 1);
    }
    std::uint32_t add(flow::NodeSpec node, std::unique_ptr<Program> program) {
        const std::uint32_t index = add(std::move(node));
        programs[index].programs.push_back(std::move(program));
        return index;
    }
    void run(std::string_view text, std::size_t begin = 0) {
        if (!evaluator_) {
            plan_ = std::make_unique<flow::Plan>(spec);
            memory_ = std::make_unique<flow::Memory>(*plan_);
            evaluator_ =
                std::make_unique<flow::Evaluator>(*plan_, *memory_, std::move(programs), limits);
        }
        text_ = text;
        flow::Input input;
        input.bytes = input.readable = bytes_of(text_);
        input.begin = begin;
        const std::string_view left = std::string_view(text_).substr(begin);
        input.records = static_cast<std::uint32_t>(std::count(left.begin(), left.end(), '\n'));
        if (left.back() != '\n') ++input.records;
        input.may_end_early = may_end_early;
        input.partition = partition;
        input.position = position;
        input.now = now;
        evaluator_->run(input, result);
    }
    /// What a stream has, its own or the input's.
    std::string of(const flow::Stream& stream) const {
        if (!stream.whole()) return std::string(text_of(stream.bytes()));
        return text_.substr(result.begin, result.end - result.begin);
    }
    void check_stopped(std::int64_t at, const std::string& why) const {
        REQUIRE(result.failure);
        CHECK(result.failure->position == at);
        CHECK(result.failure->text == why);
    }
    std::string out(std::uint32_t sink = 0) const {
        for (std::uint32_t i = 0; i < plan_->streams().size(); ++i)
            if (plan_->streams()[i] >> sink & 1) return of(result.streams[i]);
        return "?";
    }
    const flow::NodeCounts& counts(std::uint32_t node) const { return result.counts[node]; }

private:
    std::string text_;
    std::unique_ptr<flow::Plan> plan_;
    std::unique_ptr<flow::Memory> memory_;
    std::unique_ptr<flow::Evaluator> evaluator_;
};

}  // namespace

TEST_CASE("a filter that keeps everything copies nothing") {
    Graph graph;
    const auto keep = graph.add(node("keep", NodeType::filter, {source(0)}), contains("a"));
    graph.spec.sinks = {{output(keep)}};
    graph.run("a1\na2\na3\n");
    CHECK(graph.result.streams[0].whole());
    CHECK(graph.result.streams[0].records() == 3);
    CHECK(graph.out() == "a1\na2\na3\n");
}

TEST_CASE("a filter keeps the very bytes of what it keeps, and counts the rest") {
    Graph graph;
    const auto keep = graph.add(node("keep", NodeType::filter, {source(0)}), contains("a"));
    graph.spec.sinks = {{output(keep)}};
    graph.run("a1\r\nb\na2\na3\n b\na4");
    CHECK(graph.out() == "a1\r\na2\na3\na4\n");
    CHECK(graph.counts(keep).in == 6);
    CHECK(graph.counts(keep).out == 4);
    CHECK(graph.counts(keep).dropped == 2);
    const auto origins = graph.result.streams[0].origins();
    CHECK(std::vector<std::uint32_t>(origins.begin(), origins.end()) ==
          std::vector<std::uint32_t>{0, 6, 9, 15});
}

TEST_CASE("an unterminated last record that is kept stays as it is") {
    Graph graph;
    const auto keep = graph.add(node("keep", NodeType::filter, {source(0)}), contains("a"));
    graph.spec.sinks = {{output(keep)}};
    graph.run("a1\na2");
    CHECK(graph.result.streams[0].whole());
    CHECK(graph.out() == "a1\na2");
}

TEST_CASE("a route gives a record to every output whose condition holds, the rest to _unmatched") {
    Graph graph;
    const auto by = graph.add(node("by", NodeType::route, {source(0)}));
    graph.spec.nodes[by].routes = 2;
    graph.spec.nodes[by].unrouted = flow::Unrouted::route;
    graph.programs[by].programs.push_back(contains("x"));
    graph.programs[by].programs.push_back(contains("y"));
    graph.spec.sinks = {{output(by, 0)}, {output(by, 1)}, {output(by, 2)}, {source(0)}};
    graph.run("x\ny\nxy\nz\n");
    CHECK(graph.out(0) == "x\nxy\n");
    CHECK(graph.out(1) == "y\nxy\n");
    CHECK(graph.out(2) == "z\n");
    CHECK(graph.out(3) == "x\ny\nxy\nz\n");
}

TEST_CASE("an unrouted record is a dead letter by default of a route, and named") {
    Graph graph;
    const auto by = graph.add(node("by", NodeType::route, {source(0)}));
    graph.spec.nodes[by].routes = 1;
    graph.spec.nodes[by].unrouted = flow::Unrouted::dead_letter;
    graph.programs[by].programs.push_back(contains("x"));
    graph.spec.sinks = {{output(by, 0)}};
    graph.run("x\nz\n");
    CHECK(graph.of(graph.result.dead) == "z\n");
    CHECK(graph.result.texts[graph.result.why[0].text] == "unrouted: no condition of by holds");
    CHECK(graph.counts(by).dead == 1);
}

TEST_CASE("what a raw filter rejects goes by on_reject, what it drops is dropped, each counted") {
    const auto on_reject =
        GENERATE(flow::Unrouted::dead_letter, flow::Unrouted::route, flow::Unrouted::drop);
    Graph graph;
    const auto raw =
        graph.add(node("raw", NodeType::raw_filter, {source(0)}),
                  std::make_unique<StubProgram>([](std::string_view record, std::string&,
                                                   std::string& error) -> ProgramResult {
                      if (record == "drop") return {Verdict::drop, 0};
                      if (record != "reject") return {Verdict::keep, 1};
                      error = "level is \"bad\"";
                      return {Verdict::fail, 0};
                  }));
    graph.spec.nodes[raw].unrouted = on_reject;
    graph.spec.sinks = {{output(raw)}, {output(raw, 1)}};
    graph.run("a\ndrop\nreject\nb\n");
    CHECK(graph.out(0) == "a\nb\n");
    CHECK(graph.out(1) == (on_reject == flow::Unrouted::route ? "reject\n" : ""));
    const flow::NodeCounts& counts = graph.counts(raw);
    CHECK(counts.in == 4);
    CHECK(counts.rejected == 1);
    CHECK(counts.dropped == (on_reject == flow::Unrouted::drop ? 2u : 1u));
    CHECK(counts.out == (on_reject == flow::Unrouted::route ? 3u : 2u));
    CHECK(counts.dead == (on_reject == flow::Unrouted::dead_letter ? 1u : 0u));
    CHECK(counts.in == counts.out + counts.dropped + counts.errors);
    if (on_reject != flow::Unrouted::dead_letter) return;
    CHECK(graph.of(graph.result.dead) == "reject\n");
    CHECK(graph.result.texts[0] == "rejected: level is \"bad\"");
    CHECK(graph.result.why[0].reason == Reason::rejected);
}

TEST_CASE("what no condition holds for goes by unrouted, whatever on_error says") {
    const auto on_error =
        GENERATE(flow::OnError::dead_letter, flow::OnError::drop, flow::OnError::stop);
    const auto unrouted =
        GENERATE(flow::Unrouted::dead_letter, flow::Unrouted::drop, flow::Unrouted::stop);
    Graph graph;
    const auto keep = graph.add(node("keep", NodeType::filter, {source(0)}), contains("x"));
    graph.spec.nodes[keep].on_error = on_error;
    graph.spec.nodes[keep].unrouted = unrouted;
    graph.spec.sinks = {{output(keep)}};
    graph.position = 100;
    graph.run("x\nz\nxx\n");
    CHECK(graph.result.failure.has_value() == (unrouted == flow::Unrouted::stop));
    if (graph.result.failure)
        return graph.check_stopped(102, "unrouted: no condition of keep holds");
    CHECK(graph.out() == "x\nxx\n");
    const bool dead = unrouted == flow::Unrouted::dead_letter;
    CHECK(graph.of(graph.result.dead) == (dead ? "z\n" : ""));
    CHECK(graph.counts(keep).dropped == (dead ? 0u : 1u));
}

TEST_CASE("a record without its key goes by on_missing_key, whatever on_error says") {
    const auto on_error =
        GENERATE(flow::OnError::dead_letter, flow::OnError::drop, flow::OnError::stop);
    const auto missing = GENERATE(flow::MissingKey::dead_letter, flow::MissingKey::drop,
                                  flow::MissingKey::keep, flow::MissingKey::stop);
    Graph graph;
    const auto once =
        graph.add(node("once", NodeType::dedupe, {source(0)}),
                  std::make_unique<StubProgram>(
                      [](std::string_view record, std::string& out, std::string&) -> ProgramResult {
                          if (record == "z") return {Verdict::drop, 0};
                          out = "k" + std::string(record);
                          return {Verdict::change, 1};
                      }));
    graph.spec.nodes[once].on_error = on_error;
    graph.spec.nodes[once].on_missing_key = missing;
    graph.spec.nodes[once].entries = 8;
    graph.spec.sinks = {{output(once)}};
    graph.position = 100;
    graph.run("x\nz\nx\nz\n");
    CHECK(graph.result.failure.has_value() == (missing == flow::MissingKey::stop));
    if (graph.result.failure)
        return graph.check_stopped(102, "no key: a field of once is not there");
    CHECK(graph.out() == (missing == flow::MissingKey::keep ? "x\nz\nz\n" : "x\n"));
    CHECK(graph.of(graph.result.dead) ==
          (missing == flow::MissingKey::dead_letter ? "z\nz\n" : ""));
}

TEST_CASE("a failing record goes by policy and alone") {
    const auto on_error =
        GENERATE(flow::OnError::dead_letter, flow::OnError::drop, flow::OnError::stop);
    Graph graph;
    const auto shape = graph.add(node("shape", NodeType::program, {source(0)}), multiply(1, ">"));
    graph.spec.nodes[shape].on_error = on_error;
    graph.spec.sinks = {{output(shape)}};
    graph.position = 100;
    graph.run("a\nbad\nc\n");
    CHECK(graph.result.failure.has_value() == (on_error == flow::OnError::stop));
    if (graph.result.failure) return graph.check_stopped(102, "program error: bad record");
    CHECK(graph.out() == ">a\n>c\n");
    CHECK(graph.counts(shape).errors == 1);
    const bool dead = on_error == flow::OnError::dead_letter;
    CHECK(graph.result.dead.records() == (dead ? 1 : 0));
    if (dead) CHECK(graph.of(graph.result.dead) == "bad\n");
}

TEST_CASE("a dead letter of a changed record is the record as it came, once") {
    Graph graph;
    // The first program makes two outputs of each record, and the second fails on both.
    const auto two = graph.add(node("two", NodeType::program, {source(0)}), multiply(2, "ba"));
    const auto fails = graph.add(node("fails", NodeType::program, {output(two)}), multiply(1, ""));
    graph.spec.sinks = {{output(fails)}, {output(two)}};
    graph.run("d1\ne\n");
    CHECK(graph.of(graph.result.dead) == "d1\n");
    CHECK(graph.out(0) == "bae\nbae\n");
    CHECK(graph.out(1) == "bad1\nbad1\nbae\nbae\n");
    CHECK(graph.counts(fails).errors == 2);
    CHECK(graph.counts(fails).dead == 1);
}

TEST_CASE("a record with many outputs gives each of them its origin") {
    Graph graph;
    const auto two = graph.add(node("two", NodeType::program, {source(0)}), multiply(2, ""));
    graph.spec.sinks = {{output(two)}};
    graph.run("a\nbb\n");
    CHECK(graph.out() == "a\na\nbb\nbb\n");
    const auto origins = graph.result.streams[0].origins();
    CHECK(std::vector<std::uint32_t>(origins.begin(), origins.end()) ==
          std::vector<std::uint32_t>{0, 0, 2, 2});
}

TEST_CASE("a record whose outputs exceed the limit fails, and nothing of it stays") {
    Graph graph;
    graph.limits.record_bytes = {100};
    const auto many = graph.add(node("many", NodeType::program, {source(0)}), multiply(30, ""));
    graph.spec.sinks = {{output(many)}, {source(0)}};
    graph.run("a\nlonger\nb\n");
    CHECK(graph.result.streams[0].records() == 60);
    CHECK(graph.out(0).find("longer") == std::string::npos);
    CHECK(graph.of(graph.result.dead) == "longer\n");
    CHECK(graph.result.texts[0] == "program error: outputs of a record exceed 100 bytes");
}

TEST_CASE("a record that is too large for one transform is whole in all other branches") {
    const auto on_error = GENERATE(flow::OnError::drop, flow::OnError::dead_letter);
    Graph graph;
    graph.limits.record_bytes = {100};
    flow::NodeSpec many = node("many", NodeType::program, {source(0)});
    many.on_error = on_error;
    const auto t = graph.add(std::move(many), multiply(2, ""));
    graph.spec.sinks = {{output(t)}, {source(0)}};
    const std::string large(60, 'x');
    graph.run("a\n" + large + "\nb\n");
    CHECK(graph.out(0) == "a\na\nb\nb\n");
    CHECK(graph.out(1) == "a\n" + large + "\nb\n");
    CHECK(graph.result.counts[t].errors == 1);
    CHECK(graph.result.dead.records() == (on_error == flow::OnError::drop ? 0 : 1));
}

TEST_CASE("transforms side by side and in series each have the whole limit for a record") {
    Graph graph;
    graph.limits.record_bytes = {100};
    std::uint32_t last = 0;
    for (int i = 0; i < 8; ++i)
        last = graph.add(node("n", NodeType::program, {i == 0 ? source(0) : output(last)}),
                         multiply(1, "p"));
    const auto beside = graph.add(node("b", NodeType::program, {source(0)}), multiply(1, "q"));
    graph.spec.sinks = {{output(last)}, {output(beside)}};
    const std::string large(80, 'x');
    graph.run(large + "\n");
    CHECK(graph.out(0) == "pppppppp" + large + "\n");
    CHECK(graph.out(1) == "q" + large + "\n");
    CHECK(graph.result.dead.records() == 0);
}

TEST_CASE("a transform has the limit once for each way on which it gets a record") {
    Graph graph;
    graph.limits.record_bytes = {100};
    const auto a = graph.add(node("a", NodeType::program, {source(0)}), multiply(1, "a"));
    const auto b = graph.add(node("b", NodeType::program, {source(0)}), multiply(1, "b"));
    const auto both =
        graph.add(node("both", NodeType::program, {output(a), output(b)}), multiply(1, "c"));
    const auto more = graph.add(node("more", NodeType::program, {output(a)}), multiply(2, "d"));
    graph.spec.sinks = {{output(both)}, {output(more)}};
    const std::string large(80, 'x');
    graph.run(large + "\n");
    CHECK(graph.out(0) == "ca" + large + "\ncb" + large + "\n");
    CHECK(graph.out(1).empty());
}

TEST_CASE("a slice that may ends early where too much was written, with one record at least") {
    Graph graph;
    graph.limits.slice_bytes = 10;
    graph.may_end_early = true;
    const auto many = graph.add(node("many", NodeType::program, {source(0)}), multiply(8, ""));
    graph.spec.sinks = {{output(many)}};
    graph.run("a\nb\nc\n");
    CHECK(graph.result.records == 1);
    CHECK(graph.result.end == 2);
    CHECK(graph.out() == "a\na\na\na\na\na\na\na\n");
    graph.run("a\nb\nc\n", 2);
    CHECK(graph.result.begin == 2);
    CHECK(graph.result.records == 1);
    CHECK(graph.out() == "b\nb\nb\nb\nb\nb\nb\nb\n");
}

TEST_CASE("a slice that may not end early fails what is too much, by policy") {
    Graph graph;
    graph.limits.slice_bytes = 20;
    const auto many = graph.add(node("many", NodeType::program, {source(0)}), multiply(8, ""));
    graph.spec.sinks = {{output(many)}};
    graph.run("a\nb\nc\n");
    CHECK(graph.result.records == 3);
    CHECK(graph.out() == "a\na\na\na\na\na\na\na\nb\nb\nb\nb\nb\nb\nb\nb\n");
    CHECK(graph.of(graph.result.dead) == "c\n");
}

TEST_CASE(
    "sampling decides by the record's place, so a batch that is read again is decided alike") {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += std::to_string(i) + "\n";
    const auto sampled = [&](std::size_t begin, std::uint64_t partition) {
        Graph graph;
        const auto some = graph.add(node("some", NodeType::sample, {source(0)}));
        graph.spec.nodes[some].rate = 10;
        graph.spec.sinks = {{output(some)}};
        graph.partition = partition;
        graph.position = static_cast<std::int64_t>(begin);
        graph.run(text.substr(begin));
        return graph.out();
    };
    const std::string all = sampled(0, 7);
    const std::size_t half = text.find("\n500\n") + 1;
    const std::string rest = sampled(half, 7);
    CHECK(all.ends_with(rest));
    CHECK(all != sampled(0, 8));
    const auto records = std::count(all.begin(), all.end(), '\n');
    CHECK(records > 60);
    CHECK(records < 140);
}

TEST_CASE("sampling by a key keeps all records of a value or none") {
    Graph graph;
    const auto key = [](std::string_view record, std::string& out, std::string&) -> ProgramResult {
        out = std::string(record.substr(0, 2)) + "\n";
        return {Verdict::change, 1};
    };
    const auto some =
        graph.add(node("some", NodeType::sample, {source(0)}), std::make_unique<StubProgram>(key));
    graph.spec.nodes[some].rate = 4;
    graph.spec.sinks = {{output(some)}};
    std::string text;
    for (int i = 0; i < 400; ++i)
        text += std::to_string(10 + i % 40) + "x" + std::to_string(i) + "\n";
    graph.run(text);
    std::set<std::string> values;
    const std::string out = graph.out();
    for (std::size_t at = 0; at < out.size(); at = out.find('\n', at) + 1)
        values.insert(out.substr(at, 2));
    CHECK(std::count(out.begin(), out.end(), '\n') ==
          static_cast<std::ptrdiff_t>(10 * values.size()));
    CHECK(values.size() > 2);
    CHECK(values.size() < 25);
}

TEST_CASE("a throttle lets through so many records in a window, for each value of a key") {
    Graph graph;
    const auto slow = graph.add(node("slow", NodeType::throttle, {source(0)}));
    graph.spec.nodes[slow].threshold = 3;
    graph.spec.nodes[slow].window = seconds(1);
    graph.spec.nodes[slow].entries = 10;
    graph.spec.sinks = {{output(slow)}};
    graph.run("1\n2\n3\n4\n5\n");
    CHECK(graph.out() == "1\n2\n3\n");
    CHECK(graph.counts(slow).dropped == 2);
    graph.now = Instant{400'000'000};
    graph.run("6\n7\n");
    CHECK(graph.out() == "6\n");
    graph.now = Instant{10'000'000'000};
    graph.run("1\n2\n3\n4\n");
    CHECK(graph.out() == "1\n2\n3\n");
}

TEST_CASE("dedupe drops what is among the last different records, and forgets the oldest") {
    Graph graph;
    const auto once = graph.add(node("once", NodeType::dedupe, {source(0)}));
    graph.spec.nodes[once].entries = 2;
    graph.spec.sinks = {{output(once)}};
    graph.run("a\nb\na\nc\nb\na\n");
    // c pushes b out (a was seen after it), so b passes again and pushes a out.
    CHECK(graph.out() == "a\nb\nc\nb\na\n");
    graph.run("a\nb\n");
    CHECK(graph.counts(once).dropped == 2);
}

TEST_CASE("the table of recent keys agrees with a model") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        flow::Recent recent(50);
        std::vector<std::uint64_t> model;  // Least recent first.
        for (std::uint64_t i = 0; i < 3000; ++i) {
            const std::uint64_t key = scale(mix(seed, 1, 0, i), 20 + i / 20);
            bool found = false;
            recent.touch({key, key * 7}, found);
            const auto at = std::find(model.begin(), model.end(), key);
            REQUIRE(found == (at != model.end()));
            if (found) model.erase(at);
            model.push_back(key);
            if (model.size() > 50) model.erase(model.begin());
        }
        CHECK(recent.size() == 50);
    }
}

TEST_CASE("a cycle is found by a node that stands in it") {
    std::vector<flow::NodeSpec> nodes;
    nodes.push_back(node("a", NodeType::filter, {source(0), output(2)}));
    nodes.push_back(node("b", NodeType::filter, {output(0)}));
    nodes.push_back(node("c", NodeType::filter, {output(1)}));
    nodes.push_back(node("d", NodeType::filter, {output(2)}));
    CHECK(flow::in_cycle(nodes) < 3);
    nodes[0].inputs.pop_back();
    CHECK(flow::in_cycle(nodes) == nodes.size());
}

TEST_CASE("sinks with the same inputs share one stream") {
    flow::Spec spec{.sources = 2};
    spec.nodes.push_back(node("a", NodeType::filter, {source(0)}));
    spec.sinks = {{output(0), source(1)}, {source(1)}, {source(1), output(0)}};
    const flow::Plan plan(spec);
    CHECK(plan.streams() == std::vector<SinkMask>{0b101, 0b010});
    CHECK(plan.reach(SourceId{0}).sinks == 0b101);
    CHECK(plan.reach(SourceId{0}).transforms);
    CHECK(plan.reach(SourceId{1}).sinks == 0b111);
    CHECK_FALSE(plan.reach(SourceId{1}).transforms);
}

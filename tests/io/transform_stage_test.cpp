// The transform stage as a device: orders in, answers out, bytes in the pool.
#include "io/devices/transform_stage.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <deque>
#include <map>

#include "core/base/mix.hpp"
#include "plain_ring.hpp"
#include "tests/core/flow_stub.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace flow_test;
using flow::NodeType;

namespace {

constexpr std::uint32_t kib = 1024;

class Numbers final : public PartitionNumbers {
public:
    std::uint64_t number(SourceId source, PartitionId) const override { return source.index; }
};

/// An evaluator has programs of its own.
std::vector<flow::NodePrograms> copy_of(const std::vector<flow::NodePrograms>& programs) {
    std::vector<flow::NodePrograms> out(programs.size());
    for (std::size_t i = 0; i < programs.size(); ++i)
        for (const auto& program : programs[i].programs)
            out[i].programs.push_back(program->clone());
    return out;
}

struct Answer {
    SliceTransformed said;
    std::map<std::uint16_t, SinkShare> shares;
    /// Records and bytes for a sink, as an engine would reckon.
    std::uint32_t outputs(std::uint16_t sink) const {
        if (shares.contains(sink)) return shares.at(sink).outputs;
        return said.route >> sink & 1 ? said.outputs : 0;
    }
};

/// A stage over one pool, driven by hand.
class Bench {
public:
    Bench(flow::Spec spec, std::vector<flow::NodePrograms> programs,
          std::uint64_t memory = 1024 * kib, flow::Limits limits = {}, std::uint32_t threads = 0)
        : pool(memory, 64 * kib),
          payloads(pool, 64),
          plan(std::move(spec)),
          programs_(std::move(programs)),
          stage(ring, plan, [this] { return copy_of(programs_); }, limits, threads, numbers,
                payloads, events, {}) {}

    BatchId pull(std::string_view text, std::uint16_t source = 0) {
        const auto block = pool.take(static_cast<std::uint32_t>(text.size()));
        REQUIRE_FALSE(block.empty());
        std::memcpy(block.data(), text.data(), text.size());
        const BatchId id{next_++, 1};
        auto records = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n'));
        if (text.back() != '\n') ++records;
        payloads.put(id, {.block = block,
                          .bytes = block.first(text.size()),
                          .records = records,
                          .terminated = text.back() == '\n',
                          .source = SourceId{source},
                          .first = {1000}});
        return id;
    }
    BatchId order(std::string_view text, std::uint16_t source = 0) {
        const BatchId id = pull(text, source);
        stage.transform({id, id, 0, payloads.at(id).records, UINT32_MAX});
        return id;
    }
    bool answered() const { return !events.empty(); }
    Answer answer() {
        Answer out;
        while (true) {
            REQUIRE(answered());
            const Event event = events.pop();
            if (const auto* share = std::get_if<SinkShare>(&event)) {
                out.shares[share->sink.index] = *share;
                continue;
            }
            out.said = std::get<SliceTransformed>(event);
            return out;
        }
    }
    std::string out(BatchId batch, std::uint32_t records, std::uint16_t sink) {
        if (records == 0) return {};
        const Slice slice = payloads.slice({.batch = batch, .end = records, .sink = SinkId{sink}});
        return std::string(text_of(slice.bytes)) + (slice.terminated ? "" : "\n");
    }

    test::PlainRing ring;
    BlockPool pool;
    Payloads payloads;
    Events events;
    Numbers numbers;
    flow::Plan plan;

private:
    std::vector<flow::NodePrograms> programs_;

public:
    TransformStage stage;

private:
    std::uint32_t next_ = 0;
};

std::vector<flow::NodePrograms> programs_of(std::vector<std::unique_ptr<Program>> programs) {
    std::vector<flow::NodePrograms> out;
    for (auto& program : programs) out.emplace_back().programs.push_back(std::move(program));
    return out;
}

template <class... P>
std::vector<flow::NodePrograms> each(P... programs) {
    std::vector<std::unique_ptr<Program>> list;
    (list.push_back(std::move(programs)), ...);
    return programs_of(std::move(list));
}

flow::Spec one_node(NodeType type, std::size_t sinks = 1) {
    flow::Spec spec{.sources = 1};
    spec.nodes.push_back(node("t", type, {source(0)}));
    spec.sinks.assign(sinks, {output(0)});
    return spec;
}

}  // namespace

TEST_CASE("a batch that is kept whole stays where it is") {
    Bench bench(one_node(NodeType::filter, 2), each(contains("a")));
    const BatchId batch = bench.order("a1\na2");
    const Answer answer = bench.answer();
    CHECK(answer.said.route == 0b11);
    CHECK(answer.said.outputs == 2);
    CHECK(answer.said.end == 2);
    CHECK(answer.said.held == 0);
    CHECK(answer.said.freed == 0);
    CHECK(bench.out(batch, 2, 1) == "a1\na2\n");
    const Slice slice = bench.payloads.slice({.batch = batch, .end = 2, .sink = SinkId{0}});
    CHECK(slice.bytes.data() == bench.payloads.at(batch).block.data());
    bench.payloads.release(batch);
    CHECK(bench.pool.used() == 0);
}

TEST_CASE("what a filter keeps takes the batch's own block, and the rest is free") {
    Bench bench(one_node(NodeType::filter), each(contains("a")));
    std::string text(20 * kib, 'x');
    text += "\na\n";
    const BatchId batch = bench.order("ab\n" + text);
    const Answer answer = bench.answer();
    CHECK(answer.said.outputs == 2);
    CHECK(bench.out(batch, 2, 0) == "ab\na\n");
    CHECK(bench.pool.used() == 4 * kib);
    CHECK(answer.said.freed == 28 * kib);
    CHECK(answer.said.held == 0);
    RecordWalk walk =
        bench.payloads.walk({.batch = batch, .begin = 1, .end = 2, .sink = SinkId{0}});
    RecordView record;
    REQUIRE(walk.next(record));
    CHECK(text_of(record.bytes) == "a");
    CHECK(record.position.value == 1000 + 3 + 20 * kib + 1);
    CHECK_FALSE(walk.next(record));
    bench.payloads.release(batch);
    CHECK(bench.pool.used() == 0);
}

TEST_CASE("a batch of which nothing is left gives back its block at once") {
    Bench bench(one_node(NodeType::filter), each(contains("a")));
    const BatchId batch = bench.order("b\nc\n");
    const Answer answer = bench.answer();
    CHECK(answer.said.route == 0);
    CHECK(answer.said.end == 2);
    CHECK(answer.said.freed == 4 * kib);
    CHECK(bench.pool.used() == 0);
    bench.payloads.release(batch);
    CHECK(bench.pool.used() == 0);
}

TEST_CASE("sinks with different records get shares of their own") {
    flow::Spec spec{.sources = 1};
    spec.nodes.push_back(node("a", NodeType::filter, {source(0)}));
    spec.nodes.push_back(node("b", NodeType::program, {source(0)}));
    spec.sinks = {{output(0)}, {output(1)}, {source(0)}, {output(1)}};
    Bench bench(std::move(spec), each(contains("a"), multiply(2, "-")));
    const BatchId batch = bench.order("a\nb\nc\n");
    const Answer answer = bench.answer();
    const char* expected[] = {"a\n", "-a\n-a\n-b\n-b\n-c\n-c\n", "a\nb\nc\n",
                              "-a\n-a\n-b\n-b\n-c\n-c\n"};
    const std::uint32_t outputs[] = {1, 6, 3, 6};
    for (std::uint16_t sink = 0; sink < 4; ++sink) {
        CHECK(answer.outputs(sink) == outputs[sink]);
        CHECK(bench.out(batch, outputs[sink], sink) == expected[sink]);
    }
    // The batch's own block stays, for the third; one more holds the others' outputs.
    CHECK(answer.said.held == 4 * kib);
    CHECK(answer.said.freed == 0);
    CHECK(bench.pool.used() == 8 * kib);
    const auto at = [&](std::uint16_t sink) {
        return bench.payloads.slice({.batch = batch, .end = 6, .sink = SinkId{sink}}).bytes.data();
    };
    CHECK(at(1) == at(3));
    bench.payloads.release(batch);
    CHECK(bench.pool.used() == 0);
}

TEST_CASE("a transform's dead letters are the records as they came, with reason and name") {
    Bench bench(one_node(NodeType::program), each(multiply(1, ">")));
    const BatchId batch = bench.order("a\nbad 1\nc\nbad 2");
    const Answer answer = bench.answer();
    CHECK(answer.said.dead_letters == 2);
    CHECK(bench.out(batch, 2, 0) == ">a\n>c\n");
    RecordWalk walk = bench.payloads.walk({.batch = batch, .end = 2});
    RecordView record;
    REQUIRE(walk.next(record));
    CHECK(text_of(record.bytes) == "bad 1");
    CHECK(record.position.value == 1002);
    REQUIRE(record.why);
    CHECK(bench.payloads.transform_names[record.why->transform] == "t");
    CHECK(bench.payloads.outputs(batch)->texts[record.why->text] == "program error: bad record");
    REQUIRE(walk.next(record));
    CHECK(text_of(record.bytes) == "bad 2");
    CHECK(record.position.value == 1010);
    CHECK_FALSE(walk.next(record));
    bench.payloads.release(batch);
    CHECK(bench.pool.used() == 0);
}

TEST_CASE("on_error = stop stops before the batch, and says why") {
    flow::Spec spec = one_node(NodeType::program);
    spec.nodes[0].on_error = flow::OnError::stop;
    Bench bench(std::move(spec), each(multiply(1, ">")));
    bench.order("a\nbad\n");
    CHECK(bench.answer().said.fate == Fate::stop);
    CHECK(bench.stage.problem() == "t: program error: bad record");
    bench.order("b\n");
    CHECK_FALSE(bench.answered());
}

TEST_CASE("where the pool has no room one slice stands on the heap, and the next one waits") {
    // The pool is full of inputs, and each record becomes three.
    Bench bench(one_node(NodeType::program), each(multiply(3, "")), 128 * kib);
    std::string text;
    while (text.size() < 31 * kib) text += "0123456789\n";
    std::vector<BatchId> batches;
    for (int i = 0; i < 4; ++i) batches.push_back(bench.pull(text));
    CHECK(bench.pool.used() == 128 * kib);
    for (const BatchId batch : batches)
        bench.stage.transform({batch, batch, 0, bench.payloads.at(batch).records, UINT32_MAX});
    std::size_t answers = 0;
    while (bench.answered()) {
        const Answer answer = bench.answer();
        const BatchId batch = answer.said.slice;
        CHECK(batch == batches[answers++]);
        CHECK(answer.said.outputs == 3 * bench.payloads.at(batch).records);
        CHECK(answer.said.held >= 3 * text.size());
        CHECK(answer.said.freed == 32 * kib);
        CHECK(bench.out(batch, answer.said.outputs, 0).size() == 3 * text.size());
        bench.stage.wake();
        CHECK_FALSE((answers == 1 && bench.answered()));
        bench.payloads.release(batch);
        bench.stage.wake();
    }
    CHECK(answers == 4);
    CHECK(bench.pool.used() == 0);
}

TEST_CASE("a program that may make much of little is given little until it proved how much") {
    flow::Limits limits;
    limits.slice_bytes = 256 * kib;
    Bench bench(one_node(NodeType::program), each(multiply(20, "")), 1024 * kib, limits);
    CHECK(bench.stage.pull_bytes_max(SourceId{0}) == 4 * kib);
    bench.order("0123456789\n");
    CHECK(bench.stage.pull_bytes_max(SourceId{0}) == 4 * kib);
    Bench small(one_node(NodeType::program), each(multiply(2, "")), 1024 * kib, limits);
    for (int i = 0; i < 8; ++i) small.order("0123456789\n");
    CHECK(small.stage.pull_bytes_max(SourceId{0}) >= 30 * kib);
    CHECK(small.stage.pull_bytes_max(SourceId{0}) <= 32 * kib);
    Bench filter(one_node(NodeType::filter), each(contains("a")));
    CHECK(filter.stage.pull_bytes_max(SourceId{0}) == UINT32_MAX);
}

TEST_CASE("slices have payloads of their own, and keep their batch") {
    flow::Limits limits;
    limits.slice_bytes = 5;
    flow::Spec spec = one_node(NodeType::program);
    spec.sinks.push_back({source(0)});
    Bench bench(std::move(spec), each(multiply(2, "")), 1024 * kib, limits);
    const BatchId batch = bench.pull("a\nbad\nc\nd");
    std::string changed, own;
    std::uint32_t begin = 0;
    for (std::uint32_t i = 0; begin < 4; ++i) {
        REQUIRE(i < 4);
        const BatchId slice{40 + i, 1};
        bench.stage.transform({batch, slice, begin, 4, 6});
        const Answer answer = bench.answer();
        CHECK(answer.said.slice == slice);
        REQUIRE(answer.said.end > begin);
        begin = answer.said.end;
        changed += bench.out(slice, answer.outputs(0), 0);
        own += bench.out(slice, answer.outputs(1), 1);
        if (answer.said.dead_letters > 0) {
            RecordWalk walk = bench.payloads.walk({.batch = slice, .end = 1});
            RecordView record;
            REQUIRE(walk.next(record));
            CHECK(text_of(record.bytes) == "bad");
            CHECK(record.position.value == 1002);
        }
        RecordWalk walk = bench.payloads.walk({.batch = slice, .end = 1, .sink = SinkId{1}});
        RecordView record;
        REQUIRE(walk.next(record));
        CHECK(record.position.value ==
              1000 + static_cast<std::int64_t>(own.find(text_of(record.bytes))));
        bench.payloads.release(slice);
        CHECK_FALSE(bench.payloads.present(slice));
    }
    CHECK(changed == "a\na\nc\nc\nd\nd\n");
    CHECK(own == "a\nbad\nc\nd\n");
    bench.payloads.release(batch);
    CHECK(bench.pool.used() == 0);
}

TEST_CASE("a slice that a device holds keeps its batch's bytes after both were released") {
    Bench bench(one_node(NodeType::filter), each(contains("a")));
    const BatchId batch = bench.pull("a1\na2\n");
    const BatchId slice{40, 1};
    bench.stage.transform({batch, slice, 0, 2, 3});
    CHECK(bench.answer().said.end == 1);
    bench.payloads.hold(slice);
    bench.payloads.release(slice);
    bench.payloads.release(batch);
    CHECK(bench.out(slice, 1, 0) == "a1\n");
    bench.payloads.drop(slice);
    CHECK(bench.pool.used() == 0);
}

TEST_CASE("random batches through a random stage come out right, all memory returned") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        auto draw = [&, n = std::uint64_t{0}](std::uint64_t bound) mutable {
            return scale(mix(seed, 1, 0, n++), bound);
        };
        flow::Spec spec{.sources = 2};
        spec.nodes.push_back(node("a", NodeType::filter, {source(0), source(1)}));
        spec.nodes.push_back(node("b", NodeType::program, {output(0)}));
        spec.sinks = {{output(0)}, {output(1)}, {source(1), output(1)}, {output(1)}};
        const auto times = static_cast<std::uint32_t>(draw(5));
        Bench bench(std::move(spec), each(contains("a"), multiply(times, "<")), 128 * kib);
        std::deque<BatchId> out;
        std::map<std::uint32_t, std::pair<std::string, std::uint16_t>> texts;
        std::uint32_t made = 0, answers = 0;
        while (made < 30 || answers < made) {
            REQUIRE(answers <= made);
            if (made < 30 && draw(2) == 0 && bench.pool.used() < 96 * kib) {
                std::string text;
                for (std::uint64_t n = 1 + draw(300); n > 0; --n)
                    text += std::string(draw(20), draw(2) == 0 ? 'a' : 'b') +
                            (draw(10) == 0 ? "bad\n" : "\n");
                const auto from = static_cast<std::uint16_t>(draw(2));
                texts[made] = {text, from};
                bench.order(text, from);
                ++made;
            }
            if (!out.empty() && (draw(2) == 0 || made == 30)) {
                bench.payloads.release(out.front());
                out.pop_front();
                bench.stage.wake();
            }
            while (bench.answered()) {
                const Answer answer = bench.answer();
                ++answers;
                const BatchId batch = answer.said.slice;
                const auto& [text, from] = texts.at(batch.index);
                std::string kept, changed;
                std::uint32_t dead = 0;
                for (std::size_t at = 0; at < text.size();) {
                    const std::size_t end = text.find('\n', at) + 1;
                    const std::string line = text.substr(at, end - at);
                    at = end;
                    if (line.find("bad") != std::string::npos) ++dead;
                    if (line.find("bad") != std::string::npos || line[0] != 'a') continue;
                    kept += line;
                    for (std::uint32_t i = 0; i < times; ++i) changed += "<" + line;
                }
                CHECK(answer.said.dead_letters == dead);
                CHECK(bench.out(batch, answer.outputs(0), 0) == kept);
                CHECK(bench.out(batch, answer.outputs(1), 1) == changed);
                CHECK(bench.out(batch, answer.outputs(3), 3) == changed);
                if (from == 0) CHECK(bench.out(batch, answer.outputs(2), 2) == changed);
                out.push_back(batch);
            }
        }
        for (const BatchId batch : out) bench.payloads.release(batch);
        CHECK(bench.pool.used() == 0);
    }
}

TEST_CASE("threads give the answers of no threads, in each source's order") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        flow::Spec spec{.sources = 2};
        spec.nodes.push_back(node("a", NodeType::filter, {source(0), source(1)}));
        spec.nodes.push_back(node("b", NodeType::program, {output(0)}));
        spec.nodes.push_back(node("c", NodeType::dedupe, {source(1)}));
        spec.nodes.back().entries = 10;
        spec.sinks = {{output(1)}, {output(2)}};
        std::vector<flow::NodePrograms> programs = each(contains("a"), multiply(2, "<"));
        programs.emplace_back();
        Bench bench(std::move(spec), std::move(programs), 1024 * kib, {}, 3);
        std::vector<std::string> texts;
        std::uint32_t made = 0, answers = 0;
        std::uint32_t last[2] = {0, 0};
        while (answers < 40) {
            if (made < 40 && bench.pool.used() < 900 * kib) {
                std::string text;
                for (std::uint64_t n = 1 + scale(mix(seed, 1, 0, made), 200); n > 0; --n)
                    text += (n % 3 == 0 ? "a" : "b") + std::to_string(made) + "-" +
                            std::to_string(n) + "\n";
                texts.push_back(text);
                bench.order(text, static_cast<std::uint16_t>(made % 2));
                ++made;
            }
            bench.ring.run(bench.ring.now());
            while (bench.answered()) {
                const Answer answer = bench.answer();
                ++answers;
                const BatchId batch = answer.said.slice;
                std::uint32_t& before = last[batch.index % 2];
                CHECK(before <= batch.index);
                before = batch.index;
                std::string expected;
                const std::string& text = texts[batch.index];
                for (std::size_t at = 0; at < text.size();) {
                    const std::size_t end = text.find('\n', at) + 1;
                    const std::string line = text.substr(at, end - at);
                    if (line[0] == 'a') expected += "<" + line + "<" + line;
                    at = end;
                }
                CHECK(bench.out(batch, answer.outputs(0), 0) == expected);
                if (batch.index % 2 == 1) CHECK(bench.out(batch, answer.outputs(1), 1) == text);
                bench.payloads.release(batch);
            }
        }
        CHECK(bench.pool.used() == 0);
        bench.ring.abandon();
    }
}

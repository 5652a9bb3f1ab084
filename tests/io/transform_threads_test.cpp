// How many transform threads work, by how full memory is: the policy, carried out.
#include "io/devices/transform_threads.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <deque>
#include <thread>

#include "plain_ring.hpp"
#include "tests/core/flow_stub.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace flow_test;

namespace {

constexpr std::uint32_t sample = 16;

/// Four threads whose programs wait at a gate, and batches of one record.
class Bench {
public:
    Bench()
        : plan_(spec()),
          memory_(plan_),
          threads_(ring_, 4, [this] { return evaluator(); }, [this] { ++told_; }) {}
    ~Bench() {
        open = true;
        ring_.abandon();
    }

    void start() {
        Evaluation& e = evaluations_.emplace_back();
        e.input.bytes = bytes_of(text_).first(2);
        e.input.readable = bytes_of(text_);
        e.input.records = 1;
        threads_.start(e);
    }
    /// How many wait at the gate, after at most a second.
    int at_gate(int wanted) {
        for (int i = 0; i < 1000 && inside != wanted; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return inside;
    }
    void samples(std::uint32_t saturation, int n) {
        for (std::uint32_t i = 0; i < sample * static_cast<std::uint32_t>(n); ++i)
            threads_.adapt(saturation);
    }
    std::uint32_t active() const { return threads_.active(); }
    bool all_done() {
        ring_.run(ring_.now());
        return std::all_of(evaluations_.begin(), evaluations_.end(),
                           [](const Evaluation& e) { return e.done; });
    }

    std::atomic<int> inside = 0;
    std::atomic<int> most = 0;
    std::atomic<bool> open = false;

private:
    static flow::Spec spec() {
        flow::Spec out{.sources = 1};
        out.nodes.push_back(node("slow", flow::NodeType::filter, {source(0)}));
        out.sinks = {{output(0)}};
        return out;
    }
    std::unique_ptr<flow::Evaluator> evaluator() {
        std::vector<flow::NodePrograms> programs(1);
        programs[0].programs.push_back(std::make_unique<StubProgram>(
            [this](std::string_view, std::string&, std::string&) -> ProgramResult {
                const int now = ++inside;
                for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
                }
                while (!open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
                --inside;
                return {Verdict::keep, 1};
            }));
        return std::make_unique<flow::Evaluator>(plan_, memory_, std::move(programs),
                                                 flow::Limits{});
    }

    test::PlainRing ring_;
    flow::Plan plan_;
    flow::Memory memory_;
    std::string text_ = "x\n" + std::string(Program::padding, ' ');
    std::deque<Evaluation> evaluations_;
    int told_ = 0;
    TransformThreads threads_;
};

}  // namespace

TEST_CASE(
    "transform threads work one at first, and one more where batches wait and memory is free") {
    Bench bench;
    for (int i = 0; i < 20; ++i) bench.start();
    CHECK(bench.at_gate(1) == 1);
    bench.samples(599, 1);
    CHECK(bench.active() == 2);
    CHECK(bench.at_gate(2) == 2);
    bench.samples(600, 10);  // Neither free nor full.
    CHECK(bench.active() == 2);
    for (int i = 0; i < 10; ++i) {
        bench.samples(0, 1);
        bench.at_gate(static_cast<int>(bench.active()));
    }
    CHECK(bench.active() == 4);
    CHECK(bench.at_gate(4) == 4);
    bench.open = true;
    for (int i = 0; i < 1000 && !bench.all_done(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(bench.all_done());
    CHECK(bench.most == 4);
}

TEST_CASE("transform threads shrink above 0.85 of memory, halve above 0.95, and obey") {
    Bench bench;
    for (int i = 0; i < 40; ++i) bench.start();
    for (int i = 0; i < 20; ++i) {
        bench.at_gate(static_cast<int>(bench.active()));
        bench.samples(0, 1);
    }
    REQUIRE(bench.active() == 4);
    bench.samples(850, 10);
    CHECK(bench.active() == 4);
    bench.samples(851, 4);
    CHECK(bench.active() < 4);
    const std::uint32_t before = bench.active();
    bench.samples(951, 1);
    CHECK(bench.active() == before / 2);
    // Those that are at work finish; no more than are wanted begin anew.
    bench.samples(1000, 3);
    REQUIRE(bench.active() == 1);
    bench.open = true;
    for (int i = 0; i < 5000 && !bench.all_done(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(bench.all_done());
}

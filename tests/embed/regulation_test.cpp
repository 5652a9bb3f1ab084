// Embedded pipelines under memory pressure, at their stop, and with functions of the user's that
// throw.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "outside.hpp"

using namespace outside;

namespace {

/// Remembers what it was told of the gate.
struct Held : Script {
    Held(Outside& out, std::vector<std::expected<Pulled, Failure>> steps, std::vector<bool>& told)
        : Script(out, std::move(steps)), edges(told) {}
    void hold(bool held) override {
        const std::lock_guard lock(outside.mutex);
        edges.push_back(held);
    }
    std::vector<bool>& edges;
};

}  // namespace

TEST_CASE(
    "embedded pipeline short of memory is held once for the edge, and arrives by its windows") {
    const bool is_short = GENERATE(true, false);
    Outside out;
    std::vector<bool> edges;
    std::vector<std::string> said;
    Options options = quick();
    options.process_limit =
        is_short ? 1u << 20 : UINT64_MAX;  // A process alone has more than that.
    options.engine.max_hold = milliseconds(5);
    options.log = [&](std::string_view line) { said.emplace_back(line); };
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Held>(out, batches(20, 5), edges));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    REQUIRE(report->complete());
    CHECK(out.committed == up_to(100));
    CHECK(edges == (is_short ? std::vector<bool>{true} : std::vector<bool>{}));
    CHECK(report->stats.gate_closed == (is_short ? 1 : 0));
    CHECK((report->stats.gate_windows >= 10) == is_short);
    CHECK((report->stats.pressure_hard >= 800) == is_short);
    const auto count = std::count_if(said.begin(), said.end(), [](const std::string& line) {
        return line.starts_with("memory is short: pulling is paused, ");
    });
    CHECK(count == (is_short ? 1 : 0));
}

TEST_CASE("embedded pipeline's budget falls under hard pressure in governed mode") {
    Outside out;
    Options options = quick();
    options.process_limit = 1u << 20;
    options.engine.mode = RunMode::governed;
    options.engine.governor = governor_of(GovernorProfile::low_latency);
    options.engine.max_hold = milliseconds(100);
    Pipeline p(std::move(options));
    SourceConfig config;
    config.pull_bytes_max = 16u << 20;
    p.add_source("in", std::make_unique<Script>(out, batches(8, 5)), config);
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    REQUIRE(report->complete());
    CHECK(out.committed == up_to(40));
    CHECK(report->stats.source[0].budget_decreases >= 1);
}

namespace {

struct Stuck : Keep {
    Stuck(Outside& out, std::atomic<bool>& s) : Keep(out, 0), stuck(s) {}
    Answer write(const Records& records) override {
        if (records[0].payload == "0") return Keep::write(records);
        stuck = true;
        return Answer::retriable("connection refused");
    }
    std::atomic<bool>& stuck;
};

}  // namespace

TEST_CASE("stop under a deadline leaves the rest uncommitted, and the report says what it was") {
    Outside out;
    std::atomic<bool> stuck = false;
    std::vector<std::string> said;
    Options options = quick();
    options.shutdown_timeout = milliseconds(20);
    options.log = [&](std::string_view line) { said.emplace_back(line); };
    std::vector<std::expected<Pulled, Failure>> steps;
    steps.emplace_back(Pulled::some(numbered(0, 1, 7)));
    steps.emplace_back(Pulled::idle(milliseconds(10)));
    steps.emplace_back(Pulled::some(numbered(1, 3, 7)));
    for (int i = 0; i < 1000; ++i) steps.emplace_back(Pulled::idle(milliseconds(10)));
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)));
    p.add_sink("a", std::make_unique<Stuck>(out, stuck));
    std::thread stopper([&] {
        for (bool arrived = false; !arrived;) {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            const std::lock_guard lock(out.mutex);
            arrived = stuck && !out.committed.empty();
        }
        p.stop();
    });
    const auto report = p.run();
    stopper.join();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::drain_deadline);
    CHECK(out.committed == up_to(1));
    REQUIRE(report->left.size() == 1);
    CHECK(report->left[0].source == "in");
    CHECK(report->left[0].partition == 7);
    CHECK(report->left[0].records == 3);
    CHECK(report->left[0].tokens == std::vector<Token>{1, 2, 3});
    CHECK(std::count(said.begin(), said.end(),
                     "left uncommitted: source in, partition 7: 3 records, 3 tokens") == 1);
}

namespace {

template <class Base>
struct Throws : Base {
    using Base::Base;
    [[noreturn]] static void now() { throw std::runtime_error("no such luck"); }
};
struct ThrowingSource : Throws<Script> {
    using Throws<Script>::Throws;
    std::expected<Pulled, Failure> pull(const PullLimits&) override { now(); }
    void hold(bool) override { now(); }
};
struct ThrowingCommit : Throws<Script> {
    using Throws<Script>::Throws;
    std::expected<void, Failure> commit(std::uint32_t, std::span<const Token>) override { now(); }
};
struct ThrowingQuestion : Throws<Keep> {
    using Throws<Keep>::Throws;
    bool needs_sync() const override { now(); }
};
struct ThrowingSync : Throws<Keep> {
    using Throws<Keep>::Throws;
    bool needs_sync() const override { return true; }
    std::expected<void, Failure> sync() override { now(); }
};
struct ThrowingLetters : Throws<Letters> {
    using Throws<Letters>::Throws;
    std::expected<void, Failure> store(std::span<const DeadLetter>) override { now(); }
};

Options throwing_log() {
    Options options = quick();
    options.process_limit = 1u << 20;
    options.engine.max_hold = milliseconds(2);
    options.log = [](std::string_view) { throw std::runtime_error("no paper"); };
    return options;
}

std::expected<Report, Failure> run_with(std::unique_ptr<Source> source, std::unique_ptr<Sink> sink,
                                        std::unique_ptr<DeadLetterQueue> letters = nullptr,
                                        bool rejects = false) {
    Pipeline p(throwing_log());
    p.add_source("in", std::move(source));
    p.add_sink("a", std::move(sink), soon());
    if (letters) p.set_dead_letters(std::move(letters));
    p.set_transform(transform([=](Input in) -> std::expected<Output, Failure> {
        if (!rejects) return Output{std::move(in.records), {}};
        Output o;
        for (Record& r : in.records) o.dead_letters.push_back({std::move(r), "no", "", {}, 0});
        return o;
    }));
    return p.run();
}

}  // namespace

TEST_CASE("no exception crosses the library's edge, whichever function of the user's throws") {
    Outside out;
    const auto script = [&] { return std::make_unique<Script>(out, batches(3, 5)); };
    const auto keep = [&] { return std::make_unique<Keep>(out, 0); };
    const auto halted = [](const std::expected<Report, Failure>& report) {
        REQUIRE(report);
        return report->halt;
    };
    CHECK(halted(run_with(script(), keep())) == HaltReason::finished);
    CHECK(halted(run_with(std::make_unique<ThrowingSource>(out, batches(1, 1)), keep())) ==
          HaltReason::source_failed);
    CHECK(halted(run_with(std::make_unique<ThrowingCommit>(out, batches(1, 1)), keep())) ==
          HaltReason::commit_failed);
    CHECK(halted(run_with(script(), std::make_unique<ThrowingSync>(out, 0))) ==
          HaltReason::sink_sync_failed);
    CHECK(halted(run_with(script(), keep(), std::make_unique<ThrowingLetters>(out), true)) ==
          HaltReason::dead_letters_failed);
    const auto question = run_with(script(), std::make_unique<ThrowingQuestion>(out, 0));
    REQUIRE_FALSE(question);
    CHECK(question.error().what == "exception: no such luck");
}

// Embedded pipelines whose ports fail, block, or hand over too much.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "outside.hpp"

using namespace outside;

namespace {

/// Fails in different ways before it takes a write.
struct Moody : Keep {
    explicit Moody(Outside& out) : Keep(out, 0) {}
    Answer write(const Records& records) override {
        switch (calls++ % 5) {
            case 0: throw std::runtime_error("broken pipe");
            case 1: return Answer::retriable("connection refused");
            case 2: return Answer::throttled(milliseconds(1));
            case 3: return Answer::delivered().but(1000, SinkOutcome::refused);
            default: return Keep::write(records);
        }
    }
    int calls = 0;
};

}  // namespace

TEST_CASE("failing sink is tried again, whatever way it fails") {
    Outside out;
    Options options = quick();
    std::vector<std::string> said;
    options.log = [&](std::string_view line) { said.emplace_back(line); };
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Script>(out, batches(2, 5)));
    p.add_sink("moody", std::make_unique<Moody>(out), soon());
    REQUIRE(p.run()->complete());
    CHECK(out.sunk[0].size() == 10);
    CHECK(out.committed == up_to(10));
    const auto count = [&](const char* what) {
        return std::count_if(said.begin(), said.end(), [&](const std::string& line) {
            return line.find(what) != std::string::npos;
        });
    };
    CHECK(count("sink moody: exception: broken pipe") >= 1);
    CHECK(count("sink moody: its answer is wrong: an exception names record 1000") >= 1);
}

TEST_CASE("source that fails for a while is pulled again, and a failed commit is repeated") {
    Outside out;
    std::vector<std::expected<Pulled, Failure>> steps = batches(3, 2);
    steps.insert(steps.begin() + 1, std::unexpected(Failure{"broker away", false}));
    steps.insert(steps.begin() + 1, Pulled::idle(milliseconds(1)));
    auto source = std::make_unique<Script>(out, std::move(steps));
    source->commit_failures = 2;
    SourceConfig config;
    config.retry.backoff_initial = milliseconds(1);
    Pipeline p(quick());
    p.add_source("in", std::move(source), config);
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    REQUIRE(p.run()->complete());
    CHECK(out.committed == up_to(6));
}

TEST_CASE("source that fails for good halts, with its words") {
    Outside out;
    std::vector<std::expected<Pulled, Failure>> steps;
    steps.emplace_back(std::unexpected(Failure{"no such topic", true}));
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::source_failed);
    CHECK(report->problem == "source in: no such topic");
}

TEST_CASE("batch that is larger than the pull is handed on in pieces, tokens with their records") {
    Outside out;
    std::vector<std::expected<Pulled, Failure>> steps;
    steps.emplace_back(Pulled::some(numbered(0, 1000)));
    SourceConfig config;
    config.pull_records_max = 64;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)), config);
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    REQUIRE(report->complete());
    CHECK(report->stats.source[0].batches == 16);
    CHECK(out.committed == up_to(1000));
    CHECK(out.sunk[0].size() == 1000);
}

namespace {

/// Never ends.
struct Endless : Script {
    explicit Endless(Outside& out) : Script(out, {}) {}
    std::expected<Pulled, Failure> pull(const PullLimits&) override {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return Pulled::some(numbered(next++, 1));
    }
    std::uint64_t next = 0;
};

}  // namespace

TEST_CASE("stop finishes what was pulled and commits it") {
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Endless>(out));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    std::thread stopper([&] {
        for (bool arrived = false; !arrived;) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            const std::lock_guard lock(out.mutex);
            arrived = !out.sunk[0].empty();
        }
        p.stop();
    });
    const auto report = p.run();
    stopper.join();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::drained);
    CHECK(report->complete());
    CHECK(out.committed.size() == out.sunk[0].size());
    CHECK_FALSE(out.committed.empty());
}

namespace {

struct Blocks : Keep {
    Blocks(Outside& out, std::atomic<bool>& open) : Keep(out, 1), gate(open) {}
    Answer write(const Records& records) override {
        while (!gate) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return Keep::write(records);
    }
    std::atomic<bool>& gate;
};

}  // namespace

TEST_CASE("sink that blocks does not hold up another one before its own queue is full") {
    Outside out;
    std::atomic<bool> gate = false;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(50, 2)));
    p.add_sink("fast", std::make_unique<Keep>(out, 0));
    p.add_sink("slow", std::make_unique<Blocks>(out, gate));
    std::thread opener([&] {
        for (int i = 0; i < 5000; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            const std::lock_guard lock(out.mutex);
            if (out.sunk[0].size() == 100) break;
        }
        CHECK(out.committed.empty());
        gate = true;
    });
    const auto report = p.run();
    opener.join();
    REQUIRE(report->complete());
    CHECK(out.sunk[0].size() == 100);
    CHECK(out.sunk[1].size() == 100);
    CHECK(out.committed == up_to(100));
}

TEST_CASE("config that the engine refuses is an error, not a crash") {
    Outside out;
    Pipeline none;
    CHECK_FALSE(none.run());
    Pipeline p;
    p.add_source("in", std::make_unique<Script>(out, batches(1, 1)));
    SinkConfig config;
    config.queue_records_max = 0;
    p.add_sink("a", std::make_unique<Keep>(out, 0), config);
    const auto report = p.run();
    REQUIRE_FALSE(report);
    CHECK(report.error().what.find("queue_records_max is 0") != std::string::npos);
}

TEST_CASE("record's id says where it came from, also after a transform") {
    Outside out;
    Batch batch = numbered(0, 3, 9);
    batch.records[1].id.position = 700;
    std::vector<std::expected<Pulled, Failure>> steps;
    steps.emplace_back(Pulled::some(batch));
    std::vector<RecordId> ids;
    struct Ids : Keep {
        Ids(Outside& o, std::vector<RecordId>& i) : Keep(o, 0), seen(i) {}
        Answer write(const Records& records) override {
            for (const Record& r : records) seen.push_back(r.id);
            return Keep::write(records);
        }
        std::vector<RecordId>& seen;
    };
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)));
    p.set_transform(transform([](Input in) -> std::expected<Output, Failure> {
        return Output{std::move(in.records), {}};
    }));
    p.add_sink("a", std::make_unique<Ids>(out, ids));
    REQUIRE(p.run()->complete());
    CHECK(ids == std::vector<RecordId>{{0, 9, 0}, {0, 9, 700}, {0, 9, 2}});
}

TEST_CASE("ticker's error is logged and nothing else, and the first tick comes after one period") {
    Outside out;
    Options options = quick();
    options.engine.ticker_period = milliseconds(40);
    std::atomic<int> ticks = 0;
    std::vector<std::string> said;
    const auto begun = std::chrono::steady_clock::now();
    options.tick = [&]() -> std::expected<void, Failure> {
        if (ticks == 0)
            CHECK(std::chrono::steady_clock::now() - begun >= std::chrono::milliseconds(40));
        if (++ticks == 1) return std::unexpected(Failure{"a bad start", true});
        if (ticks == 2) throw std::runtime_error("no statistics today");
        return {};
    };
    options.log = [&](std::string_view line) { said.emplace_back(line); };
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Endless>(out));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    std::thread stopper([&] {
        while (ticks < 4) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        p.stop();
    });
    const auto report = p.run();
    stopper.join();
    CHECK(report->complete());
    CHECK(std::count(said.begin(), said.end(), "ticker: exception: no statistics today") == 1);
    CHECK(std::count(said.begin(), said.end(), "ticker: a bad start") == 1);
    CHECK(said.size() == 2);
    CHECK(report->problem.empty());
}

TEST_CASE("sink that fails for good halts the pipeline, with its words") {
    struct Dead : Keep {
        explicit Dead(Outside& o) : Keep(o, 0) {}
        Answer write(const Records&) override { return Answer::failed("the table is gone"); }
    };
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(2, 5)));
    p.add_sink("a", std::make_unique<Dead>(out), soon());
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::sink_failed);
    CHECK(report->problem == "sink a: the table is gone");
    CHECK(out.committed.empty());
}

TEST_CASE("write that is answered after its deadline is written again, and its answer is stale") {
    struct Late : Keep {
        explicit Late(Outside& o) : Keep(o, 0) {}
        Answer write(const Records& records) override {
            if (++calls == 1) std::this_thread::sleep_for(std::chrono::milliseconds(60));
            return Keep::write(records);
        }
        int calls = 0;
    };
    Outside out;
    SinkConfig config = soon();
    config.attempt_timeout = milliseconds(20);
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(1, 5)));
    p.add_sink("late", std::make_unique<Late>(out), config);
    const auto report = p.run();
    REQUIRE(report->complete());
    CHECK(report->stats.sink[0].ambiguous >= 1);
    CHECK(out.sunk[0].size() >= 10);  // At least once: what was late had arrived, too.
    CHECK(out.committed == up_to(5));
}

TEST_CASE("governed pipeline, its governor on or off, delivers and commits as a whole one does") {
    const bool on = GENERATE(true, false);
    Outside out;
    Options options = quick();
    options.engine.mode = RunMode::governed;
    options.engine.governor = governor_of(GovernorProfile::low_latency);
    options.engine.governor.on = on;
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Script>(out, batches(200, 20)));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    REQUIRE(p.run()->complete());
    CHECK(out.sunk[0].size() == 4000);
    CHECK(out.committed == up_to(4000));
}

// How a run ends: what its report says of what is left, and whose words it gives.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "outside.hpp"

using namespace outside;

namespace {

struct Dead : Keep {
    explicit Dead(Outside& o) : Keep(o, 0) {}
    Answer write(const Records&) override { return Answer::failed("the table is gone"); }
};

std::uint64_t records_left(const Report& report) {
    std::uint64_t out = 0;
    for (const Report::Left& left : report.left) out += left.records;
    return out;
}

std::vector<Token> tokens_left(const Report& report) {
    std::vector<Token> out;
    for (const Report::Left& left : report.left)
        out.insert(out.end(), left.tokens.begin(), left.tokens.end());
    return out;
}

}  // namespace

TEST_CASE("what a source handed over and waits at its port is left over, with its tokens") {
    Outside out;
    std::vector<std::expected<Pulled, Failure>> steps;
    steps.emplace_back(Pulled::some(numbered(0, 1000)));
    SourceConfig config;
    config.pull_records_max = 10;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)), config);
    p.add_sink("a", std::make_unique<Dead>(out));
    const auto report = p.run();
    REQUIRE(report);
    CHECK_FALSE(report->complete());
    CHECK(records_left(*report) == 1000);
    CHECK(tokens_left(*report) == up_to(1000));
    REQUIRE(report->left.size() == 1);
}

TEST_CASE("what a pull that was under way at the halt brought is left over") {
    struct Late : Script {
        Late(Outside& o, std::atomic<bool>& h) : Script(o, {}), halted(h) {}
        std::expected<Pulled, Failure> pull(const PullLimits&) override {
            if (pulls++ == 0) return Pulled::some(numbered(0, 5));
            while (!halted) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            return Pulled::some(numbered(5, 7));
        }
        std::atomic<bool>& halted;
        int pulls = 0;
    };
    struct Fails : Keep {
        Fails(Outside& o, std::atomic<bool>& h) : Keep(o, 0), halted(h) {}
        Answer write(const Records&) override {
            halted = true;
            return Answer::failed("the table is gone");
        }
        std::atomic<bool>& halted;
    };
    Outside out;
    std::atomic<bool> halted = false;
    SourceConfig config;
    config.pulls_max = 2;
    SinkConfig sink;
    sink.linger = Duration{0};
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Late>(out, halted), config);
    p.add_sink("a", std::make_unique<Fails>(out, halted), sink);
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::sink_failed);
    CHECK(records_left(*report) == 12);
    CHECK(tokens_left(*report) == up_to(12));
}

TEST_CASE("run that is stopped while a large batch waits is not complete") {
    Outside out;
    std::vector<std::expected<Pulled, Failure>> steps;
    steps.emplace_back(Pulled::some(numbered(0, 5000)));
    SourceConfig config;
    config.pull_records_max = 1;
    config.pulls_max = 1;
    struct Slow : Keep {
        Slow(Outside& o, Pipeline& pipeline) : Keep(o, 0), p(pipeline) {}
        Answer write(const Records& records) override {
            p.stop();
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            return Keep::write(records);
        }
        Pipeline& p;
    };
    Options options = quick();
    options.engine.batches_max = 4;
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)), config);
    p.add_sink("a", std::make_unique<Slow>(out, p));
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::drained);
    CHECK_FALSE(report->complete());
    CHECK(out.committed.size() + records_left(*report) == 5000);
    CHECK(out.committed.size() == out.sunk[0].size());
}

TEST_CASE(
    "report gives the words of the port that ended the run, not of another that failed before") {
    struct Grumbles : Keep {
        explicit Grumbles(Outside& o) : Keep(o, 1) {}
        Answer write(const Records& records) override {
            if (++calls == 1) return Answer::retriable("connection refused");
            return Keep::write(records);
        }
        int calls = 0;
    };
    Outside out;
    std::vector<std::expected<Pulled, Failure>> steps = batches(2, 5);
    steps.emplace_back(std::unexpected(Failure{"no such topic", true}));
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)));
    p.add_sink("grumbles", std::make_unique<Grumbles>(out), soon());
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::source_failed);
    CHECK(report->problem == "source in: no such topic");
}

TEST_CASE("halt that no port caused has no words of one that failed long ago") {
    struct Grumbles : Keep {
        Grumbles(Outside& o, Pipeline& pipeline) : Keep(o, 0), p(pipeline) {}
        Answer write(const Records&) override {
            p.stop();
            return Answer::retriable("connection refused");
        }
        Pipeline& p;
    };
    Outside out;
    Options options = quick();
    options.shutdown_timeout = milliseconds(30);
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Script>(out, batches(1, 5)));
    p.add_sink("a", std::make_unique<Grumbles>(out, p), soon());
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::drain_deadline);
    CHECK(report->problem.empty());
    CHECK(records_left(*report) == 5);
}

TEST_CASE("outcome that is no outcome is in doubt, never settled") {
    struct Strange : Keep {
        Strange(Outside& o, bool s) : Keep(o, 0), single(s) {}
        Answer write(const Records& records) override {
            if (++calls > 1) return Keep::write(records);
            const auto strange = static_cast<SinkOutcome>(77);
            if (single) return Answer::delivered().but(0, strange);
            Answer answer;
            answer.outcome = strange;
            return answer;
        }
        bool single;
        int calls = 0;
    };
    const bool single = GENERATE(true, false);
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(1, 5)));
    p.add_sink("a", std::make_unique<Strange>(out, single), soon());
    const auto report = p.run();
    REQUIRE(report->complete());
    CHECK(out.sunk[0].size() == 5);
    CHECK(out.committed == up_to(5));
}

TEST_CASE("pull whose kind is no kind halts with words, and commits nothing of it") {
    Outside out;
    std::vector<std::expected<Pulled, Failure>> steps;
    steps.emplace_back(Pulled{static_cast<Pulled::Kind>(9), numbered(0, 3), {}});
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::source_failed);
    CHECK(report->problem == "source in: its answer is wrong: its kind is no kind: 9");
    CHECK(out.committed.empty());
}

TEST_CASE(
    "more than one write in flight is refused by name: a sink is called by one thread at a time") {
    Outside out;
    SinkConfig config;
    config.writes_max = 4;
    Pipeline p;
    p.add_source("in", std::make_unique<Script>(out, batches(1, 1)));
    p.add_sink("a", std::make_unique<Keep>(out, 0), config);
    const auto report = p.run();
    REQUIRE_FALSE(report);
    CHECK(report.error().what.find("sink a: writes_max is 4") != std::string::npos);
}

// Ports that block for long: nothing piles up behind them, edges keep their order, words their record.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "outside.hpp"

using namespace outside;

namespace {

void sleep_ms(int n) { std::this_thread::sleep_for(std::chrono::milliseconds(n)); }

DeadLetterQueue& slow_letters(Outside& out, Pipeline& p, int ms) {
    struct Slow : Letters {
        Slow(Outside& o, int n) : Letters(o), wait(n) {}
        std::expected<void, Failure> store(std::span<const DeadLetter> letters) override {
            sleep_ms(wait);
            return Letters::store(letters);
        }
        int wait;
    };
    auto letters = std::make_unique<Slow>(out, ms);
    Slow& queue = *letters;
    p.set_dead_letters(std::move(letters));
    return queue;
}

}  // namespace

TEST_CASE("sink that blocks is given a write that ran out of time once, not once an attempt") {
    struct Stuck : Keep {
        Stuck(Outside& o, std::atomic<bool>& g, std::atomic<int>& n)
            : Keep(o, 0), gate(g), calls(n) {}
        Answer write(const Records& records) override {
            ++calls;
            while (!gate) sleep_ms(1);
            return Keep::write(records);
        }
        std::atomic<bool>& gate;
        std::atomic<int>& calls;
    };
    Outside out;
    std::atomic<bool> gate = false;
    std::atomic<int> calls = 0;
    SinkConfig config;
    config.retry.backoff_initial = milliseconds(1);
    config.retry.backoff_max = milliseconds(2);
    config.attempt_timeout = milliseconds(2);
    Options options = quick();
    int given_up = 0;
    options.log = [&](std::string_view line) {
        if (line == "sink stuck: no answer within the attempt timeout" && ++given_up == 20)
            gate = true;
    };
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Script>(out, batches(1, 50)));
    p.add_sink("stuck", std::make_unique<Stuck>(out, gate, calls), config);
    const auto report = p.run();
    REQUIRE(report->complete());
    // Many attempts were given up; of those that waited behind the first, the last was written.
    CHECK(report->stats.sink[0].ambiguous >= 20);
    CHECK(calls <= 10);
    CHECK(out.committed == up_to(50));
}

TEST_CASE("source that blocks in commit gets one commit for all that was ordered meanwhile") {
    struct Slow : Script {
        Slow(Outside& o, std::vector<std::expected<Pulled, Failure>> steps, std::atomic<int>& n)
            : Script(o, std::move(steps)), commits(n) {}
        std::expected<void, Failure> commit(std::uint32_t p,
                                            std::span<const Token> tokens) override {
            if (++commits == 1) sleep_ms(1000);
            return Script::commit(p, tokens);
        }
        std::atomic<int>& commits;
    };
    Outside out;
    std::atomic<int> commits = 0;
    Options options = quick();
    options.engine.commit.attempt_timeout = milliseconds(20);
    options.engine.commit.retry.backoff_max = milliseconds(2);
    options.engine.commit.retry.attempts_max = 1'000'000;
    auto source = std::make_unique<Slow>(out, batches(20, 5), commits);
    Pipeline p(std::move(options));
    p.add_source("in", std::move(source));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    REQUIRE(report);
    std::vector<Token> all = out.committed;
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    CHECK(all == up_to(100));
    CHECK(report->complete());
    // A second of time-outs at 20 ms each: without the rule there are dozens.
    CHECK(commits <= 30);
}

TEST_CASE("source hears the edges of the gate in their order, also while a pull is under way") {
    struct Held : Script {
        Held(Outside& o, std::vector<bool>& e) : Script(o, {}), edges(e) {}
        std::expected<Pulled, Failure> pull(const PullLimits&) override {
            if (++pulls > 40) return Pulled::ended();
            sleep_ms(5);
            return Pulled::some(numbered((pulls - 1) * 3, 3));
        }
        void hold(bool held) override {
            const std::lock_guard lock(outside.mutex);
            edges.push_back(held);
        }
        std::vector<bool>& edges;
        std::uint64_t pulls = 0;
    };
    Outside out;
    std::vector<bool> edges;
    Options options = quick();
    options.process_limit = 1;  // Always short of memory: held, and let go after max_hold.
    options.engine.max_hold = milliseconds(1);
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Held>(out, edges));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    REQUIRE(p.run()->complete());
    REQUIRE_FALSE(edges.empty());
    for (std::size_t i = 0; i < edges.size(); ++i) CHECK(edges[i] == (i % 2 == 0));
    CHECK(out.sunk[0].size() == 120);
}

TEST_CASE("each refused record has its own words in its dead letter, however slow the queue is") {
    struct Words : Keep {
        explicit Words(Outside& o) : Keep(o, 0) {}
        Answer write(const Records& records) override {
            return Answer::refused("no " + records[0].payload);
        }
    };
    Outside out;
    SinkConfig config = soon();
    config.write_records_max = 1;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(1, 5)));
    p.add_sink("picky", std::make_unique<Words>(out), config);
    slow_letters(out, p, 60);
    REQUIRE(p.run()->complete());
    REQUIRE(out.dead.size() == 5);
    for (const DeadLetter& letter : out.dead) CHECK(letter.why == "no " + letter.record.payload);
}

TEST_CASE("records refused by name in one write have each their own words") {
    struct Words : Keep {
        explicit Words(Outside& o) : Keep(o, 0) {}
        Answer write(const Records& records) override {
            Answer answer = Answer::delivered();
            for (std::uint32_t i = 0; i < records.size(); ++i)
                if (i % 2 == 1)
                    answer =
                        std::move(answer).but(i, SinkOutcome::refused, "odd " + records[i].payload);
            return answer;
        }
    };
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(2, 6)));
    p.add_sink("picky", std::make_unique<Words>(out), soon());
    slow_letters(out, p, 20);
    REQUIRE(p.run()->complete());
    CHECK(out.dead.size() >= 5);
    for (const DeadLetter& letter : out.dead) CHECK(letter.why == "odd " + letter.record.payload);
}

TEST_CASE("dead letter after all attempts has the words of the last one, a time-out's included") {
    struct Away : Keep {
        Away(Outside& o, bool b) : Keep(o, 0), blocks(b) {}
        Answer write(const Records&) override {
            if (blocks) sleep_ms(200);
            return Answer::retriable("connection " + std::to_string(++calls));
        }
        bool blocks;
        int calls = 0;
    };
    const bool blocks = GENERATE(false, true);
    Outside out;
    SinkConfig config = soon();
    config.retry.attempts_max = 3;
    config.retry.backoff_max = milliseconds(1);
    config.on_transient = OnTransient::retry;
    if (blocks) config.attempt_timeout = milliseconds(5);
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(1, 2)));
    p.add_sink("away", std::make_unique<Away>(out, blocks), config);
    p.set_dead_letters(std::make_unique<Letters>(out));
    REQUIRE(p.run()->complete());
    REQUIRE(out.dead.size() == 2);
    for (const DeadLetter& letter : out.dead)
        CHECK(letter.why == (blocks ? "no answer within the attempt timeout" : "connection 3"));
}

// A source that is pushed into: what is taken, in which order, and what its senders hear.
#include "io/embed/inlet.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <thread>

#include "outside.hpp"

using namespace outside;
using Pushed = Inlet::Pushed;
using Clock = std::chrono::steady_clock;

namespace {

/// What senders heard, in the order in which they did.
struct Heard {
    std::mutex mutex;
    std::condition_variable came;
    std::vector<std::pair<int, bool>> all;

    Inlet::Settled of(int n) {
        return [this, n](bool settled) {
            const std::lock_guard lock(mutex);
            all.emplace_back(n, settled);
            came.notify_all();
        };
    }
    bool wait_for(std::size_t count) {
        std::unique_lock lock(mutex);
        return came.wait_for(lock, std::chrono::seconds(20), [&] { return all.size() >= count; });
    }
};

std::vector<std::pair<int, bool>> each(int count, bool settled) {
    std::vector<std::pair<int, bool>> out;
    for (int n = 0; n < count; ++n) out.emplace_back(n, settled);
    return out;
}

/// Takes so many records, then fails for good.
struct Breaks : Sink {
    explicit Breaks(std::size_t n) : left(n) {}
    Answer write(const Records& records) override {
        if (records.size() > left) return Answer::failed("gone");
        left -= records.size();
        return Answer::delivered();
    }
    std::size_t left;
};

}  // namespace

TEST_CASE(
    "what is pushed is delivered in its order, and each sender hears once that it is settled") {
    Outside out;
    Heard heard;
    Inlet inlet;
    Pipeline p(quick());
    p.add_source("in", inlet.source());
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    std::vector<std::string> expected;
    for (int n = 0; n < 500; ++n) {
        expected.push_back(std::to_string(n));
        REQUIRE(inlet.try_push(record(expected.back()), heard.of(n)) == Pushed::taken);
    }
    inlet.close();
    CHECK(inlet.try_push(record("late"), heard.of(-1)) == Pushed::closed);
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->complete());
    CHECK(out.sunk[0] == expected);
    CHECK(heard.all == each(500, true));
}

TEST_CASE("push into a full inlet is refused and told nothing, but one record is always taken") {
    Heard heard;
    {
        Inlet few({.bytes = 1u << 20, .records = 2});
        CHECK(few.try_push(record("0"), heard.of(0)) == Pushed::taken);
        CHECK(few.try_push(record("1"), heard.of(1)) == Pushed::taken);
        CHECK(few.try_push(record("2"), heard.of(2)) == Pushed::full);
        // There is room again once they were pulled.
        const auto end = few.source();
        REQUIRE(end->pull({10, 1u << 20})->batch.records.size() == 2);
        CHECK(few.try_push(record("3"), heard.of(3)) == Pushed::taken);
    }
    std::ranges::sort(heard.all);
    CHECK(heard.all == std::vector<std::pair<int, bool>>{{0, false}, {1, false}, {3, false}});
    Inlet small({.bytes = 10, .records = 100});
    CHECK(small.try_push(record(std::string(1000, 'x'))) == Pushed::taken);
    CHECK(small.try_push(record("y")) == Pushed::full);
}

TEST_CASE("pull brings no more than its limits, but one record at least") {
    Inlet inlet;
    for (int n = 0; n < 5; ++n)
        REQUIRE(inlet.try_push(record(std::string(100, 'x'))) == Pushed::taken);
    const auto end = inlet.source();
    CHECK(end->pull({3, 1u << 20})->batch.records.size() == 3);
    CHECK(end->pull({3, 1})->batch.records.size() == 1);
    inlet.close();
    CHECK(end->pull({3, 1u << 20})->batch.records.size() == 1);
    CHECK(end->pull({3, 1u << 20})->kind == Pulled::Kind::ended);
}

TEST_CASE("what a pipeline did not settle is told so when it is destroyed, once each") {
    Heard heard;
    Inlet inlet;
    {
        SinkConfig one = soon();
        one.write_records_max = 1;
        Pipeline p(quick());
        p.add_source("in", inlet.source());
        p.add_sink("a", std::make_unique<Breaks>(3), one);
        for (int n = 0; n < 10; ++n)
            REQUIRE(inlet.try_push(record(std::to_string(n)), heard.of(n)) == Pushed::taken);
        const auto report = p.run();
        REQUIRE(report);
        CHECK(report->halt == HaltReason::sink_failed);
    }
    CHECK(inlet.try_push(record("late"), heard.of(10)) == Pushed::closed);
    REQUIRE(heard.all.size() == 10);
    for (int n = 0; n < 10; ++n) {
        CHECK(heard.all[static_cast<std::size_t>(n)].first == n);
        if (n >= 3) CHECK_FALSE(heard.all[static_cast<std::size_t>(n)].second);
    }
    Heard never_run;
    {
        Inlet unused;
        Pipeline p;
        p.add_source("in", unused.source());
        REQUIRE(unused.try_push(record("0"), never_run.of(0)) == Pushed::taken);
    }
    CHECK(never_run.all == each(1, false));
}

TEST_CASE("record that goes to the dead letters is settled, and its sender hears it") {
    Outside out;
    Heard heard;
    Inlet inlet;
    Pipeline p(quick());
    p.add_source("in", inlet.source());
    p.set_transform(transform([](Input in) -> std::expected<Output, Failure> {
        Output o;
        for (Record& r : in.records)
            o.dead_letters.push_back({std::move(r), "no", "", Reason::parse_error, 0});
        return o;
    }));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    p.set_dead_letters(std::make_unique<Letters>(out));
    for (int n = 0; n < 3; ++n)
        REQUIRE(inlet.try_push(record(std::to_string(n)), heard.of(n)) == Pushed::taken);
    inlet.close();
    REQUIRE(p.run()->complete());
    CHECK(out.dead.size() == 3);
    CHECK(heard.all == each(3, true));
}

TEST_CASE("settling does not wait until a pull has waited long enough") {
    Outside out;
    Heard heard;
    Inlet inlet;
    Options options = quick();
    options.engine.commit.records = 1;
    options.engine.commit.interval = seconds(10);
    Pipeline p(std::move(options));
    p.add_source("in", inlet.source());
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    std::thread runs([&] { CHECK(p.run()->complete()); });
    const auto began = Clock::now();
    // A pull that nobody interrupts returns after 100 ms: 10 seconds for 100 of them.
    for (int n = 0; n < 100; ++n) {
        CHECK(inlet.try_push(record(std::to_string(n)), heard.of(n)) == Pushed::taken);
        if (!heard.wait_for(static_cast<std::size_t>(n) + 1)) break;
    }
    const auto took = Clock::now() - began;
    p.stop();
    runs.join();
    CHECK(heard.all == each(100, true));
    CHECK(took < std::chrono::seconds(5));
}

TEST_CASE(
    "threads that push at once are each told of all that was taken, and a throw harms nobody") {
    Outside out;
    Inlet inlet({.bytes = 1u << 20, .records = 50});
    Pipeline p(quick());
    p.add_source("in", inlet.source());
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    std::atomic<int> told = 0;
    std::vector<std::thread> senders;
    for (int t = 0; t < 4; ++t)
        senders.emplace_back([&] {
            for (int n = 0; n < 500;) {
                const auto result = inlet.try_push(record("x"), [&](bool settled) {
                    if (settled) ++told;
                    throw std::runtime_error("no matter");
                });
                if (result == Pushed::taken) ++n;
                if (result == Pushed::full) std::this_thread::yield();
                if (result == Pushed::closed) return;
            }
        });
    std::thread closes([&] {
        for (std::thread& sender : senders) sender.join();
        inlet.close();
    });
    REQUIRE(p.run()->complete());
    closes.join();
    CHECK(told == 2000);
    CHECK(out.sunk[0].size() == 2000);
}

// The coroutine layer over a ring that completes what it is told to.
#include "io/task.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "io/posix/posix_ring.hpp"

namespace holdfast::io {
namespace {

Task<int> forty_two() { co_return 42; }

Task<std::string> twice(std::string text) {
    const int n = co_await forty_two();
    co_return text + text + std::to_string(n);
}

Task<> keep(std::string text, std::string& out) { out = co_await twice(std::move(text)); }

Task<> sleep_then(Ring& ring, Instant at, std::vector<int>& out, int n) {
    const auto result = co_await sleep_until(ring, at);
    out.push_back(result == -ETIME ? n : -1);
}

Task<> wait_for(Signal& signal, const int& wanted, int& seen) {
    while (wanted == 0) co_await signal.wait();
    seen += 1;
}

Task<> hold(std::shared_ptr<int> held, Signal& signal) {
    co_await signal.wait();
    *held += 1;
}

Task<> respawn(Scope& scope, int left, int& ran) {
    ran += 1;
    if (left > 0) scope.spawn(respawn(scope, left - 1, ran));
    co_return;
}

Task<int> many_steps(int n) {
    int sum = 0;
    for (int i = 0; i < n; ++i) {
        const int one = co_await forty_two();
        sum += one;
    }
    co_return sum;
}

Task<> store(int n, int& out) { out = co_await many_steps(n); }

}  // namespace

TEST_CASE("a task hands its result to its awaiter", "[task]") {
    Scope scope;
    std::string out;
    scope.spawn(keep("a string that is longer than the small ones;", out));
    CHECK(out ==
          "a string that is longer than the small ones;"
          "a string that is longer than the small ones;42");
}

TEST_CASE("a task that is never awaited never runs", "[task]") {
    std::string out = "untouched";
    {
        auto task = keep("x", out);
        CHECK_FALSE(task.done());
    }
    CHECK(out == "untouched");
}

TEST_CASE("a task moves to where it is assigned and what was there is freed", "[task]") {
    Signal signal;
    auto first = std::make_shared<int>(0);
    auto second = std::make_shared<int>(0);
    auto task = hold(first, signal);
    task = hold(second, signal);
    CHECK(first.use_count() == 1);
    CHECK(second.use_count() == 2);
}

TEST_CASE("a task awaits many others in bounded stack", "[task]") {
    Scope scope;
    int out = 0;
    scope.spawn(store(10'000, out));
    CHECK(out == 420'000);
}

TEST_CASE("a scope runs its tasks side by side", "[task]") {
    PosixRing ring;
    std::vector<int> out;
    Scope scope;
    const Instant now = ring.now();
    scope.spawn(sleep_then(ring, now + milliseconds(10), out, 2));
    scope.spawn(sleep_then(ring, now + milliseconds(5), out, 1));
    scope.spawn(sleep_then(ring, now + milliseconds(15), out, 3));
    while (out.size() < 3) ring.run(never);
    CHECK(out == std::vector<int>{1, 2, 3});
}

TEST_CASE("a scope lets a task spawn others", "[task]") {
    Scope scope;
    int ran = 0;
    scope.spawn(respawn(scope, 20, ran));
    CHECK(ran == 21);
    scope.spawn(respawn(scope, 0, ran));
    CHECK(ran == 22);
}

TEST_CASE("a scope frees its tasks where they are suspended", "[task]") {
    PosixRing ring;
    Signal signal;
    auto held = std::make_shared<int>(0);
    std::vector<int> out;
    {
        Scope scope;
        scope.spawn(hold(held, signal));
        scope.spawn(sleep_then(ring, never, out, 1));
        CHECK(held.use_count() == 2);
        ring.abandon();
    }
    CHECK(held.use_count() == 1);
    CHECK(*held == 0);
    CHECK(out.empty());
}

TEST_CASE("a signal wakes all that wait, and those that wait again wait for the next", "[task]") {
    Scope scope;
    Signal signal;
    int wanted = 0;
    int seen = 0;
    for (int i = 0; i < 3; ++i) scope.spawn(wait_for(signal, wanted, seen));
    signal.notify();
    CHECK(seen == 0);
    wanted = 1;
    CHECK(seen == 0);
    signal.notify();
    CHECK(seen == 3);
    signal.notify();
    CHECK(seen == 3);
}

}  // namespace holdfast::io

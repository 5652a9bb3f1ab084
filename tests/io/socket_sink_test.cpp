#include "io/sinks/socket/socket_sink.hpp"

#include <thread>

#include "tests/io/sink_bench.hpp"
#include "tests/io/socket_peers.hpp"
#include "tests/io/source_bench.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;

namespace {

/// A sink on a real ring; batches as SinkBench makes them.
struct SocketBench {
    std::unique_ptr<Ring> ring = kernel_ring();
    SinkBench made;  ///< For its payloads; its own ring is not used.
    SinkWords words;
    SocketSinkConfig config;
    std::unique_ptr<SocketSink> sink;
    std::uint32_t deliveries = 0;

    ~SocketBench() {
        ring->abandon();
        sink.reset();
    }
    void start(const std::string& where) {
        config.name = "out";
        config.address = address_of(where);
        config.words = &words;
        sink = std::make_unique<SocketSink>(config, system_network(), *ring, made.payloads,
                                            made.events, made.log);
        sink->start();
    }
    Part write(const std::string& text) {
        const Part part = made.batch(text);
        sink->write(SinkBench::write_of(++deliveries), {&part, 1});
        return part;
    }
    SinkAnswered answer() {
        const Instant late = ring->now() + seconds(10);
        while (made.events.empty()) {
            REQUIRE(ring->now() < late);
            ring->run(ring->now() + milliseconds(20));
        }
        return std::get<SinkAnswered>(made.events.pop());
    }
    SinkOutcome written(const std::string& text) {
        const Part part = write(text);
        const SinkOutcome outcome = answer().outcome;
        made.payloads.release(part.batch);
        return outcome;
    }
    void run(Duration time) {
        const Instant until = ring->now() + time;
        while (ring->now() < until) ring->run(until);
    }
};

std::string take_all(const Peer& peer, std::size_t size, int tries = 500) {
    std::string all;
    for (int i = 0; i < tries && all.size() < size; ++i) {
        all += peer.take();
        if (all.size() < size) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return all;
}

}  // namespace

TEST_CASE("socket sink writes lines to TCP and Unix peers, each with its newline") {
    SocketBench b;
    const bool local = GENERATE(true, false);
    const Host host(local ? b.made.dir / "socket" : "127.0.0.1:0");
    b.start(host.address());
    CHECK(b.sink->connections() == 0);  // Nothing to write yet.
    CHECK(b.written("one\ntwo\n") == SinkOutcome::delivered);
    const Peer peer = host.accept();
    CHECK(b.written("three") == SinkOutcome::delivered);
    CHECK(b.written("four\n") == SinkOutcome::delivered);
    CHECK(take_all(peer, 19) == "one\ntwo\nthree\nfour\n");
    CHECK(b.sink->connections() == 1);
    CHECK(b.made.pool.used() == 0);
}

TEST_CASE("socket sink says why it cannot connect, and connects when it can") {
    SocketBench b;
    std::string where;
    {
        where = Host("127.0.0.1:0").address();
    }
    b.start(where);
    const Part part = b.write("one\n");
    CHECK(b.answer().outcome == SinkOutcome::retriable);
    CHECK(b.words.of(SinkId{0}, part.batch, 0) ==
          "connecting to " + where + ": Connection refused");
    CHECK(b.written("one\n") == SinkOutcome::retriable);
    CHECK(b.made.lines.size() == 1);  // Not once an attempt.
    const Host host(where);
    CHECK(b.written("one\n") == SinkOutcome::delivered);
    CHECK(take_all(host.accept(), 4) == "one\n");
}

TEST_CASE("socket sink answers only when the system has all bytes, and keeps lines whole") {
    SocketBench b;
    const Host host("127.0.0.1:0");
    b.start(host.address());
    CHECK(b.written("first\n") == SinkOutcome::delivered);
    const Peer peer = host.accept();
    std::string all = "first\n";
    // More than the buffers of both sides hold.
    const std::string large = std::string(60'000, 'x') + "\n";
    std::size_t answers = 0;
    std::vector<Part> parts;
    std::size_t written = 0;
    std::string read;
    while (written < 400) {
        if (parts.size() < 4) {
            parts.push_back(b.write(large));
            all += large;
            ++written;
        }
        b.run(milliseconds(1));
        if (b.made.events.empty() && parts.size() == 4) break;  // It is blocked.
        while (!b.made.events.empty()) {
            CHECK(std::get<SinkAnswered>(b.made.events.pop()).outcome == SinkOutcome::delivered);
            b.made.payloads.release(parts.front().batch);
            parts.erase(parts.begin());
            ++answers;
        }
    }
    REQUIRE(written < 400);
    const std::size_t open = parts.size();
    CHECK(open == 4);
    while (read.size() < all.size()) {
        read += peer.take();
        b.ring->run(b.ring->now() + milliseconds(1));
        // What was answered is no more than what was taken in all.
        while (!b.made.events.empty()) {
            b.made.events.pop();
            ++answers;
        }
    }
    CHECK(read == all);
    b.run(milliseconds(20));
    CHECK(answers + (b.made.events.empty() ? 0 : 1) == written);
}

TEST_CASE("socket sink begins anew with a whole record after a reset") {
    SocketBench b;
    const Host host("127.0.0.1:0");
    b.start(host.address());
    CHECK(b.written("one\n") == SinkOutcome::delivered);
    Peer first = host.accept();
    CHECK(take_all(first, 4) == "one\n");
    const std::string large = std::string(60'000, 'x') + "\n";
    std::vector<Part> parts;
    SinkOutcome outcome = SinkOutcome::delivered;
    while (outcome == SinkOutcome::delivered) {
        const Part part = b.write(large);
        b.run(milliseconds(20));
        if (b.made.events.empty()) first.reset();
        outcome = b.answer().outcome;
        b.made.payloads.release(part.batch);
    }
    CHECK((outcome == SinkOutcome::retriable || outcome == SinkOutcome::ambiguous));
    CHECK(b.written("two\nthree\n") == SinkOutcome::delivered);
    CHECK(take_all(host.accept(), 10) == "two\nthree\n");
    CHECK(b.made.has_logged("it is tried again"));
}

TEST_CASE("socket sink sees that its peer has closed before it writes") {
    SocketBench b;
    const Host host("127.0.0.1:0");
    b.start(host.address());
    CHECK(b.written("one\n") == SinkOutcome::delivered);
    Peer first = host.accept();
    first.send("thanks, and a lot of words that nobody needs");
    CHECK(b.written("two\n") == SinkOutcome::delivered);
    CHECK(take_all(first, 8) == "one\ntwo\n");
    const bool half = GENERATE(true, false);
    if (half) {
        ::shutdown(first.fd(), SHUT_WR);
    } else {
        first.close();
    }
    b.run(milliseconds(20));
    CHECK(b.written("three\n") == SinkOutcome::delivered);
    CHECK(take_all(host.accept(), 6) == "three\n");
    CHECK(b.sink->connections() == 2);
}

TEST_CASE("socket sink's write that is cancelled half way ends its connection") {
    SocketBench b;
    const Host host("127.0.0.1:0");
    b.start(host.address());
    CHECK(b.written("one\n") == SinkOutcome::delivered);
    const Peer first = host.accept();
    const std::string large = std::string(60'000, 'x') + "\n";
    Part part{};
    std::string all = "one\n";
    while (true) {
        part = b.write(large);
        b.run(milliseconds(20));
        if (b.made.events.empty()) break;
        CHECK(b.answer().outcome == SinkOutcome::delivered);
        b.made.payloads.release(part.batch);
        all += large;
    }
    b.sink->cancel({{b.deliveries, 1}, SinkId{0}, 1});
    const SinkOutcome outcome = b.answer().outcome;
    CHECK(outcome != SinkOutcome::delivered);
    // All that was delivered comes, and then no more than a part of a line.
    std::string read;
    std::string piece;
    do {
        piece = take_all(first, 1, 20);
        read += piece;
    } while (!piece.empty() && !first.is_over());
    CHECK(read.substr(0, all.size()) == all);
    CHECK(read.find('\n', all.size()) == std::string::npos);
    const bool torn = read.size() > all.size();
    CHECK((outcome == SinkOutcome::ambiguous) == torn);
    CHECK(b.written("two\n") == SinkOutcome::delivered);
    if (torn) CHECK(take_all(host.accept(), 4) == "two\n");
}

TEST_CASE("socket sink gives back what waits, and stops connecting when it is told to") {
    SocketBench b;
    // A Unix socket whose queue is full: connecting waits.
    const Host host("127.0.0.1:0");
    b.start(host.address());
    const Part one = b.made.batch("one\n");
    const Part two = b.made.batch("two\n");
    b.sink->write(SinkBench::write_of(1), {&one, 1});
    b.sink->write(SinkBench::write_of(2), {&two, 1});
    b.sink->cancel({{2, 1}, SinkId{0}, 1});
    const SinkAnswered waiting = b.answer();
    CHECK(waiting.delivery.index == 2);
    CHECK(waiting.outcome == SinkOutcome::retriable);
    b.sink->cancel({{1, 1}, SinkId{0}, 1});
    CHECK(b.answer().delivery.index == 1);
    CHECK(b.written("three\n") == SinkOutcome::delivered);
}

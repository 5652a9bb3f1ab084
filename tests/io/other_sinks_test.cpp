#include <signal.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <memory>

#include "io/devices/data_dir.hpp"
#include "io/devices/faulty_sink.hpp"
#include "io/sinks/blackhole/blackhole_sink.hpp"
#include "io/sinks/file/file_sink.hpp"
#include "io/sinks/stdout/stdout_sink.hpp"
#include "sink_bench.hpp"

namespace holdfast::io {
namespace {

using test::contents;

struct FaultyBench : test::SinkBench {
    FaultySinkConfig config{.id = SinkId{0}, .seed = 1};
    std::string path = dir / "out";
    FileSink* file = nullptr;
    std::unique_ptr<FaultySink> sink;

    void start() {
        sink = std::make_unique<FaultySink>(ring, payloads, events, config, [&](Events& inner) {
            auto made = std::make_unique<FileSink>(
                ring, payloads, inner, log,
                FileSinkConfig{.name = "a", .id = SinkId{0}, .path = path});
            file = made.get();
            return made;
        });
        sink->start();
        ring.settle();
    }
    ~FaultyBench() { ring.abandon(); }
    SinkAnswered written(const Part& part, std::uint32_t delivery, std::uint32_t attempt) {
        sink->write(write_of(delivery, attempt), {&part, 1});
        while (events.empty()) REQUIRE(ring.run(never) > 0);
        return std::get<SinkAnswered>(events.pop());
    }
    /// As the engine does: until it is delivered. Returns how many attempts that took.
    std::uint32_t deliver(const std::string& text, std::uint32_t delivery) {
        const Part part = batch(text);
        std::uint32_t attempt = 1;
        while (written(part, delivery, attempt).outcome != SinkOutcome::delivered) ++attempt;
        payloads.release(part.batch);
        return attempt;
    }
};

TEST_CASE("faulty sink fails some attempts and each record still arrives once") {
    FaultyBench b;
    b.config.fail_permille = 200;
    b.config.throttle_permille = 200;
    b.config.ambiguous_permille = 400;
    b.start();
    std::string expected;
    std::uint32_t attempts = 0;
    for (std::uint32_t i = 0; i < 60; ++i) {
        const std::string text = "record " + std::to_string(i) + "\n";
        expected += text;
        attempts += b.deliver(text, i);
    }
    CHECK(attempts > 90);
    CHECK(contents(b.path) == expected);
    CHECK(b.pool.used() == 0);
}

TEST_CASE("faulty sink makes the same faults again") {
    std::vector<std::uint32_t> attempts[2];
    for (auto& run : attempts) {
        FaultyBench b;
        b.config.fail_permille = 500;
        b.start();
        for (std::uint32_t i = 0; i < 30; ++i) run.push_back(b.deliver("x\n", i));
    }
    CHECK(attempts[0] == attempts[1]);
}

TEST_CASE("faulty sink refuses a record always or never") {
    FaultyBench b;
    b.config.refuse_permille = 300;
    b.start();
    int refused = 0;
    for (std::uint32_t i = 0; i < 50; ++i) {
        Part part = b.batch("record " + std::to_string(i) + "\n");
        const auto first = b.written(part, i, 1).outcome;
        CHECK(b.written(part, 1000 + i, 5).outcome == first);
        if (first == SinkOutcome::refused) ++refused;
    }
    CHECK(refused > 5);
    CHECK(refused < 30);
}

TEST_CASE("faulty sink waits before each write, and gives a waiting one back") {
    FaultyBench b;
    b.config.latency = milliseconds(10);
    b.start();
    const Instant before = b.ring.now();
    const Part part = b.batch("one\n");
    CHECK(b.written(part, 1, 1).outcome == SinkOutcome::delivered);
    CHECK(b.ring.now() - before == milliseconds(10));
    b.sink->write(b.write_of(2), {&part, 1});
    b.sink->cancel({{2, 1}, SinkId{0}, 1});
    CHECK(std::get<SinkAnswered>(b.events.pop()).outcome == SinkOutcome::retriable);
    CHECK(b.written(part, 3, 1).outcome == SinkOutcome::delivered);
    CHECK(contents(b.path) == "one\none\n");
}

TEST_CASE("blackhole takes everything") {
    Events events;
    BlackholeSink sink(events);
    sink.write(test::SinkBench::write_of(4, 2), {});
    const auto answer = std::get<SinkAnswered>(events.pop());
    CHECK(answer.delivery.index == 4);
    CHECK(answer.attempt == 2);
    CHECK(answer.outcome == SinkOutcome::delivered);
}

struct Pipe {
    int fds[2];
    Pipe() {
        signal(SIGPIPE, SIG_IGN);
        REQUIRE(pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0);
    }
    std::string take() const {
        std::string text(1 << 16, '\0');
        const ssize_t n = ::read(fds[0], text.data(), text.size());
        text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return text;
    }
};

TEST_CASE("stdout sink writes records in order and waits for a slow reader") {
    test::SinkBench b;
    const Pipe pipe;
    StdoutSink sink(b.ring, b.payloads, b.events, b.log, pipe.fds[1]);
    const std::string large(60'000, 'x');
    std::string read;
    for (const std::string& text : {large, std::string("two\n"), large, std::string("four\n")}) {
        const Part part = b.batch(text);
        sink.write(b.write_of(1), {&part, 1});
    }
    int answers = 0;
    while (answers < 4) {
        REQUIRE(b.ring.run(never) > 0);
        read += pipe.take();
        for (; !b.events.empty(); ++answers) {
            CHECK(std::get<SinkAnswered>(b.events.pop()).outcome == SinkOutcome::delivered);
        }
    }
    read += pipe.take();
    CHECK(read == large + "\ntwo\n" + large + "\nfour\n");
}

TEST_CASE("stdout sink acknowledges nothing once its reader is gone") {
    test::SinkBench b;
    const Pipe pipe;
    StdoutSink sink(b.ring, b.payloads, b.events, b.log, pipe.fds[1]);
    ::close(pipe.fds[0]);
    const Part part = b.batch("one\n");
    for (std::uint32_t i = 1; i < 4; ++i) {
        sink.write(b.write_of(1, i), {&part, 1});
        CHECK(b.next<SinkAnswered>().outcome == SinkOutcome::retriable);
    }
    CHECK(sink.state() == DeviceState::refused);
    CHECK(b.lines.size() == 1);
}

TEST_CASE("data directory is made and keeps a second one out") {
    test::TestDir dir;
    const std::string path = dir / "x/state";
    {
        const auto first = DataDir::open(path);
        REQUIRE(first.has_value());
        const auto second = DataDir::open(path);
        REQUIRE_FALSE(second.has_value());
        CHECK(second.error().find("is locked by process " + std::to_string(getpid())) !=
              std::string::npos);
        CHECK(contents(path + "/lock") == std::to_string(getpid()) + "\n");
    }
    CHECK(DataDir::open(path).has_value());
}

TEST_CASE("data directory is free again when its process is killed") {
    test::TestDir dir;
    const std::string path = dir / "state";
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    const pid_t child = fork();
    if (child == 0) {
        const auto held = DataDir::open(path);
        (void)!::write(ready[1], held ? "y" : "n", 1);
        pause();
        _exit(0);
    }
    char answer = 0;
    REQUIRE(::read(ready[0], &answer, 1) == 1);
    CHECK(answer == 'y');
    CHECK_FALSE(DataDir::open(path).has_value());
    ::kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    CHECK(DataDir::open(path).has_value());
}

TEST_CASE("data directory that can't be made says why") {
    test::TestDir dir;
    test::put_contents(dir / "file", "");
    const auto opened = DataDir::open(dir / "file/state");
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().find("can't be made") != std::string::npos);
}

}  // namespace
}  // namespace holdfast::io

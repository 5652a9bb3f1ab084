#include "io/sinks/file/file_sink.hpp"

#include <catch2/catch.hpp>
#include <memory>

#include "sink_bench.hpp"

namespace holdfast::io {
namespace {

using test::contents;
using test::put_contents;
using Fsync = FileSinkConfig::Fsync;
using Delivery = FileSinkConfig::Delivery;

struct Bench : test::SinkBench {
    FileSinkConfig config{
        .name = "a", .id = SinkId{0}, .path = dir / "out.txt", .set_aside = dir / "set_aside"};
    std::unique_ptr<FileSink> sink;

    FileSink& start() {
        ring.abandon();
        sink = std::make_unique<FileSink>(ring, payloads, events, log, config);
        sink->start();
        ring.settle();
        return *sink;
    }
    ~Bench() { ring.abandon(); }
    void write(const std::string& text, std::uint32_t delivery, std::uint32_t attempt = 1) {
        const Part part = batch(text);
        sink->write(write_of(delivery, attempt), {&part, 1});
    }
    SinkAnswered written(const std::string& text, std::uint32_t delivery,
                         std::uint32_t attempt = 1) {
        write(text, delivery, attempt);
        return next<SinkAnswered>();
    }
    SinkSynced synced() {
        sink->sync({SinkId{0}, 7});
        return next<SinkSynced>();
    }
    std::string file() const { return contents(config.path); }
};

TEST_CASE("file sink writes records side by side and answers with the file's length") {
    Bench b;
    b.start();
    const auto first = b.written("one\ntwo\n", 1);
    CHECK(first.outcome == SinkOutcome::delivered);
    CHECK(first.mark == 8);
    CHECK(b.written("three\n", 2).mark == 14);
    CHECK(b.file() == "one\ntwo\nthree\n");
    CHECK(b.pool.used() > 0);
    for (std::uint32_t i = 0; i < b.batches; ++i) b.payloads.release({i, 1});
    CHECK(b.pool.used() == 0);
}

TEST_CASE("file sink ends a record that has no newline") {
    Bench b;
    b.start();
    CHECK(b.written("one\ntwo", 1).mark == 8);
    CHECK(b.file() == "one\ntwo\n");
}

TEST_CASE("file sink gathers many parts and continues short writes") {
    Bench b;
    b.ring.write_max = 3;
    b.start();
    std::vector<Part> parts;
    std::string expected;
    for (int i = 0; i < 20; ++i) {
        const std::string text = "a" + std::to_string(i) + "\nb\nc\n";
        Part part = b.batch(text);
        part.begin = 0;
        part.end = 2;
        parts.push_back(part);
        expected += "a" + std::to_string(i) + "\nb\n";
    }
    b.sink->write(b.write_of(1), parts);
    CHECK(b.next<SinkAnswered>().mark == static_cast<std::int64_t>(expected.size()));
    CHECK(b.file() == expected);
}

TEST_CASE("file sink creates the directories of its path and syncs their names") {
    Bench b;
    b.config.path = b.dir / "x/y/out.txt";
    b.start();
    CHECK(b.sink->state() == DeviceState::ready);
    CHECK(b.ring.count[OpKind::mkdir] == 2);
    CHECK(b.ring.count[OpKind::sync_all] >= 3);
    b.written("one\n", 1);
    CHECK(b.file() == "one\n");
}

TEST_CASE("file sink in at_least_once sets only a torn last line aside") {
    Bench b;
    b.config.delivery = Delivery::at_least_once;
    put_contents(b.config.path, "one\ntwo\nthr");
    b.config.mark = 4;
    b.start();
    CHECK(b.file() == "one\ntwo\n");
    CHECK(b.sink->mark() == 8);
    CHECK(contents(b.dir / "set_aside/a.8.1") == "thr");
}

TEST_CASE("file sink of msgpack sets only a torn last value aside, and looks for no line ends") {
    const std::string values("\x01\xa3two\x00\x93", 7);
    for (const auto delivery : {Delivery::at_least_once, Delivery::exactly_once}) {
        Bench b;
        b.config.framing = Framing::msgpack;
        b.config.delivery = delivery;
        put_contents(b.config.path, values);
        b.config.mark = 1;
        b.start();
        const bool keeps = delivery == Delivery::at_least_once;
        CHECK(b.file() == values.substr(0, keeps ? 6 : values.size()));
        CHECK(b.sink->mark() == (keeps ? 6 : 1));
    }
}

TEST_CASE(
    "file sink of sized payloads sets only a torn last one aside, and looks for no line ends") {
    const std::string payloads("\0\0\0\1a\0\0\0\2\nb\0\0\0\3c", 16);
    for (const auto delivery : {Delivery::at_least_once, Delivery::exactly_once}) {
        Bench b;
        b.config.framing = Framing::length;
        b.config.delivery = delivery;
        put_contents(b.config.path, payloads);
        b.config.mark = 5;
        b.start();
        const bool keeps = delivery == Delivery::at_least_once;
        CHECK(b.file() == payloads.substr(0, keeps ? 11 : payloads.size()));
        CHECK(b.sink->mark() == (keeps ? 11 : 5));
    }
}

TEST_CASE("file sink sets a torn line aside that is longer than what it looks at in one go") {
    Bench b;
    b.config.delivery = Delivery::at_least_once;
    put_contents(b.config.path, "one\ntwo\n" + std::string(200'000, 'x'));
    b.config.mark = 4;
    b.start();
    CHECK(b.file() == "one\ntwo\n");
}

TEST_CASE("file sink in at_least_once sets aside from the line with a hole on") {
    Bench b;
    b.config.delivery = Delivery::at_least_once;
    put_contents(b.config.path, "one\ntwo\nth" + std::string(600, '\0') + "ee\nfour\n");
    b.config.mark = 4;
    b.start();
    CHECK(b.file() == "one\ntwo\n");
    CHECK(b.sink->mark() == 8);
    CHECK(b.ring.count[OpKind::sync] == 1);
    CHECK(contents(b.dir / "set_aside/a.8.1") == "th" + std::string(600, '\0') + "ee\nfour\n");
}

TEST_CASE("file sink without a mark appends to what is there and ends its last line") {
    Bench b;
    put_contents(b.config.path, "theirs");
    b.start();
    CHECK(b.sink->mark() == 7);
    b.written("one\n", 1);
    CHECK(b.file() == "theirs\none\n");
    CHECK(b.has_logged("it is appended to"));
}

TEST_CASE("file sink refuses a file that is shorter than its mark and leaves it as it is") {
    Bench b;
    put_contents(b.config.path, "one\n");
    b.config.mark = 8;
    b.start();
    CHECK(b.sink->state() == DeviceState::refused);
    CHECK(b.sink->problem().find("shorter (4 bytes)") != std::string::npos);
    CHECK(b.written("two\n", 1).outcome == SinkOutcome::retriable);
    CHECK(b.synced().outcome == StoreOutcome::failed);
    CHECK(b.file() == "one\n");
}

TEST_CASE("file sink refuses a file that has no line end at its mark") {
    Bench b;
    put_contents(b.config.path, "somebody else's\n");
    b.config.mark = 4;
    b.start();
    CHECK(b.sink->state() == DeviceState::refused);
    CHECK(b.file() == "somebody else's\n");
}

TEST_CASE("file sink in at_least_once goes on with a file that was replaced") {
    Bench b;
    b.config.delivery = Delivery::at_least_once;
    put_contents(b.config.path, "oth");
    b.config.mark = 8;
    b.start();
    CHECK(b.sink->state() == DeviceState::ready);
    b.written("one\n", 1);
    CHECK(b.file() == "oth\none\n");
}

TEST_CASE("file sink begins a new file where the old one was moved away") {
    Bench b;
    b.config.mark = 8;
    b.start();
    CHECK(b.sink->state() == DeviceState::ready);
    CHECK(b.sink->mark() == 0);
    CHECK(b.has_logged("moved away or emptied"));
}

TEST_CASE("file sink refuses a directory and, in exactly_once, a device") {
    Bench b;
    b.config.path = b.dir.path.string();
    b.start();
    CHECK(b.sink->state() == DeviceState::refused);
    b.config.path = "/dev/null";
    b.start();
    CHECK(b.sink->state() == DeviceState::refused);
    b.config.delivery = Delivery::at_least_once;
    b.start();
    CHECK(b.sink->state() == DeviceState::ready);
    CHECK(b.written("one\n", 1).outcome == SinkOutcome::delivered);
    CHECK(b.synced().outcome == StoreOutcome::ok);
}

TEST_CASE("file sink takes back what a failed write left and says so once") {
    Bench b;
    b.start();
    b.written("one\n", 1);
    b.ring.write_max = 2;
    int writes = 0;
    b.ring.fault = [&](const Op& op) -> std::optional<std::int64_t> {
        if (op.kind == OpKind::write && writes++ % 2 == 1) return -ENOSPC;
        return std::nullopt;
    };
    CHECK(b.written("second\n", 2).outcome == SinkOutcome::retriable);
    CHECK(b.file() == "one\n");
    CHECK(b.written("second\n", 2, 2).outcome == SinkOutcome::retriable);
    CHECK(b.lines.size() == 1);
    b.ring.fault = nullptr;
    // Another write than the one that failed: it was given up meanwhile.
    CHECK(b.written("3\n", 3).mark == 6);
    CHECK(b.file() == "one\n3\n");
    CHECK(b.lines.size() == 2);
    CHECK(b.has_logged("written again"));
}

TEST_CASE("file sink writes nothing before a dirty tail could be cut") {
    Bench b;
    b.start();
    b.ring.write_max = 2;
    int writes = 0;
    b.ring.fault = [&](const Op& op) -> std::optional<std::int64_t> {
        if (op.kind == OpKind::truncate) return -EIO;
        if (op.kind == OpKind::write && writes++ == 1) return -EIO;
        return std::nullopt;
    };
    CHECK(b.written("first\n", 1).outcome == SinkOutcome::retriable);
    CHECK(b.written("x\n", 2).outcome == SinkOutcome::retriable);
    CHECK(b.file() == "fi");
    b.ring.fault = nullptr;
    b.written("x\n", 2, 2);
    CHECK(b.file() == "x\n");
}

TEST_CASE("file sink answers a cancelled write after the kernel, and takes it back") {
    Bench b;
    b.start();
    b.written("one\n", 1);
    b.write("two\n", 2);
    b.write("three\n", 3);
    b.sink->cancel({{2, 1}, SinkId{0}, 1});
    b.sink->cancel({{3, 1}, SinkId{0}, 1});
    const auto queued = b.next<SinkAnswered>();
    CHECK(queued.delivery.index == 3);
    CHECK(queued.outcome == SinkOutcome::retriable);
    const auto flying = b.next<SinkAnswered>();
    CHECK(flying.delivery.index == 2);
    CHECK(flying.outcome == SinkOutcome::retriable);
    CHECK(b.file() == "one\n");
    CHECK(b.written("two\n", 2, 2).mark == 8);
    CHECK(b.file() == "one\ntwo\n");
}

TEST_CASE("file sink takes back a write that was cancelled after its answer") {
    Bench b;
    b.start();
    b.written("one\n", 1);
    CHECK(b.written("two\n", 2).mark == 8);
    b.sink->cancel({{2, 1}, SinkId{0}, 1});
    b.write("2\n", 2, 2);
    CHECK(b.next<SinkAnswered>().mark == 6);
    CHECK(b.file() == "one\n2\n");
    b.sink->cancel({{2, 1}, SinkId{0}, 2});
    b.ring.settle();
    CHECK(b.file() == "one\n");
}

TEST_CASE("file sink keeps a delivered write when the same delivery goes on with other records") {
    Bench b;
    b.start();
    b.written("one\n", 1, 1);
    b.written("two\n", 1, 2);
    CHECK(b.file() == "one\ntwo\n");
}

TEST_CASE("file sink syncs data once and only if there is any") {
    Bench b;
    b.start();
    b.written("one\n", 1);
    CHECK(b.synced().outcome == StoreOutcome::ok);
    CHECK(b.ring.count[OpKind::sync] == 1);
    CHECK(b.synced().outcome == StoreOutcome::ok);
    CHECK(b.ring.count[OpKind::sync] == 1);
}

TEST_CASE("file sink believes no sync after a failed one") {
    Bench b;
    b.start();
    b.written("one\n", 1);
    b.ring.fault = [](const Op& op) -> std::optional<std::int64_t> {
        if (op.kind == OpKind::sync) return -EIO;
        return std::nullopt;
    };
    CHECK(b.synced().outcome == StoreOutcome::failed);
    b.ring.fault = nullptr;
    CHECK(b.synced().outcome == StoreOutcome::failed);
    CHECK(b.written("two\n", 2).outcome == SinkOutcome::retriable);
    CHECK(b.sink->state() == DeviceState::broken);
}

TEST_CASE("file sink notices at a sync that its file is gone, replaced or cut") {
    Bench b;
    b.start();
    b.written("one\n", 1);
    const int how = GENERATE(0, 1, 2, 3);
    if (how == 0) std::filesystem::remove(b.config.path);
    if (how == 1) std::filesystem::rename(b.config.path, b.dir / "out.1");
    if (how == 2) {
        std::filesystem::rename(b.config.path, b.dir / "out.1");
        put_contents(b.config.path, "one\n");
    }
    if (how == 3) std::filesystem::resize_file(b.config.path, 0);
    CHECK(b.synced().outcome == StoreOutcome::failed);
    CHECK(b.sink->state() == DeviceState::broken);
    CHECK_FALSE(b.sink->problem().empty());
}

TEST_CASE("file sink that is never synced notices that its file is gone") {
    Bench b;
    b.config.fsync = Fsync::never;
    b.start();
    b.written("one\n", 1);
    std::filesystem::remove_all(b.dir.path);
    b.ring.complete([](Ring& r) -> Task<std::int64_t> {
        co_return co_await sleep_until(r, r.now() + seconds(2));
    }(b.ring));
    CHECK(b.written("two\n", 2).outcome == SinkOutcome::retriable);
    CHECK(b.sink->state() == DeviceState::broken);
}

TEST_CASE("file sink that can't open its file answers retriable and heals") {
    Bench b;
    bool full = true;
    b.ring.fault = [&](const Op& op) -> std::optional<std::int64_t> {
        if (full && op.kind == OpKind::open) return -ENOSPC;
        return std::nullopt;
    };
    b.start();
    CHECK(b.sink->state() == DeviceState::opening);
    CHECK(b.written("one\n", 1).outcome == SinkOutcome::retriable);
    full = false;
    b.ring.run(never);
    b.ring.settle();
    CHECK(b.sink->state() == DeviceState::ready);
    CHECK(b.written("one\n", 1, 2).outcome == SinkOutcome::delivered);
}

TEST_CASE("file sink queues writes until it is ready") {
    Bench b;
    b.sink = std::make_unique<FileSink>(b.ring, b.payloads, b.events, b.log, b.config);
    b.sink->start();
    b.write("one\n", 1);
    b.write("two\n", 2);
    CHECK(b.next<SinkAnswered>().mark == 4);
    CHECK(b.next<SinkAnswered>().mark == 8);
    CHECK(b.file() == "one\ntwo\n");
}

TEST_CASE("file sink that opens late and finds its file gone writes nothing and breaks") {
    Bench b;
    b.config.mark = 100;
    b.ring.fault = [](const Op& op) -> std::optional<std::int64_t> {
        if (op.kind == OpKind::open) return -EIO;
        return std::nullopt;
    };
    b.sink = std::make_unique<FileSink>(b.ring, b.payloads, b.events, b.log, b.config);
    b.sink->start();
    b.ring.settle();
    b.sink->rely_on_mark();
    b.ring.fault = nullptr;
    b.write("one\n", 1);
    for (int i = 0; i < 100 && b.sink->state() == DeviceState::opening; ++i) b.ring.run(never);
    CHECK(b.sink->state() == DeviceState::broken);
    CHECK(b.next<SinkAnswered>().outcome == SinkOutcome::retriable);
    CHECK(b.file().empty());
    // What the next life makes durable before it writes.
    CHECK(b.start().state() == DeviceState::ready);
    CHECK(b.sink->mark() == 0);
}

TEST_CASE("file sink refuses a file that somebody else has locked") {
    Bench b;
    FileSinkConfig same = b.config;
    FileSink other(b.ring, b.payloads, b.events, b.log, same);
    other.start();
    b.ring.settle();
    REQUIRE(other.state() == DeviceState::ready);
    FileSink sink(b.ring, b.payloads, b.events, b.log, same);
    sink.start();
    for (int i = 0; i < 100 && sink.state() == DeviceState::opening; ++i) b.ring.run(never);
    CHECK(sink.state() == DeviceState::refused);
    CHECK(sink.problem().find("another process") != std::string::npos);
    b.ring.abandon();
}

}  // namespace
}  // namespace holdfast::io

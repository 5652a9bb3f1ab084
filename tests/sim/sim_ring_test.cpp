#include "sim/sim_ring.hpp"

#include <fcntl.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <deque>
#include <set>
#include <string>

using namespace holdfast;
using namespace holdfast::sim;
using io::Op;
using io::OpKind;

namespace {

struct World {
    explicit World(Choices& choices, RingOptions options = {})
        : disk(choices), ring(disk, clock, choices, options) {}

    SimClock clock;
    SimDisk disk;
    SimRing ring;
    std::deque<Op> ops;
    std::vector<Op*> completed;

    Op& start(Op op) {
        op.owner = this;
        op.done = [](Op& each) { static_cast<World*>(each.owner)->completed.push_back(&each); };
        ops.push_back(op);
        ring.start(ops.back());
        return ops.back();
    }
    std::int64_t finish(Op op) {
        const Op& started = start(op);
        const std::size_t before = completed.size();
        while (completed.size() == before) REQUIRE(ring.run(never) > 0);
        return started.result;
    }
    int open(const char* path) {
        return static_cast<int>(
            finish({.kind = OpKind::open, .flags = O_RDWR | O_CREAT, .mode = 0644, .path = path}));
    }
};

struct Text {
    explicit Text(std::string t) : text(std::move(t)), vector{text.data(), text.size()} {}
    std::string text;
    iovec vector;
    Op write(int fd, std::int64_t offset) {
        return {.kind = OpKind::write, .fd = fd, .offset = offset, .vectors = {&vector, 1}};
    }
    Op read(int fd, std::int64_t offset) {
        return {.kind = OpKind::read,
                .fd = fd,
                .offset = offset,
                .buffer = std::as_writable_bytes(std::span(text))};
    }
};

const std::vector<Choice> nothing;

}  // namespace

TEST_CASE("ring completes from run only, and once") {
    Recorded benign{std::span<const Choice>(nothing)};
    World world(benign);
    const int fd = world.open("/a");
    REQUIRE(fd >= 3);
    Text text("hello");
    const Op& op = world.start(text.write(fd, 0));
    CHECK(world.completed.size() == 1);
    CHECK(world.ring.run(world.ring.now()) == 1);
    CHECK(op.result == 5);
    CHECK(world.ring.run(world.ring.now()) == 0);
    CHECK(world.disk.contents("/a") == "hello");
}

TEST_CASE("ring moves the clock to the next completion and never past until") {
    Recorded benign{std::span<const Choice>(nothing)};
    World world(benign);
    const Instant begin = world.ring.now();
    const Op& timer = world.start({.kind = OpKind::timeout, .at = begin + seconds(10)});
    CHECK(world.ring.run(begin + seconds(3)) == 0);
    CHECK(world.ring.now() == begin + seconds(3));
    CHECK(world.ring.run(never) == 1);
    CHECK(world.ring.now() == begin + seconds(10));
    CHECK(timer.result == -ETIME);
    CHECK(world.ring.run(never) == 0);
    CHECK(world.ring.now() == begin + seconds(10));
}

TEST_CASE("operations overtake each other by their latencies") {
    std::set<std::vector<int>> orders;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        Seeded seeded(seed);
        World world(seeded, {.latency_us_max = 1000});
        std::array<Op*, 3> started{};
        const std::array<const char*, 3> paths{"/a", "/b", "/c"};
        for (std::size_t i = 0; i < 3; ++i) {
            started[i] = &world.start({.kind = OpKind::mkdir, .mode = 0755, .path = paths[i]});
        }
        while (world.completed.size() < 3) REQUIRE(world.ring.run(never) > 0);
        std::vector<int> order;
        for (Op* op : world.completed) {
            order.push_back(
                static_cast<int>(std::find(started.begin(), started.end(), op) - started.begin()));
        }
        orders.insert(order);
    }
    CHECK(orders.size() == 6);
}

TEST_CASE("a cancelled timeout completes at once") {
    Recorded benign{std::span<const Choice>(nothing)};
    World world(benign);
    const Instant begin = world.ring.now();
    Op& timer = world.start({.kind = OpKind::timeout, .at = begin + seconds(10)});
    world.ring.cancel(timer);
    CHECK(world.ring.run(never) == 1);
    CHECK(timer.result == -ECANCELED);
    CHECK(world.ring.now() == begin);
    world.ring.cancel(timer);
    CHECK(world.ring.run(begin) == 0);
}

TEST_CASE("a cancelled write wins or loses the race, and its result says which") {
    std::set<std::int64_t> results;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        Seeded seeded(seed);
        World world(seeded, {.latency_us_max = 1000});
        const int fd = world.open("/a");
        Text text("hello");
        Op& op = world.start(text.write(fd, 0));
        world.ring.cancel(op);
        while (world.completed.size() < 2) REQUIRE(world.ring.run(never) > 0);
        results.insert(op.result);
        CHECK(world.disk.contents("/a") == (op.result == 5 ? "hello" : ""));
    }
    CHECK(results == std::set<std::int64_t>{-ECANCELED, 5});
}

TEST_CASE("a buffer changed before its write completes is caught for some choices") {
    std::set<std::string> written;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        Seeded seeded(seed);
        World world(seeded);
        const int fd = world.open("/a");
        Text text("hello");
        world.start(text.write(fd, 0));
        text.text[0] = 'J';
        world.ring.run(never);
        written.insert(world.disk.contents("/a").value());
    }
    CHECK(written == std::set<std::string>{"hello", "Jello"});
}

TEST_CASE("a read's buffer holds garbage until it completes") {
    Recorded benign{std::span<const Choice>(nothing)};
    World world(benign);
    world.disk.put("/a", "hello");
    const int fd = world.open("/a");
    Text text("........");
    world.start(text.read(fd, 0));
    CHECK(text.text == std::string(8, '\xdb'));
    world.ring.run(never);
    CHECK(text.text.substr(0, 5) == "hello");
}

TEST_CASE("EINTR and EAGAIN do nothing") {
    std::set<std::int64_t> results;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        Seeded seeded(seed);
        World world(seeded);
        const int fd = world.open("/a");
        world.ring.options().interrupted = 300;
        world.ring.options().again = 300;
        Text text("hello");
        const auto result = world.finish(text.write(fd, 0));
        results.insert(result);
        CHECK(world.disk.contents("/a") == (result == 5 ? "hello" : ""));
    }
    CHECK(results == std::set<std::int64_t>{-EINTR, -EAGAIN, 5});
}

TEST_CASE("what is in flight at a kill is applied or not, and never completes") {
    std::set<std::string> left;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        Seeded seeded(seed);
        World world(seeded);
        const int fd = world.open("/a");
        Text text("hello");
        world.start(text.write(fd, 0));
        world.ring.kill();
        CHECK(world.ring.in_flight() == 0);
        CHECK(world.ring.run(world.ring.now()) == 0);
        CHECK(world.completed.size() == 1);
        CHECK(world.disk.open_files() == 0);
        left.insert(world.disk.contents("/a").value());
    }
    CHECK(left == std::set<std::string>{"", "hello"});
}

TEST_CASE("a power loss takes what was not synced, and its descriptors") {
    std::set<std::string> left;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        Seeded seeded(seed);
        World world(seeded);
        world.disk.put("/a", "old");
        const int fd = world.open("/a");
        Text text("new");
        CHECK(world.finish(text.write(fd, 0)) == 3);
        world.ring.crash();
        CHECK(world.disk.open_files() == 0);
        left.insert(world.disk.contents("/a").value());
    }
    CHECK(left.contains("old"));
    CHECK(left.contains("new"));
}

TEST_CASE("abandon frees operations and closes what was opened") {
    Recorded benign{std::span<const Choice>(nothing)};
    World world(benign);
    const int fd = world.open("/a");
    world.start({.kind = OpKind::timeout, .at = world.ring.now() + seconds(1)});
    world.ring.abandon();
    CHECK(world.ring.next() == never);
    CHECK(world.disk.file(fd) == nullptr);
}

TEST_CASE("equal choices give equal runs") {
    const auto run = [](Choices& choices) {
        World world(choices, {.latency_us_max = 500, .slow = 50, .interrupted = 100});
        world.disk.options().faults = {.write = 50, .write_short = 200, .sync = 100};
        std::string trace;
        const int fd = world.open("/a");
        for (int i = 0; i < 40; ++i) {
            Text text(std::string(static_cast<std::size_t>(i + 1), 'x'));
            trace += std::to_string(world.finish(text.write(fd, i * 3))) + ",";
            trace += std::to_string(world.finish({.kind = OpKind::sync, .fd = fd})) + ",";
            trace += std::to_string(world.ring.now().ns) + ";";
        }
        world.ring.crash();
        return trace + world.disk.contents("/a").value_or("-");
    };
    Seeded seeded(3);
    Recorded recorder(seeded);
    const std::string first = run(recorder);
    CHECK(run(seeded) == first);
    const auto list = recorder.list();
    Recorded player{std::span<const Choice>(list)};
    CHECK(run(player) == first);
    Seeded other(4);
    CHECK(run(other) != first);
}

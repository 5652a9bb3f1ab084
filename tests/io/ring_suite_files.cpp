// The conformance checks that need only files and time.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <map>

#include "tests/io/ring_suite.hpp"

namespace holdfast::io {

std::int64_t finish(Ring& ring, Probe& probe) {
    const Instant end = ring.now() + seconds(10);
    while (probe.completions == 0 && ring.now() < end) ring.run(end);
    REQUIRE(probe.completions == 1);
    return probe.op.result;
}

std::int64_t perform(Ring& ring, Op op) {
    Probe probe(op);
    ring.start(probe.op);
    CHECK(probe.completions == 0);
    return finish(ring, probe);
}

namespace ring_suite {
namespace {

int open_file(RingWorld& world, const char* name, int flags = O_RDWR | O_CREAT) {
    const std::string path = world.path(name);
    const auto fd = perform(
        world.ring(), Op{.kind = OpKind::open, .flags = flags, .mode = 0640, .path = path.c_str()});
    REQUIRE(fd >= 0);
    return static_cast<int>(fd);
}

std::int64_t write_text(Ring& ring, int fd, std::vector<std::string> parts, std::int64_t offset) {
    std::vector<iovec> vectors;
    for (std::string& part : parts) vectors.push_back({part.data(), part.size()});
    return perform(ring, Op{.kind = OpKind::write, .fd = fd, .offset = offset, .vectors = vectors});
}

std::string read_text(Ring& ring, int fd, std::size_t size, std::int64_t offset) {
    std::vector<std::byte> buffer(size);
    const auto n =
        perform(ring, Op{.kind = OpKind::read, .fd = fd, .offset = offset, .buffer = buffer});
    REQUIRE(n >= 0);
    return std::string(reinterpret_cast<const char*>(buffer.data()), static_cast<std::size_t>(n));
}

void close_file(Ring& ring, int fd) {
    CHECK(perform(ring, Op{.kind = OpKind::close, .fd = fd}) == 0);
}

std::int64_t size_of(Ring& ring, int fd) {
    FileStat st;
    CHECK(perform(ring, Op{.kind = OpKind::stat, .fd = fd, .stat = &st}) == 0);
    return st.size;
}

}  // namespace

void opens_and_closes(RingWorld& world) {
    Ring& ring = world.ring();
    const std::string path = world.path("a");
    Op op{.kind = OpKind::open, .flags = O_RDONLY, .path = path.c_str()};
    CHECK(perform(ring, op) == -ENOENT);
    const int fd = open_file(world, "a");
    op.flags = O_RDWR | O_CREAT | O_EXCL;
    CHECK(perform(ring, op) == -EEXIST);
    close_file(ring, fd);
    CHECK(perform(ring, Op{.kind = OpKind::close, .fd = fd}) == -EBADF);
}

void reads_and_writes_at_offsets(RingWorld& world) {
    Ring& ring = world.ring();
    const int fd = open_file(world, "a");
    CHECK(write_text(ring, fd, {"hello"}, 0) == 5);
    CHECK(write_text(ring, fd, {" wor", "ld"}, 5) == 6);
    CHECK(write_text(ring, fd, {"J"}, 0) == 1);
    CHECK(read_text(ring, fd, 11, 0) == "Jello world");
    CHECK(read_text(ring, fd, 100, 6) == "world");  // a short read at the end
    CHECK(read_text(ring, fd, 100, 11).empty());
    CHECK(write_text(ring, fd, {"!"}, 13) == 1);  // leaves a hole of zeros
    CHECK(read_text(ring, fd, 3, 11) == std::string("\0\0!", 3));
    close_file(ring, fd);
    std::array<std::byte, 4> buffer;
    CHECK(perform(ring, Op{.kind = OpKind::read, .fd = fd, .buffer = buffer}) == -EBADF);
    CHECK(write_text(ring, fd, {"x"}, 0) == -EBADF);
}

void appends_and_streams(RingWorld& world) {
    Ring& ring = world.ring();
    const int fd = open_file(world, "a", O_RDWR | O_CREAT | O_APPEND);
    for (int i = 0; i < 10; ++i) {
        CHECK(write_text(ring, fd, {std::to_string(i), ";"}, -1) == 2);
    }
    close_file(ring, fd);
    const int again = open_file(world, "a");
    CHECK(read_text(ring, again, 8, -1) == "0;1;2;3;");
    CHECK(read_text(ring, again, 100, -1) == "4;5;6;7;8;9;");
    CHECK(read_text(ring, again, 100, -1).empty());
    close_file(ring, again);
}

void syncs_and_truncates(RingWorld& world) {
    Ring& ring = world.ring();
    const int fd = open_file(world, "a");
    CHECK(write_text(ring, fd, {"0123456789"}, 0) == 10);
    CHECK(perform(ring, Op{.kind = OpKind::sync, .fd = fd}) == 0);
    CHECK(perform(ring, Op{.kind = OpKind::truncate, .fd = fd, .offset = 4}) == 0);
    CHECK(size_of(ring, fd) == 4);
    CHECK(perform(ring, Op{.kind = OpKind::truncate, .fd = fd, .offset = 6}) == 0);
    CHECK(read_text(ring, fd, 10, 0) == std::string("0123\0\0", 6));
    CHECK(perform(ring, Op{.kind = OpKind::sync_all, .fd = fd}) == 0);
    close_file(ring, fd);
    CHECK(perform(ring, Op{.kind = OpKind::sync, .fd = fd}) == -EBADF);
    CHECK(perform(ring, Op{.kind = OpKind::truncate, .fd = fd, .offset = 1}) < 0);
    const int dir = open_file(world, "", O_RDONLY | O_DIRECTORY);
    CHECK(perform(ring, Op{.kind = OpKind::sync_all, .fd = dir}) == 0);
    close_file(ring, dir);
}

void stats(RingWorld& world) {
    Ring& ring = world.ring();
    const int fd = open_file(world, "a");
    CHECK(write_text(ring, fd, {"12345"}, 0) == 5);
    FileStat by_fd;
    FileStat by_path;
    const std::string path = world.path("a");
    CHECK(perform(ring, Op{.kind = OpKind::stat, .fd = fd, .stat = &by_fd}) == 0);
    CHECK(perform(ring, Op{.kind = OpKind::stat, .path = path.c_str(), .stat = &by_path}) == 0);
    CHECK(by_fd.size == 5);
    CHECK(by_fd.links == 1);
    CHECK(by_fd.inode != 0);
    CHECK(S_ISREG(by_fd.mode));
    CHECK(by_path.inode == by_fd.inode);
    CHECK(by_path.device == by_fd.device);
    CHECK(by_path.modified_ns == by_fd.modified_ns);
    CHECK(by_path.born_ns == by_fd.born_ns);
    CHECK(by_fd.born_ns <= by_fd.modified_ns);
    FileStat now;
    const Op at_hand{.kind = OpKind::stat, .fd = fd, .flags = stat_at_hand, .stat = &now};
    CHECK(perform(ring, at_hand) == 0);
    CHECK(now.size == 5);
    CHECK(now.inode == by_fd.inode);
    CHECK(now.modified_ns == by_fd.modified_ns);
    const std::string missing = world.path("missing");
    CHECK(perform(ring, Op{.kind = OpKind::stat, .path = missing.c_str(), .stat = &by_path}) ==
          -ENOENT);
    const std::string dir = world.path("");
    CHECK(perform(ring, Op{.kind = OpKind::stat, .path = dir.c_str(), .stat = &by_path}) == 0);
    CHECK(S_ISDIR(by_path.mode));
    close_file(ring, fd);
    CHECK(perform(ring, at_hand) == -EBADF);
}

void changes_names(RingWorld& world) {
    Ring& ring = world.ring();
    const std::string a = world.path("a");
    const std::string b = world.path("b");
    const std::string dir = world.path("dir");
    const int fd = open_file(world, "a");
    CHECK(write_text(ring, fd, {"kept"}, 0) == 4);
    const Op rename{.kind = OpKind::rename, .path = a.c_str(), .path2 = b.c_str()};
    CHECK(perform(ring, rename) == 0);
    CHECK(perform(ring, rename) == -ENOENT);
    const Op unlink{.kind = OpKind::unlink, .path = b.c_str()};
    CHECK(perform(ring, unlink) == 0);
    CHECK(perform(ring, unlink) == -ENOENT);
    CHECK(read_text(ring, fd, 10, 0) == "kept");  // open files outlive their names
    FileStat st;
    CHECK(perform(ring, Op{.kind = OpKind::stat, .fd = fd, .stat = &st}) == 0);
    CHECK(st.links == 0);
    close_file(ring, fd);
    const Op mkdir{.kind = OpKind::mkdir, .mode = 0750, .path = dir.c_str()};
    CHECK(perform(ring, mkdir) == 0);
    CHECK(perform(ring, mkdir) == -EEXIST);
}

void lists(RingWorld& world) {
    Ring& ring = world.ring();
    std::vector<std::string> names{"stale"};
    const std::string dir = world.path("");
    const Op list{.kind = OpKind::list, .path = dir.c_str(), .names = &names};
    CHECK(perform(ring, list) == 0);
    CHECK(names.empty());
    close_file(ring, open_file(world, "b"));
    close_file(ring, open_file(world, "a"));
    CHECK(perform(ring, list) == 0);
    std::ranges::sort(names);
    CHECK(names == std::vector<std::string>{"a", "b"});
    const std::string missing = world.path("missing");
    CHECK(perform(ring, Op{.kind = OpKind::list, .path = missing.c_str(), .names = &names}) ==
          -ENOENT);
}

void times_out(RingWorld& world) {
    Ring& ring = world.ring();
    const Instant begin = ring.now();
    struct Order {
        std::vector<std::int64_t> ats;
    } order;
    std::vector<Op> ops;
    for (const int ms : {30, 10, 20, -5}) {
        const Instant at = ms < 0 ? Instant{begin.ns - 5} : begin + milliseconds(ms);
        ops.push_back(Op{.kind = OpKind::timeout, .at = at});
    }
    for (Op& op : ops) {
        op.owner = &order;
        op.done = [](Op& o) {
            CHECK(o.result == -ETIME);
            static_cast<Order*>(o.owner)->ats.push_back(o.at.ns);
        };
        ring.start(op);
    }
    while (order.ats.size() < ops.size()) {
        ring.run(never);
        CHECK(ring.now().ns >= order.ats.back());
    }
    CHECK(std::ranges::is_sorted(order.ats));
    // With nothing to complete, run() returns at its deadline.
    const Instant until = ring.now() + milliseconds(5);
    CHECK(ring.run(until) == 0);
    CHECK(ring.now() >= until);
}

void cancels_a_timeout(RingWorld& world) {
    Ring& ring = world.ring();
    Probe late(Op{.kind = OpKind::timeout, .at = ring.now() + seconds(3600)});
    Probe endless(Op{.kind = OpKind::timeout, .at = never});
    ring.start(late.op);
    ring.start(endless.op);
    CHECK(ring.run(ring.now()) == 0);
    ring.cancel(late.op);
    CHECK(late.completions == 0);
    CHECK(finish(ring, late) == -ECANCELED);
    CHECK(endless.completions == 0);
    ring.cancel(endless.op);
    CHECK(finish(ring, endless) == -ECANCELED);
    ring.cancel(endless.op);  // has completed: nothing happens
    CHECK(ring.run(ring.now()) == 0);
}

void completes_from_run_only(RingWorld& world) {
    Ring& ring = world.ring();
    const int fd = open_file(world, "a");
    std::vector<std::string> names;
    FileStat st;
    const std::string path = world.path("");
    Probe list(Op{.kind = OpKind::list, .path = path.c_str(), .names = &names});
    Probe stat(Op{.kind = OpKind::stat, .fd = fd, .stat = &st});
    Probe truncate(Op{.kind = OpKind::truncate, .fd = fd, .offset = 0});
    Probe past(Op{.kind = OpKind::timeout, .at = ring.now()});
    FileStat now;
    Probe at_hand(Op{.kind = OpKind::stat, .fd = fd, .flags = stat_at_hand, .stat = &now});
    Probe* const all[] = {&list, &stat, &truncate, &past, &at_hand};
    for (Probe* probe : all) {
        ring.start(probe->op);
        CHECK(probe->completions == 0);
    }
    for (Probe* probe : all) finish(ring, *probe);
    ring.run(ring.now() + milliseconds(2));
    for (Probe* probe : all) CHECK(probe->completions == 1);
    close_file(ring, fd);
}

void takes_a_thousand_at_once(RingWorld& world) {
    Ring& ring = world.ring();
    const int fd = open_file(world, "a");
    std::vector<char> bytes(1000);
    std::vector<iovec> vectors;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<char>('a' + i % 26);
        vectors.push_back({&bytes[i], 1});
    }
    std::vector<std::unique_ptr<Probe>> probes;
    std::size_t counted = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        probes.push_back(
            std::make_unique<Probe>(Op{.kind = OpKind::write,
                                       .fd = fd,
                                       .offset = static_cast<std::int64_t>(i),
                                       .vectors = std::span<const iovec>(&vectors[i], 1)}));
        ring.start(probes.back()->op);
    }
    const Instant end = ring.now() + seconds(10);
    while (counted < bytes.size() && ring.now() < end) counted += ring.run(end);
    CHECK(counted == bytes.size());
    for (const auto& probe : probes) {
        REQUIRE(probe->completions == 1);
        REQUIRE(probe->op.result == 1);
    }
    CHECK(read_text(ring, fd, 2000, 0) == std::string(bytes.begin(), bytes.end()));
    close_file(ring, fd);
}

void lets_callbacks_start_more(RingWorld& world) {
    struct Chain {
        Ring& ring;
        Op op{};
        int left = 300;
        int nested = 0;
        bool in_done = false;
    } chain{world.ring()};
    chain.op = Op{.kind = OpKind::timeout, .at = world.ring().now()};
    chain.op.owner = &chain;
    chain.op.done = [](Op& op) {
        auto& c = *static_cast<Chain*>(op.owner);
        if (c.in_done) c.nested += 1;
        c.in_done = true;
        if (--c.left > 0) c.ring.start(op);
        c.in_done = false;
    };
    world.ring().start(chain.op);
    const Instant end = world.ring().now() + seconds(10);
    while (chain.left > 0 && world.ring().now() < end) world.ring().run(end);
    CHECK(chain.left == 0);
    CHECK(chain.nested == 0);
}

void abandons_files(RingWorld& world) {
    Ring& ring = world.ring();
    const int fd = open_file(world, "a");
    const std::string text(1 << 20, 'x');
    CHECK(write_text(ring, fd, {text}, 0) == 1 << 20);
    int completions = 0;
    {
        std::vector<std::vector<std::byte>> buffers(300, std::vector<std::byte>(1 << 16));
        std::vector<std::unique_ptr<Probe>> probes;
        for (auto& buffer : buffers) {
            probes.push_back(
                std::make_unique<Probe>(Op{.kind = OpKind::read, .fd = fd, .buffer = buffer}));
            ring.start(probes.back()->op);
        }
        Probe timeout(Op{.kind = OpKind::timeout, .at = never});
        ring.start(timeout.op);
        ring.run(ring.now());
        for (const auto& probe : probes) completions += probe->completions;
        ring.abandon();
        for (const auto& probe : probes) completions -= probe->completions;
        CHECK(timeout.completions == 0);
    }
    CHECK(completions == 0);
    CHECK(ring.run(ring.now() + milliseconds(5)) == 0);
    // What was opened is closed, and the ring can go on.
    std::byte one{};
    CHECK(perform(ring, Op{.kind = OpKind::read, .fd = fd, .buffer = {&one, 1}}) == -EBADF);
    const int again = open_file(world, "a");
    CHECK(read_text(ring, again, 3, 0) == "xxx");
    close_file(ring, again);
}

void locks(RingWorld& world) {
    Ring& ring = world.ring();
    const int fd = open_file(world, "a");
    CHECK(perform(ring, Op{.kind = OpKind::lock, .fd = fd}) == 0);
    CHECK(perform(ring, Op{.kind = OpKind::lock, .fd = fd}) == 0);
    close_file(ring, fd);
    CHECK(perform(ring, Op{.kind = OpKind::lock, .fd = fd}) == -EBADF);
}

}  // namespace ring_suite
}  // namespace holdfast::io

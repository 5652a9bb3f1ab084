#include "sim/sim_disk.hpp"

#include <fcntl.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <set>
#include <string>

using namespace holdfast;
using namespace holdfast::sim;

namespace {

struct Fixture {
    Recorded benign{std::span<const Choice>{}};
    SimDisk disk{benign};

    SimDisk::File open(std::string_view path, int flags = O_RDWR | O_CREAT) {
        const auto fd = disk.open(path, flags, 0644);
        REQUIRE(fd >= 3);
        return disk.file(static_cast<int>(fd));
    }
    std::int64_t write(const SimDisk::File& file, std::string_view text, std::int64_t offset) {
        return disk.write(file, std::as_bytes(std::span(text)), offset);
    }
    std::int64_t read(const SimDisk::File& file, std::string& text, std::int64_t offset) {
        return disk.read(file, std::as_writable_bytes(std::span(text)), offset);
    }
    void sync_directory(std::string_view path = "/") {
        REQUIRE(disk.sync(open(path, O_RDONLY | O_DIRECTORY)) == 0);
    }
    /// All that a crash may leave of the file; "-" is no such file.
    std::set<std::string> after_crash(std::string_view path, std::uint64_t widest = 5) {
        std::set<std::string> left;
        const SimDisk::Image image = disk.image();
        Exhaustive all(widest);
        disk.set_choices(all);
        do {
            disk.restore(image);
            disk.crash();
            left.insert(disk.contents(path).value_or("-"));
        } while (all.next());
        disk.set_choices(benign);
        disk.restore(image);
        return left;
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "disk reads back what was written, with zeros in a hole") {
    const auto file = open("/a");
    CHECK(write(file, "hello", 3) == 5);
    std::string text(10, 'x');
    CHECK(read(file, text, 0) == 8);
    CHECK(text.substr(0, 8) == std::string("\0\0\0hello", 8));
    CHECK(read(file, text, 8) == 0);
    CHECK(disk.truncate(file, 4) == 0);
    CHECK(disk.contents("/a") == std::string("\0\0\0h", 4));
    CHECK(disk.bytes_used() == 4);
}

TEST_CASE_METHOD(Fixture, "disk appends at the end and keeps a position per open file") {
    const auto log = open("/log", O_WRONLY | O_CREAT | O_APPEND);
    CHECK(write(log, "ab", -1) == 2);
    CHECK(write(log, "cd", 0) == 2);
    CHECK(disk.contents("/log") == "abcd");
    const auto reader = open("/log", O_RDONLY);
    std::string text(3, ' ');
    CHECK(read(reader, text, -1) == 3);
    CHECK(read(reader, text, -1) == 1);
    CHECK(read(reader, text, -1) == 0);
    CHECK(write(reader, "x", 0) == -EBADF);
}

TEST_CASE_METHOD(Fixture, "disk answers wrong names as the kernel does") {
    disk.put("/d/file", "x");
    CHECK(disk.open("/none", O_RDONLY, 0) == -ENOENT);
    CHECK(disk.open("/none/a", O_RDWR | O_CREAT, 0644) == -ENOENT);
    CHECK(disk.open("/d/file/a", O_RDWR | O_CREAT, 0644) == -ENOTDIR);
    CHECK(disk.open("/d/file", O_RDWR | O_CREAT | O_EXCL, 0644) == -EEXIST);
    CHECK(disk.open("/d", O_RDWR, 0) == -EISDIR);
    CHECK(disk.open("/d/file", O_RDONLY | O_DIRECTORY, 0) == -ENOTDIR);
    CHECK(disk.mkdir("/d", 0755) == -EEXIST);
    CHECK(disk.unlink("/d/none") == -ENOENT);
    CHECK(disk.rename("/d/none", "/d/x") == -ENOENT);
    CHECK(disk.close(3) == -EBADF);
    CHECK(disk.read(disk.file(3), {}, 0) == -EBADF);
    std::vector<std::string> names;
    CHECK(disk.list("/d", names) == 0);
    CHECK(names == std::vector<std::string>{"file"});
}

TEST_CASE_METHOD(Fixture,
                 "disk gives the lowest free descriptor and keeps unlinked files readable") {
    const auto a = disk.open("/a", O_RDWR | O_CREAT, 0644);
    const auto b = disk.open("/b", O_RDWR | O_CREAT, 0644);
    CHECK(disk.close(static_cast<int>(a)) == 0);
    CHECK(disk.open("/c", O_RDWR | O_CREAT, 0644) == a);
    const auto file = disk.file(static_cast<int>(b));
    CHECK(write(file, "kept", 0) == 4);
    CHECK(disk.unlink("/b") == 0);
    std::string text(4, ' ');
    CHECK(read(file, text, 0) == 4);
    CHECK(text == "kept");
    io::FileStat stat;
    CHECK(disk.stat(file, stat) == 0);
    CHECK(stat.links == 0);
    CHECK(disk.bytes_used() == 4);
    CHECK(disk.close(static_cast<int>(b)) == 0);
    CHECK(disk.bytes_used() == 0);
}

TEST_CASE_METHOD(Fixture, "rename keeps the inode and replaces the target") {
    disk.put("/log", "old");
    disk.put("/target", "gone");
    io::FileStat before;
    io::FileStat after;
    CHECK(disk.stat("/log", before) == 0);
    CHECK(disk.rename("/log", "/target") == 0);
    CHECK(disk.stat("/target", after) == 0);
    CHECK(before.inode == after.inode);
    CHECK(disk.contents("/target") == "old");
    CHECK_FALSE(disk.exists("/log"));
}

TEST_CASE_METHOD(Fixture, "what was synced survives every crash") {
    const auto file = open("/a");
    write(file, "synced", 0);
    CHECK(disk.sync(file) == 0);
    sync_directory();
    CHECK(after_crash("/a") == std::set<std::string>{"synced"});
    CHECK(disk.durable_contents("/a") == "synced");
}

TEST_CASE_METHOD(Fixture, "an unsynced append is kept, dropped or torn, and spares synced bytes") {
    disk.put("/a", "old");
    const auto file = open("/a");
    write(file, "NEW", 3);
    const auto left = after_crash("/a", 8);
    CHECK(left.contains("old"));
    CHECK(left.contains("oldNEW"));
    CHECK(left.contains("oldN"));
    CHECK(left.contains(std::string("old\0\0\0", 6)));
    CHECK(left.contains(std::string("old\0\0W", 6)));
    CHECK(left.size() > 6);  // and garbage
    for (const auto& each : left) CHECK(each.substr(0, 3) == "old");
}

TEST_CASE_METHOD(Fixture, "an unsynced overwrite of two sectors may land in either alone") {
    disk.put("/a", std::string(1024, 'a'));
    const auto file = open("/a");
    write(file, std::string(1024, 'b'), 0);
    const auto left = after_crash("/a", 5);
    const std::string a(512, 'a');
    const std::string b(512, 'b');
    CHECK(left.contains(a + a));
    CHECK(left.contains(a + b));
    CHECK(left.contains(b + a));
    CHECK(left.contains(b + b));
    for (const auto& each : left) CHECK(each.size() == 1024);
}

TEST_CASE_METHOD(Fixture, "an unsynced truncation may come undone") {
    disk.put("/a", "abcdef");
    CHECK(disk.truncate(open("/a"), 2) == 0);
    const auto left = after_crash("/a");
    CHECK(left.contains("ab"));
    CHECK(left.contains("abcdef"));
    for (const auto& each : left) CHECK(each.substr(0, 2) == "ab");
}

TEST_CASE_METHOD(Fixture, "a name is durable only when its directory is synced") {
    const auto file = open("/new");
    write(file, "x", 0);
    CHECK(disk.sync(file) == 0);
    CHECK(after_crash("/new") == std::set<std::string>{"-", "x"});
    CHECK_FALSE(disk.durable_contents("/new").has_value());
    sync_directory();
    CHECK(after_crash("/new") == std::set<std::string>{"x"});
    CHECK(disk.unlink("/new") == 0);
    CHECK(after_crash("/new") == std::set<std::string>{"-", "x"});
}

TEST_CASE_METHOD(Fixture, "a rename over another file is atomic in every crash") {
    disk.put("/d/now", "old");
    const auto file = open("/d/next");
    write(file, "new", 0);
    CHECK(disk.sync(file) == 0);
    CHECK(disk.rename("/d/next", "/d/now") == 0);
    CHECK(after_crash("/d/now") == std::set<std::string>{"old", "new"});
    sync_directory("/d");
    CHECK(after_crash("/d/now") == std::set<std::string>{"new"});
    CHECK(after_crash("/d/next") == std::set<std::string>{"-"});
}

TEST_CASE_METHOD(Fixture, "a killed process loses its descriptors and nothing else") {
    const auto file = open("/a");
    write(file, "unsynced", 0);
    disk.close_all();
    CHECK(disk.open_files() == 0);
    CHECK(disk.contents("/a") == "unsynced");
}

TEST_CASE_METHOD(Fixture, "a failed sync is durable, or loses what no later sync brings back") {
    disk.put("/a", "old");
    std::set<std::string> left;
    for (const std::uint64_t kind : {0U, 1U}) {
        SimDisk::Image image = disk.image();
        disk.options().faults.sync = 1000;
        const std::uint64_t key = disk.entity(open("/a"));
        const std::vector<Choice> choices{{Site::disk_sync_kind, key, 1, kind}};
        Recorded recorded{std::span<const Choice>(choices)};
        disk.set_choices(recorded);
        const auto file = open("/a");
        write(file, "new", 0);
        CHECK(disk.sync(file) == -EIO);
        disk.options().faults.sync = 0;
        CHECK(disk.sync(file) == 0);
        CHECK(disk.contents("/a") == "new");
        disk.set_choices(benign);
        disk.crash();
        left.insert(disk.contents("/a").value());
        disk.restore(image);
    }
    CHECK(left == std::set<std::string>{"new", "old"});
}

TEST_CASE_METHOD(Fixture, "a full disk writes what fits, then refuses, then is healed") {
    disk.options().capacity = 6;
    const auto file = open("/a");
    CHECK(write(file, "abcd", 0) == 4);
    CHECK(write(file, "efgh", 4) == 2);
    CHECK(write(file, "gh", 6) == -ENOSPC);
    CHECK(write(file, "xy", 0) == 2);
    disk.options().capacity = 100;
    CHECK(write(file, "gh", 6) == 2);
    CHECK(disk.contents("/a") == "xycdefgh");
}

TEST_CASE_METHOD(Fixture, "a read-only disk refuses each change") {
    const auto file = open("/a");
    disk.set_read_only(true);
    CHECK(write(file, "x", 0) == -EROFS);
    CHECK(disk.truncate(file, 0) == -EROFS);
    CHECK(disk.sync(file) == -EROFS);
    CHECK(disk.open("/b", O_RDWR | O_CREAT, 0644) == -EROFS);
    CHECK(disk.open("/a", O_RDWR, 0) == -EROFS);
    CHECK(disk.rename("/a", "/b") == -EROFS);
    CHECK(disk.unlink("/a") == -EROFS);
    CHECK(disk.open("/a", O_RDONLY, 0) >= 0);
}

TEST_CASE_METHOD(Fixture, "a bad sector fails each read until it is written again") {
    disk.put("/a", std::string(1024, 'a'));
    const auto file = open("/a");
    disk.break_sector("/a", 1);
    std::string text(1024, ' ');
    CHECK(read(file, text, 0) == 512);
    CHECK(read(file, text, 512) == -EIO);
    CHECK(read(file, text, 600) == -EIO);
    CHECK(write(file, "b", 512) == 1);
    CHECK(read(file, text, 512) == 512);
}

TEST_CASE_METHOD(Fixture, "bit rot changes one bit for good") {
    disk.put("/a", "aaa");
    disk.flip_bit("/a", 1, 1);
    CHECK(disk.contents("/a") == "aca");
    disk.crash();
    CHECK(disk.contents("/a") == "aca");
}

TEST_CASE_METHOD(Fixture, "a removed file's inode number may come back, and only then") {
    disk.options().faults.inode_reused = 1000;
    disk.put("/a", "x");
    io::FileStat first;
    io::FileStat second;
    CHECK(disk.stat("/a", first) == 0);
    const auto fd = disk.open("/a", O_RDONLY, 0);
    CHECK(disk.unlink("/a") == 0);
    disk.put("/b", "x");
    CHECK(disk.stat("/b", second) == 0);
    CHECK(second.inode != first.inode);  // still open
    CHECK(disk.close(static_cast<int>(fd)) == 0);
    disk.put("/c", "x");
    CHECK(disk.stat("/c", second) == 0);
    CHECK(second.inode == first.inode);
}

TEST_CASE_METHOD(Fixture, "a latent sector error stays until the sector is written") {
    Seeded seeded(1);
    disk.set_choices(seeded);
    disk.options().faults.sector_bad = 300;
    disk.put("/a", std::string(512 * 40, 'a'));
    const auto file = open("/a");
    std::string text(512, ' ');
    int bad = 0;
    for (std::int64_t at = 0; at < 512 * 40; at += 512) {
        const auto result = read(file, text, at);
        CHECK(read(file, text, at) == result);
        if (result == 512) continue;
        CHECK(result == -EIO);
        ++bad;
        CHECK(write(file, text, at) == 512);
        CHECK(read(file, text, at) == 512);
    }
    CHECK(bad > 4);
    CHECK(bad < 25);
}

TEST_CASE_METHOD(Fixture, "a rename across directories is one change, whichever is synced") {
    disk.put("/from/a", "x");
    disk.put("/to/b", "y");
    CHECK(disk.rename("/from/a", "/to/a") == 0);
    const auto to = after_crash("/to/a");
    CHECK(to == std::set<std::string>{"-", "x"});
    sync_directory("/from");
    CHECK(after_crash("/to/a") == std::set<std::string>{"x"});
    CHECK(after_crash("/from/a") == std::set<std::string>{"-"});
    CHECK(after_crash("/to/b") == std::set<std::string>{"y"});
}

TEST_CASE("disk faults of each kind occur and spare what they must") {
    Seeded seeded(5);
    SimDisk disk(seeded);
    disk.options().faults = {.open = 100,
                             .read = 100,
                             .read_short = 100,
                             .write = 100,
                             .write_short = 100,
                             .full = 100,
                             .sync = 100};
    std::set<std::int64_t> opens;
    std::set<std::int64_t> reads;
    std::set<std::int64_t> writes;
    std::set<std::int64_t> syncs;
    const std::string text = "0123456789";
    for (int i = 0; i < 300; ++i) {
        const auto fd = disk.open("/a", O_RDWR | O_CREAT, 0644);
        opens.insert(std::min<std::int64_t>(fd, 0));
        if (fd < 0) continue;
        const auto file = disk.file(static_cast<int>(fd));
        writes.insert(disk.write(file, std::as_bytes(std::span(text)), 0));
        std::string back(10, ' ');
        reads.insert(disk.read(file, std::as_writable_bytes(std::span(back)), 0));
        syncs.insert(disk.sync(file));
        disk.close(static_cast<int>(fd));
    }
    CHECK(opens == std::set<std::int64_t>{-EIO, 0});
    CHECK(syncs == std::set<std::int64_t>{-EIO, 0});
    CHECK(writes.contains(-EIO));
    CHECK(writes.contains(-ENOSPC));
    CHECK(writes.contains(10));
    CHECK(writes.size() > 5);
    CHECK(reads.contains(-EIO));
    CHECK(reads.contains(10));
    CHECK(reads.size() > 5);
    CHECK(disk.open_files() == 0);
}

// What cannot be read or listed: said, counted, tried again, and given up where the source ends.
#include "tests/io/tail_bench.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;
namespace fs = std::filesystem;

namespace {

/// Whatever the ring does with this path fails so.
void deny(TailBench& t, OpKind kind, const std::string& name, int error, const bool& on) {
    t.ring.on_call = [path = t.path(name), kind, error, &on](Op& op) {
        if (on && op.kind == kind && op.path && path == op.path) op.result = -error;
    };
}

LeftOut left(const TailBench& t) { return static_cast<const FileSource&>(*t.source).left_out(); }

}  // namespace

TEST_CASE(
    "an unreadable file is given up after give_up_after, all else is read, and it is counted") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.config.give_up_after = seconds(5);
    t.append("bad.log", "bad\n");
    t.append("good.log", "good\n");
    const bool on = true;
    deny(t, OpKind::open, "bad.log", EACCES, on);
    t.start();
    t.run(seconds(4));
    CHECK(t.text() == "good\n");
    CHECK(t.ended == 0);
    CHECK(left(t).unreadable == 1);
    CHECK_FALSE(left(t).gave_up);
    t.run(seconds(4));
    CHECK(t.ended == 2);
    CHECK(left(t).unreadable == 1);
    CHECK(left(t).gave_up);
    CHECK(left(t).example == t.path("bad.log") + ": Permission denied");
    CHECK(t.said("gave up"));
}

TEST_CASE("a file that is readable again before give_up_after is read, and nothing was given up") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.append("bad.log", "bad\n");
    bool on = true;
    deny(t, OpKind::open, "bad.log", EACCES, on);
    t.start();
    t.run(seconds(8));
    CHECK(t.ended == 0);
    on = false;
    t.run(seconds(8));
    CHECK(t.text() == "bad\n");
    CHECK(t.ended == 2);
    CHECK(left(t).unreadable == 0);
    CHECK_FALSE(left(t).gave_up);
}

TEST_CASE("a folder that cannot be listed is tried again, and is not taken for empty") {
    TailBench t;
    t.config.include = {t.path("**/*.log")};
    t.config.end = EndAt::eof;
    fs::create_directories(t.path("dark"));
    t.append("dark/a.log", "dark\n");
    t.append("b.log", "light\n");
    bool on = true;
    deny(t, OpKind::list, "dark", EACCES, on);
    t.start();
    t.run(seconds(3));
    CHECK(t.text() == "light\n");
    CHECK(t.ended == 0);
    CHECK(t.said("cannot look into folder"));
    SECTION("until it can") {
        on = false;
        t.run(seconds(5));
        CHECK(t.text() == "light\ndark\n");
        CHECK(t.ended == 2);
        CHECK(left(t).unreadable == 0);
        CHECK(t.said("folder can be listed now"));
    }
    SECTION("until it is given up") {
        t.run(seconds(10));
        CHECK(t.ended == 2);
        CHECK(left(t).gave_up);
        CHECK(left(t).unreadable == 1);
    }
}

TEST_CASE("with end never a folder that cannot be listed is tried for ever") {
    TailBench t;
    t.config.include = {t.path("dark/*.log")};
    fs::create_directories(t.path("dark"));
    t.append("dark/a.log", "dark\n");
    bool on = true;
    deny(t, OpKind::list, "dark", EIO, on);
    t.start();
    t.run(seconds(100));
    CHECK(left(t).unreadable == 1);
    on = false;
    t.run(seconds(40));
    CHECK(t.text() == "dark\n");
    CHECK(left(t).unreadable == 0);
}

TEST_CASE("one failing fstat at the end of a file delays the end, and no more") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.append("a.log", "one\ntwo\n");
    int failures = 1;
    t.ring.on_call = [&](Op& op) {
        if (op.kind == OpKind::stat && op.path == nullptr && !t.got.empty() && failures > 0) {
            --failures;
            op.result = -EIO;
        }
    };
    t.start();
    t.run(seconds(5));
    CHECK(failures == 0);
    CHECK(t.text() == "one\ntwo\n");
    CHECK(t.ended == 2);
    CHECK(left(t).unreadable == 0);
}

TEST_CASE("a file whose end can never be told is given up, whole as it was read") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.append("a.log", "one\ntwo\n");
    t.ring.on_call = [&](Op& op) {
        if (op.kind == OpKind::stat && op.path == nullptr && !t.got.empty()) op.result = -EIO;
    };
    t.start();
    t.run(seconds(20));
    CHECK(t.text() == "one\ntwo\n");
    CHECK(t.ended == 2);
    CHECK(left(t).gave_up);
}

TEST_CASE("a read that fails for ever is given up after what came before it was read") {
    TailBench t(8u << 20, 1u << 20);
    t.config.end = EndAt::eof;
    std::string all;
    while (all.size() < (3u << 20)) all += "a line that is long enough to fill some blocks of it\n";
    t.append("a.log", all);
    t.append("b.log", "other\n");
    const std::int64_t bad = 2 << 20;
    t.ring.on_call = [&](Op& op) {
        if (op.kind != OpKind::read ||
            op.offset + static_cast<std::int64_t>(op.buffer.size()) <= bad)
            return;
        if (op.offset >= bad)
            op.result = -EIO;
        else
            op.result = std::min(op.result, bad - op.offset);
    };
    t.start();
    t.run(seconds(30));
    CHECK(t.ended == 2);
    CHECK(left(t).gave_up);
    CHECK(t.text().size() > (2u << 20) - 2000);
    CHECK(t.text().find("other\n") != std::string::npos);
    // Mended, a restart reads the rest, and nothing twice.
    t.ring.on_call = {};
    t.start();
    t.run(seconds(5));
    CHECK(t.text().size() == all.size() + 6);
    CHECK_FALSE(left(t).gave_up);
}

TEST_CASE("a file that is shorter than its size says is given up, not read for ever") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.append("a.log", "one\n");
    t.ring.on_call = [&](Op& op) {
        if (op.kind == OpKind::stat && op.stat->size == 4) op.stat->size = 4096;
    };
    t.start();
    t.run(seconds(30));
    CHECK(t.text() == "one\n");
    CHECK(t.ended == 2);
    CHECK(left(t).gave_up);
}

TEST_CASE("a file that is named and not there is waited for, then given up") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.config.include = {t.path("a.log"), t.path("typo.log"), t.path("gone/x.log"),
                        t.path("away/*.log"), t.path("*.none")};
    t.append("a.log", "one\n");
    t.start();
    t.run(seconds(5));
    CHECK(t.ended == 0);
    CHECK(t.said("there is no such file yet"));
    CHECK(t.said("there is no such folder yet"));
    SECTION("all of it") {
        t.run(seconds(20));
        CHECK(t.ended == 2);
        CHECK(left(t).unreadable == 3);
        CHECK(left(t).gave_up);
    }
    SECTION("what comes in time is read") {
        fs::create_directories(t.path("gone"));
        fs::create_directories(t.path("away"));
        t.append("typo.log", "two\n");
        t.append("gone/x.log", "three\n");
        t.run(seconds(20));
        CHECK(t.ended == 2);
        CHECK(t.text().size() == 14);
        CHECK(left(t).unreadable == 0);
    }
}

TEST_CASE("a ring of links is given up like anything else") {
    TailBench t;
    t.config.end = EndAt::eof;
    fs::create_symlink(t.path("ring.log"), t.path("ring.log"));
    t.append("a.log", "one\n");
    t.start();
    t.run(seconds(20));
    CHECK(t.text() == "one\n");
    CHECK(t.ended == 2);
    CHECK(left(t).unreadable == 1);
}

TEST_CASE("give_up_after of nothing gives up at once") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.config.give_up_after = {};
    t.config.include = {t.path("typo.log")};
    t.start();
    t.run(seconds(1));
    CHECK(t.ended == 2);
    CHECK(left(t).gave_up);
}

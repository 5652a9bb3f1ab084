// The file source: what happens between two looks, or while it was not there.
#include <thread>

#include "tests/io/tail_bench.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;

namespace {

std::string many(const std::string& name, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += name + " " + std::to_string(i) + "\n";
    return all;
}

/// Times of files are coarse.
void let_time_pass() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

}  // namespace

TEST_CASE("a file truncated and regrown with the same beginning is told apart") {
    TailBench t;
    const std::string banner = many("a program says this at each of its starts", 20);
    t.append("a.log", banner + many("old", 10));
    t.start();
    t.run();
    t.truncate("a.log");
    t.append("a.log", banner + many("new", 50));
    t.run(seconds(6));
    CHECK(t.text() == banner + many("old", 10) + banner + many("new", 50));
    CHECK(t.assigned == 2);
    CHECK(t.said("truncated"));
}

TEST_CASE("a file cut in its midst and grown beyond its old length is told apart") {
    TailBench t;
    t.append("a.log", many("old", 100));
    t.start();
    t.run();
    const std::string kept = many("old", 100).substr(0, 300);
    t.truncate("a.log", kept.size());
    t.append("a.log", "\n" + many("new", 200));
    t.run(seconds(6));
    CHECK(t.text() == many("old", 100) + kept + "\n" + many("new", 200));
}

TEST_CASE("a file that came and was rotated between two looks is read, however it is named") {
    for (const char* rotated : {"a.log.1", "a.1.log", "a-20260131.log", "a_2026-01-31T23.log"}) {
        TailBench t;
        t.config.include = {t.path("a.log")};
        t.append("a.log", "one\n");
        t.append("a-2.log", "of another program\n");
        t.append("a-worker.log", "of another program\n");
        t.append("a.log.gz", "compressed\n");
        t.start();
        t.run();
        t.remove("a.log");
        t.append("a.log", "two\n");
        t.rename("a.log", rotated);
        t.append("a.log", "three\n");
        t.append("a-2.log", "more of another program\n");
        t.run(seconds(30));
        INFO(rotated);
        CHECK(t.text() == "one\ntwo\nthree\n");
    }
}

TEST_CASE("a rotated file that was read to its end is not taken in again by the next rotation") {
    TailBench t;
    t.config.include = {t.path("a.log")};
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.append("a.log", "two\n");
    t.rename("a.log", "a.log.1");
    t.append("a.log", "three\n");
    t.run(seconds(30));
    REQUIRE(t.revoked == 1);
    // Both have the same time, as on a file system with coarse ones.
    const auto same = std::filesystem::last_write_time(t.path("a.log.1"));
    std::filesystem::last_write_time(t.path("a.log"), same);
    t.run(seconds(6));
    t.rename("a.log.1", "a.log.2");
    t.rename("a.log", "a.log.1");
    t.append("a.log", "four\n");
    t.run(seconds(30));
    CHECK(t.text() == "one\ntwo\nthree\nfour\n");
    CHECK(t.assigned == 3);
}

TEST_CASE("a restart reads what was rotated while it was down, also if the file it knew is gone") {
    TailBench t;
    t.config.include = {t.path("a.log")};
    t.append("a.log.1", "long ago\n");
    let_time_pass();
    let_time_pass();
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.stop();
    let_time_pass();
    t.config.recorded_ns = t.ring.wall_ns();
    let_time_pass();
    t.rename("a.log.1", "a.log.3");
    t.append("a.log.2", "two\n");
    let_time_pass();
    t.append("a.log.1", "three\n");
    t.append("next", "four\n");
    t.remove("a.log");  // Now, so that none of them gets its inode.
    t.rename("next", "a.log");
    t.start();
    t.run(seconds(6));
    CHECK(t.lines() == Lines{"one\n", "two\n", "three\n", "four\n"});
    CHECK(t.said("not found"));
}

TEST_CASE(
    "a file that a restart found under a rotated name is rotated on while it is down, and what "
    "came since is read") {
    TailBench t;
    t.append("a.log", "1\n");
    t.start();
    t.run();
    t.stop();
    t.append("a.log", "more\n");
    t.rename("a.log", "a.log.1");
    t.start();
    t.run(milliseconds(300));
    t.stop();
    t.append("a.log", "2\n");
    t.rename("a.log.1", "a.log.2");
    t.rename("a.log", "a.log.1");
    t.append("a.log", "3\n");
    t.start();
    t.run();
    CHECK(t.text() == "1\nmore\n2\n3\n");
}

TEST_CASE("a restart inside an oversized line stays inside it, also with another max_line") {
    TailBench t;
    t.config.line_max = 100;
    const std::string head(500, 'x');
    t.append("a.log", "before\n" + head);
    t.start();
    t.run();
    t.stop();
    const auto pieces = t.got.size();
    REQUIRE(pieces >= 2);
    t.append("a.log", "the rest\nafter\n");
    t.config.line_max = 2048;
    t.start();
    t.run();
    REQUIRE(t.got.size() == pieces + 2);
    CHECK(t.got[pieces].fate == Fate::oversized);
    CHECK(t.got[pieces].text.ends_with("the rest\n"));
    CHECK(t.got[pieces + 1].fate == Fate::deliver);
    CHECK(t.got[pieces + 1].text == "after\n");
}

TEST_CASE("hundreds of files are few lines in the log") {
    TailBench t;
    t.partitions_max = 1000;
    for (int i = 0; i < 300; ++i) {
        t.append(std::to_string(1000 + i) + ".log", "one\n");
        std::filesystem::permissions(
            t.path(std::to_string(1000 + i) + ".log"),
            i < 150 ? std::filesystem::perms::owner_all : std::filesystem::perms::none);
    }
    t.start();
    t.run(seconds(5));
    const auto said = std::count_if(t.logged.begin(), t.logged.end(),
                                    [](const auto& line) { return line.first > Level::debug; });
    CHECK(said < 60);
    CHECK(t.said("more files found"));
}

// The file source: rotation, truncation, deletion, and finding files again after a restart.
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

}  // namespace

TEST_CASE("a renamed file is read to its end and the new one from its beginning") {
    TailBench t;
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.append("a.log", "two\n");
    t.rename("a.log", "a.log.1");
    t.append("a.log.1", "three\n");
    t.append("a.log", "four\n");
    t.run(seconds(3));
    CHECK(t.text() == "one\ntwo\nthree\nfour\n");
    CHECK(t.revoked == 0);
    t.append("a.log.1", "late\n");
    t.run(seconds(3));
    CHECK(t.text() == "one\ntwo\nthree\nfour\nlate\n");
    t.run(seconds(30));
    CHECK(t.revoked == 1);
    CHECK(t.open_files() == 1);
    CHECK(t.checkpoints.records.size() == 2);  // The rotated one may grow yet.
}

TEST_CASE("a large rotated file comes whole before the file that took its name") {
    TailBench t;
    t.max_bytes = 4096;
    t.pulls_max = 4;
    t.append("a.log", "begin\n");
    t.start();
    t.run();
    const std::string old_lines = many("old", 5000), new_lines = many("new", 5000);
    t.append("a.log", old_lines);
    t.rename("a.log", "a.log.1");
    t.append("a.log", new_lines);
    t.run(seconds(3));
    CHECK(t.text() == "begin\n" + old_lines + new_lines);
}

TEST_CASE("a renamed file with unread bytes is not closed while nothing is pulled") {
    TailBench t;
    t.max_bytes = 4096;
    t.pulls_max = 1;
    const std::string all = many("line", 5000);
    t.append("a.log", all);
    t.pulling = false;
    t.start();
    t.run();
    t.rename("a.log", "gone");
    t.remove("gone");
    t.run(seconds(60));
    CHECK(t.open_files() == 1);
    CHECK(t.revoked == 0);
    t.pulling = true;
    t.run(seconds(60));
    CHECK(t.text() == all);
    CHECK(t.open_files() == 0);
    CHECK(t.revoked == 1);
    CHECK(t.checkpoints.records.empty());
}

TEST_CASE("a deleted file is read to its end and then closed") {
    TailBench t;
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.append("a.log", "two\n");
    t.remove("a.log");
    t.run(seconds(30));
    CHECK(t.text() == "one\ntwo\n");
    CHECK(t.open_files() == 0);
    CHECK(t.revoked == 1);
    CHECK(t.checkpoints.records.empty());
}

TEST_CASE("the unfinished last line of a file that is gone becomes a record") {
    TailBench t;
    t.append("a.log", "one\ntw");
    t.start();
    t.run();
    t.remove("a.log");
    t.run(seconds(30));
    REQUIRE(t.lines() == Lines{"one\n", "tw"});
    CHECK_FALSE(t.got.back().terminated);
    CHECK(t.open_files() == 0);
}

TEST_CASE("a file renamed to another name that matches goes on as the same partition") {
    TailBench t;
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.rename("a.log", "b.log");
    t.append("b.log", "two\n");
    t.run(seconds(30));
    CHECK(t.text() == "one\ntwo\n");
    CHECK(t.assigned == 1);
    CHECK(t.revoked == 0);
    CHECK(t.said("renamed"));
}

TEST_CASE("two rotations between two polls lose nothing") {
    TailBench t;
    t.append("a.log.0", "long ago\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.append("a.log", "two\n");
    t.rename("a.log", "a.log.1");
    t.append("a.log", "three\n");
    t.rename("a.log.1", "a.log.2");
    t.rename("a.log", "a.log.1");
    t.append("a.log", "four\n");
    t.run(seconds(30));
    CHECK(t.text() == "one\ntwo\nthree\nfour\n");
    CHECK(t.open_files() == 1);
}

TEST_CASE("a truncated file begins a new generation") {
    TailBench t;
    t.append("a.log", many("old", 100));
    t.start();
    t.run();
    std::filesystem::copy(t.path("a.log"), t.path("a.log.1"));
    t.truncate("a.log");
    t.run(seconds(1));
    t.append("a.log", "new\n");
    t.run(seconds(6));
    CHECK(t.text() == many("old", 100) + "new\n");
    CHECK(t.assigned == 2);
    CHECK(t.revoked == 1);
    CHECK(t.said("truncated"));
    CHECK(t.checkpoints.records.size() == 1);
    CHECK(t.checkpoints.all().front().position == 4);
}

TEST_CASE("a file truncated and rewritten beyond its old length is told apart") {
    TailBench t;
    t.append("a.log", many("old", 10));
    t.start();
    t.run();
    t.truncate("a.log");
    t.append("a.log", many("new", 100));
    t.run(seconds(6));
    CHECK(t.text() == many("old", 10) + many("new", 100));
    CHECK(t.assigned == 2);
}

TEST_CASE("a file truncated and rewritten to the same length is told apart") {
    TailBench t;
    t.append("a.log", many("old", 10));
    t.start();
    t.run();
    t.truncate("a.log");
    t.append("a.log", many("new", 10));
    t.run(seconds(6));
    CHECK(t.text() == many("old", 10) + many("new", 10));
}

TEST_CASE("a file truncated and rewritten to just where it was read is told apart") {
    TailBench t;
    t.append("a.log", many("old", 10) + "unfinished");
    t.start();
    t.run();
    t.truncate("a.log");
    t.append("a.log", many("new", 10));
    t.run(seconds(6));
    CHECK(t.text() == many("old", 10) + many("new", 10));
}

TEST_CASE("a file truncated to more than nothing is read again from its beginning") {
    TailBench t;
    t.append("a.log", many("x", 100));
    t.start();
    t.run();
    t.truncate("a.log", 20);
    t.run(seconds(6));
    CHECK(t.text() == many("x", 100) + many("x", 5));
    t.append("a.log", "new\n");
    t.run(seconds(6));
    CHECK(t.text() == many("x", 100) + many("x", 5) + "new\n");
}

TEST_CASE("bytes read from a file that was rewritten under the read are not given away") {
    TailBench t;
    t.append("a.log", many("old", 10));
    t.start();
    t.run();
    bool once = true;
    t.ring.on_call = [&](Op& op) {
        if (!once || op.kind != OpKind::read || op.offset < 10 || op.result <= 0) return;
        once = false;
        t.truncate("a.log");
        t.append("a.log", many("new", 50));
    };
    t.append("a.log", "more\n");
    t.run(seconds(6));
    CHECK_FALSE(once);
    CHECK(t.text() == many("old", 10) + many("new", 50));
}

TEST_CASE("a file that is rewritten to the same length just after a read is told apart") {
    TailBench t;
    t.start();
    t.run();
    int heads = 0;
    t.ring.on_call = [&](Op& op) {
        // When it is found, its bytes, and whether they are still of that file.
        if (op.kind != OpKind::read || op.offset != 0 || op.result <= 0 || ++heads != 3) return;
        t.truncate("a.log");
        t.append("a.log", many("new", 10));
        std::filesystem::last_write_time(
            t.path("a.log"),
            std::filesystem::file_time_type::clock::now() + std::chrono::seconds(1));
    };
    t.append("a.log", many("old", 10));
    t.run(seconds(6));
    CHECK(t.text() == many("old", 10) + many("new", 10));
}

TEST_CASE("an inode that is used again is told apart by the fingerprint") {
    TailBench t;
    t.append("a.log", many("old", 50));
    t.start();
    t.run();
    t.stop();
    // What an inode's reuse looks like: the same inode with other contents under another name.
    t.truncate("a.log");
    t.append("a.log", many("new", 80));
    t.rename("a.log", "b.log");
    t.start();
    t.run();
    CHECK(t.text() == many("old", 50) + many("new", 80));
    CHECK(t.checkpoints.records.size() == 1);
}

TEST_CASE("a restart goes on where the checkpoint stands") {
    TailBench t;
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.stop();
    t.append("a.log", "two\n");
    t.start();
    t.run();
    CHECK(t.text() == "one\ntwo\n");
    CHECK(t.checkpoints.records.size() == 1);
}

TEST_CASE("a restart without a commit reads again") {
    TailBench t;
    t.commit = false;
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.start();
    t.run();
    CHECK(t.text() == "one\none\n");
}

TEST_CASE("a restart finds a file that was renamed while we were down") {
    TailBench t;
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.stop();
    t.append("a.log", "two\n");
    t.rename("a.log", "a.log.1");
    t.append("a.log", "three\n");
    t.start();
    t.run();
    CHECK(t.text() == "one\ntwo\nthree\n");
    t.run(seconds(30));
    CHECK(t.open_files() == 1);
    CHECK(t.checkpoints.records.size() == 2);  // The rotated one may grow yet.
}

TEST_CASE("a restart finds files of two rotations while we were down") {
    TailBench t;
    t.append("a.log.0", "long ago\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.stop();
    t.append("a.log", "two\n");
    t.rename("a.log", "a.log.2");
    t.append("a.log.1", "three\n");
    t.append("a.log", "four\n");
    t.start();
    t.run();
    CHECK(t.text() == "one\ntwo\nthree\nfour\n");
}

TEST_CASE("a tracked path that was rotated while we were down is read from its beginning") {
    TailBench t;
    t.config.read_from = ReadFrom::end;
    t.start();
    t.run();
    t.append("a.log", "one\n");
    t.run(seconds(3));
    t.stop();
    t.rename("a.log", "a.log.1");
    t.append("a.log", "two\n");
    t.start();
    t.run();
    CHECK(t.text() == "one\ntwo\n");
}

TEST_CASE("a file shorter than its checkpoint is read from its beginning, and said so") {
    TailBench t;
    t.append("a.log", many("x", 100));
    t.start();
    t.run();
    t.stop();
    t.truncate("a.log", 20);
    t.start();
    t.run();
    CHECK(t.text() == many("x", 100) + many("x", 5));
    CHECK(t.said("rewritten since the last run"));
    CHECK(t.checkpoints.records.size() == 1);
    t.start();
    t.run();
    CHECK(t.text() == many("x", 100) + many("x", 5));
}

TEST_CASE("a file shorter than its checkpoint but with the same beginning is read again") {
    TailBench t;
    t.append("a.log", many("line", 100));
    t.start();
    t.run();
    t.stop();
    t.truncate("a.log", 358);
    t.start();
    t.run();
    CHECK(t.got.back().next == 358);
    CHECK(t.got.back().first == 0);
    CHECK(t.said("checkpoint="));
    CHECK(t.checkpoints.records.size() == 1);
}

TEST_CASE("a file that is gone stays in the checkpoint, and goes on when it comes back") {
    TailBench t;
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.stop();
    std::filesystem::create_directory(t.path("away"));
    t.rename("a.log", "away/a.log");
    t.append("b.log", "b\n");
    t.start();
    t.run();
    CHECK(t.said("not found"));
    CHECK(t.checkpoints.records.size() == 2);
    t.append("away/a.log", "two\n");
    t.rename("away/a.log", "a.log");
    t.run(seconds(5));
    CHECK(t.text() == "one\nb\ntwo\n");
}

TEST_CASE("a fingerprint grows with its file and the record keeps its position") {
    TailBench t;
    t.start();
    t.run();
    std::string all;
    for (int i = 0; i < 60; ++i) {
        const std::string line = "line " + std::to_string(i) + "\n";
        all += line;
        t.append("a.log", line);
        t.run(milliseconds(1500));
    }
    CHECK(t.text() == all);
    REQUIRE(t.checkpoints.records.size() == 1);
    const auto key = decode_key(t.checkpoints.all().front().key);
    REQUIRE(key);
    CHECK(key->identity.length == fingerprint_max);
    CHECK(t.checkpoints.all().front().position == static_cast<std::int64_t>(all.size()));
    t.start();
    t.run();
    CHECK(t.text() == all);
}

TEST_CASE("batches end at the leads of the checkpoint") {
    TailBench t;
    t.append("a.log", "1111\n2222\n3333\n4444\n5555\n");
    t.commit = false;
    t.start();
    t.run();
    REQUIRE(t.got.size() == 1);
    t.checkpoints.at(t.got[0].partition, t.got[0].epoch).position = 5;
    t.checkpoints.stage(StageLead{t.got[0].partition, t.got[0].epoch, {0}, {10}});
    t.checkpoints.stage(StageLead{t.got[0].partition, t.got[0].epoch, {1}, {20}});
    t.checkpoints.stage(StageLead{t.got[0].partition, t.got[0].epoch, {7}, {15}});
    t.got.clear();
    t.start();
    t.run();
    REQUIRE(t.got.size() == 3);
    CHECK(t.got[0].text == "2222\n");
    CHECK(t.got[1].text == "3333\n4444\n");
    CHECK(t.got[2].text == "5555\n");
    REQUIRE(t.leads.size() == 2);
    CHECK(t.leads[0].sink.index == 0);
    CHECK(t.leads[0].position.value == 10);
    CHECK(t.leads[1].sink.index == 1);
    CHECK(t.leads[1].position.value == 20);
}

TEST_CASE("a lead inside a line ends a batch there, as the batch before it did") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.append("a.log", "one\ntwo");
    t.start();
    t.run();
    auto& record = t.checkpoints.at(t.got[0].partition, t.got[0].epoch);
    record.position = 0;
    record.leads.push_back({"sink0", 7});
    t.got.clear();
    t.append("a.log", "more\nthree\n");
    t.start();
    t.run();
    REQUIRE(t.got.size() == 2);
    CHECK(t.got[0].text == "one\ntwo");
    CHECK_FALSE(t.got[0].terminated);
    CHECK(t.got[1].text == "more\nthree\n");
}

TEST_CASE("a symbolic link that is turned to another file is followed") {
    TailBench t;
    t.append("v1", "one\n");
    t.append("v2", "two\n");
    std::filesystem::create_symlink(t.path("v1"), t.path("a.log"));
    t.start();
    t.run();
    t.remove("a.log");
    std::filesystem::create_symlink(t.path("v2"), t.path("a.log"));
    t.run(seconds(6));
    CHECK(t.text() == "one\ntwo\n");
}

TEST_CASE("two names of one file are one partition") {
    TailBench t;
    t.append("a.log", "one\n");
    std::filesystem::create_hard_link(t.path("a.log"), t.path("b.log"));
    t.start();
    t.run(seconds(20));
    CHECK(t.text() == "one\n");
    t.remove("a.log");
    t.append("b.log", "two\n");
    t.run(seconds(30));
    CHECK(t.text() == "one\ntwo\n");
    CHECK(t.assigned == 1);
    CHECK(t.open_files() == 1);
}

TEST_CASE("a key of a file decodes to what was encoded, and nothing else does") {
    const FileKey key{
        .identity = {.device = 0xfe01, .inode = 77, .length = 256, .hash = 0xdeadbeef},
        .generation = 3,
        .path = "/var/log/a:b.log"};
    const auto back = decode_key(encode_key(key));
    REQUIRE(back);
    CHECK(*back == key);
    FileKey inside = key;
    inside.oversized_at = 0x123456;
    CHECK(decode_key(encode_key(inside)) == inside);
    CHECK_FALSE(decode_key("2:1:1:1:1:1:8000000000000000:/x"));
    CHECK_FALSE(decode_key(""));
    CHECK_FALSE(decode_key("2:1:1:1:1:1:/x"));
    CHECK_FALSE(decode_key("1:1:1:1:1"));
    CHECK_FALSE(decode_key("1:1:1:1:101:1:/x"));
    CHECK_FALSE(decode_key("1:-1:1:1:1:1:/x"));
}

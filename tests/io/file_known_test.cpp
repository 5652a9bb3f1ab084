// The file source: how a file is known again, and what of it is read that nobody saw in time.
#include <sys/stat.h>

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
void let_time_pass() { std::this_thread::sleep_for(std::chrono::milliseconds(50)); }

/// Changes what the checkpoint says of the one file in it.
template <class Change>
void change_record(TailBench& t, const Change& change) {
    REQUIRE(t.checkpoints.records.size() == 1);
    CheckpointPartition record = t.checkpoints.all().front();
    auto key = decode_key(record.key);
    REQUIRE(key);
    change(*key);
    record.key = encode_seal(key->seal) + encode_key(*key);
    t.checkpoints.records = {{record.key, record}};
}

}  // namespace

TEST_CASE("a file key and its seal decode to what was encoded, also those of older programs") {
    FileKey key{.identity = {.device = 0xfe01,
                             .inode = 77,
                             .born_ns = 12345678901234567,
                             .length = 256,
                             .hash = 0xdeadbeef},
                .generation = 3,
                .path = "/var/log/a:b.log"};
    CHECK(decode_key(encode_key(key)) == key);
    key.oversized_at = 0x123456;
    CHECK(decode_key(encode_key(key)) == key);
    key.seen_ns = 1764364800123456789;
    CHECK(decode_key(encode_key(key)) == key);
    key.seal = {0x7fffffffffff, {256, 0xabcdef}};
    CHECK(decode_key(encode_seal(key.seal) + encode_key(key)) == key);
    const auto first = decode_key("1:fe01:4d:3:100:deadbeef:/var/log/a:b.log");
    REQUIRE(first);
    CHECK(first->identity.born_ns == 0);
    CHECK(first->oversized_at == -1);
    const auto second = decode_key("2:fe01:4d:3:100:deadbeef:10:/x");
    REQUIRE(second);
    CHECK(second->oversized_at == 16);
    const auto third = decode_key("3:fe01:4d:1f:3:100:deadbeef:11:/x:y");
    REQUIRE(third);
    CHECK(third->oversized_at == 16);
    CHECK(third->seen_ns == 0);
    CHECK(third->path == "/x:y");
    for (const char* bad : {"", "s:", "s:1:1:1", "s:1:1:1:", "s:1:2:1:3:1:1:1:1:1:1:0:/x",
                            "s:8000000000000000:1:1:3:1:1:1:1:1:1:0:/x", "3:1:1:1:1:1:1:/x",
                            "3:1:1:1:1:101:1:0:/x", "4:1:1:1:1:1:1:0:/x", "3:-1:1:1:1:1:1:0:/x"}) {
        INFO(bad);
        CHECK_FALSE(decode_key(bad));
    }
}

TEST_CASE("an ending covers at least 256 bytes of those that were taken, however they came") {
    std::string all;
    Ending ending;
    for (int i = 0; i < 4000; ++i) {
        const std::string some(static_cast<std::size_t>(i * 7 % 300),
                               static_cast<char>('a' + i % 26));
        all += some;
        ending.take(std::as_bytes(std::span(some)));
        const Fingerprint got = ending.fingerprint();
        REQUIRE(got.length >= std::min<std::size_t>(256, all.size()));
        REQUIRE(got.length <= Ending::ending_max);
        const auto last = std::as_bytes(std::span(all)).last(got.length);
        REQUIRE((got.length == 0 || got == Fingerprint::of(last)));
    }
}

TEST_CASE("a device that is called otherwise after a restart changes nothing") {
    TailBench t;
    t.append("a.log", many("line", 100));
    t.start();
    t.run();
    t.stop();
    change_record(t, [](FileKey& key) { key.identity.device += 7; });
    t.append("a.log", "more\n");
    t.start();
    t.run();
    CHECK(t.text() == many("line", 100) + "more\n");
    // Names of records are made of the key: its device is still that of when the file was first seen.
    const auto known = decode_key(t.checkpoints.all().front().key);
    REQUIRE(known);
    struct ::stat st{};
    REQUIRE(::stat(t.path("a.log").c_str(), &st) == 0);
    CHECK(known->identity.device == st.st_dev + 7);
    CHECK(t.checkpoints.records.size() == 1);
}

TEST_CASE("a file whose birth nobody knows is known on another device by what was read") {
    TailBench t;
    t.append("a.log", many("line", 100));
    t.start();
    t.run();
    t.stop();
    change_record(t, [](FileKey& key) {
        key.identity.device += 7;
        key.identity.born_ns = 0;
    });
    t.append("a.log", "more\n");
    t.start();
    t.run();
    CHECK(t.text() == many("line", 100) + "more\n");
}

TEST_CASE("a record without birth and seal is not believed on another device") {
    TailBench t;
    t.append("a.log", many("line", 100));
    t.start();
    t.run();
    t.stop();
    change_record(t, [](FileKey& key) {
        key.identity.device += 7;
        key.identity.born_ns = 0;
        key.seal = {};
    });
    t.start();
    t.run();
    CHECK(t.text() == many("line", 100) + many("line", 100));
}

TEST_CASE("a file written anew while nobody looked, with the same head and inode, is read whole") {
    const std::string header(300, 'h');
    TailBench t;
    t.append("a.csv.log", header + "\n" + many("old", 91));
    t.start();
    t.run();
    t.stop();
    t.truncate("a.csv.log");
    t.append("a.csv.log", header + "\n" + many("new", 200));
    t.start();
    t.run();
    CHECK(t.text() == header + "\n" + many("old", 91) + header + "\n" + many("new", 200));
    CHECK(t.said("rewritten since the last run"));
    CHECK(t.checkpoints.records.size() == 1);
}

TEST_CASE("a file of another birth on an old inode is new, though it begins and goes on the same") {
    TailBench t;
    t.append("a.log", many("line", 100));
    t.start();
    t.run();
    t.stop();
    if (decode_key(t.checkpoints.all().front().key)->identity.born_ns == 0) return;
    change_record(t, [](FileKey& key) { key.identity.born_ns -= 1; });
    t.start();
    t.run();
    CHECK(t.text() == many("line", 100) + many("line", 100));
    CHECK(t.checkpoints.records.size() == 1);
}

TEST_CASE("a lead that was reached is sealed: other bytes below it are read by all sinks") {
    TailBench t;
    t.commit = false;
    t.append("a.log", many("old", 100));
    t.start();
    t.run();
    REQUIRE(t.got.size() == 1);
    t.checkpoints.at(t.got[0].partition, t.got[0].epoch).position = 0;
    t.checkpoints.stage(StageLead{t.got[0].partition, t.got[0].epoch, {0}, {t.got[0].next}});
    t.stop();
    std::string other = many("old", 100);
    other[other.size() - 100] = 'X';
    t.truncate("a.log");
    t.append("a.log", other + "more\n");
    t.got.clear();
    t.start();
    t.run();
    CHECK(t.text() == other + "more\n");
    CHECK(t.leads.empty());
}

// ---- files that were rotated before anybody saw them -----------------------------------------

TEST_CASE("the first file of a name is read though it was rotated before anybody looked") {
    for (const char* rotated : {"new.log.1", "new.log-20260131", "new.1.log.old", "new.log.old",
                                "new.log.2026-01-31T23"}) {
        TailBench t;
        t.append("other.log", "other\n");
        t.start();
        t.run();
        let_time_pass();
        t.append("new.log", "first\n");
        const std::string to = std::string(rotated) == "new.1.log.old" ? "new.log.1" : rotated;
        t.rename("new.log", to);
        t.append("new.log", "second\n");
        t.run(seconds(5));
        INFO(rotated);
        CHECK(t.text() == "other\nfirst\nsecond\n");
    }
}

TEST_CASE("two rotations of a name that nobody has seen lose nothing, also if it is gone") {
    TailBench t;
    t.append("other.log", "other\n");
    t.start();
    t.run();
    let_time_pass();
    t.append("new.log", "first\n");
    t.rename("new.log", "new.log.1");
    let_time_pass();
    t.append("new.log", "second\n");
    t.rename("new.log.1", "new.log.2");
    t.rename("new.log", "new.log.1");
    t.run(seconds(5));
    CHECK(t.text() == "other\nfirst\nsecond\n");
}

TEST_CASE("a name that came and was rotated away while holdfast was down is read") {
    TailBench t;
    t.append("a.log.1", "long ago\n");
    t.append("other.log", "other\n");
    let_time_pass();
    t.start();
    t.run();
    t.stop();
    let_time_pass();
    t.append("new.log", "first\n");
    t.rename("new.log", "new.log.1");
    t.append("new.log", "second\n");
    t.start();
    t.run(seconds(5));
    CHECK(t.text() == "other\nfirst\nsecond\n");
}

TEST_CASE("rotated files from before the first start are not read, nor what is no rotated one") {
    TailBench t;
    t.append("a.log.1", "long ago\n");
    t.append("b.log.2", "of a name that never came\n");
    let_time_pass();
    t.append("a.log", "one\n");
    t.start();
    t.run();
    let_time_pass();
    t.append("a.log.pos", "another program's\n");
    t.append("new.log.swp", "an editor's\n");
    t.append("new.log.1.gz", "compressed\n");
    t.run(seconds(5));
    CHECK(t.text() == "one\n");
}

TEST_CASE("a folder that is new is looked through for rotated files, too") {
    TailBench t;
    t.config.include = {t.directory + "/**/*.log"};
    t.append("other.log", "other\n");
    t.start();
    t.run();
    let_time_pass();
    std::filesystem::create_directory(t.path("sub"));
    t.append("sub/new.log", "first\n");
    t.rename("sub/new.log", "sub/new.log.1");
    t.append("sub/new.log", "second\n");
    t.run(seconds(5));
    CHECK(t.text() == "other\nfirst\nsecond\n");
}

// ---- files that are written under another name -----------------------------------------------

TEST_CASE(
    "a file that is written under its rotated name is read as long as it stands in its folder") {
    TailBench t;
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.rename("a.log", "a.log.1");
    t.append("a.log", "new\n");
    t.run(seconds(20));
    CHECK(t.open_files() == 1);
    t.append("a.log.1", "two\n");
    t.run(seconds(6));
    CHECK(t.text() == "one\nnew\ntwo\n");
    t.run(seconds(20));
    t.rename("a.log.1", "a.log.2");
    t.append("a.log.2", "three\n");
    t.run(seconds(12));
    CHECK(t.text() == "one\nnew\ntwo\nthree\n");
    t.run(seconds(20));
    t.stop();
    t.append("a.log.2", "four\n");
    t.start();
    t.run(seconds(6));
    CHECK(t.text() == "one\nnew\ntwo\nthree\nfour\n");
    t.run(seconds(20));
    t.remove("a.log.2");
    t.run(seconds(20));
    CHECK(t.checkpoints.records.size() == 1);
    CHECK(t.open_files() == 1);
}

TEST_CASE("a file that got any other name in its folder while holdfast was down is read on") {
    TailBench t;
    t.config.include = {t.directory + "/*.log"};
    t.append("a.log", "one\n");
    t.append("other.log", "other\n");
    t.start();
    t.run();
    t.stop();
    t.append("a.log", "two\n");
    t.rename("a.log", "kept-by-hand");
    t.append("a.log", "new\n");
    t.append("b", "no log\n");
    t.start();
    t.run(seconds(6));
    t.append("kept-by-hand", "three\n");
    t.run(seconds(20));
    CHECK(t.text() == "one\nother\ntwo\nnew\nthree\n");
}

TEST_CASE("a rotated file is not let go before its sinks have it") {
    TailBench t;
    t.commit = false;
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.rename("a.log", "a.log.1");
    t.run(seconds(60));
    CHECK(t.revoked == 0);
    CHECK(t.open_files() == 1);
}

TEST_CASE("a rotated file that is compressed is forgotten") {
    TailBench t;
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.rename("a.log", "a.log.1");
    t.run(seconds(20));
    CHECK(t.checkpoints.records.size() == 1);
    t.append("a.log.1.gz", "compressed");
    t.remove("a.log.1");
    t.run(seconds(20));
    CHECK(t.text() == "one\n");
    CHECK(t.checkpoints.records.empty());
}

// ---- ends and beginnings ---------------------------------------------------------------------

TEST_CASE("a look at the end of an input that fails once does not keep the run from ending") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.append("a.log", "one\ntwo");
    bool once = true;
    t.ring.on_call = [&](Op& op) {
        if (!once || op.kind != OpKind::stat || op.path != nullptr || t.got.empty()) return;
        once = false;
        op.result = -EIO;
    };
    t.start();
    t.run(seconds(30));
    CHECK_FALSE(once);
    CHECK(t.text() == "one\ntwo");
    CHECK(t.ended >= 1);
}

TEST_CASE(
    "with read_from = end it is durable where reading begins before a file is said to be found") {
    TailBench t;
    t.config.read_from = ReadFrom::end;
    t.append("a.log", "old\n");
    int saves = 0;
    t.checkpoints.saved = [&] {
        ++saves;
        CHECK_FALSE(t.said("file found"));
        CHECK(t.checkpoints.all().size() == 1);
        CHECK(t.checkpoints.all().front().position == 4);
    };
    t.start();
    t.run(milliseconds(5));
    CHECK(saves == 1);
    CHECK(t.said("file found"));
    // The process is killed at once: a restart reads what came since.
    t.append("a.log", "new\n");
    t.checkpoints.saved = nullptr;
    t.start();
    t.run();
    CHECK(t.text() == "new\n");
}

TEST_CASE("with read_from = end a file that came since the last run is read from its beginning") {
    TailBench t;
    t.config.read_from = ReadFrom::end;
    t.append("a.log", "old\n");
    t.start();
    t.run();
    t.stop();
    let_time_pass();
    t.append("b.log", "all of it\n");
    t.start();
    t.run();
    if (decode_key(t.checkpoints.all().front().key)->identity.born_ns == 0) return;
    CHECK(t.text() == "all of it\n");
}

// ---- how soon --------------------------------------------------------------------------------

TEST_CASE("what is new is noticed within poll_interval, however long it was still") {
    TailBench t;
    t.config.poll_interval = milliseconds(10);
    // As though there were thousands of files, where asking is too dear.
    const bool many_files = GENERATE(true, false);
    if (many_files) t.config.look_cost = seconds(1);
    t.append("a.log", "one\n");
    t.start();
    t.run(seconds(75));
    t.append("a.log", "two\n");
    t.run(milliseconds(25));
    CHECK(t.text() == "one\ntwo\n");
    t.append("b.log", "new\n");
    t.run(milliseconds(25));
    CHECK(t.text() == "one\ntwo\nnew\n");
}

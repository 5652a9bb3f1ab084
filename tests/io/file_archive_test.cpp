// Compressed files among the inputs: refused, or read as the text that is in them.
#include "sim/packed.hpp"
#include "tests/io/tail_bench.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;
using holdfast::sim::gzip;
using holdfast::sim::zstd;

namespace {

LeftOut left(const TailBench& t) { return static_cast<const FileSource&>(*t.source).left_out(); }

std::string lines_of(int first, int count) {
    std::string out;
    for (int i = first; i < first + count; ++i) out += "line " + std::to_string(i) + "\n";
    return out;
}

}  // namespace

TEST_CASE("compressed files are refused by their first bytes, said, counted, and hold up nothing") {
    TailBench t;
    t.config.include = {t.path("app.log*")};
    t.config.end = EndAt::eof;
    t.append("app.log", "one\n");
    t.append("app.log.1", gzip("old\n"));
    t.append("app.log.2", zstd("old\n"));
    t.append("app.log.3", "BZh91AY&SYxxxx");
    t.append("app.log.4", std::string("\xfd"
                                      "7zXZ\0...",
                                      9));
    t.append("app.log.5", "PK\x03\x04...");
    t.append("app.log.6", "\x04\x22\x4d\x18...");
    t.append("app.log.7", "BZh is how this text begins\n");
    t.start();
    t.run();
    CHECK(t.text() == "one\nBZh is how this text begins\n");
    CHECK(t.ended == 2);
    CHECK(left(t).compressed == 6);
    CHECK(left(t).unreadable == 0);
    CHECK_FALSE(left(t).gave_up);
    CHECK(t.said("decompress = \"auto\""));
    CHECK(t.said("format=bzip2"));
    CHECK(t.open_files() == 0);
}

TEST_CASE("a refused file is not looked at again before it changes") {
    TailBench t;
    t.append("a.log", gzip("old\n"));
    t.start();
    t.run(seconds(60));
    CHECK(left(t).compressed == 1);
    CHECK(t.open_files() == 0);
    t.remove("a.log");
    t.append("a.log", "now it is text\n");
    t.run(seconds(5));
    CHECK(t.text() == "now it is text\n");
}

TEST_CASE("a file that is compressed after it was found is refused when its first bytes come") {
    TailBench t;
    t.append("a.log", "");
    t.start();
    t.run();
    t.append("a.log", gzip(lines_of(0, 1000)));
    t.run(seconds(5));
    CHECK(t.text().empty());
    CHECK(left(t).compressed == 1);
    CHECK(t.open_files() == 0);
    t.config.decompress = Decompress::automatic;
    t.start();
    t.append("b.log", "");
    t.run(seconds(3));
    t.append("b.log", gzip("late\n"));
    t.run(seconds(5));
    CHECK(t.text() == lines_of(0, 1000) + "late\n");
}

TEST_CASE("bytes of a compressed file are read as they are where that is wanted") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.config.decompress = Decompress::as_is;
    t.append("a.log", gzip("x\n") + "\n");
    t.start();
    t.run();
    CHECK(t.text() == gzip("x\n") + "\n");
}

TEST_CASE(
    "compressed files are read as their text, more of them than may be open, and then let go") {
    TailBench t;
    t.config.decompress = Decompress::automatic;
    t.config.end = GENERATE(EndAt::eof, EndAt::never);
    std::map<std::string, std::string> texts;
    for (int i = 0; i < 11; ++i) {
        const std::string text = lines_of(i * 100'000, 3000 * (i % 3));
        t.append(std::to_string(i) + ".log", i % 2 == 0 ? gzip(text) : zstd(text));
        texts[text] = text;
    }
    t.append("last.log", "plain\n");
    t.start();
    t.run(seconds(40));
    std::size_t bytes = 6;
    for (int i = 0; i < 11; ++i) bytes += lines_of(i * 100'000, 3000 * (i % 3)).size();
    CHECK(t.text().size() == bytes);
    for (const auto& [name, text] : texts)
        CHECK(t.text().find(text.substr(0, 2000)) != std::string::npos);
    CHECK(t.ended == (t.config.end == EndAt::eof ? 2 : 0));
    CHECK(left(t).unreadable == 0);
    CHECK(t.open_files() == (t.config.end == EndAt::eof ? 0 : 1));
}

TEST_CASE("a restart in the midst of a compressed file goes on there") {
    TailBench t;
    t.config.decompress = Decompress::automatic;
    t.max_records = 500;
    const std::string text = lines_of(0, 20'000);
    t.append("a.log", gzip(text));
    t.start();
    t.run(milliseconds(1));
    while (t.text().size() < text.size() / 2) t.run(milliseconds(1));
    t.start();
    t.run(seconds(5));
    CHECK(t.text() == text);
    // And one at its end reads nothing.
    t.start();
    t.run(seconds(5));
    CHECK(t.text() == text);
}

TEST_CASE("a log that was read and is then rotated and compressed is not read again") {
    TailBench t;
    t.config.decompress = Decompress::automatic;
    t.config.include = {t.path("app.log*")};
    const std::string text = lines_of(0, 2000);
    t.append("app.log", text);
    t.start();
    t.run(seconds(2));
    CHECK(t.text() == text);
    const bool is_closed_first = GENERATE(false, true);
    t.append("app.log.1.gz", gzip(text));
    t.remove("app.log");
    if (is_closed_first) {
        t.rename("app.log.1.gz", "later");
        t.run(seconds(30));
        t.rename("later", "app.log.1.gz");
    }
    t.append("app.log", "new\n");
    t.run(seconds(20));
    CHECK(t.text() == text + "new\n");
    // Another text that begins alike is another one.
    t.append("app.log.2.gz", gzip(text + "more\n"));
    t.append("app.log.3.gz", gzip(lines_of(0, 1999) + "another\n"));
    t.run(seconds(20));
    CHECK(t.text() == text + "new\nmore\n" + lines_of(0, 1999) + "another\n");
}

TEST_CASE("a log that is compressed before its sinks have it is owed until they have") {
    const bool dies = GENERATE(true, false);
    TailBench t;
    t.config.include = {t.directory + "/app.log*", t.directory + "/other.log"};
    t.config.decompress = Decompress::automatic;
    const std::string text = lines_of(0, 1000);
    t.append("app.log", text);
    t.commit = false;
    t.start();
    t.run();
    REQUIRE(t.text() == text);
    t.append("app.log.1.gz", gzip(text));
    t.remove("app.log");
    t.run(seconds(20));
    CHECK(t.text() == text);
    if (dies) {
        t.commit = true;
        t.start();
        t.run(seconds(20));
        CHECK(t.text() == text + text);
    } else {
        // They have it now: it is theirs once, and the compressed file goes on behind it.
        for (const Got& got : t.got)
            t.checkpoints.stage(StagePosition{got.partition, got.epoch, {got.next}});
        t.commit = true;
        t.run(seconds(20));
        CHECK(t.text() == text);
        t.start();
        t.run(seconds(20));
        CHECK(t.text() == text);
    }
}

TEST_CASE("a log that was read and is compressed while holdfast is down is not read again") {
    TailBench t;
    t.config.decompress = Decompress::automatic;
    t.config.include = {t.path("app.log*")};
    const std::string text = lines_of(0, 2000);
    t.append("app.log", text);
    t.start();
    t.run(seconds(2));
    CHECK(t.text() == text);
    t.stop();
    // The lines that came meanwhile are read, as is another log that begins alike.
    t.remove("app.log");
    t.append("app.log.1.gz", gzip(text + "more\n"));
    t.append("app.log.2.gz", gzip(lines_of(0, 1999) + "another\n"));
    t.start();
    t.run(seconds(20));
    CHECK(t.text().substr(text.size()).size() == 5 + lines_of(0, 1999).size() + 8);
    CHECK(t.text().find("more\n") != std::string::npos);
    CHECK(t.text().find("another\n") != std::string::npos);
    const std::string all = t.text();
    t.start();
    t.run(seconds(20));
    CHECK(t.text() == all);
}

TEST_CASE("a compressed file that is cut short is said, counted, and what is there is read") {
    TailBench t;
    t.config.decompress = Decompress::automatic;
    t.config.end = EndAt::eof;
    const std::string text = lines_of(0, 50'000);
    const std::string packed = gzip(text);
    t.append("a.log", packed.substr(0, packed.size() / 2));
    t.append("b.log", "other\n");
    t.start();
    t.run(seconds(3));
    CHECK(t.ended == 0);
    CHECK(t.said("it ends before it should"));
    SECTION("given up") {
        t.run(seconds(20));
        CHECK(t.ended == 2);
        CHECK(left(t).gave_up);
        CHECK(t.text().size() > text.size() / 4);
        std::string came = t.text();
        came.erase(came.find("other\n"), 6);
        CHECK(text.starts_with(came));
        CHECK(came.ends_with("\n"));
    }
    SECTION("completed") {
        t.append("a.log", packed.substr(packed.size() / 2));
        t.run(seconds(20));
        CHECK(t.ended == 2);
        CHECK_FALSE(left(t).gave_up);
        CHECK(t.text().size() == text.size() + 6);
    }
}

TEST_CASE("read_from end skips compressed files that are there, and reads those that come") {
    TailBench t;
    t.config.decompress = Decompress::automatic;
    t.config.read_from = ReadFrom::end;
    t.append("a.log", gzip("old\n"));
    t.start();
    t.run(seconds(3));
    t.append("b.log", gzip("new\n"));
    t.run(seconds(5));
    CHECK(t.text() == "new\n");
}

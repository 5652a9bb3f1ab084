// The file source: what it reads and how it cuts. Rotation and restarts: file_source_rotation_test.
#include "tests/io/tail_bench.hpp"

#include <algorithm>

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;

TEST_CASE("a file is read from its beginning, and followed") {
    TailBench t;
    t.append("a.log", "one\ntwo\n");
    t.start();
    t.run();
    CHECK(t.lines() == Lines{"one\n", "two\n"});
    t.append("a.log", "three\n");
    t.run();
    CHECK(t.lines() == Lines{"one\n", "two\n", "three\n"});
    CHECK(t.assigned == 1);
}

TEST_CASE("read_from end skips what is complete at the start") {
    TailBench t;
    t.config.read_from = ReadFrom::end;
    t.append("a.log", "old\nhalf");
    t.start();
    t.run();
    CHECK(t.lines().empty());
    t.append("a.log", " line\nnew\n");
    t.run(seconds(3));
    t.append("b.log", "later file\n");
    t.run(seconds(3));
    CHECK(t.text() == "half line\nnew\nlater file\n");
}

TEST_CASE("read_from end does not skip again after a restart without a commit") {
    TailBench t;
    t.config.read_from = ReadFrom::end;
    t.append("a.log", "old\n");
    t.start();
    t.run();
    t.stop();
    t.append("a.log", "written while down\n");
    t.start();
    t.run();
    CHECK(t.text() == "written while down\n");
}

TEST_CASE("files that are read to their end make room for more files than there are slots") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.partitions_max = 3;
    Lines all;
    for (int i = 10; i < 30; ++i) {
        const std::string line = "line of file " + std::to_string(i) + "\n";
        t.append("f" + std::to_string(i) + ".log", line);
        all.push_back(line);
    }
    // Two files may be opened in either order.
    const auto sorted = [&] {
        Lines lines = t.lines();
        std::sort(lines.begin(), lines.end());
        return lines;
    };
    t.start();
    t.run(seconds(60));
    CHECK(sorted() == all);
    CHECK(t.ended == t.pulls_max);
    // A restart still knows each of them.
    t.start();
    t.run(seconds(60));
    CHECK(sorted() == all);
}

TEST_CASE("a partial last line is no record until its newline comes") {
    TailBench t;
    t.append("a.log", "one\ntw");
    t.start();
    t.run();
    CHECK(t.text() == "one\n");
    t.append("a.log", "o");
    t.run();
    CHECK(t.text() == "one\n");
    t.append("a.log", "\n");
    t.run();
    CHECK(t.lines() == Lines{"one\n", "two\n"});
}

TEST_CASE("a partial line split inside a UTF-8 character arrives whole") {
    TailBench t;
    const std::string line = "gr\xc3\xbc\xc3\x9f\xe2\x82\xac\n";
    t.start();
    for (const char c : line) {
        t.append("a.log", std::string_view(&c, 1));
        t.run(milliseconds(700));
    }
    t.run();
    CHECK(t.lines() == Lines{line});
}

TEST_CASE("end eof gives away the last line without its newline and ends every pull") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.pulls_max = 3;
    t.append("a.log", "one\ntwo");
    t.append("b.log", "three\n");
    t.append("c.log", "");
    t.start();
    t.run();
    CHECK(t.text().size() == 13);
    CHECK(t.ended == 3);
    REQUIRE(t.got.size() >= 2);
    int unterminated = 0;
    for (const Got& g : t.got) unterminated += g.terminated ? 0 : 1;
    CHECK(unterminated == 1);
}

TEST_CASE("end eof without any file ends at once, and says so") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.start();
    t.run();
    CHECK(t.ended == 2);
    CHECK(t.said("no file matches"));
}

TEST_CASE("end eof does not wait for files that come later") {
    TailBench t;
    t.config.end = EndAt::eof;
    t.append("a.log", "one\n");
    t.start();
    t.run();
    t.append("b.log", "two\n");
    t.run();
    CHECK(t.text() == "one\n");
    CHECK(t.open_files() == 0);
}

TEST_CASE("an empty file takes no partition until it has bytes") {
    TailBench t;
    t.append("a.log", "");
    t.start();
    t.run();
    CHECK(t.assigned == 0);
    t.append("a.log", "x\n");
    t.run(seconds(6));
    CHECK(t.text() == "x\n");
}

TEST_CASE("bytes arrive exactly: CRLF, NUL, invalid UTF-8, empty lines") {
    TailBench t;
    const std::string bytes("a\r\n\n\0\0\n\xff\xfe\x80\n\r\n", 13);
    t.append("a.log", bytes);
    t.start();
    t.run();
    CHECK(t.text() == bytes);
    CHECK(t.lines().size() == 5);
}

TEST_CASE("a large file comes in batches that end at newlines and join without a gap") {
    TailBench t;
    t.max_bytes = 8192;
    std::string all;
    for (int i = 0; i < 20'000; ++i) all += "line number " + std::to_string(i) + "\n";
    t.append("a.log", all);
    t.start();
    t.run();
    CHECK(t.text() == all);
    CHECK(t.got.size() > all.size() / 8192);
    for (const Got& g : t.got) REQUIRE(g.terminated);
}

TEST_CASE("lines that are longer than a pull are read once each, save the first of them") {
    TailBench t;
    t.max_bytes = 8192;
    std::string all;
    for (int i = 0; i < 20; ++i) all += std::string(60'000, 'x') + "\n";
    all += "short\n";
    std::int64_t read = 0;
    t.ring.on_call = [&](Op& op) {
        if (op.kind == OpKind::read && op.result > 1024) read += op.result;
    };
    t.append("a.log", all);
    t.start();
    t.run(seconds(100));
    CHECK(t.text() == all);
    // In blocks of 64 KiB: each with some of the line after it; the first also in smaller ones.
    CHECK(read < 22 * (64 << 10) + (64 << 10));
}

TEST_CASE("max_records cuts a batch") {
    TailBench t;
    t.max_records = 3;
    t.append("a.log", "1\n2\n3\n4\n5\n6\n7\n");
    t.start();
    t.run();
    REQUIRE(t.got.size() == 3);
    CHECK(t.got[0].text == "1\n2\n3\n");
    CHECK(t.got[2].text == "7\n");
}

TEST_CASE("a small batch holds a small block") {
    TailBench t;
    t.append("a.log", "x\n");
    t.start();
    t.run();
    REQUIRE(t.got.size() == 1);
    CHECK(t.got[0].held == 4096);
}

TEST_CASE("a line longer than a pull gets a block of its own") {
    TailBench t;
    t.max_bytes = 8192;
    const std::string line = std::string(100'000, 'x') + "\n";
    t.append("a.log", "a\n" + line + "b\n");
    t.start();
    t.run();
    CHECK(t.lines() == Lines{"a\n", line, "b\n"});
    for (const Got& g : t.got) CHECK(g.fate == Fate::deliver);
}

TEST_CASE("a line over line_max becomes dead letters and the lines around it are delivered") {
    TailBench t;
    t.config.line_max = 1000;
    const std::string line = std::string(2500, 'x') + "\n";
    t.append("a.log", "a\n" + line + "b\n");
    t.start();
    t.run();
    REQUIRE(t.got.size() == 5);
    CHECK(t.got[0].text == "a\n");
    CHECK(t.got[1].text.size() == 1000);
    CHECK(t.got[1].fate == Fate::oversized);
    CHECK(t.got[1].records == 1);
    CHECK(t.got[2].text.size() == 1000);
    CHECK(t.got[3].text == std::string(500, 'x') + "\n");
    CHECK(t.got[3].fate == Fate::oversized);
    CHECK(t.got[4].text == "b\n");
    CHECK(t.got[4].fate == Fate::deliver);
}

TEST_CASE("a restart inside an oversized line goes on with dead letters") {
    TailBench t;
    t.config.line_max = 1000;
    t.pulls_max = 1;
    t.append("a.log", "a\n" + std::string(2500, 'x') + "\nb\n");
    t.start();
    t.pulling = false;
    t.run();
    t.pull(0);
    t.run();
    REQUIRE(t.got.size() == 2);
    CHECK(t.got[1].fate == Fate::oversized);
    t.pulling = true;
    t.start();
    t.run();
    REQUIRE(t.got.size() == 5);
    CHECK(t.got[2].fate == Fate::oversized);
    CHECK(t.got[2].first == 1002);
    CHECK(t.got[3].text == std::string(500, 'x') + "\n");
    CHECK(t.got[3].fate == Fate::oversized);
    CHECK(t.got[4].fate == Fate::deliver);
}

TEST_CASE("split makes records of the pieces of a line over line_max") {
    TailBench t;
    t.config.line_max = 1000;
    t.config.oversize = Oversize::split;
    t.append("a.log", std::string(2500, 'x') + "\nb\n");
    t.start();
    t.run();
    REQUIRE(t.got.size() == 3);
    CHECK_FALSE(t.got[0].terminated);
    CHECK_FALSE(t.got[1].terminated);
    CHECK(t.got[2].text == std::string(500, 'x') + "\nb\n");
    for (const Got& g : t.got) CHECK(g.fate == Fate::deliver);
}

TEST_CASE("stop stops before a line over line_max") {
    TailBench t;
    t.config.line_max = 1000;
    t.config.oversize = Oversize::stop;
    t.commit = false;
    t.append("a.log", "a\n" + std::string(2500, 'x') + "\nb\n");
    t.start();
    t.run();
    REQUIRE(t.got.size() == 2);
    CHECK(t.got[0].fate == Fate::deliver);
    CHECK(t.got[1].fate == Fate::stop);
    CHECK(t.got[1].first == 2);
}

TEST_CASE("files are served in turn") {
    TailBench t;
    t.pulls_max = 1;
    t.max_bytes = 4096;
    for (const char* name : {"a.log", "b.log", "c.log"}) {
        std::string all;
        for (int i = 0; i < 2000; ++i) all += std::string(name) + std::to_string(i) + "\n";
        t.append(name, all);
    }
    t.start();
    t.run();
    REQUIRE(t.got.size() > 12);
    for (std::size_t i = 4; i + 3 < 12; ++i) {
        CHECK(t.got[i].partition == t.got[i + 3].partition);
        CHECK(t.got[i].partition != t.got[i + 1].partition);
    }
}

TEST_CASE("an idle source is silent until something grows, then says so once") {
    TailBench t;
    t.append("a.log", "x\n");
    t.start();
    t.run(seconds(5));
    const auto idles = t.idles;
    CHECK(idles == 2);
    CHECK(t.readies == 0);
    t.append("a.log", "y\n");
    t.run(seconds(4));
    CHECK(t.readies == 1);
    CHECK(t.text() == "x\ny\n");
}

TEST_CASE("growth of a still file is noticed within poll_interval_max") {
    TailBench t;
    t.append("a.log", "x\n");
    t.start();
    t.run(seconds(600));
    t.append("a.log", "y\n");
    t.run(milliseconds(4200));
    CHECK(t.text() == "x\ny\n");
}

TEST_CASE("files that no slot is left for wait until one is free") {
    TailBench t;
    t.partitions_max = 1;
    t.config.rotate_wait = seconds(1);
    t.append("a.log", "a\n");
    t.append("b.log", "b\n");
    t.start();
    t.run();
    CHECK(t.text() == "a\n");
    CHECK(t.said("slots"));
    t.remove("a.log");
    t.run(seconds(10));
    CHECK(t.text() == "a\nb\n");
}

TEST_CASE("a source whose memory is used up goes on when batches are released") {
    TailBench t(64 << 10, 16 << 10);
    t.keep = true;
    t.max_bytes = 16 << 10;
    std::string all;
    for (int i = 0; i < 30'000; ++i) all += std::to_string(i) + "\n";
    t.append("a.log", all);
    t.pulls_max = 8;
    t.start();
    t.run(milliseconds(100));
    const auto blocked = t.got.size();
    CHECK(blocked >= 4);
    CHECK(blocked < 8);
    t.stop();
}

TEST_CASE("a source without memory asks again later and never says that it is ready") {
    TailBench t(64 << 10, 16 << 10);
    t.keep = true;
    t.max_bytes = 16 << 10;
    t.append("a.log", std::string(300'000, '\n'));
    t.pulls_max = 8;
    t.start();
    t.run(milliseconds(100));
    const auto idles = t.idles;
    CHECK(t.readies == 0);
    t.run(milliseconds(100));
    CHECK(t.readies == 0);
    CHECK(t.idles > idles);
    t.stop();
}

TEST_CASE("a large line gets its block although other files would take the memory") {
    TailBench t(64 << 10, 32 << 10);
    t.max_bytes = 4096;
    const std::string line = std::string(30'000, 'x') + "\n";
    t.append("a.log", line);
    std::string all;
    for (int i = 0; i < 20'000; ++i) all += std::to_string(i) + "\n";
    t.append("b.log", all);
    t.start();
    t.run();
    CHECK(t.text().size() == line.size() + all.size());
}

TEST_CASE("a file that cannot be opened is reported and tried again, and others go on") {
    TailBench t;
    if (geteuid() == 0) {
        // Root may read everything: a loop of links is as unreadable.
        std::filesystem::create_symlink(t.path("bad.log"), t.path("bad.log"));
    } else {
        t.append("bad.log", "bad\n");
        std::filesystem::permissions(t.path("bad.log"), std::filesystem::perms::none);
    }
    t.append("good.log", "good\n");
    t.start();
    t.run();
    CHECK(t.text() == "good\n");
    CHECK(t.said("cannot open file"));
    std::filesystem::remove(t.path("bad.log"));
    t.append("bad.log", "bad\n");
    t.run(seconds(40));
    CHECK(t.text() == "good\nbad\n");
    CHECK(t.said("readable now"));
}

TEST_CASE("a read error is reported and repeated, and nothing is lost") {
    TailBench t;
    t.append("a.log", "one\ntwo\n");
    int errors = 3;
    t.ring.on_call = [&](Op& op) {
        if (op.kind == OpKind::read && op.buffer.size() > 0 && errors > 0) {
            --errors;
            op.result = -EIO;
        }
    };
    t.start();
    t.run(seconds(20));
    CHECK(errors == 0);
    CHECK(t.text() == "one\ntwo\n");
    CHECK(t.assigned == 1);
}

TEST_CASE("short reads change nothing") {
    TailBench t;
    std::string all;
    for (int i = 0; i < 3000; ++i) all += std::to_string(i) + "\n";
    t.append("a.log", all);
    t.config.end = EndAt::eof;
    t.start();
    std::uint64_t n = 0;
    t.ring.on_call = [&](Op& op) {
        if (op.kind == OpKind::read && op.result > 1) {
            op.result =
                1 + static_cast<std::int64_t>(++n * 7919 % static_cast<std::uint64_t>(op.result));
        }
    };
    t.run();
    CHECK(t.text() == all);
    CHECK(t.ended == 2);
}

TEST_CASE("files are found anew, also in new directories, and excluded ones are not") {
    TailBench t;
    t.config.include = {t.directory + "/**/*.log"};
    t.config.exclude = {t.directory + "/**/skip*"};
    t.start();
    t.run();
    CHECK(t.idles == 2);
    std::filesystem::create_directories(t.path("x/y"));
    t.append("x/y/new.log", "new\n");
    t.append("x/skip.log", "skip\n");
    t.run(seconds(3));
    CHECK(t.text() == "new\n");
}

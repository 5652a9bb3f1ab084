// The file source and stdin over JSON arrays and MsgPack.
#include <unistd.h>

#include "tests/io/tail_bench.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;

namespace {

/// What came as records, and what came as dead letters, in order.
Lines records(const TailBench& t) {
    Lines out;
    for (const Got& g : t.got) {
        if (g.fate != Fate::deliver) continue;
        const auto bytes = std::as_bytes(std::span(g.text));
        codec::RecordScan scan(t.config.stream.framing, bytes);
        codec::StreamExtent record;
        while (scan.next(record))
            out.push_back(g.text.substr(record.begin, record.end - record.begin));
    }
    return out;
}

std::string dead(const TailBench& t, Fate fate) {
    std::string out;
    for (const Got& g : t.got)
        if (g.fate == fate) out += g.text;
    return out;
}

void read_array(TailBench& t, EndAt end = EndAt::eof) {
    t.config.stream.framing = Framing::json_array;
    t.config.end = end;
}

}  // namespace

TEST_CASE("a file that is an array is read element by element, to its end") {
    TailBench t;
    read_array(t);
    t.append("a.log", "[ {\"n\":1} ,\n 2, \"]\"\n]\n");
    t.start();
    t.run();
    CHECK(records(t) == Lines{"{\"n\":1}", "2", "\"]\""});
    CHECK(t.ended == 2);
    CHECK(t.got.front().record_first == 2);
    CHECK(t.got.front().first == 0);
}

TEST_CASE("an array that is still being written is waited for") {
    TailBench t;
    read_array(t, EndAt::never);
    t.append("a.log", "[1, 2");
    t.start();
    t.run();
    CHECK(records(t) == Lines{"1"});
    t.append("a.log", "3, {\"a\"");
    t.run();
    CHECK(records(t) == Lines{"1", "23"});
    t.append("a.log", ":[]}]");
    t.run();
    CHECK(records(t) == Lines{"1", "23", "{\"a\":[]}"});
    CHECK(dead(t, Fate::unreadable).empty());
}

TEST_CASE("an array that ends too early gives its rest to the dead letters, and says where") {
    TailBench t;
    read_array(t);
    t.append("a.log", "[1, {\"a\":2");
    t.start();
    t.run();
    CHECK(records(t) == Lines{"1"});
    CHECK(dead(t, Fate::unreadable) == ", {\"a\":2");
    CHECK(t.said("unexpected end at byte 10"));
    CHECK(t.said("a.log"));
    CHECK(t.ended == 2);
}

TEST_CASE("with policy stop nothing behind a framing error is given away") {
    TailBench t;
    read_array(t);
    t.config.stream.stops = true;
    t.append("a.log", "[1, 2} , 3]");
    t.start();
    t.run();
    REQUIRE(t.got.size() == 2);
    CHECK(t.got.back().fate == Fate::stop);
    CHECK(t.said("unbalanced at byte 5"));
    const auto& source = dynamic_cast<const FileSource&>(*t.source);
    CHECK(source.problem().find("a.log: framing error: unbalanced at byte 5") != std::string::npos);
}

TEST_CASE(
    "an element over max_line goes to the dead letters in pieces, and a restart goes on inside "
    "it") {
    TailBench t;
    read_array(t);
    t.config.line_max = 5000;
    t.max_bytes = 4096;
    const std::string large = "{\"a\":\"" + std::string(20'000, 'x') + "\"}";
    t.append("a.log", "[1," + large + ",2]");
    t.pulls_max = 1;
    t.pulling = false;
    t.start();
    for (int i = 0; i < 12; ++i) {
        t.run(milliseconds(100));
        t.start();  // After each batch.
    }
    CHECK(records(t) == Lines{"1", "2"});
    CHECK(dead(t, Fate::oversized) == large);
}

TEST_CASE("a restart finds its place in the first of several values in pieces, or in any") {
    TailBench t;
    t.config.stream.framing = GENERATE(Framing::json_array, Framing::msgpack);
    const bool array = t.config.stream.framing == Framing::json_array;
    t.config.end = EndAt::eof;
    t.config.line_max = 5000;
    const auto value = [&](std::size_t size) {
        return array ? std::string(size, '7')
                     : std::string("\xda") + static_cast<char>(size >> 8) +
                           static_cast<char>(size & 0xff) + std::string(size, '7');
    };
    const std::string one = array ? "1" : "\x01";
    const Lines larges{value(20'000), value(9'000), value(14'000)};
    std::string text = array ? "[" : "";
    for (const std::string& large : larges)
        text += one + (array ? "," : "") + large + (array ? "," : "");
    t.append("a.log", text + one + (array ? "]" : ""));
    t.start();
    t.run();
    const auto all = t.got;
    REQUIRE(all.size() >= 11);
    // All of it was read; the checkpoint lags behind, as far as any of its batches.
    for (std::size_t committed = 0; committed < all.size(); ++committed) {
        t.checkpoints.records.clear();
        t.commit = false;
        t.got.clear();
        t.start();
        t.run();
        REQUIRE(t.got.size() == all.size());
        t.checkpoints.stage(StagePosition{
            t.got[committed].partition, t.got[committed].epoch, {t.got[committed].next}});
        t.commit = true;
        t.got.resize(committed + 1);
        t.start();
        t.run();
        CHECK(records(t) == Lines{one, one, one, one});
        CHECK(dead(t, Fate::oversized) == larges[0] + larges[1] + larges[2]);
        CHECK(dead(t, Fate::unreadable).empty());
    }
}

TEST_CASE("a broken stream goes on being broken after a restart") {
    TailBench t;
    read_array(t);
    t.config.line_max = 5000;
    t.append("a.log", "[1,2]]" + std::string(12'000, ' ') + "[3,4]");
    t.pulls_max = 1;
    t.pulling = false;
    t.start();
    for (int i = 0; i < 8; ++i) {
        t.run(milliseconds(100));
        t.start();
    }
    CHECK(records(t) == Lines{"1", "2"});
    CHECK(dead(t, Fate::unreadable) == "]]" + std::string(12'000, ' ') + "[3,4]");
}

TEST_CASE("msgpack is read value by value, and a value that is cut is waited for") {
    TailBench t;
    t.config.stream.framing = Framing::msgpack;
    t.append("a.log", std::string("\x01\xa2xy\xc4\x03\n\n", 8));
    t.start();
    t.run();
    CHECK(records(t) == Lines{"\x01", "\xa2xy"});
    t.append("a.log", "\n\x02");
    t.run();
    CHECK(records(t) == Lines{"\x01", "\xa2xy", "\xc4\x03\n\n\n", "\x02"});
}

TEST_CASE("a batch of a stream ends at each lead, also inside pieces") {
    TailBench t;
    read_array(t);
    t.config.line_max = 5000;
    const std::string large = "\"" + std::string(12'000, 'x') + "\"";
    t.append("a.log", "[1,22," + large + ",4]");
    t.start();
    t.run();
    t.commit = false;
    std::vector<std::int64_t> ends;
    for (const Got& g : t.got) ends.push_back(g.next);
    REQUIRE(ends.size() >= 5);
    REQUIRE(t.checkpoints.records.size() == 1);
    for (const std::int64_t end : ends) {
        auto& record = t.checkpoints.records.begin()->second;
        record.leads = {{"sink0", end}};
        record.position = 0;
        t.got.clear();
        t.start();
        t.run();
        CHECK(records(t) == Lines{"1", "22", "4"});
        CHECK(dead(t, Fate::oversized) == large);
    }
}

TEST_CASE("stdin takes arrays and msgpack from block to block") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    TailBench t;
    t.config.stream.framing = GENERATE(Framing::json_array, Framing::msgpack);
    const bool array = t.config.stream.framing == Framing::json_array;
    t.standard_input = ends[0];
    t.max_bytes = 4096;
    t.start();
    std::string text = array ? "[" : "";
    Lines expected;
    for (int i = 0; i < 500; ++i) {
        const auto size = static_cast<std::size_t>(i % 7 == 6 ? 9000 : 20);
        const std::string body(size, static_cast<char>('a' + i % 26));
        const std::string value = array ? "\"" + body + "\""
                                        : std::string("\xda") + static_cast<char>(size >> 8) +
                                              static_cast<char>(size & 0xff) + body;
        expected.push_back(value);
        text += array ? value + (i < 499 ? ", " : " ]\n") : value;
    }
    for (std::size_t at = 0; at < text.size(); at += 30'000) {
        const std::string piece = text.substr(at, 30'000);
        REQUIRE(::write(ends[1], piece.data(), piece.size()) == static_cast<ssize_t>(piece.size()));
        t.run(milliseconds(500));
    }
    ::close(ends[1]);
    t.run();
    CHECK((records(t) == expected));
    CHECK(t.ended == 2);
    CHECK(dead(t, Fate::unreadable).empty());
    ::close(ends[0]);
}

TEST_CASE("stdin that ends inside an element says so, and loses nothing") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    TailBench t;
    t.config.stream.framing = Framing::json_array;
    t.standard_input = ends[0];
    t.start();
    REQUIRE(::write(ends[1], "[1,[2", 5) == 5);
    ::close(ends[1]);
    t.run();
    CHECK(records(t) == Lines{"1"});
    CHECK(dead(t, Fate::unreadable) == ",[2");
    CHECK(t.said("unexpected end at byte 5"));
    CHECK(t.ended == 2);
    ::close(ends[0]);
}

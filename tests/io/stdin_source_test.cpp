#include "io/sources/stdin/stdin_source.hpp"

#include <unistd.h>

#include "tests/io/tail_bench.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;

namespace {

struct Pipe {
    int ends[2];
    Pipe() { REQUIRE(::pipe(ends) == 0); }
    ~Pipe() {
        ::close(ends[0]);
        shut();
    }
    Pipe(const Pipe&) = delete;
    void write(std::string_view text) const {
        REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    void shut() {
        if (ends[1] >= 0) ::close(ends[1]);
        ends[1] = -1;
    }
};

}  // namespace

TEST_CASE("stdin is read line by line to its end, the rest without newline included") {
    Pipe pipe;
    TailBench t;
    t.standard_input = pipe.ends[0];
    t.start();
    t.run();
    CHECK(t.idles == 2);
    pipe.write("one\ntw");
    t.run();
    CHECK(t.text() == "one\n");
    pipe.write("o\nthr");
    t.run();
    CHECK(t.text() == "one\ntwo\n");
    CHECK(t.ended == 0);
    pipe.shut();
    t.run();
    CHECK(t.text() == "one\ntwo\nthr");
    CHECK_FALSE(t.got.back().terminated);
    CHECK(t.ended == 2);
}

TEST_CASE("stdin carries partial lines over from block to block") {
    Pipe pipe;
    TailBench t;
    t.standard_input = pipe.ends[0];
    t.max_bytes = 4096;
    t.max_records = 50;
    t.start();
    std::string all;
    for (int i = 0; i < 300; ++i) {
        std::string some;
        for (int k = 0; k < 40; ++k) some += "record " + std::to_string(i * 40 + k) + "\n";
        all += some;
        pipe.write(some.substr(0, some.size() / 3));
        t.run(milliseconds(1));
        pipe.write(some.substr(some.size() / 3));
        t.run(milliseconds(1));
    }
    pipe.shut();
    t.run();
    CHECK(t.text() == all);
}

TEST_CASE("stdin gives a long line a block of its own and cuts an oversized one") {
    Pipe pipe;
    TailBench t;
    t.standard_input = pipe.ends[0];
    t.max_bytes = 4096;
    t.config.line_max = 20'000;
    t.start();
    const std::string line = std::string(15'000, 'x') + "\n";
    pipe.write("a\n" + line + std::string(45'000, 'y') + "\nb\n");
    pipe.shut();
    t.run();
    REQUIRE(t.got.size() == 6);
    CHECK(t.got[1].text == line);
    CHECK(t.got[2].fate == Fate::oversized);
    CHECK(t.got[2].text.size() == 20'000);
    CHECK(t.got[3].fate == Fate::oversized);
    CHECK(t.got[4].text == std::string(5'000, 'y') + "\n");
    CHECK(t.got[4].fate == Fate::oversized);
    CHECK(t.got[5].text == "b\n");
    CHECK(t.got[5].fate == Fate::deliver);
}

TEST_CASE("stdin restores no position") {
    Pipe first;
    TailBench t;
    t.standard_input = first.ends[0];
    first.write("one\n");
    t.start();
    t.run();
    CHECK(t.checkpoints.all().front().position == 4);
    Pipe second;
    t.standard_input = second.ends[0];
    second.write("two\n");
    t.start();
    t.run();
    CHECK(t.text() == "one\ntwo\n");
    CHECK(t.got.back().first == 0);
}

TEST_CASE("stdin may be a file") {
    TailBench t;
    t.append("input", "one\ntwo\n");
    t.standard_input = ::open(t.path("input").c_str(), O_RDONLY);
    t.start();
    t.run();
    CHECK(t.text() == "one\ntwo\n");
    CHECK(t.ended == 2);
    ::close(t.standard_input);
}

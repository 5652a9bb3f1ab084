// Whether records stand in a file again, in whatever order, in bounded memory.
#include "io/sinks/file/came_again.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sink_bench.hpp"

namespace holdfast::io {
namespace {

struct Bench {
    test::TestDir dir;
    test::PlainRing ring;
    std::vector<int> opened;
    ~Bench() {
        for (const int fd : opened) ::close(fd);
    }
    FileRange range(const std::string& text) {
        const std::string path = dir / std::to_string(opened.size());
        test::put_contents(path, text);
        opened.push_back(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        return {opened.back(), 0, static_cast<std::int64_t>(text.size())};
    }
    CameAgain look(const std::string& of, const std::string& in,
                   codec::Framing framing = codec::Framing::lines) {
        CameAgain found;
        REQUIRE(ring.complete(came_again(ring, range(of), range(in), framing, found)) == 0);
        return found;
    }
};

}  // namespace

TEST_CASE("records that stand in a file again are counted, each as often as in both") {
    Bench b;
    CHECK(b.look("a\nb\nb\n", "b\nx\na\n").found == 2);
    CHECK(b.look("a\nb\nb\n", "b\nb\nb\na\n").all());
    CHECK(b.look("", "a\n").all());
    CHECK(b.look("a\n", "").records == 1);
    CHECK(b.look("\n\n", "\n").found == 1);
    CHECK(b.look("ab\n", "a\nb\n").found == 0);
}

TEST_CASE("a torn last record is met by one that begins with it") {
    Bench b;
    CHECK(b.look("a\nto", "torn\na\n").all());
    CHECK(b.look("a\nto", "a\nt\n").found == 1);
    CHECK(b.look("a\nto", "xto\na\n").found == 1);
    CHECK(b.look(std::string(600'000, 'x'), "x\n" + std::string(700'000, 'x') + "\n").all());
}

TEST_CASE("values of MsgPack that stand in a file again are counted as lines are") {
    Bench b;
    const std::string of("\x01\xa3two\x93\x01", 7);
    const std::string in("\x93\x01\x02\x03\xa3two\x05\x01", 10);
    const CameAgain found = b.look(of, in, codec::Framing::msgpack);
    CHECK(found.records == 3);
    CHECK(found.found == 3);
}

TEST_CASE("sized payloads that stand in a file again are counted as lines are") {
    Bench b;
    const std::string of("\0\0\0\1a\0\0\0\0\0\0\0\3to", 15);
    const std::string in("\0\0\0\3two\0\0\0\0\0\0\0\2\na\0\0\0\1a", 22);
    const CameAgain found = b.look(of, in, codec::Framing::length);
    CHECK(found.records == 3);
    CHECK(found.found == 2);
    CHECK(b.look(of, in.substr(0, 4) + "to" + in.substr(6), codec::Framing::length).all());
}

TEST_CASE("more records than a table holds are found in several passes") {
    Bench b;
    std::string of, in;
    for (int i = 0; i < 250'000; ++i) {
        of += "record " + std::to_string(i) + "\n";
    }
    for (int i = 249'999; i >= 0; --i) in += "record " + std::to_string(i) + "\n";
    CHECK(b.look(of, in).all());
    in.erase(in.find("record 123456\n"), 14);
    CHECK(b.look(of, in).found == 249'999);
}

}  // namespace holdfast::io

// Compressed files read as plain ones: at any offset, in any pieces, whole, cut short and damaged.
#include "io/sources/file/plain_files.hpp"

#include <fcntl.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>

#include "sim/packed.hpp"
#include "tests/io/instant_ring.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;
using namespace holdfast::sim;

namespace {

/// Lines that compress, of so many bytes or a little more.
std::string lines_of(std::size_t bytes) {
    std::string out;
    for (std::uint64_t i = 0; out.size() < bytes; ++i)
        out += "line " + std::to_string(i * i) + "\n";
    return out;
}

struct Plain {
    std::string path = "/tmp/hf_plain_" + std::to_string(::getpid());
    InstantRing ring;
    PlainFiles files{ring, true};
    ~Plain() {
        ring.abandon();
        std::filesystem::remove(path);
    }
    void append(const std::string& bytes) const {
        std::ofstream(path, std::ios::app | std::ios::binary) << bytes;
    }

    std::int64_t run(Op op) {
        std::int64_t result = INT64_MIN;
        Scope scope;
        scope.spawn([](Ring& on, Op& o, std::int64_t& r) -> Task<> { r = co_await RingOp(on, o); }(
                                                             files, op, result));
        for (int i = 0; result == INT64_MIN && i < 100'000; ++i) ring.run(ring.now() + seconds(1));
        REQUIRE(result != INT64_MIN);
        return result;
    }
    int open(const std::string& bytes) {
        std::filesystem::remove(path);
        append(bytes);
        return static_cast<int>(
            run({.kind = OpKind::open, .flags = O_RDONLY, .path = path.c_str()}));
    }
    std::int64_t size(int fd) {
        FileStat st;
        const std::int64_t result = run({.kind = OpKind::stat, .fd = fd, .stat = &st});
        return result < 0 ? result : st.size;
    }
    std::int64_t read(int fd, std::int64_t offset, std::size_t size, std::string& out) {
        std::vector<std::byte> into(size);
        const std::int64_t got =
            run({.kind = OpKind::read, .fd = fd, .offset = offset, .buffer = into});
        out.assign(reinterpret_cast<const char*>(into.data()),
                   static_cast<std::size_t>(std::max<std::int64_t>(got, 0)));
        return got;
    }
    /// As a reader does: as far as the size says, until that does not grow.
    std::string all(int fd, std::int64_t& error) {
        std::string text, piece;
        error = 0;
        while (true) {
            const std::int64_t known = size(fd);
            if (known < 0) error = known;
            if (known <= static_cast<std::int64_t>(text.size())) return text;
            const auto at = static_cast<std::int64_t>(text.size());
            const std::int64_t got = read(fd, at, static_cast<std::size_t>(known - at), piece);
            REQUIRE(got > 0);
            text += piece;
        }
    }
    void close(int fd) { run({.kind = OpKind::close, .fd = fd}); }
};

}  // namespace

TEST_CASE("a compressed file is read as its text, in members and frames, and in any pieces") {
    const std::string text = lines_of(1'500'000);
    const std::string half = text.substr(0, text.size() / 2), rest = text.substr(half.size());
    for (const std::string& packed :
         {gzip(text), zstd(text), gzip(half) + gzip("") + gzip(rest), zstd(half) + zstd(rest),
          gzip(text) + std::string(1000, '\0'), zstd_skippable("meta") + zstd(text)}) {
        Plain p;
        const int fd = p.open(packed);
        REQUIRE(fd >= 0);
        CHECK(p.files.is_packed(fd));
        std::int64_t error = 0;
        CHECK(p.all(fd, error) == text);
        CHECK(error == 0);
        CHECK(p.files.made() == text.size());
        // Back to anywhere, and on from there.
        std::mt19937 random(7);
        std::string piece;
        for (int i = 0; i < 5; ++i) {
            const std::size_t at = random() % text.size();
            CHECK(p.read(fd, static_cast<std::int64_t>(at), 1000, piece) ==
                  static_cast<std::int64_t>(std::min<std::size_t>(1000, text.size() - at)));
            CHECK(piece == text.substr(at, 1000));
        }
        CHECK(p.read(fd, static_cast<std::int64_t>(text.size()), 10, piece) == 0);
        p.close(fd);
    }
}

TEST_CASE("a file that is compressed and cut short gives what is there, and no end") {
    const std::string text = lines_of(2'000);
    for (const std::string& packed : {gzip(text), zstd(text), gzip(text) + gzip(text)}) {
        for (std::size_t size = 18; size < packed.size(); size += 7) {
            if (packed.size() > gzip(text).size() && size == gzip(text).size()) continue;
            Plain p;
            const int fd = p.open(packed.substr(0, size));
            REQUIRE(fd >= 0);
            std::int64_t error = 0;
            const std::string came = p.all(fd, error);
            CHECK((text + text).starts_with(came));
            CHECK(error == -ENODATA);
            p.close(fd);
        }
    }
}

TEST_CASE("a compressed file that is completed later is read on") {
    const std::string text = lines_of(1'000'000);
    const std::string packed = gzip(text);
    Plain p;
    const int fd = p.open(packed.substr(0, packed.size() / 2));
    std::int64_t error = 0;
    std::string came = p.all(fd, error);
    CHECK(error == -ENODATA);
    CHECK(text.starts_with(came));
    p.append(packed.substr(packed.size() / 2));
    std::string piece;
    while (p.size(fd) > static_cast<std::int64_t>(came.size())) {
        REQUIRE(p.read(fd, static_cast<std::int64_t>(came.size()), 100'000, piece) > 0);
        came += piece;
    }
    CHECK(came == text);
    CHECK(p.size(fd) == static_cast<std::int64_t>(text.size()));
}

TEST_CASE("a damaged compressed file never gives other bytes than its text without an error") {
    const std::string text = lines_of(20'000);
    std::mt19937 random(3);
    for (const std::string& packed : {gzip(text), zstd(text)}) {
        for (int i = 0; i < 60; ++i) {
            std::string bad = packed;
            const std::size_t at = 10 + random() % (bad.size() - 10);
            bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
            Plain p;
            const int fd = p.open(bad);
            if (fd < 0) continue;
            std::int64_t error = 0;
            const std::string came = p.all(fd, error);
            // The checksum is the last word: what came may be wrong, but is not the whole.
            if (error == 0) CHECK(came == text);
        }
    }
}

TEST_CASE("a bomb is read in pieces, and a window of zstd that is too large is refused") {
    const std::string zeros(64u << 20, '\0');
    Plain p;
    const int fd = p.open(gzip(zeros));
    std::int64_t at = 0;
    std::string piece;
    while (true) {
        const std::int64_t known = p.size(fd);
        REQUIRE(known - at <= static_cast<std::int64_t>(PlainFiles::ahead));
        if (known == at) break;
        at += p.read(fd, at, static_cast<std::size_t>(known - at), piece);
    }
    CHECK(at == 64 << 20);
    p.close(fd);
    const int wide = p.open(zstd(lines_of(30u << 20), 27));
    CHECK(p.size(wide) == -EOVERFLOW);
}

TEST_CASE("no more compressed files are open than may be, and damaged ones do not count") {
    Plain p;
    std::vector<int> open;
    for (std::uint32_t i = 0; i < PlainFiles::open_max; ++i) open.push_back(p.open(gzip("x\n")));
    CHECK(open.back() >= 0);
    CHECK(p.open(gzip("x\n")) == -EMFILE);
    CHECK(p.open("plain\n") >= 0);
    p.close(open.back());
    const int broken = p.open(gzip("x\n").substr(0, 15));
    CHECK(broken >= 0);
    CHECK(p.size(broken) == 2);
    std::string piece;
    CHECK(p.read(broken, 0, 2, piece) == 2);
    CHECK(p.size(broken) == -ENODATA);
    CHECK(p.open(gzip("x\n")) >= 0);
}

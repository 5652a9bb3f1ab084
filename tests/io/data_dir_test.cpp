// The data directory: who is kept out, and what is never followed or written over.
#include "io/devices/data_dir.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include "sink_bench.hpp"

namespace holdfast::io {
namespace {

using test::contents;
using test::put_contents;

/// With no umask, as some services run.
struct NoUmask {
    mode_t before = ::umask(0);
    ~NoUmask() { ::umask(before); }
};

mode_t mode_of(const std::string& path) {
    struct stat found{};
    REQUIRE(::lstat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

/// What is in the place of the lock; the directory is refused, and nothing is changed.
std::string refused(const std::string& path) {
    const auto opened = DataDir::open(path);
    REQUIRE_FALSE(opened.has_value());
    return opened.error();
}

}  // namespace

TEST_CASE("data directory and what is made in it are for their owner alone, whatever the umask") {
    test::TestDir dir;
    const NoUmask none;
    REQUIRE(DataDir::open(dir / "a/b/state").has_value());
    CHECK(mode_of(dir / "a/b/state") == 0700);
    CHECK(mode_of(dir / "a/b/state/lock") == 0600);
    CHECK(mode_of(dir / "a/b") == 0755);
}

TEST_CASE("data directory that is there keeps its mode") {
    test::TestDir dir;
    REQUIRE(::mkdir((dir / "state").c_str(), 0750) == 0);
    REQUIRE(DataDir::open(dir / "state").has_value());
    CHECK(mode_of(dir / "state") == 0750);
}

TEST_CASE("lock that is a link is refused, and where it leads to stays as it is") {
    test::TestDir dir;
    REQUIRE(::mkdir((dir / "state").c_str(), 0700) == 0);
    put_contents(dir / "theirs", "7\n");
    SECTION("symbolic") {
        REQUIRE(::symlink((dir / "theirs").c_str(), (dir / "state/lock").c_str()) == 0);
        CHECK(refused(dir / "state").find("no link is followed") != std::string::npos);
    }
    SECTION("symbolic, to nothing") {
        REQUIRE(::symlink((dir / "absent").c_str(), (dir / "state/lock").c_str()) == 0);
        CHECK(refused(dir / "state").find("no link is followed") != std::string::npos);
        CHECK(::access((dir / "absent").c_str(), F_OK) != 0);
    }
    SECTION("hard") {
        REQUIRE(::link((dir / "theirs").c_str(), (dir / "state/lock").c_str()) == 0);
        CHECK(refused(dir / "state").find("hard link") != std::string::npos);
    }
    CHECK(contents(dir / "theirs") == "7\n");
}

TEST_CASE("what stands in the place of the lock and is no lock is refused") {
    test::TestDir dir;
    const std::string lock = dir / "state/lock";
    REQUIRE(::mkdir((dir / "state").c_str(), 0700) == 0);
    SECTION("a directory") {
        REQUIRE(::mkdir(lock.c_str(), 0700) == 0);
        CHECK(refused(dir / "state").find("Move it away") != std::string::npos);
    }
    SECTION("a pipe") {
        REQUIRE(::mkfifo(lock.c_str(), 0600) == 0);
        CHECK(refused(dir / "state").find("not a regular file") != std::string::npos);
    }
    SECTION("somebody's file") {
        const std::string text(100, 'x');
        put_contents(lock, text);
        CHECK(refused(dir / "state").find("not the lock of a holdfast") != std::string::npos);
        CHECK(contents(lock) == text);
    }
}

TEST_CASE("lock file that is removed or replaced lets no second process in") {
    test::TestDir dir;
    const std::string path = dir / "state";
    auto first = DataDir::open(path);
    REQUIRE(first.has_value());
    REQUIRE(::unlink((path + "/lock").c_str()) == 0);
    CHECK(refused(path).find("is locked by") != std::string::npos);
    put_contents(path + "/lock", "1\n");
    CHECK(refused(path).find("is locked by") != std::string::npos);
    first = std::unexpected("closed");
    CHECK(DataDir::open(path).has_value());
}

}  // namespace holdfast::io

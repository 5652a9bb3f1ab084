// File systems that may only be read: what the real binary says, and that it goes on where it can.
#include <signal.h>

#include <catch2/catch.hpp>

#include "tests/real/mounts.hpp"
#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

constexpr const char* config = R"(
data_dir = "state"
[engine]
commit_interval = "10ms"
[sources.in]
type = "file"
include = ["logs/*"]
end = "eof"
poll_interval = "5ms"
[sinks.a]
type = "file"
inputs = ["in"]
path = "out/a"
retry = { initial_backoff = "5ms", max_backoff = "20ms" }
)";

}  // namespace

TEST_CASE("an output on a read-only file system is refused with its path and the reason") {
    TempDir dir;
    const Tmpfs disk(dir.at("out"), "size=1m");
    if (!disk.mounted()) return;
    dir.write("logs/x", lines(0, 10));
    REQUIRE(disk.remount("ro"));
    const Exited exited = run({"run", dir.write("p.toml", config)});
    INFO(exited.err);
    CHECK(exited.code == 74);
    CHECK(contains(exited.err, dir.at("out/a")));
    CHECK(contains(exited.err, "Read-only file system"));
}

TEST_CASE("a data directory on a read-only file system is refused with what to do") {
    TempDir dir;
    const Tmpfs disk(dir.at("state"), "size=1m");
    if (!disk.mounted()) return;
    dir.write("logs/x", lines(0, 10));
    REQUIRE(disk.remount("ro"));
    const Exited exited = run({"run", dir.write("p.toml", config)});
    INFO(exited.err);
    CHECK(exited.code == 74);
    CHECK(contains(exited.err, "data_dir " + dir.at("state")));
    CHECK(contains(exited.err, "Read-only file system"));
}

TEST_CASE("dead letters on a read-only file system halt the pipeline where attempts are limited") {
    TempDir dir;
    const Tmpfs disk(dir.at("dead"), "size=1m");
    if (!disk.mounted()) return;
    dir.write("logs/x", lines(0, 10));
    REQUIRE(disk.remount("ro"));
    const Exited exited =
        run({"run",
             dir.write("p.toml", std::string(config) +
                                     "inject = { refuse_percent = 100 }\n[dead_letters]\n"
                                     "type = \"file\"\npath = \"dead/d\"\n"
                                     "retry = { max_attempts = 2, initial_backoff = \"1ms\" }\n")});
    INFO(exited.err);
    CHECK(exited.code == 75);
    CHECK(contains(exited.err, "dead/d cannot be written"));
    CHECK(contains(exited.err, "Read-only file system"));
}

TEST_CASE("inputs on a read-only file system are read") {
    TempDir dir;
    const Tmpfs disk(dir.at("logs"), "size=1m");
    if (!disk.mounted()) return;
    dir.write("logs/x", lines(0, 10));
    REQUIRE(disk.remount("ro"));
    CHECK(run({"run", dir.write("p.toml", config)}).code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 10));
}

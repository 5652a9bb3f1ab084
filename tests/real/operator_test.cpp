// What an operator meets at night: limits that are too low, streams that are not what they should
// be, disks without room. The real binary: each has an end with its exit code, or heals.
#include <signal.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/real/mounts.hpp"
#include "tests/real/process.hpp"

using namespace holdfast::real;
namespace fs = std::filesystem;

namespace {

constexpr const char* tail = R"(
data_dir = "state"
[engine]
commit_interval = "10ms"
[sources.in]
type = "file"
include = ["logs/*"]
poll_interval = "5ms"
[sinks.a]
type = "file"
inputs = ["in"]
path = "out/a"
)";

constexpr const char* stdin_to_stdout =
    "[sources.in]\ntype = \"stdin\"\n[sinks.o]\ntype = \"stdout\"\ninputs = [\"in\"]\n";
constexpr const char* file_to_stdout =
    "[sources.in]\ntype = \"file\"\ninclude = [\"logs/*\"]\nend = \"eof\"\n"
    "[sinks.o]\ntype = \"stdout\"\ninputs = [\"in\"]\n";

/// The program in a shell: `before` and `after` stand around its command.
Exited shell(const TempDir& dir, const std::string& before, const std::string& arguments,
             const std::string& after = "") {
    std::string command = "cd " + dir.path() + " && " + before + " ";
    for (const std::string& word : program({})) command += word + " ";
    Process process({"/bin/sh", "-c", command + arguments + " " + after});
    REQUIRE(process.wait(std::chrono::minutes(2)));
    return process.result();
}

const char* const rings[] = {"uring", "posix"};

}  // namespace

TEST_CASE("too few descriptors are refused with the number that is needed") {
    for (const char* ring : rings) {
        TempDir dir;
        dir.write("logs/x", lines(0, 10));
        dir.write("p.toml", tail);
        const Exited exited =
            shell(dir, "ulimit -n 16 && exec", std::string("run --ring ") + ring + " p.toml");
        INFO(ring << exited.err);
        CHECK(exited.code == 74);
        CHECK(contains(exited.err, "this process may open 16 files, and this pipeline needs "));
        CHECK_FALSE(exists(dir.at("out/a")));
    }
}

TEST_CASE("hundreds of files are read with 64 descriptors, each byte for byte") {
    for (const char* ring : rings) {
        TempDir dir;
        std::string expected;
        for (std::uint64_t n = 0; n < 600; ++n) {
            dir.write("logs/" + std::to_string(10'000 + n), lines(n * 3, 3));
            expected += lines(n * 3, 3);
        }
        dir.write("p.toml", tail);
        const Exited exited =
            shell(dir, "ulimit -n 64 && exec",
                  std::string("run --set sources.in.end=eof --ring ") + ring + " p.toml");
        INFO(ring << exited.err);
        CHECK(exited.code == 0);
        // Not a line for each file that waited for a descriptor.
        CHECK(std::count(exited.err.begin(), exited.err.end(), '\n') < 120);
        // Files come in any order; a file's records stay together here, as one pull takes them.
        std::string got = read_file(dir.at("out/a"));
        CHECK(got.size() == expected.size());
        for (std::uint64_t n = 0; n < 600; ++n)
            if (!contains(got, lines(n * 3, 3))) FAIL_CHECK("file " << n);
    }
}

TEST_CASE("the fewest descriptors that are accepted are enough, one file after the other") {
    for (const char* ring : rings) {
        TempDir dir;
        for (std::uint64_t n = 0; n < 50; ++n)
            dir.write("logs/" + std::to_string(100 + n), lines(n * 3, 3));
        dir.write("p.toml", tail);
        Exited exited;
        int limit = 16;
        for (exited.code = 74; exited.code == 74 && limit < 64; ++limit) {
            exited = shell(dir, "ulimit -n " + std::to_string(limit) + " && exec",
                           std::string("run --set sources.in.end=eof --ring ") + ring + " p.toml");
        }
        INFO(ring << " with " << limit - 1 << ": " << exited.err);
        CHECK(exited.code == 0);
        CHECK(read_file(dir.at("out/a")).size() == lines(0, 150).size());
    }
}

TEST_CASE("a folder as stdin, or a stdin that is for writing, ends the process") {
    TempDir dir;
    dir.write("p.toml", stdin_to_stdout);
    for (const char* from : {"</", "0>written"}) {
        const Exited exited = shell(dir, "exec", "run p.toml", from);
        INFO(from << exited.err);
        CHECK(exited.code == 74);
        CHECK(contains(exited.err, "cannot read stdin"));
        CHECK(contains(exited.err, "source \"in\" cannot be read any more"));
    }
}

TEST_CASE(
    "a reader of stdout that goes away ends the process, which says what becomes of the rest") {
    for (const char* config : {stdin_to_stdout, file_to_stdout}) {
        TempDir dir;
        dir.write("logs/x", lines(0, 100'000));
        dir.write("p.toml", config);
        const Exited exited =
            shell(dir, "{", "run p.toml", "<logs/x; echo $? >code; } | head -n 1");
        INFO(exited.err);
        CHECK(read_file(dir.at("code")) == "74\n");
        CHECK(exited.out == lines(0, 1));
        CHECK(contains(exited.err, "whoever read stdout has closed it"));
        const bool is_stdin = config == stdin_to_stdout;
        CHECK(contains(exited.err, "not delivered is lost") == is_stdin);
        CHECK(contains(exited.err, "is read again when you run this again") == !is_stdin);
    }
}

TEST_CASE("a record that no sink has seen and that has no place is not blamed on a sink") {
    TempDir dir;
    dir.write("logs/x", std::string(5000, 'x') + "\n");
    const Exited exited = run({"run", "--set", "sources.in.max_line=1KiB", "--set",
                               "sources.in.end=eof", dir.write("p.toml", tail)});
    INFO(exited.err);
    CHECK(exited.code == 75);
    CHECK(contains(exited.err, "it is longer than max_line, or a transform failed on it"));
    CHECK_FALSE(contains(exited.err, "sink \""));
}

TEST_CASE("an output without fsync that is deleted behind a write is begun anew with that write") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    Process process(program({"run", "--set", "engine.commit_interval=500ms",
                             dir.write("p.toml", tail + std::string("fsync = \"never\"\n"))}));
    REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 10); }));
    fs::remove(dir.at("out/a"));
    // Less than a second after the last look at the file: these go into what was deleted.
    append_file(dir.at("logs/x"), lines(10, 10));
    CHECK(eventually([&] { return contains(read_file(dir.at("out/a")), lines(10, 10)); }));
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    INFO(process.result().err);
    CHECK(process.result().code == 0);
}

TEST_CASE("a data directory on a full disk holds up no record, and heals") {
    TempDir dir;
    const Tmpfs disk(dir.at("state"), "size=64k");
    if (!disk.mounted()) return;
    dir.write("logs/x", lines(0, 10));
    const std::string file = dir.write("p.toml", tail);
    std::string expected = lines(0, 10);
    {
        Process process(program({"run", file}));
        REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == expected; }));
        REQUIRE(is_quiet(dir.at("state")));
        dir.write("state/junk", std::string(64u << 10, 'x'));
        // More files, so that the checkpoint must grow: over its page, and more than once.
        for (std::uint64_t n = 1; n <= 100; ++n) {
            dir.write("logs/" + std::to_string(n), lines(10 * n, 10));
            expected += lines(10 * n, 10);
        }
        REQUIRE(says(process, "the checkpoint can't be written, it is tried again"));
        CHECK(eventually([&] { return read_file(dir.at("out/a")).size() == expected.size(); }));
        CHECK_FALSE(process.wait(std::chrono::milliseconds(500)));
        fs::remove(dir.at("state/junk"));
        CHECK(says(process, "the checkpoint is written again"));
        process.send(SIGTERM);
        REQUIRE(process.wait(std::chrono::minutes(2)));
        INFO(process.result().err);
        CHECK(process.result().code == 0);
    }
    CHECK(run({"run", "--set", "sources.in.end=eof", file}).code == 0);
    CHECK(read_file(dir.at("out/a")).size() == expected.size());
}

TEST_CASE("a checkpoint that fails commit_attempts times halts, and a restart goes on") {
    TempDir dir;
    const Tmpfs disk(dir.at("state"), "size=64k");
    if (!disk.mounted()) return;
    dir.write("logs/x", lines(0, 10));
    const std::string file = dir.write("p.toml", tail);
    {
        Process process(program({"run", "--set", "engine.commit_attempts=2", file}));
        REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 10); }));
        REQUIRE(is_quiet(dir.at("state")));
        dir.write("state/junk", std::string(64u << 10, 'x'));
        for (std::uint64_t n = 1; n <= 100; ++n)
            dir.write("logs/" + std::to_string(n), lines(10 * n, 10));
        REQUIRE(process.wait(std::chrono::minutes(2)));
        INFO(process.result().err);
        CHECK(process.result().code == 74);
        CHECK(contains(process.result().err, "halted: the checkpoint in "));
        fs::remove(dir.at("state/junk"));
    }
    CHECK(run({"run", "--set", "sources.in.end=eof", file}).code == 0);
    CHECK(read_file(dir.at("out/a")).size() == lines(0, 1010).size());
}

TEST_CASE("a data directory that is full from the start is refused before anything is read") {
    TempDir dir;
    const Tmpfs disk(dir.at("state"), "size=16k");
    if (!disk.mounted()) return;
    dir.write("logs/x", lines(0, 10));
    dir.write("state/junk", std::string(16u << 10, 'x'));
    const std::string file = dir.write("p.toml", tail);
    const Exited exited = run({"run", file});
    INFO(exited.err);
    CHECK(exited.code == 74);
    CHECK(contains(exited.err, dir.at("state")));
    CHECK(read_file(dir.at("out/a")).empty());
    fs::remove(dir.at("state/junk"));
    CHECK(run({"run", "--set", "sources.in.end=eof", file}).code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 10));
}

TEST_CASE("a device that is always full is tried until a signal, and a folder is no output") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    const std::string file =
        dir.write("p.toml", tail + std::string("delivery = \"at_least_once\"\n"));
    CHECK(run({"run", "--set", "sinks.a.path=logs", file}).code == 78);
    CHECK(run({"run", "--set", "sinks.a.path=/dev/full", "--set", "sinks.a.delivery=exactly_once",
               file})
              .code == 74);
    Process process(program({"run", "--set", "sinks.a.path=/dev/full", "--set",
                             "engine.shutdown_timeout=100ms", file}));
    REQUIRE(says(process, "the sink's file can't be written, it is tried again"));
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    INFO(process.result().err);
    CHECK(process.result().code == 75);
    CHECK(contains(process.result().err, "No space left on device"));
    CHECK(contains(process.result().err, "10 unfinished"));
}

TEST_CASE("a pipe among the inputs is not read, and holds up nothing") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    REQUIRE(::mkfifo(dir.at("logs/pipe").c_str(), 0600) == 0);
    const Exited exited =
        run({"run", "--set", "sources.in.end=eof", "--set",
             "sources.in.include=[\"logs/*\", \"logs/pipe\"]", dir.write("p.toml", tail)});
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(contains(exited.err, "this is no regular file, it is not read"));
    CHECK(read_file(dir.at("out/a")) == lines(0, 10));
}

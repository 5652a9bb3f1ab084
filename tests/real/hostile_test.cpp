// What people and machines do to a running pipeline: the real binary, and what it must not do then.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

constexpr const char* tail = R"(
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

/// Through a shell, for its redirections.
Exited shell(const TempDir& dir, const std::string& arguments, const std::string& redirections) {
    std::string command = "cd " + dir.path() + " && exec ";
    for (const std::string& argument : program({})) command += argument + " ";
    Process process({"/bin/sh", "-c", command + arguments + " " + redirections});
    REQUIRE(process.wait(std::chrono::minutes(2)));
    return process.result();
}

}  // namespace

TEST_CASE("an output that is deleted is begun anew, also without fsync") {
    for (const char* fsync : {"batch", "never"}) {
        TempDir dir;
        dir.write("logs/x", lines(0, 10));
        const std::string file =
            dir.write("p.toml", tail + std::string("fsync = \"") + fsync + "\"");
        Process process(program({"run", file}));
        REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 10); }));
        REQUIRE(is_quiet(dir.at(".holdfast/p")));  // It is committed.
        std::filesystem::remove(dir.at("out/a"));
        sleep_ms(1200);  // Without fsync it looks for its file once a second.
        append_file(dir.at("logs/x"), lines(10, 10));
        CHECK(eventually([&] { return contains(read_file(dir.at("out/a")), lines(10, 10)); }));
        process.send(SIGTERM);
        REQUIRE(process.wait(std::chrono::minutes(2)));
        INFO(fsync << process.result().err);
        CHECK(process.result().code == 0);
    }
}

TEST_CASE("more files than the engine has partitions are all read") {
    TempDir dir;
    std::string include;
    for (int i = 0; i < 600; ++i) {
        const std::string name = "in/" + std::to_string(1000 + i);
        dir.write(name, "line " + std::to_string(i) + "\n");
        include += "\"" + name + "\",";
    }
    std::string config =
        "[engine]\nmemory_limit = \"64MiB\"\n[sources.in]\ntype = \"file\"\n"
        "poll_interval = \"5ms\"\nend = \"eof\"\ninclude = [" +
        include + "]\n";
    for (int i = 0; i < 2; ++i)
        config += "[sinks.s" + std::to_string(i) +
                  "]\ntype = \"file\"\ninputs = [\"in\"]\n"
                  "path = \"out/" +
                  std::to_string(i) + "\"\n";
    const std::string file = dir.write("p.toml", config);
    for (int round = 0; round < 2; ++round) {
        const Exited exited = run({"run", file});
        INFO(exited.err);
        REQUIRE(exited.code == 0);
        const std::string out = read_file(dir.at("out/1"));
        CHECK(std::count(out.begin(), out.end(), '\n') == 600);
    }
}

TEST_CASE("closed standard streams are not taken for files") {
    TempDir dir;
    dir.write("logs/x", lines(0, 1000));
    dir.write("p.toml", std::string(tail) +
                            "\n[sinks.b]\ntype = \"file\"\ninputs = [\"in\"]\n"
                            "path = \"out/b\"\n");
    const Exited exited = shell(dir, "run -v --set sources.in.end=eof p.toml", "<&- >&- 2>&-");
    CHECK(exited.code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 1000));
    CHECK(read_file(dir.at("out/b")) == lines(0, 1000));
    CHECK(read_file(dir.at(".holdfast/p/lock")).size() < 12);
}

TEST_CASE("a stdout that is closed is no place to deliver to") {
    for (const char* ring : {"auto", "posix"}) {
        TempDir dir;
        dir.write("logs/x", lines(0, 1000));
        dir.write("p.toml",
                  "[sources.in]\ntype = \"file\"\ninclude = [\"logs/*\"]\nend = \"eof\"\n"
                  "[sinks.o]\ntype = \"stdout\"\ninputs = [\"in\"]\n");
        const Exited exited = shell(dir, std::string("run --ring ") + ring + " p.toml", ">&-");
        INFO(exited.err);
        CHECK(exited.code == 74);
        CHECK(contains(exited.err, "stdout"));
    }
}

TEST_CASE("more files than descriptors leave some for the checkpoint") {
    TempDir dir;
    for (int i = 0; i < 100; ++i) dir.write("logs/" + std::to_string(1000 + i), "one\n");
    const std::string file = dir.write("p.toml", tail);
    std::string command = "ulimit -n 64 && exec";
    for (const std::string& argument : program({"run", file})) command += " " + argument;
    Process process({"/bin/sh", "-c", command});
    // The first checkpoints all need a descriptor.
    REQUIRE(eventually([&] { return exists(dir.at(".holdfast/p/checkpoint.b")); }));
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    INFO(process.result().err);
    CHECK(process.result().code == 0);
    CHECK(!contains(process.result().err, "checkpoint can't be written"));
}

TEST_CASE("a pipe without a reader holds up neither a signal nor a reader that comes later") {
    for (const char* ring : {"auto", "posix"}) {
        TempDir dir;
        dir.write("logs/x", lines(0, 100'000));
        dir.write("out/x", "");
        REQUIRE(::mkfifo(dir.at("out/a").c_str(), 0600) == 0);
        const std::string file =
            dir.write("p.toml", tail + std::string("delivery = \"at_least_once\""));
        Process process(program({"run", "-v", "--ring", ring, file}));
        REQUIRE(says(process, "ring name="));
        process.send(SIGTERM);
        INFO(ring);
        REQUIRE(process.wait(std::chrono::minutes(2)));
        CHECK(process.result().code == 75);
        Process second(program({"run", "--ring", ring, "--set", "sources.in.end=eof", file}));
        sleep_ms(300);
        CHECK(read_file(dir.at("out/a")) == lines(0, 100'000));
        REQUIRE(second.wait(std::chrono::minutes(2)));
        CHECK(second.result().code == 0);
    }
}

TEST_CASE("a file that is named and not there is said to be missing, and is not everything") {
    TempDir dir;
    dir.write("logs/x", "one\n");
    const Exited exited = run(
        {"run", "--set", "sources.in.end=eof", "--set", "sources.in.give_up_after=100ms", "--set",
         "sources.in.include=[\"logs/x\", \"logs/typo\", \"logs\"]", dir.write("p.toml", tail)});
    INFO(exited.err);
    CHECK(contains(exited.err, "there is no such file yet"));
    CHECK(contains(exited.err, "no regular file"));
    CHECK(exited.code == 74);
    CHECK(read_file(dir.at("out/a")) == "one\n");
}

TEST_CASE("an output that is emptied while nothing is written gets no hole") {
    TempDir dir;
    dir.write("logs/x", lines(0, 1000));
    const std::string file = dir.write("p.toml", tail);
    Process process(program({"run", file}));
    REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 1000); }));
    REQUIRE(is_quiet(dir.at(".holdfast/p")));
    sleep_ms(1100);  // It looks for its file once a second.
    std::filesystem::resize_file(dir.at("out/a"), 0);
    append_file(dir.at("logs/x"), lines(1000, 10));
    CHECK(eventually([&] { return read_file(dir.at("out/a")) == lines(1000, 10); }));
}

TEST_CASE("a data directory that is deleted is made again, and nothing is lost or repeated") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    const std::string file = dir.write("p.toml", tail);
    {
        Process process(program({"run", file}));
        REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 10); }));
        REQUIRE(is_quiet(dir.at(".holdfast/p")));
        std::filesystem::remove_all(dir.at(".holdfast"));
        append_file(dir.at("logs/x"), lines(10, 10));
        CHECK(eventually([&] {
            return exists(dir.at(".holdfast/p/checkpoint.a")) ||
                   exists(dir.at(".holdfast/p/checkpoint.b"));
        }));
        CHECK(contains(process.result().err, "the data directory was deleted"));
        CHECK(run({"run", file}).code == 74);  // It is locked anew, too.
        process.send(SIGTERM);
        REQUIRE(process.wait(std::chrono::minutes(2)));
        INFO(process.result().err);
        CHECK(process.result().code == 0);
    }
    append_file(dir.at("logs/x"), lines(20, 10));
    CHECK(run({"run", "--set", "sources.in.end=eof", file}).code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 30));
}

TEST_CASE("a data directory that cannot be made again ends the process at once, and says so") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    const std::string file = dir.write("p.toml", tail);
    Process process(program({"run", file}));
    REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 10); }));
    REQUIRE(is_quiet(dir.at(".holdfast/p")));
    std::filesystem::remove_all(dir.at(".holdfast"));
    dir.write(".holdfast", "a file where a folder must be");
    append_file(dir.at("logs/x"), lines(10, 10));
    REQUIRE(process.wait(std::chrono::minutes(2)));
    INFO(process.result().err);
    CHECK(process.result().code == 74);
    CHECK(contains(process.result().err, "the data directory was deleted while it was in use"));
}

TEST_CASE("names that a terminal would obey or a reader not see are written out in every message") {
    const TempDir dir;
    const std::string name = "in/a\u202eb\x9b\u0085\x1b[31m\u200b.log";
    dir.write(name, lines(0, 10));
    const std::string config =
        dir.write("p\u202e.toml",
                  "[sources.in]\ntype = \"file\"\ninclude = [\"in/*\"]\nend = "
                  "\"eof\"\n[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = "
                  "\"out/\u2067a\"\n");
    const std::vector<std::vector<std::string>> commands = {
        {"run", "-v", "--color", "never", config},
        {"run", "-v", "--log-format", "json", config},
        {"run", config, "--set", "sinks.a.path=\"\u202e\"", "--set", "sinks.a.fsync=\u202e"},
        {"validate", "--color", "never", config},
        {"validate", "--json", config},
        {"run", "--bogus\u202e\x9b"},
        {"run", dir.at("no\u202e.toml")}};
    for (const auto& command : commands) {
        const Exited exited = run(command);
        INFO(exited.err << exited.out);
        const std::string said = exited.err + exited.out;
        CHECK_FALSE(said.empty());
        for (const char* hidden : {"\u202e", "\u2067", "\x9b", "\u0085", "\x1b", "\u200b"})
            CHECK_FALSE(contains(said, hidden));
    }
    CHECK(contains(run({"run", "-v", "--color", "never", config}).err, "\\u{202e}"));
}

// What the real binary refuses: each with its exit code and what to do, and nothing overwritten.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

constexpr const char* config = R"(
data_dir = "state"
[sources.in]
type = "file"
include = ["logs/*"]
end = "eof"
poll_interval = "5ms"
[sinks.a]
type = "file"
inputs = ["in"]
path = "out/a"
)";

}  // namespace

TEST_CASE("a wrong command line exits 64") {
    CHECK(run({}).code == 64);
    CHECK(run({"fly"}).code == 64);
    CHECK(run({"run"}).code == 64);
    CHECK(run({"run", "--progress", "loud", "x.toml"}).code == 64);
    CHECK(run({"run", "--no-such-flag", "x.toml"}).code == 64);
}

TEST_CASE("every command has a help with an example") {
    for (const char* name : {"run", "validate", "sim", "keys", "version"}) {
        const Exited exited = run({name, "--help"});
        INFO(name << exited.out << exited.err);
        CHECK(exited.code == 0);
        CHECK(contains(exited.out, "Example"));
        CHECK(contains(exited.out, std::string("holdfast ") + name));
    }
    CHECK(run({"--help"}).code == 0);
    CHECK(contains(run({"version"}).out, "holdfast 0."));
}

TEST_CASE("flags may come from the environment") {
    TempDir dir;
    dir.write("logs/x", "one\n");
    const std::string file = dir.write("p.toml", config);
    CHECK(run({"run", file}, {.environment = {{"HOLDFAST_PROGRESS", "loud"}}}).code == 64);
    const Exited exited = run({"run", file}, {.environment = {{"HOLDFAST_LOG_FORMAT", "json"}}});
    CHECK(exited.code == 0);
    CHECK(contains(exited.err, "{\"time\": "));
}

TEST_CASE("a bad config exits 78 with every problem") {
    TempDir dir;
    const std::string file = dir.write("p.toml", "[engine]\nmemory_limit = 1\n[sourcess.x]\n");
    for (const char* command : {"run", "validate"}) {
        const Exited exited = run({command, file});
        CHECK(exited.code == 78);
        const std::string said = exited.out + exited.err;
        CHECK(contains(said, "p.toml(2,16): memory_limit is 1; expected a size"));
        CHECK(contains(said, "did you mean \"sources\"?"));
    }
    CHECK(run({"run", dir.at("absent.toml")}).code == 78);
    CHECK(run({"run", dir.path()}).code == 78);
    CHECK_FALSE(exists(dir.at(".holdfast")));
}

TEST_CASE("a config without end, or of 10 MB, is refused after 4 MiB of it") {
    TempDir dir;
    const Exited endless = run({"run", "/dev/zero"}, {}, std::chrono::seconds(10));
    CHECK(endless.code == 78);
    CHECK(contains(endless.err, "/dev/zero: is larger than 4MiB"));
    std::string large = config;
    while (large.size() < 10'000'000) large += "# a comment that makes it long\n";
    const Exited exited = run({"run", dir.write("p.toml", large)});
    CHECK(exited.code == 78);
    CHECK(contains(exited.err, "p.toml: is larger than 4MiB"));
    large.resize(4'000'000);
    dir.write("logs/x", "one\n");
    CHECK(run({"run", dir.write("p.toml", large + "\n")}).code == 0);
    CHECK(run({"run", "/dev/null"}).code == 78);
}

TEST_CASE("validate says what is promised, and as JSON") {
    TempDir dir;
    const std::string file = dir.write("p.toml", std::string(config) + "fsync = \"never\"\n");
    const Exited text = run({"validate", file});
    CHECK(text.code == 0);
    CHECK(contains(text.out, "in -> a: exactly once"));
    CHECK(contains(text.out, "not a power loss"));
    const Exited json = run({"validate", "--json", file});
    CHECK(json.code == 0);
    CHECK(contains(json.out, "\"fsync\": \"never\""));
    CHECK_FALSE(exists(dir.at("state")));
}

TEST_CASE("guarantee exits with 1 where what is required does not hold, and names the line") {
    TempDir dir;
    const std::string file = dir.write("p.toml", std::string(config) + "fsync = \"never\"\n");
    CHECK(run({"guarantee", file}).code == 0);
    CHECK(run({"guarantee", "--require", "exactly-once,order,bounded-memory", file}).code == 0);
    const Exited unmet = run({"guarantee", "--require", "order,power-loss", file});
    CHECK(unmet.code == 1);
    CHECK(contains(unmet.out, "x power-loss does not hold from in to a: " + file + "("));
    CHECK(contains(unmet.out, "sinks.a.fsync"));
    CHECK_FALSE(contains(unmet.out, "x order"));
    const Exited flag = run({"guarantee", "--require", "at-least-once", "--set",
                             "sinks.a.when_full=drop_newest", file});
    CHECK(flag.code == 1);
    CHECK(contains(flag.out, "--set sinks.a.when_full=drop_newest"));
    const Exited json = run({"guarantee", "--json", "--require", "power-loss", file});
    CHECK(json.code == 1);
    CHECK(contains(json.out, "\"power-loss\": false"));
    CHECK(run({"guarantee", "--require", "luck", file}).code == 64);
    CHECK(run({"guarantee", dir.write("q.toml", "[sources.in]\n")}).code == 78);
    CHECK_FALSE(exists(dir.at("state")));
}

TEST_CASE("a locked data directory is refused and left alone") {
    TempDir dir;
    dir.write("logs/x", "one\n");
    const std::string file = dir.write("p.toml", config);
    Process first(program({"run", "--set", "sources.in.end=never", file}));
    REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == "one\n"; }));
    const Exited second = run({"run", file});
    CHECK(second.code == 74);
    CHECK(contains(second.err, "is locked by process " + std::to_string(first.pid())));
    CHECK(first.running());
}

TEST_CASE("a corrupt checkpoint is refused and left alone") {
    TempDir dir;
    dir.write("logs/x", "one\n");
    const std::string file = dir.write("p.toml", config);
    REQUIRE(run({"run", file}).code == 0);
    for (const auto& entry : std::filesystem::directory_iterator(dir.at("state")))
        if (entry.path().filename() != "lock")
            dir.write("state/" + entry.path().filename().string(), "rubbish");
    const Exited exited = run({"run", file});
    CHECK(exited.code == 74);
    CHECK(contains(exited.err, "no valid checkpoint"));
    CHECK(contains(exited.err, "data_dir"));
    CHECK(read_file(dir.at("out/a")) == "one\n");
    for (const auto& entry : std::filesystem::directory_iterator(dir.at("state")))
        if (entry.path().filename() != "lock") CHECK(read_file(entry.path().string()) == "rubbish");
}

TEST_CASE("the data directory of another pipeline is refused") {
    TempDir dir;
    dir.write("logs/x", "one\n");
    REQUIRE(run({"run", dir.write("p.toml", config)}).code == 0);
    std::string other = config;
    other.replace(other.find("out/a"), 5, "out/other");
    const Exited exited = run({"run", dir.write("q.toml", other)});
    CHECK(exited.code == 78);
    CHECK(contains(exited.err, "belongs to another pipeline"));
    CHECK_FALSE(contains(read_file(dir.at("out/other")), "one"));
}

TEST_CASE("a file that was begun as lines is not continued as msgpack, nor the other way round") {
    TempDir dir;
    dir.write("logs/x", "1\n");
    const std::string text(config);
    const std::string msgpack = text + "framing = \"msgpack\"\n";
    const bool begins_as_lines = GENERATE(true, false);
    REQUIRE(run({"run", dir.write("p.toml", begins_as_lines ? text : msgpack)}).code == 0);
    const std::string before = read_file(dir.at("out/a"));
    REQUIRE_FALSE(before.empty());
    dir.write("logs/x", "1\n2\n");
    const Exited exited = run({"run", dir.write("p.toml", begins_as_lines ? msgpack : text)});
    CHECK(exited.code == 78);
    CHECK(contains(exited.err,
                   begins_as_lines ? "Set framing = \"lines\"" : "Set framing = \"msgpack\""));
    CHECK(read_file(dir.at("out/a")) == before);
    CHECK(run({"run", dir.write("p.toml", begins_as_lines ? text : msgpack)}).code == 0);
    CHECK(read_file(dir.at("out/a")).size() > before.size());
}

TEST_CASE("a sink may be added without losing the state") {
    TempDir dir;
    dir.write("logs/x", "one\n");
    REQUIRE(run({"run", dir.write("p.toml", config)}).code == 0);
    dir.write("logs/x", "one\ntwo\n");
    const std::string more =
        std::string(config) + "[sinks.b]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out/b\"\n";
    REQUIRE(run({"run", dir.write("p.toml", more)}).code == 0);
    CHECK(read_file(dir.at("out/a")) == "one\ntwo\n");
    CHECK(read_file(dir.at("out/b")) == "two\n");
}

TEST_CASE("an output that is a folder, or cannot be made, is refused with what to do") {
    TempDir dir;
    dir.write("logs/x", "one\n");
    dir.write("out", "a file where a folder must be");
    const Exited exited = run({"run", dir.write("p.toml", config)});
    CHECK(exited.code == 74);
    CHECK(contains(exited.err, "out"));
}

TEST_CASE("an unreadable file is reported and the others go on") {
    if (::geteuid() == 0) return;  // root reads everything
    TempDir dir;
    dir.write("logs/good", "one\n");
    ::chmod(dir.write("logs/bad", "two\n").c_str(), 0);
    const std::string file = dir.write("p.toml", config);
    Process process(program({"run", file}));
    CHECK(eventually([&] { return read_file(dir.at("out/a")) == "one\n"; }));
    CHECK(eventually([&] { return contains(process.result().err, "logs/bad"); }));
    ::chmod(dir.at("logs/bad").c_str(), 0600);
    CHECK(eventually([&] { return read_file(dir.at("out/a")) == "one\ntwo\n"; }));
}

TEST_CASE("an output that another process writes is refused, and taken when that one has ended") {
    for (const char* more : {"", "delivery = \"at_least_once\"\n"}) {
        TempDir dir;
        dir.write("logs/x", lines(0, 10));
        const std::string file = dir.write("p.toml", std::string(config) + more);
        Process first(program({"run", "--set", "sources.in.end=never", file}));
        REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 10); }));
        const Exited second = run({"run", "--set", "data_dir=other", file});
        INFO(second.err);
        CHECK(second.code == 74);
        CHECK(contains(second.err, dir.at("out/a") + " is written by another process"));
        CHECK(contains(second.err, "set another path"));
        CHECK(read_file(dir.at("out/a")) == lines(0, 10));
        first.kill();
        CHECK(run({"run", "--set", "data_dir=other", file}).code == 0);
    }
}

TEST_CASE("dead letters that another process writes are refused") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    const std::string with_dead =
        std::string(config) + "[dead_letters]\ntype = \"file\"\npath = \"dead\"\n";
    const std::string file = dir.write("p.toml", with_dead);
    Process first(program({"run", "--set", "sources.in.end=never", file}));
    REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 10); }));
    const Exited second =
        run({"run", "--set", "data_dir=other", "--set", "sinks.a.path=other/a", file});
    INFO(second.err);
    CHECK(second.code == 74);
    CHECK(contains(second.err, dir.at("dead") + " is written by another process"));
}

TEST_CASE("two pipelines may write to the same device") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    const std::string file =
        dir.write("p.toml", std::string(config) + "delivery = \"at_least_once\"\n");
    const std::vector<std::string> flags = {
        "run", "--set", "sinks.a.path=/dev/null", "--set", "sources.in.end=never", file};
    Process first(program(flags));
    REQUIRE(eventually([&] { return exists(dir.at("state/checkpoint.a")); }));
    const Exited second =
        run({"run", "--set", "sinks.a.path=/dev/null", "--set", "data_dir=other", file});
    INFO(second.err);
    CHECK(second.code == 0);
}

// `holdfast run`, the real binary: what comes out, and with which exit code.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <span>

#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

constexpr const char* to_a = R"(
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

constexpr const char* to_b = R"(
[sinks.b]
type = "file"
inputs = ["in"]
path = "out/b"
)";

constexpr const char* dead_letters = R"(
[dead_letters]
type = "file"
path = "out/dead"
)";

Exited run_config(const TempDir& dir, const std::string& config,
                  std::vector<std::string> flags = {}) {
    const std::string file = dir.write("p.toml", config);
    flags.insert(flags.begin(), "run");
    flags.push_back(file);
    return run(flags);
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    const auto at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), by);
}

}  // namespace

TEST_CASE("file to file copies every byte, on either ring") {
    const std::string text = lines(0, 100'000, 50);
    for (const char* ring : {"--ring=auto", "--ring=posix"}) {
        TempDir dir;
        dir.write("logs/x", text);
        const Exited exited = run_config(dir, std::string(to_a) + to_b, {ring});
        INFO(exited.err);
        CHECK(exited.code == 0);
        CHECK(read_file(dir.at("out/a")) == text);
        CHECK(read_file(dir.at("out/b")) == text);
        CHECK(contains(exited.err, "balance: in 100,000 | a: 100,000 = 100,000 delivered"));
    }
}

TEST_CASE("a second run finds nothing to do, and goes on with what was added") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    REQUIRE(run_config(dir, to_a).code == 0);
    REQUIRE(run_config(dir, to_a).code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 10));
    dir.write("logs/x", lines(0, 20));
    REQUIRE(run_config(dir, to_a).code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 20));
}

TEST_CASE("odd bytes arrive as they are") {
    std::string text;
    for (int round = 0; round < 100; ++round) {
        text += std::string("\0\0 nul\0\n", 8) + "crlf\r\n" + "\n\n" + "\xff\xfe\x80 not utf-8\n" +
                "\xc3\n" + std::string(static_cast<std::size_t>(round), '\r') + "\n";
    }
    TempDir dir;
    dir.write("logs/x", text);
    CHECK(run_config(dir, to_a).code == 0);
    CHECK(read_file(dir.at("out/a")) == text);
}

TEST_CASE("a last line without newline gets one") {
    TempDir dir;
    dir.write("logs/x", "one\ntwo");
    CHECK(run_config(dir, to_a).code == 0);
    CHECK(read_file(dir.at("out/a")) == "one\ntwo\n");
}

TEST_CASE("an empty file, and no file at all in a folder, are no work") {
    TempDir dir;
    std::filesystem::create_directory(dir.at("logs"));
    CHECK(run_config(dir, to_a).code == 0);
    dir.write("logs/x", "");
    const Exited exited = run_config(dir, to_a);
    CHECK(exited.code == 0);
    CHECK(contains(exited.err, "balance: in 0 |"));
    CHECK(read_file(dir.at("out/a")).empty());
}

TEST_CASE("a line over the limit goes where the policy says") {
    const std::string text = "short\n" + std::string(100'000, 'x') + "\nlast\n";
    const std::string config =
        replaced(to_a, "end = \"eof\"", "end = \"eof\"\nmax_line = \"1KiB\"");
    SECTION("to the dead letters") {
        TempDir dir;
        dir.write("logs/x", text);
        const Exited exited = run_config(dir, config + dead_letters);
        INFO(exited.err);
        CHECK(exited.code == 0);
        CHECK(read_file(dir.at("out/a")) == "short\nlast\n");
        CHECK(contains(read_file(dir.at("out/dead")), "\"reason\":\"oversized\""));
    }
    SECTION("without dead letters the pipeline halts before it") {
        TempDir dir;
        dir.write("logs/x", text);
        const Exited exited = run_config(dir, config);
        CHECK(exited.code == 75);
        CHECK(contains(exited.err, "[dead_letters]"));
    }
    SECTION("stop halts before it") {
        TempDir dir;
        dir.write("logs/x", text);
        const Exited exited =
            run_config(dir, replaced(config, "max_line", "on_oversized = \"stop\"\nmax_line"));
        CHECK(exited.code == 75);
        CHECK(contains(exited.err, "max_line"));
    }
    SECTION("split keeps every byte") {
        TempDir dir;
        dir.write("logs/x", text);
        const Exited exited =
            run_config(dir, replaced(config, "max_line", "on_oversized = \"split\"\nmax_line"));
        CHECK(exited.code == 0);
        std::string out = read_file(dir.at("out/a"));
        std::erase(out, '\n');
        CHECK(out == "short" + std::string(100'000, 'x') + "last");
    }
}

TEST_CASE("a line of 1 GiB passes in pieces, with every byte") {
    TempDir dir;
    constexpr std::uint64_t size = (1u << 30) + 100;
    const std::string input = dir.write("logs/x", "");
    std::filesystem::resize_file(input, size);  // Zero bytes that take no room.
    append_file(input, "\nlast\n");
    const Exited exited =
        run_config(dir, replaced(to_a, "end = \"eof\"", "end = \"eof\"\non_oversized = \"split\""));
    INFO(exited.err);
    CHECK(exited.code == 0);
    std::ifstream out(dir.at("out/a"), std::ios::binary);
    std::vector<char> block(1 << 20);
    std::uint64_t zeros = 0, ends = 0;
    std::string rest;
    while (out.read(block.data(), static_cast<std::streamsize>(block.size())) || out.gcount() > 0) {
        for (const char c : std::span(block).first(static_cast<std::size_t>(out.gcount()))) {
            zeros += c == 0;
            ends += c == '\n';
            if (c != 0 && c != '\n') rest += c;
        }
    }
    CHECK(zeros == size);
    CHECK(rest == "last");
    CHECK(ends == size / (1 << 20) + 2);  // Pieces of max_line, the rest of the line, "last".
}

TEST_CASE("a sink that refuses some records loses none of them") {
    TempDir dir;
    dir.write("logs/x", lines(0, 20'000));
    const Exited exited = run_config(
        dir, to_a + std::string("inject = { refuse_percent = 0.2 }\n") + to_b + dead_letters);
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(dir.at("out/b")) == lines(0, 20'000));
    const auto count = [](const std::string& text) {
        return std::count(text.begin(), text.end(), '\n');
    };
    const auto parked = count(read_file(dir.at("out/dead")));
    CHECK(parked > 0);
    CHECK(count(read_file(dir.at("out/a"))) + parked == 20'000);
}

TEST_CASE("stdin is delivered to its end, with a warning") {
    TempDir dir;
    const std::string file = dir.write("p.toml", replaced(to_a, R"(type = "file"
include = ["logs/*"]
end = "eof"
poll_interval = "5ms")",
                                                          "type = \"stdin\""));
    const std::string text = lines(0, 50'000);
    const Exited exited = run({"run", file}, {.in_text = text});
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(dir.at("out/a")) == text);
    CHECK(contains(exited.err, "stdin cannot be read again"));
}

TEST_CASE("stdout gets the records and nothing else") {
    TempDir dir;
    dir.write("logs/x", lines(0, 1000));
    const Exited exited =
        run_config(dir, replaced(replaced(to_a, "path = \"out/a\"", ""),
                                 "[sinks.a]\ntype = \"file\"", "[sinks.a]\ntype = \"stdout\""));
    CHECK(exited.code == 0);
    CHECK(exited.out == lines(0, 1000));
}

TEST_CASE("SIGTERM drains, and the next run goes on where it stopped") {
    TempDir dir;
    const std::string text = lines(0, 200'000, 100);
    dir.write("logs/x", text);
    const std::string slow =
        to_a + std::string("batch = { max_records = 1000 }\n") + "inject = { latency = \"5ms\" }\n";
    const std::string file = dir.write("p.toml", slow);
    {
        Process process(program({"run", "--set", "engine.memory_limit=1MiB", file}));
        REQUIRE(eventually([&] { return read_file(dir.at("out/a")).size() > 100'000; }));
        process.send(SIGTERM);
        REQUIRE(process.wait(std::chrono::minutes(2)));
        INFO(process.result().err);
        CHECK_FALSE(process.result().signaled);
        CHECK(process.result().code == 0);
        CHECK(contains(process.result().err, "stopping: finishing what was read"));
    }
    const std::string part = read_file(dir.at("out/a"));
    CHECK(part.size() < text.size());
    CHECK(text.compare(0, part.size(), part) == 0);
    dir.write("p.toml", to_a);
    REQUIRE(run({"run", file}).code == 0);
    CHECK(read_file(dir.at("out/a")) == text);
}

TEST_CASE("a drain that outlasts shutdown_timeout ends with work left, which the next run does") {
    TempDir dir;
    const std::string text = lines(0, 10'000);
    dir.write("logs/x", text);
    const std::string file =
        dir.write("p.toml", to_a + std::string("inject = { latency = \"1h\" }\n"));
    {
        Process process(program({"run", "--set", "engine.shutdown_timeout=300ms", file}));
        REQUIRE(says(process, "file found"));
        process.send(SIGTERM);
        REQUIRE(process.wait(std::chrono::minutes(2)));
        INFO(process.result().err);
        CHECK(process.result().code == 75);
        CHECK(contains(process.result().err, "stopped after shutdown_timeout (300ms)"));
        CHECK(contains(process.result().err, "10,000 unfinished"));
    }
    dir.write("p.toml", to_a);
    REQUIRE(run({"run", file}).code == 0);
    CHECK(read_file(dir.at("out/a")) == text);
}

TEST_CASE("a second signal stops now, and nothing is lost") {
    TempDir dir;
    const std::string text = lines(0, 10'000);
    dir.write("logs/x", text);
    const std::string file =
        dir.write("p.toml", to_a + std::string("inject = { latency = \"1h\" }\n"));
    {
        Process process(program({"run", file}));
        REQUIRE(says(process, "file found"));
        process.send(SIGINT);
        REQUIRE(says(process, "stopping: finishing"));
        CHECK(process.running());
        process.send(SIGINT);
        REQUIRE(process.wait(std::chrono::minutes(2)));
        CHECK(process.result().code == 75);
    }
    dir.write("p.toml", to_a);
    REQUIRE(run({"run", file}).code == 0);
    CHECK(read_file(dir.at("out/a")) == text);
}

TEST_CASE("a tailing pipeline follows a file and stops cleanly") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    const std::string file =
        dir.write("p.toml", replaced(to_a, "end = \"eof\"", "end = \"never\""));
    Process process(program({"run", file}));
    REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 10); }));
    append_file(dir.at("logs/x"), lines(10, 20));
    CHECK(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 30); }));
    dir.write("logs/y", "new\n");
    CHECK(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 30) + "new\n"; }));
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    CHECK(process.result().code == 0);
}

TEST_CASE("a killed process loses nothing and repeats nothing") {
    TempDir dir;
    const std::string text = lines(0, 300'000, 100);
    dir.write("logs/x", text);
    const std::string config = to_a + std::string("inject = { latency = \"2ms\" }\n") +
                               "batch = { max_records = 2000 }\n" + to_b;
    const std::string file = dir.write("p.toml", config);
    for (int round = 1; round <= 3; ++round) {
        Process process(program({"run", "--set", "engine.commit_interval=20ms", file}));
        const std::size_t wanted = text.size() / 8 * static_cast<std::size_t>(round);
        REQUIRE(eventually([&] { return read_file(dir.at("out/a")).size() > wanted; }));
        process.send(SIGKILL);
        REQUIRE(process.wait(std::chrono::minutes(2)));
        CHECK(process.result().signaled);
    }
    const Exited exited = run({"run", file});
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(dir.at("out/a")) == text);
    CHECK(read_file(dir.at("out/b")) == text);
}

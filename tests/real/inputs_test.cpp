// What becomes of inputs and outputs under a running pipeline: links, files that are deleted,
// replaced and truncated. The real binary.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/real/process.hpp"

using namespace holdfast::real;
namespace fs = std::filesystem;

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

bool reads(const TempDir& dir, const std::string& text) {
    const bool is_there = eventually([&] { return read_file(dir.at("out/a")) == text; });
    UNSCOPED_INFO(read_file(dir.at("out/a")).size() << " bytes, expected " << text.size());
    return is_there;
}

std::vector<std::string> sorted_lines(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    std::sort(all.begin(), all.end());
    return all;
}

/// Of several files: their lines, in whatever order the files come.
bool reads_all(const TempDir& dir, const std::string& text) {
    const auto expected = sorted_lines(text);
    const bool is_there =
        eventually([&] { return sorted_lines(read_file(dir.at("out/a"))) == expected; });
    UNSCOPED_INFO(read_file(dir.at("out/a")).size() << " bytes, expected " << text.size());
    return is_there;
}

void end(Process& process) {
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    INFO(process.result().err);
    CHECK(process.result().code == 0);
}

}  // namespace

TEST_CASE("an input that is a symbolic link is read once, also beside its target") {
    TempDir dir;
    dir.write("elsewhere/real", lines(0, 10));
    dir.write("logs/own", lines(10, 10));
    fs::create_symlink("../elsewhere/real", dir.at("logs/a_link"));
    fs::create_symlink("own", dir.at("logs/another"));
    fs::create_symlink("nowhere", dir.at("logs/broken"));
    const std::string file = dir.write("p.toml", tail);
    Process process(program({"run", file}));
    REQUIRE(reads_all(dir, lines(0, 20)));
    append_file(dir.at("elsewhere/real"), lines(20, 1));
    CHECK(reads_all(dir, lines(0, 21)));
    end(process);
    Process second(program({"run", file}));
    append_file(dir.at("elsewhere/real"), lines(21, 1));
    CHECK(reads_all(dir, lines(0, 22)));
    end(second);
}

TEST_CASE("a symbolic link that is pointed at another file is followed to it") {
    TempDir dir;
    dir.write("elsewhere/1", lines(0, 10));
    dir.write("elsewhere/2", lines(10, 10));
    fs::create_directory(dir.at("logs"));
    fs::create_symlink("../elsewhere/1", dir.at("logs/current"));
    Process process(program({"run", dir.write("p.toml", tail)}));
    REQUIRE(reads(dir, lines(0, 10)));
    fs::create_symlink("../elsewhere/2", dir.at("next"));
    REQUIRE(::rename(dir.at("next").c_str(), dir.at("logs/current").c_str()) == 0);
    CHECK(reads(dir, lines(0, 20)));
    end(process);
}

TEST_CASE("an output that is a symbolic link is written through it, and goes on after a restart") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    dir.write("elsewhere/out", "");
    fs::create_directory(dir.at("out"));
    fs::create_symlink("../elsewhere/out", dir.at("out/a"));
    const std::string file = dir.write("p.toml", tail);
    for (int round = 1; round <= 2; ++round) {
        Process process(program({"run", file}));
        REQUIRE(eventually([&] { return contains(process.result().err, "file found"); }));
        const std::uint64_t count = 10 * static_cast<std::uint64_t>(round);
        CHECK(reads(dir, lines(0, count)));
        append_file(dir.at("logs/x"), lines(count, 10));
        CHECK(reads(dir, lines(0, count + 10)));
        end(process);
    }
    CHECK(fs::is_symlink(dir.at("out/a")));
    CHECK(read_file(dir.at("elsewhere/out")) == lines(0, 30));
}

TEST_CASE("an input that is deleted while it is read is read to its end") {
    TempDir dir;
    const std::string text = lines(0, 100'000, 50);
    dir.write("logs/x", text);
    const std::string file = dir.write(
        "p.toml",
        tail + std::string("inject = { latency = \"2ms\" }\nbatch = { max_bytes = \"64KiB\" }\n"));
    Process process(program({"run", "--set", "engine.memory_limit=1MiB", file}));
    REQUIRE(eventually([&] { return read_file(dir.at("out/a")).size() > 100'000; }));
    fs::remove(dir.at("logs/x"));
    CHECK(reads(dir, text));
    dir.write("logs/x", "a new file of that name\n");
    CHECK(reads(dir, text + "a new file of that name\n"));
    end(process);
}

TEST_CASE("an input that is replaced is read to its end, then its successor") {
    TempDir dir;
    dir.write("logs/x", lines(0, 1000));
    Process process(program({"run", dir.write("p.toml", tail)}));
    REQUIRE(reads(dir, lines(0, 1000)));
    dir.write("next", lines(1000, 1000));
    REQUIRE(::rename(dir.at("next").c_str(), dir.at("logs/x").c_str()) == 0);
    CHECK(reads(dir, lines(0, 2000)));
    end(process);
}

TEST_CASE("an input that is truncated is read anew, with a word of what may be lost") {
    TempDir dir;
    dir.write("logs/x", lines(0, 1000));
    Process process(program({"run", dir.write("p.toml", tail)}));
    REQUIRE(reads(dir, lines(0, 1000)));
    fs::resize_file(dir.at("logs/x"), 0);
    REQUIRE(eventually([&] { return contains(process.result().err, "truncated"); }));
    append_file(dir.at("logs/x"), lines(1000, 10));
    CHECK(reads(dir, lines(0, 1010)));
    end(process);
}

TEST_CASE("a folder of inputs that goes away and comes back is read again") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    Process process(program({"run", dir.write("p.toml", tail)}));
    REQUIRE(reads(dir, lines(0, 10)));
    fs::remove_all(dir.at("logs"));
    sleep_ms(50);
    dir.write("logs/y", lines(10, 10));
    CHECK(reads(dir, lines(0, 20)));
    end(process);
}

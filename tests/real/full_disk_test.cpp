// A disk that fills up under the real program, and heals.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <sstream>

#include "tests/real/campaign.hpp"
#include "tests/real/mounts.hpp"

using namespace holdfast::real;

namespace {

constexpr const char* head =
    "data_dir = \"state\"\n[engine]\nmemory_limit = \"4MiB\"\ncommit_interval = \"5ms\"\n"
    "[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\nend = \"eof\"\n";

void full_disk(bool kill_while_full) {
    const TempDir folder;
    const Tmpfs small(folder.at("small"), "size=2m");
    if (!small.mounted()) return;
    const std::string input = numbered_lines(0, 60'000);
    folder.write("in.log", input);
    const std::string file = folder.write(
        "pipe.toml", std::string(head) +
                         "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"small/a\"\n"
                         "retry = { initial_backoff = \"5ms\", max_backoff = \"50ms\" }\n"
                         "[sinks.b]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"b\"\n");
    {
        Process process(program({"run", file}));
        REQUIRE(says(process, "the sink's file can't be written"));
        REQUIRE_FALSE(process.wait(std::chrono::milliseconds(200)));
        CHECK(std::filesystem::file_size(folder.at("small/a")) <= 2u << 20);
        if (!kill_while_full) {
            REQUIRE(small.remount("size=64m"));
            REQUIRE(process.wait(std::chrono::minutes(2)));
            INFO(process.result().err);
            CHECK(process.result().code == 0);
        }
    }
    if (kill_while_full) {
        REQUIRE(small.remount("size=64m"));
        const Exited exited = run({"run", file});
        INFO(exited.err);
        CHECK(exited.code == 0);
    }
    CHECK((read_file(folder.at("small/a")) == input));
    CHECK((read_file(folder.at("b")) == input));
}

}  // namespace

TEST_CASE("a full disk heals by itself and nothing is lost, repeated or torn") { full_disk(false); }

TEST_CASE("a program killed while its disk is full goes on when there is room again") {
    full_disk(true);
}

TEST_CASE("dead letters wait for room on a full disk, and none is lost, repeated or torn") {
    const TempDir folder;
    const Tmpfs small(folder.at("small"), "size=64k");
    if (!small.mounted()) return;
    folder.write("in.log", numbered_lines(0, 5'000));
    const std::string file = folder.write(
        "pipe.toml", std::string(head) +
                         "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"a\"\n"
                         "inject = { refuse_percent = 10 }\n"
                         "[dead_letters]\ntype = \"file\"\npath = \"small/dead\"\n"
                         "retry = { max_attempts = 0, initial_backoff = \"5ms\", "
                         "max_backoff = \"50ms\" }\n");
    Process process(program({"run", file}));
    REQUIRE(
        eventually([&] { return contains(process.result().err, "dead letters can't be stored"); }));
    CHECK_FALSE(process.wait(std::chrono::milliseconds(300)));
    REQUIRE(small.remount("size=64m"));
    REQUIRE(process.wait(std::chrono::minutes(2)));
    const Exited exited = process.result();
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(contains(exited.err, "dead letters are stored again"));
    const std::string dead = read_file(folder.at("small/dead"));
    const Verdict delivered = judge(read_file(folder.at("a")), 5'000);
    CHECK(delivered.repeated + delivered.torn == 0);
    const Verdict parked = judge(payloads_of(dead), 5'000);
    CHECK(parked.repeated + parked.torn == 0);
    CHECK(parked.lost + delivered.lost == 5'000);
}

TEST_CASE(
    "a disk that is full of dead letters halts where attempts are limited, and loses nothing") {
    const TempDir folder;
    const Tmpfs small(folder.at("small"), "size=64k");
    if (!small.mounted()) return;
    folder.write("in.log", numbered_lines(0, 5'000));
    const std::string config = std::string(head) +
                               "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"a\"\n"
                               "inject = { refuse_percent = 10 }\n"
                               "[dead_letters]\ntype = \"file\"\npath = \"small/dead\"\n"
                               "retry = { max_attempts = 3, initial_backoff = \"1ms\" }\n";
    const std::string file = folder.write("pipe.toml", config);
    const Exited halted = run({"run", file});
    INFO(halted.err);
    CHECK(halted.code == 75);
    CHECK(contains(halted.err, "small/dead cannot be written"));
    CHECK(contains(halted.err, "Make room there"));
    REQUIRE(small.remount("size=64m"));
    CHECK(run({"run", file}).code == 0);
    const Verdict delivered = judge(read_file(folder.at("a")), 5'000);
    CHECK(delivered.repeated + delivered.torn == 0);
    const Verdict parked = judge(payloads_of(read_file(folder.at("small/dead"))), 5'000);
    CHECK(parked.torn == 0);
    CHECK(parked.lost + delivered.lost == 5'000);
}

TEST_CASE(
    "a dead letter of a sink whose disk is full says so in the system's words, and so does the "
    "log") {
    const TempDir folder;
    const Tmpfs small(folder.at("small"), "size=8k");
    if (!small.mounted()) return;
    folder.write("in.log", numbered_lines(0, 1'000));
    const std::string file = folder.write(
        "pipe.toml", std::string(head) +
                         "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"small/a\"\n"
                         "retry = { max_attempts = 2, initial_backoff = \"1ms\" }\n"
                         "[dead_letters]\ntype = \"file\"\npath = \"dead\"\n");
    const Exited exited = run({"run", file});
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(contains(exited.err, "No space left on device"));
    const std::string dead = read_file(folder.at("dead"));
    std::istringstream text(dead);
    std::size_t letters = 0, worded = 0;
    for (std::string line; std::getline(text, line); ++letters)
        worded += contains(line, "No space left on device");
    CHECK(letters > 0);
    CHECK(worded == letters);
    const Verdict delivered = judge(read_file(folder.at("small/a")), 1'000);
    const Verdict parked = judge(payloads_of(dead), 1'000);
    CHECK(delivered.repeated + delivered.torn + parked.repeated + parked.torn == 0);
    CHECK(parked.lost + delivered.lost == 1'000);
}

// The real program, killed with SIGKILL at random moments, started again, and judged by its files.
//
// 130 kills and more, over: one sink; three sinks; a slow sink; a failing sink; rotation under way;
// at-least-once. In exactly-once every output is byte-identical to what an undisturbed run writes.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "tests/real/campaign.hpp"

using namespace holdfast::real;

namespace {

constexpr std::uint64_t line_count = 200'000;

std::string head(const char* include, const char* end) {
    return std::string(
               "data_dir = \"state\"\n[engine]\nmemory_limit = \"4MiB\"\n"
               "commit_interval = \"3ms\"\n[sources.in]\ntype = \"file\"\ninclude = [\"") +
           include + "\"]\nread_from = \"beginning\"\npoll_interval = \"5ms\"\nend = \"" + end +
           "\"\n";
}

std::string sink(const std::string& name, const std::string& more = "") {
    return "[sinks." + name + "]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out/" + name +
           "\"\nbatch = { max_bytes = \"64KiB\" }\n" + more;
}

const char* const retry =
    "retry = { max_attempts = 0, initial_backoff = \"1ms\", max_backoff = \"4ms\" }\n";

void forget(const TempDir& folder) {
    std::filesystem::remove_all(folder.at("state"));
    std::filesystem::remove_all(folder.at("out"));
}

/// Kills a run over one input file so often, then compares each output with the input.
void check_exactly_once(const std::string& config, const std::vector<std::string>& outputs,
                        std::uint32_t kills, std::int64_t wait_ms_max, std::uint64_t seed) {
    const TempDir folder;
    const std::string input = numbered_lines(0, line_count);
    folder.write("in.log", input);
    folder.write("pipe.toml", config);
    Waits waits(seed);
    const Exited exited = run_with_kills(folder.at("pipe.toml"), kills, wait_ms_max, waits, forget,
                                         folder, folder.at("out/" + outputs.back()), input.size());
    INFO(exited.err);
    CHECK(exited.code == 0);
    for (const std::string& name : outputs) {
        INFO(name);
        CHECK((read_file(folder.at("out/" + name)) == input));
    }
}

}  // namespace

TEST_CASE("one sink is byte-identical after 25 kills") {
    check_exactly_once(head("in.log", "eof") + sink("a"), {"a"}, 25, 70, 1);
}

TEST_CASE("three sinks are byte-identical after 25 kills") {
    check_exactly_once(
        head("in.log", "eof") + sink("a") + sink("b", "fsync = \"never\"\n") + sink("c"),
        {"a", "b", "c"}, 25, 120, 2);
}

TEST_CASE("a slow sink beside a fast one, both byte-identical after 20 kills") {
    check_exactly_once(
        head("in.log", "eof") + sink("fast") + sink("slow", "inject = { latency = \"1ms\" }\n"),
        {"fast", "slow"}, 20, 250, 3);
}

TEST_CASE("a failing sink beside a good one, both byte-identical after 20 kills") {
    check_exactly_once(
        head("in.log", "eof") + sink("good") +
            sink("bad", std::string(retry) +
                            "inject = { fail_percent = 20, ambiguous_percent = 10, seed = 5 }\n"),
        {"good", "bad"}, 20, 250, 4);
}

namespace {

/// Kills at full speed; after each start no more is there again than `bound` records.
void check_repeats(const std::string& engine, std::uint64_t bound, std::uint64_t seed) {
    const TempDir folder;
    constexpr std::uint64_t count = 80'000;
    folder.write("in.log", numbered_lines(0, count));
    std::string config = head("in.log", "eof") +
                         "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out/a\"\n"
                         "delivery = \"at_least_once\"\n";
    config.replace(config.find("commit_interval = \"3ms\""), 23,
                   "commit_interval = \"1h\"\n" + engine);
    folder.write("pipe.toml", config);
    Waits waits(seed);
    Verdict before;
    std::uint32_t kills = 0;
    for (bool ended = false; !ended;) {
        Process process(program({"run", "--progress", "off", folder.at("pipe.toml")}));
        const bool enough = kills >= 12;
        ended = process.wait(std::chrono::milliseconds(enough ? 120'000 : waits.next(3, 40)));
        if (!ended) process.kill();
        kills += !ended;
        if (ended) CHECK(process.result().code == 0);
        const Verdict now = judge(read_file(folder.at("out/a")), count);
        INFO(engine << "seed " << seed << ", kill " << kills);
        CHECK(now.repeated - before.repeated <= bound);
        CHECK(now.torn <= (ended ? 0u : 1u));  // A line that the kill cut is whole again then.
        before = now;
    }
    CHECK(before.lost == 0);
    CHECK(kills > 0);
}

}  // namespace

TEST_CASE("at-least-once loses nothing and repeats at most commit_records for each kill") {
    for (const std::uint64_t seed : {5u, 6u, 7u})
        check_repeats("commit_records = " + std::to_string(seed * 100), seed * 100, seed);
}

TEST_CASE("at-least-once loses nothing and repeats at most commit_bytes for each kill") {
    // Each line has 22 bytes or more.
    for (const std::uint64_t seed : {8u, 9u, 10u})
        check_repeats("commit_bytes = \"64KiB\"", 65536 / 22, seed);
}

TEST_CASE("rotation under way loses and repeats nothing over 20 kills") {
    const TempDir folder;
    const std::string log = folder.write("logs/app.log", "");
    const std::string file = folder.write("pipe.toml", head("logs/app.log*", "never") + sink("a"));
    Waits waits(6);
    std::uint64_t written = 0;
    const auto write_some = [&] {
        const auto count = static_cast<std::uint64_t>(waits.next(1, 3000));
        append_file(log, numbered_lines(written, count));
        written += count;
    };
    for (int killed = 0; killed < 20; ++killed) {
        Process process(program({"run", file}));
        for (std::int64_t i = waits.next(0, 6); i > 0; --i) {
            write_some();
            if (waits.next(0, 2) == 0) {
                std::filesystem::rename(log, log + "." + std::to_string(written));
                write_some();
            }
            INFO(process.result().err);
            REQUIRE_FALSE(process.wait(std::chrono::milliseconds(waits.next(0, 30))));
        }
        process.kill();
    }
    Process process(program({"run", file}));
    const auto expected = numbered_lines(0, written);
    eventually([&] { return read_file(folder.at("out/a")).size() >= expected.size(); },
               std::chrono::seconds(60));
    REQUIRE(process.running());
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    INFO(process.result().err);
    CHECK(process.result().code == 0);
    const Verdict v = judge(read_file(folder.at("out/a")), written);
    CHECK(v.lost == 0);
    CHECK(v.repeated == 0);
    CHECK(v.torn == 0);
}

// Signals of every kind, one or two, at random moments, over many files in every mode and on either
// ring, with the config changed between the runs: each file's records arrive once and in order.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <sstream>

#include "tests/real/campaign.hpp"

using namespace holdfast::real;

namespace {

constexpr std::uint64_t files = 150;
constexpr std::uint64_t records = 400;  // In each file.

std::string line_of(std::uint64_t n, const std::string& more = "") {
    return "{\"n\":" + std::to_string(n) + ",\"odd\":" + (n % 2 ? "true" : "false") + ",\"m\":\"" +
           std::string(20 + n * 7 % 150, 'x') + "\"" + more + "}\n";
}

const char* const transforms =
    "[transforms.odd]\ntype = \"filter\"\ninputs = [\"in\"]\ncondition = '.odd'\n"
    "[transforms.two]\ntype = \"jq\"\ninputs = [\"odd\"]\nprogram = '(.c = 1), (.c = 2)'\n";

std::string sink(const std::string& name, const std::string& input, const std::string& more) {
    return "[sinks." + name + "]\ntype = \"file\"\ninputs = [\"" + input + "\"]\npath = \"out/" +
           name + "\"\nbatch = { max_bytes = \"32KiB\" }\n" + more;
}

/// The same pipeline in its many shapes: what may change between two runs.
std::string config(Waits& waits) {
    const char* const modes[] = {"whole", "streaming", "governed"};
    const char* const slices[] = {"1KiB", "16KiB", "256KiB"};
    const char* const limits[] = {"1MiB", "2MiB", "8MiB"};
    const char* const troubles[] = {
        "", "inject = { latency = \"1ms\" }\n",
        ("inject = { fail_percent = 10, ambiguous_percent = 5 }\n"
         "retry = { initial_backoff = \"1ms\", max_backoff = \"4ms\" }\n")};
    const auto one_of = [&](const auto& these) {
        return std::string(these[static_cast<std::size_t>(
            waits.next(0, static_cast<std::int64_t>(std::size(these)) - 1))]);
    };
    return "data_dir = \"state\"\n[engine]\ncommit_interval = \"3ms\"\nmode = \"" + one_of(modes) +
           "\"\nslice_bytes = \"" + one_of(slices) + "\"\nmemory_limit = \"" + one_of(limits) +
           "\"\ntransform_threads = " + std::to_string(waits.next(0, 2)) +
           "\n[sources.in]\ntype = \"file\"\ninclude = [\"in/*\"]\nend = \"eof\"\n"
           "poll_interval = \"5ms\"\n" +
           transforms + sink("two", "two", one_of(troubles)) +
           sink("raw", "in", waits.next(0, 1) == 0 ? "fsync = \"never\"\n" : "");
}

void send_some(Process& process, Waits& waits) {
    const int kinds[] = {SIGKILL, SIGKILL, SIGTERM, SIGINT};
    for (std::int64_t n = waits.next(1, 2); n > 0; --n) {
        process.send(kinds[waits.next(0, 3)]);
        sleep_ms(static_cast<int>(waits.next(0, 5)));
    }
}

/// Each file's lines of an output, in their order there.
std::vector<std::string> by_file(const std::string& path) {
    std::vector<std::string> out(files);
    std::istringstream text(read_file(path));
    for (std::string line; std::getline(text, line);) {
        const std::uint64_t n = line.starts_with("{\"n\":") ? std::stoull(line.substr(5)) : 0;
        REQUIRE(n / records < files);
        out[n / records] += line + "\n";
    }
    return out;
}

void check(const TempDir& dir) {
    const auto raw = by_file(dir.at("out/raw")), two = by_file(dir.at("out/two"));
    for (std::uint64_t f = 0; f < files; ++f) {
        std::string expected_raw, expected_two;
        for (std::uint64_t n = f * records; n < (f + 1) * records; ++n) {
            expected_raw += line_of(n);
            if (n % 2) expected_two += line_of(n, ",\"c\":1") + line_of(n, ",\"c\":2");
        }
        INFO("file " << f);
        CHECK((raw[f] == expected_raw));
        CHECK((two[f] == expected_two));
    }
}

void signals(std::uint64_t seed) {
    const TempDir dir;
    for (std::uint64_t f = 0; f < files; ++f) {
        std::string text;
        for (std::uint64_t n = f * records; n < (f + 1) * records; ++n) text += line_of(n);
        dir.write("in/" + std::to_string(1000 + f), text);
    }
    Waits waits(seed);
    for (int round = 0; round < 15; ++round) {
        const std::string file = dir.write("p.toml", config(waits));
        const char* const ring = waits.next(0, 1) == 0 ? "auto" : "posix";
        Process process(program({"run", "--progress", "off", "--ring", ring, file}));
        sleep_ms(static_cast<int>(waits.next(0, 1) == 0 ? waits.next(0, 30) : waits.next(0, 200)));
        send_some(process, waits);
        REQUIRE(process.wait(std::chrono::seconds(60)));
        const Exited exited = process.result();
        INFO(exited.err);
        // A signal before the program has begun to listen ends it, too.
        if (!exited.signaled) CHECK((exited.code == 0 || exited.code == 75));
    }
    const Exited exited = run({"run", "--progress", "off", dir.write("p.toml", config(waits))});
    INFO(exited.err);
    CHECK(exited.code == 0);
    check(dir);
}

}  // namespace

TEST_CASE("signals at random moments lose and repeat nothing, whatever the mode, first seed") {
    signals(1);
}

TEST_CASE("signals at random moments lose and repeat nothing, whatever the mode, second seed") {
    signals(2);
}

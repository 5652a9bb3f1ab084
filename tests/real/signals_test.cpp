// What each signal does; and signals of every kind, one or two, at random moments, over many files in every mode and on either
// ring, with the config changed between the runs: each file's records arrive once and in order.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <sstream>

#include "core/codec/document.hpp"
#include "tests/real/campaign.hpp"

using namespace holdfast::real;
namespace codec = holdfast::codec;

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
        REQUIRE(process.wait(std::chrono::minutes(2)));
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

namespace {

/// One input, one sink whose writes take `latency`.
std::string slow(const TempDir& dir, const std::string& latency) {
    dir.write("in", lines(0, 1000));
    return dir.write("p.toml",
                     "[engine]\ncommit_interval = \"10ms\"\n[sources.in]\ntype = \"file\"\n"
                     "include = [\"in\"]\npoll_interval = \"5ms\"\n[sinks.slow]\ntype = \"file\"\n"
                     "inputs = [\"in\"]\npath = \"out\"\ninject = { latency = \"" +
                         latency + "\" }\n");
}

}  // namespace

TEST_CASE("what is sent by mistake changes nothing, and HUP and USR2 are answered with a line") {
    const TempDir dir;
    const Process process(program({"run", slow(dir, "0s")}));
    REQUIRE(eventually([&] { return read_file(dir.at("out")) == lines(0, 1000); }));
    for (const int kind : {SIGHUP, SIGUSR2, SIGPIPE, SIGALRM, SIGVTALRM, SIGPROF, SIGPOLL, SIGXFSZ,
                           SIGWINCH, SIGCONT, SIGCHLD, SIGURG, SIGRTMIN, SIGRTMAX})
        process.send(kind);
    CHECK(says(process, "SIGHUP is ignored"));
    CHECK(says(process, "SIGUSR2 is ignored"));
    append_file(dir.at("in"), lines(1000, 1000));
    CHECK(eventually([&] { return read_file(dir.at("out")) == lines(0, 2000); }));
}

TEST_CASE("QUIT stops at once, as a second TERM does, and loses nothing") {
    const TempDir dir;
    const std::string file = slow(dir, "1h");
    Process process(program({"run", "-v", file}));
    REQUIRE(says(process, "file found"));
    process.send(SIGQUIT);
    REQUIRE(process.wait(std::chrono::seconds(5)));
    const Exited exited = process.result();
    INFO(exited.err);
    CHECK_FALSE(exited.signaled);
    CHECK(exited.code == 75);
    CHECK(contains(exited.err, "stopping now"));
    CHECK(run({"run", "--set", "sinks.slow.inject.latency=0s", "--set", "sources.in.end=eof", file})
              .code == 0);
    CHECK(read_file(dir.at("out")) == lines(0, 1000));
}

TEST_CASE("USR1 names what is stuck, with what is read, delivered and owed, in text and in JSON") {
    for (const char* format : {"text", "json"}) {
        const TempDir dir;
        Process process(program({"run", "-q", "--log-format", format, slow(dir, "1h")}));
        // The signal may come before it listens to any, so it is sent when the checkpoint is there.
        REQUIRE(eventually([&] { return exists(dir.at(".holdfast/p/lock")); }));
        REQUIRE(eventually([&] {
            process.send(SIGUSR1);
            sleep_ms(50);
            return contains(process.result().err, "unsettled_records=1000");
        }));
        process.kill();
        const std::string said = process.result().err;
        INFO(said);
        CHECK(contains(said,
                       "state: waits for sink slow, which waits for the answer to a write, for "));
        CHECK(contains(said, "(attempt 1)"));
        for (const char* part : {"state: memory leased=", "state: source source=in records=1000",
                                 "state: sink sink=slow delivered=0", "owed=1000",
                                 "state: commits done=", "settled_to=0", "unsettled_records=1000"})
            CHECK(contains(said, part));
        std::istringstream text(said);
        for (std::string line; std::string(format) == "json" && std::getline(text, line);) {
            INFO(line);
            codec::Parser parser;
            codec::Tape tape;
            CHECK(parser.parse(std::as_bytes(std::span(line)), codec::Format::json, tape));
        }
    }
}

TEST_CASE("USR1 before there is anything to read says that it waits for something to read") {
    const TempDir dir;
    const std::string file = slow(dir, "0s");
    Process process(program({"run", file}));
    REQUIRE(eventually([&] { return read_file(dir.at("out")) == lines(0, 1000); }));
    REQUIRE(is_quiet(dir.at(".holdfast/p")));
    process.send(SIGUSR1);
    CHECK(says(process, "state: waits for source in (something"));
}

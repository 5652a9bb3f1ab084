// The line of progress, the balance, and the terminal that shows them.
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <memory>

#include "io/cli/config.hpp"
#include "io/cli/effective.hpp"
#include "io/cli/progress.hpp"

using namespace holdfast;
using namespace holdfast::cli;

namespace {

io::PipelineConfig two_sinks(const std::string& end) {
    const ConfigResult result = parse_config(
        "[sources.in]\ntype = \"file\"\ninclude = [\"/nowhere/*.log\"]\nend = \"" + end +
            "\"\n[sinks.fast]\ntype = \"blackhole\"\ninputs = [\"in\"]\n"
            "[sinks.slow]\ntype = \"blackhole\"\ninputs = [\"in\"]\n",
        "/tmp/pipe.toml", {});
    REQUIRE(result.problems.empty());
    return result.config;
}

bool has(const std::string& text, const std::string& what) {
    return text.find(what) != std::string::npos;
}

/// 1,000 records of 100 bytes were read in leaps; `fast` has so many of them, `slow` so many.
struct Running {
    explicit Running(const std::string& end) : config(two_sinks(end)) {}

    std::string at(std::int64_t second, std::uint64_t read, std::uint64_t fast, std::uint64_t slow,
                   std::int64_t unread) {
        stats->source[0].records = read;
        stats->source[0].bytes = read * 100;
        const std::uint64_t done[] = {fast, slow};
        for (std::size_t i = 0; i < 2; ++i) {
            stats->sink[i].admitted = read;
            stats->sink[i].delivered = done[i];
            stats->sink[i].bytes_delivered = done[i] * 100;
            stats->sink[i].owed = read - done[i];
        }
        const io::Sample sample{Instant{seconds(second).ns}, stats.get(), unread, nullptr};
        progress.observe(sample);
        return progress.line(sample);
    }

    io::PipelineConfig config;
    Terminal terminal{{}};
    Progress progress{config, terminal, Progress::Mode::off};
    std::unique_ptr<Stats> stats = std::make_unique<Stats>();
};

/// What a terminal was sent.
class Screen {
public:
    Screen() : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
        REQUIRE(master_ >= 0);
        REQUIRE(::grantpt(master_) == 0);
        REQUIRE(::unlockpt(master_) == 0);
        slave_ = ::open(::ptsname(master_), O_RDWR | O_NOCTTY);
        REQUIRE(slave_ >= 0);
    }
    ~Screen() {
        ::close(master_);
        ::close(slave_);
    }
    Screen(const Screen&) = delete;

    int fd() const { return slave_; }
    /// The lines as a person sees them in the end: what a wipe took away is gone.
    std::string shown() {
        std::string sent;
        char buffer[4096];
        // The kernel passes a terminal's text on in its own time.
        for (pollfd in{.fd = master_, .events = POLLIN, .revents = 0}; ::poll(&in, 1, 300) == 1;) {
            const ssize_t n = ::read(master_, buffer, sizeof(buffer));
            REQUIRE(n > 0);
            sent.append(buffer, static_cast<std::size_t>(n));
        }
        REQUIRE_FALSE(sent.empty());
        std::string out;
        for (std::size_t i = 0; i < sent.size(); ++i) {
            if (std::string_view(sent).substr(i).starts_with("\r\x1b[K")) {
                out.resize(out.rfind('\n') + 1);
                i += 3;
            } else if (sent[i] != '\r') {
                out += sent[i];
            }
        }
        return out;
    }

private:
    int master_ = -1;
    int slave_ = -1;
};

}  // namespace

TEST_CASE("progress shows the rate of what sinks take, also when all is read") {
    Running run("eof");
    run.at(0, 0, 0, 0, 100'000);
    run.at(1, 1000, 100, 10, 0);
    const std::string line = run.at(2, 1000, 200, 20, 0);
    INFO(line);
    CHECK(has(line, "in 1,000 (97.6KiB) | fast 200 | slow 20 | in flight 980"));
    CHECK(has(line, "| 100/s 9.7KiB/s"));
}

TEST_CASE(
    "progress tells the time that the slowest sink needs for what was read and what was not") {
    Running run("eof");
    run.at(0, 0, 0, 0, 100'000);
    // 20 records a second come in, and as many reach the slow sink: 40 s for the 800 to come.
    run.at(1, 20, 20, 20, 98'000);
    CHECK(has(run.at(10, 200, 200, 200, 80'000), "| ETA 40s"));
    // Half as many reach the slow sink from now on, and all is read: 800 at 10 a second.
    run.at(20, 1000, 1000, 300, 0);
    CHECK(has(run.at(30, 1000, 1000, 400, 0), "| ETA 1m00s"));
    CHECK(has(run.at(32, 1000, 1000, 420, 0), "| ETA 58s"));
}

TEST_CASE("progress promises no end where there is none, or nobody knows it") {
    Running tail("never");
    tail.at(0, 0, 0, 0, 1000);
    CHECK_FALSE(has(tail.at(1, 100, 100, 50, 1000), "ETA"));
    Running stuck("eof");
    stuck.at(0, 100, 0, 0, 0);
    CHECK_FALSE(has(stuck.at(1, 100, 100, 0, 0), "ETA"));
    CHECK_FALSE(has(stuck.at(10, 100, 100, 100, 0), "ETA"));
}

TEST_CASE("progress names dead letters and drops once there are any") {
    Running run("eof");
    const std::string before = run.at(0, 10, 0, 0, 0);
    CHECK_FALSE(has(before, "dead letters"));
    CHECK_FALSE(has(before, "dropped"));
    run.stats->dead_letters = 3;
    run.stats->sink[1].dropped = 2;
    CHECK(has(run.at(1, 10, 1, 1, 0), "| dead letters 3 | dropped 2 | in flight 9"));
}

TEST_CASE("a terminal draws progress below the log, and takes it away at the end") {
    Screen screen;
    Terminal terminal({.color = "never", .fd = screen.fd()});
    REQUIRE(terminal.is_terminal());
    terminal.redraw("in 1");
    terminal.redraw("in 2");
    terminal.log(io::Level::warn, "mind");
    terminal.redraw("in 3");
    CHECK(has(screen.shown(), "warn  mind\nin 3"));
    terminal.redraw("");
    terminal.print("balance");
    CHECK(screen.shown() == "balance\n");
    terminal.redraw("");
    terminal.print("again");
    CHECK(screen.shown() == "again\n");
}

TEST_CASE("what a crash would repeat is in the line, in the balance and in its JSON") {
    Running running("eof");
    running.at(0, 0, 0, 0, -1);
    const Repeats repeats[] = {{0, 0}, {1200, 64000}};
    const io::Sample sample{Instant{seconds(1).ns}, running.stats.get(), -1, nullptr, repeats};
    CHECK(has(running.progress.line(sample), " | may repeat 1,200"));
    io::RunReport report;
    report.may_repeat.assign(std::begin(repeats), std::end(repeats));
    CHECK(has(balance(running.config, report), " | may be written again: 1,200"));
    const std::string json = balance_json(running.config, report);
    CHECK(has(json, "\"may_repeat_records\": 1200"));
    CHECK(has(json, "\"may_repeat_bytes\": 64000"));
    report.may_repeat.clear();
    CHECK_FALSE(has(balance(running.config, report), "written again"));
}

TEST_CASE("validate says what may be repeated at most, or that nothing bounds it") {
    const auto promise = [](const std::string& engine) {
        const ConfigResult result = parse_config(
            "[engine]\n" + engine +
                "[sources.in]\ntype = \"file\"\ninclude = [\"/x\"]\n[sinks.a]\n"
                "type = \"file\"\ninputs = [\"in\"]\npath = \"a\"\ndelivery = \"at_least_once\"\n",
            "/tmp/pipe.toml", {});
        REQUIRE(result.problems.empty());
        return guarantee(result.config, result.config.sources[0], result.config.sinks[0]);
    };
    CHECK(has(promise(""), "(every 1s; no bound in records or bytes, see engine.commit_records)"));
    CHECK(
        has(promise("commit_records = 1000\n"), "(every 1s; at most 1,000 records, or one batch)"));
    CHECK(has(promise("commit_records = 1000\ncommit_bytes = \"1MiB\"\n"),
              "at most 1,000 records and 1MiB, or one batch"));
}

// The real program with a terminal as its stderr.
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

/// Reads what a program says to its terminal until it ends.
std::string said_to_terminal(const std::vector<std::string>& arguments) {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(master >= 0);
    REQUIRE(::grantpt(master) == 0);
    REQUIRE(::unlockpt(master) == 0);
    const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(slave >= 0);
    Process::Options options;
    options.err = slave;
    options.environment = {{"TERM", "xterm"}};
    Process process(program(arguments), options);
    ::close(slave);
    std::string said;
    for (;;) {
        pollfd ready{master, POLLIN, 0};
        REQUIRE(::poll(&ready, 1, 30'000) == 1);
        char buffer[4096];
        const ssize_t n = ::read(master, buffer, sizeof(buffer));
        if (n <= 0) break;  // EIO: nobody has the other side any more.
        said.append(buffer, static_cast<std::size_t>(n));
    }
    ::close(master);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    INFO(said);
    REQUIRE(process.result().code == 0);
    return said;
}

}  // namespace

TEST_CASE("on a terminal progress is one line that is redrawn, with the time left, and then gone") {
    TempDir dir;
    dir.write("logs/x", lines(0, 20'000));
    const std::string file =
        dir.write("p.toml",
                  "[sources.in]\ntype = \"file\"\ninclude = [\"logs/*\"]\nend = \"eof\"\n"
                  "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out/a\"\n"
                  "batch = { max_records = 500 }\ninject = { latency = \"30ms\" }\n");
    const std::string said = said_to_terminal({"run", "--color", "never", file});
    INFO(said);
    const std::string wiped = "\r\x1b[K";
    CHECK(contains(said, wiped + "in 20,000 ("));
    CHECK(contains(said, "| ETA "));
    CHECK(contains(said, "| in flight "));
    // The last line of progress is wiped before the log goes on, and stands nowhere afterwards.
    const std::size_t finished = said.find(" info  finished");
    REQUIRE(finished != std::string::npos);
    const std::size_t begin = said.rfind(wiped, finished);
    REQUIRE(begin != std::string::npos);
    CHECK_FALSE(contains(said.substr(begin, finished - begin), "in 20,000"));
    CHECK_FALSE(contains(said.substr(finished), wiped));
    CHECK(contains(said, "balance: in 20,000 | a: 20,000 = 20,000 delivered"));
    CHECK_FALSE(contains(said_to_terminal({"run", "--progress", "off", file}), wiped));
}

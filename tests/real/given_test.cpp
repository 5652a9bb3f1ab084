// What was received from a source that cannot be read again is given away before a stop ends it.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>

#include "tests/real/campaign.hpp"

using namespace holdfast::real;

namespace {

std::string config(const TempDir& dir, const std::string& source) {
    return dir.write("p.toml",
                     "[sources.in]\n" + source +
                         "[sinks.out]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out\"\n"
                         "delivery = \"at_least_once\"\n"
                         "[dead_letters]\ntype = \"file\"\npath = \"dead\"\n");
}

/// Once the whole line is out, it is asked to stop; what it says then.
Exited stopped(const TempDir& dir, Process& process) {
    REQUIRE(eventually([&] { return read_file(dir.at("out")) == "whole\n"; }));
    // The half behind it comes in the same read, or soon after.
    sleep_ms(100);
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::seconds(20)));
    const Exited exited = process.result();
    INFO(exited.err);
    CHECK(exited.code == 0);
    return exited;
}

/// A peer that has said so much and goes on to hold the connection.
int peer(const std::string& path, const std::string& text) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strncpy(at.sun_path, path.c_str(), sizeof at.sun_path - 1);
    int fd = -1;
    REQUIRE(eventually([&] {
        if (fd >= 0) ::close(fd);
        fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return ::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
    }));
    REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    return fd;
}

}  // namespace

TEST_CASE("a line that a peer began when the pipeline stops goes by on_unfinished") {
    for (const std::string policy : {"record", "dead_letter", "drop"}) {
        const TempDir dir;
        Process process(program({"run", "--progress", "off",
                                 config(dir,
                                        "type = \"socket\"\nmode = \"unix_stream\"\n"
                                        "path = \"in.sock\"\non_unfinished = \"" +
                                            policy + "\"\n")}));
        const int fd = peer(dir.at("in.sock"), "whole\nhalf");
        const Exited exited = stopped(dir, process);
        ::close(fd);
        INFO(policy);
        CHECK(read_file(dir.at("out")) == (policy == "record" ? "whole\nhalf\n" : "whole\n"));
        CHECK(contains(read_file(dir.at("dead")), "\"half\"") == (policy == "dead_letter"));
        CHECK(contains(exited.err, "but for one record that was begun and not ended") ==
              (policy == "drop"));
    }
}

TEST_CASE("what a command wrote without a newline when the pipeline stops is a record") {
    const TempDir dir;
    Process process(program(
        {"run", "--progress", "off",
         config(dir,
                "type = \"exec\"\n"
                "command = [\"sh\", \"-c\", \"echo whole; printf half; exec sleep 100\"]\n")}));
    stopped(dir, process);
    CHECK(read_file(dir.at("out")) == "whole\nhalf\n");
}

TEST_CASE("a line of standard input whose end is not read is no record, and said") {
    const TempDir dir;
    Process process(program({"run", "--progress", "off", config(dir, "type = \"stdin\"\n")}),
                    {.in_text = {}, .in_open = true, .err = -1, .environment = {}});
    process.write_in("whole\nhalf");
    const Exited exited = stopped(dir, process);
    CHECK(read_file(dir.at("out")) == "whole\n");
    CHECK(contains(exited.err, "but for one record that was begun and not ended"));
}

TEST_CASE("two processes do not take one socket's path from each other") {
    const TempDir dir;
    const std::string file =
        config(dir, "type = \"socket\"\nmode = \"unix_stream\"\npath = \"in.sock\"\n");
    Process first(program({"run", "--progress", "off", file}));
    const int fd = peer(dir.at("in.sock"), "whole\n");
    REQUIRE(eventually([&] { return read_file(dir.at("out")) == "whole\n"; }));
    // Whatever became of the socket's own file meanwhile.
    REQUIRE(::unlink(dir.at("in.sock").c_str()) == 0);
    const Exited second = run({"run", "--progress", "off", "--set", "data_dir=" + dir.at("other"),
                               "--set", "sinks.out.path=" + dir.at("out2"), "--set",
                               "dead_letters.path=" + dir.at("dead2"), file});
    INFO(second.err);
    CHECK(second.code != 0);
    CHECK(contains(second.err, "another process has it"));
    ::close(fd);
}

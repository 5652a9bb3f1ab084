// Commands and sockets, with the real program on both sides.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/io/socket_peers.hpp"
#include "tests/real/campaign.hpp"
#include "tests/real/cgroup.hpp"

using namespace holdfast::real;
using holdfast::io::test::Peer;

namespace {

bool is_running(const std::string& pid) {
    std::ifstream stat("/proc/" + pid + "/stat");
    std::string number, name, state;
    stat >> number >> name >> state;
    return stat && state != "Z";
}

/// The address that the program says it has for this source.
std::string address_of(const Process& process, const std::string& what, const std::string& source) {
    REQUIRE(says(process, what + " source=" + source + " address="));
    const std::string said = process.result().err;
    const auto at = said.find("address=", said.find(what + " source=" + source)) + 8;
    return said.substr(at, said.find_first_of(" \n", at) - at);
}

std::string exec_pipeline(const std::string& command, const std::string& keys) {
    return "data_dir = \"state\"\n[sources.in]\ntype = \"exec\"\ncommand = " + command + "\n" +
           keys + "\n[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"a\"\n";
}

}  // namespace

TEST_CASE("a command's output is delivered, and its end is the end") {
    const TempDir folder;
    const std::string file =
        folder.write("pipe.toml", exec_pipeline("[\"seq\", \"100000\"]", "restart = \"never\""));
    const std::string valid = run({"validate", file}).out;
    CHECK(contains(valid, "source in: the output of the command seq 100000"));
    CHECK(contains(valid, "a command's output cannot be read again"));
    const Exited exited = run({"run", file});
    INFO(exited.err);
    CHECK(exited.code == 0);
    std::string expected;
    for (int i = 1; i <= 100000; ++i) expected += std::to_string(i) + "\n";
    CHECK((read_file(folder.at("a")) == expected));
}

TEST_CASE("a command that fails ends the run with exit code 74, after all that it printed") {
    const TempDir folder;
    const std::string command = "[\"sh\", \"-c\", \"seq 5000; echo it broke >&2; exit 9\"]";
    const std::string file =
        folder.write("pipe.toml", exec_pipeline(command, "restart = \"never\""));
    const Exited exited = run({"run", file});
    INFO(exited.err);
    CHECK(exited.code == 74);
    CHECK(contains(exited.err,
                   "the command of source \"in\" failed: it exited with code 9. All that "
                   "was read of it is delivered"));
    CHECK(contains(exited.err, "stderr=\"it broke\""));
    CHECK(read_file(folder.at("a")).ends_with("4999\n5000\n"));
}

TEST_CASE("a command that is not there is a wrong config: exit code 78") {
    const TempDir folder;
    const Exited exited =
        run({"run", folder.write("pipe.toml", exec_pipeline("[\"no-such-command-here\"]", ""))});
    INFO(exited.err);
    CHECK(exited.code == 78);
    CHECK(contains(exited.err, "source \"in\": command not found: no-such-command-here"));
}

TEST_CASE("a command ends with holdfast, asked or killed") {
    const TempDir folder;
    const std::string command = "[\"sh\", \"-c\", \"echo $$; while sleep 0.01; do echo x; done\"]";
    const std::string file = folder.write("pipe.toml", exec_pipeline(command, ""));
    const bool asked = GENERATE(true, false);
    Process process(program({"run", file}));
    const auto some = [&] { return read_file(folder.at("a")).size() > 30; };
    REQUIRE(eventually(some));
    const std::string said = read_file(folder.at("a"));
    const std::string pid = said.substr(0, said.find('\n'));
    REQUIRE(is_running(pid));
    process.send(asked ? SIGTERM : SIGKILL);
    REQUIRE(process.wait(std::chrono::minutes(1)));
    if (asked) CHECK(process.result().code == 0);
    CHECK(eventually([&] { return !is_running(pid); }, std::chrono::seconds(20)));
}

TEST_CASE("a command that keeps ending is started again later each time") {
    const TempDir folder;
    const std::string file =
        folder.write("pipe.toml", exec_pipeline("[\"echo\", \"x\"]", "initial_backoff = \"20ms\""));
    Process process(program({"run", file}));
    CHECK(says(process, "wait_ms=20"));
    CHECK(says(process, "wait_ms=40"));
    CHECK(says(process, "wait_ms=80"));
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(1)));
    CHECK(process.result().code == 0);
}

TEST_CASE("lines go from one holdfast to another whole and in order, over TCP and Unix sockets") {
    const TempDir folder;
    const bool local = GENERATE(true, false);
    const std::string where =
        local ? "mode = \"unix_stream\"\npath = \"s\"\n" : "address = \"127.0.0.1:0\"\n";
    const std::string taker = folder.write(
        "taker.toml", "data_dir = \"taker\"\n[sources.in]\ntype = \"socket\"\n" + where +
                          "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out\"\n");
    const std::string input = numbered_lines(0, 50'000);
    folder.write("input", input);
    Process takes(program({"run", taker}));
    const std::string address = address_of(takes, "listening", "in");
    const std::string to =
        local ? "mode = \"unix_stream\"\npath = \"s\"\n" : "address = \"" + address + "\"\n";
    const std::string giver = folder.write("giver.toml",
                                           "data_dir = \"giver\"\n[sources.in]\ntype = "
                                           "\"file\"\ninclude = [\"input\"]\nend = \"eof\"\n"
                                           "[sinks.a]\ntype = \"socket\"\ninputs = [\"in\"]\n" +
                                               to);
    const Exited gave = run({"run", giver});
    INFO(gave.err);
    CHECK(gave.code == 0);
    const auto all = [&] { return read_file(folder.at("out")).size() >= input.size(); };
    CHECK(eventually(all, std::chrono::seconds(60)));
    takes.send(SIGTERM);
    REQUIRE(takes.wait(std::chrono::minutes(1)));
    CHECK(takes.result().code == 0);
    CHECK((read_file(folder.at("out")) == input));
}

TEST_CASE("a sender that is killed and comes again sends every line, and none is torn or joined") {
    const TempDir folder;
    const std::string taker = folder.write(
        "taker.toml",
        "data_dir = \"taker\"\n[sources.in]\ntype = \"socket\"\nmode = \"unix_stream\"\n"
        "path = \"s\"\non_unfinished = \"drop\"\n"
        "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out\"\n");
    const std::string giver = folder.write(
        "giver.toml",
        "data_dir = \"giver\"\nengine = { commit_interval = \"5ms\", commit_records = 2000 }\n"
        "[sources.in]\ntype = \"file\"\ninclude = [\"input\"]\nend = \"eof\"\n"
        "[sinks.a]\ntype = \"socket\"\nmode = \"unix_stream\"\npath = \"s\"\ninputs = [\"in\"]\n"
        "retry = { initial_backoff = \"5ms\", max_backoff = \"20ms\" }\n");
    constexpr std::uint64_t count = 400'000;
    const std::string input = numbered_lines(0, count);
    folder.write("input", input);
    Process takes(program({"run", taker}));
    address_of(takes, "listening", "in");
    Waits waits(1);
    int kills = 0;
    bool ended = false;
    for (int i = 0; i < 30 && !ended; ++i) {
        Process gives(program({"run", giver}));
        ended = gives.wait(std::chrono::milliseconds(waits.next(10, 60)));
        if (!ended) gives.kill();
        kills += ended ? 0 : 1;
    }
    if (!ended) CHECK(run({"run", giver}).code == 0);
    CHECK(kills > 0);
    const auto all = [&] {
        const std::string out = read_file(folder.at("out"));
        return out.size() >= input.size() && judge(out, count).lost == 0;
    };
    CHECK(eventually(all, std::chrono::seconds(60)));
    takes.send(SIGTERM);
    REQUIRE(takes.wait(std::chrono::minutes(1)));
    const Verdict verdict = judge(read_file(folder.at("out")), count);
    CHECK(verdict.lost == 0);
    CHECK(verdict.torn == 0);
    CHECK(verdict.repeated <= 2000u * static_cast<unsigned>(kills));
}

TEST_CASE("a socket source keeps to its memory, whatever its peers leave unfinished") {
    const TempDir folder;
    const std::string file = folder.write(
        "pipe.toml",
        "data_dir = \"state\"\n[engine]\nmemory_limit = \"8MiB\"\n[sources.in]\ntype = \"socket\"\n"
        "mode = \"unix_stream\"\npath = \"s\"\nmax_connections = 300\nmax_line = \"512KiB\"\n"
        "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"a\"\n");
    const std::uint64_t most =
        number_after(run({"validate", "--json", file}).out, "process_memory_max");
    const Cgroup cgroup(most);
    if (!cgroup.made()) return;
    Process process(cgroup.inside({"run", file}));
    address_of(process, "listening", "in");
    // Far more than it may hold of them: each is half a line, and comes in many pieces.
    const std::string half(300 << 10, 'h');
    std::vector<Peer> peers;
    for (int i = 0; i < 300; ++i) {
        peers.push_back(Peer::to(folder.at("s")));
        for (std::size_t at = 0; at < half.size();) {
            const ssize_t n =
                ::send(peers.back().fd(), half.data() + at,
                       std::min<std::size_t>(half.size() - at, 64 << 10), MSG_NOSIGNAL);
            if (n <= 0) break;
            at += static_cast<std::size_t>(n);
        }
    }
    peers.back().send("\nend\n");
    const auto ended = [&] { return read_file(folder.at("a")).ends_with("\nend\n"); };
    CHECK(eventually(ended, std::chrono::seconds(60)));
    CHECK(contains(process.result().err, "to make room for others' lines"));
    REQUIRE(process.running());
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(1)));
    CHECK(process.result().code == 0);
}

TEST_CASE("the example of commands and the one of sockets do what their heads say") {
    const TempDir folder;
    const auto example = [&](const std::string& name) {
        std::filesystem::copy(HF_SOURCE_DIR "/examples/" + name, folder.at(name));
        return folder.at(name);
    };
    const Exited squares = run({"run", example("exec.toml")});
    INFO(squares.err);
    CHECK(squares.code == 0);
    CHECK(read_file(folder.at("out/squares.jsonl")).ends_with("{\"n\":1000,\"square\":1000000}\n"));

    const std::string any = "address=\"127.0.0.1:0\"";
    Process process(program({"run", "--set", "sources.streams." + any, "--set",
                             "sources.datagrams." + any, example("socket.toml")}));
    const Peer stream = Peer::to(address_of(process, "listening", "streams"));
    const Peer datagrams =
        Peer::to(address_of(process, "taking datagrams", "datagrams"), SOCK_DGRAM);
    stream.send("{\"level\":\"error\",\"text\":\"disk full\"}\n");
    datagrams.send("{\"level\":\"info\",\"text\":\"hello\"}");
    datagrams.send("two\nlines");
    const auto there = [&] {
        const std::string text = read_file(folder.at("out/all.jsonl"));
        return contains(text, "disk full") && contains(text, "hello");
    };
    CHECK(eventually(there, std::chrono::seconds(20)));
    CHECK(says(process, "connecting to " + folder.at("out/next.sock")));
    const holdfast::io::test::Host next(folder.at("out/next.sock"));
    const Peer errors = next.accept();
    std::string got;
    CHECK(eventually([&] { return contains(got += errors.take(), "disk full\"}\n"); },
                     std::chrono::seconds(20)));
    CHECK(eventually(
        [&] {
            return contains(read_file(folder.at("out/socket-dead.jsonl")),
                            "the datagram holds a newline");
        },
        std::chrono::seconds(20)));
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(1)));
    CHECK(process.result().code == 0);
}

#include "io/sources/exec/exec_source.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "tests/io/sink_bench.hpp"
#include "tests/io/source_bench.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;

namespace {

struct ExecBench : SourceBench {
    ExecSourceConfig config{.name = "in",
                            .id = {},
                            .command = {},
                            .restart = Restart::never,
                            .backoff_first = milliseconds(50),
                            .backoff_max = milliseconds(400),
                            .limits = {},
                            .refuse = {}};
    ExecSource* exec = nullptr;
    std::string refused;
    TestDir dir;

    void start(const std::string& script) { start_argv({"sh", "-c", script}); }
    void start_argv(std::vector<std::string> argv) {
        config.command.argv = std::move(argv);
        config.refuse = [this](std::string problem) { refused = std::move(problem); };
        auto made = std::make_unique<ExecSource>(config, make_children(milliseconds(300)), *ring,
                                                 payloads, events, checkpoints, slots, log);
        exec = made.get();
        source = std::move(made);
        source->start();
    }
    void run_to_end() {
        run_until([this] { return ended; });
    }
};

bool is_running(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    stat >> number >> name >> state;
    return stat && state != "Z";
}

bool ends_soon(pid_t pid) {
    for (int i = 0; i < 500 && is_running(pid); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return !is_running(pid);
}

pid_t pid_in(const std::string& path) {
    pid_t pid = 0;
    std::ifstream(path) >> pid;
    return pid;
}

}  // namespace

TEST_CASE("exec gives what a command prints, line by line, and ends with it") {
    ExecBench b;
    b.start_argv({"seq", "3000"});
    b.run_to_end();
    std::string expected;
    for (int i = 1; i <= 3000; ++i) expected += std::to_string(i) + "\n";
    CHECK(b.text() == expected);
    CHECK(b.exec->failure().empty());
    CHECK(b.exec->runs() == 1);
    CHECK(b.pool.used() == 0);
}

TEST_CASE("exec takes no shell: an argument is an argument") {
    ExecBench b;
    b.start_argv({"printf", "%s\n", "$HOME; echo `x` *"});
    b.run_to_end();
    CHECK(b.text() == "$HOME; echo `x` *\n");
}

TEST_CASE(
    "exec's rest without newline is a record, and never the head of what the next run prints") {
    ExecBench b;
    b.config.restart = Restart::on_failure;
    b.start("if [ -e " + b.dir / "x" + " ]; then echo two; else touch " + b.dir / "x" +
            "; printf one; exit 3; fi");
    b.run_to_end();
    CHECK(b.delivered() == "one\ntwo\n");
    REQUIRE(b.came.size() == 2);
    CHECK_FALSE(b.came[0].terminated);
    CHECK(b.exec->runs() == 2);
    CHECK(b.exec->failure().empty());
    CHECK(b.said("it exited with code 3") == 1);
}

TEST_CASE("exec cuts an oversized line and carries long ones over") {
    ExecBench b;
    b.config.limits.line_max = 20'000;
    b.max_bytes = 4096;
    b.start(
        "head -c 15000 /dev/zero | tr '\\0' x; echo; head -c 45000 /dev/zero | tr '\\0' y; "
        "echo; echo end");
    b.run_to_end();
    CHECK(b.delivered() == std::string(15'000, 'x') + "\nend\n");
    std::size_t dead = 0;
    for (const auto& one : b.came)
        if (one.fate == Fate::oversized) dead += one.text.size();
    CHECK(dead == 45'001);
}

TEST_CASE("exec gives a command's last line away before it says that the command failed") {
    ExecBench b;
    b.pulling = false;
    b.start("echo one; echo two >&2; exit 7");
    b.run(milliseconds(200));
    CHECK(b.exec->failure().empty());
    b.pulling = true;
    b.run_to_end();
    CHECK(b.text() == "one\n");
    CHECK(b.exec->failure() == "the command of source \"in\" failed: it exited with code 7");
    CHECK(b.said("stderr=two") == 1);
    CHECK(b.said("the command has failed") == 1);
}

TEST_CASE("exec tells of a signal") {
    ExecBench b;
    b.start("kill -9 $$");
    b.run_to_end();
    CHECK(b.exec->failure().find("it was ended by signal 9 (Killed)") != std::string::npos);
}

TEST_CASE("exec logs standard error by lines, and shows what a terminal would obey") {
    ExecBench b;
    b.start(
        "printf 'one\\ntw' >&2; printf 'o\\033[2J' >&2; head -c 5000 /dev/zero | tr '\\0' z >&2;"
        "echo out");
    b.run_to_end();
    CHECK(b.text() == "out\n");
    CHECK(b.said("stderr=one") == 1);
    CHECK(b.said("two\\x1b[2Jzzz") == 1);
    CHECK(b.said("cut_at=4096") == 1);
    CHECK(b.said("the command says") == 2);
}

TEST_CASE("exec starts a command again and again, each time later") {
    ExecBench b;
    b.config.restart = Restart::always;
    b.start("date +%s%N");
    b.run_until([&] { return b.came.size() >= 4; });
    std::vector<std::int64_t> at;
    for (const auto& one : b.came) at.push_back(std::stoll(one.text));
    CHECK(at[1] - at[0] >= 50'000'000);
    CHECK(at[2] - at[1] >= 100'000'000);
    CHECK(at[3] - at[2] >= 200'000'000);
    CHECK_FALSE(b.ended);
}

TEST_CASE("exec's backoff begins anew after a long run") {
    ExecBench b;
    b.config.restart = Restart::always;
    b.config.backoff_max = milliseconds(200);
    b.start("echo x; if [ -e " + b.dir / "x" + " ]; then sleep 0.3; fi; touch " + b.dir / "x");
    b.run_until([&] { return b.exec->runs() >= 4; });
    CHECK(b.said("wait_ms=50") >= 3);
    CHECK(b.said("wait_ms=100") == 0);
}

TEST_CASE("exec refuses a command that is not there, at the start") {
    ExecBench b;
    b.config.restart = GENERATE(Restart::never, Restart::always);
    SECTION("no such program") {
        b.start_argv({"no-such-program-of-holdfast"});
        CHECK(b.refused.find("source \"in\": command not found: no-such-program-of-holdfast") == 0);
    }
    SECTION("no such folder") {
        b.config.command.working_dir = b.dir / "none";
        b.start("true");
        CHECK(b.refused.find("cannot go to working_dir") != std::string::npos);
    }
    SECTION("not executable") {
        put_contents(b.dir / "plain", "x");
        b.start_argv({b.dir / "plain"});
        CHECK(b.refused.find("Permission denied") != std::string::npos);
    }
    b.run_to_end();
    CHECK(b.exec->runs() == 1);
}

TEST_CASE("exec waits for a command that goes away later") {
    ExecBench b;
    b.config.restart = Restart::always;
    const std::string program = b.dir / "program";
    put_contents(program, "#!/bin/sh\nrm -f " + program + "\necho one\n");
    REQUIRE(::chmod(program.c_str(), 0755) == 0);
    b.start_argv({program});
    b.run_until([&] { return b.said("the command cannot be started") >= 2; });
    CHECK(b.text() == "one\n");
    CHECK(b.refused.empty());
    CHECK_FALSE(b.ended);
}

TEST_CASE("exec runs a command in its folder, with nothing of ours") {
    ExecBench b;
    const int left_open = ::open("/dev/null", O_RDONLY);  // Not close-on-exec.
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGUSR2);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    b.config.command.working_dir = b.dir.path.string();
    b.start(
        "pwd; for f in /proc/$$/fd/*; do echo ${f##*/}; done; grep -E 'Sig(Blk|Ign)' "
        "/proc/self/status; cat; echo $(cut -d' ' -f5 /proc/$$/stat) $$");
    b.run_to_end();
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    ::close(left_open);
    const std::string text = b.text();
    CHECK(text.find(b.dir.path.string() + "\n0\n1\n2\n") == 0);
    CHECK(text.find("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n") != std::string::npos);
    const std::string pids = text.substr(text.find_last_of('\n', text.size() - 2) + 1);
    const auto space = pids.find(' ');
    CHECK(pids.substr(0, space) + "\n" == pids.substr(space + 1));  // Its own group.
}

TEST_CASE("exec's command and what it started end with the source, and leave no zombie") {
    ExecBench b;
    const bool obeys = GENERATE(true, false);
    const std::string trap = obeys ? "" : "trap '' TERM; ";
    b.start(trap + "sleep 1000 & echo $! > " + b.dir / "inner" + "; echo $$ > " + b.dir / "outer" +
            "; echo ready; while true; do wait; done");
    b.run_until([&] { return b.text() == "ready\n"; });
    const pid_t inner = pid_in(b.dir / "inner");
    const pid_t outer = pid_in(b.dir / "outer");
    REQUIRE(is_running(inner));
    REQUIRE(is_running(outer));
    b.stop();
    CHECK(::waitpid(outer, nullptr, WNOHANG) < 0);  // Reaped.
    CHECK_FALSE(is_running(outer));
    CHECK(ends_soon(inner));
}

TEST_CASE("exec's command ends when holdfast is killed") {
    TestDir dir;
    const pid_t holdfast = ::fork();
    if (holdfast == 0) {
        const auto children = make_children(seconds(1));
        const auto child =
            children->start({.argv = {"sh", "-c",
                                      "echo $$ > " + dir / "pid" + "; mv " + dir / "pid" + " " +
                                          dir / "there; exec sleep 1000"},
                             .working_dir = {}});
        if (!child) ::_exit(1);
        while (true) ::pause();
    }
    while (!std::filesystem::exists(dir / "there"))
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const pid_t command = pid_in(dir / "there");
    CHECK(is_running(command));
    ::kill(holdfast, SIGKILL);
    ::waitpid(holdfast, nullptr, 0);
    CHECK(ends_soon(command));
}

TEST_CASE("exec's run goes on as long as somebody holds its output open") {
    ExecBench b;
    b.start("(sleep 0.3; echo late) & echo early");
    b.run_to_end();
    CHECK(b.text() == "early\nlate\n");
}

TEST_CASE("exec leaves no descriptor open") {
    const auto open_now = [] {
        std::set<std::string> fds;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
            fds.insert(entry.path().filename());
        return fds.size();
    };
    ExecBench b;
    b.config.restart = Restart::always;
    b.config.backoff_first = milliseconds(1);
    b.config.backoff_max = milliseconds(2);
    b.start("echo x; echo y >&2");
    b.run_until([&] { return b.exec->runs() >= 5; });
    const auto early = open_now();
    b.run_until([&] { return b.exec->runs() >= 30; });
    CHECK(open_now() <= early + 3);
}

// What stands in an output and is not known to be ours to take away: the real program.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/real/process.hpp"

using namespace holdfast::real;
namespace fs = std::filesystem;

namespace {

constexpr const char* pipeline = R"(
[engine]
commit_interval = "1h"
[sources.in]
type = "file"
include = ["logs/*"]
poll_interval = "5ms"
[sinks.a]
type = "file"
inputs = ["in"]
path = "out/a"
)";

std::string with(std::string text, const std::string& after, const std::string& what) {
    const auto at = text.find(after);
    REQUIRE(at != std::string::npos);
    return text.insert(at + after.size(), what);
}

/// Reads all there is and ends.
std::string to_the_end() { return with(pipeline, "include = [\"logs/*\"]\n", "end = \"eof\"\n"); }

/// Everything that was set aside of sink a.
std::string set_aside(const TempDir& dir) {
    std::string all;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(dir.at(".holdfast/p/set_aside"), error))
        all += read_file(entry.path().string());
    return all;
}

/// Delivers so many lines, and dies before more than the first of them is committed.
void killed_before_the_commit(const TempDir& dir, std::uint64_t count) {
    dir.write("logs/x", lines(0, 1));
    Process process(program({"run", dir.write("p.toml", pipeline)}));
    REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 1); }));
    REQUIRE(is_quiet(dir.at(".holdfast/p")));
    append_file(dir.at("logs/x"), lines(1, count - 1));
    REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, count); }));
    process.kill();
}

mode_t mode_of(const std::string& path) {
    struct stat found{};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

}  // namespace

TEST_CASE("what was delivered stays in the output when its input is gone after a kill") {
    TempDir dir;
    killed_before_the_commit(dir, 1000);
    fs::remove(dir.at("logs/x"));
    const Exited none = run({"run", dir.write("p.toml", to_the_end())});
    CHECK(none.code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 1000));
    CHECK(contains(none.err, "redelivered after a restart: 0"));
    CHECK(contains(none.err, "999 records"));
    CHECK(contains(none.err, "stand behind what was delivered"));

    dir.write("logs/y", lines(1000, 10));
    const Exited more = run({"run", "-q", dir.at("p.toml")});
    CHECK(more.code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 1) + lines(1000, 10));
    CHECK(set_aside(dir) == lines(1, 999));
    CHECK(contains(more.err, "were set aside"));
    CHECK(contains(more.err, ".holdfast/p/set_aside/a.18.1"));
}

TEST_CASE("what was delivered and comes again after a kill is there once, and counted") {
    TempDir dir;
    killed_before_the_commit(dir, 1000);
    append_file(dir.at("logs/x"), lines(1000, 5));
    const Exited again = run({"run", dir.write("p.toml", to_the_end())});
    CHECK(again.code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 1005));
    CHECK(contains(again.err, "redelivered after a restart: 999"));
    CHECK_FALSE(exists(dir.at(".holdfast/p/set_aside")));
}

TEST_CASE("the balance as JSON says what came again, what was set aside, and what stands behind") {
    TempDir dir;
    killed_before_the_commit(dir, 10);
    fs::remove(dir.at("logs/x"));
    dir.write("logs/y", lines(50, 1));
    const Exited again = run({"run", "--log-format", "json", dir.write("p.toml", to_the_end())});
    CHECK(again.code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 1) + lines(50, 1));
    CHECK(set_aside(dir) == lines(1, 9));
    CHECK(contains(again.err, "redelivered\\\": 0"));
    CHECK(contains(again.err, "set_aside\\\": 9"));
    CHECK(contains(again.err, "behind\\\": 0"));
}

TEST_CASE("what somebody appends between two runs is refused, also when all is quiet") {
    for (const std::string text : {"theirs\n", "theirs"}) {
        TempDir dir;
        dir.write("logs/x", lines(0, 10));
        const std::string file = dir.write("p.toml", to_the_end());
        REQUIRE(run({"run", file}).code == 0);
        append_file(dir.at("out/a"), text);
        append_file(dir.at("logs/x"), lines(10, 10));
        const Exited refused = run({"run", "-q", file});
        CHECK(refused.code == 74);
        CHECK(contains(refused.err, "somebody else wrote them"));
        CHECK(contains(refused.err, "at_least_once"));
        CHECK(read_file(dir.at("out/a")) == lines(0, 10) + text);
        // One of the ways out that it tells.
        const std::string ended = text.back() == '\n' ? text : text + "\n";
        REQUIRE(run({"run", "--set", "sinks.a.delivery=at_least_once", file}).code == 0);
        CHECK(read_file(dir.at("out/a")) == lines(0, 10) + ended + lines(10, 10));
        append_file(dir.at("logs/x"), lines(20, 1));
        REQUIRE(run({"run", file}).code == 0);
        CHECK(read_file(dir.at("out/a")) == lines(0, 10) + ended + lines(10, 11));
    }
}

TEST_CASE("two pipelines that write one file in turn take nothing from each other") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    dir.write("other/x", lines(100, 10));
    const std::string first = dir.write("p.toml", to_the_end());
    std::string text = to_the_end();
    text.replace(text.find("logs/"), 5, "other/");
    const std::string second = dir.write("q.toml", text);
    REQUIRE(run({"run", first}).code == 0);
    REQUIRE(run({"run", second}).code == 0);
    const std::string both = lines(0, 10) + lines(100, 10);
    CHECK(read_file(dir.at("out/a")) == both);
    append_file(dir.at("logs/x"), lines(10, 1));
    CHECK(run({"run", first}).code == 74);
    CHECK(read_file(dir.at("out/a")) == both);
}

TEST_CASE("what somebody appends after a kill is set aside, and ours comes again") {
    TempDir dir;
    killed_before_the_commit(dir, 100);
    append_file(dir.at("out/a"), "theirs\n");
    append_file(dir.at("logs/x"), lines(100, 100));
    const Exited again = run({"run", "-q", dir.write("p.toml", to_the_end())});
    CHECK(again.code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 200));
    CHECK(contains(set_aside(dir), "theirs\n"));
    CHECK(contains(again.err, "were set aside"));
    // Until somebody has looked: at each start, also a quiet one, with size and what to do.
    const Exited later = run({"run", "-q", dir.at("p.toml")});
    CHECK(contains(later.err, "deliver from them what is missing, then delete them"));
    CHECK(contains(later.err, "files=1 bytes="));
    const std::string said = run({"validate", dir.at("p.toml")}).out;
    CHECK(contains(said, "set_aside has 1 file ("));
    fs::remove_all(dir.at(".holdfast/p/set_aside"));
    CHECK_FALSE(contains(run({"run", "-q", dir.at("p.toml")}).err, "set aside"));
}

TEST_CASE("two sources that come again in another order after a kill leave nothing set aside") {
    TempDir dir;
    dir.write("logs/x", lines(0, 1));
    {
        Process process(program({"run", dir.write("p.toml", pipeline)}));
        REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 1); }));
        REQUIRE(is_quiet(dir.at(".holdfast/p")));
        dir.write("logs/z", lines(500, 500));
        REQUIRE(eventually([&] { return contains(read_file(dir.at("out/a")), lines(999, 1)); }));
        append_file(dir.at("logs/x"), lines(1, 499));
        REQUIRE(eventually([&] { return contains(read_file(dir.at("out/a")), lines(499, 1)); }));
        process.kill();
    }
    const Exited again = run({"run", dir.write("p.toml", to_the_end())});
    CHECK(again.code == 0);
    const std::string all = read_file(dir.at("out/a"));
    CHECK(all.size() == lines(0, 1000).size());
    CHECK(contains(all, lines(0, 1)));
    CHECK(contains(all, lines(1, 499)));
    CHECK(contains(all, lines(500, 500)));
    CHECK(set_aside(dir).empty());
    CHECK(contains(again.err, "redelivered after a restart: 999"));
}

TEST_CASE("what somebody appends while it runs is set aside and not written over") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    Process process(program({"run", dir.write("p.toml", pipeline)}));
    REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 10); }));
    append_file(dir.at("out/a"), "theirs\n");
    append_file(dir.at("logs/x"), lines(10, 10));
    CHECK(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 20); }));
    CHECK(set_aside(dir) == "theirs\n");
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    CHECK(process.result().code == 0);
    CHECK(contains(process.result().err, "1 records (7B) set aside"));
}

TEST_CASE("a link from a source to an output is found, whatever it is called") {
    for (const bool symbolic : {true, false}) {
        TempDir dir;
        dir.write("logs/x", lines(0, 10));
        dir.write("out/a", "");
        if (symbolic)
            fs::create_symlink(dir.at("out/a"), dir.at("logs/y"));
        else
            fs::create_hard_link(dir.at("out/a"), dir.at("logs/y"));
        const Exited refused = run({"run", dir.write("p.toml", to_the_end())});
        CHECK(refused.code == 78);
        CHECK(contains(refused.err, "logs/y"));
        CHECK(contains(refused.err, "output of sink \"a\""));
    }
}

TEST_CASE("a link from a source to what is the pipeline's own is refused, whatever it is called") {
    // One of the two checkpoints is replaced by the second run's first commit, before it is found.
    for (const char* own : {"p.toml", ".holdfast/p/last_words", ".holdfast/p/checkpoint.a",
                            ".holdfast/p/checkpoint.b"}) {
        INFO(own);
        TempDir dir;
        dir.write("logs/x", lines(0, 10));
        const std::string file = dir.write("p.toml", to_the_end());
        REQUIRE(run({"run", file}).code == 0);
        if (!exists(dir.at(own))) dir.write(own, "");
        const std::string before = read_file(dir.at("out/a"));
        fs::create_hard_link(dir.at(own), dir.at("logs/y"));
        const Exited refused = run({"run", file});
        INFO(refused.err);
        CHECK(refused.code == 78);
        CHECK(contains(refused.err, "logs/y"));
        CHECK(contains(refused.err, "does not read its own files"));
        CHECK(read_file(dir.at("out/a")) == before);
    }
}

TEST_CASE(
    "standard streams that are the same file, or a file of the pipeline, are refused by inode") {
    const std::string both = "[sources.in]\ntype = \"stdin\"\n[sinks.a]\ninputs = [\"in\"]\n";
    TempDir dir;
    dir.write("in.log", lines(0, 10));
    fs::create_symlink(dir.at("in.log"), dir.at("link"));
    const auto through = [&](const std::string& sink, const std::string& redirections) {
        const std::string file = dir.write("p.toml", both + sink);
        const std::string command = program({}).front() + " run --progress off '" + file + "' " +
                                    redirections + " 2>'" + dir.at("err") + "'";
        const int status = std::system(command.c_str());
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    };
    const std::string log = "'" + dir.at("in.log") + "'", link = "'" + dir.at("link") + "'";
    for (const auto& [sink, redirections] : std::vector<std::pair<std::string, std::string>>{
             {"type = \"stdout\"\n", "<" + log + " >>" + log},
             {"type = \"stdout\"\n", "<" + link + " >>" + log},
             {"type = \"stdout\"\n", "<" + log + " >>" + link},
             {"type = \"file\"\npath = \"in.log\"\n", "<" + log},
             {"type = \"file\"\npath = \"link\"\n", "<" + log},
             {"type = \"file\"\npath = \"out\"\n", "<'" + dir.at("p.toml") + "'"}}) {
        INFO(sink << redirections);
        CHECK(through(sink, redirections) == 78);
        CHECK(contains(read_file(dir.at("err")), "standard input is"));
        CHECK(read_file(dir.at("in.log")) == lines(0, 10));
    }
    // A source of files beside the output of the process.
    const std::string file =
        "data_dir = \"state\"\n[sources.in]\ntype = \"file\"\ninclude = "
        "[\"in.log\"]\nend = \"eof\"\n[sinks.a]\ninputs = [\"in\"]\ntype = "
        "\"stdout\"\n";
    dir.write("q.toml", file);
    const std::string command = program({}).front() + " run --progress off '" + dir.at("q.toml") +
                                "' >>" + link + " 2>'" + dir.at("err") + "'";
    const int status = std::system(command.c_str());
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 78));
    CHECK(contains(read_file(dir.at("err")), "standard output, where sink \"a\" writes"));
    CHECK(read_file(dir.at("in.log")) == lines(0, 10));
}

TEST_CASE("a link to an output that comes while it runs is not read, and said") {
    TempDir dir;
    dir.write("logs/x", lines(0, 10));
    Process process(program({"run", dir.write("p.toml", pipeline)}));
    REQUIRE(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 10); }));
    fs::create_hard_link(dir.at("out/a"), dir.at("logs/y"));
    CHECK(says(process, "this file is this pipeline's own"));
    append_file(dir.at("logs/x"), lines(10, 1));
    CHECK(eventually([&] { return read_file(dir.at("out/a")) == lines(0, 11); }));
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    CHECK(read_file(dir.at("out/a")) == lines(0, 11));
}

TEST_CASE("a dead letter of a sink says why in the sink's words") {
    TempDir dir;
    dir.write("logs/x", lines(0, 3));
    const std::string dead = "[dead_letters]\ntype = \"file\"\npath = \"out/dead\"\n";
    REQUIRE(run({"run",
                 dir.write("p.toml", to_the_end() + "inject = { refuse_percent = 100 }\n" + dead)})
                .code == 0);
    const std::string refused = read_file(dir.at("out/dead"));
    CHECK(std::count(refused.begin(), refused.end(), '\n') == 3);
    CHECK(contains(refused, "\"error\":\"injected: refused\""));
    dir.write("logs/x", lines(0, 4));
    REQUIRE(run({"run", "--set", "data_dir=other",
                 dir.write("p.toml",
                           to_the_end() + "inject = { fail_percent = 100 }\n" +
                               "retry = { max_attempts = 2, initial_backoff = \"1ms\" }\n" + dead)})
                .code == 0);
    CHECK(contains(read_file(dir.at("out/dead")), "\"error\":\"injected: failed\""));
}

TEST_CASE("outputs, dead letters and the data directory are not for everybody to read") {
    const mode_t before = ::umask(0);
    TempDir dir;
    dir.write("logs/x", lines(0, 3) + std::string(100, 'x') + "\n");
    std::string config = with(to_the_end(), "include = [\"logs/*\"]\n", "max_line = 50\n") +
                         "[sinks.b]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out/b\"\nmode = "
                         "\"0664\"\n[dead_letters]\ntype = \"file\"\npath = \"out/dead\"\n";
    const Exited result = run({"run", dir.write("p.toml", config)});
    ::umask(before);
    CHECK(result.code == 0);
    CHECK(mode_of(dir.at("out/a")) == 0640);
    CHECK(mode_of(dir.at("out/b")) == 0664);
    CHECK(mode_of(dir.at("out/dead")) == 0600);
    CHECK(mode_of(dir.at(".holdfast/p")) == 0700);
    CHECK(mode_of(dir.at(".holdfast")) == 0755);
    for (const char* name : {"lock", "checkpoint.a"})
        CHECK(mode_of(dir.at(std::string(".holdfast/p/") + name)) == 0600);
    CHECK(run({"validate", dir.write("p.toml", config + "mode = \"0999\"\n")}).code == 78);
}

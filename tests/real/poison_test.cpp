// Records that a transform should not survive: endless programs, what kills the process, sizes that
// are too much for one branch. One record costs one record, and a signal ends the process.
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>

#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

std::string toml_text(const std::string& text) { return "'''" + text + "'''"; }

std::string config(const std::string& program, const std::string& engine = "") {
    return "data_dir = \"state\"\n[engine]\ncommit_interval = \"20ms\"\n" + engine +
           "[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\nend = \"eof\"\n"
           "poll_interval = \"5ms\"\n"
           "[transforms.shape]\ntype = \"jq\"\ninputs = [\"in\"]\nprogram = " +
           toml_text(program) +
           "\nprogram_time = \"1h\"\n[sinks.out]\ntype = \"file\"\ninputs = [\"shape\"]\npath = "
           "\"out/out\"\n"
           "[sinks.raw]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out/raw\"\n";
}

const std::string dead_letters = "[dead_letters]\ntype = \"file\"\npath = \"out/dead\"\n";

struct Lives {
    std::uint32_t deaths = 0;
    Exited last;
};

/// Whether data_dir says that a life came to this record: it is noted, or its slice is begun in a
/// life that does not suspect it.
bool came_to(const TempDir& folder, std::int64_t position) {
    const std::string words = read_file(folder.at("state/last_words"));
    if (words.size() < 66 * 128) return false;
    const auto line = [&](std::size_t i) { return words.substr(i * 128, 128); };
    if (contains(line(1), "position=" + std::to_string(position) + " signal=0")) return true;
    const auto covers = [&](std::size_t first, std::size_t end) {
        for (std::size_t i = first; i < end; ++i) {
            long long from = 0, to = 0;
            const std::string text = line(i);
            const std::size_t at = text.find("from=");
            if (at != std::string::npos &&
                std::sscanf(text.c_str() + at, "from=%lld to=%lld", &from, &to) == 2 &&
                from <= position && position < to)
                return true;
        }
        return false;
    };
    return covers(34, 50) && !covers(50, 66);
}

// Nothing bounds them but the time, which is an hour: see config().
const char* const endless[] = {"def f: f; f", "last(range(1e18))", ".msg | until(false; .)"};

/// Comes to no end on the record in question, and to a quick one on the others.
const char* const endless_for_two = ".n = (if .k > 1 then (def f: f; f) else 1 end)";

/// Which thread of a process computes.
class Busy {
public:
    explicit Busy(pid_t process) : tasks_("/proc/" + std::to_string(process) + "/task") {}

    /// The one that has computed for 300 ms since it was first seen; 0: none has yet.
    pid_t thread() {
        std::error_code error;
        for (auto at = std::filesystem::directory_iterator(tasks_, error);
             !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
            const std::string stat = read_file(at->path().string() + "/stat");
            const std::size_t end = stat.rfind(')');
            unsigned long user = 0, system = 0;
            if (end == std::string::npos ||
                std::sscanf(stat.c_str() + end + 1,
                            " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                            &system) != 2)
                continue;
            const auto id = static_cast<pid_t>(std::stoi(at->path().filename().string()));
            const auto first = seen_.emplace(id, user + system).first->second;
            const auto ticks = static_cast<unsigned long>(::sysconf(_SC_CLK_TCK));
            if ((user + system - first) * 1000 >= 300 * ticks) return id;
        }
        return 0;
    }

private:
    std::string tasks_;
    std::map<pid_t, unsigned long> seen_;
};

/// Lives each of which is ended in some way once it comes to a record, until one ends by itself.
/// What they leave in data_dir tells, never time: only the record itself comes to no end.
Lives live(const TempDir& folder, const std::string& file, std::int64_t position,
           std::uint32_t most, void (*end)(Process&)) {
    Lives out;
    for (; out.deaths < most; ++out.deaths) {
        Process process(program({"run", "--progress", "off", file}));
        // What the last life left there is gone once this one says that it begins.
        REQUIRE(says(process, "file found"));
        const auto come = [&] { return !process.running() || came_to(folder, position); };
        REQUIRE(eventually(come, std::chrono::minutes(5)));
        if (process.running()) end(process);
        REQUIRE(process.wait(std::chrono::minutes(2)));
        out.last = process.result();
        if (!out.last.signaled) return out;
    }
    return out;
}

/// The thread that is in the endless program has a fault there.
void fault(Process& process) {
    Busy busy(process.pid());
    pid_t thread = 0;
    REQUIRE(eventually([&] { return !process.running() || (thread = busy.thread()) != 0; },
                       std::chrono::minutes(5)));
    if (thread != 0) ::syscall(SYS_tgkill, process.pid(), thread, SIGSEGV);
}

Lives live_faulting(const TempDir& folder, const std::string& file, std::int64_t position,
                    std::uint32_t most) {
    return live(folder, file, position, most, fault);
}

Lives live_killed(const TempDir& folder, const std::string& file, std::int64_t position,
                  std::uint32_t most) {
    return live(folder, file, position, most, [](Process& process) { process.kill(); });
}

}  // namespace

TEST_CASE("a second signal ends the process while a program is in an endless loop, and names it") {
    const char* const threads = GENERATE("0", "2");
    for (const char* const poison : endless) {
        const TempDir folder;
        folder.write("in.log", "{\"n\":1,\"msg\":\"a\"}\n");
        const std::string file = folder.write(
            "p.toml", config(poison, "shutdown_timeout = \"1h\"\ntransform_threads = " +
                                         std::string(threads) + "\n"));
        Process process(program({"run", "--progress", "off", file}));
        REQUIRE(eventually([&] { return came_to(folder, 0); }));
        INFO(poison << " with " << threads);
        // The first ends the program, after 200 ms; one that comes just then ends the process while
        // nobody hangs any more. Two that come before it looks are one.
        REQUIRE(eventually([&] {
            process.send(SIGTERM);
            return process.wait(std::chrono::seconds(2));
        }));
        const Exited exited = process.result();
        INFO(exited.err);
        CHECK_FALSE(exited.signaled);
        CHECK(exited.code == 75);
        CHECK(contains(exited.err, "transform=shape position=0"));
        // Ended with a word: nobody is blamed for it.
        Process again(program({"run", "--progress", "off", file}));
        CHECK(eventually([&] { return came_to(folder, 0); }));
        again.kill();
        CHECK_FALSE(contains(again.result().err, "died"));
    }
}

TEST_CASE("shutdown_timeout ends the process while a program is in an endless loop") {
    const char* const threads = GENERATE("0", "2");
    const TempDir folder;
    folder.write("in.log", "{}\n");
    const std::string file = folder.write(
        "p.toml", config("def f: f; f", "shutdown_timeout = \"300ms\"\ntransform_threads = " +
                                            std::string(threads) + "\n"));
    Process process(program({"run", "--progress", "off", file}));
    REQUIRE(eventually([&] { return came_to(folder, 0); }));
    process.send(SIGINT);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    INFO(process.result().err);
    CHECK(process.result().code == 75);
    CHECK(contains(process.result().err, "transform=shape"));
}

TEST_CASE(
    "a record that kills the process is named, and stops it after three deaths, all before out") {
    const char* const threads = GENERATE("0", "2");
    const TempDir folder;
    std::string before;
    for (int n = 0; n < 500; ++n) before += "{\"k\":1}\n";
    const std::string all = before + "{\"k\":2}\n" + before;
    folder.write("in.log", all);
    const std::string file = folder.write(
        "p.toml", config(endless_for_two, "transform_threads = " + std::string(threads) + "\n"));
    const Lives lives = live_faulting(folder, file, static_cast<std::int64_t>(before.size()), 8);
    INFO("with " << threads << "\n" << lives.last.err);
    CHECK(lives.deaths == 3);
    CHECK(lives.last.code == 70);
    CHECK(contains(lives.last.err, "source \"in\""));
    CHECK(contains(lives.last.err, "in.log"));
    CHECK(contains(lives.last.err, "position " + std::to_string(before.size())));
    CHECK(contains(lives.last.err, "transform \"shape\""));
    CHECK((read_file(folder.at("out/raw")) == before));
    const std::string out = read_file(folder.at("out/out"));
    CHECK(std::count(out.begin(), out.end(), '\n') == 500);
    // Not an endless loop of deaths: it says so at each start, and dies no more.
    CHECK(run({"run", "--progress", "off", file}).code == 70);
    // Another program is another chance.
    folder.write("p.toml", config(".x = 1"));
    CHECK(run({"run", "--progress", "off", file}).code == 0);
    CHECK((read_file(folder.at("out/raw")) == all));
}

TEST_CASE(
    "on_crash = dead_letter sets the record aside with the reason, and the pipeline goes on") {
    const TempDir folder;
    std::string some;
    for (int n = 0; n < 300; ++n) some += "{\"k\":1}\n";
    folder.write("in.log", some + "{\"k\":2}\n" + some);
    const std::string file = folder.write(
        "p.toml", config(endless_for_two, "on_crash = \"dead_letter\"\n") + dead_letters);
    const Lives lives = live_faulting(folder, file, static_cast<std::int64_t>(some.size()), 8);
    INFO(lives.last.err);
    CHECK(lives.deaths == 3);
    CHECK(lives.last.code == 0);
    const std::string dead = read_file(folder.at("out/dead"));
    CHECK(std::count(dead.begin(), dead.end(), '\n') == 1);
    CHECK(contains(dead, "died 3 times"));
    CHECK(contains(dead, "shape"));
    // The other branch has it: a failure of a transform is its branch's alone.
    CHECK((read_file(folder.at("out/raw")) == some + "{\"k\":2}\n" + some));
    const std::string out = read_file(folder.at("out/out"));
    CHECK(std::count(out.begin(), out.end(), '\n') == 600);
}

TEST_CASE("a record at which the process is always killed from outside is found, one by one") {
    // As the kernel does where memory is out: SIGKILL, and no progress. Many records before it: the
    // careful life commits long before it comes there.
    const char* const threads = GENERATE("0", "2");
    const int count = GENERATE(200, 30'000);
    const TempDir folder;
    std::string before;
    for (int n = 0; n < count; ++n) before += "{\"k\":1}\n";
    folder.write("in.log", before + "{\"k\":2}\n" + before);
    const std::string file = folder.write(
        "p.toml", config(endless_for_two, "transform_threads = " + std::string(threads) + "\n"));
    const auto position = static_cast<std::int64_t>(before.size());
    const Lives lives = live_killed(folder, file, position, 8);
    INFO(count << " before, threads " << threads << ", deaths " << lives.deaths << "\n"
               << lives.last.err);
    CHECK(lives.deaths <= 6);
    CHECK(lives.last.code == 70);
    CHECK(contains(lives.last.err, "position " + std::to_string(position)));
    CHECK((read_file(folder.at("out/raw")) == before));
}

TEST_CASE("a record that kills without a word is found while another source makes progress") {
    const TempDir folder;
    folder.write("in.log", "{\"k\":1}\n{\"k\":2}\n{\"k\":1}\n");
    const std::string file = folder.write(
        "p.toml",
        config(endless_for_two) +
            "[sources.other]\ntype = \"file\"\ninclude = [\"other.log\"]\nend = \"eof\"\n"
            "poll_interval = \"5ms\"\n"
            "[sinks.other]\ntype = \"file\"\ninputs = [\"other\"]\npath = \"out/other\"\n");
    Lives lives;
    std::string all;
    for (; lives.deaths < 8; ++lives.deaths) {
        // A line for each life, delivered and committed in it before the kill.
        all += "{\"life\":" + std::to_string(lives.deaths) + "}\n";
        folder.write("other.log", all);
        const Lives one = live_killed(folder, file, 8, 1);
        if (one.deaths == 0) {
            lives.last = one.last;
            break;
        }
    }
    INFO(lives.deaths << "\n" << lives.last.err);
    CHECK(lives.deaths <= 6);
    CHECK(lives.last.code == 70);
    CHECK(contains(lives.last.err, "position 8 of"));
}

TEST_CASE("SIGKILLs from outside blame no record, with progress or without") {
    const TempDir folder;
    folder.write("in.log", lines(0, 200'000, 100));
    const std::string file = folder.write("p.toml", config(".x = 1"));
    for (int i = 0; i < 8; ++i) {
        Process process(program({"run", "--progress", "off", file}));
        sleep_ms(5 + i * 7);
        process.kill();
        CHECK_FALSE(contains(process.result().err, "died"));
    }
    const Exited last = run({"run", "--progress", "off", file});
    INFO(last.err);
    CHECK(last.code == 0);
    CHECK((read_file(folder.at("out/raw")) == lines(0, 200'000, 100)));
}

TEST_CASE("a record that is too large for one transform is delivered in the other branches") {
    const TempDir folder;
    const std::string large = "{\"m\":\"" + std::string(600'000, 'x') + "\"}\n";
    folder.write("in.log", "{\"a\":1}\n" + large + "{\"a\":2}\n");
    const std::string file = folder.write(
        "p.toml",
        "data_dir = \"state\"\n[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\nend = "
        "\"eof\"\n"
        "[transforms.t]\ntype = \"jq\"\ninputs = [\"in\"]\nprogram = '., .'\non_error = \"drop\"\n"
        "[transforms.a]\ntype = \"jq\"\ninputs = [\"in\"]\nprogram = '.a = 1'\n"
        "[transforms.b]\ntype = \"jq\"\ninputs = [\"in\"]\nprogram = '.b = 1'\n"
        "[sinks.out]\ntype = \"file\"\ninputs = [\"t\"]\npath = \"out/out\"\n"
        "[sinks.s1]\ntype = \"file\"\ninputs = [\"a\"]\npath = \"out/s1\"\n"
        "[sinks.s2]\ntype = \"file\"\ninputs = [\"b\"]\npath = \"out/s2\"\n"
        "[sinks.archive]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out/archive\"\n");
    const Exited exited = run({"run", "--progress", "off", file});
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK((read_file(folder.at("out/archive")) == "{\"a\":1}\n" + large + "{\"a\":2}\n"));
    CHECK(read_file(folder.at("out/out")) == "{\"a\":1}\n{\"a\":1}\n{\"a\":2}\n{\"a\":2}\n");
    CHECK(read_file(folder.at("out/s1")).size() > 600'000);
    CHECK(read_file(folder.at("out/s2")).size() > 600'000);
}

TEST_CASE("a record of max_line goes through eight transforms in series and side by side") {
    const TempDir folder;
    std::string text =
        "data_dir = \"state\"\n[engine]\nmemory_limit = \"16MiB\"\n"
        "[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\nend = \"eof\"\n";
    for (int i = 1; i <= 8; ++i) {
        const std::string n = std::to_string(i);
        const std::string before = i == 1 ? "in" : "k" + std::to_string(i - 1);
        text += "[transforms.k" + n + "]\ntype = \"jq\"\ninputs = [\"" + before +
                "\"]\nprogram = '.k" + n + " = 1'\n";
        text += "[transforms.b" + n + "]\ntype = \"jq\"\ninputs = [\"in\"]\nprogram = '.b" + n +
                " = 1'\n[sinks.b" + n + "]\ntype = \"file\"\ninputs = [\"b" + n +
                "\"]\npath = \"out/b" + n + "\"\n";
    }
    text += "[sinks.k]\ntype = \"file\"\ninputs = [\"k8\"]\npath = \"out/k\"\n";
    const std::string file = folder.write("p.toml", text);
    const std::size_t size = (1u << 20) - 9;
    folder.write("in.log", "{\"m\":\"" + std::string(size, 'x') + "\"}\n");
    const Exited exited = run({"run", "--progress", "off", file});
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/k")).size() > size);
    for (int i = 1; i <= 8; ++i)
        CHECK(read_file(folder.at("out/b" + std::to_string(i))).size() > size);
}

TEST_CASE(
    "records that make much of little are all delivered in whole mode, though a batch is too "
    "much") {
    const char* const threads = GENERATE("0", "2");
    const TempDir folder;
    std::string input, expected;
    for (int n = 0; n < 120; ++n) {
        const std::string number = std::to_string(n);
        input += "{\"n\":" + number + "}\n";
        for (int i = 0; i < 3000; ++i)
            expected += "{\"n\":" + number + ",\"i\":" + std::to_string(i) + ",\"text\":\"" +
                        std::string(60, 'x') + "\"}\n";
    }
    folder.write("in.log", input);
    const std::string file = folder.write(
        "p.toml",
        config("{n, i: range(3000), text: \"" + std::string(60, 'x') + "\"}",
               "memory_limit = \"16MiB\"\ntransform_threads = " + std::string(threads) + "\n") +
            dead_letters);
    const Exited exited = run({"run", "--progress", "off", file});
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(contains(exited.err, "in slices"));
    CHECK((read_file(folder.at("out/out")) == expected));
    CHECK((read_file(folder.at("out/raw")) == input));
    CHECK(read_file(folder.at("out/dead")).empty());
}

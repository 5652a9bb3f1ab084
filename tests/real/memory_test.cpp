// The real program in a memory cgroup: what its limit becomes, and that an outage of a sink never
// makes it grow beyond. Skipped, loudly, where no cgroup can be made.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/real/campaign.hpp"
#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t mib = 1 << 20;
// Sanitizers keep several times the memory of the program itself.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer);
#else
constexpr bool sanitized = false;
#endif

bool put(const std::string& path, const std::string& text) {
    std::ofstream out(path);
    out << text;
    out.flush();
    return out.good();
}

/// A memory cgroup of its own, of version 2 or 1, whichever the machine has.
class Cgroup {
public:
    explicit Cgroup(std::uint64_t bytes) {
        if (sanitized) return;
        const std::string name = "/holdfast_test_" + std::to_string(::getpid());
        const std::pair<const char*, const char*> kinds[] = {
            {"/sys/fs/cgroup", "memory.max"}, {"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}};
        for (const auto& [mount, file] : kinds) {
            std::error_code error;
            const std::string folder = mount + name;
            if (!fs::create_directory(folder, error)) continue;
            // Where no cgroups are mounted that is an ordinary folder, and empty.
            const bool real = exists(folder + "/" + file) && exists(folder + "/cgroup.procs");
            if (real && put(folder + "/" + file, std::to_string(bytes))) {
                folder_ = folder;
                return;
            }
            fs::remove(folder, error);
        }
    }
    ~Cgroup() {
        // The kernel lets go of the last process a moment after its end.
        for (int i = 0; i < 100 && made(); ++i) {
            if (::rmdir(folder_.c_str()) == 0) return;
            sleep_ms(20);
        }
    }
    Cgroup(const Cgroup&) = delete;

    bool made() const {
        if (folder_.empty()) WARN("skipped: no memory cgroup can be made here, or sanitized");
        return !folder_.empty();
    }
    /// The program with these arguments, inside.
    std::vector<std::string> inside(const std::vector<std::string>& arguments) const {
        std::vector<std::string> out{"/bin/sh", "-c",
                                     "echo $$ > " + folder_ + "/cgroup.procs && exec \"$@\"", "sh"};
        for (const std::string& word : program(arguments)) out.push_back(word);
        return out;
    }
    /// Bytes that the kernel can't take back: neither page cache nor its own.
    std::uint64_t unreclaimable() const {
        std::ifstream in(folder_ + "/memory.stat");
        std::string name;
        std::uint64_t value = 0, sum = 0;
        while (in >> name >> value)
            if (name == "anon" || name == "total_rss") sum += value;
        return sum;
    }

private:
    std::string folder_;
};

constexpr const char* pipeline =
    "data_dir = \"state\"\n[engine]\nmemory_limit = \"32MiB\"\ncommit_interval = \"50ms\"\n"
    "[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\nend = \"eof\"\n"
    "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"a\"\n"
    "retry = { initial_backoff = \"5ms\", max_backoff = \"50ms\" }\n";

}  // namespace

TEST_CASE("a memory_limit that the config leaves out fits into the cgroup") {
    const Cgroup cgroup(100 * mib);
    if (!cgroup.made()) return;
    const TempDir folder;
    const std::string file = folder.write("pipe.toml",
                                          "[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\n"
                                          "[sinks.a]\ntype = \"blackhole\"\ninputs = [\"in\"]\n");
    Process process(cgroup.inside({"validate", "--json", file}));
    REQUIRE(process.wait(std::chrono::seconds(20)));
    const std::string said = process.result().out;
    INFO(said);
    // 0.85 x 100 MiB is the process's; three quarters of it less 32 MiB are the records'.
    CHECK(contains(said, "\"process_bytes\": 89128960"));
    CHECK(contains(said, "\"memory_limit\": 33292288"));
}

TEST_CASE("a program whose sink is out keeps to its limit and 32 MiB, and is never killed for it") {
    // As large as the promise: 32 MiB for records and 32 MiB beside them.
    const Cgroup cgroup(64 * mib);
    if (!cgroup.made()) return;
    const TempDir folder;
    const std::string input = numbered_lines(0, 3'000'000);
    folder.write("in.log", input);
    const std::string file = folder.write("pipe.toml", pipeline);
    // HF_OUTAGE_S=300 makes it minutes.
    const char* longer = std::getenv("HF_OUTAGE_S");
    const int seconds = longer ? std::atoi(longer) : 15;
    std::uint64_t peak = 0;
    {
        Process process(cgroup.inside({"run", "--set", "sinks.a.inject.fail_percent=100", file}));
        for (int i = 0; i < seconds * 20 && process.running(); ++i) {
            peak = std::max(peak, cgroup.unreclaimable());
            sleep_ms(50);
        }
        REQUIRE(process.running());
        CHECK(peak > 8 * mib);
        CHECK(peak <= 64 * mib);
        process.send(SIGTERM);
        REQUIRE(says(process, "stopping: finishing"));
        process.send(SIGTERM);
        REQUIRE(process.wait(std::chrono::seconds(20)));
        INFO(process.result().err);
        CHECK_FALSE(process.result().signaled);
    }
    // The outage is over: everything arrives, in the same small cgroup.
    Process process(cgroup.inside({"run", file}));
    REQUIRE(process.wait(std::chrono::seconds(120)));
    INFO(process.result().err);
    CHECK_FALSE(process.result().signaled);
    CHECK(process.result().code == 0);
    CHECK((read_file(folder.at("a")) == input));
}

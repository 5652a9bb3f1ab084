// Sinks whose data can't be made durable: the real binary begins again from its checkpoint.
#include <signal.h>

#include <catch2/catch.hpp>

#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

constexpr const char* head = R"(
data_dir = "state"
[engine]
memory_limit = "4MiB"
commit_interval = "5ms"
)";

constexpr const char* from_files = R"(
[sources.in]
type = "file"
include = ["in.log"]
end = "eof"
)";

std::string sink(const std::string& name, const std::string& more = "") {
    return "[sinks." + name + "]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out/" + name +
           "\"\nbatch = { max_bytes = \"64KiB\" }\n" + more;
}

}  // namespace

TEST_CASE("a failed sync begins again within the process, and every output is byte-identical") {
    for (const char* ring : {"auto", "posix"}) {
        TempDir dir;
        const std::string text = lines(0, 100'000, 50);
        dir.write("in.log", text);
        const std::string config =
            std::string(head) + from_files +
            sink("bad", "inject = { sync_fail_percent = 25, latency = \"4ms\" }\n") + sink("good") +
            sink("quick", "fsync = \"never\"\n");
        const Exited exited = run({"run", "--ring", ring, dir.write("p.toml", config)});
        INFO(exited.err);
        CHECK(exited.code == 0);
        CHECK(contains(exited.err, "beginning again from the last checkpoint"));
        for (const char* name : {"out/bad", "out/good", "out/quick"}) {
            INFO(name);
            CHECK((read_file(dir.at(name)) == text));
        }
    }
}

TEST_CASE("the balance adds up over all lives of a process") {
    TempDir dir;
    dir.write("in.log", lines(0, 50'000, 50));
    const std::string config =
        std::string(head) + from_files +
        sink("a", "inject = { sync_fail_percent = 25, latency = \"4ms\" }\n");
    const Exited exited = run({"run", "--log-format", "json", dir.write("p.toml", config)});
    INFO(exited.err);
    REQUIRE(exited.code == 0);
    const auto number = [&](const std::string& name) {
        const std::string key = "\\\"" + name + "\\\": ";  // JSON within a JSON text.
        const auto at = exited.err.rfind(key);
        REQUIRE(at != std::string::npos);
        return std::stoll(exited.err.substr(at + key.size()));
    };
    CHECK(number("restarts") > 0);
    CHECK(number("in") >= 50'000);
    // The last "in" is the sink's.
    CHECK(number("in") == number("delivered") + number("begun_again") + number("not_given"));
    // What stood beyond a mark was cut, and delivered again. When a life ended, one write may have
    // been under way: it reached the file, so it was cut, but nobody had heard that it was
    // delivered. Lines have at least 68 bytes, and writes at most 64 KiB.
    const long long unheard = 50'000 - (number("delivered") - number("redelivered"));
    CHECK(unheard >= 0);
    CHECK(unheard <= number("restarts") * (65'536 / 68));
    CHECK(unheard <= number("begun_again"));
}

TEST_CASE("a failed sync behind stdin ends the process, and says what is in doubt") {
    TempDir dir;
    const std::string config = std::string(head) + "[sources.in]\ntype = \"stdin\"\n" +
                               sink("a", "inject = { sync_fail_percent = 100 }\n");
    const Exited exited = run({"run", dir.write("p.toml", config)}, {.in_text = lines(0, 10'000)});
    INFO(exited.err);
    CHECK(exited.code == 74);
    CHECK(contains(exited.err, "sink \"a\" could not make its data durable"));
    CHECK(contains(exited.err, "cannot be read again"));
    CHECK(contains(exited.err, "compare it with the input"));
}

TEST_CASE("a signal ends a pipeline whose syncs always fail, and the next run has everything") {
    TempDir dir;
    dir.write("in.log", lines(0, 10'000));
    const std::string file =
        dir.write("p.toml", std::string(head) + from_files +
                                sink("a", "inject = { sync_fail_percent = 100 }\n"));
    {
        Process process(program({"run", file}));
        REQUIRE(eventually([&] { return contains(process.result().err, "beginning again"); }));
        process.send(SIGTERM);
        REQUIRE(process.wait(std::chrono::minutes(2)));
        INFO(process.result().err);
        CHECK(process.result().code == 75);
        // It had begun, and says so, with what became of the records.
        CHECK(contains(process.result().err,
                       "stopped before it began again from the last checkpoint"));
        CHECK(contains(process.result().err, "balance: in "));
    }
    CHECK(run({"run", "--set", "sinks.a.inject={}", file}).code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 10'000));
}

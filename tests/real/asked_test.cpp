// What a config asks for: which files are read, and what becomes of those that cannot be. The real
// binary.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

constexpr const char* tail = R"(
[sources.in]
type = "file"
include = ["logs/*.log"]
exclude = ["logs/old*"]
end = "eof"
give_up_after = "300ms"
[sinks.a]
type = "file"
inputs = ["in"]
path = "out/a"
)";

}  // namespace

TEST_CASE("a pipeline works in a folder whose name looks like a pattern") {
    for (const std::string folder : {"svc[prod]", "a*b{c}?", "back\\slash", "[!x]"}) {
        TempDir dir;
        dir.write(folder + "/logs/x.log", lines(0, 10));
        dir.write(folder + "/logs/old.log", lines(10, 10));
        const std::string config = dir.write(folder + "/p.toml", tail);
        INFO(folder);
        CHECK(run({"validate", config}).code == 0);
        const Exited exited = run({"run", config});
        INFO(exited.err);
        CHECK(exited.code == 0);
        CHECK(read_file(dir.at(folder + "/out/a")) == lines(0, 10));
        CHECK(std::filesystem::exists(dir.at(folder + "/.holdfast/p")));
    }
}

TEST_CASE(
    "what cannot be read ends a run with 74 after all else was delivered, and is in the balance") {
    TempDir dir;
    dir.write("logs/x.log", lines(0, 1000));
    std::filesystem::create_symlink("ring.log", dir.at("logs/ring.log"));
    const std::string config = dir.write("p.toml", tail);
    const Exited text = run({"run", config});
    INFO(text.err);
    CHECK(text.code == 74);
    CHECK(contains(text.err, "ended without all"));
    CHECK(contains(text.err, "logs/ring.log: Too many levels of symbolic links"));
    CHECK(contains(text.err, "in: 1 could not be read"));
    CHECK_FALSE(contains(text.err, "everything was read"));
    CHECK(read_file(dir.at("out/a")) == lines(0, 1000));
    const Exited json = run({"run", "--log-format", "json", config});
    CHECK(json.code == 74);
    CHECK(contains(json.err, R"(\"unreadable\": 1)"));
    std::filesystem::remove(dir.at("logs/ring.log"));
    dir.write("logs/ring.log", lines(1000, 1));
    CHECK(run({"run", config}).code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 1001));
}

TEST_CASE("a pattern whose folder is not there is not everything, one that matches nothing is") {
    TempDir dir;
    const std::string config = dir.write("p.toml", tail);
    CHECK(run({"run", config}).code == 74);
    std::filesystem::create_directories(dir.at("logs"));
    CHECK(run({"run", config}).code == 0);
}

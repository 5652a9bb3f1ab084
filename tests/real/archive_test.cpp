// Compressed inputs, lines that are none, and holes, through the real binary.
#include <catch2/catch.hpp>
#include <filesystem>

#include "sim/packed.hpp"
#include "tests/real/process.hpp"

using namespace holdfast::real;
using holdfast::sim::gzip;
using holdfast::sim::zstd;

namespace {

constexpr const char* tail = R"(
[sources.in]
type = "file"
include = ["logs/*"]
end = "eof"
give_up_after = "300ms"
[sinks.a]
type = "file"
inputs = ["in"]
path = "out/a"
)";

constexpr const char* parsed = R"(
[transforms.keep]
type = "filter"
inputs = ["in"]
condition = "true"
[sinks.b]
type = "file"
inputs = ["keep"]
path = "out/b"
[dead_letters]
type = "file"
path = "out/dead"
)";

}  // namespace

TEST_CASE("compressed inputs are refused with a word of what to do, or read as their text") {
    TempDir dir;
    dir.write("logs/1", lines(0, 10));
    dir.write("logs/2", gzip(lines(10, 5000)) + gzip(lines(5010, 10)));
    dir.write("logs/3", zstd(lines(5020, 5000)) + zstd(lines(10'020, 10)));
    const std::string config = dir.write("p.toml", tail);
    const Exited refused = run({"run", config});
    INFO(refused.err);
    CHECK(refused.code == 0);
    CHECK(contains(refused.err, "but for 2 compressed files"));
    CHECK(contains(refused.err, "in: 2 compressed, not read"));
    CHECK(contains(refused.err, "decompress = "));
    CHECK(read_file(dir.at("out/a")) == lines(0, 10));
    const Exited read = run({"run", "--set", "sources.in.decompress=auto", config});
    INFO(read.err);
    CHECK(read.code == 0);
    const std::string out = read_file(dir.at("out/a"));
    CHECK(out.size() == lines(0, 10'030).size());
    CHECK(contains(out, lines(10, 5010)));
    CHECK(contains(out, lines(5020, 5010)));
    CHECK(run({"run", "--set", "sources.in.decompress=auto", config}).code == 0);
    CHECK(read_file(dir.at("out/a")) == out);
}

TEST_CASE("a compressed input that is cut short ends a run with 74 after what is there") {
    TempDir dir;
    const std::string packed = gzip(lines(0, 20'000));
    dir.write("logs/1", packed.substr(0, packed.size() / 2));
    const std::string config = dir.write("p.toml", tail);
    const Exited exited = run({"run", "--set", "sources.in.decompress=auto", config});
    INFO(exited.err);
    CHECK(exited.code == 74);
    CHECK(contains(exited.err, "logs/1: it ends before it should"));
    const std::string out = read_file(dir.at("out/a"));
    CHECK(lines(0, 20'000).starts_with(out));
    CHECK(out.size() > 10'000);
    dir.write("logs/1", packed);
    CHECK(run({"run", "--set", "sources.in.decompress=auto", config}).code == 0);
    CHECK(read_file(dir.at("out/a")) == lines(0, 20'000));
}

TEST_CASE(
    "a mark, blank lines, UTF-16 and a hole are what they are for who parses and who doesn't") {
    TempDir dir;
    const std::string hole(1 << 20, '\0');
    const std::string text = "\xef\xbb\xbf{\"a\":1}\n\n  \n{\"b\":2}\n" +
                             std::string("{\0\"\0c\0\"\0:\0001\0}\0\n", 15) + hole.substr(1000) +
                             "\n";
    dir.write("logs/1", text);
    const std::string config = dir.write("p.toml", std::string(tail) + parsed);
    const Exited exited = run({"run", "--set", "sources.in.max_line=2MiB", config});
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(dir.at("out/a")) == text);
    CHECK(read_file(dir.at("out/b")) == "{\"a\":1}\n{\"b\":2}\n");
    CHECK(contains(exited.err, "2 blank"));
    const std::string dead = read_file(dir.at("out/dead"));
    CHECK(contains(dead, "this looks like UTF-16"));
    CHECK(contains(dead, "\"encoding\":\"zeros\",\"payload\":\"1047576\""));
    CHECK(dead.size() < 2000);
}

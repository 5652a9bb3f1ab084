// A stop while a program runs on the machine: it is ended before its own time, and its record is as if
// it had never been read.
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <string>

#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

const std::string slow = "{\"n\":2,\"slow\":true}\n";

std::string config(const std::string& more, const std::string& end, const std::string& threads) {
    return "data_dir = \"state\"\n[engine]\ncommit_interval = \"20ms\"\nshutdown_timeout = \"1h\"\n"
           "transform_threads = " +
           threads +
           "\n"
           "[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\npoll_interval = \"5ms\"\n"
           "end = \"" +
           end +
           "\"\n"
           "[transforms.shape]\ntype = \"jq\"\ninputs = [\"in\"]\n"
           "program = 'if .slow then last(range(1e15)) else .a = (.n | floor) end'\n" +
           more +
           "[sinks.out]\ntype = \"file\"\ninputs = [\"shape\"]\npath = \"out/out\"\n"
           "[sinks.raw]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out/raw\"\n";
}

/// Whether a slice that begins at or behind this position is evaluated, or was.
bool begun(const TempDir& folder, std::size_t position) {
    return contains(read_file(folder.at("state/last_words")),
                    "from=" + std::to_string(position) + " ");
}

}  // namespace

TEST_CASE(
    "SIGTERM ends a program that runs, what was done is committed, and its record comes again") {
    const char* const threads = GENERATE("0", "2");
    INFO(threads << " threads");
    const TempDir folder;
    const std::string first = "{\"n\":1}\n", last = "{\"n\":3}\n";
    folder.write("in.log", first);
    const std::string file =
        folder.write("p.toml", config("program_time = \"1h\"\n", "never", threads));
    Process process(program({"run", "--progress", "off", file}));
    REQUIRE(eventually([&] { return read_file(folder.at("out/out")) == "{\"n\":1,\"a\":1}\n"; }));
    append_file(folder.at("in.log"), slow + last);
    REQUIRE(eventually([&] { return begun(folder, first.size()); }));
    process.send(SIGTERM);
    // By itself it would run for hours, and so may a drain.
    REQUIRE(process.wait(std::chrono::minutes(2)));
    const Exited exited = process.result();
    INFO(exited.err);
    CHECK_FALSE(exited.signaled);
    CHECK(exited.code == 75);
    CHECK(contains(exited.err, "stopping: finishing what was read"));
    CHECK(contains(exited.err, "a program was ended by the stop"));
    CHECK(contains(exited.err, "transform=shape position=" + std::to_string(first.size())));
    CHECK(read_file(folder.at("out/out")) == "{\"n\":1,\"a\":1}\n");

    folder.write("p.toml",
                 config("program_time = \"50ms\"\non_error = \"drop\"\n", "eof", threads));
    const Exited again = run({"run", "--progress", "off", file});
    INFO(again.err);
    CHECK(again.code == 0);
    CHECK_FALSE(contains(again.err, "died"));
    CHECK(read_file(folder.at("out/out")) == "{\"n\":1,\"a\":1}\n{\"n\":3,\"a\":3}\n");
    CHECK(read_file(folder.at("out/raw")) == first + slow + last);
}

TEST_CASE(
    "programs that come to their end are finished by a drain, however many records there are") {
    const TempDir folder;
    std::string in, out;
    for (int i = 0; i < 20'000; ++i) {
        in += "{\"n\":" + std::to_string(i) + "}\n";
        out += "{\"n\":" + std::to_string(i) + ",\"a\":" + std::to_string(i) + "}\n";
    }
    folder.write("in.log", in);
    const std::string file = folder.write("p.toml", config("", "never", "2"));
    Process process(program({"run", "--progress", "off", file}));
    REQUIRE(eventually([&] { return !read_file(folder.at("out/out")).empty(); }));
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    INFO(process.result().err);
    CHECK(process.result().code == 0);
    CHECK_FALSE(contains(process.result().err, "was ended"));
    const std::string is = read_file(folder.at("out/out"));
    CHECK(out.starts_with(is));
}

TEST_CASE("no program is ended by the first SIGTERM where its record cannot be read again") {
    const char* const threads = GENERATE("0", "2");
    INFO(threads << " threads");
    const TempDir folder;
    const std::string first = "{\"n\":1}\n", rest = "{\"n\":2,\"slow\":true}\n{\"n\":3}\n";
    const std::string file = folder.write(
        "p.toml",
        std::string("data_dir = \"state\"\n[engine]\ncommit_interval = \"20ms\"\n") +
            "transform_threads = " + threads +
            "\n[sources.in]\ntype = \"stdin\"\n"
            "[transforms.shape]\ntype = \"jq\"\ninputs = [\"in\"]\n"
            "program = 'if .slow then (now as $t | until(now - $t > 2; .)) else . end | .n'\n"
            "[sinks.out]\ntype = \"file\"\ninputs = [\"shape\"]\npath = \"out\"\n");
    Process process(program({"run", "--progress", "off", file}), {.in_open = true});
    process.write_in(first);
    REQUIRE(eventually([&] { return read_file(folder.at("out")) == "1\n"; }));
    process.write_in(rest);
    REQUIRE(eventually([&] { return begun(folder, first.size()); }));
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    INFO(process.result().err);
    CHECK(process.result().code == 0);
    CHECK_FALSE(contains(process.result().err, "was ended"));
    CHECK(read_file(folder.at("out")) == "1\n2\n3\n");
}

// Pipelines with transforms, run by the real program: what comes out, also after SIGKILLs.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/real/campaign.hpp"

using namespace holdfast::real;

namespace {

/// Lines of JSON whose level is the number modulo 4; padding of lengths that vary.
std::string line_of(std::uint64_t n, const std::string& more = "") {
    const char* const levels[] = {"debug", "info", "error", "warn"};
    return "{\"n\":" + std::to_string(n) + ",\"level\":\"" + levels[n % 4] + "\",\"m\":\"" +
           std::string(20 + n * 7 % 150, 'x') + "\"" + more + "}\n";
}

std::string json_lines(std::uint64_t count) {
    std::string out;
    for (std::uint64_t n = 0; n < count; ++n) out += line_of(n);
    return out;
}

std::string head(const std::string& engine = "") {
    return "data_dir = \"state\"\n[engine]\nmemory_limit = \"4MiB\"\ncommit_interval = \"3ms\"\n" +
           engine +
           "[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\nend = \"eof\"\n"
           "poll_interval = \"5ms\"\n";
}

std::string sink(const std::string& name, const std::string& input) {
    return "[sinks." + name + "]\ntype = \"file\"\ninputs = [\"" + input + "\"]\npath = \"out/" +
           name + "\"\nbatch = { max_bytes = \"64KiB\" }\n";
}

const char* const shape =
    "[transforms.keep]\ntype = \"filter\"\ninputs = [\"in\"]\n"
    "condition = '.level != \"debug\"'\n"
    "[transforms.shape]\ntype = \"jq\"\ninputs = [\"keep\"]\nprogram = '.env = \"prod\"'\n"
    "[transforms.by]\ntype = \"route\"\ninputs = [\"shape\"]\n"
    "route = { errors = '.level == \"error\"' }\n";

const char* const dead_letters = "[dead_letters]\ntype = \"file\"\npath = \"out/dead\"\n";

void forget(const TempDir& folder) {
    std::filesystem::remove_all(folder.at("state"));
    std::filesystem::remove_all(folder.at("out"));
}

Exited run_in(const TempDir& folder, const std::string& config) {
    folder.write("pipe.toml", config);
    return run({"run", "--progress", "off", folder.at("pipe.toml")});
}

void check_kills(const std::string& engine, std::uint64_t seed) {
    constexpr std::uint64_t count = 150'000;
    const TempDir folder;
    folder.write("in.log", json_lines(count));
    folder.write("pipe.toml", head(engine) + shape + sink("errors", "by.errors") +
                                  sink("rest", "by._unmatched") + sink("raw", "in"));
    std::string errors, rest;
    for (std::uint64_t n = 0; n < count; ++n)
        if (n % 4 != 0) (n % 4 == 2 ? errors : rest) += line_of(n, ",\"env\":\"prod\"");
    Waits waits(seed);
    const Exited exited = run_with_kills(folder.at("pipe.toml"), 15, 700, waits, forget, folder,
                                         folder.at("out/rest"), rest.size());
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK((read_file(folder.at("out/errors")) == errors));
    CHECK((read_file(folder.at("out/rest")) == rest));
    CHECK((read_file(folder.at("out/raw")) == json_lines(count)));
}

}  // namespace

TEST_CASE("filter, jq and route to sinks are byte-identical after 15 kills") {
    check_kills("", 11);
}

TEST_CASE("the same with transform threads") { check_kills("transform_threads = 2\n", 12); }

TEST_CASE("what a transform fails on becomes a dead letter as it came, named") {
    const TempDir folder;
    folder.write("in.log", line_of(1) + "{\"n\":2,\n" + line_of(3));
    const Exited exited = run_in(folder, head() + shape + sink("errors", "by.errors") +
                                             sink("rest", "by._unmatched") + dead_letters);
    INFO(exited.err);
    CHECK(exited.code == 0);
    const std::string dead = read_file(folder.at("out/dead"));
    INFO(dead);
    CHECK(contains(dead, "\"transform\":\"keep\",\"error\":\"parse error: "));
    CHECK(contains(dead, "\"payload\":\"{\\\"n\\\":2,\"}"));
    CHECK(contains(dead, "\"position\":" + std::to_string(line_of(1).size())));
    CHECK(read_file(folder.at("out/rest")) ==
          line_of(1, ",\"env\":\"prod\"") + line_of(3, ",\"env\":\"prod\""));
    CHECK(contains(exited.err, "keep: 3 -> 2 out + 0 dropped + 1 errors (1 dead letters)"));
}

TEST_CASE("on_error = stop stops before the record, and a restart goes on from there") {
    const TempDir folder;
    folder.write("in.log", line_of(1) + "{\"n\":2,\n" + line_of(3));
    const std::string config = head() +
                               "[transforms.keep]\ntype = \"filter\"\ninputs = [\"in\"]\n"
                               "condition = '.n'\non_error = \"stop\"\n" +
                               sink("a", "keep");
    Exited exited = run_in(folder, config);
    CHECK(exited.code != 0);
    CHECK(contains(exited.err, "stop"));
    CHECK(read_file(folder.at("out/a")).empty());
    const std::size_t at = config.find("stop");
    exited = run_in(folder, config.substr(0, at) + "drop" + config.substr(at + 4));
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/a")) == line_of(1) + line_of(3));
}

TEST_CASE("an expanding program runs at the smallest memory limit, with any number of threads") {
    const char* const threads = GENERATE("", "transform_threads = 2\n");
    const TempDir folder;
    std::string input, expected;
    for (int n = 0; n < 4000; ++n) {
        const std::string text = "{\"n\":" + std::to_string(n) + "}\n";
        input += text;
        for (int i = 0; i < 20; ++i)
            expected += "{\"n\":" + std::to_string(n) + ",\"i\":" + std::to_string(i) + "}\n";
    }
    folder.write("in.log", input);
    std::string config = head(threads) +
                         "[transforms.more]\ntype = \"jq\"\ninputs = [\"in\"]\n"
                         "program = 'range(20) as $i | .i = $i'\n" +
                         sink("a", "more") + sink("b", "more");
    config.replace(config.find("4MiB"), 4, "1MiB");
    const Exited exited = run_in(folder, config);
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK((read_file(folder.at("out/a")) == expected));
    CHECK((read_file(folder.at("out/b")) == expected));
}

TEST_CASE("a record whose outputs have no end is a dead letter, and the rest goes on") {
    const TempDir folder;
    folder.write("in.log", "{\"n\":1}\n{\"n\":1000000}\n{\"n\":2}\n");
    const Exited exited = run_in(folder, head() +
                                             "[transforms.more]\ntype = \"jq\"\ninputs = [\"in\"]\n"
                                             "program = 'range(.n)'\n" +
                                             sink("a", "more") + dead_letters);
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/a")) == "0\n0\n1\n");
    CHECK(contains(read_file(folder.at("out/dead")), "outputs of a record exceed"));
}

namespace {

std::string raw_filter(const std::string& more) {
    return "[transforms.raw]\ntype = \"raw_filter\"\ninputs = [\"in\"]\n"
           "rules = [{ missing = \"n\", then = \"drop\" },\n"
           "         { field = \"level\", equals = \"debug\", then = \"dead_letter\" }]\n" +
           more;
}

/// Kept, without a field, rejected, no JSON (which no rule takes), kept.
const std::string raw_input = line_of(1) + "{\"m\":2}\n" + line_of(4) + "no json\n" + line_of(5);

}  // namespace

TEST_CASE("a raw filter drops and rejects before anything is parsed, and counts each") {
    const TempDir folder;
    folder.write("in.log", raw_input);
    const Exited exited = run_in(folder, head() + raw_filter("") + sink("a", "raw") + dead_letters);
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/a")) == line_of(1) + "no json\n" + line_of(5));
    const std::string dead = read_file(folder.at("out/dead"));
    INFO(dead);
    CHECK(contains(dead,
                   "\"reason\":\"rejected\",\"attempts\":0,\"transform\":\"raw\","
                   "\"error\":\"rejected: level is \\\"debug\\\"\""));
    CHECK(contains(exited.err,
                   "raw: 5 -> 3 out + 1 dropped + 1 errors (1 dead letters) (1 rejected)"));
}

TEST_CASE("a rejected record without dead letters halts before it, and goes on by on_reject") {
    const TempDir folder;
    folder.write("in.log", raw_input);
    Exited exited = run_in(folder, head() + raw_filter("") + sink("a", "raw"));
    INFO(exited.err);
    CHECK(exited.code != 0);
    CHECK(read_file(folder.at("out/a")).empty());
    exited = run_in(folder, head() + raw_filter("on_reject = \"drop\"\n") + sink("a", "raw"));
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(contains(exited.err, "3 out + 2 dropped + 0 errors (0 dead letters) (1 rejected)"));
    CHECK(read_file(folder.at("out/a")) == line_of(1) + "no json\n" + line_of(5));
    forget(folder);
    exited =
        run_in(folder, head() + raw_filter("") + sink("a", "raw") + sink("b", "raw._rejected"));
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/b")) == line_of(4));
}

namespace {

constexpr const char* examples_input =
    "{\"level\":\"debug\",\"id\":1}\n"
    "{\"level\":\"error\",\"id\":2,\"user\":{\"ssn\":\"1\",\"name\":\"a\"}}\n"
    "{\"level\":\"info\",\"id\":3,\"kind\":\"audit\"}\n"
    "not json\n"
    "{\"level\":\"error\",\"id\":2,\"user\":{\"ssn\":\"1\",\"name\":\"a\"}}\n"
    "{\"level\":\"info\",\"id\":4}\n";

/// What examples/transforms.toml must make of it.
void check_examples_output(const TempDir& folder) {
    CHECK(read_file(folder.at("out/errors.jsonl")) ==
          "{\"level\":\"error\",\"id\":2,\"user\":{\"name\":\"a\"},\"env\":\"prod\"}\n");
    CHECK(read_file(folder.at("out/audit.jsonl")) ==
          "{\"level\":\"info\",\"id\":3,\"kind\":\"audit\",\"env\":\"prod\"}\n");
    CHECK(read_file(folder.at("out/rest.jsonl")) ==
          "{\"level\":\"info\",\"id\":4,\"env\":\"prod\"}\n");
    CHECK(contains(read_file(folder.at("out/dead.jsonl")), "\"payload\":\"not json\""));
}

}  // namespace

TEST_CASE("the examples of transforms run, and give what they say") {
    const TempDir folder;
    std::filesystem::copy(HF_SOURCE_DIR "/examples/transforms.toml", folder.at("transforms.toml"));
    folder.write("out/logs/app.jsonl", examples_input);
    const Exited checked = run({"validate", folder.at("transforms.toml")});
    INFO(checked.out);
    CHECK(checked.code == 0);
    CHECK(contains(checked.out, "transform shape: jq from keep; runs native"));
    const Exited exited = run({"run", "--progress", "off", folder.at("transforms.toml")});
    INFO(exited.err);
    CHECK(exited.code == 0);
    check_examples_output(folder);
}

TEST_CASE("transforms give the same in slices and in parsed batches as in whole ones") {
    for (const char* mode : {"streaming", "governed", "parsed"}) {
        for (const char* slice : {"0B", "100B", "256KiB"}) {
            const TempDir folder;
            std::filesystem::copy(HF_SOURCE_DIR "/examples/transforms.toml",
                                  folder.at("transforms.toml"));
            folder.write("out/logs/app.jsonl", examples_input);
            const Exited exited = run(
                {"run", "--progress", "off", "--set", std::string("engine.mode=") + mode, "--set",
                 std::string("engine.slice_bytes=") + slice, folder.at("transforms.toml")});
            INFO(mode << " " << slice << ": " << exited.err);
            CHECK(exited.code == 0);
            check_examples_output(folder);
        }
    }
}

// The config file: what is accepted, and each thing that is refused with its place.
#include <catch2/catch.hpp>

#include "io/cli/config.hpp"
#include "io/devices/glob.hpp"
#include "io/runner/engine_config.hpp"
#include "io/sinks/file/settings.hpp"
#include "io/sources/file/settings.hpp"

using namespace holdfast;
using namespace holdfast::cli;
using namespace holdfast::io;

namespace {

constexpr const char* good = R"(
[sources.in]
type = "file"
include = ["logs/*.jsonl"]
[sinks.a]
type = "file"
inputs = ["in"]
path = "out/a.jsonl"
)";

ConfigResult parse(const std::string& text, std::vector<std::string> set = {}) {
    return parse_config(text, "/etc/hf/demo.toml", set);
}

// The one problem of a text.
std::string problem(const std::string& text, std::vector<std::string> set = {}) {
    const auto result = parse(text, std::move(set));
    for (const auto& one : result.problems) UNSCOPED_INFO(one);
    REQUIRE(result.problems.size() == 1);
    return result.problems[0];
}

}  // namespace

TEST_CASE("a short config gets its defaults") {
    const auto result = parse(good);
    REQUIRE(result.problems == std::vector<std::string>{});
    const PipelineConfig& config = result.config;
    CHECK(config.data_dir == "/etc/hf/.holdfast/demo");
    CHECK(config.memory_limit == 64u << 20);
    CHECK(config.commit_interval == seconds(1));
    CHECK(config.shutdown_timeout == seconds(30));
    REQUIRE(config.sources.size() == 1);
    CHECK(own<FileSourceSettings>(config.sources[0]).include ==
          std::vector<std::string>{"/etc/hf/logs/*.jsonl"});
    CHECK(own<FileSourceSettings>(config.sources[0]).read_from == ReadFrom::beginning);
    CHECK(own<FileSourceSettings>(config.sources[0]).end == EndAt::never);
    CHECK(config.sources[0].max_line == 1u << 20);
    REQUIRE(config.sinks.size() == 1);
    CHECK(own<FileSinkSettings>(config.sinks[0]).path == "/etc/hf/out/a.jsonl");
    CHECK(config.sinks[0].inputs == std::vector<std::uint32_t>{0});
    CHECK(own<FileSinkSettings>(config.sinks[0]).fsync == FileSinkConfig::Fsync::batch);
    CHECK(own<FileSinkSettings>(config.sinks[0]).delivery ==
          FileSinkConfig::Delivery::exactly_once);
    CHECK(config.sinks[0].retry.attempts_max == 0);
    CHECK(config.sinks[0].retry.backoff_max == seconds(2));
    CHECK_FALSE(config.dead_letters.present);
}

TEST_CASE("only what the user wrote is a pattern, never the folder of the config") {
    for (const std::string folder : {"/srv/svc[prod]", "/srv/a*b{c}?", "/srv/back\\slash"}) {
        const std::string text =
            "[sources.in]\ntype = \"file\"\ninclude = [\"logs/[ab]*.log\", \"../x.log\", "
            "\"/var/log/*.log\"]\nexclude = [\"logs/b[0-9].log\"]\n"
            "[sinks.out]\ntype = \"blackhole\"\ninputs = [\"in\"]\n";
        const auto result = parse_config(text, folder + "/p.toml", {});
        REQUIRE(result.problems == std::vector<std::string>{});
        const auto& source = own<FileSourceSettings>(result.config.sources[0]);
        const Patterns include(source.include), exclude(source.exclude);
        INFO(folder);
        CHECK(include.matches(folder + "/logs/a1.log"));
        CHECK(include.matches("/srv/x.log"));
        CHECK(include.matches("/var/log/syslog.log"));
        CHECK_FALSE(include.matches("/srv/svcp/logs/a1.log"));
        CHECK_FALSE(include.matches("/srv/a1b{c}2/logs/a1.log"));
        CHECK(exclude.covers(folder + "/logs/b1.log"));
        CHECK_FALSE(exclude.covers(folder + "/logs/a1.log"));
        CHECK(Glob(source.include[0]).base() == folder + "/logs");
        CHECK(result.config.data_dir == folder + "/.holdfast/p");
    }
}

TEST_CASE("an output that include matches is no problem where exclude matches it, too") {
    const std::string text =
        "[sources.in]\ntype = \"file\"\ninclude = [\"*.log\"]\nexclude = [\"out*\"]\n"
        "[sinks.out]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out.log\"\n";
    CHECK(parse(text).problems == std::vector<std::string>{});
}

TEST_CASE("every key of the issue's example is read") {
    const auto result = parse(R"(
data_dir = "state"
[engine]
memory_limit = "32MiB"
commit_interval = "500ms"
shutdown_timeout = "1m"
[sources.in]
type = "file"
include = ["logs/*.jsonl"]
read_from = "end"
end = "eof"
poll_interval = "10ms"
max_line = "4KiB"
on_oversized = "split"
[sinks.a]
type = "file"
inputs = ["in"]
path = "out/a.jsonl"
fsync = "never"
delivery = "at_least_once"
when_full = "drop_newest"
timeout = "3s"
retry = { max_attempts = 7, initial_backoff = "200ms", max_backoff = "2s" }
batch = { max_records = 10, max_bytes = "1MiB", timeout = "5ms" }
inject = { fail_percent = 1.5, refuse_percent = 2, latency = "1ms", seed = 9 }
[dead_letters]
type = "file"
path = "out/dead.jsonl"
)");
    REQUIRE(result.problems == std::vector<std::string>{});
    const PipelineConfig& config = result.config;
    CHECK(config.data_dir == "/etc/hf/state");
    CHECK(config.memory_limit == 32u << 20);
    CHECK(config.commit_interval == milliseconds(500));
    CHECK(config.shutdown_timeout == seconds(60));
    CHECK(own<FileSourceSettings>(config.sources[0]).read_from == ReadFrom::end);
    CHECK(own<FileSourceSettings>(config.sources[0]).end == EndAt::eof);
    CHECK(own<FileSourceSettings>(config.sources[0]).poll_interval == milliseconds(10));
    CHECK(config.sources[0].max_line == 4096);
    CHECK(config.sources[0].on_oversized == Oversize::split);
    const SinkSettings& sink = config.sinks[0];
    CHECK(own<FileSinkSettings>(sink).fsync == FileSinkConfig::Fsync::never);
    CHECK(own<FileSinkSettings>(sink).delivery == FileSinkConfig::Delivery::at_least_once);
    CHECK(sink.when_full == WhenFull::drop_newest);
    CHECK(sink.timeout == seconds(3));
    CHECK(sink.retry.attempts_max == 7);
    CHECK(sink.retry.backoff_initial == milliseconds(200));
    CHECK(sink.batch_records == 10);
    CHECK(sink.batch_bytes == 1u << 20);
    CHECK(sink.batch_timeout == milliseconds(5));
    CHECK(sink.inject.present);
    CHECK(sink.inject.fail_permille == 15);
    CHECK(sink.inject.refuse_permille == 20);
    CHECK(sink.inject.latency == milliseconds(1));
    CHECK(sink.inject.seed == 9);
    CHECK(config.dead_letters.path == "/etc/hf/out/dead.jsonl");
}

TEST_CASE("an unknown key names its place and the nearest key") {
    CHECK(problem(std::string(good) + "fsnyc = \"never\"\n") ==
          "/etc/hf/demo.toml(9,1): \"fsnyc\" is not a key of [sinks.NAME]; expected one of type, "
          "path, mode, fsync, delivery, inputs, framing, on_parse_error, when_full, on_transient, "
          "timeout, batch, retry, inject; did you mean "
          "\"fsync\"?");
    CHECK(problem("[engin]\n" + std::string(good)) ==
          "/etc/hf/demo.toml(1,2): \"engin\" is not a key of this file; expected one of data_dir, "
          "engine, sources, transforms, sinks, dead_letters, tests; did you mean \"engine\"?");
    CHECK(problem(std::string(good) + "retry = { max_atempts = 3 }\n") ==
          "/etc/hf/demo.toml(9,11): \"max_atempts\" is not a key of [retry]; expected one of "
          "max_attempts, initial_backoff, max_backoff; did you mean \"max_attempts\"?");
}

TEST_CASE("a wrong value names its place and what was expected") {
    const std::string engine = "[engine]\n";
    CHECK(problem(engine + "memory_limit = \"64MB iB\"\n" + good) ==
          "/etc/hf/demo.toml(2,16): memory_limit is \"64MB iB\"; expected a size such as "
          "\"64MiB\" between 1MiB and 1TiB");
    CHECK(problem(engine + "memory_limit = 5\n" + good).find("memory_limit is 5;") !=
          std::string::npos);
    CHECK(problem(engine + "commit_interval = 5\n" + good).find("a duration has a unit") !=
          std::string::npos);
    CHECK(problem(std::string(good) + "when_full = \"blokc\"\n") ==
          "/etc/hf/demo.toml(9,13): when_full is \"blokc\"; expected \"block\" or "
          "\"drop_newest\"; did you mean \"block\"?");
    CHECK(problem(std::string(good) + "retry = 3\n").find("(9,9): retry is 3; expected a table") !=
          std::string::npos);
    CHECK(problem(std::string(good) + "inject = { fail_percent = 101 }\n").find("percentage") !=
          std::string::npos);
}

TEST_CASE("sizes and durations that overflow are refused") {
    for (const char* size : {"99999999999999999999MiB", "18446744073709551615TiB", "-1MiB",
                             "9223372036854775808", "1.5MiB", "", "MiB"}) {
        INFO(size);
        CHECK(problem("[engine]\nmemory_limit = \"" + std::string(size) + "\"\n" + good)
                  .find("(2,16): memory_limit is ") != std::string::npos);
    }
    for (const char* time : {"99999999999d", "9223372036854775807s", "-5s", "5 minutes", "1"}) {
        INFO(time);
        CHECK(problem("[engine]\nshutdown_timeout = \"" + std::string(time) + "\"\n" + good)
                  .find("(2,20): shutdown_timeout is ") != std::string::npos);
    }
}

TEST_CASE("all problems are reported at once, in the order of the file") {
    const auto result = parse(R"(
[engine]
memory_limit = true
[sources.in]
type = "fil"
[sinks.a]
type = "file"
inputs = ["inn"]
colour = "red"
)");
    std::vector<std::string> places;
    for (const auto& one : result.problems) places.push_back(one.substr(17, one.find(':') - 17));
    for (const auto& one : result.problems) UNSCOPED_INFO(one);
    CHECK(places ==
          std::vector<std::string>{"(3,16)", "(4,10)", "(5,8)", "(6,8)", "(8,11)", "(9,1)"});
}

TEST_CASE("inputs must name sources, and each source must feed a sink") {
    const std::string other = "[sources.other]\ntype = \"file\"\ninclude = [\"x\"]\n";
    CHECK(problem(other + good).find("(1,10): source \"other\" feeds no sink") !=
          std::string::npos);
    std::string text = good;
    text.replace(text.find("[\"in\"]"), 6, "[\"in\", \"im\"]");
    CHECK(problem(text).find("no source is named \"im\"; expected one of \"in\"; did you mean "
                             "\"in\"?") != std::string::npos);
    text = good;
    text.replace(text.find("[\"in\"]"), 6, "[\"in\", \"a\"]");
    CHECK(problem(text).find("\"a\" is a sink") != std::string::npos);
    text = good;
    text.replace(text.find("[\"in\"]"), 6, "[\"in\", \"in\"]");
    CHECK(problem(text).find("listed twice") != std::string::npos);
}

TEST_CASE("two writers of one file are refused") {
    const std::string b = "[sinks.b]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"";
    CHECK(problem(good + b + "out/../out/a.jsonl\"\n")
              .find("sink \"b\" writes to the same file as sink \"a\" (line 8)") !=
          std::string::npos);
    CHECK(problem(std::string(good) +
                  "[dead_letters]\ntype = \"file\"\npath = \"/etc/hf/out/a.jsonl\"\n")
              .find("[dead_letters] writes to the same file as sink \"a\"") != std::string::npos);
}

TEST_CASE("a sink that writes what a source reads is refused") {
    const std::string b = "[sinks.b]\ntype = \"file\"\ninputs = [\"in\"]\n";
    CHECK(problem(good + b + "path = \"logs/out.jsonl\"\n")
              .find("is matched by include of source \"in\"") != std::string::npos);
    CHECK(parse(good + b + "path = \"logs/deeper/out.jsonl\"\n").problems.empty());
    CHECK(problem(good + b + "path = \"demo.toml\"\n").find("config file") != std::string::npos);
}

TEST_CASE("stdin cannot be promised exactly once") {
    const std::string text =
        "[sources.in]\ntype = \"stdin\"\n[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\n"
        "path = \"a\"\n";
    const auto result = parse(text);
    REQUIRE(result.problems.empty());
    CHECK(own<FileSinkSettings>(result.config.sinks[0]).delivery ==
          FileSinkConfig::Delivery::at_least_once);
    CHECK(problem(text + "delivery = \"exactly_once\"\n").find("(7,12): ") != std::string::npos);
}

TEST_CASE("a key of another type is named as such") {
    std::string text = good;
    text += "max_in_flight = 4\n";
    CHECK(problem(text).find("max_in_flight is not a key of type \"file\"; expected it only with "
                             "type = \"blackhole\"") != std::string::npos);
}

TEST_CASE("an override by --set replaces what the file says, and its errors name the flag") {
    const auto result = parse(good, {"engine.memory_limit=32MiB", "sinks.a.fsync=never",
                                     "sinks.a.retry.max_attempts=3", "data_dir=/tmp/x"});
    REQUIRE(result.problems == std::vector<std::string>{});
    CHECK(result.config.memory_limit == 32u << 20);
    CHECK(own<FileSinkSettings>(result.config.sinks[0]).fsync == FileSinkConfig::Fsync::never);
    CHECK(result.config.sinks[0].retry.attempts_max == 3);
    CHECK(result.config.data_dir == "/tmp/x");

    CHECK(
        problem(good, {"engine.memory_limit=32MeB"})
            .find("--set engine.memory_limit=32MeB: memory_limit is \"32MeB\"; expected a size") ==
        0);
    CHECK(problem(good, {"engine.memory_limt=1MiB"})
              .find("--set engine.memory_limt=1MiB: \"memory_limt\" is not a key of [engine]") ==
          0);
    CHECK(problem(good, {"nonsense"}).find("--set nonsense: this is not an assignment") == 0);
    CHECK(problem(good, {"=3"}).find("--set =3: this is not an assignment") == 0);
}

TEST_CASE("text that is not TOML names the place of its fault") {
    CHECK(problem("[sources.in\ntype = 3\n").find("/etc/hf/demo.toml(1,") == 0);
    CHECK(problem("a = \"\xff\xfe\"\n").find("this is not TOML") != std::string::npos);
    CHECK(problem("a = 99999999999999999999999\n").find("this is not TOML") != std::string::npos);
    CHECK(problem("a = 1\na = 2\n").find("(2,") != std::string::npos);
    CHECK_FALSE(parse(std::string(5000, '[')).problems.empty());
    CHECK_FALSE(parse("a = " + std::string(5000, '[')).problems.empty());
    CHECK_FALSE(parse(std::string("\0\0\0", 3)).problems.empty());
    CHECK_FALSE(parse("").problems.empty());
    CHECK_FALSE(parse(std::string(100'000, 'k') + " = 1\n" + good).problems.empty());
}

TEST_CASE("names and text of the user are shown without their control characters") {
    const std::string what = problem(std::string(good) + "\"fs\\u001b[31m\" = 1\n");
    CHECK(what.find('\x1b') == std::string::npos);
    CHECK(what.find("\\x1b[31m") != std::string::npos);
    CHECK(problem("[sources.\"a b\"]\ntype = \"stdin\"\n" + std::string(good))
              .find("\"a b\" is not a name") != std::string::npos);
}

TEST_CASE("a config that parses is one that the engine takes") {
    for (const char* limit : {"1MiB", "3MiB", "33MiB", "64MiB", "10GiB"}) {
        const auto result = parse(good, {std::string("engine.memory_limit=") + limit});
        REQUIRE(result.problems == std::vector<std::string>{});
        const Config config = engine_config(result.config);
        const PoolSize pool = pool_size(result.config);
        CHECK(pool.bytes <= result.config.memory_limit);
        CHECK(pool.bytes % pool.block_max == 0);
        CHECK(pool.bytes >= 2 * std::uint64_t{pool.block_max});
        CHECK(config.source[0].pull_bytes_max <= pool.block_max);
        CHECK(config.sink[0].queue_bytes_max + 4 * std::uint64_t{config.source[0].pull_bytes_max} <=
              result.config.memory_limit);
    }
}

TEST_CASE("an output is found in any depth of a pattern of many folders") {
    const std::string b = "[sinks.b]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"";
    for (const char* path : {"logs/b.jsonl", "logs/x/b.jsonl", "logs/x/y/b.jsonl"}) {
        std::string text = good;
        text.replace(text.find("logs/*"), 6, "logs/**/*");
        INFO(path);
        CHECK(problem(text + b + path + "\"\n").find("read its own output") != std::string::npos);
    }
}

TEST_CASE("the config file is no input") {
    std::string text = good;
    text.replace(text.find("logs/*.jsonl"), 12, "*.toml");
    CHECK(problem(text).find("matches this config file") != std::string::npos);
    CHECK(parse(text, {"sources.in.exclude=[\"*.toml\"]"}).problems.empty());
}

TEST_CASE("the data directory is no input and no output") {
    const std::string head = "data_dir = \"logs\"\n";
    std::string text = good;
    text.replace(text.find("*.jsonl"), 7, "*");
    CHECK(problem(head + text).find("a file of data_dir") != std::string::npos);
    text = good;
    text.replace(text.find("out/a.jsonl"), 11, "logs/checkpoint.a");
    CHECK(problem(head + text).find("a file of data_dir") != std::string::npos);
    CHECK(parse(head + good).problems == std::vector<std::string>{});
}

TEST_CASE("sinks share the engine's batches, so that full queues leave some to the others") {
    for (int n : {1, 5, 64}) {
        std::string text;
        for (int i = 0; i < n; ++i) {
            const std::string s = std::to_string(i);
            text += "[sources.s" + s + "]\ntype = \"file\"\ninclude = [\"logs/" + s + "\"]\n" +
                    "[sinks.t" + s + "]\ntype = \"blackhole\"\ninputs = [\"s" + s + "\"]\n";
        }
        const auto result = parse(text);
        REQUIRE(result.problems == std::vector<std::string>{});
        const Config engine = engine_config(result.config);
        std::uint64_t queued = 0;
        for (std::uint32_t i = 0; i < engine.sinks; ++i) queued += engine.sink[i].queue_batches_max;
        CHECK(queued < engine.batches_max);
    }
}

TEST_CASE("one source listens at an address, and no sink of the pipeline connects there") {
    const auto source = [](const std::string& name, const std::string& where) {
        return "[sources." + name + "]\ntype = \"socket\"\n" + where + "\n";
    };
    const auto sink = [](const std::string& where) {
        return "[sinks.out]\ntype = \"socket\"\ninputs = [\"a\"]\n" + where + "\n";
    };
    const std::string hole = "[sinks.out]\ntype = \"blackhole\"\ninputs = [\"a\", \"b\"]\n";
    const std::string at = "address = \"127.0.0.1:9000\"", every = "address = \"0.0.0.0:9000\"";
    const std::string local = "mode = \"unix_stream\"\npath = \"in.sock\"";
    for (const auto& [first, second] :
         {std::pair{at, at}, std::pair{at, every}, std::pair{local, local}}) {
        CHECK(problem(source("a", first) + source("b", second) + hole)
                  .find("source \"a\" listens at") != std::string::npos);
        CHECK(problem(source("a", first) + sink(second)).find("would go round for ever") !=
              std::string::npos);
    }
    CHECK(parse(source("a", at) + source("b", "mode = \"udp\"\n" + at) + hole).problems.empty());
    CHECK(parse(source("a", at) + source("b", "address = \"127.0.0.2:9000\"") + hole)
              .problems.empty());
    CHECK(parse(source("a", at) + sink("address = \"127.0.0.1:9001\"")).problems.empty());
    CHECK(parse(source("a", "address = \"127.0.0.1:0\"") +
                source("b", "address = \"127.0.0.1:0\"") + hole)
              .problems.empty());
}

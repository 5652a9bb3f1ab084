// What `validate --json` says that a process may need (process_memory_max), held against the real
// program: the worst kinds of records, in every mode and through every transform, with a sink that is
// out so that all queues fill up, in a memory cgroup of exactly that size.
//
// HF_MEMORY_LONG=1 (nightly): records of 16 MiB, limits of 64 MiB.
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/real/cgroup.hpp"
#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

constexpr std::uint64_t mib = 1 << 20;

// ---- the worst records -------------------------------------------------------------------------

std::string repeated(const std::string& what, std::size_t size) {
    std::string out;
    while (out.size() + what.size() <= size) out += what;
    return out;
}

/// `[x,x,x]`
std::string array_of(const std::string& element, std::size_t size) {
    return "[" + repeated(element + ",", size - element.size() - 4) + element + "]";
}

std::string many_keys(std::size_t size) {
    std::string out = "{\"k\":0";
    for (std::size_t i = 0; out.size() + 24 < size; ++i)
        out += ",\"" + std::to_string(i) + "\":" + std::to_string(i);
    return out + "}";
}

std::string same_keys(std::size_t size) { return "{" + repeated("\"\":0,", size - 12) + "\"\":0}"; }

/// An array of `element`s in MsgPack.
std::string packed(const std::string& element, std::size_t size) {
    const std::size_t count = (size - 5) / element.size();
    std::string out = "\xdd";
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(count >> shift & 0xff);
    for (std::size_t i = 0; i < count; ++i) out += element;
    return out;
}

struct Kind {
    const char* name;
    std::string (*record)(std::size_t size);
    const char* between = "\n";
    const char* before = "";
    const char* after = "\n";
};

constexpr Kind zeros{"[0,0,..]", [](std::size_t n) { return array_of("0", n); }};
constexpr Kind objects{"[{},{},..]", [](std::size_t n) { return array_of("{}", n); }};
constexpr Kind texts{"[\"\",\"\",..]", [](std::size_t n) { return array_of("\"\"", n); }};
constexpr Kind reals{"[1e1,..]", [](std::size_t n) { return array_of("1e1", n); }};
constexpr Kind deep{"64 levels", [](std::size_t n) {
                        return array_of(std::string(63, '[') + std::string(63, ']'), n);
                    }};
constexpr Kind keys{"many keys", many_keys};
constexpr Kind equal_keys{"equal keys", same_keys};
constexpr Kind escapes{
    "escapes", [](std::size_t n) { return "{\"s\":\"" + repeated("\\u0041\\n", n - 9) + "\"}"; }};
constexpr Kind text{"a text",
                    [](std::size_t n) { return "{\"s\":\"" + std::string(n - 9, 'a') + "\"}"; }};
constexpr Kind short_lines{
    "short lines", [](std::size_t n) { return repeated("{\"a\":1}\n", n - 8) + "{\"a\":1}"; }};
/// Each with another error than the one before.
constexpr Kind broken{"broken lines",
                      [](std::size_t n) { return repeated("x\n x\n", n - 2) + "0"; }};
constexpr Kind elements{"json_array", [](std::size_t n) { return array_of("0", n); }, ",", "[",
                        "]"};
constexpr Kind packed_zeros{"msgpack zeros", [](std::size_t n) { return packed({"\0", 1}, n); }, "",
                            "", ""};
constexpr Kind packed_maps{"msgpack maps", [](std::size_t n) { return packed("\x80", n); }, "", "",
                           ""};
constexpr Kind packed_extensions{
    "msgpack ext", [](std::size_t n) { return packed({"\xd4\x81\0", 3}, n); }, "", "", ""};
constexpr Kind packed_pairs{"msgpack pairs",
                            [](std::size_t n) {
                                const std::size_t count = (n - 5) / 2;
                                std::string out = "\xdf";
                                for (int shift = 24; shift >= 0; shift -= 8)
                                    out += static_cast<char>(count >> shift & 0xff);
                                return out + repeated({"\xa0\0", 2}, count * 2);
                            },
                            "", "", ""};
constexpr Kind packed_tiny{"msgpack tiny", [](std::size_t n) { return std::string(n, '\0'); }, "",
                           "", ""};

/// As many pairs as `max_keys` may be.
constexpr Kind pairs{"pairs", [](std::size_t n) {
                         std::string out;
                         for (int i = 0; i < 65'000 && out.size() + 24 < n; ++i)
                             out += "\"k" + std::to_string(i) + "\\n\"=\"\\t\" ";
                         return out + std::string(n - out.size() - 1, 'x');
                     }};
/// Many members, and JSON in one of them.
constexpr Kind logs{"a field", [](std::size_t n) {
                        return "{" + repeated("\"\":0,", n / 2) + "\"log\":\"" +
                               array_of("0", n / 2 - 12) + "\"}";
                    }};

/// In an envelope each of its bytes becomes six.
constexpr Kind controls{"controls", [](std::size_t n) { return std::string(n, '\x01'); }};
constexpr Kind envelope{"an envelope", [](std::size_t n) {
                            const std::string third = std::string(n / 3 - 30, 'a');
                            return "{\"key\":\"" + third + "\",\"headers\":{\"h\":\"" + third +
                                   "\"},\"encoding\":\"utf8\",\"payload\":\"" + third + "\"}";
                        }};
constexpr Kind envelopes{"envelopes", [](std::size_t n) {
                             return repeated("{\"key\":1,\"payload\":1}\n", n - 23) +
                                    "{\"key\":1,\"payload\":1}";
                         }};
constexpr Kind sized_tiny{"sized tiny", [](std::size_t n) { return std::string(n / 4 * 4, '\0'); },
                          "", "", ""};

/// Different keys for those who remember them, a line each.
constexpr Kind numbers{"numbers", [](std::size_t n) {
                           std::string out;
                           static int next = 0;
                           while (out.size() + 16 < n) out += std::to_string(next++) + "\n";
                           return out + "0";
                       }};

// ---- the configs -------------------------------------------------------------------------------

const std::string filter =
    "[transforms.t]\ntype = \"filter\"\ninputs = [\"in\"]\n"
    "condition = \"true\"\n";

std::string jq(const std::string& program, const std::string& name = "t",
               const std::string& input = "in") {
    return "[transforms." + name + "]\ntype = \"jq\"\ninputs = [\"" + input + "\"]\nprogram = '" +
           program + "'\n";
}

std::string step(const std::string& type, const std::string& rest) {
    return "[transforms.t]\ninputs = [\"in\"]\ntype = \"" + type + "\"\n" + rest + "\n";
}

const std::string route = [] {
    std::string routes;
    for (int i = 0; i < 8; ++i)
        routes += (i ? ", r" : "r") + std::to_string(i) + " = '.a != " + std::to_string(i) + "'";
    return step("route", "route = { " + routes + " }");
}();

struct Case {
    Kind kind;
    double record_mib = 1;  ///< Of the input, a record; of `kind`s of many lines all of it.
    std::string transforms = {};
    std::string engine = {};
    std::string source = {};
    std::string sink_inputs = "\"t\"";
    std::string sink = {};
    bool both = true;         ///< With no threads and with two.
    std::string memory = {};  ///< memory_limit; empty: as the run is long.
};

const std::string max4 = "max_line = \"4MiB\"\n";

std::vector<Case> cases() {
    const std::string raw = step("raw_filter",
                                 "rules = [{ missing = \"a\", then = \"drop\" }, "
                                 "{ field = \"b\", equals = 1 }]");
    const std::string parse = step("parse", "format = \"logfmt\"\nmax_keys = 65536");
    const std::string log =
        step("parse", "format = \"json\"\nfield = \"log\"\ninto = \"to\"\nkeep_text = true");
    const std::string in = "\"in\"";
    const std::string msgpack = "framing = \"msgpack\"\n";
    return {
        {text, 1, "", "", "", in, "", false},
        {short_lines, 8, "", "", "", in, "", false},
        {text, 4, "", "", max4, in, "", false},
        {zeros, 1, filter},
        {objects, 1, filter},
        {texts, 1, filter},
        {deep, 1, filter},
        {keys, 1, filter},
        {escapes, 1, filter},
        {zeros, 4, filter, "", max4},
        {zeros, 0.25, filter},
        {zeros, 0.03, filter},
        {short_lines, 8, filter},
        {zeros, 0.9, jq("{a: .}")},
        {zeros, 0.9, jq(".[]")},
        {objects, 0.9, jq(".[] | length")},
        {objects, 0.3, jq(".[] | .a = 1")},
        {zeros, 0.9, jq("{a: .}") + jq(".a", "u", "t") + jq("{b: .}", "v", "u"), "", "", "\"v\""},
        {keys, 1, route, "", "", "\"t.r0\", \"t.r1\", \"t.r2\", \"t.r3\""},
        {zeros, 1, step("sample", "rate = 2\nkey_field = \".[0]\"")},
        {zeros, 1, step("throttle", "threshold = 1000000\nkey_field = \".[0]\"")},
        {numbers, 8,
         step("dedupe",
              "fields = { match = [\".\"] }\n"
              "cache = { num_events = 1000000 }"),
         "", "", "\"t\"", "", false},
        {zeros, 1, raw},
        {zeros, 1, "", "mode = \"parsed\"\n", "", in},
        {broken, 4, "", "mode = \"parsed\"\n", "", in},
        {zeros, 4, "", "mode = \"parsed\"\n", max4, in},
        {zeros, 1, filter, "mode = \"streaming\"\n"},
        {zeros, 0.9, jq(".[]"), "mode = \"streaming\"\n"},
        {zeros, 1, filter, "mode = \"governed\"\n"},
        {pairs, 0.9, parse},
        {logs, 0.9, log},
        {elements, 0.9, filter, "", "framing = \"json_array\"\n"},
        {packed_zeros, 0.9, filter, "", msgpack},
        {packed_maps, 0.9, filter, "", msgpack},
        {packed_pairs, 0.9, filter, "", msgpack},
        {packed_extensions, 0.9, filter, "", msgpack},
        {packed_tiny, 4, filter, "", msgpack},
        {reals, 1, filter, "", "", "\"t\"", msgpack},
        {equal_keys, 1, filter, "", "", "\"t\"", msgpack},
    };
}

std::string config_of(const Case& c, int threads, bool is_long) {
    // The guard would pause reading long before the queues are full: process_limit keeps it out.
    return "data_dir = \"state\"\n[engine]\nmemory_limit = \"" +
           std::string(!c.memory.empty() ? c.memory
                       : is_long         ? "64MiB"
                                         : "16MiB") +
           "\"\nprocess_limit = \"20GiB\"\ntransform_threads = " + std::to_string(threads) + "\n" +
           c.engine + "[sources.in]\ntype = \"file\"\ninclude = [\"input\"]\n" + c.source +
           c.transforms + "[sinks.out]\ntype = \"file\"\ninputs = [" + c.sink_inputs +
           "]\npath = \"out\"\nfsync = \"never\"\n" + c.sink +
           "retry = { initial_backoff = \"20ms\", max_backoff = \"50ms\" }\n"
           "inject = { fail_percent = 100 }\n"
           "[dead_letters]\ntype = \"file\"\npath = \"dead\"\n";
}

/// Writes `total` bytes of such records.
void write_input(const std::string& path, const Kind& kind, std::size_t record, std::size_t total) {
    std::ofstream out(path, std::ios::binary);
    out << kind.before;
    std::string one = kind.record(record);
    for (std::size_t size = 0; size < total; size += one.size()) {
        out << (size ? kind.between : "") << one;
        if (kind.record == numbers.record) one = kind.record(record);
    }
    out << kind.after;
    REQUIRE(out.good());
}

/// The most that the process had resident so far, in bytes; 0 if it is gone.
std::uint64_t peak_of(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/status");
    for (std::string word; in >> word;) {
        std::uint64_t kib = 0;
        if (word == "VmHWM:" && in >> kib) return kib * 1024;
    }
    return 0;
}

/// One of its threads runs, would if there were a processor, or waits for a disk.
bool is_busy(pid_t pid) {
    std::error_code error;
    const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks, error)) {
        std::ifstream in(task.path() / "stat");
        std::string line;
        std::getline(in, line);
        const std::size_t at = line.rfind(") ");  // Before it a name of any bytes.
        if (at != std::string::npos && (line[at + 2] == 'R' || line[at + 2] == 'D')) return true;
    }
    return false;
}

/// Runs until it has found its input, and for a while neither did anything nor grew: all is full.
std::uint64_t settled_peak(Process& process) {
    REQUIRE(says(process, "file found"));
    std::uint64_t peak = 0;
    int same = 0;
    for (int i = 0; i < 12000 && same < 12 && process.running(); ++i) {
        sleep_ms(50);
        const std::uint64_t now = peak_of(process.pid());
        same = now > peak || is_busy(process.pid()) ? 0 : same + 1;
        peak = std::max(peak, now);
    }
    return peak;
}

void hold_against(const Case& c, int threads) {
    const bool is_long = std::getenv("HF_MEMORY_LONG") != nullptr;
    const TempDir folder;
    const std::string file = folder.write("pipe.toml", config_of(c, threads, is_long));
    const auto record = static_cast<std::size_t>(c.record_mib * mib);
    const std::uint64_t input = is_long || c.memory == "64MiB" ? 96 * mib : 24 * mib;
    write_input(folder.at("input"), c.kind, record, input);

    const Exited said = run({"validate", "--json", file});
    INFO(config_of(c, threads, is_long) << said.out);
    REQUIRE(said.code == 0);
    const std::uint64_t bound = number_after(said.out, "process_memory_max");
    const Cgroup cgroup(bound);
    if (!cgroup.made()) return;
    Process process(cgroup.inside({"run", "--progress", "off", file}));
    const std::uint64_t peak = settled_peak(process);
    std::printf("%-12s %4.2f MiB, %d threads: %6.1f of %6.1f MiB (%.2f)\n", c.kind.name,
                c.record_mib, threads, static_cast<double>(peak) / mib,
                static_cast<double>(bound) / mib,
                static_cast<double>(bound) / static_cast<double>(peak));
    CHECK(peak <= bound);
    if (!process.running()) FAIL(process.result().err);
    process.send(SIGTERM);
    CHECK(says(process, "stopping: finishing"));
    process.send(SIGTERM);
    REQUIRE(process.wait(std::chrono::minutes(2)));
    INFO(process.result().err);
    CHECK_FALSE(process.result().signaled);
}

}  // namespace

TEST_CASE("a process keeps to process_memory_max with keys, headers and payloads of any bytes") {
    const std::string in = "\"in\"";
    const std::string json = "framing = \"json\"\n", length = "framing = \"length\"\n";
    const std::string lines = "framing = \"lines\"\n";
    const std::string meta = step("meta", "key = \".[0]\"\nheaders = \"{a: .}\"");
    const Case cases_of_records[] = {
        {controls, 0.9, "", "", "", in, json},
        {envelope, 0.9, "", "", json, in, json},
        {envelope, 0.9, "", "", json, in, lines},
        {envelopes, 8, "", "", json, in, lines},
        {envelopes, 8, "", "", json, in, length, false},
        {zeros, 0.9, meta, "", "", "\"t\"", json},
        {zeros, 0.9, meta, "", "", "\"t\"", lines},
        {sized_tiny, 4, "", "", length, in, lines},
        {sized_tiny, 4, "", "", length, in, length, false},
    };
    for (const Case& c : cases_of_records) {
        hold_against(c, 0);
        if (c.both) hold_against(c, 2);
    }
}

TEST_CASE("a process keeps to process_memory_max, whatever its records are, without threads") {
    for (const Case& c : cases()) hold_against(c, 0);
}

TEST_CASE("a process keeps to process_memory_max, whatever its records are, with two threads") {
    for (const Case& c : cases())
        if (c.both) hold_against(c, 2);
}

/// A frame of zstd with a window of 8 MiB, its text in blocks that are not compressed.
std::string zstd_frame(const std::string& plain) {
    constexpr std::size_t block_most = 128 << 10;
    std::string out("\x28\xb5\x2f\xfd\x00\x68", 6);
    for (std::size_t at = 0; at < plain.size(); at += block_most) {
        const std::size_t size = std::min(block_most, plain.size() - at);
        const std::size_t head = size << 3 | (at + size == plain.size() ? 1u : 0u);
        for (int shift = 0; shift < 24; shift += 8) out += static_cast<char>(head >> shift & 0xff);
        out += plain.substr(at, size);
    }
    return out;
}

TEST_CASE("a process that reads compressed files keeps to process_memory_max, windows included") {
    const TempDir folder;
    const std::string plain = repeated(short_lines.record(1 << 16) + "\n", 20 * mib);
    // One that holds the same as another would not be read.
    for (int i = 0; i < 6; ++i)
        folder.write("in" + std::to_string(i) + ".zst",
                     zstd_frame(std::to_string(i) + "\n" + plain));
    const std::string file =
        folder.write("pipe.toml",
                     "data_dir = \"state\"\n[engine]\nmemory_limit = \"16MiB\"\n"
                     "process_limit = \"20GiB\"\n[sources.in]\ntype = \"file\"\n"
                     "include = [\"*.zst\"]\nend = \"eof\"\ndecompress = \"auto\"\n"
                     "[sinks.out]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out\"\n"
                     "fsync = \"never\"\n");
    const Exited said = run({"validate", "--json", file});
    INFO(said.out);
    REQUIRE(said.code == 0);
    const std::uint64_t bound = number_after(said.out, "process_memory_max");
    const Cgroup cgroup(bound);
    if (!cgroup.made()) return;
    Process process(cgroup.inside({"run", "--progress", "off", file}));
    std::uint64_t peak = 0;
    while (process.running()) {
        peak = std::max(peak, peak_of(process.pid()));
        sleep_ms(10);
    }
    std::printf("compressed files: %6.1f of %6.1f MiB\n", static_cast<double>(peak) / mib,
                static_cast<double>(bound) / mib);
    REQUIRE(process.wait(std::chrono::seconds(60)));
    INFO(process.result().err);
    CHECK(process.result().code == 0);
    CHECK(peak <= bound);
    CHECK(std::filesystem::file_size(folder.at("out")) == 6 * (plain.size() + 2));
}

TEST_CASE("records that once took six times the promised memory keep to it") {
    const std::string max16 = "max_line = \"16MiB\"\n";
    const std::string in = "\"in\"";
    const Case found[] = {
        {.kind = objects, .record_mib = 0.9, .transforms = jq("{a: .}"), .memory = "64MiB"},
        {.kind = zeros, .record_mib = 16, .transforms = filter, .source = max16, .memory = "64MiB"},
        {.kind = zeros,
         .record_mib = 16,
         .engine = "mode = \"parsed\"\n",
         .source = max16,
         .sink_inputs = in,
         .memory = "64MiB"},
        {.kind = zeros,
         .record_mib = 16,
         .transforms = step("raw_filter", "rules = [{ missing = \"a\", then = \"drop\" }]"),
         .source = max16,
         .memory = "64MiB"},
        {.kind = numbers,
         .record_mib = 8,
         .transforms = step("dedupe",
                            "fields = { match = [\".\"] }\n"
                            "cache = { num_events = 1000000 }"),
         .memory = "8MiB"},
    };
    for (const Case& c : found) hold_against(c, 0);
}

TEST_CASE("a config that may need more than the process has is refused, with what to do") {
    const TempDir folder;
    const Case c{.kind = zeros, .transforms = filter};
    const std::string file = folder.write("pipe.toml", config_of(c, 2, false));
    const Exited good = run({"validate", file});
    CHECK(good.code == 0);
    CHECK(contains(good.out, "memory: at most "));
    for (const char* command : {"validate", "run"}) {
        const Exited exited = run({command, "--set", "engine.process_limit=64MiB", file});
        INFO(exited.out << exited.err);
        CHECK(exited.code == 78);
        CHECK(contains(exited.out + exited.err, "this pipeline may need "));
        CHECK(contains(exited.out + exited.err, "(the config); expected a smaller"));
        CHECK_FALSE(exists(folder.at("state")));
    }
    CHECK(run({"validate", "--set", "engine.process_limit=64MiB", "--set",
               "sources.in.max_line=64KiB", "--set", "engine.memory_limit=8MiB", file})
              .code == 0);
}

// jq programs over records of 500 bytes, one thread, in memory: compiled, in libjq, and bare loops
// with simdjson that do by hand what the program says. Items are records.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/jq/compile.hpp"
#include "tests/jq/libjq/program.hpp"

namespace {

using namespace holdfast;

constexpr std::size_t records_count = 2000;
constexpr std::size_t record_size = 500;
constexpr const char* drop_and_set = R"(select(.level != "debug") | .env = "prod")";

/// Records in one buffer, one behind the other, with readable bytes behind the last.
struct Records {
    std::string bytes;
    std::vector<std::span<const std::byte>> spans;

    Records() {
        constexpr const char* levels[] = {"info", "warn", "error", "debug"};
        for (std::size_t i = 0; i < records_count; ++i) add(i, levels[i % 4]);
        bytes.append(Program::padding, '\n');
        for (std::size_t i = 0; i < records_count; ++i) {
            spans.push_back(
                std::as_bytes(std::span(bytes.data() + i * (record_size + 1), record_size)));
        }
    }

    void add(std::size_t i, const char* level) {
        const std::string n = std::to_string(100000 + i);
        std::string one = R"({"time":"2024-05-01T12:00:00.)" + n + R"(Z","level":")" + level +
                          R"(","service":"checkout","host":"web-)" + n +
                          R"(","request":{"method":"POST","path":"/api/v1/carts/)" + n +
                          R"(/items","status":201,"bytes":)" + n +
                          R"(,"duration_ms":12.75},"user":{"id":)" + n +
                          R"(,"name":"Ada Lovelace","roles":["buyer","admin"],"verified":true},)" +
                          R"("trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","retry":null,"msg":")";
        one.append(record_size - one.size() - 2, 'x');
        bytes += one + "\"}\n";
    }
};

const Records& records() {
    static const Records all;
    return all;
}

void run(benchmark::State& state, Program& program) {
    std::vector<std::byte> out;
    std::string error;
    std::int64_t done = 0;
    for (auto _ : state) {
        out.clear();
        for (const auto& record : records().spans) {
            const ProgramResult result = program.run(record, out, error);
            if (result.verdict == Verdict::fail) state.SkipWithError(error.c_str());
            if (result.verdict == Verdict::keep) {
                out.insert(out.end(), record.begin(), record.end());
                out.push_back(std::byte{'\n'});
            }
        }
        benchmark::DoNotOptimize(out.data());
        done += static_cast<std::int64_t>(records_count);
    }
    state.SetItemsProcessed(done);
}

void compiled(benchmark::State& state, const char* text) {
    const auto program = compile_program(text);
    run(state, **program);
}

void in_libjq(benchmark::State& state, const char* text) {
    const auto program = jq::LibjqProgram::compile(text, jq::Use::program);
    run(state, **program);
}

void append(std::vector<std::byte>& out, std::string_view text) {
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    out.insert(out.end(), begin, begin + text.size());
}

/// What one would write by hand: the DOM parser, which checks the whole record; the field is
/// appended before the last bracket, if it isn't there (here it never is).
void bare_dom(benchmark::State& state) {
    simdjson::dom::parser parser;
    std::vector<std::byte> out;
    std::int64_t done = 0;
    for (auto _ : state) {
        out.clear();
        for (const auto& record : records().spans) {
            const auto* text = reinterpret_cast<const char*>(record.data());
            simdjson::dom::element root;
            if (parser.parse(text, record.size(), false).get(root)) continue;
            std::string_view level;
            if (!root["level"].get(level) && level == "debug") continue;
            if (root["env"].error() != simdjson::NO_SUCH_FIELD) continue;
            append(out, {text, record.size() - 1});
            append(out, ",\"env\":\"prod\"}\n");
        }
        benchmark::DoNotOptimize(out.data());
        done += static_cast<std::int64_t>(records_count);
    }
    state.SetItemsProcessed(done);
}

/// Only simdjson's parse of the whole record, and nothing done with it.
void bare_parse(benchmark::State& state) {
    simdjson::dom::parser parser;
    std::int64_t done = 0;
    for (auto _ : state) {
        for (const auto& record : records().spans) {
            const auto* text = reinterpret_cast<const char*>(record.data());
            benchmark::DoNotOptimize(parser.parse(text, record.size(), false).error());
        }
        done += static_cast<std::int64_t>(records_count);
    }
    state.SetItemsProcessed(done);
}

/// The jq command over 100,000 of the records in a file, its start included.
void jq_command(benchmark::State& state, const char* text) {
    constexpr int times = 50;
    const std::string& bytes = records().bytes;
    const auto folder = std::filesystem::temp_directory_path();
    const std::string input = folder / "holdfast-bench-jq-input";
    const std::string program = folder / "holdfast-bench-jq-program";
    std::ofstream(program) << text;
    std::ofstream file(input);
    for (int i = 0; i < times; ++i) file << bytes.substr(0, records_count * (record_size + 1));
    file.close();
    const std::string command = "jq -c -f '" + program + "' '" + input + "' >/dev/null";
    for (auto _ : state) {
        if (std::system(command.c_str()) != 0) state.SkipWithError("jq failed");
    }
    state.SetItemsProcessed(state.iterations() * times * static_cast<int>(records_count));
    std::filesystem::remove(input);
    std::filesystem::remove(program);
}

}  // namespace

BENCHMARK_CAPTURE(compiled, select_and_set, drop_and_set);
BENCHMARK(bare_dom);
BENCHMARK(bare_parse);
BENCHMARK_CAPTURE(compiled, select, R"(select(.level != "debug"))");
BENCHMARK_CAPTURE(compiled, identity, ".");
BENCHMARK_CAPTURE(compiled, select_set_del,
                  R"(select(.level != "debug") | .env = "prod" | del(.user.name))");
BENCHMARK_CAPTURE(compiled, build, "{time, level, user: .user.id}");
// On the machine, each beside libjq.
const bool machine_is_measured = [] {
    constexpr std::pair<const char*, const char*> programs[] = {
        {"upcase", ".level |= ascii_upcase"},
        {"interpolation", R"j(.line = "\(.level) \(.service) \(.host)")j"},
        {"arithmetic", ".request.duration_s = .request.duration_ms / 1000"},
        {"map", ".user.roles |= map(ascii_upcase)"},
        {"with_entries", "with_entries(select(.value != null))"},
        {"to_entries", "to_entries | map(.key)"},
        {"attempt", ".n = (try (.trace_id | tonumber) catch null)"},
        {"bind", ".user as $u | .request + {user: $u.id}"},
        {"date", ".at = (.user.id | todate)"},
        {"test", R"j(select(.request.path | test("carts/[0-9]+/items$")))j"},
        {"capture", R"j(.cart = (.request.path | capture("carts/(?<id>[0-9]+)").id))j"},
        {"split", R"j(.parts = (.request.path | split("/")))j"},
        {"reduce", ".sum = reduce (.request.status, .request.bytes) as $n (0; . + $n)"},
        {"recurse", "[.. | numbers] | add"},
    };
    for (const auto& [name, text] : programs) {
        benchmark::RegisterBenchmark((std::string("compiled/") + name).c_str(), compiled, text);
        benchmark::RegisterBenchmark((std::string("in_libjq/") + name).c_str(), in_libjq, text);
    }
    return true;
}();
BENCHMARK_CAPTURE(in_libjq, select_and_set, drop_and_set);
BENCHMARK_CAPTURE(in_libjq, select, R"(select(.level != "debug"))");
BENCHMARK_CAPTURE(jq_command, select_and_set, drop_and_set)->UseRealTime()->Iterations(1);
BENCHMARK_CAPTURE(jq_command, select, R"(select(.level != "debug"))")->UseRealTime()->Iterations(1);
BENCHMARK_CAPTURE(jq_command, upcase, ".level |= ascii_upcase")->UseRealTime()->Iterations(1);

BENCHMARK_MAIN();

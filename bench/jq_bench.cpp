// jq programs over records of 505 bytes as services write them (13 keys, two of them objects), one
// thread, in memory: here, in libjq, and bare loops with simdjson that do by hand what the program
// says. Items are records.
//
// usage: bench_jq PROGRAMS.tsv [FLAGS of the benchmark library]
//        bench_jq --lines COUNT FILE      writes so many of the records
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <cstdlib>
#include <cstring>
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
constexpr std::size_t record_size = 505;
constexpr const char* drop_and_set = R"(select(.level != "debug") | .env = "prod")";

/// With padding in its message, so that all are of one size.
std::string record(std::size_t i) {
    constexpr const char* levels[] = {"info", "warn", "error", "debug"};
    const std::string n = std::to_string(100000 + i % 800000);
    const std::string status = i % 7 == 0 ? "502" : "201";
    std::string one =
        R"({"ts":"2024-05-01T12:00:00.)" + n + R"(Z","level":")" + levels[i % 4] +
        R"(","service":"svc-checkout","host":"web-)" + n + R"(","pid":4711,"epoch":1714)" + n +
        R"(,"started":"2024-05-01T12:00:00Z","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736",)" +
        R"("request":{"method":"POST","path":"/api/v1/carts/)" + n + R"(/items","status":)" +
        status + R"(,"bytes":)" + n + R"(,"duration_ms":12.75},"user":{"id":)" + n +
        R"(,"name":"Ada Lovelace","email":"ada@example.com","roles":["buyer","admin"],)" +
        R"("verified":true},"tags":["eu","canary"],"retry":null,"msg":"cart )" + n;
    one.append(record_size - one.size() - 2, '.');
    return one + "\"}";
}

/// Records in one buffer, one behind the other, with readable bytes behind the last.
struct Records {
    std::string bytes;
    std::vector<std::span<const std::byte>> spans;

    Records() {
        for (std::size_t i = 0; i < records_count; ++i) bytes += record(i) + "\n";
        bytes.append(Program::padding, '\n');
        for (std::size_t i = 0; i < records_count; ++i) {
            spans.push_back(
                std::as_bytes(std::span(bytes.data() + i * (record_size + 1), record_size)));
        }
    }
};

const Records& records() {
    static const Records all;
    return all;
}

void run(benchmark::State& state, Program& program) {
    program.expect_lines();
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

void here(benchmark::State& state, const std::string& text) {
    const auto program = compile_program(text);
    if (!program) return state.SkipWithError("this is no program");
    state.SetLabel((*program)->engine());
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

/// Rows of a name, a goal and a program.
std::vector<std::pair<std::string, std::string>> read_programs(const char* file) {
    std::vector<std::pair<std::string, std::string>> all;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        const std::size_t name = line.find('\t'), goal = line.find('\t', name + 1);
        if (goal == std::string::npos) continue;
        all.emplace_back(line.substr(0, name), line.substr(goal + 1));
    }
    return all;
}

int write_lines(std::size_t count, const char* file) {
    std::ofstream out(file, std::ios::binary);
    for (std::size_t i = 0; i < count; ++i) out << record(i) << '\n';
    return out.flush() ? 0 : 1;
}

}  // namespace

BENCHMARK(bare_dom);
BENCHMARK(bare_parse);
BENCHMARK_CAPTURE(in_libjq, select_and_set, drop_and_set);
BENCHMARK_CAPTURE(in_libjq, select, R"(select(.level != "debug"))");

int main(int count, char** arguments) {
    if (count == 4 && std::string_view(arguments[1]) == "--lines")
        return write_lines(std::strtoul(arguments[2], nullptr, 10), arguments[3]);
    if (count < 2) return 1;
    const auto programs = read_programs(arguments[1]);
    for (const auto& [name, text] : programs)
        benchmark::RegisterBenchmark(("here/" + name).c_str(), here, text);
    arguments[1] = arguments[0];
    --count;
    ++arguments;
    benchmark::Initialize(&count, arguments);
    if (programs.empty() || benchmark::ReportUnrecognizedArguments(count, arguments)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}

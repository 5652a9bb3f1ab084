// A batch of lines through the graph of transforms, in memory, one thread: what a transform costs
// besides reading and writing. Items are lines as those of `./dev bench transforms`.
#include <benchmark/benchmark.h>

#include <string>

#include "core/data/flow/evaluate.hpp"
#include "core/text/parse_program.hpp"
#include "io/jq/compile.hpp"

namespace {

using namespace holdfast;

constexpr std::size_t lines_count = 450;
constexpr std::size_t line_size = 500;

std::string lines() {
    constexpr const char* levels[] = {"debug", "info", "warn", "error"};
    std::string all;
    for (std::size_t i = 0; i < lines_count; ++i) {
        std::string one = R"({"id":1)" + std::to_string(10000000 + i) + R"(,"level":")" +
                          levels[i % 4] + R"(","m":")";
        one.append(line_size - one.size() - 3, 'x');
        all += one + "\"}\n";
    }
    return all;
}

flow::Plan plan_of_one(flow::NodeType type) {
    flow::Spec spec;
    spec.sources = 1;
    flow::NodeSpec node;
    node.type = type;
    node.name = "t";
    node.inputs = {{true, 0, 0}};
    spec.nodes.push_back(node);
    spec.sinks = {{{false, 0, 0}}};
    return flow::Plan(spec);
}

void run(benchmark::State& state, flow::NodeType type, CompiledProgram program,
         const std::string& text = lines()) {
    const flow::Plan plan = plan_of_one(type);
    flow::Memory memory(plan);
    std::vector<flow::NodePrograms> programs(1);
    programs[0].programs.push_back(std::move(*program));
    flow::Evaluator evaluator(plan, memory, std::move(programs), {});
    const std::string bytes = text + std::string(Program::padding, ' ');
    flow::Input input;
    input.readable = std::as_bytes(std::span(bytes));
    input.bytes = input.readable.first(text.size());
    input.records = lines_count;
    flow::Result result;
    std::int64_t done = 0;
    for (auto _ : state) {
        evaluator.run(input, result);
        benchmark::DoNotOptimize(result.streams[0].records());
        done += static_cast<std::int64_t>(lines_count);
    }
    state.SetItemsProcessed(done);
}

void flow_program(benchmark::State& state, const char* text) {
    run(state, flow::NodeType::program, compile_program(text));
}

void flow_filter(benchmark::State& state, const char* text) {
    run(state, flow::NodeType::filter, compile_condition(text));
}

/// 200 bytes of logfmt.
std::string pair_lines() {
    std::string all;
    for (std::size_t i = 0; i < lines_count; ++i) {
        std::string one =
            "ts=2026-01-31T23:59:59.123Z level=info caller=main.go:42 id=1" +
            std::to_string(10000000 + i) +
            " method=GET path=/api/v1/users status=200 took=12.5ms msg=\"request is done\" m=";
        one.append(199 - one.size(), 'x');
        all += one + "\n";
    }
    return all;
}

/// The same of RFC 5424.
std::string syslog_lines() {
    std::string all;
    for (std::size_t i = 0; i < lines_count; ++i) {
        std::string one = "<165>1 2026-01-31T23:59:59.123Z host.example.com app 1" +
                          std::to_string(10000000 + i) + " ID47 [a@1 x=\"1\" y=\"two\"] m";
        one.append(199 - one.size(), 'x');
        all += one + "\n";
    }
    return all;
}

void flow_parse(benchmark::State& state, text::Format format) {
    text::ParseSettings settings;
    settings.format = format;
    run(state, flow::NodeType::program, text::make_parse_program(settings),
        format == text::Format::json     ? lines()
        : format == text::Format::syslog ? syslog_lines()
                                         : pair_lines());
}

}  // namespace

BENCHMARK_CAPTURE(flow_parse, logfmt_200_bytes, text::Format::logfmt);
BENCHMARK_CAPTURE(flow_parse, key_value_200_bytes, text::Format::key_value);
BENCHMARK_CAPTURE(flow_parse, syslog_200_bytes, text::Format::syslog);
BENCHMARK_CAPTURE(flow_parse, json_500_bytes, text::Format::json);
BENCHMARK_CAPTURE(flow_program, select_and_set, R"(select(.level != "debug") | .env = "prod")");
BENCHMARK_CAPTURE(flow_program, identity, ".");
BENCHMARK_CAPTURE(flow_filter, select, R"(.level != "debug")");

BENCHMARK_MAIN();

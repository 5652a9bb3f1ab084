// The formula of what a process may need. That it holds is shown by tests/real/memory_bound_test.cpp.
#include "io/runner/process_memory.hpp"

#include <catch2/catch.hpp>

#include "core/data/flow/recent.hpp"
#include "io/component/registry.hpp"
#include "io/sinks/file/settings.hpp"
#include "io/sources/file/settings.hpp"

using namespace holdfast;
using namespace holdfast::io;

namespace {

constexpr std::uint64_t mib = 1 << 20;

PipelineConfig files() {
    PipelineConfig pipeline;
    pipeline.memory_limit = 64 * mib;
    SourceSettings source;
    source.name = "in";
    source.kind = source_kind("file");
    auto own = std::make_shared<FileSourceSettings>();
    own->include = {"/in"};
    source.own = own;
    source.max_line = mib;
    pipeline.sources.push_back(source);
    SinkSettings sink;
    sink.name = "out";
    sink.kind = sink_kind("file");
    sink.own = std::make_shared<FileSinkSettings>();
    sink.from = {{true, 0, 0}};
    sink.inputs = {0};
    sink.batch_records = 1024;
    sink.batch_bytes = mib;
    pipeline.sinks.push_back(sink);
    return pipeline;
}

PipelineConfig with_step(flow::NodeType type) {
    PipelineConfig pipeline = files();
    TransformSettings step;
    step.node.type = type;
    step.node.name = "t";
    step.node.inputs = {{true, 0, 0}};
    step.node.entries = 1'000'000;
    pipeline.transforms.push_back(step);
    pipeline.sinks[0].from = {{false, 0, 0}};
    return pipeline;
}

std::uint64_t part(const PipelineConfig& pipeline, ProcessMemory::Part which) {
    return process_memory(pipeline).part[which].bytes;
}

}  // namespace

TEST_CASE("what a process may need is its records and a fixed part where nothing is transformed") {
    const ProcessMemory memory = process_memory(files());
    CHECK(memory.part[ProcessMemory::records].bytes == 64 * mib);
    CHECK(memory.part[ProcessMemory::parsing].bytes == 0);
    CHECK(memory.part[ProcessMemory::outputs].bytes == 0);
    CHECK(memory.beside_records() < 24 * mib);
    std::uint64_t sum = 0;
    for (const MemoryPart& p : memory.part) sum += p.bytes;
    CHECK(memory.total() - sum < 4096);
    CHECK(text_of(memory).starts_with("records 64MiB, program "));
}

TEST_CASE("what a process may need grows with the longest line, the threads, and the keys kept") {
    PipelineConfig pipeline = with_step(flow::NodeType::raw_filter);
    const std::uint64_t one = part(pipeline, ProcessMemory::parsing);
    CHECK(one >= 16 * mib);
    pipeline.sources[0].max_line = 16 * mib;
    CHECK(part(pipeline, ProcessMemory::parsing) >= 16 * 16 * mib);
    pipeline.sources[0].max_line = mib;
    pipeline.transform_threads = 2;
    CHECK(part(pipeline, ProcessMemory::parsing) == 2 * one);
    // Who remembers records is on the ring's thread.
    PipelineConfig dedupe = with_step(flow::NodeType::dedupe);
    CHECK(part(dedupe, ProcessMemory::caches) == flow::Recent::bytes_of(1'000'000));
    CHECK(flow::Recent::bytes_of(1'000'000) > 40'000'000);
    const std::uint64_t alone = part(dedupe, ProcessMemory::parsing);
    dedupe.transform_threads = 2;
    CHECK(part(dedupe, ProcessMemory::parsing) == 3 * alone);
}

TEST_CASE("what a process may need has the program_memory of each thread that transforms") {
    PipelineConfig pipeline = with_step(flow::NodeType::program);
    pipeline.transforms[0].texts = {"map(. + 1)"};
    const std::uint64_t one = part(pipeline, ProcessMemory::parsing);
    pipeline.transforms[0].settings.bounds.memory += 100 * mib;
    // Its heap, and what moves as it grows.
    CHECK(part(pipeline, ProcessMemory::parsing) == one + 2 * 100 * mib);
    pipeline.transform_threads = 4;
    CHECK(part(pipeline, ProcessMemory::parsing) == 4 * (one + 2 * 100 * mib));
    // One program runs at a time.
    pipeline.transforms.push_back(pipeline.transforms[0]);
    pipeline.transforms[1].settings.bounds.memory -= 100 * mib;
    CHECK(part(pipeline, ProcessMemory::parsing) < 4 * (one + 2 * 110 * mib));
}

TEST_CASE("what a process may need has the members of text that is parsed") {
    PipelineConfig pipeline = with_step(flow::NodeType::program);
    text::ParseSettings& parse = pipeline.transforms[0].parse.emplace();
    const std::uint64_t line = part(pipeline, ProcessMemory::parsing);
    CHECK(line >= 24 * mib);
    parse.keys_max += 1'000;
    CHECK(part(pipeline, ProcessMemory::parsing) == line + 144'000);
    parse.pattern = "(?<a>x)";
    CHECK(part(pipeline, ProcessMemory::parsing) >= line + 8 * mib);
    parse.field.emplace();
    CHECK(part(pipeline, ProcessMemory::parsing) >= 40 * mib);
    pipeline.transform_threads = 3;
    CHECK(part(pipeline, ProcessMemory::parsing) >= 120 * mib);
}

TEST_CASE("what a process may need has the windows of compressed files that are read") {
    PipelineConfig pipeline = files();
    CHECK(part(pipeline, ProcessMemory::unpacked) == 0);
    auto unpacks = own<FileSourceSettings>(pipeline.sources[0]);
    unpacks.decompress = Decompress::automatic;
    pipeline.sources[0].own = std::make_shared<FileSourceSettings>(unpacks);
    CHECK(part(pipeline, ProcessMemory::unpacked) >= 32 * mib);
    pipeline.sources.push_back(pipeline.sources[0]);
    pipeline.sources[1].name = "more";
    CHECK(part(pipeline, ProcessMemory::unpacked) >= 64 * mib);
}

TEST_CASE("what a process may need does not grow with sinks that share their inputs") {
    PipelineConfig pipeline = with_step(flow::NodeType::filter);
    const std::uint64_t one = part(pipeline, ProcessMemory::outputs);
    SinkSettings same = pipeline.sinks[0];
    same.name = "same";
    pipeline.sinks.push_back(same);
    CHECK(part(pipeline, ProcessMemory::outputs) == one);
}

TEST_CASE("a memory_limit that the config leaves out is the largest that fits") {
    const PipelineConfig pipeline = files();
    const auto total = [&](std::uint64_t limit) {
        PipelineConfig other = pipeline;
        other.memory_limit = limit;
        return process_memory(other).total();
    };
    CHECK(fitting_memory_limit(pipeline, 1024 * mib) == 64 * mib);
    const std::uint64_t some = fitting_memory_limit(pipeline, 48 * mib);
    CHECK(some < 48 * mib);
    CHECK(total(some) <= 48 * mib);
    CHECK(total(some + some / 16) > 48 * mib);
    CHECK(fitting_memory_limit(pipeline, 10 * mib) == mib);
}

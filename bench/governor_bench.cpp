// A source with a backlog and a sink that takes 200 us for each call, in real time: with the
// governor the rate must be at least 0.9 of the rate without. Items are records.
#include <benchmark/benchmark.h>

#include <chrono>

#include "tests/core/fixed_cost.hpp"

using namespace holdfast;

namespace {

void spin(Duration wait) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(wait.ns);
    while (std::chrono::steady_clock::now() < end) {
    }
}

void fixed_cost(benchmark::State& state) {
    Config config = FixedCost::config();
    config.source[0].pull_bytes_max = 1u << 20;
    config.sink[0].write_parts_max = 1;
    if (state.range(0) > 0) config.governor = governor_of(GovernorProfile::balanced);
    if (state.range(0) == 2) {
        config.mode = RunMode::governed;
        config.source[0].transform = true;
    }
    FixedCost rig(config, [](std::uint64_t) { return microseconds(200); }, spin);
    const std::uint64_t before = rig.delivered();
    for (auto _ : state) rig.calls(10);
    state.SetItemsProcessed(
        static_cast<std::int64_t>((rig.delivered() - before) / FixedCost::record_bytes));
}

// 0: ungoverned; 1: governed pulls; 2: governed pulls and slices.
BENCHMARK(fixed_cost)->ArgNames({"governed"})->Arg(0)->Arg(1)->Arg(2)->UseRealTime();

}  // namespace

// The simulated world with a fuzzer's bytes for chance: which world, which faults, when it crashes.
//
// Property: no oracle complains, of safety or of liveness, whatever the bytes say.
// An input that breaks it traps. To look at one: HF_FUZZ_TEXT=1 fuzz_replay_world FILE prints the
// report and a scenario for `holdfast sim --scenario`.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "core/base/assert.hpp"
#include "sim/report.hpp"
#include "sim/text.hpp"
#include "sim/world.hpp"

namespace {

using namespace holdfast;
using namespace holdfast::sim;

// The engine's jitter is no choice of the bytes.
constexpr std::uint64_t engine_seed = 1;
// A world that retries for ever says nothing new any more.
constexpr std::uint64_t events_max = 6000;

void explain(std::span<const std::uint8_t> bytes) {
    FuzzBytes origin(bytes);
    Recorded choices(origin);
    World world(engine_seed, choices);
    const Outcome outcome = world.run({.with_text = true, .until = events_max});
    std::fputs(report_failure(engine_seed, outcome, world).c_str(), stdout);
    const Scenario scenario{.seed = engine_seed,
                            .expect = outcome.failure.invariant,
                            .remarks = {outcome.failure.detail},
                            .choices = choices.list()};
    std::fputs(write_scenario(scenario).c_str(), stdout);
    std::fflush(stdout);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::uint8_t> bytes(data, size);
    FuzzBytes choices(bytes);
    World world(engine_seed, choices);
    const Outcome outcome = world.run({.until = events_max});
    if (outcome.failure.invariant == nullptr) return 0;
    std::fprintf(stderr, "%s %s: %s\n", outcome.failure.invariant, outcome.failure.title,
                 outcome.failure.detail.c_str());
    if (std::getenv("HF_FUZZ_TEXT") != nullptr) explain(bytes);
    HF_ASSERT(outcome.failure.invariant == nullptr);
    return 0;
}

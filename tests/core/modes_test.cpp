// Run modes: what is refused at the start, and what a transform may not do.
#include <catch2/catch.hpp>

#include "core/engine/owned.hpp"
#include "core/model/names.hpp"

using namespace holdfast;

namespace {

Config one_source(RunMode mode) {
    Config config;
    config.mode = mode;
    config.sources = config.sinks = 1;
    config.source[0].route = 1;
    config.source[0].transform = true;
    return config;
}

/// Gives the engine a batch of three records, of which the transform says that it took those before
/// `end`; the reason of the halt, if there is one.
std::string halt_after(std::uint32_t end) {
    OwnedEngine owned(one_source(RunMode::whole));
    owned.step({}, PartitionAssigned{{0}, {0}, {1}, {0}});
    BatchPulled batch{};
    batch.batch = {0, 1};
    batch.epoch = {1};
    batch.records = 3;
    batch.bytes = batch.held = 30;
    batch.next = {30};
    owned.step({}, batch);
    SliceTransformed answer{.slice = {0, 1}};
    answer.end = end;
    answer.next = {static_cast<std::int64_t>(end) * 10};
    answer.outputs = 1;
    answer.bytes = 10;
    answer.route = 1;
    for (const Effect& effect : owned.step({}, answer).items())
        if (const auto* halt = std::get_if<Halt>(&effect)) return name_of(halt->reason);
    return "goes on";
}

}  // namespace

TEST_CASE(
    "commits owned by the sink are refused in slices, and in governed only while it governs") {
    const auto is_refused = [](RunMode mode, bool governs) {
        Config config = one_source(mode);
        config.source[0].commit = CommitMode::sink;
        config.governor = governor_of(GovernorProfile::balanced);
        config.governor.on = governs;
        return Engine::check(config).what != nullptr;
    };
    CHECK_FALSE(is_refused(RunMode::whole, false));
    CHECK_FALSE(is_refused(RunMode::parsed, false));
    CHECK(is_refused(RunMode::streaming, false));
    CHECK(is_refused(RunMode::governed, true));
    CHECK_FALSE(is_refused(RunMode::governed, false));
}

TEST_CASE("a transform that changes the number of tokens is an error that names it") {
    CHECK(halt_after(3) == "goes on");
    CHECK(halt_after(2) == "transform_contract");
    CHECK(halt_after(4) == "transform_contract");
    CHECK(halt_after(0) == "transform_contract");
}

// What a halt leaves: counted by partition, and the same as by source.
#include <catch2/catch.hpp>

#include "core/engine/owned.hpp"

using namespace holdfast;

namespace {

BatchPulled batch(BatchId id, std::int64_t first, std::uint32_t records) {
    BatchPulled e{};
    e.batch = id;
    e.epoch = {1};
    e.records = records;
    e.bytes = e.held = records * 10;
    e.first = {first};
    e.next = {first + records * 10};
    return e;
}

}  // namespace

TEST_CASE("engine says what a drain under a deadline leaves, by partition and by sink") {
    Config config;
    config.sources = config.sinks = 1;
    config.source[0].route = 1;
    config.source[0].pulls_max = 2;
    OwnedEngine owned(config);
    const Engine& engine = owned.engine();
    owned.step({}, PartitionAssigned{{0}, {3}, {1}, {100}});
    for (const auto& [index, first, records] : {std::tuple{0u, 100, 2u}, std::tuple{1u, 120, 5u}}) {
        BatchPulled e = batch({index, 1}, first, records);
        e.partition = {3};
        owned.step({}, e);
    }
    owned.step({}, SinkAnswered{{0, 1}, 1, SinkOutcome::delivered, {}, 0});
    owned.step({}, Stop{StopMode::drain, Instant{1000}});
    owned.step(Instant{1000}, Tick{});
    REQUIRE(engine.halted());
    const PartitionLeft left = engine.left(PartitionId{3});
    CHECK(left.records == 5);
    CHECK(left.from.value == 120);
    CHECK(left.to.value == 170);
    CHECK(engine.left(PartitionId{0}).records == 0);
    CHECK(engine.stats().sink[0].owed == 5);
    const SourceStats& source = engine.stats().source[0];
    CHECK(source.records - source.settled == left.records);
}

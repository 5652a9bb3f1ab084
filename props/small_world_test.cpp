// All paths of the small world: see small_world.hpp.
#include <catch2/catch.hpp>

#include "props/small_world.hpp"

using namespace holdfast;
using namespace holdfast::small_world;

namespace {

std::uint64_t walk_all(const Shape& shape) {
    Walk walk;
    std::uint64_t runs = 0;
    do {
        SmallWorld world(shape, walk);
        const std::string wrong = world.run();
        ++runs;
        if (!wrong.empty()) FAIL(wrong << "; path " << walk.text());
    } while (walk.next());
    return runs;
}

std::uint64_t walk_shapes(SinkKind first, SinkKind second, int faults_max) {
    std::uint64_t runs = 0;
    for (const int batch : {1, 2}) {
        for (const bool newest_first : {false, true}) {
            INFO("batch " << batch << " newest_first " << newest_first);
            runs += walk_all({{first, second}, batch, newest_first, faults_max});
        }
    }
    return runs;
}

}  // namespace

TEST_CASE("no path of the small world loses a record, and mark sinks have each exactly once") {
    const std::uint64_t runs = walk_shapes(SinkKind::mark, SinkKind::mark, 2);
    CAPTURE(runs);
    CHECK(runs > 10'000);
}

TEST_CASE("no path of the small world cuts a mark sink inside a batch") {
    const std::uint64_t runs = walk_all({{SinkKind::mark, SinkKind::mark}, 2, false, 1, 1});
    CAPTURE(runs);
    CHECK(runs > 1'000);
}

TEST_CASE("no path of the small world loses a record beside a sink that can't be cut") {
    const std::uint64_t runs = walk_shapes(SinkKind::mark, SinkKind::plain, 2);
    CAPTURE(runs);
    CHECK(runs > 10'000);
}

TEST_CASE("no path of the small world commits what a power loss takes away") {
    const std::uint64_t runs = walk_shapes(SinkKind::plain_synced, SinkKind::plain, 2);
    CAPTURE(runs);
    CHECK(runs > 10'000);
}

TEST_CASE("no path of the small world commits past a record whose neighbour was filtered") {
    std::uint64_t runs = 0;
    for (const SinkKind second : {SinkKind::mark, SinkKind::plain_synced}) {
        for (const bool newest_first : {false, true}) {
            Shape shape{{SinkKind::mark, second}, 1, newest_first, 1};
            shape.transform = true;
            runs += walk_all(shape);
        }
    }
    CAPTURE(runs);
    CHECK(runs > 10'000);
}

TEST_CASE("no path of the small world takes a failed dead letter for a stored one") {
    std::uint64_t runs = 0;
    for (const bool newest_first : {false, true}) {
        Shape shape{{SinkKind::mark, SinkKind::plain}, 1, newest_first, 2};
        shape.store_faults = true;
        runs += walk_all(shape);
    }
    CAPTURE(runs);
    CHECK(runs > 10'000);
}

TEST_CASE("no path of the small world loses a record to a throttled, silent or failed write") {
    std::uint64_t runs = 0;
    for (const SinkKind second : {SinkKind::mark, SinkKind::plain}) {
        for (const bool newest_first : {false, true}) {
            Shape shape{{SinkKind::mark, second}, 1, newest_first, 1};
            shape.all_answers = true;
            runs += walk_all(shape);
        }
    }
    CAPTURE(runs);
    CHECK(runs > 20'000);
}

TEST_CASE("no path of the small world loses a record of a write that was answered in part") {
    std::uint64_t runs = 0;
    for (const SinkKind first : {SinkKind::plain_synced, SinkKind::plain}) {
        Shape shape{{first, SinkKind::plain}, 2, false, 2};
        shape.all_answers = true;
        runs += walk_all(shape);
    }
    CAPTURE(runs);
    CHECK(runs > 50'000);
}

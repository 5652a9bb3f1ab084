// More partitions than slots: who keeps one, who waits, and that they count on.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <thread>

#include "outside.hpp"

using namespace outside;

namespace {

/// Remembers the ids, too.
struct Ids : Keep {
    explicit Ids(Outside& out, std::vector<RecordId>& ids) : Keep(out, 0), seen(ids) {}
    Answer write(const Records& records) override {
        for (const Record& r : records) seen.push_back(r.id);
        return Keep::write(records);
    }
    std::vector<RecordId>& seen;
};

/// Two records of each of so many partitions in turn, and all of that several times.
std::vector<std::expected<Pulled, Failure>> in_turn(std::uint32_t partitions,
                                                    std::uint32_t rounds) {
    std::vector<std::expected<Pulled, Failure>> steps;
    for (std::uint32_t r = 0; r < rounds; ++r)
        for (std::uint32_t p = 0; p < partitions; ++p)
            steps.emplace_back(Pulled::some(numbered((r * partitions + p) * 2, 2, 70 + p)));
    return steps;
}

}  // namespace

TEST_CASE("partitions beyond the slots take them in turn: all delivered in order, all committed") {
    const std::uint32_t slots = GENERATE(1u, 2u, 7u);
    const std::uint32_t pulls = GENERATE(1u, 4u);
    Outside out;
    std::vector<RecordId> ids;
    Options options = quick();
    options.engine.partitions_max = slots;
    SourceConfig source;
    source.pulls_max = pulls;
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Script>(out, in_turn(20, 5)), source);
    p.add_sink("a", std::make_unique<Ids>(out, ids));
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->complete());
    CHECK(out.sunk[0].size() == 200);
    std::sort(out.committed.begin(), out.committed.end());
    CHECK(out.committed == up_to(200));
    // Each counts on behind where it was: in order, and no number twice.
    std::map<std::uint32_t, std::int64_t> next;
    for (const RecordId& id : ids) {
        CHECK(id.position >= next[id.partition]);
        next[id.partition] = id.position + 1;
    }
    CHECK(next.size() == 20);
}

TEST_CASE("partition without a slot waits until one has nothing uncommitted, and stops nobody") {
    struct Gated : Keep {
        Gated(Outside& o, std::atomic<bool>& g) : Keep(o, 0), gate(g) {}
        Answer write(const Records& records) override {
            while (!gate) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return Keep::write(records);
        }
        std::atomic<bool>& gate;
    };
    Outside out;
    std::atomic<bool> gate = false;
    Options options = quick();
    options.engine.partitions_max = 2;
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Script>(out, in_turn(3, 1)));
    p.add_sink("a", std::make_unique<Gated>(out, gate));
    std::thread opener([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        {
            const std::lock_guard lock(out.mutex);
            CHECK(out.committed.empty());
        }
        gate = true;
    });
    const auto report = p.run();
    opener.join();
    REQUIRE(report->complete());
    CHECK(out.sunk[0] == std::vector<std::string>{"0", "1", "2", "3", "4", "5"});
    CHECK(out.committed == up_to(6));
}

TEST_CASE("partitions beyond the slots of a source whose sinks commit take them in turn, too") {
    Outside out;
    Options options = quick();
    options.engine.partitions_max = 2;
    SourceConfig source;
    source.commit = CommitMode::sink;
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Script>(out, in_turn(6, 3)), source);
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    REQUIRE(report->complete());
    CHECK(out.sunk[0].size() == 36);
    CHECK(out.committed.empty());
}

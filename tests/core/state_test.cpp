// What the engine keeps: what its own audit must notice, counter by counter, what its hash is of, and
// what it derives from the config.
#include <catch2/catch.hpp>
#include <variant>
#include <vector>

#include "core/base/hash128.hpp"
#include "core/engine/engine_state.hpp"
#include "core/engine/owned.hpp"

using namespace holdfast;

namespace {

Config three_by_three() {
    Config c;
    c.sources = 3;
    c.sinks = 3;
    c.partitions_max = 4;
    c.batches_max = 16;
    c.commit.interval = seconds(1);
    for (std::uint32_t s = 0; s < 3; ++s) c.source[s].route = 7;
    return c;
}

class Bench {
public:
    explicit Bench(const Config& config) : owned_(config) {}

    void step(const Event& event) {
        at_ = at_ + milliseconds(1);
        const Effects& effects = owned_.step(at_, event);
        last_.assign(effects.items().begin(), effects.items().end());
        for (const Effect& effect : last_)
            if (const auto* pull = std::get_if<Pull>(&effect)) pulls_.push_back(*pull);
    }

    template <class E>
    std::vector<E> all() const {
        std::vector<E> out;
        for (const Effect& effect : last_)
            if (const auto* found = std::get_if<E>(&effect)) out.push_back(*found);
        return out;
    }

    /// The next Pull of the source that is unanswered; answered with this batch of partition 0.
    BatchId pulled(std::uint16_t source, std::int64_t first, std::int64_t next) {
        for (std::size_t i = 0; i < pulls_.size(); ++i) {
            if (pulls_[i].source.index != source) continue;
            const BatchId batch = pulls_[i].batch;
            pulls_.erase(pulls_.begin() + static_cast<std::ptrdiff_t>(i));
            const auto records = static_cast<std::uint32_t>(next - first);
            step(BatchPulled{batch,
                             {source},
                             Fate::deliver,
                             {0},
                             {1},
                             records,
                             records * 10,
                             records * 10,
                             {first},
                             {next}});
            return batch;
        }
        FAIL("no pull of source " << source);
        return {};
    }

    void answer(const WriteToSink& write) {
        step(SinkAnswered{write.delivery, 1, SinkOutcome::delivered, {}, 0});
    }

    Engine& engine() { return owned_.engine(); }
    /// The config is its first member.
    EngineState& state() {
        return *reinterpret_cast<EngineState*>(const_cast<Config*>(&engine().config()));
    }

private:
    OwnedEngine owned_;
    Instant at_{0};
    std::vector<Effect> last_;
    std::vector<Pull> pulls_;
};

/// In the middle of its work: three batches are out, one sink of three has the first two, and what it
/// has of the second is to be committed.
Bench at_work() {
    Bench b(three_by_three());
    b.step(PartitionAssigned{{0}, {0}, {1}, {0}});
    b.pulled(0, 0, 2);
    const auto writes = b.all<WriteToSink>();
    REQUIRE(writes.size() == 3);
    b.answer(writes[1]);
    const auto written = b.all<WriteCheckpoint>();
    REQUIRE(written.size() == 1);
    b.step(CheckpointWritten{written[0].sequence, StoreOutcome::ok});
    b.step(CheckpointSynced{written[0].sequence, StoreOutcome::ok});
    b.pulled(0, 2, 5);
    const auto more = b.all<WriteToSink>();
    REQUIRE(more.size() == 1);
    b.answer(more[0]);
    b.pulled(0, 5, 6);
    REQUIRE(b.engine().audit());
    return b;
}

/// The audit is content, not so with `wrong` in its place, and content again.
template <class T>
void notices(const char* what, Bench& b, T& counter, T wrong) {
    INFO(what);
    const T right = counter;
    REQUIRE(right != wrong);
    CHECK(b.engine().audit());
    counter = wrong;
    CHECK_FALSE(b.engine().audit());
    counter = right;
    CHECK(b.engine().audit());
}

template <class T>
void notices_one_more(const char* what, Bench& b, T& counter) {
    notices(what, b, counter, static_cast<T>(counter + 1));
}

}  // namespace

TEST_CASE("the audit notices each counter of each lane that is off by one") {
    Bench b = at_work();
    for (std::uint32_t i = 0; i < 3; ++i) {
        INFO("lane " << i);
        LaneState& lane = b.state().lanes[i].state();
        notices_one_more("records", b, lane.records);
        notices_one_more("bytes", b, lane.bytes);
        notices_one_more("unsent records", b, lane.unsent_records);
        notices_one_more("writes", b, lane.writes);
        notices_one_more("open records", b, lane.window.open.records);
        notices_one_more("open bytes", b, lane.window.open.bytes);
        SinkStats& stat = b.state().stats().sink[i];
        notices_one_more("owed", b, stat.owed);
        notices_one_more("admitted", b, stat.admitted);
    }
}

TEST_CASE("the audit notices what is wrong with a batch, a partition or the whole") {
    Bench b = at_work();
    EngineState& state = b.state();
    notices_one_more("held", b, state.flags().held);
    notices_one_more("slices", b, state.flags().slices);
    std::uint32_t out = 0;
    for (std::uint32_t i = 0; i < state.batches.size(); ++i) {
        Batch& batch = state.batches[i];
        if (batch.phase != BatchPhase::out) continue;
        ++out;
        notices<std::uint64_t>("a batch that owes nothing is out", b, batch.owed, 0);
        notices("a batch that is settled and in lanes", b, batch.settled, true);
        notices("a batch of another partition", b, batch.partition, batch.partition + 1);
        notices("a slice without its batch", b, batch.is_slice, true);
    }
    CHECK(out == 3);
    Partition& partition = state.partitions[0];
    notices("a watermark above the highest", b, partition.watermark, partition.highest + 1);
    notices("the newest", b, partition.newest, partition.oldest);
    notices_one_more("revoking", b, state.partitions.head().revoking);
    notices_one_more("revoking and dirty", b, state.partitions.head().revoking_dirty);
}

TEST_CASE("the audit notices each wait without a wake") {
    Bench b = at_work();
    EngineState& state = b.state();
    for (std::uint32_t s = 0; s < 3; ++s)
        notices("a source that rests", b, state.intakes_[s].resting, true);
    notices("the gate holds", b, state.gate().holding, true);
    notices("the commit waits", b, state.commit().phase, CommitPhase::waiting);
    notices("the commit waits for syncs", b, state.commit().phase, CommitPhase::syncing);
    notices("the commit waits for sources", b, state.commit().phase, CommitPhase::telling);
    REQUIRE(state.commit_pending());
    const Instant due = state.timers.at(state.timer_of_commit());
    REQUIRE(due != never);
    state.timers.clear(state.timer_of_commit());
    CHECK_FALSE(b.engine().audit());
    state.timers.set(state.timer_of_commit(), due);
    CHECK(b.engine().audit());
}

TEST_CASE("the hash is that of the state's bytes") {
    Bench b = at_work();
    const EngineState& state = b.state();
    const Hash128 expected = hash_bytes({state.stats_at + state.stats_bytes, state.state_bytes});
    CHECK(b.engine().hash().low == expected.low);
    CHECK(b.engine().hash().high == expected.high);
}

TEST_CASE(
    "the sinks and sources that may be sliced follow from the config, however many there are") {
    for (const std::uint32_t sources : {1u, 2u, 3u, 4u, 5u, 7u, 8u, 9u, 16u, 17u, 33u, 64u}) {
        for (std::uint32_t sliced = 0; sliced < sources; ++sliced) {
            INFO(sources << " sources, of which " << sliced << " is transformed");
            Config c;
            c.mode = RunMode::streaming;
            c.sources = sources;
            c.sinks = 64;
            for (std::uint32_t s = 0; s < sources; ++s) c.source[s].route = SinkMask{1} << s;
            c.source[sliced].transform = true;
            Bench b(c);
            CHECK(b.state().sliced_sinks == SinkMask{1} << sliced);
            CHECK(b.state().sliced_sources == 1);
            // Slices and drop_newest do not go together.
            c.sink[sliced].when_full = WhenFull::drop_newest;
            CHECK(Engine::check(c).what != nullptr);
            c.sink[sliced].when_full = WhenFull::block;
            c.sink[(sliced + 1) % 64].when_full = WhenFull::drop_newest;
            CHECK(Engine::check(c).what == nullptr);
        }
    }
}

TEST_CASE("a batch that is settled behind one that is not moves no position, and tells nobody") {
    Config c = three_by_three();
    c.commit.interval = Duration{0};
    c.source[0].commit = CommitMode::source;
    c.source[0].transform = true;
    Bench b(c);
    b.step(PartitionAssigned{{0}, {0}, {1}, {0}});
    const BatchId first = b.pulled(0, 0, 2);
    b.step(SliceTransformed{.slice = first,
                            .fate = Fate::deliver,
                            .outputs = 2,
                            .bytes = 20,
                            .held = 0,
                            .dead_letters = 0,
                            .end = 2,
                            .route = 1,
                            .next = {}});
    const auto writes = b.all<WriteToSink>();
    REQUIRE(writes.size() == 1);
    const BatchId second = b.pulled(0, 2, 5);
    b.step(SliceTransformed{.slice = second,
                            .fate = Fate::deliver,
                            .outputs = 0,
                            .bytes = 0,
                            .held = 0,
                            .dead_letters = 0,
                            .end = 3,
                            .route = 0,
                            .next = {}});
    CHECK(b.all<CommitPosition>().empty());
    b.step(Tick{});
    CHECK(b.all<CommitPosition>().empty());
    b.answer(writes[0]);
    const auto commits = b.all<CommitPosition>();
    REQUIRE(commits.size() == 1);
    CHECK(commits[0].position.value == 5);
}

TEST_CASE("records that every sink has from before a restart are not counted as filtered") {
    Bench b(three_by_three());
    b.step(PartitionAssigned{{0}, {0}, {1}, {0}});
    for (std::uint16_t s = 0; s < 3; ++s) b.step(PartitionLead{{0}, {1}, {s}, {2}});
    b.pulled(0, 0, 2);
    CHECK(b.all<WriteToSink>().empty());
    CHECK(b.engine().stats().filtered == 0);
}

TEST_CASE(
    "records of which nothing goes anywhere are counted as filtered, whatever the route says") {
    for (const SinkMask route : {SinkMask{0}, SinkMask{1}, SinkMask{5}}) {
        Config c = three_by_three();
        c.source[0].transform = true;
        Bench b(c);
        b.step(PartitionAssigned{{0}, {0}, {1}, {0}});
        const BatchId batch = b.pulled(0, 0, 2);
        b.step(SliceTransformed{.slice = batch,
                                .fate = Fate::deliver,
                                .outputs = 0,
                                .bytes = 0,
                                .held = 0,
                                .dead_letters = 0,
                                .end = 2,
                                .route = route,
                                .next = {}});
        CHECK(b.engine().stats().filtered == 2);
    }
}

TEST_CASE("only a source whose transform sends records on may have no route") {
    for (std::uint32_t s = 0; s < 3; ++s) {
        Config c = three_by_three();
        c.source[s].route = 0;
        REQUIRE(Engine::check(c).what != nullptr);
        CHECK(Engine::check(c).index == s);
        c.source[s].transform = true;
        CHECK(Engine::check(c).what == nullptr);
    }
}

TEST_CASE("a batch that waits for room goes on when one sink has it, whatever the others owe") {
    Config c = three_by_three();
    c.sink[0].queue_batches_max = 1;
    Bench b(c);
    b.step(PartitionAssigned{{0}, {0}, {1}, {0}});
    b.pulled(0, 0, 2);
    const auto writes = b.all<WriteToSink>();
    REQUIRE(writes.size() == 3);
    b.pulled(0, 2, 5);
    CHECK(b.all<WriteToSink>().empty());
    b.answer(writes[0]);
    CHECK_FALSE(b.all<WriteToSink>().empty());
}

TEST_CASE("a revocation ends with what it waited for, not with the next commit") {
    Config c = three_by_three();
    c.source[0].commit = CommitMode::sink;
    c.source[0].route = 1;
    Bench b(c);
    b.step(PartitionAssigned{{0}, {0}, {1}, {0}});
    b.pulled(0, 0, 2);
    const auto writes = b.all<WriteToSink>();
    REQUIRE(writes.size() == 1);
    b.step(PartitionRevoked{{0}, {1}, RevokeKind::graceful, never});
    CHECK(b.all<RevokeDone>().empty());
    b.answer(writes[0]);
    CHECK(b.all<RevokeDone>().size() == 1);
}

TEST_CASE("a sink without marks has none to commit") {
    Config c = three_by_three();
    c.source[0].commit = CommitMode::sink;
    Bench b(c);
    b.step(PartitionAssigned{{0}, {0}, {1}, {0}});
    b.pulled(0, 0, 2);
    const auto writes = b.all<WriteToSink>();
    REQUIRE(writes.size() == 3);
    for (const WriteToSink& write : writes) b.answer(write);
    CHECK_FALSE(b.state().commit_pending());
    CHECK(b.engine().stats().commits == 0);
}

// Slots are used again: what the last partition in one left undone is not the next one's.
#include <catch2/catch.hpp>
#include <variant>
#include <vector>

#include "core/engine/owned.hpp"

using namespace holdfast;

namespace {

/// Two sources, one that commits to its broker and one whose sink commits; slot 0 has a commit
/// unanswered, and slot 1 was lost with something to commit.
class LostSlot {
public:
    LostSlot() : owned_(config()) {
        step(PartitionAssigned{{0}, {0}, {1}, {0}});
        step(PartitionAssigned{{0}, {1}, {2}, {0}});
        deliver(0, 1);
        REQUIRE(has<CommitPosition>());
        deliver(1, 2);
        step(PartitionRevoked{{1}, {2}, RevokeKind::lost, at_});
    }

    void step(const Event& event) {
        at_ = at_ + milliseconds(1);
        const Effects& effects = owned_.step(at_, event);
        last_.assign(effects.items().begin(), effects.items().end());
        for (const Effect& effect : last_) {
            if (const auto* pull = std::get_if<Pull>(&effect)) {
                if (pull->source.index == 0) pull_ = pull->batch;
            }
        }
    }

    template <class E>
    bool has() const {
        for (const Effect& effect : last_) {
            if (std::holds_alternative<E>(effect)) return true;
        }
        return false;
    }

private:
    static Config config() {
        Config c;
        c.sources = 2;
        c.sinks = 1;
        c.partitions_max = 2;
        c.commit.interval = Duration{0};
        for (std::uint32_t s = 0; s < 2; ++s) c.source[s].route = 1;
        c.source[0].commit = CommitMode::source;
        c.source[1].commit = CommitMode::sink;
        return c;
    }

    void deliver(std::uint32_t slot, std::uint32_t epoch) {
        step(BatchPulled{pull_, {0}, Fate::deliver, {slot}, {epoch}, 1, 1, 1, {0}, {1}});
        WriteToSink write{};
        for (const Effect& effect : last_) {
            if (const auto* found = std::get_if<WriteToSink>(&effect)) write = *found;
        }
        step(SinkAnswered{write.delivery, 1, SinkOutcome::delivered, {}, 0});
    }

    OwnedEngine owned_;
    Instant at_{0};
    BatchId pull_;
    std::vector<Effect> last_;
};

}  // namespace

TEST_CASE("what a lost partition had to commit is not said of the next one in its slot") {
    LostSlot world;
    world.step(PartitionAssigned{{1}, {1}, {3}, {5}});
    world.step(CommitAnswered{{0}, {1}, {1}, StoreOutcome::ok});
    CHECK_FALSE(world.has<StagePosition>());
    CHECK_FALSE(world.has<WriteCheckpoint>());
    CHECK_FALSE(world.has<CommitPosition>());
}

TEST_CASE("a partition is given back at once whatever the last one in its slot left undone") {
    LostSlot world;
    world.step(PartitionAssigned{{0}, {1}, {3}, {5}});
    world.step(PartitionRevoked{{1}, {3}, RevokeKind::graceful, never});
    CHECK(world.has<RevokeDone>());
}

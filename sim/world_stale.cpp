// Events that name nothing current: they may change counters and nothing else.
#include "sim/world.hpp"

namespace holdfast::sim {

/// Something that names nothing current: it may change counters and nothing else.
void World::stale_event(std::uint64_t which) {
    if (engine_->deadline() <= stage_.now || engine_->halted()) return;
    Event event = Tick{};
    switch (which) {
        case 0: event = SinkAnswered{{0, 0}, 1, SinkOutcome::delivered, {}, 0}; break;
        case 1: event = SinkAnswered{{9999, 7}, 1, SinkOutcome::refused, {}, 0}; break;
        case 2: event = SinkAnswered{{0, 0x7fffffff}, 1, SinkOutcome::delivered, {}, 9}; break;
        case 3: event = DeadLettersStored{{0, 0x7fffffff}, 1, StoreOutcome::ok}; break;
        case 4: event = CommitAnswered{{0}, {0x7fffffff}, {1}, StoreOutcome::ok}; break;
        case 5: event = CheckpointWritten{0x7fffffff, StoreOutcome::ok}; break;
        case 6: event = CheckpointSynced{0x7fffffff, StoreOutcome::failed}; break;
        case 7: event = SinkSynced{{0}, 0x7fffffff, StoreOutcome::failed}; break;
        case 8: event = PartitionRevoked{{0}, {0x7fffffff}, RevokeKind::lost, {}}; break;
        case 9: event = SourceEnded{{0, 0x7fffffff}, {0}}; break;
        case 10:
            event = SliceTransformed{{0, 0x7fffffff}, Fate::deliver, 1, 1, 0, 0, 1, 1, {}};
            break;
        case 11: event = SinkBroken{{0x7fff}}; break;
        default: event = SinkToldRange{{0, 0x7fffffff}, 1, 0, 1, SinkOutcome::delivered}; break;
    }
    const StateHash before = engine_->hash();
    trace_.note(stage_.now, "a stale event");
    step(event);
    if (!done() && !crashed_ && !(engine_->hash() == before)) {
        oracle_.fail("I21", "token hygiene", "a stale event has changed the state");
    }
    if (crashed_ && !done()) crash();
}

}  // namespace holdfast::sim

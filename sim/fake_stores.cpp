#include "sim/fake_stores.hpp"

namespace holdfast::sim {

namespace {

/// At the very time-out, or after it: another attempt may be under way.
Duration late(const Stage& stage, Duration timeout, std::uint64_t entity, std::uint64_t n) {
    return Duration{timeout.ns +
                    1'000'000 * static_cast<std::int64_t>(stage.detail(entity, n, 1000))};
}

}  // namespace

void FakeDeadLetters::write(std::uint32_t index) {
    Attempt& a = stage_.attempts[index];
    const std::uint64_t first = a.items.empty() ? 0 : a.items.front() & ~whole_record;
    const std::uint64_t n =
        std::uint64_t{stage_.incarnation & 15} << 36 | first << 16 | (a.number & 0xffff);
    const bool timed = stage_.draw->config.dead_letters.attempt_timeout.ns > 0;
    a.applies = true;
    bool silent = false;
    if (stage_.dead(dead_dead_letters)) {
        a.applies = false;
        a.stored = stage_.detail(64, 1, 2) == 0 ? StoreOutcome::retriable : StoreOutcome::ambiguous;
        silent = timed && stage_.detail(64, 2, 2) == 1;
    } else if (stage_.fault(Fault::store_retriable, 64, n)) {
        a.applies = false;
        a.stored = StoreOutcome::retriable;
    } else if (stage_.fault(Fault::store_ambiguous, 64, n)) {
        a.applies = stage_.detail(64, n << 4 | 3, 2) == 1;
        a.stored = StoreOutcome::ambiguous;
    } else if (stage_.fault(Fault::store_failed, 64, n)) {
        a.applies = false;
        a.stored =
            stage_.detail(64, n << 4 | 5, 2) == 0 ? StoreOutcome::failed : StoreOutcome::fenced;
    } else if (timed && stage_.fault(Fault::store_never, 64, n)) {
        silent = true;
        a.applies = stage_.detail(64, n << 4 | 4, 2) == 1;
    }
    Duration after = stage_.latency(164, n, stage_.draw->latency);
    if (timed && !silent && stage_.fault(Fault::store_late, 64, n)) {
        after = late(stage_, stage_.draw->config.dead_letters.attempt_timeout, 64, n << 4 | 6);
    }
    ++a.pending;
    stage_.later(after, {.due = Due::store_answer, .a = index, .b = silent});
}

void FakeDeadLetters::apply(Attempt& a) {
    if (a.applied || !a.applies) return;
    a.applied = true;
    ++stage_.ledger.progress;
    for (const std::uint32_t item : a.items) {
        if ((item & whole_record) != 0) {
            ++stage_.ledger.records[item & ~whole_record].parked;
        } else {
            ++stage_.ledger.units[item].parked;
        }
    }
}

void FakeDeadLetters::answer_due(const Occurrence& what) {
    Attempt& a = stage_.attempts[what.a];
    apply(a);
    if (what.b == 0) {
        stage_.out.push_back(DeadLettersStored{a.delivery, a.number, a.stored});
    }
    stage_.drop_reference(what.a);
}

void FakeCheckpoint::begin() {
    staged_.position.clear();
    for (const Log& log : stage_.ledger.logs) staged_.position.push_back(log.base);
    staged_.lead.assign(stage_.ledger.logs.size() * 8, -1);
    staged_.mark.assign(8, 0);
    staged_.valid = true;
    durable_ = staged_;
    written_.valid = false;
    landed_ = poisoned_ = false;
}

void FakeCheckpoint::stage(const StageSink& s) {
    staged_.mark[s.sink.index] = s.mark - stage_.draw->sink[s.sink.index].mark_base;
}

void FakeCheckpoint::stage(const StagePosition& s) {
    const std::uint32_t log = stage_.ledger.log_of(s.partition, s.epoch);
    if (log == UINT32_MAX) return;
    staged_.position[log] = s.position.value;
    for (std::uint32_t i = 0; i < 8; ++i) {
        std::int64_t& lead = staged_.lead[log * 8 + i];
        if (lead <= s.position.value) lead = -1;
    }
}

void FakeCheckpoint::stage(const StageLead& s) {
    const std::uint32_t log = stage_.ledger.log_of(s.partition, s.epoch);
    if (log != UINT32_MAX) staged_.lead[log * 8 + s.sink.index] = s.position.value;
}

void FakeCheckpoint::write(const WriteCheckpoint& write) {
    written_ = staged_;
    ++writes_;
    landed_ = false;
    poisoned_ = false;
    const std::uint64_t n = std::uint64_t{stage_.incarnation & 15} << 36 | write.sequence;
    const bool timed = stage_.draw->config.commit.attempt_timeout.ns > 0;
    StoreOutcome outcome = StoreOutcome::ok;
    bool silent = false;
    if (stage_.dead(dead_checkpoint)) {
        outcome = StoreOutcome::retriable;
    } else if (stage_.fault(Fault::checkpoint_retriable, 65, n)) {
        outcome = StoreOutcome::retriable;
    } else if (stage_.fault(Fault::checkpoint_ambiguous, 65, n)) {
        outcome = StoreOutcome::ambiguous;
    } else if (stage_.fault(Fault::checkpoint_failed, 65, n)) {
        outcome = StoreOutcome::failed;
    } else if (timed && stage_.fault(Fault::checkpoint_never, 65, n)) {
        silent = true;
    }
    Duration after = stage_.latency(165, n, stage_.draw->latency);
    if (timed && !silent && stage_.fault(Fault::checkpoint_late, 65, n)) {
        after = late(stage_, stage_.draw->config.commit.attempt_timeout, 65, n << 4 | 1);
    }
    stage_.later(after, {.due = Due::written,
                         .d = static_cast<std::uint8_t>(outcome),
                         .a = writes_,
                         .b = silent,
                         .c = write.sequence});
}

void FakeCheckpoint::written_due(const Occurrence& what) {
    const auto outcome = static_cast<StoreOutcome>(what.d);
    if (outcome == StoreOutcome::ok && what.a == writes_) landed_ = true;
    if (what.b == 0) stage_.out.push_back(CheckpointWritten{what.c, outcome});
}

void FakeCheckpoint::sync(const SyncCheckpoint& sync) {
    const std::uint64_t n = std::uint64_t{stage_.incarnation & 15} << 36 | sync.sequence;
    const bool timed = stage_.draw->config.commit.attempt_timeout.ns > 0;
    StoreOutcome outcome = StoreOutcome::ok;
    bool silent = false;
    if (stage_.fault(Fault::checkpoint_sync_failed, 66, n)) {
        outcome = stage_.detail(66, n, 2) == 0 ? StoreOutcome::retriable : StoreOutcome::ambiguous;
        poisoned_ = true;
    } else if (timed && stage_.fault(Fault::checkpoint_never, 66, n)) {
        silent = true;
    }
    Duration after = stage_.latency(166, n, stage_.draw->latency);
    if (timed && !silent && stage_.fault(Fault::checkpoint_late, 66, n)) {
        after = late(stage_, stage_.draw->config.commit.attempt_timeout, 66, n << 4 | 1);
    }
    stage_.later(after, {.due = Due::synced,
                         .d = static_cast<std::uint8_t>(outcome),
                         .a = writes_,
                         .b = silent,
                         .c = sync.sequence});
}

bool FakeCheckpoint::synced_due(const Occurrence& what) {
    const auto outcome = static_cast<StoreOutcome>(what.d);
    bool changed = false;
    if (outcome == StoreOutcome::ok && what.a == writes_ && landed_ && !poisoned_ &&
        written_.valid) {
        durable_ = written_;
        written_.valid = false;
        changed = true;
        ++stage_.ledger.progress;
    }
    if (what.b == 0) stage_.out.push_back(CheckpointSynced{what.c, outcome});
    return changed;
}

bool FakeCheckpoint::crash() {
    // Kept, dropped, torn: the last two look alike from outside.
    bool changed = false;
    if (written_.valid && landed_ &&
        stage_.choices->choose(Site::world_survive, 65, stage_.incarnation, 3) == 0) {
        durable_ = written_;
        changed = true;
    }
    written_.valid = false;
    landed_ = poisoned_ = false;
    staged_ = durable_;
    return changed;
}

}  // namespace holdfast::sim

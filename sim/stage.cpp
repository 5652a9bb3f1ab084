#include "sim/stage.hpp"

namespace holdfast::sim {

std::uint32_t Stage::new_attempt() {
    if (free_attempts.empty()) {
        free_attempts.push_back(static_cast<std::uint32_t>(attempts.size()));
        attempts.emplace_back();
    }
    const std::uint32_t index = free_attempts.back();
    free_attempts.pop_back();
    Attempt& a = attempts[index];
    a.items.clear();
    a.named.clear();
    a.epochs.clear();
    a.verdict.clear();
    a.answer = SinkOutcome::delivered;
    a.stored = StoreOutcome::ok;
    a.retry_after = Duration{0};
    a.state = Attempt::State::open;
    a.applied = a.applies = a.excused = false;
    a.pending = 0;
    a.bytes = 0;
    a.incarnation = incarnation;
    a.issued = now;
    return index;
}

void Stage::drop_reference(std::uint32_t index) {
    Attempt& a = attempts[index];
    if (a.pending > 0) --a.pending;
    if (a.pending > 0 || a.state == Attempt::State::open) return;
    if (a.state == Attempt::State::free) return;
    a.state = Attempt::State::free;
    free_attempts.push_back(index);
}

BatchTruth* Stage::batch(BatchId id) {
    if (id.index >= batches.size()) return nullptr;
    BatchTruth& b = batches[id.index];
    return b.generation == id.generation ? &b : nullptr;
}

}  // namespace holdfast::sim

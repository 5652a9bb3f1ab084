// Sources, on whose side a partition is: assignments, revocations, what others do meanwhile, and
// records that arrive later.
#include <algorithm>

#include "sim/fake_source.hpp"

namespace holdfast::sim {

void FakeSource::assign(std::uint32_t index, const std::int64_t* leads) {
    Log& log = stage_.ledger.logs[index];
    LogState& state = state_[index];
    log.assigned = true;
    ++log.epoch;
    log.assigned_at = log.highest = log.durable;
    state.cursor = stage_.ledger.record_after(log, log.durable);
    state.position = state.last_commit = log.durable;
    state.revoking = false;
    state.owned = true;
    const PartitionId partition{index};
    stage_.out.push_back(PartitionAssigned{SourceId{log.source}, partition, Epoch{log.epoch},
                                           Position{log.durable}});
    for (std::uint16_t s = 0; s < 8; ++s) {
        log.lead[s] = leads == nullptr ? -1 : leads[s];
        if (log.lead[s] <= log.durable) log.lead[s] = -1;
        if (log.lead[s] < 0) continue;
        stage_.out.push_back(
            PartitionLead{partition, Epoch{log.epoch}, SinkId{s}, Position{log.lead[s]}});
    }
    if (stage_.draw->config.source[log.source].commit != CommitMode::checkpoint) {
        schedule_revoke(index);
    }
}

void FakeSource::schedule_revoke(std::uint32_t index) {
    LogState& state = state_[index];
    const std::uint64_t n = key(state.revokes);
    const bool lost = stage_.fault(Fault::revoke_lost, index, n);
    if (!lost && !stage_.fault(Fault::revoke_graceful, index, n)) return;
    if (revokes_done_ >= stage_.draw->revokes_max) return;
    const std::uint64_t when = stage_.choices->choose(Site::world_revoke, index, n, 300);
    stage_.later(milliseconds(static_cast<std::int64_t>(when)),
                 {.due = Due::revoke, .a = index, .b = stage_.ledger.logs[index].epoch, .c = lost});
    ++state.revokes;
}

void FakeSource::revoke_due(const Occurrence& what) {
    Log& log = stage_.ledger.logs[what.a];
    if (!log.assigned || log.epoch != what.b || stage_.healed) return;
    ++revokes_done_;
    LogState& state = state_[what.a];
    const std::uint64_t n = key(state.revokes);
    if (what.c != 0) {
        if (!stage_.fault(Fault::revoke_late, what.a, n)) return lose(what.a, milliseconds(50));
        // The broker takes no commit any more; what the client has fetched still comes.
        state.owned = false;
        const std::uint64_t after =
            stage_.choices->choose(Site::world_revoke, what.a + 128, n, 500'000);
        stage_.later(microseconds(1 + static_cast<std::int64_t>(after)),
                     {.due = Due::revoke_heard, .a = what.a, .b = log.epoch});
        return;
    }
    const std::uint64_t patience = stage_.choices->choose(Site::world_revoke, what.a + 64, n, 2000);
    const Instant deadline = stage_.now + milliseconds(1 + static_cast<std::int64_t>(patience));
    stage_.out.push_back(
        PartitionRevoked{PartitionId{what.a}, Epoch{log.epoch}, RevokeKind::graceful, deadline});
    state.revoking = true;
    stage_.agenda.add(deadline + seconds(60),
                      {.due = Due::revoke_deadline, .a = what.a, .b = log.epoch});
}

/// The partition is gone, and the engine hears of it.
void FakeSource::lose(std::uint32_t index, Duration back_after) {
    Log& log = stage_.ledger.logs[index];
    stage_.out.push_back(
        PartitionRevoked{PartitionId{index}, Epoch{log.epoch}, RevokeKind::lost, stage_.now});
    log.assigned = false;
    state_[index].revoking = state_[index].owned = false;
    come_back(index, back_after);
}

void FakeSource::revoke_heard_due(const Occurrence& what) {
    const Log& log = stage_.ledger.logs[what.a];
    if (log.assigned && log.epoch == what.b) lose(what.a, microseconds(20));
}

/// The engine did not answer in time: the broker takes the partition away.
void FakeSource::revoke_deadline_due(const Occurrence& what) {
    const Log& log = stage_.ledger.logs[what.a];
    if (state_[what.a].revoking && log.epoch == what.b) lose(what.a, milliseconds(1));
}

void FakeSource::revoke_done(const RevokeDone& done) {
    Log& log = stage_.ledger.logs[done.partition.index];
    LogState& state = state_[done.partition.index];
    if (!state.revoking || log.epoch != done.epoch.value) return;
    ++stage_.ledger.progress;
    log.assigned = false;
    state.revoking = state.owned = false;
    come_back(done.partition.index, milliseconds(20));
}

void FakeSource::come_back(std::uint32_t index, Duration after) {
    const std::uint64_t n = key(state_[index].revokes);
    stage_.later(stage_.latency(400 + index, n, after), {.due = Due::assign, .a = index});
}

/// Before it comes back another engine may have gone on, or the log may have been truncated.
void FakeSource::assign_due(const Occurrence& what) {
    Log& log = stage_.ledger.logs[what.a];
    if (log.assigned) return;
    stage_.ledger.commit_by_sinks();
    const std::uint64_t n = key(state_[what.a].revokes);
    if (stage_.fault(Fault::progress_elsewhere, what.a, n)) {
        const std::uint32_t from = stage_.ledger.record_after(log, log.durable);
        const auto most = static_cast<std::uint64_t>(log.available - std::min(from, log.available));
        const auto count =
            static_cast<std::uint32_t>(stage_.detail_below(320 + what.a, n << 4 | 1, most + 1));
        for (std::uint32_t r = from; r < from + count; ++r) {
            stage_.ledger.records[r].elsewhere = true;
            log.durable = stage_.ledger.records[r].next;
        }
    } else if (stage_.fault(Fault::rewind, what.a, n)) {
        const std::uint32_t to = stage_.ledger.record_after(log, log.durable);
        const auto back = static_cast<std::uint32_t>(
            stage_.detail_below(320 + what.a, n << 4 | 2, std::min(to - log.first, 20u) + 1));
        if (back > 0) log.durable = stage_.ledger.records[to - back].begin;
    }
    stage_.ledger.forget_told(log);
    assign(what.a, nullptr);
    stage_.out.push_back(SourceReady{SourceId{log.source}});
}

void FakeSource::append_due(const Occurrence& what) {
    Log& log = stage_.ledger.logs[what.a];
    if (log.available >= log.end) return;
    const std::uint64_t n = log.available;
    const auto some =
        1 + stage_.choices->choose(Site::world_append, what.a, n, log.end - log.available);
    log.available += static_cast<std::uint32_t>(some);
    ++stage_.ledger.progress;
    stage_.out.push_back(SourceReady{SourceId{log.source}});
    if (log.available < log.end) {
        stage_.later(stage_.latency(300 + what.a, n, milliseconds(200)),
                     {.due = Due::append, .survives = true, .a = what.a});
    }
}

void FakeSource::append_all() {
    for (Log& log : stage_.ledger.logs) log.available = log.end;
    for (std::uint16_t s = 0; s < stage_.draw->config.sources; ++s) {
        stage_.out.push_back(SourceReady{SourceId{s}});
    }
}

}  // namespace holdfast::sim

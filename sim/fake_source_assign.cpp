// Sources, on whose side a partition is: assignments, revocations, what others do meanwhile, and
// records that arrive later.
#include <algorithm>

#include "sim/fake_source.hpp"

namespace holdfast::sim {

void FakeSource::assign(std::uint32_t index) {
    Log& log = stage_.ledger.logs[index];
    LogState& state = state_[index];
    const bool local = stage_.draw->config.source[log.source].commit == CommitMode::checkpoint;
    const CheckpointTruth& known = checkpoint_.durable();
    const std::uint32_t before = log.epoch;
    log.assigned = true;
    log.epoch = static_cast<std::uint32_t>(stage_.ledger.assignments.size());
    state.slot = free_slots_.back();
    free_slots_.pop_back();
    stage_.ledger.assignments.push_back({index, state.slot});
    log.assigned_at = log.highest = log.durable;
    state.cursor = stage_.ledger.record_after(log, log.durable);
    state.position = state.last_commit = log.durable;
    state.revoking = false;
    state.owned = true;
    const PartitionId partition{state.slot};
    stage_.out.push_back(PartitionAssigned{SourceId{log.source}, partition, Epoch{log.epoch},
                                           Position{log.durable}});
    for (std::uint16_t s = 0; s < 8; ++s) {
        log.lead[s] = local ? known.lead[index * std::size_t{8} + s] : -1;
        if (log.lead[s] <= log.durable) log.lead[s] = -1;
        if (log.lead[s] < 0) continue;
        stage_.out.push_back(
            PartitionLead{partition, Epoch{log.epoch}, SinkId{s}, Position{log.lead[s]}});
    }
    if (before != 0 && stage_.fault(Fault::batch_late, index + 128, key(log.epoch))) {
        late_batch(index, before);
    }
    if (!local) {
        schedule_revoke(index);
    } else if (is_file(log)) {
        if (state.cursor == log.end) return schedule_close(index);
        const std::uint64_t n = key(state.revokes);
        if (!stage_.fault(Fault::file_moved, index, n)) return;
        const std::uint64_t when = stage_.choices->choose(Site::world_revoke, index, n, 300);
        stage_.later(milliseconds(static_cast<std::int64_t>(when)),
                     {.due = Due::close, .a = index, .b = log.epoch, .c = 1});
    }
}

// ---- files -------------------------------------------------------------------------------------

/// It is read to its end: it is given back soon, and another one takes its slot.
void FakeSource::schedule_close(std::uint32_t index) {
    const std::uint32_t epoch = stage_.ledger.logs[index].epoch;
    const std::uint64_t n = std::uint64_t{epoch} << 8;
    stage_.later(stage_.latency(430 + index, n, milliseconds(30)),
                 {.due = Due::close, .a = index, .b = epoch});
}

void FakeSource::close_due(const Occurrence& what) {
    const Log& log = stage_.ledger.logs[what.a];
    LogState& state = state_[what.a];
    if (!log.assigned || log.epoch != what.b || state.revoking) return;
    if (what.c != 0 && stage_.healed) return;
    state.revoking = true;
    ++state.revokes;
    // The shipped source waits as long as it takes.
    stage_.out.push_back(
        PartitionRevoked{PartitionId{state.slot}, Epoch{log.epoch}, RevokeKind::graceful, never});
    if (stage_.fault(Fault::batch_late, what.a, key(state.revokes))) late_batch(what.a, log.epoch);
}

/// A pull under way is answered with what was read of an epoch that is over.
void FakeSource::late_batch(std::uint32_t index, std::uint32_t epoch) {
    const Log& log = stage_.ledger.logs[index];
    const LogState& state = state_[index];
    const PartitionId slot{stage_.ledger.assignments[epoch].slot};
    if (state.cursor >= log.available) return;
    for (std::uint32_t i = 0; i < stage_.batches.size(); ++i) {
        BatchTruth& b = stage_.batches[i];
        if (b.state != BatchTruth::State::pulling || b.source != log.source) continue;
        const Record& r = stage_.ledger.records[state.cursor];
        b.log = index;
        b.epoch = epoch;
        b.first = state.cursor;
        b.count = 1;
        b.held = r.bytes;
        b.fate = Fate::deliver;
        b.order = ++stage_.ledger.handed_out;
        b.state = BatchTruth::State::arrived;
        b.lost = true;
        stage_.out.push_back(BatchPulled{{i, b.generation},
                                         SourceId{b.source},
                                         b.fate,
                                         slot,
                                         Epoch{epoch},
                                         1,
                                         r.bytes,
                                         b.held,
                                         Position{r.begin},
                                         Position{r.next}});
        return;
    }
}

/// Files that wait for a slot get one, in turn.
void FakeSource::open_more(std::uint16_t source) {
    const SourceShape& shape = stage_.draw->source[source];
    std::uint32_t open = 0;
    for (std::uint32_t i = shape.first_log; i < shape.first_log + shape.logs; ++i) {
        open += stage_.ledger.logs[i].assigned || state_[i].opening;
    }
    for (std::uint32_t k = 0; k < shape.logs && open < shape.open_max; ++k) {
        const std::uint32_t i = shape.first_log + (next_open_[source] + k) % shape.logs;
        if (stage_.ledger.logs[i].assigned || stage_.ledger.logs[i].closed || state_[i].opening) {
            continue;
        }
        next_open_[source] = i - shape.first_log + 1;
        state_[i].opening = true;
        come_back(i, milliseconds(5));
        ++open;
    }
}

void FakeSource::free_slot(std::uint32_t index) { free_slots_.push_back(state_[index].slot); }

// ---- partitions of a broker ----------------------------------------------------------------------

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
    std::uint64_t patience = stage_.choices->choose(Site::world_revoke, what.a + 64, n, 2000);
    if (patience % 2 == 0) patience /= 50;
    // The broker may have taken it away already: it takes no commit any more.
    if (stage_.fault(Fault::revoke_late, what.a, n)) state.owned = false;
    const Instant deadline = stage_.now + milliseconds(1 + static_cast<std::int64_t>(patience));
    stage_.out.push_back(PartitionRevoked{PartitionId{state.slot}, Epoch{log.epoch},
                                          RevokeKind::graceful, deadline});
    state.revoking = true;
    if (stage_.fault(Fault::batch_late, what.a, n)) late_batch(what.a, log.epoch);
    stage_.agenda.add(deadline + seconds(60),
                      {.due = Due::revoke_deadline, .a = what.a, .b = log.epoch});
}

/// The partition is gone, and the engine hears of it.
void FakeSource::lose(std::uint32_t index, Duration back_after) {
    Log& log = stage_.ledger.logs[index];
    stage_.out.push_back(PartitionRevoked{PartitionId{state_[index].slot}, Epoch{log.epoch},
                                          RevokeKind::lost, stage_.now});
    const std::uint64_t n = key(state_[index].revokes);
    if (stage_.fault(Fault::batch_late, index + 64, n)) late_batch(index, log.epoch);
    free_slot(index);
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
    const std::uint32_t index = stage_.ledger.log_of(done.partition, done.epoch);
    if (index == UINT32_MAX) return;
    Log& log = stage_.ledger.logs[index];
    LogState& state = state_[index];
    if (!state.revoking || log.epoch != done.epoch.value) return;
    ++stage_.ledger.progress;
    free_slot(index);
    log.assigned = false;
    state.revoking = state.owned = false;
    if (!is_file(log)) return come_back(index, milliseconds(20));
    log.closed = log.available == log.end && state.cursor == log.end;
    stage_.out.push_back(SourceReady{SourceId{log.source}});
    open_more(log.source);
}

void FakeSource::come_back(std::uint32_t index, Duration after) {
    const std::uint64_t n = key(state_[index].revokes);
    stage_.later(stage_.latency(400 + index, n, after), {.due = Due::assign, .a = index});
}

/// Before it comes back another engine may have gone on, or the log may have been truncated.
void FakeSource::assign_due(const Occurrence& what) {
    Log& log = stage_.ledger.logs[what.a];
    if (log.assigned) return;
    if (is_file(log)) {
        state_[what.a].opening = false;
        stage_.ledger.forget_told(log);
        assign(what.a);
        stage_.out.push_back(SourceReady{SourceId{log.source}});
        return;
    }
    stage_.ledger.commit_by_sinks();
    const std::uint64_t n = key(state_[what.a].revokes);
    if (stage_.fault(Fault::progress_elsewhere, what.a, n)) {
        const std::uint32_t from = stage_.ledger.record_after(log, log.durable);
        const auto most = static_cast<std::uint64_t>(log.available - std::min(from, log.available));
        const auto count =
            static_cast<std::uint32_t>(stage_.detail_below(640 + what.a, n << 4 | 1, most + 1));
        for (std::uint32_t r = from; r < from + count; ++r) {
            stage_.ledger.records[r].elsewhere = true;
            log.durable = stage_.ledger.records[r].next;
        }
    } else if (stage_.fault(Fault::rewind, what.a, n)) {
        const std::uint32_t to = stage_.ledger.record_after(log, log.durable);
        const auto back = static_cast<std::uint32_t>(
            stage_.detail_below(640 + what.a, n << 4 | 2, std::min(to - log.first, 20u) + 1));
        if (back > 0) log.durable = stage_.ledger.records[to - back].begin;
    }
    stage_.ledger.forget_told(log);
    assign(what.a);
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
    for (std::uint32_t i = 0; i < state_.size(); ++i) {
        Log& log = stage_.ledger.logs[i];
        log.available = log.end;
        if (is_file(log) && log.assigned && state_[i].cursor == log.end) schedule_close(i);
    }
    for (std::uint16_t s = 0; s < stage_.draw->config.sources; ++s) {
        stage_.out.push_back(SourceReady{SourceId{s}});
    }
}

}  // namespace holdfast::sim

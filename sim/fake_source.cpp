#include "sim/fake_source.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace holdfast::sim {

void FakeSource::begin() {
    state_.assign(stage_.ledger.logs.size(), {});
    pulls_.assign(stage_.draw->config.sources, 0);
    next_log_.assign(stage_.draw->config.sources, 0);
    next_open_.assign(stage_.draw->config.sources, 0);
    revokes_done_ = 0;
    for (std::uint32_t i = 0; i < stage_.ledger.logs.size(); ++i) {
        const Log& log = stage_.ledger.logs[i];
        if (log.available < log.end) {
            stage_.later(stage_.latency(300 + i, 0, milliseconds(200)),
                         {.due = Due::append, .survives = true, .a = i});
        }
    }
}

void FakeSource::restart() {
    for (std::uint32_t i = 0; i < state_.size(); ++i) {
        Log& log = stage_.ledger.logs[i];
        log.assigned = false;
        state_[i].revoking = state_[i].owned = state_[i].opening = false;
    }
    std::ranges::fill(pulls_, 0);
}

void FakeSource::start() {
    free_slots_.clear();
    for (std::uint32_t i = stage_.draw->config.partitions_max; i > 0; --i)
        free_slots_.push_back(i - 1);
    std::array<std::uint32_t, 4> open{};
    for (std::uint32_t i = 0; i < state_.size(); ++i) {
        Log& log = stage_.ledger.logs[i];
        const std::uint32_t most = stage_.draw->source[log.source].open_max;
        log.closed =
            most > 0 && log.available == log.end && log.durable >= stage_.ledger.end_of(log);
        if (log.closed || (most > 0 && open[log.source] >= most)) continue;
        ++open[log.source];
        assign(i);
    }
    // Where there is nothing to have, somebody says so.
    if (stage_.out.empty()) stage_.out.push_back(SourceReady{SourceId{0}});
}

void FakeSource::pull(const Pull& pull) {
    if (pull.batch.index >= stage_.batches.size()) stage_.batches.resize(pull.batch.index + 1);
    BatchTruth& b = stage_.batches[pull.batch.index];
    b.generation = pull.batch.generation;
    b.state = BatchTruth::State::pulling;
    b.source = pull.source.index;
    b.max_records = pull.max_records;
    b.max_bytes = pull.max_bytes;
    b.transforming = b.outputs_known = b.lost = b.told = b.fanned_out = false;
    b.held = b.extra = b.freed = b.count = b.taken = 0;
    b.parent = UINT32_MAX;
    b.units.clear();
    b.dead.clear();
    std::ranges::fill(b.from, 0u);
    const std::uint64_t n = key(pulls_[b.source]++);
    stage_.later(
        stage_.latency(200u + b.source, n, stage_.draw->latency),
        {.due = Due::pull_answer, .a = pull.batch.index, .b = pull.batch.generation, .c = n});
}

void FakeSource::pull_due(const Occurrence& what) {
    const BatchId id{what.a, what.b};
    BatchTruth& b = stage_.batches[what.a];
    if (b.generation != what.b || b.state != BatchTruth::State::pulling) return;
    if (fault_answer(b, id, what.c)) return;
    const std::uint32_t log = pick_log(b.source, what.c);
    if (log != UINT32_MAX && stage_.fault(Fault::pull_empty, b.source, what.c)) {
        fill_empty(b, id, log);
        return;
    }
    if (log != UINT32_MAX) {
        fill(b, id, log, what.c);
        return;
    }
    if (ended(b.source)) {
        stage_.out.push_back(SourceEnded{id, SourceId{b.source}});
        return;
    }
    stage_.out.push_back(
        SourceIdle{id, SourceId{b.source}, stage_.draw->source[b.source].idle_retry});
}

bool FakeSource::fault_answer(const BatchTruth& b, BatchId id, std::uint64_t n) {
    if (stage_.fault(Fault::pull_failed, b.source, n)) {
        stage_.out.push_back(SourceFailed{id, SourceId{b.source}, SourceOutcome::retriable});
        return true;
    }
    if (stage_.fault(Fault::pull_fatal, b.source, n)) {
        stage_.out.push_back(SourceFailed{id, SourceId{b.source}, SourceOutcome::failed});
        return true;
    }
    if (stage_.fault(Fault::pull_idle, b.source, n)) {
        const Duration again =
            milliseconds(static_cast<std::int64_t>(1 + stage_.detail(200u + b.source, n << 2, 50)));
        stage_.out.push_back(SourceIdle{id, SourceId{b.source}, again});
        return true;
    }
    return false;
}

std::uint32_t FakeSource::pick_log(std::uint16_t source, std::uint64_t n) {
    const SourceShape& shape = stage_.draw->source[source];
    const auto skip = static_cast<std::uint32_t>(
        stage_.choices->choose(Site::world_which_log, source, n, shape.logs));
    for (std::uint32_t i = 0; i < shape.logs; ++i) {
        const std::uint32_t turn = (next_log_[source] + skip + i) % shape.logs;
        const std::uint32_t index = shape.first_log + turn;
        const Log& log = stage_.ledger.logs[index];
        if (log.assigned && !state_[index].revoking && state_[index].cursor < log.available) {
            next_log_[source] = turn + 1;
            return index;
        }
    }
    return UINT32_MAX;
}

bool FakeSource::ended(std::uint32_t source) const {
    const SourceShape& shape = stage_.draw->source[source];
    if (!shape.finite) return false;
    for (std::uint32_t i = shape.first_log; i < shape.first_log + shape.logs; ++i) {
        const Log& log = stage_.ledger.logs[i];
        if (!log.closed && (!log.assigned || state_[i].cursor < log.end)) return false;
    }
    return true;
}

/// How many records the batch gets: within its limits, of one fate, not across a lead.
std::uint32_t FakeSource::take(const BatchTruth& b, std::uint32_t index, std::uint64_t n) {
    const Log& log = stage_.ledger.logs[index];
    const std::vector<Record>& records = stage_.ledger.records;
    const std::uint32_t first = state_[index].cursor;
    std::uint64_t bytes = 0;
    std::uint32_t count = 0;
    for (std::uint32_t r = first; r < log.available && count < b.max_records; ++r) {
        const bool own =
            records[r].kind == RecordKind::oversized || records[r].kind == RecordKind::stop;
        if (own && count > 0) break;
        bytes += records[r].bytes;
        if (count > 0 && bytes > b.max_bytes) break;
        bool spans = false;
        for (const std::int64_t lead : log.lead) {
            spans = spans || (lead >= 0 && records[first].begin < lead && lead < records[r].next);
        }
        if (count > 0 && spans) break;
        ++count;
        if (own) break;
    }
    if (count > 1 && stage_.fault(Fault::pull_short, b.source, n)) {
        count =
            1 + static_cast<std::uint32_t>(
                    stage_.choices->choose(Site::world_batch, b.source, n, 1u << 16) % (count - 1));
    }
    return count;
}

/// A batch without records: a gap, if one lies ahead, else nothing at all.
void FakeSource::fill_empty(BatchTruth& b, BatchId id, std::uint32_t index) {
    Log& log = stage_.ledger.logs[index];
    LogState& state = state_[index];
    const std::int64_t first = state.position;
    state.position = std::max(first, stage_.ledger.records[state.cursor].begin);
    log.highest = state.position;
    b.log = index;
    b.epoch = log.epoch;
    b.first = state.cursor;
    b.order = ++stage_.ledger.handed_out;
    b.fate = Fate::deliver;
    b.state = BatchTruth::State::arrived;
    b.units.clear();
    b.dead.clear();
    std::ranges::fill(b.from, 0u);
    b.outputs_known = true;
    stage_.out.push_back(BatchPulled{id, SourceId{b.source}, b.fate, PartitionId{state.slot},
                                     Epoch{b.epoch}, 0, 0, 0, Position{first},
                                     Position{state.position}});
}

void FakeSource::fill(BatchTruth& b, BatchId id, std::uint32_t index, std::uint64_t n) {
    Log& log = stage_.ledger.logs[index];
    LogState& state = state_[index];
    std::vector<Record>& records = stage_.ledger.records;
    b.log = index;
    b.epoch = log.epoch;
    b.first = state.cursor;
    b.count = take(b, index, n);
    std::uint32_t bytes = 0;
    for (std::uint32_t r = b.first; r < b.first + b.count; ++r) bytes += records[r].bytes;
    b.held = bytes;
    const Record& last = records[b.first + b.count - 1];
    b.fate = records[b.first].kind == RecordKind::oversized ? Fate::oversized
             : records[b.first].kind == RecordKind::stop    ? Fate::stop
                                                            : Fate::deliver;
    // A batch may begin at its first record, or where the one before it ended.
    std::int64_t first = state.position;
    bool skip = stage_.detail(200u + b.source, n << 2 | 1, 2) == 1;
    for (const std::int64_t lead : log.lead) {
        skip = skip || (lead > first && lead <= records[b.first].begin);
    }
    if (skip) first = records[b.first].begin;
    state.cursor += b.count;
    state.position = last.next;
    // A trailing gap may belong to the batch (but not past a lead).
    const bool more = state.cursor < log.end;
    if (more && stage_.detail(200u + b.source, n << 2 | 2, 2) == 1) {
        bool spans = false;
        for (const std::int64_t lead : log.lead) {
            spans = spans || (lead > last.next && lead < records[state.cursor].begin) ||
                    lead == last.next;
        }
        if (!spans) state.position = records[state.cursor].begin;
    }
    log.highest = state.position;
    b.order = ++stage_.ledger.handed_out;
    for (std::uint32_t r = b.first; r < b.first + b.count; ++r) {
        ++records[r].readings;
        records[r].order = b.order;
        records[r].batch_end = b.first + b.count;
    }
    if (is_file(log) && state.cursor == log.end) schedule_close(index);
    stage_.out.push_back(BatchPulled{id, SourceId{b.source}, b.fate, PartitionId{state.slot},
                                     Epoch{b.epoch}, b.count, bytes, b.held, Position{first},
                                     Position{state.position}});
    b.state = BatchTruth::State::arrived;
    ++stage_.ledger.progress;
    if (b.fate == Fate::oversized) {
        b.dead.clear();
        for (std::uint32_t r = b.first; r < b.first + b.count; ++r) b.dead.push_back(r);
        b.units.clear();
        std::ranges::fill(b.from, 0u);
        b.outputs_known = true;
    } else if (!stage_.draw->config.source[b.source].transform) {
        outputs(b);
    }
}

/// Lists what the batch's records become, sink by sink.
void FakeSource::outputs(BatchTruth& b) {
    const Ledger& ledger = stage_.ledger;
    b.units.clear();
    b.dead.clear();
    b.outputs_known = true;
    for (std::uint32_t s = 0; s < 8; ++s) {
        b.from[s] = static_cast<std::uint32_t>(b.units.size());
        if (s >= stage_.draw->config.sinks) continue;
        for (std::uint32_t r = b.first; r < b.first + b.count; ++r) {
            const Record& record = ledger.records[r];
            if (record.kind != RecordKind::plain || (record.route >> s & 1) == 0) continue;
            const std::uint32_t unit = ledger.unit_of(record, s);
            for (std::uint32_t k = 0; k < record.copies; ++k) b.units.push_back(unit + k);
        }
    }
    b.from[8] = static_cast<std::uint32_t>(b.units.size());
    for (std::uint32_t r = b.first; r < b.first + b.count; ++r) {
        if (ledger.records[r].kind == RecordKind::parse_error) b.dead.push_back(r);
    }
}

/// The slice begins to exist: its records are known when it is answered.
BatchTruth& FakeSource::begin_slice(const Transform& t) {
    if (t.slice.index >= stage_.batches.size()) stage_.batches.resize(t.slice.index + 1);
    const BatchTruth& whole = stage_.batches[t.batch.index];
    BatchTruth& b = stage_.batches[t.slice.index];
    b.generation = t.slice.generation;
    b.state = BatchTruth::State::arrived;
    b.told = true;
    b.outputs_known = b.fanned_out = false;
    b.lost = whole.lost;
    b.fate = Fate::deliver;
    b.source = whole.source;
    b.log = whole.log;
    b.epoch = whole.epoch;
    b.first = whole.first + t.begin;
    b.order = whole.order;
    b.count = b.held = b.extra = b.freed = b.taken = 0;
    b.max_bytes = t.bytes_max;
    b.parent = t.batch.index;
    return b;
}

void FakeSource::transform(const Transform& transform) {
    BatchTruth* whole = stage_.batch(transform.batch);
    if (whole == nullptr || whole->transforming) return;
    const bool sliced = transform.slice != transform.batch;
    BatchTruth& b = sliced ? begin_slice(transform) : *whole;
    b.transforming = true;
    const std::uint64_t n = key(std::uint64_t{b.first} << 8 | (sliced ? 255 : b.count & 255));
    Duration after = stage_.latency(250u + b.source, n, stage_.draw->latency);
    if (stage_.fault(Fault::transform_slow, b.source, n)) after.ns *= 40;
    stage_.later(after, {.due = Due::transform_answer,
                         .a = transform.slice.index,
                         .b = transform.slice.generation,
                         .c = n});
}

/// Cuts the slice from what is left of its batch. Returns the batch's records below its end.
std::uint32_t FakeSource::cut_slice(BatchTruth& b, std::uint64_t n) {
    if (b.parent == UINT32_MAX) return b.count;
    const BatchTruth& whole = stage_.batches[b.parent];
    const std::uint32_t end = whole.first + whole.count;
    // One record, and more as long as all of them fit.
    std::uint64_t bytes = stage_.ledger.records[b.first].bytes;
    b.count = 1;
    for (std::uint32_t r = b.first + 1; r < end; ++r, ++b.count) {
        bytes += stage_.ledger.records[r].bytes;
        if (bytes > b.max_bytes) break;
    }
    if (b.count > 1 && stage_.fault(Fault::slice_short, b.source, n)) {
        b.count = 1 + static_cast<std::uint32_t>(
                          stage_.detail_below(252u + b.source, n << 2, b.count - 1));
    }
    return b.first + b.count - whole.first;
}

void FakeSource::transform_due(const Occurrence& what) {
    const BatchId id{what.a, what.b};
    BatchTruth* b = stage_.batch(id);
    if (b == nullptr || !b->transforming) return;
    const std::uint32_t end = cut_slice(*b, what.c);
    const Position next{stage_.ledger.records[b->first + b->count - 1].next};
    if (stage_.fault(Fault::transform_contract, b->source, what.c)) {
        // None, more than there are, or (where some are left) up to a position that isn't theirs.
        const bool rest = b->parent != UINT32_MAX && end < stage_.batches[b->parent].count;
        const std::uint64_t how = stage_.detail_below(260u + b->source, what.c << 2, rest ? 3 : 2);
        const std::uint32_t wrong = how == 0 ? end - b->count : how == 1 ? end + 100'000 : end;
        const Position astray{how == 2 ? INT64_MAX : next.value};
        outputs(*b);
        stage_.out.push_back(SliceTransformed{id, Fate::deliver, 0, 0, 0, 0, wrong, 0, astray});
        return;
    }
    if (stage_.fault(Fault::transform_stop, b->source, what.c)) {
        stage_.out.push_back(SliceTransformed{id, Fate::stop, 0, 0, 0, 0, end, 0, next});
        return;
    }
    const SinkMask reach = stage_.draw->config.source[b->source].route;
    const auto beyond = static_cast<std::uint32_t>(std::countr_one(reach));
    if (beyond < stage_.draw->config.sinks &&
        stage_.fault(Fault::transform_astray, b->source, what.c)) {
        outputs(*b);
        const SinkMask astray = SinkMask{1} << beyond;
        stage_.out.push_back(SliceTransformed{id, Fate::deliver, 1, 1, 0, 0, end, astray, next});
        return;
    }
    if (stage_.fault(Fault::transform_failed, b->source, what.c)) {
        b->units.clear();
        std::ranges::fill(b->from, 0u);
        b->dead.clear();
        for (std::uint32_t r = b->first; r < b->first + b->count; ++r) b->dead.push_back(r);
        b->outputs_known = true;
        b->fate = Fate::failed;
        stage_.out.push_back(SliceTransformed{id, Fate::failed, 0, 0, 0, 0, end, 0, next});
        return;
    }
    outputs(*b);
    answer_transform(*b, id, end, next);
}

/// A transform that copies may give the batch's own memory back at once: none, some or all of it,
/// or (as it counts whole pages) more than was said to be held.
std::uint32_t FakeSource::freed_by(BatchTruth& b) {
    if (b.parent != UINT32_MAX) return 0;
    const std::uint64_t how = stage_.detail(256, b.first, 5);
    const std::uint32_t said = how < 2    ? 0
                               : how == 2 ? b.held / 2
                               : how == 3 ? b.held
                                          : b.held + 4096;
    b.freed = std::min(said, b.held);
    return said;
}

void FakeSource::answer_transform(BatchTruth& b, BatchId id, std::uint32_t end, Position next) {
    SinkMask route = 0;
    bool equal = true;
    std::uint32_t most = 0;
    for (std::uint16_t s = 0; s < stage_.draw->config.sinks; ++s) {
        const std::uint32_t count = b.from[s + 1] - b.from[s];
        if (count == 0) continue;
        equal = equal && (most == 0 || most == count);
        most = std::max(most, count);
        route |= mask_of(SinkId{s});
    }
    std::uint32_t bytes = 0;
    for (std::uint16_t s = 0; s < stage_.draw->config.sinks; ++s) {
        const std::uint32_t count = b.from[s + 1] - b.from[s];
        if (count == 0) continue;
        bytes += count * 10;
        if (!equal || stage_.detail(250, std::uint64_t{b.first} << 8 | s, 2) == 1) {
            stage_.out.push_back(SinkShare{id, SinkId{s}, count, count * 10});
        }
    }
    b.extra = stage_.detail(251, b.first, 2) == 1 ? bytes : 0;
    stage_.out.push_back(SliceTransformed{id, Fate::deliver, most, most * 10, b.extra,
                                          static_cast<std::uint32_t>(b.dead.size()), end, route,
                                          next, freed_by(b)});
}

void FakeSource::release(BatchId id) {
    if (BatchTruth* b = stage_.batch(id)) b->state = BatchTruth::State::released;
}

void FakeSource::commit(const CommitPosition& commit) {
    const std::uint32_t index = stage_.ledger.log_of(commit.partition, commit.epoch);
    if (index == UINT32_MAX) return;
    const std::uint64_t n = key(state_[index].commits++);
    state_[index].last_commit = commit.position.value;
    StoreOutcome outcome = StoreOutcome::ok;
    bool silent = false;
    bool applies = true;
    if (!state_[index].owned || stage_.ledger.logs[index].epoch != commit.epoch.value) {
        outcome = StoreOutcome::fenced;
        applies = false;
    } else if (stage_.dead(dead_commits)) {
        outcome = StoreOutcome::retriable;
        applies = false;
    } else if (stage_.fault(Fault::commit_retriable, index, n)) {
        outcome = StoreOutcome::retriable;
        applies = false;
    } else if (stage_.fault(Fault::commit_ambiguous, index, n)) {
        outcome = StoreOutcome::ambiguous;
        applies = stage_.detail(600 + index, n << 2 | 1, 2) == 1;
    } else if (stage_.fault(Fault::commit_failed, index, n)) {
        outcome = StoreOutcome::failed;
        applies = false;
    } else if (stage_.draw->config.commit.attempt_timeout.ns > 0 &&
               stage_.fault(Fault::commit_never, index, n)) {
        silent = true;
        applies = stage_.detail(600 + index, n << 2 | 2, 2) == 1;
    }
    Duration after = stage_.latency(270u + index, n, stage_.draw->latency);
    const Duration patience = stage_.draw->config.commit.attempt_timeout;
    if (patience.ns > 0 && !silent && stage_.fault(Fault::commit_late, index, n)) {
        // At the very time-out, or after it: another attempt may be under way.
        after.ns = patience.ns + 1'000'000 * static_cast<std::int64_t>(
                                                 stage_.detail(600 + index, n << 2 | 3, 1000));
    }
    const auto d = static_cast<std::uint8_t>(static_cast<std::uint8_t>(outcome) |
                                             (silent ? 16 : 0) | (applies ? 32 : 0));
    stage_.later(after, {.due = Due::commit_answer,
                         .d = d,
                         .a = index,
                         .b = commit.epoch.value,
                         .c = static_cast<std::uint64_t>(commit.position.value)});
}

bool FakeSource::commit_due(const Occurrence& what) {
    Log& log = stage_.ledger.logs[what.a];
    const PartitionId slot{stage_.ledger.assignments[what.b].slot};
    auto outcome = static_cast<StoreOutcome>(what.d & 15);
    const auto position = static_cast<std::int64_t>(what.c);
    const bool mine =
        state_[what.a].owned && log.epoch == what.b && position >= state_[what.a].last_commit;
    bool moved = false;
    if ((what.d & 32) != 0 && mine) {
        moved = log.durable != position;
        log.durable = position;
        stage_.ledger.progress += moved;
    } else if ((what.d & 32) != 0) {
        outcome = StoreOutcome::fenced;
    }
    if ((what.d & 16) == 0) {
        stage_.out.push_back(CommitAnswered{slot, Epoch{what.b}, Position{position}, outcome});
    }
    return moved;
}

}  // namespace holdfast::sim

// The oracle on positions: what may be staged, written, committed, and believed.
#include <algorithm>
#include <string>
#include <variant>

#include "sim/oracle.hpp"

namespace holdfast::sim {

void Oracle::check_epoch(const char* what, PartitionId partition, Epoch epoch) {
    const Partition* p = this->partition(partition, epoch);
    if (p != nullptr && p->epoch == epoch.value && !p->revoke_done &&
        (p->known == Known::assigned || p->known == Known::revoking)) {
        return;
    }
    fail("I4", "fencing",
         std::string(what) + " of partition " + std::to_string(partition.index) + " epoch " +
             std::to_string(epoch.value) + " that isn't ours");
}

void Oracle::check_issued(const char* what, PartitionId partition, Epoch epoch, Position position,
                          std::int64_t& last) {
    check_epoch(what, partition, epoch);
    if (failed()) return;
    const std::uint32_t index = stage_.ledger.log_of(partition, epoch);
    if (stage_.ledger.by_sinks(stage_.ledger.logs[index])) {
        return fail("I37", "sinks commit", std::string(what) + ", which is its sinks' affair");
    }
    const Log& log = stage_.ledger.logs[index];
    Partition& p = partitions_[index];
    const std::string where = std::string(what) + " of partition " + std::to_string(index) + ": " +
                              std::to_string(last) + " -> " + std::to_string(position.value);
    if (position.value < last) return fail("I2", "commits never go back", where);
    if (position.value > log.highest || position.value < log.assigned_at) {
        return fail("I3", "commit in range", where + ", read up to " + std::to_string(log.highest));
    }
    const auto batch_end = std::ranges::find(p.ends, position.value);
    if (batch_end == p.ends.end()) {
        return fail("I36", "a batch commits once", where + ", which is inside of a batch");
    }
    p.ends.erase(p.ends.begin(), batch_end);
    if (position.value > p.checked) {
        check_below("I1", what, index, p.checked, position.value,
                    [this](const Record& r) { return stage_.ledger.settled(r); });
        p.checked = position.value;
    }
    last = position.value;
}

void Oracle::on(const StagePosition& e, const Effects&) {
    Partition* p = partition(e.partition, e.epoch);
    if (p == nullptr) return check_epoch("stage", e.partition, e.epoch);
    begins_cycle();
    if (failed()) return;
    commit_.owed = true;
    check_issued("staged position", e.partition, e.epoch, e.position, p->staged);
}

void Oracle::on(const StageLead& e, const Effects&) {
    check_epoch("a staged lead", e.partition, e.epoch);
    if (failed()) return;
    if (e.sink.index >= stage_.draw->config.sinks) {
        return fail("I9", "no invention", "a lead of a sink that doesn't exist");
    }
    begins_cycle();
    if (failed()) return;
    commit_.owed = true;
    const std::uint32_t sink = e.sink.index;
    const std::uint32_t index = stage_.ledger.log_of(e.partition, e.epoch);
    const Log& log = stage_.ledger.logs[index];
    note_passed_over(index, sink);
    if (e.position.value > log.highest && e.position.value > log.lead[sink]) {
        return fail("I3", "commit in range", "a lead beyond what was read");
    }
    check_below("I1", "staged lead", index, partitions_[index].checked, e.position.value,
                [this, sink](const Record& r) {
                    if (r.parked > 0 || r.elsewhere || r.kind != RecordKind::plain) return true;
                    if ((r.route >> sink & 1) == 0) return true;
                    const std::uint32_t from = stage_.ledger.unit_of(r, sink);
                    for (std::uint32_t k = 0; k < r.copies; ++k) {
                        if (!stage_.ledger.settled(stage_.ledger.units[from + k])) return false;
                    }
                    return true;
                });
}

void Oracle::on(const StageSink& e, const Effects&) {
    if (e.sink.index >= stage_.draw->config.sinks ||
        !stage_.draw->config.sink[e.sink.index].has_mark) {
        return fail("I9", "no invention", "a mark of a sink that has none");
    }
    begins_cycle();
    if (failed()) return;
    commit_.owed = true;
    staged_mark_[e.sink.index] = e.mark;
    const std::int64_t length = e.mark - stage_.draw->sink[e.sink.index].mark_base;
    if (length < 0 ||
        length > static_cast<std::int64_t>(stage_.ledger.sinks[e.sink.index].contents.size())) {
        fail("I24", "checkpoint below watermark", "a mark beyond the end of the sink's file");
    }
}

void Oracle::on(const SyncSink& e, const Effects&) {
    if (e.sink.index >= stage_.draw->config.sinks) {
        return fail("I9", "no invention", "a sync of a sink that doesn't exist");
    }
    if (sync_failed_[e.sink.index]) {
        return fail("I23", "a failed sync is never believed", "the sink is synced again");
    }
    if (!stage_.draw->config.sink[e.sink.index].needs_sync) {
        return fail("I9", "no invention", "a sync of a sink that needs none");
    }
    begins_cycle();
    sync_open_[e.sink.index] = true;
    sync_number_[e.sink.index] = e.sync;
}

void Oracle::on(const WriteCheckpoint& e, const Effects&) {
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        if (sync_failed_[s]) {
            return fail("I23", "a failed sync is never believed",
                        "a checkpoint over a sink whose sync failed");
        }
    }
    if (cycle_ != Cycle::none && cycle_ != Cycle::sync_failed) {
        return fail("I24", "checkpoint below watermark", "two checkpoints at once");
    }
    if (syncs_open()) {
        return fail("I24", "checkpoint below watermark",
                    "a checkpoint before its sinks are synced");
    }
    if (!commit_.owed) {
        return fail("I44", "commits when due", "a checkpoint that says nothing new");
    }
    check_cycle_repeats();
    checkpoint_ = e.sequence;
    cycle_ = Cycle::writing;
    checkpoint_at_ = stage_.now.ns;
}

void Oracle::on(const SyncCheckpoint& e, const Effects&) {
    if (cycle_ == Cycle::sync_failed) {
        return fail("I23", "a failed sync is never believed",
                    "the checkpoint is synced again without being written again");
    }
    if (cycle_ != Cycle::written || e.sequence != checkpoint_) {
        return fail("I24", "checkpoint below watermark", "a sync of a checkpoint not written");
    }
    cycle_ = Cycle::syncing;
    checkpoint_at_ = stage_.now.ns;
}

/// A position, or an end, is told to the source whose partition it is.
void Oracle::check_source(const char* what, std::uint32_t log, SourceId source) {
    if (stage_.ledger.logs[log].source == source.index) return;
    fail("I4", "fencing",
         std::string(what) + " goes to source " + std::to_string(source.index) +
             ", whose partition it is not");
}

void Oracle::on(const CommitPosition& e, const Effects&) {
    if (partition(e.partition, e.epoch) == nullptr) {
        return check_epoch("commit", e.partition, e.epoch);
    }
    check_source("a commit", stage_.ledger.log_of(e.partition, e.epoch), e.source);
    if (failed()) return;
    if (cycle_ != Cycle::none || commit_.owed || syncs_open()) {
        return fail("I24", "checkpoint below watermark",
                    "a source is told before the checkpoint is synced");
    }
    const std::uint32_t log = stage_.ledger.log_of(e.partition, e.epoch);
    Partition& p = partitions_[log];
    const bool goes_on = commit_.proceeds || commit_.step == counted_.steps || p.again ||
                         commit_.told_at == counted_.steps;
    if (!goes_on) begins_cycle();
    if (commit_.proceeds && commit_.told_at != counted_.steps) may_be_new_cycle();
    if (failed()) return;
    if (commit_.failures > 0) check_cycle_repeats();
    if (failed()) return;
    commit_.told_at = counted_.steps;
    commit_.round = any_commit_ = true;
    p.again = false;
    ++commits_open_;
    check_issued("commit", e.partition, e.epoch, e.position, p.committed);
    if (failed()) return;
    const Duration patience = stage_.draw->config.commit.attempt_timeout;
    p.commit_open = true;
    p.commit_due = patience.ns > 0 ? stage_.now + patience : never;
    check_below("I1", "commit", log, stage_.ledger.logs[log].durable, e.position.value,
                [this](const Record& r) { return stage_.ledger.durable(r); });
}

void Oracle::on(const RevokeDone& e, const Effects&) {
    check_epoch("RevokeDone", e.partition, e.epoch);
    if (failed()) return;
    const std::uint32_t log = stage_.ledger.log_of(e.partition, e.epoch);
    Partition& p = partitions_[log];
    if (p.known != Known::revoking) {
        return fail("I4", "fencing", "RevokeDone of a partition that nobody revoked");
    }
    check_source("RevokeDone", log, e.source);
    check_given_back(log);
    if (p.commit_open) return fail("I4", "fencing", "RevokeDone with a commit unanswered");
    p.known = Known::lost;
    p.revoke_done = true;
    for (BatchTruth& b : stage_.batches) {
        if (b.state == BatchTruth::State::arrived && b.log == log) b.lost = true;
    }
}

/// What will be durable if this checkpoint is: judged now, before anything can hide it.
void Oracle::writing(const CheckpointTruth& staged) {
    Ledger& ledger = stage_.ledger;
    std::array<std::uint32_t, 8> marks{};
    for (std::uint32_t s = 0; s < ledger.sinks.size(); ++s) {
        marks[s] = ledger.sinks[s].mark;
        ledger.sinks[s].mark = static_cast<std::uint32_t>(staged.mark[s]);
    }
    for (std::uint32_t i = 0; i < ledger.logs.size() && !failed(); ++i) {
        const Log& log = ledger.logs[i];
        if (stage_.draw->config.source[log.source].commit != CommitMode::checkpoint) continue;
        check_below("I1", "checkpoint", i, log.durable, staged.position[i],
                    [&](const Record& r) { return ledger.durable(r); });
    }
    for (std::uint32_t s = 0; s < ledger.sinks.size(); ++s) ledger.sinks[s].mark = marks[s];
    for (std::uint32_t s = 0; s < ledger.sinks.size() && !failed(); ++s) check_agrees(staged, s);
}

/// Up to its mark a sink holds what the positions and its leads say that it has, and no more: what
/// else is there would come again after a restart.
void Oracle::check_agrees(const CheckpointTruth& staged, std::uint32_t sink) {
    if (!stage_.draw->config.sink[sink].has_mark) return;
    const Ledger& ledger = stage_.ledger;
    const std::vector<std::uint32_t>& contents = ledger.sinks[sink].contents;
    const auto mark = static_cast<std::uint32_t>(staged.mark[sink]);
    for (std::uint32_t i = agreed_mark_[sink]; i < mark && i < contents.size(); ++i) {
        const Record& r = ledger.records[ledger.units[contents[i]].record];
        const std::int64_t said = std::max(staged.position[r.log], staged.lead[r.log * 8u + sink]);
        if (r.next <= said) continue;
        return fail("I24", "checkpoint below watermark",
                    "the mark of sink " + std::to_string(sink) +
                        " is past what its positions say that it has",
                    ledger.units[contents[i]].record);
    }
    agreed_mark_[sink] = mark;
}

void Oracle::moved(std::uint32_t index, std::int64_t before) {
    const Log& log = stage_.ledger.logs[index];
    if (log.durable < before) {
        return fail("I2", "commits never go back",
                    "durable position of partition " + std::to_string(index) + ": " +
                        std::to_string(before) + " -> " + std::to_string(log.durable));
    }
    check_below("I1", "durable position", index, before, log.durable,
                [this](const Record& r) { return stage_.ledger.durable(r); });
}

void Oracle::lead_durable(std::uint32_t index, std::uint32_t sink, std::int64_t position) {
    const Log& log = stage_.ledger.logs[index];
    std::int64_t& known = durable_lead_[index * std::size_t{8} + sink];
    known = std::max(known, position);
    check_below("I1", "durable lead", index, log.durable, position,
                [this, sink](const Record& r) { return stage_.ledger.durable_at(r, sink); });
}

void Oracle::applied(std::uint32_t index) {
    const Unit& u = stage_.ledger.units[index];
    const Record& record = stage_.ledger.records[u.record];
    const bool mark = stage_.draw->config.sink[u.sink].has_mark;
    const std::uint32_t most = mark ? 1u : std::uint32_t{u.excuses} + record.readings;
    if (u.applied <= most) return;
    fail("I8", "explained duplicates",
         "sink " + std::to_string(u.sink) + " has unit " + std::to_string(index) + " " +
             std::to_string(u.applied) + " times, of " + std::to_string(most) + " explained",
         u.record);
}

void Oracle::recovered(std::uint32_t sink, bool whole) {
    if (whole) return;
    fail("I24", "checkpoint below watermark",
         "sink " + std::to_string(sink) + " is shorter than the mark in the checkpoint");
}

}  // namespace holdfast::sim

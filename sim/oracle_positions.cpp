// The oracle on positions: what may be staged, written, committed, and believed.
#include <algorithm>
#include <string>
#include <variant>

#include "sim/oracle.hpp"

namespace holdfast::sim {

void Oracle::check_epoch(const char* what, PartitionId partition, Epoch epoch) {
    const bool exists = partition.index < partitions_.size();
    const Partition* p = exists ? &partitions_[partition.index] : nullptr;
    if (exists && p->epoch == epoch.value && !p->revoke_done &&
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
    if (stage_.ledger.by_sinks(stage_.ledger.logs[partition.index])) {
        return fail("I37", "sinks commit", std::string(what) + ", which is its sinks' affair");
    }
    const Log& log = stage_.ledger.logs[partition.index];
    Partition& p = partitions_[partition.index];
    const std::string where = std::string(what) + " of partition " +
                              std::to_string(partition.index) + ": " + std::to_string(last) +
                              " -> " + std::to_string(position.value);
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
        check_below("I1", what, partition.index, p.checked, position.value,
                    [this](const Record& r) { return stage_.ledger.settled(r); });
        p.checked = position.value;
    }
    last = position.value;
}

void Oracle::on(const StagePosition& e, const Effects&) {
    if (e.partition.index >= partitions_.size()) return check_epoch("stage", e.partition, e.epoch);
    check_issued("staged position", e.partition, e.epoch, e.position,
                 partitions_[e.partition.index].staged);
}

void Oracle::on(const StageLead& e, const Effects&) {
    check_epoch("a staged lead", e.partition, e.epoch);
    if (failed() || e.sink.index >= stage_.draw->config.sinks) return;
    const std::uint32_t sink = e.sink.index;
    const Log& log = stage_.ledger.logs[e.partition.index];
    if (e.position.value > log.highest && e.position.value > log.lead[sink]) {
        return fail("I3", "commit in range", "a lead beyond what was read");
    }
    check_below("I1", "staged lead", e.partition.index, partitions_[e.partition.index].checked,
                e.position.value, [this, sink](const Record& r) {
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
    if (e.mark < 0 ||
        e.mark > static_cast<std::int64_t>(stage_.ledger.sinks[e.sink.index].contents.size())) {
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
    sync_number_[e.sink.index] = e.sync;
}

void Oracle::on(const WriteCheckpoint& e, const Effects&) {
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        if (sync_failed_[s]) {
            return fail("I23", "a failed sync is never believed",
                        "a checkpoint over a sink whose sync failed");
        }
    }
    const std::int64_t overdue = stage_.draw->config.commit.attempt_timeout.ns;
    const bool late = overdue > 0 && stage_.now.ns >= checkpoint_at_ + overdue;
    if (cycle_ != Cycle::none && cycle_ != Cycle::sync_failed && !late) {
        return fail("I24", "checkpoint below watermark", "two checkpoints at once");
    }
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

void Oracle::on(const CommitPosition& e, const Effects&) {
    if (e.partition.index >= partitions_.size()) return check_epoch("commit", e.partition, e.epoch);
    if (cycle_ != Cycle::none) {
        return fail("I24", "checkpoint below watermark",
                    "a source is told before the checkpoint is synced");
    }
    ++commits_open_;
    Partition& p = partitions_[e.partition.index];
    check_issued("commit", e.partition, e.epoch, e.position, p.committed);
    if (failed()) return;
    const Duration patience = stage_.draw->config.commit.attempt_timeout;
    p.commit_open = true;
    p.commit_due = patience.ns > 0 ? stage_.now + patience : never;
    check_below("I1", "commit", e.partition.index, stage_.ledger.logs[e.partition.index].durable,
                e.position.value, [this](const Record& r) { return stage_.ledger.durable(r); });
}

void Oracle::on(const RevokeDone& e, const Effects&) {
    check_epoch("RevokeDone", e.partition, e.epoch);
    if (failed()) return;
    Partition& p = partitions_[e.partition.index];
    if (p.known != Known::revoking) {
        return fail("I4", "fencing", "RevokeDone of a partition that nobody revoked");
    }
    p.known = Known::lost;
    p.revoke_done = true;
    for (BatchTruth& b : stage_.batches) {
        if (b.state == BatchTruth::State::arrived && b.log == e.partition.index) b.lost = true;
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

// The oracle on commit cycles: when one begins, how it fails, and that it ends (I44).
//
// A cycle can't be seen itself. It is open while something that it ordered is unanswered or must be
// repeated. What is "surely settled" is so only when no batch is held any more: lanes retire in
// order, so a released batch may wait behind one that is not.
#include <algorithm>
#include <string>

#include "sim/oracle.hpp"

namespace holdfast::sim {
namespace {

std::int64_t longest_backoff(const RetryConfig& retry, std::int64_t base) {
    return base + base / 1000 * retry.jitter_permille + 1000;
}

}  // namespace

bool Oracle::commit_outstanding() const {
    if (commit_.owed || syncs_open()) return true;
    return any_commit_ && std::ranges::any_of(partitions_, [](const Partition& p) {
               return p.commit_open || p.again;
           });
}

// ---- answers -----------------------------------------------------------------------------------

void Oracle::note_synced(const SinkSynced& e) {
    if (e.sink.index >= 8 || !sync_open_[e.sink.index] || sync_number_[e.sink.index] != e.sync) {
        stale_ = true;
        return;
    }
    sync_open_[e.sink.index] = false;
    commit_.proceeds = true;
    if (e.outcome == StoreOutcome::ok) return;
    sync_failed_[e.sink.index] = true;
    causes_.sync_failed |= mask_of(e.sink);
}

void Oracle::note_written(const CheckpointWritten& e) {
    stale_ = cycle_ != Cycle::writing || e.sequence != checkpoint_;
    if (stale_) return;
    switch (e.outcome) {
        case StoreOutcome::ok: cycle_ = Cycle::written; return;
        case StoreOutcome::retriable:
        case StoreOutcome::ambiguous: cycle_ = Cycle::none; return commit_fails(true);
        default: causes_.checkpoint = causes_.surely = true;
    }
}

void Oracle::note_persisted(const CheckpointSynced& e) {
    stale_ = cycle_ != Cycle::syncing || e.sequence != checkpoint_;
    if (stale_) return;
    switch (e.outcome) {
        case StoreOutcome::ok:
            cycle_ = Cycle::none;
            commit_.owed = false;
            commit_.proceeds = true;
            if (windows_count_) free_windows();
            return;
        case StoreOutcome::retriable:
        case StoreOutcome::ambiguous: cycle_ = Cycle::sync_failed; return commit_fails(true);
        default: causes_.checkpoint = causes_.surely = true;
    }
}

/// A broker that refuses a commit has given the partition to somebody else.
void Oracle::note_commit(const CommitAnswered& e) {
    if (commits_open_ > 0) --commits_open_;
    const std::uint32_t log = stage_.ledger.log_of(e.partition, e.epoch);
    stale_ = log == UINT32_MAX;
    if (stale_) return;
    Partition& p = partitions_[log];
    stale_ = !p.commit_open || p.epoch != e.epoch.value || p.committed != e.position.value;
    if (stale_) return;
    p.commit_open = false;
    switch (e.outcome) {
        case StoreOutcome::ok: p.told = e.position.value; return;
        case StoreOutcome::retriable:
        case StoreOutcome::ambiguous: p.again = true; return;
        case StoreOutcome::failed: causes_.commit = causes_.surely = true; return;
        case StoreOutcome::fenced: break;
    }
    if (p.known == Known::lost) return;
    lose_batches(log);
    p.fenced = true;
    // One that is being revoked is still to be answered with RevokeDone.
    if (p.known == Known::assigned) p.known = Known::lost;
}

/// What the engine no longer waits for at this instant.
void Oracle::note_overdue() {
    const Duration patience = stage_.draw->config.commit.attempt_timeout;
    const Instant now = stage_.now;
    if (patience.ns > 0 && syncs_open() && now >= commit_.syncs_due) causes_.sync_overdue = true;
    const bool waits = cycle_ == Cycle::writing || cycle_ == Cycle::syncing;
    if (patience.ns > 0 && waits && now.ns >= checkpoint_at_ + patience.ns) {
        cycle_ = cycle_ == Cycle::writing ? Cycle::none : Cycle::sync_failed;
        commit_fails(true);
    }
    if (any_commit_) note_commits_overdue();
    note_store_overdue();
}

void Oracle::note_commits_overdue() {
    bool open = false;
    bool again = false;
    for (Partition& p : partitions_) {
        const bool overdue = p.commit_open && stage_.now >= p.commit_due;
        if (p.known == Known::nothing || p.known == Known::lost) {
            // Lost and overdue at one instant, it still ends the round.
            again = again || overdue;
            p.commit_open = p.again = false;
        } else if (overdue) {
            p.commit_open = false;
            p.again = true;
        }
        open = open || p.commit_open;
        again = again || p.again;
    }
    if (commit_.round && !open) {
        commit_.round = false;
        if (again) commit_fails(false);
    }
    any_commit_ = open || again;
}

/// Dead letters are not cancelled: an attempt that is overdue is simply over.
void Oracle::note_store_overdue() {
    if (deliveries_.empty() || deliveries_[0].attempt == UINT32_MAX) return;
    const std::uint32_t index = deliveries_[0].attempt;
    if (stage_.attempts[index].deadline > stage_.now) return;
    stage_.attempts[index].state = Attempt::State::given_up;
    close(index);
    store_fails();
}

void Oracle::store_fails() {
    const std::uint32_t most = stage_.draw->config.dead_letters.retry.attempts_max;
    if (++store_failures_ >= most && most > 0) causes_.store = true;
}

void Oracle::commit_fails(bool checkpoint) {
    const RetryConfig& retry = stage_.draw->config.commit.retry;
    ++counted_.commit_failures;
    ++commit_.failures;
    ++commit_.least_failures;
    commit_.not_before = stage_.now + Duration{backoff_base(retry, commit_.least_failures)};
    const std::int64_t base = backoff_base(retry, commit_.failures);
    commit_.rests_until = stage_.now + Duration{longest_backoff(retry, base)};
    if (retry.attempts_max == 0 || commit_.failures < retry.attempts_max) return;
    causes_.surely = causes_.surely || commit_.least_failures >= retry.attempts_max;
    (checkpoint ? causes_.checkpoint : causes_.commit) = true;
}

/// Sources are told in the step in which the checkpoint is synced: by this cycle, or by a new one
/// that began as it ended. That can't be seen; what follows is judged for both.
void Oracle::may_be_new_cycle() {
    commit_.least_failures = 0;
    commit_.began_latest = stage_.now;
    commit_.records = commit_.bytes = 0;
}

// ---- orders ------------------------------------------------------------------------------------

/// Something is staged, or a sink is synced: the beginning of a cycle, all of it in one step.
void Oracle::begins_cycle() {
    if (commit_.step == counted_.steps) return;
    if (commit_outstanding()) {
        return fail("I24", "checkpoint below watermark", "a cycle begins before the last one ends");
    }
    begin_cycle();
}

void Oracle::begin_cycle() {
    check_cycle_is_needed();
    if (windows_count_) retire_windows();
    commit_.step = counted_.steps;
    commit_.began = commit_.began_latest = stage_.now;
    commit_.began_once = true;
    commit_.failures = commit_.least_failures = 0;
    commit_.records = commit_.bytes = 0;
    commit_.not_before = commit_.rests_until = Instant{0};
    commit_.syncs_due = stage_.now + stage_.draw->config.commit.attempt_timeout;
}

/// A cycle goes on after a failure only when its backoff is over.
void Oracle::check_cycle_repeats() {
    if (commit_.failures > 0 && stage_.now < commit_.not_before) {
        return fail("I13", "retry law", "a commit is repeated before its backoff");
    }
    commit_.rests_until = Instant{0};
}

bool Oracle::all_ended() const {
    return std::all_of(source_ends_.begin(), source_ends_.begin() + stage_.draw->config.sources,
                       [](std::uint32_t ends) { return ends > 0; });
}

void Oracle::check_cycle_is_needed() {
    const CommitConfig& config = stage_.draw->config.commit;
    if (!commit_.began_once || stage_.now >= commit_.began + config.interval || stopping_) return;
    const auto revoking = [](const Partition& p) { return p.known == Known::revoking; };
    if (std::ranges::any_of(partitions_, revoking)) return;
    if (batches_open_ == 0 && all_ended()) return;
    // A window that keeps its lane, or is half full, asks for a cycle by itself (I43).
    if (windows_count_ && (any_revoked_ || window_asked_ || window_may_ask())) return;
    // Each cycle before its time must have been bought with settled records, or bytes.
    ++commit_.early;
    std::uint64_t settled = forgotten_;
    for (const Counted::Sink& s : counted_.sink) settled += s.delivered + s.parked;
    const std::uint64_t bought = (config.records > 0 ? settled / config.records : 0) +
                                 (config.bytes > 0 ? bytes_in_ / config.bytes : 0);
    if (commit_.early <= bought) return;
    fail("I44", "commits when due",
         "a commit before its time, and nothing asks for it: of " + std::to_string(settled) +
             " outputs and " + std::to_string(bytes_in_) + " bytes " + std::to_string(bought) +
             " such commits come, this is number " + std::to_string(commit_.early));
}

// ---- after each step ---------------------------------------------------------------------------

/// Whether all that the engine has of the partition is in what it says of it.
bool Oracle::is_said(const Partition& p, const Log& log) const {
    if (p.known != Known::assigned && p.known != Known::revoking) return true;
    if (stage_.ledger.by_sinks(log) || p.fenced) return true;
    const bool local = stage_.draw->config.source[log.source].commit == CommitMode::checkpoint;
    return (local ? p.staged : p.committed) == p.read;
}

bool Oracle::marks_are_said() const {
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        if (stage_.draw->config.sink[s].has_mark && told_mark_[s] != staged_mark_[s]) return false;
    }
    return true;
}

void Oracle::check_cycle(const Engine& engine) {
    commit_.proceeds = false;
    if (halted_) return;
    if (commit_.rests_until > stage_.now) {
        // (What it rested for may have been lost meanwhile.)
        if (commit_outstanding() && engine.deadline() > commit_.rests_until) {
            fail("I20", "timers", "a commit that failed has no timer for its backoff");
        }
        return;
    }
    if (commit_outstanding()) {
        const bool repeat = std::ranges::any_of(
            partitions_, [](const Partition& p) { return p.again && !p.commit_open; });
        if (repeat && !commit_.round) {
            return fail("I44", "commits when due", "a commit that failed is not repeated");
        }
        const bool idle = cycle_ == Cycle::none || cycle_ == Cycle::sync_failed;
        if (commit_.owed && idle && !syncs_open()) {
            fail("I44", "commits when due", "what is staged is not written");
        }
        return;
    }
    if (any_revoking_) check_revocations();
    if (!failed() && batches_open_ == pulls_open()) check_quiet(engine);
}

/// All that was read is settled and no cycle is open: what isn't said must have its time.
void Oracle::check_quiet(const Engine& engine) {
    const CommitConfig& config = stage_.draw->config.commit;
    bool pending = !marks_are_said();
    std::string which = pending ? "a mark" : "";
    bool urgent = !commit_.began_once || stopping_;
    for (std::uint32_t i = 0; i < partitions_.size(); ++i) {
        const Partition& p = partitions_[i];
        if (is_said(p, stage_.ledger.logs[i])) continue;
        pending = true;
        which = "partition " + std::to_string(i) + " at " + std::to_string(p.read) + " of " +
                std::to_string(p.staged) + " " + std::to_string(p.committed);
        urgent = urgent || p.known == Known::revoking;
    }
    if (!pending) return;
    urgent = urgent || (batches_open_ == 0 && all_ended());
    urgent = urgent || (config.records > 0 && commit_.records >= config.records) ||
             (config.bytes > 0 && commit_.bytes >= config.bytes);
    const Instant due = commit_.began_latest + config.interval;
    if (urgent || stage_.now >= due) {
        return fail("I44", "commits when due",
                    "all is settled, a commit is due (" + which + "), and none begins");
    }
    if (engine.deadline() > due) {
        fail("I44", "commits when due", "what is settled has no time for its commit: " + which);
    }
}

/// A batch was released: all that its sinks were sent of it counts towards the next commit.
void Oracle::count_towards_commit(const BatchTruth& b) {
    // Of a lost partition nothing can be committed: it counts only where it was settled before.
    if (!b.lost) {
        forgotten_ += static_cast<std::uint64_t>(std::ranges::count_if(
            b.units, [&](std::uint32_t u) { return !stage_.ledger.units[u].sent; }));
    }
    if (b.arrived <= commit_.began_latest || b.lost || !b.outputs_known) return;
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        const std::uint32_t n = b.from[s + 1] - b.from[s];
        if (n == 0 || !stage_.ledger.units[b.units[b.from[s]]].sent) continue;
        commit_.records += n;
        commit_.bytes += b.sink_bytes[s];
    }
}

// ---- revocations (I46) ---------------------------------------------------------------------------

/// No cycle is open: nothing keeps a revocation that is due.
void Oracle::check_revocations() {
    any_revoking_ = false;
    for (std::uint32_t i = 0; i < partitions_.size() && !failed(); ++i) {
        const Partition& p = partitions_[i];
        if (p.known != Known::revoking) continue;
        any_revoking_ = true;
        if (stage_.now >= p.deadline) {
            fail("I46", "a revocation ends",
                 "partition " + std::to_string(i) + " is kept past the deadline");
        } else if (p.held == 0 && is_said(p, stage_.ledger.logs[i]) &&
                   batches_open_ == pulls_open()) {
            fail("I46", "a revocation ends",
                 "all of partition " + std::to_string(i) + " is committed, and it is kept");
        }
    }
}

/// RevokeDone: what was read was committed first, unless its deadline came before.
void Oracle::check_given_back(std::uint32_t index) {
    const Partition& p = partitions_[index];
    const Log& log = stage_.ledger.logs[index];
    if (p.fenced || stage_.now >= p.deadline) return;
    if (p.held > 0) {
        return fail("I46", "a revocation ends", "RevokeDone with batches that are not settled");
    }
    if (stage_.ledger.by_sinks(log)) return;
    const bool local = stage_.draw->config.source[log.source].commit == CommitMode::checkpoint;
    const std::int64_t known = local ? log.durable : p.told;
    if (known == p.read) return;
    fail("I46", "a revocation ends",
         "RevokeDone of partition " + std::to_string(index) + " with " + std::to_string(known) +
             " committed of " + std::to_string(p.read));
}

}  // namespace holdfast::sim

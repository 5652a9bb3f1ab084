// The oracle on bounds, timers, counters, and the end.
#include <algorithm>
#include <string>
#include <variant>

#include "sim/oracle.hpp"
#include "sim/trace.hpp"

namespace holdfast::sim {

/// What could justify a halt, or ends a cycle.
void Oracle::note_trouble(const Event& event) {
    if (const auto* synced = std::get_if<SinkSynced>(&event)) {
        if (synced->sink.index >= 8 || sync_number_[synced->sink.index] != synced->sync) return;
        if (synced->outcome != StoreOutcome::ok) sync_failed_[synced->sink.index] = true;
    } else if (const auto* written = std::get_if<CheckpointWritten>(&event)) {
        if (written->outcome != StoreOutcome::ok) checkpoint_bad_ = true;
        if (cycle_ != Cycle::writing || written->sequence != checkpoint_) return;
        cycle_ = written->outcome == StoreOutcome::ok ? Cycle::written : Cycle::none;
    } else if (const auto* stored = std::get_if<CheckpointSynced>(&event)) {
        if (stored->outcome != StoreOutcome::ok) checkpoint_bad_ = true;
        if (cycle_ != Cycle::syncing || stored->sequence != checkpoint_) return;
        cycle_ = stored->outcome == StoreOutcome::ok ? Cycle::none : Cycle::sync_failed;
    } else if (const auto* commit = std::get_if<CommitAnswered>(&event)) {
        note_commit(*commit);
    } else if (const auto* failure = std::get_if<SourceFailed>(&event)) {
        const BatchTruth* b = stage_.batch(failure->batch);
        if (b != nullptr && b->state == BatchTruth::State::pulling) source_fatal_ = true;
    } else if (const auto* ended = std::get_if<SourceEnded>(&event)) {
        const BatchTruth* b = stage_.batch(ended->batch);
        if (b != nullptr && b->state == BatchTruth::State::pulling) ++source_ends_[b->source];
    }
}

/// A broker that refuses a commit has given the partition to somebody else.
void Oracle::note_commit(const CommitAnswered& e) {
    if (commits_open_ > 0) --commits_open_;
    if (e.outcome != StoreOutcome::ok) commit_bad_ = true;
    if (e.partition.index >= partitions_.size()) return;
    Partition& p = partitions_[e.partition.index];
    if (!p.commit_open || p.epoch != e.epoch.value || p.committed != e.position.value) return;
    p.commit_open = false;
    if (e.outcome != StoreOutcome::fenced || p.known == Known::lost) return;
    lose_batches(e.partition.index);
    // One that is being revoked is still to be answered with RevokeDone.
    if (p.known == Known::assigned) p.known = Known::lost;
}

void Oracle::check_bounds(const Event& event, const Effects& effects, const Engine& engine) {
    const Config& config = stage_.draw->config;
    if (effects.items().size() > Engine::effects_max(config) ||
        effects.parts().size() > Engine::parts_max(config)) {
        return fail("I18", "step bound", "more effects than effects_max");
    }
    if (batches_open_ > config.batches_max) {
        return fail("I19", "queue bound", "more batches than batches_max");
    }
    check_counters(engine);
    if (must_halt_ && !halted_) {
        return fail("I38", "terminal is final", "a sink has failed for good, and nothing halts");
    }
    for (Partition& p : partitions_) p.commit_open = p.commit_open && p.commit_due > stage_.now;
    if (halted_) {
        if (engine.deadline() != never) fail("I20", "timers", "a timer after Halt");
        return;
    }
    const bool tick = std::holds_alternative<Tick>(event);
    if (tick && engine.deadline() <= stage_.now) {
        return fail("I20", "timers", "a deadline that has passed is kept after a Tick");
    }
    for (std::size_t i = 0; i < open_.size(); ++i) {
        const std::uint32_t index = open_[i];
        const Attempt& a = stage_.attempts[index];
        if (a.sink >= 8 && a.deadline <= stage_.now) {
            // Dead letters are not cancelled: the attempt is simply over.
            ++store_failures_;
            stage_.attempts[index].state = Attempt::State::given_up;
            close(index);
            --i;
            continue;
        }
        if (engine.deadline() > a.deadline) {
            return fail("I20", "timers",
                        a.sink < 8 ? "a write in flight has no timer for its deadline"
                                   : "a dead-letter write in flight has no timer for its deadline");
        }
        if (tick && a.deadline <= stage_.now) {
            return fail("L5", "deadline", "a write is waited for beyond its deadline", UINT32_MAX,
                        true);
        }
    }
    if (config.ticker_period.ns > 0) check_ticker(tick, engine);
    if (stopping_ && stage_.now >= stop_deadline_) {
        fail("I28", "shutdown", "still running at the drain's deadline");
    }
}

/// RunTicker: first a period after the start, then each period, none made up for.
void Oracle::on(const RunTicker& e, const Effects&) {
    if (e.tick != ++ticks_ || stage_.now < ticker_due_) {
        return fail("I39", "ticker", "a tick that is not due");
    }
    const Duration period = stage_.draw->config.ticker_period;
    ticker_due_ = ticker_due_ + period;
    if (ticker_due_ <= stage_.now) ticker_due_ = stage_.now + period;
}

void Oracle::check_ticker(bool tick, const Engine& engine) {
    if (engine.deadline() > ticker_due_ || (tick && ticker_due_ <= stage_.now)) {
        fail("I39", "ticker", "a tick is due and doesn't come");
    }
}

void Oracle::check_counters(const Engine& engine) {
    const Stats& stats = engine.stats();
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        const SinkStats& sink = stats.sink[s];
        if (sink.dropped > dropped_[s]) {
            check_drop(s, sink.dropped - dropped_[s]);
            dropped_[s] = sink.dropped;
            if (failed()) return;
        }
        if (sink.admitted !=
            sink.delivered + sink.parked + sink.dropped + sink.forgotten + sink.owed) {
            return fail("I6", "conservation",
                        "the counters of sink " + std::to_string(s) + " do not add up");
        }
    }
    if (stats.held != leased_ && !halted_) {
        return fail("I16", "memory bound",
                    "the engine counts " + std::to_string(stats.held) + " bytes held, of " +
                        std::to_string(leased_));
    }
    if (!halted_ || failed()) return;
    if (halt_reason_ != HaltReason::finished && halt_reason_ != HaltReason::drained) return;
    const bool fenced = stage_.draw->revokes_max > 0;
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks && !fenced; ++s) {
        if (stats.sink[s].delivered != told_delivered_[s] ||
            stats.sink[s].parked != told_parked_[s] || stats.sink[s].owed != 0) {
            return fail("I29", "metrics truth",
                        "sink " + std::to_string(s) + ": counted " +
                            std::to_string(stats.sink[s].delivered) + " delivered and " +
                            std::to_string(stats.sink[s].parked) + " parked, told " +
                            std::to_string(told_delivered_[s]) + " and " +
                            std::to_string(told_parked_[s]));
        }
    }
    if (leased_ != 0) fail("I17", "lease balance", "bytes are held at the end");
}

void Oracle::on(const Halt& e, const Effects&) {
    halted_ = true;
    halt_reason_ = e.reason;
    check_halt(e);
}

/// A halt must have a cause that the world knows of.
void Oracle::check_halt(const Halt& e) {
    const Config& config = stage_.draw->config;
    bool right = false;
    switch (e.reason) {
        case HaltReason::finished:
            return check_finished(true);
        case HaltReason::drained:
            right = stopping_;
            if (right) return check_finished(false);
            break;
        case HaltReason::drain_deadline:
            right = stopping_ && stage_.now >= stop_deadline_;
            break;
        case HaltReason::stopped:
            right = stop_now_;
            break;
        case HaltReason::dead_letters_absent:
            right = !config.dead_letters.present;
            break;
        case HaltReason::dead_letters_failed:
            for (const std::uint32_t index : open_) {
                const Attempt& a = stage_.attempts[index];
                store_failures_ += a.sink >= 8 && a.deadline <= stage_.now;
            }
            right = store_fatal_ || (config.dead_letters.retry.attempts_max > 0 &&
                                     store_failures_ >= config.dead_letters.retry.attempts_max);
            break;
        case HaltReason::sink_sync_failed:
            right = std::ranges::any_of(sync_failed_, [](bool b) { return b; }) ||
                    config.commit.attempt_timeout.ns > 0;
            break;
        case HaltReason::checkpoint_failed:
            right = checkpoint_bad_ || config.commit.attempt_timeout.ns > 0;
            break;
        case HaltReason::commit_failed:
            right = commit_bad_ || config.commit.attempt_timeout.ns > 0;
            break;
        case HaltReason::source_failed:
            right = source_fatal_;
            break;
        case HaltReason::oversized_record:
            right = fate_stop_;
            break;
        case HaltReason::transform_contract:
            right = contract_broken_;
            break;
        case HaltReason::sink_failed:
            right = must_halt_;
            break;
        default:
            break;
    }
    if (!right) {
        fail("I34", "a halt has a cause",
             std::string("halted: ") + name_of(e.reason) + ", which nothing in the world explains");
    }
}

void Oracle::check_finished(bool all_read) {
    const Ledger& ledger = stage_.ledger;
    for (std::uint32_t i = 0; i < ledger.logs.size(); ++i) {
        const Log& log = ledger.logs[i];
        if (partitions_[i].known != Known::assigned) continue;
        const std::uint32_t read = ledger.record_after(log, log.highest);
        if (all_read && read < log.end) {
            return fail(
                "I28", "shutdown",
                "finished, but partition " + std::to_string(i) + " was not read to its end");
        }
        if (ledger.by_sinks(log)) {
            check_below("I1", "the end", i, 0, log.highest,
                        [&](const Record& r) { return ledger.durable(r); });
            continue;
        }
        if (log.durable != log.highest) {
            return fail("I5", "watermark exact",
                        "finished, but partition " + std::to_string(i) + " is committed to " +
                            std::to_string(log.durable) + " of " + std::to_string(log.highest));
        }
        check_below("I1", "the end", i, 0, log.durable,
                    [&](const Record& r) { return ledger.durable(r); });
        if (failed()) return;
    }
}

}  // namespace holdfast::sim

// The oracle on bounds, timers, counters, and the end.
#include <algorithm>
#include <string>
#include <variant>

#include "sim/oracle.hpp"
#include "sim/trace.hpp"

namespace holdfast::sim {

/// What ends a step of a cycle, or a source.
void Oracle::note_trouble(const Event& event) {
    if (const auto* synced = std::get_if<SinkSynced>(&event)) {
        note_synced(*synced);
    } else if (const auto* broken = std::get_if<SinkBroken>(&event)) {
        stale_ = broken->sink.index >= 8;
        if (!stale_) causes_.sink_broken |= mask_of(broken->sink);
    } else if (const auto* written = std::get_if<CheckpointWritten>(&event)) {
        note_written(*written);
    } else if (const auto* stored = std::get_if<CheckpointSynced>(&event)) {
        note_persisted(*stored);
    } else if (const auto* commit = std::get_if<CommitAnswered>(&event)) {
        note_commit(*commit);
    } else if (const auto* ended = std::get_if<SourceEnded>(&event)) {
        const BatchTruth* b = stage_.batch(ended->batch);
        if (b != nullptr && b->state == BatchTruth::State::pulling) ++source_ends_[b->source];
    }
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
    if (causes_.any() && !halted_) {
        return fail("I38", "terminal is final", "nothing may go on, and nothing halts");
    }
    if (halted_) {
        if (engine.deadline() != never) fail("I20", "timers", "a timer after Halt");
        return;
    }
    const bool tick = std::holds_alternative<Tick>(event);
    // What a Tick woke may want another one at once, but no third.
    ticks_in_vain_ = tick && engine.deadline() <= stage_.now ? ticks_in_vain_ + 1 : 0;
    if (ticks_in_vain_ > 1) {
        return fail("I20", "timers", "a deadline that has passed is kept after a Tick");
    }
    if (any_revoking_) {
        for (Partition& p : partitions_)
            p.overdue = p.overdue || (p.known == Known::revoking && stage_.now >= p.deadline);
    }
    const Instant deadline = engine.deadline();
    for (const std::uint32_t index : open_) {
        const Attempt& a = stage_.attempts[index];
        if (deadline > a.deadline) {
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

/// With a mark a write of more than one batch ends where one does, or there would be no clean point.
void Oracle::check_clean(const WriteToSink& e, const Effects& all) {
    const auto parts = all.parts(e.parts);
    if (parts.empty() || parts.front().batch == parts.back().batch) return;
    const BatchTruth* b = stage_.batch(parts.back().batch);
    if (b == nullptr) return;
    const std::uint32_t outputs = b->from[e.sink.index + 1] - b->from[e.sink.index];
    if (parts.back().end == outputs) return;
    fail("I24", "clean points", "a write to a sink with a mark ends within its second batch");
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
        const SinkStats& sink = stats.sink[stage_.draw->engine_sink(s)];
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
    if (!halted_) check_dropped(stats);
    if (failed()) return;
    if (stats.held != leased_ && !halted_) {
        return fail("I16", "memory bound",
                    "the engine counts " + std::to_string(stats.held) + " bytes held, of " +
                        std::to_string(leased_));
    }
    if (!halted_ || failed()) return;
    if (halt_reason_ != HaltReason::finished && halt_reason_ != HaltReason::drained) return;
    const bool fenced = stage_.draw->revokes_max > 0;
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks && !fenced; ++s) {
        const SinkStats& sink = stats.sink[stage_.draw->engine_sink(s)];
        if (sink.delivered != told_delivered_[s] || sink.parked != told_parked_[s] ||
            sink.owed != 0) {
            return fail(
                "I29", "metrics truth",
                "sink " + std::to_string(s) + ": counted " + std::to_string(sink.delivered) +
                    " delivered and " + std::to_string(sink.parked) + " parked, told " +
                    std::to_string(told_delivered_[s]) + " and " + std::to_string(told_parked_[s]));
        }
    }
    if (leased_ != 0) fail("I17", "lease balance", "bytes are held at the end");
}

void Oracle::on(const Halt& e, const Effects&) {
    halted_ = true;
    halt_reason_ = e.reason;
    check_halt(e);
}

/// A halt must have a cause in this very step, and name what caused it.
void Oracle::check_halt(const Halt& e) {
    const Config& config = stage_.draw->config;
    const auto names = [](SinkMask sinks, SinkId sink) {
        return sink.index < 8 && (sinks >> sink.index & 1) != 0;
    };
    const auto names_source = [&](std::uint32_t sources) {
        return e.source.index < config.sources && (sources >> e.source.index & 1) != 0;
    };
    const bool all_ended = std::all_of(source_ends_.begin(), source_ends_.begin() + config.sources,
                                       [](std::uint32_t ends) { return ends > 0; });
    bool right = false;
    switch (e.reason) {
        case HaltReason::finished:
            if (all_ended) return check_finished(true);
            break;
        case HaltReason::drained:
            if (stopping_ && !all_ended) return check_finished(false);
            break;
        case HaltReason::drain_deadline: right = stopping_ && stage_.now >= stop_deadline_; break;
        case HaltReason::stopped: right = stop_now_; break;
        case HaltReason::dead_letters_absent:
            right = !config.dead_letters.present && wants_dead_letters(e);
            break;
        case HaltReason::dead_letters_failed: right = causes_.store; break;
        case HaltReason::sink_sync_failed:
            right =
                names(causes_.sync_failed, e.sink) || (causes_.sync_overdue && e.sink == no_sink);
            break;
        case HaltReason::checkpoint_failed: right = causes_.checkpoint; break;
        case HaltReason::commit_failed: right = causes_.commit; break;
        case HaltReason::source_failed: right = names_source(causes_.source_failed); break;
        case HaltReason::oversized_record: right = names_source(causes_.fate_stop); break;
        case HaltReason::transform_contract: right = names_source(causes_.contract); break;
        case HaltReason::transform_stopped: right = names_source(causes_.stop); break;
        case HaltReason::protocol_broken: right = names_source(causes_.astray); break;
        case HaltReason::sink_failed: right = names(causes_.sink_failed, e.sink); break;
        case HaltReason::sink_broken: right = names(causes_.sink_broken, e.sink); break;
        default: break;
    }
    if (!right) {
        fail("I34", "a halt has a cause",
             std::string("halted: ") + name_of(e.reason) + ", which nothing in the world explains");
    }
}

/// Something that there is no queue for must go there: of the sink, or of the source, that it names.
bool Oracle::wants_dead_letters(const Halt& e) const {
    const Ledger& ledger = stage_.ledger;
    if (e.sink != no_sink) {
        if (any_revoked_) return true;  // It may be of an epoch that is over.
        return std::ranges::any_of(ledger.units, [&](const Unit& u) {
            const std::uint32_t most = stage_.draw->config.sink[u.sink].retry.attempts_max;
            const bool used_up = u.told == Told::waiting && most > 0 && u.failures > 0;
            return u.sink == e.sink.index && (u.told == Told::refused || used_up);
        });
    }
    return std::ranges::any_of(stage_.batches, [&](const BatchTruth& b) {
        return b.state == BatchTruth::State::arrived && b.source == e.source.index &&
               !b.dead.empty();
    });
}

void Oracle::check_finished(bool all_read) {
    const Ledger& ledger = stage_.ledger;
    for (std::uint32_t i = 0; i < ledger.logs.size(); ++i) {
        const Log& log = ledger.logs[i];
        const bool file = stage_.draw->source[log.source].open_max > 0;
        if (partitions_[i].known != Known::assigned && !(file && all_read)) continue;
        const std::uint32_t read = ledger.record_after(log, log.highest);
        if (all_read && read < log.end) {
            return fail(
                "I28", "shutdown",
                "finished, but partition " + std::to_string(i) + " was not read to its end");
        }
        if (ledger.by_sinks(log)) {
            check_below("I1", "the end", i, log.base, log.highest,
                        [&](const Record& r) { return ledger.durable(r); });
            continue;
        }
        if (log.durable != log.highest) {
            return fail("I5", "watermark exact",
                        "finished, but partition " + std::to_string(i) + " is committed to " +
                            std::to_string(log.durable) + " of " + std::to_string(log.highest));
        }
        check_below("I1", "the end", i, log.base, log.durable,
                    [&](const Record& r) { return ledger.durable(r); });
        if (failed()) return;
    }
}

}  // namespace holdfast::sim

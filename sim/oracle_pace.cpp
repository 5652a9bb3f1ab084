// The oracle on waits: how long a source rests, how long a small write waits for more, and when a
// hold lets sources in.
//
// I13: a source that failed is pulled again after its backoff, within its jitter; one that is idle
//      after what it asked for, or when it says that it is ready.
// I45: a write below both targets waits for `linger` and no longer; one that reaches them does not.
// I40: while the gate holds, a window is never further away than max_hold.
#include <algorithm>
#include <string>

#include "sim/oracle.hpp"

namespace holdfast::sim {

std::int64_t backoff_base(const RetryConfig& retry, std::uint32_t failures) {
    std::int64_t base = retry.backoff_initial.ns;
    for (std::uint32_t i = 1; i < failures && base < retry.backoff_max.ns; ++i) base *= 2;
    return std::min(base, retry.backoff_max.ns);
}

// ---- sources -----------------------------------------------------------------------------------

/// Requires that the event answers an open pull.
void Oracle::note_source_failed(std::uint32_t source, SourceOutcome outcome) {
    const RetryConfig& retry = stage_.draw->config.source[source].retry;
    Rest& rest = rest_[source];
    ++rest.failures;
    const bool used_up = retry.attempts_max > 0 && rest.failures >= retry.attempts_max;
    if (outcome == SourceOutcome::failed || used_up) causes_.source_failed |= 1u << source;
    const std::int64_t base = backoff_base(retry, rest.failures);
    rest.on = true;
    rest.not_before = stage_.now + Duration{base};
    rest.at_latest = rest.not_before + Duration{base / 1000 * retry.jitter_permille + 1000};
}

void Oracle::note_source_idle(std::uint32_t source, Duration retry_after) {
    Rest& rest = rest_[source];
    rest.failures = 0;
    if (retry_after <= Duration{0}) return;
    rest.on = true;
    const Duration wait{std::min(retry_after.ns, seconds(24LL * 3600).ns)};
    rest.not_before = rest.at_latest = stage_.now + wait;
}

void Oracle::note_source_ready(std::uint32_t source) {
    if (source >= rest_.size() || rest_[source].failures > 0) return;
    rest_[source].on = false;
}

void Oracle::check_rests(const Engine& engine) {
    for (std::uint32_t s = 0; s < stage_.draw->config.sources; ++s) {
        Rest& rest = rest_[s];
        if (rest.on && stage_.now >= rest.not_before) rest.on = false;
        if (!rest.on || engine.deadline() <= rest.at_latest) continue;
        return fail("I20", "timers", "a source that rests has no timer for its end");
    }
    if (!paused_) return;
    if (stage_.now >= window_due_) window_due_ = stage_.now + stage_.draw->config.max_hold;
    if (engine.deadline() > window_due_) {
        fail("I40", "the gate", "the next window is further away than max_hold");
    }
}

void Oracle::check_rest(const Pull& e) {
    const Rest& rest = rest_[e.source.index];
    if (!rest.on || stage_.now >= rest.not_before) return;
    fail("I13", "retry law",
         "source " + std::to_string(e.source.index) + " is pulled before its rest is over");
}

/// Batches that can't have been fanned out: one that a transform has, and all behind it.
void Oracle::check_batches_max(const Pull& e) {
    const std::uint32_t source = e.source.index;
    std::uint32_t stuck = UINT32_MAX;
    for (const BatchTruth& b : stage_.batches) {
        if (b.state != BatchTruth::State::arrived || !b.told || b.source != source) continue;
        const bool waits = b.parent != UINT32_MAX || b.transforming;
        if (waits && !b.fanned_out) stuck = std::min(stuck, b.order);
    }
    std::uint32_t waiting = pulls_open_[source];
    for (const BatchTruth& b : stage_.batches) {
        if (b.state != BatchTruth::State::arrived || !b.told || b.source != source) continue;
        waiting += b.parent == UINT32_MAX && b.order >= stuck && stuck != UINT32_MAX;
    }
    if (waiting <= stage_.draw->config.source[source].batches_max) return;
    fail("I19", "queue bound", "more batches of a source wait than its batches_max");
}

// ---- linger ------------------------------------------------------------------------------------

/// What may wait in a sink's queue: at most all that was read and isn't released.
Oracle::Waiting Oracle::waiting_at(std::uint32_t sink) const {
    Waiting out;
    for (const BatchTruth& b : stage_.batches) {
        if (b.state != BatchTruth::State::arrived || b.from[sink] == b.from[sink + 1]) continue;
        ++out.batches;
        out.bytes += b.sink_bytes[sink];
        out.records += b.from[sink + 1] - b.from[sink];
        bool any_sent = false;
        for (std::uint32_t i = b.from[sink]; i < b.from[sink + 1]; ++i) {
            const Unit& u = stage_.ledger.units[b.units[i]];
            any_sent = any_sent || u.sent;
            out.unsent += !u.sent;
        }
        out.begun += any_sent;
    }
    return out;
}

bool Oracle::lingers(std::uint32_t sink) const {
    const Config& config = stage_.draw->config;
    return config.sink[sink].linger.ns > 0 && (config.sliced_sinks() >> sink & 1) == 0;
}

/// A first attempt: it is as large as it may be, or the oldest of it has waited.
void Oracle::check_lingered(const WriteToSink& e, const Attempt& a) {
    const std::uint32_t s = e.sink.index;
    // What was forgotten of a lost partition may have begun the wait.
    if (!lingers(s) || stopping_ || any_revoked_ || a.items.empty()) return;
    const auto revoking = [](const Partition& p) { return p.known == Known::revoking; };
    if (std::ranges::any_of(partitions_, revoking)) return;
    const SinkConfig& sink = stage_.draw->config.sink[s];
    Instant first = never;
    for (const BatchTruth& b : stage_.batches) {
        if (b.state != BatchTruth::State::arrived || b.from[s] == b.from[s + 1]) continue;
        first = std::min(first, b.arrived);
    }
    if (stage_.now >= first + sink.linger) return;
    const Waiting w = waiting_at(s);
    if (w.begun > 0) return;  // Something stands before it, of which nothing is known.
    if (w.unsent >= sink.write_records_max || w.bytes >= sink.write_bytes_max ||
        w.batches >= sink.queue_batches_max || w.records >= sink.queue_records_max ||
        w.bytes >= sink.queue_bytes_max) {
        return;
    }
    fail("I45", "linger",
         "a write of " + std::to_string(e.records) + " records has not waited for more");
}

/// Nothing of the sink is in flight or failed, and something that was fanned out is not sent.
std::uint32_t Oracle::lull(std::uint32_t sink) const {
    std::uint32_t unsent = 0;
    for (const BatchTruth& b : stage_.batches) {
        if (b.state != BatchTruth::State::arrived || b.from[sink] == b.from[sink + 1]) continue;
        if (b.lost) return 0;
        const bool ours = b.fanned_out && partitions_[b.log].known == Known::assigned;
        for (std::uint32_t i = b.from[sink]; i < b.from[sink + 1]; ++i) {
            const Unit& u = stage_.ledger.units[b.units[i]];
            const Record& r = stage_.ledger.records[u.record];
            if (u.told != Told::idle && u.told != Told::delivered && u.told != Told::parked) {
                return 0;
            }
            if (stage_.ledger.logs[b.log].lead[sink] >= r.next) continue;
            unsent += ours && !u.sent;
        }
    }
    return unsent;
}

void Oracle::check_lingers(const Engine& engine) {
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks && !failed(); ++s) {
        if (!lingers(s) || stage_.ledger.may_drop(s)) continue;
        const SinkConfig& sink = stage_.draw->config.sink[s];
        // A sink that waits for room in its window begins to linger when it has some.
        const bool held = windows_count_ && (any_revoked_ || may_be_held(s));
        const std::uint32_t unsent = open_writes_[s] > 0 || held ? 0 : lull(s);
        if (unsent == 0) {
            lull_since_[s] = never;
            continue;
        }
        lull_since_[s] = std::min(lull_since_[s], stage_.now);
        const Instant due = lull_since_[s] + sink.linger;
        if (stage_.now >= due || stopping_ || unsent >= sink.write_records_max) {
            fail("I45", "linger",
                 "a small write of sink " + std::to_string(s) + " waits for more than its linger");
        } else if (engine.deadline() > due) {
            fail("I45", "linger",
                 "a small write of sink " + std::to_string(s) + " waits, and has no timer");
        }
    }
}

// ---- what a sink may drop ----------------------------------------------------------------------

/// A batch is released: what was not sent of it to a sink that may drop was dropped, or forgotten.
void Oracle::note_dropped(const BatchTruth& b) {
    if (!b.outputs_known) return;
    const Partition& p = partitions_[b.log];
    const bool ours = !b.lost && b.epoch == p.epoch && p.known != Known::lost;
    const bool overdue = p.known == Known::revoking && stage_.now >= p.deadline;
    // In the step in which that begins its end may come first, or the release.
    const bool fenced = !ours || overdue;
    const bool just_now = ours && overdue && !p.overdue;
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        if (!stage_.ledger.may_drop(s)) continue;
        for (std::uint32_t i = b.from[s]; i < b.from[s + 1]; ++i) {
            Unit& u = stage_.ledger.units[b.units[i]];
            const Record& r = stage_.ledger.records[u.record];
            if (b.epoch == stage_.ledger.logs[b.log].epoch && u.sent) continue;
            if (!fenced && stage_.ledger.logs[b.log].lead[s] >= r.next) continue;
            ++(fenced ? perhaps_dropped_ : surely_dropped_)[s];
            u.dropped = u.dropped || !fenced || just_now;
        }
    }
}

/// What stands before something that was sent and wasn't sent itself was passed over.
void Oracle::note_passed_over(std::uint32_t log_index, std::uint32_t sink) {
    if (!stage_.ledger.may_drop(sink)) return;
    const std::vector<std::uint32_t>& lane = lane_[log_index * std::size_t{8} + sink];
    std::size_t last = lane.size();
    while (last > 0 && !stage_.ledger.units[lane[last - 1]].sent) --last;
    for (std::size_t i = 0; i < last; ++i) {
        Unit& u = stage_.ledger.units[lane[i]];
        if (!u.sent) u.dropped = true;
    }
}

void Oracle::check_dropped(const Stats& stats) {
    const bool held = batches_open_ > pulls_open();
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        const std::uint64_t said = stats.sink[stage_.draw->engine_sink(s)].dropped;
        const bool few = said < surely_dropped_[s];
        const bool many = !held && said > surely_dropped_[s] + perhaps_dropped_[s];
        if (!few && !many) continue;
        return fail("I15", "sink isolation",
                    "sink " + std::to_string(s) + " counts " + std::to_string(said) +
                        " outputs dropped; it was not sent " + std::to_string(surely_dropped_[s]));
    }
}

}  // namespace holdfast::sim

// The oracle on the engine's statistics: what people are told is counted here a second time, from
// what went in and out (I42).
//
// Doesn't know: what is queued (I6 adds that up), commit cycles, windows of the gate.
#include <algorithm>
#include <string>
#include <variant>

#include "sim/oracle.hpp"

namespace holdfast::sim {

void Oracle::count_event(const Event& event) {
    ++counted_.steps;
    if (halted_) return;
    if (const auto* failure = std::get_if<SourceFailed>(&event)) {
        const BatchTruth* b = stage_.batch(failure->batch);
        const bool live = b != nullptr && b->state == BatchTruth::State::pulling;
        if (live) ++counted_.source[b->source].failures;
    } else if (const auto* sample = std::get_if<PressureSampled>(&event)) {
        counted_.pressure_hard = sample->permille;
        counted_.pressure_soft = sample->soft_permille;
    }
}

/// A batch that was just pulled, of a partition that is ours.
void Oracle::count(const BatchPulled& e) {
    const Partition* known = partition(e.partition, e.epoch);
    if (known == nullptr) return;
    const Partition& p = *known;
    if (p.known != Known::assigned || p.epoch != e.epoch.value || e.fate == Fate::stop) return;
    if (e.records == 0 && e.first == e.next) return;
    Counted::Source& source = counted_.source[e.source.index];
    ++source.batches;
    source.records += e.records;
    source.bytes += e.bytes;
}

void Oracle::check_stats(const Stats& stats) {
    // In each step: words are made only where something differs.
    struct {
        const char* what = nullptr;
        std::uint64_t said = 0, counted = 0;
    } wrong;
    const auto compare = [&wrong](const char* what, std::uint64_t said, std::uint64_t counted) {
        if (said != counted && wrong.what == nullptr) [[unlikely]]
            wrong = {what, said, counted};
    };
    const Counted& c = counted_;
    const auto at = [this](std::uint32_t s) { return stage_.draw->engine_sink(s); };
    compare("steps", stats.steps, c.steps);
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks; ++s) {
        const auto& sink = stats.sink[at(s)];
        compare("delivered", sink.delivered, c.sink[s].delivered);
        compare("parked", sink.parked, c.sink[s].parked);
        compare("writes", sink.writes, c.sink[s].writes);
        compare("retries", sink.retries, c.sink[s].retries);
        compare("ambiguous", sink.ambiguous, c.sink[s].ambiguous);
    }
    for (std::uint32_t s = 0; s < stage_.draw->config.sources; ++s) {
        compare("batches", stats.source[s].batches, c.source[s].batches);
        compare("records", stats.source[s].records, c.source[s].records);
        compare("bytes", stats.source[s].bytes, c.source[s].bytes);
        compare("failures", stats.source[s].failures, c.source[s].failures);
    }
    if (!halted_) compare("commit failures", stats.commit_failures, c.commit_failures);
    compare("dead letters", stats.dead_letters, c.dead_letters);
    compare("dead-letter retries", stats.dead_letter_retries, c.dead_letter_retries);
    compare("hard pressure", stats.pressure_hard, c.pressure_hard);
    compare("soft pressure", stats.pressure_soft, c.pressure_soft);
    compare("edges to hold", stats.gate_closed, c.gate_closed);
    compare("edges to go on", stats.gate_opened, c.gate_opened);
    if (!halted_) {
        compare("paused", stats.paused ? 1 : 0, paused_ ? 1 : 0);
        counted_.held_peak = std::max(counted_.held_peak, leased_);
        compare("held peak", stats.held_peak, c.held_peak);
    }
    if (wrong.what != nullptr) {
        return fail("I42", "statistics",
                    std::string(wrong.what) + ": " + std::to_string(wrong.said) + " said, " +
                        std::to_string(wrong.counted) + " counted");
    }
    const bool whole = halted_ && !any_revoked_ && halt_reason_ == HaltReason::finished;
    if (whole) check_stats_at_end(stats);
}

/// All that was read is settled, and what came to nothing was filtered.
void Oracle::check_stats_at_end(const Stats& stats) {
    for (std::uint32_t s = 0; s < stage_.draw->config.sources; ++s) {
        if (stats.source[s].settled == stats.source[s].records) continue;
        return fail("I42", "statistics",
                    "finished, and source " + std::to_string(s) + " counts " +
                        std::to_string(stats.source[s].settled) + " records settled of " +
                        std::to_string(stats.source[s].records));
    }
    if (stats.filtered != counted_.filtered) {
        fail("I42", "statistics",
             std::to_string(stats.filtered) + " records said to be filtered, of " +
                 std::to_string(counted_.filtered));
    }
}

}  // namespace holdfast::sim

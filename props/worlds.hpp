// Random worlds for properties: what a seed became, and facts of its truth that these files count
// for themselves, apart from the simulator's oracle.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/world.hpp"

namespace holdfast::props {

/// A world that was run, wholly or until so many events.
class RunWorld {
public:
    explicit RunWorld(std::uint64_t seed, std::uint64_t until = UINT64_MAX)
        : choices_(seed),
          world_(seed, choices_),
          outcome_(world_.run({.until = until})),
          whole_(until == UINT64_MAX) {}

    sim::World& world() { return world_; }
    const sim::Outcome& outcome() const { return outcome_; }
    const sim::Ledger& ledger() { return world_.stage().ledger; }
    /// A run that was cut short can't show that something happens in the end.
    bool sound() const {
        const sim::Failure& f = outcome_.failure;
        return f.invariant == nullptr || (!whole_ && (f.liveness || *f.invariant == 'L'));
    }
    bool finished() {
        return world_.engine().halted() && world_.oracle().halt_reason() == HaltReason::finished;
    }
    std::string complaint() const {
        if (sound()) return "";
        return std::string(outcome_.failure.invariant) + " " + outcome_.failure.detail;
    }

private:
    sim::Seeded choices_;
    sim::World world_;
    sim::Outcome outcome_;
    bool whole_;
};

/// The next seed whose draw the test accepts.
template <class Accept>
std::uint64_t seed_of(std::uint64_t from, Accept accept) {
    for (std::uint64_t seed = from;; ++seed) {
        sim::Seeded choices(seed);
        if (accept(sim::draw_world(seed, choices))) return seed;
    }
}

/// No faults and no time-outs: nothing explains a record twice, as long as nothing halts.
inline bool quiet(const sim::Draw& draw) {
    if (draw.mode != sim::Mode::sunny) return false;
    for (std::uint32_t s = 0; s < draw.config.sinks; ++s) {
        if (draw.config.sink[s].attempt_timeout.ns != 0) return false;
    }
    return true;
}

/// How often each unit stands in its sink, counted anew; `durable`: in what survives a power loss.
inline std::vector<std::uint32_t> times_held(const sim::Ledger& ledger, bool durable) {
    std::vector<std::uint32_t> out(ledger.units.size(), 0);
    for (std::size_t s = 0; s < ledger.sinks.size(); ++s) {
        const sim::SinkTruth& sink = ledger.sinks[s];
        const bool synced_only = durable && ledger.draw->config.sink[s].needs_sync;
        const std::size_t end = synced_only ? sink.synced : sink.contents.size();
        for (std::size_t i = 0; i < end; ++i) ++out[sink.contents[i]];
    }
    return out;
}

/// The first record of the log below `position` that somebody is still owed, or nothing.
inline std::optional<std::uint32_t> owed_below(const sim::Ledger& ledger, const sim::Log& log,
                                               std::int64_t position, bool durable) {
    const std::vector<std::uint32_t> held = times_held(ledger, durable);
    for (std::uint32_t r = log.first; r < log.end; ++r) {
        const sim::Record& record = ledger.records[r];
        if (record.next > position) break;
        if (record.parked > 0 || record.elsewhere) continue;
        if (record.kind == sim::RecordKind::filtered) continue;
        if (record.kind != sim::RecordKind::plain) return r;
        const auto routed = static_cast<std::uint32_t>(__builtin_popcountll(record.route));
        for (std::uint32_t i = 0; i < routed * record.copies; ++i) {
            const sim::Unit& unit = ledger.units[record.unit_first + i];
            const bool may_drop =
                ledger.draw->config.sink[unit.sink].when_full == WhenFull::drop_newest;
            if (held[record.unit_first + i] == 0 && unit.parked == 0 && !may_drop) return r;
        }
    }
    return std::nullopt;
}

}  // namespace holdfast::props

#include "sim/liveness.hpp"

#include <algorithm>

#include "sim/world.hpp"

namespace holdfast::sim {
namespace {

std::int64_t longest(const RetryConfig& retry) { return retry.backoff_max.ns * 2; }

/// How long a world may stand still before that is a stall: longer than any one wait in it.
Duration patience(const Draw& draw) {
    const Config& c = draw.config;
    std::int64_t most = longest(c.dead_letters.retry) + longest(c.commit.retry) +
                        c.commit.interval.ns + c.commit.attempt_timeout.ns +
                        c.dead_letters.attempt_timeout.ns;
    for (std::uint32_t s = 0; s < c.sources; ++s) most += longest(c.source[s].retry);
    for (std::uint32_t s = 0; s < c.sinks; ++s) {
        most += longest(c.sink[s].retry) + c.sink[s].linger.ns + c.sink[s].attempt_timeout.ns;
    }
    return Duration{4 * most + seconds(30).ns};
}

bool converged(World& world) {
    const Ledger& ledger = world.stage().ledger;
    for (const Log& log : ledger.logs) {
        if (!log.assigned || log.durable < ledger.end_of(log)) return false;
    }
    return true;
}

/// Whether something to be parked is left, which needs the dead letters.
bool needs_dead_letters(const Stage& stage) {
    const Ledger& ledger = stage.ledger;
    for (const Record& r : ledger.records) {
        if (r.told == Told::refused || r.told == Told::in_flight) return true;
        // Also what another engine has settled, if this one must read it again.
        const bool again = r.next > ledger.logs[r.log].durable;
        if ((ledger.durable(r) && !again) || r.readings == 0) continue;
        if (r.kind != RecordKind::plain && r.kind != RecordKind::filtered) return true;
    }
    for (const Unit& u : ledger.units) {
        const bool owed = u.told == Told::waiting || u.told == Told::refused;
        if (ledger.durable(u) && !owed) continue;
        const bool gives_up = stage.draw->config.sink[u.sink].retry.attempts_max > 0;
        if (u.poison || (gives_up && u.failures > 0)) return true;
    }
    return false;
}

/// Everything read is where it can be: only dead sinks owe anything.
bool owed_only_by(const Stage& stage, std::uint32_t dead, std::string& why) {
    const Ledger& ledger = stage.ledger;
    for (std::uint32_t i = 0; i < ledger.units.size(); ++i) {
        const Unit& u = ledger.units[i];
        const Record& r = ledger.records[u.record];
        const Log& log = ledger.logs[r.log];
        if (ledger.settled(u) || r.parked > 0 || r.elsewhere || (dead >> u.sink & 1) != 0) continue;
        if (!log.assigned || r.next > log.highest) continue;
        // Its batch waits for room at a dead sink.
        bool waits = false;
        for (std::uint32_t s = 0; s < 8; ++s) {
            waits = waits || ((dead >> s & 1) != 0 &&
                              (stage.draw->config.source[log.source].route >> s & 1) != 0 &&
                              stage.draw->config.sink[s].when_full == WhenFull::block);
        }
        if (waits && !u.sent) continue;
        why = "record " + std::to_string(u.record) + " was read, and sink " +
              std::to_string(u.sink) + " works but doesn't have it";
        return false;
    }
    return true;
}

/// Reading has stopped because something is full of what a dead sink holds.
bool reading_is_blocked(World& world, std::uint32_t source, std::uint32_t dead) {
    const Config& c = world.stage().draw->config;
    std::uint64_t queues = 0;
    for (std::uint32_t s = 0; s < c.sinks; ++s) {
        if ((dead >> s & 1) == 0) continue;
        queues += c.sink[s].queue_batches_max;
        const bool routed = (c.source[source].route >> s & 1) != 0;
        if (routed && c.sink[s].when_full == WhenFull::block) return true;
    }
    std::uint64_t waiting = 2;
    for (std::uint32_t s = 0; s < c.sources; ++s) waiting += c.source[s].batches_max;
    return world.oracle().leased() + c.source[source].pull_bytes_max > c.memory_limit ||
           c.batches_max <= 2 * queues + waiting;
}

bool halt_is_right(World& world) {
    const Draw& draw = *world.stage().draw;
    switch (world.oracle().halt_reason()) {
        case HaltReason::dead_letters_absent:
            return !draw.config.dead_letters.present && needs_dead_letters(world.stage());
        case HaltReason::dead_letters_failed:
            return (draw.dead & dead_dead_letters) != 0;
        case HaltReason::checkpoint_failed:
            return (draw.dead & dead_checkpoint) != 0;
        case HaltReason::commit_failed:
            return (draw.dead & dead_commits) != 0;
        case HaltReason::oversized_record:
            return std::ranges::any_of(world.stage().ledger.records,
                                       [](const Record& r) { return r.kind == RecordKind::stop; });
        default:
            return draw.latency_tail && draw.config.commit.attempt_timeout.ns > 0;
    }
}

void end_run(World& world, bool stalled) {
    if (world.oracle().halted()) return;
    const Instant deadline = world.now() + seconds(60);
    world.stop(StopMode::drain, deadline);
    while (!world.done() && !world.oracle().halted() && world.now() <= deadline) {
        if (!world.advance()) break;
    }
    if (world.oracle().failed()) return;
    if (!world.oracle().halted()) {
        world.oracle().fail("L7", "stop terminates", "no Halt by the drain's deadline", UINT32_MAX,
                            true);
    } else if (!stalled && world.stage().draw->dead == 0 &&
               world.oracle().halt_reason() == HaltReason::drain_deadline) {
        world.oracle().fail("L7", "stop terminates",
                            "everything is settled, and yet the drain ran into its deadline",
                            UINT32_MAX, true);
    }
}

}  // namespace

bool stall_is_right(World& world, std::string& why) {
    const Stage& stage = world.stage();
    const Draw& draw = *stage.draw;
    if (world.oracle().halted()) {
        why = std::string("halted: ") + name_of(world.oracle().halt_reason());
        return halt_is_right(world);
    }
    if (draw.dead == 0) {
        why = "nothing is broken any more";
        return false;
    }
    if ((draw.dead & dead_dead_letters) != 0 && needs_dead_letters(stage)) return true;
    const std::uint32_t dead = draw.dead & 0xff;
    if (!owed_only_by(stage, dead, why)) return false;
    bool unread = false;
    for (const Log& log : stage.ledger.logs) {
        if (!log.assigned) {
            why = "a partition isn't assigned any more";
            // A revocation waits for its last commit, or for a dead sink's part of the drain.
            return true;
        }
        if (log.highest >= stage.ledger.end_of(log)) continue;
        unread = true;
        if (reading_is_blocked(world, log.source, dead)) continue;
        why = "records are not read although no dead sink is in their way";
        return false;
    }
    if (unread || (draw.dead & (dead_checkpoint | dead_commits)) != 0) return true;
    for (const Unit& u : stage.ledger.units) {
        const bool owed = u.told != Told::delivered && u.told != Told::parked;
        if ((dead >> u.sink & 1) != 0 && (owed || !stage.ledger.durable(u))) return true;
    }
    why = "all is delivered, but not committed";
    return false;
}

void converge(World& world) {
    const Duration wait = patience(*world.stage().draw);
    std::uint64_t progress = world.stage().ledger.progress;
    Instant moved = world.now();
    std::uint64_t events = world.events();
    bool stalled = false;
    while (!world.done() && !converged(world)) {
        if (!world.advance()) {
            stalled = true;
            break;
        }
        if (world.stage().ledger.progress != progress) {
            progress = world.stage().ledger.progress;
            moved = world.now();
            events = world.events();
        }
        const std::uint64_t idle = world.events() - events;
        if (idle > 5000 && world.now() - moved < milliseconds(20)) {
            world.oracle().fail("L3", "no livelock",
                                std::to_string(idle) + " events and nothing has moved", UINT32_MAX,
                                true);
            return;
        }
        if (world.now() - moved > wait || idle > 20'000) {
            stalled = true;
            break;
        }
    }
    if (world.done()) return;
    stalled = stalled || !converged(world);
    std::string why;
    if (stalled && !stall_is_right(world, why)) {
        world.oracle().fail("L1", "what can be settled is settled", why, UINT32_MAX, true);
        return;
    }
    end_run(world, stalled);
}

}  // namespace holdfast::sim

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
                        c.dead_letters.attempt_timeout.ns + 2 * c.max_hold.ns;
    for (std::uint32_t s = 0; s < c.sources; ++s) most += longest(c.source[s].retry);
    for (std::uint32_t s = 0; s < c.sinks; ++s) {
        most += longest(c.sink[s].retry) + c.sink[s].linger.ns + c.sink[s].attempt_timeout.ns;
    }
    return Duration{4 * most + seconds(30).ns};
}

bool converged(World& world) {
    Ledger& ledger = world.stage().ledger;
    ledger.commit_by_sinks();
    for (const Log& log : ledger.logs) {
        if ((!log.assigned && !log.closed) || log.durable < ledger.end_of(log)) return false;
    }
    return true;
}

void end_run(World& world, bool stalled) {
    if (world.oracle().halted()) return;
    const Instant deadline = world.now() + seconds(60);
    world.stop(StopMode::drain, deadline);
    while (!world.done() && !world.oracle().halted() && world.now() <= deadline) {
        if (!world.advance()) break;
    }
    if (world.oracle().failed() || world.cut()) return;
    if (!world.oracle().halted()) {
        world.oracle().fail("L7", "stop terminates", "no Halt by the drain's deadline", UINT32_MAX,
                            true);
    } else if (!stalled && world.stage().draw->dead == 0 &&
               world.oracle().stop_deadline() == deadline &&  // Not of an earlier Stop.
               world.oracle().halt_reason() == HaltReason::drain_deadline) {
        world.oracle().fail("L7", "stop terminates",
                            "everything is settled, and yet the drain ran into its deadline",
                            UINT32_MAX, true);
    }
}

}  // namespace

void converge(World& world) {
    const Duration wait = patience(*world.stage().draw);
    std::uint64_t progress = world.stage().ledger.progress;
    Instant moved = world.now();
    std::uint64_t events = world.events();
    bool stalled = false;
    std::uint32_t life = world.stage().incarnation;
    while (!world.done() && !converged(world)) {
        if (!world.advance()) {
            stalled = true;
            break;
        }
        // Between two lives any time may pass; a new one has its own patience.
        const bool reborn = world.stage().incarnation != life;
        life = world.stage().incarnation;
        if (reborn || world.stage().ledger.progress != progress) {
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

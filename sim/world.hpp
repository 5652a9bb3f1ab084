// The simulated world: one seed from its first event to its verdict.
//
// Rule 1: time is virtual and jumps to the next occurrence; nothing here reads a clock.
// Rule 2: a crash may fall between any two steps, and between any two effects of one step. What
//         follows is a new engine that knows only what was durable.
// Rule 3: phase 1 has faults. In phase 2 a drawn core of components works, what isn't in it is dead
//         for good, and everything that can be settled must be (liveness.hpp).
// Rule 4: the world ends at the first breach.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/engine/engine.hpp"
#include "sim/fake_sink.hpp"
#include "sim/fake_source.hpp"
#include "sim/fake_stores.hpp"
#include "sim/oracle.hpp"
#include "sim/probes.hpp"
#include "sim/stage.hpp"
#include "sim/trace.hpp"

namespace holdfast::sim {

struct Outcome {
    Failure failure;
    TraceHash hash;
    std::uint64_t events = 0;
    Instant ended;
    std::uint32_t incarnations = 0;
    Draw draw;
};

struct RunOptions {
    bool with_text = false;
    std::uint64_t until = UINT64_MAX;  ///< Stop after so many events.
    std::uint16_t lies = 0;  ///< Of a thousand units, so many are said to be delivered and aren't.
};

class World {
public:
    World(std::uint64_t seed, Choices& choices, Probes* probes = nullptr);

    Outcome run(const RunOptions& options = {});

    // For liveness and the report.
    Stage& stage() { return stage_; }
    Oracle& oracle() { return oracle_; }
    const Trace& trace() const { return trace_; }
    const Engine& engine() const { return *engine_; }
    const FakeSource& sources() const { return sources_; }
    bool done() const { return over_ || oracle_.failed(); }
    /// Ended by RunOptions::until, in the middle of whatever went on: no judge of ends has a say.
    bool cut() const { return events_ >= until_; }
    std::uint64_t events() const { return events_; }
    Instant now() const { return stage_.now; }

    /// One occurrence or Tick, with all that follows from it. False: nothing will ever happen.
    bool advance();
    /// Faults end; what isn't in the core dies.
    void heal();
    void stop(StopMode mode, Instant deadline);
    /// The engine has halted: false if it was started again.
    bool ended_by_halt();

private:
    void start();
    void restart_after(bool crashed);
    void step(const Event& event);
    void carry_out(const Effects& effects);
    void carry_out(const Effect& effect);
    bool crash_here(Fault kind, std::uint64_t n);
    void crash();
    void drain_out();
    void happen(const Occurrence& what);
    void arrange_phase1();
    void checkpoint_durable();
    void stale_event(std::uint64_t which);  ///< world_stale.cpp.
    void tick();
    void after_halt();

    Draw draw_;
    Config engine_config_;
    Stage stage_;
    FakeSinks sinks_;
    FakeSource sources_;
    FakeDeadLetters dead_letters_;
    FakeCheckpoint checkpoint_;
    Oracle oracle_;
    Trace trace_;
    Probes* probes_;
    struct Free {
        void operator()(std::byte* p) const;
    };
    std::unique_ptr<std::byte, Free> arena_;
    std::size_t arena_bytes_ = 0;
    std::vector<Effect> effect_memory_;
    std::vector<Part> part_memory_;
    std::optional<Effects> effects_;
    std::optional<Engine> engine_;
    std::vector<Event> pending_;
    std::uint64_t events_ = 0;
    std::uint64_t until_ = UINT64_MAX;
    std::uint64_t steps_ = 0;
    std::uint32_t crashes_ = 0;
    std::uint32_t halts_ = 0;
    bool crashed_ = false;
    bool last_stop_ = false;
    bool over_ = false;
};

/// The world of a seed, run once.
Outcome run_seed(std::uint64_t seed, const RunOptions& options = {}, Probes* probes = nullptr);

}  // namespace holdfast::sim

#include "sim/world.hpp"

#include <algorithm>
#include <new>

#include "sim/liveness.hpp"
#include "sim/spread.hpp"

namespace holdfast::sim {

void World::Free::operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{64}); }

World::World(std::uint64_t seed, Choices& choices, Probes* probes)
    : draw_(draw_world(seed, choices)),
      stage_(draw_, choices),
      sinks_(stage_),
      sources_(stage_, checkpoint_),
      dead_letters_(stage_),
      checkpoint_(stage_),
      oracle_(stage_),
      probes_(probes) {
    stage_.ledger.begin(draw_, choices);
    sources_.begin();
    checkpoint_.begin();
    oracle_.begin();
    engine_config_ = engine_config(draw_);
    arena_bytes_ = Engine::bytes_needed(engine_config_);
    arena_.reset(static_cast<std::byte*>(::operator new(arena_bytes_, std::align_val_t{64})));
    // Twice what is promised: the broken engines must be caught by the oracle, not by a trap.
    effect_memory_.resize(Engine::effects_max(engine_config_) * 2 + 64);
    part_memory_.resize(Engine::parts_max(engine_config_) * 2 + 64);
    effects_.emplace(effect_memory_, part_memory_);
}

// ---- the process --------------------------------------------------------------------------------

/// A process begins: after a crash by the same code as at the first time.
void World::start() {
    engine_.emplace(engine_config_, std::span<std::byte>(arena_.get(), arena_bytes_));
    oracle_.restart(draw_.config);
    sources_.start();
    if (stage_.healed && draw_.pressure_stays) stage_.out.push_back(PressureSampled{1000, 0});
    arrange_phase1();
    drain_out();
}

void World::arrange_phase1() {
    const std::uint64_t life = stage_.incarnation;
    if (stage_.healed) return;
    for (const Fault stop : {Fault::stop_drain, Fault::stop_now}) {
        if (!stage_.fault(stop, 0, life)) continue;
        const auto when = stage_.choices->choose(Site::world_stop, life, 0, 2000);
        stage_.later(milliseconds(static_cast<std::int64_t>(when)),
                     {.due = Due::stop, .a = stop == Fault::stop_now});
    }
}

bool World::crash_here(Fault kind, std::uint64_t n) {
    if (crashes_ >= draw_.crashes_max || stage_.healed) return false;
    return stage_.fault(kind, 0, n);
}

void World::crash() {
    ++crashes_;
    restart_after(true);
}

/// The process is gone. Time passes, and it is started again from what was durable.
void World::restart_after(bool crashed) {
    trace_.note(stage_.now, crashed ? "crash" : "the process is restarted");
    Stage& st = stage_;
    const std::uint64_t life = static_cast<std::uint64_t>(st.incarnation) << 32;
    pending_.clear();
    st.out.clear();
    // What is on its way to a sink or a store lands now, or never, or later.
    std::vector<Occurrence> landing;
    st.agenda.keep_if([&](const Occurrence& o) {
        if (o.survives) return true;
        if (o.due == Due::sink_apply) {
            const std::uint64_t how =
                st.choices->choose(Site::world_survive, 100, life | o.sequence, 3);
            if (how == 0) landing.push_back(o);
            return how == 2;
        }
        if ((o.due == Due::store_answer || o.due == Due::commit_answer) &&
            st.choices->choose(Site::world_survive, 101, life | o.sequence, 2) == 0) {
            landing.push_back(o);
        }
        return false;
    });
    std::ranges::sort(landing, {}, &Occurrence::sequence);
    for (const Occurrence& o : landing) {
        happen(o);
        st.out.clear();
    }
    for (Attempt& a : st.attempts) {
        if (a.state == Attempt::State::open) a.state = Attempt::State::given_up;
        a.pending = 0;
    }
    st.agenda.keep_if([&](const Occurrence& o) {
        if (o.due == Due::sink_apply) ++st.attempts[o.a].pending;
        return true;
    });
    st.free_attempts.clear();
    for (std::uint32_t i = 0; i < st.attempts.size(); ++i) {
        if (st.attempts[i].pending > 0) continue;
        st.attempts[i].state = Attempt::State::free;
        st.free_attempts.push_back(i);
    }
    sinks_.crash();
    if (checkpoint_.crash()) checkpoint_durable();
    for (std::uint32_t s = 0; s < draw_.config.sinks; ++s) {
        const auto mark = static_cast<std::uint32_t>(checkpoint_.durable().mark[s]);
        oracle_.recovered(s, sinks_.recover(s, mark));
    }
    st.ledger.commit_by_sinks();
    st.ledger.forget_told();
    for (BatchTruth& b : st.batches) {
        b.state = BatchTruth::State::none;
        b.generation = 0;
    }
    sources_.restart();
    ++st.incarnation;
    ++st.ledger.progress;
    st.questions = 0;
    st.now = st.now + microseconds(1 + static_cast<std::int64_t>(st.choices->choose(
                                           Site::world_crash, 1, st.incarnation, 100'000)));
    crashed_ = false;
    if (!oracle_.failed()) start();
}

/// The durable checkpoint is another one now: positions, leads and marks move together.
void World::checkpoint_durable() {
    const CheckpointTruth& known = checkpoint_.durable();
    Ledger& ledger = stage_.ledger;
    for (std::uint32_t s = 0; s < ledger.sinks.size(); ++s) {
        ledger.sinks[s].mark = static_cast<std::uint32_t>(known.mark[s]);
    }
    for (std::uint32_t i = 0; i < ledger.logs.size() && !oracle_.failed(); ++i) {
        Log& log = ledger.logs[i];
        if (draw_.config.source[log.source].commit != CommitMode::checkpoint) continue;
        const std::int64_t before = log.durable;
        log.durable = known.position[i];
        if (log.durable != before) oracle_.moved(i, before);
        for (std::uint32_t s = 0; s < ledger.sinks.size(); ++s) {
            const std::int64_t lead = known.lead[i * std::size_t{8} + s];
            if (lead > log.durable) oracle_.lead_durable(i, s, lead);
        }
    }
}

// ---- one step -----------------------------------------------------------------------------------

void World::step(const Event& event) {
    if (done() || crashed_) return;
    ++events_;
    trace_.event(stage_.now, event);
    effects_->clear();
    if (draw_.spread == 1) {
        engine_->step(stage_.now, event, *effects_);
    } else {
        engine_->step(stage_.now, spread(event, draw_.spread), *effects_);
        compact(std::span(effect_memory_).first(effects_->items().size()),
                std::span(part_memory_).first(effects_->parts().size()), draw_.spread);
    }
    for (const Effect& effect : effects_->items()) trace_.effect(effect, *effects_);
    if ((++steps_ & 63) == 0) trace_.state(engine_->hash());
    oracle_.step(event, *effects_, *engine_);
    if (probes_ != nullptr) probes_->step(event, *effects_, oracle_);
    if (oracle_.failed()) return;
    carry_out(*effects_);
    if (crashed_ || oracle_.failed()) return;
    const Fault kind = oracle_.write_or_commit_open() ? Fault::crash_hot : Fault::crash;
    if (crash_here(Fault::crash, events_) || crash_here(kind, events_ | 1ull << 32))
        crashed_ = true;
    if (events_ >= until_) over_ = true;
}

void World::carry_out(const Effects& effects) {
    const auto items = effects.items();
    const bool turned = items.size() > 1 && stage_.fault(Fault::shuffle, 0, events_);
    const auto staging = [](const Effect& e) {
        return std::holds_alternative<StageSink>(e) || std::holds_alternative<StagePosition>(e) ||
               std::holds_alternative<StageLead>(e);
    };
    // Staging is bookkeeping of the process; what leaves it may leave in any order.
    for (const Effect& effect : items) {
        if (turned && staging(effect)) carry_out(effect);
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
        const Effect& effect = items[turned ? items.size() - 1 - i : i];
        if (turned && staging(effect)) continue;
        if (crash_here(Fault::crash_between, events_ << 6 | (i & 63))) {
            crashed_ = true;
            return;
        }
        carry_out(effect);
    }
}

void World::carry_out(const Effect& effect) {
    if (const auto* pull = std::get_if<Pull>(&effect)) {
        sources_.pull(*pull);
    } else if (const auto* transform = std::get_if<Transform>(&effect)) {
        sources_.transform(*transform);
    } else if (const auto* write = std::get_if<WriteToSink>(&effect)) {
        const std::uint32_t attempt = oracle_.attempt_of(write->delivery);
        if (attempt != UINT32_MAX) sinks_.write(*write, attempt);
    } else if (const auto* cancel = std::get_if<CancelWrite>(&effect)) {
        for (std::uint32_t i = 0; i < stage_.attempts.size(); ++i) {
            const Attempt& a = stage_.attempts[i];
            if (a.state == Attempt::State::open && a.sink == cancel->sink.index &&
                a.delivery == cancel->delivery && a.number == cancel->attempt &&
                a.incarnation == stage_.incarnation) {
                sinks_.cancel(i);
            }
        }
    } else if (const auto* sync = std::get_if<SyncSink>(&effect)) {
        sinks_.sync(*sync);
    } else if (const auto* dead = std::get_if<WriteDeadLetters>(&effect)) {
        const std::uint32_t attempt = oracle_.attempt_of(dead->delivery, true);
        if (attempt != UINT32_MAX) dead_letters_.write(attempt);
    } else if (const auto* mark = std::get_if<StageSink>(&effect)) {
        checkpoint_.stage(*mark);
    } else if (const auto* position = std::get_if<StagePosition>(&effect)) {
        checkpoint_.stage(*position);
    } else if (const auto* lead = std::get_if<StageLead>(&effect)) {
        checkpoint_.stage(*lead);
    } else if (const auto* checkpoint = std::get_if<WriteCheckpoint>(&effect)) {
        oracle_.writing(checkpoint_.staged());
        checkpoint_.write(*checkpoint);
    } else if (const auto* persist = std::get_if<SyncCheckpoint>(&effect)) {
        checkpoint_.sync(*persist);
    } else if (const auto* commit = std::get_if<CommitPosition>(&effect)) {
        sources_.commit(*commit);
    } else if (const auto* done = std::get_if<RevokeDone>(&effect)) {
        sources_.revoke_done(*done);
    }
}

/// Steps the engine with all that the world has to say.
void World::drain_out() {
    while (!stage_.out.empty() && !done() && !crashed_) {
        pending_.swap(stage_.out);
        stage_.out.clear();
        for (std::size_t i = 0; i < pending_.size() && !done() && !crashed_; ++i) {
            step(Event(pending_[i]));
        }
        pending_.clear();
    }
    if (crashed_ && !done()) crash();
}

// ---- time ---------------------------------------------------------------------------------------

void World::tick() {
    Instant at = std::max(stage_.now, engine_->deadline());
    if (stage_.fault(Fault::late_tick, 0, events_)) {
        at = at + milliseconds(1 + static_cast<std::int64_t>(stage_.detail(500, events_, 40)));
    }
    stage_.now = at;
    step(Tick{});
    if (crashed_ && !done()) {
        crash();
    } else {
        drain_out();
    }
}

bool World::advance() {
    if (done()) return false;
    if (oracle_.halted() && ended_by_halt()) return false;
    const Instant due = engine_->deadline();
    if (stage_.agenda.empty() && due == never) return false;
    const bool tie = !stage_.agenda.empty() && due == stage_.agenda.top().at;
    const bool first = tie && stage_.choices->choose(Site::world_tie, 0, events_, 2) == 1;
    if (stage_.agenda.empty() || due < stage_.agenda.top().at || first) {
        tick();
        return true;
    }
    const Occurrence what = stage_.agenda.pop();
    stage_.now = std::max(stage_.now, what.at);
    if (stage_.fault(Fault::jump, 0, events_)) {
        stage_.now = stage_.now +
                     milliseconds(static_cast<std::int64_t>(stage_.detail(501, events_, 20'000)));
    }
    happen(what);
    drain_out();
    if (!done() && stage_.fault(Fault::stale, 0, events_)) {
        stale_event(stage_.detail(502, events_, 13));
    }
    if (!done() && stage_.fault(Fault::pressure, 0, events_)) {
        const auto permille = stage_.choices->choose(Site::world_pressure, 0, events_, 1000);
        const auto soft = stage_.choices->choose(Site::world_pressure, 1, events_, 2) == 0
                              ? 0
                              : stage_.choices->choose(Site::world_pressure, 2, events_, 1000);
        stage_.out.push_back(PressureSampled{static_cast<std::uint32_t>(permille),
                                             static_cast<std::uint32_t>(soft)});
        drain_out();
    }
    return true;
}

/// Devices still answer for a while: the engine must not do anything any more.
void World::after_halt() {
    step(Tick{});
    step(PressureSampled{0, 0});
    for (std::uint16_t s = 0; s < draw_.config.sources; ++s) step(SourceReady{SourceId{s}});
    for (int i = 0; i < 12 && !stage_.agenda.empty() && !done() && !crashed_; ++i) {
        const Occurrence what = stage_.agenda.pop();
        stage_.now = std::max(stage_.now, what.at);
        happen(what);
        pending_.swap(stage_.out);
        stage_.out.clear();
        for (const Event& event : pending_) step(Event(event));
        pending_.clear();
    }
    crashed_ = false;
}

/// A process that ended is started again, unless all is done.
bool World::ended_by_halt() {
    after_halt();
    if (done()) return true;
    if (oracle_.halt_reason() == HaltReason::finished) {
        over_ = true;
        return true;
    }
    // What phase 1 has broken or stopped is started again; what halts then, halts for a reason.
    if (stage_.healed && (last_stop_ || ++halts_ > 3)) return true;
    restart_after(false);
    return false;
}

void World::happen(const Occurrence& what) {
    switch (what.due) {
        case Due::ready:
            stage_.out.push_back(SourceReady{SourceId{static_cast<std::uint16_t>(what.a)}});
            break;
        case Due::pull_answer: sources_.pull_due(what); break;
        case Due::transform_answer: sources_.transform_due(what); break;
        case Due::sink_apply:
        case Due::sink_answer: {
            const std::uint32_t sink = stage_.attempts[what.a].sink;
            const std::size_t before = stage_.ledger.sinks[sink].contents.size();
            what.due == Due::sink_apply ? sinks_.apply_due(what) : sinks_.answer_due(what);
            const auto& contents = stage_.ledger.sinks[sink].contents;
            for (std::size_t i = before; i < contents.size(); ++i) oracle_.applied(contents[i]);
            break;
        }
        case Due::sync_answer: sinks_.sync_due(what); break;
        case Due::store_answer: dead_letters_.answer_due(what); break;
        case Due::commit_answer: {
            const std::int64_t before = stage_.ledger.logs[what.a].durable;
            if (sources_.commit_due(what)) oracle_.moved(what.a, before);
            break;
        }
        case Due::written: checkpoint_.written_due(what); break;
        case Due::synced:
            if (checkpoint_.synced_due(what)) checkpoint_durable();
            break;
        case Due::append: sources_.append_due(what); break;
        case Due::assign: sources_.assign_due(what); break;
        case Due::revoke: sources_.revoke_due(what); break;
        case Due::revoke_heard: sources_.revoke_heard_due(what); break;
        case Due::revoke_deadline: sources_.revoke_deadline_due(what); break;
        case Due::close: sources_.close_due(what); break;
        case Due::pressure: stage_.out.push_back(PressureSampled{what.a, 0}); break;
        case Due::stop: {
            const std::uint64_t life = stage_.incarnation;
            const auto patience = stage_.choices->choose(Site::world_stop, life, 1 + what.b, 4000);
            stage_.out.push_back(
                Stop{what.a != 0 ? StopMode::now : StopMode::drain,
                     stage_.now + milliseconds(1 + static_cast<std::int64_t>(patience))});
            // Who is impatient stops it twice.
            if (what.a == 0 && what.b == 0 && stage_.detail(503, life, 2) == 1) {
                stage_.later(milliseconds(static_cast<std::int64_t>(patience / 2)),
                             {.due = Due::stop, .a = 0, .b = 1});
            }
            break;
        }
        case Due::stale: break;
    }
}

// ---- phases -------------------------------------------------------------------------------------

void World::heal() {
    stage_.healed = true;
    trace_.note(stage_.now, "phase 2: faults end");
    stage_.agenda.keep_if([](const Occurrence& o) { return o.due != Due::stop; });
    halts_ = 0;
    if (oracle_.halted() && ended_by_halt()) return;
    // Pressure stays, or falls sooner or later; then reading goes on (L4).
    const bool high = draw_.pressure_stays || draw_.permille_of(Fault::pressure) > 0;
    stage_.out.push_back(PressureSampled{high ? 1000u : 0u, 0});
    if (high && !draw_.pressure_stays) {
        const auto after = stage_.choices->choose(Site::world_pressure, 1, 0, 100'000);
        stage_.later(microseconds(1 + static_cast<std::int64_t>(after)), {.due = Due::pressure});
    }
    sources_.append_all();
    drain_out();
}

void World::stop(StopMode mode, Instant deadline) {
    last_stop_ = true;
    stage_.out.push_back(Stop{mode, deadline});
    drain_out();
}

Outcome World::run(const RunOptions& options) {
    trace_.begin(options.with_text);
    until_ = options.until;
    draw_.permille[static_cast<std::size_t>(Fault::sink_lies)] = options.lies;
    start();
    while (events_ < draw_.events_phase1 && advance()) {
    }
    if (!done()) heal();
    if (!done()) converge(*this);
    if (!oracle_.failed() && oracle_.halted() && !over_) after_halt();
    return {oracle_.failure(), trace_.hash(), events_, stage_.now, stage_.incarnation + 1, draw_};
}

Outcome run_seed(std::uint64_t seed, const RunOptions& options, Probes* probes) {
    Seeded choices(seed);
    World world(seed, choices, probes);
    return world.run(options);
}

}  // namespace holdfast::sim

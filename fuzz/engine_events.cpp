// The engine against any events: a small config and a stream of true answers, wrong ones, ones that
// come twice, and events that cannot be, all drawn from the bytes.
//
// Property 1: step() takes every event in every state, within its bounds of effects and parts; the
//             audit holds after each (I6, and: a wait has a wake).
// Property 2: no effect contradicts an earlier one (tests/core/judge.hpp).
// Property 3: an engine restored from the bytes of another goes on as that one does.
// Property 4: no busy loop: Ticks at the deadline, with nothing in between, come to an end.
// Property 5: no silent stall: where something is owed and every effect is answered, a Tick is due.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/engine/owned.hpp"
#include "tests/core/judge.hpp"
#include "tests/core/random_events.hpp"

namespace {

using namespace holdfast;

constexpr int steps_max = 2000;
constexpr int ticks_max = 1000;

/// Text of all that happened, for a person who replays an input: HF_FUZZ_TEXT=1.
bool talks() {
    static const bool on = std::getenv("HF_FUZZ_TEXT") != nullptr;
    return on;
}

std::string text_of(const Effects& effects) {
    std::string out;
    for (const Effect& e : effects.items()) out += scenario::text_of(e, effects) + "\n";
    return out;
}

bool owes(const Engine& engine) {
    for (std::uint32_t s = 0; s < engine.config().sinks; ++s) {
        if (engine.stats().sink[s].owed > 0) return true;
    }
    return false;
}

class Run {
public:
    Run(const Config& config, const Numbers& numbers, bool sane)
        : one_(config), two_(config), events_(numbers, config, sane) {}

    void go() {
        for (int i = 0; i < steps_max && !events_.used_up() && !engine().halted(); ++i) {
            const Event event = events_.next(engine().deadline());
            step(events_.now(), event);
        }
        // The world falls silent: what is left is the engine's own timers.
        Instant now = events_.now();
        for (int ticks = 0; ticks < ticks_max && engine().deadline() != never; ++ticks) {
            if (engine().deadline() > now) now = engine().deadline();
            step(now, Tick{});
            if (!one_.effects().empty()) break;
            HF_ASSERT(engine().deadline() > now);
        }
        if (engine().halted() || engine().deadline() != never || events_.unanswered() > 0) return;
        HF_ASSERT(!owes(engine()));
    }

private:
    Engine& engine() { return one_.engine(); }

    void step(Instant now, const Event& event) {
        if (talks())
            std::fprintf(stderr, "%lld event %zu\n", static_cast<long long>(now.ns), event.index());
        two_.engine().restore(engine().snapshot());
        HF_ASSERT(two_.engine().hash() == engine().hash());
        const Effects& effects = one_.step(now, event);
        if (talks()) std::fprintf(stderr, "%s", text_of(effects).c_str());
        events_.saw(effects);
        const std::string wrong = judge_.see(effects);
        if (!wrong.empty()) std::fprintf(stderr, "%s\n", wrong.c_str());
        HF_ASSERT(wrong.empty());
        HF_ASSERT(engine().audit());
        const Effects& again = two_.step(now, event);
        HF_ASSERT(again.items().size() == effects.items().size());
        HF_ASSERT(two_.engine().hash() == engine().hash());
        HF_ASSERT(two_.engine().deadline() == engine().deadline());
        if (!effects.empty()) HF_ASSERT(text_of(again) == text_of(effects));
    }

    OwnedEngine one_;
    OwnedEngine two_;
    RandomEvents events_;
    Judge judge_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // The config's bytes stand apart, so that a change of one does not move all events.
    constexpr std::size_t config_bytes = 160;
    const std::span<const std::uint8_t> all(data, size);
    const std::size_t head = std::min(size, config_bytes);
    Numbers numbers{fuzz::Bytes(all.first(head))};
    const bool sane = numbers.percent(50);
    const Config config = drawn_config(numbers);
    if (Engine::check(config).what != nullptr) return 0;
    Run run(config, Numbers{fuzz::Bytes(all.subspan(head))}, sane);
    run.go();
    return 0;
}

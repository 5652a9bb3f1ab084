// Promise: a run mode changes how much is in memory at once, and nothing else that anybody can see.
#include <rapidcheck/catch.h>

#include <map>

#include "core/engine/owned.hpp"
#include "props/worlds.hpp"
#include "tests/core/random_events.hpp"

using namespace holdfast;

namespace {

/// All effects of a run of random events, as text.
std::string trace(const Config& config, std::uint64_t seed) {
    OwnedEngine engine(config);
    RandomEvents events(seed, config);
    std::string out;
    for (int i = 0; i < 400 && !engine.engine().halted(); ++i) {
        const Event event = events.next(engine.engine().deadline());
        const Effects& effects = engine.step(events.now(), event);
        events.saw(effects);
        for (const Effect& e : effects.items()) out += sim::text_of(e, effects) + "\n";
    }
    return out;
}

/// Bytes of outputs that are in memory: for each source those of its slice.
class SliceWatch {
public:
    void see(const Effects& effects) {
        for (const Effect& e : effects.items()) {
            if (const auto* t = std::get_if<Transform>(&e)) {
                if (t->slice == t->batch) continue;
                RC_ASSERT(open_.emplace(t->batch.index, t->slice.index).second);
            } else if (const auto* r = std::get_if<ReleaseBatch>(&e)) {
                for (auto i = open_.begin(); i != open_.end();) {
                    RC_ASSERT(i->first != r->batch.index);
                    i = i->second == r->batch.index ? open_.erase(i) : std::next(i);
                }
            }
            most_ = std::max(most_, open_.size());
        }
    }
    std::size_t most() const { return most_; }

private:
    std::map<std::uint32_t, std::uint32_t> open_;  ///< Batch to slice.
    std::size_t most_ = 0;
};

}  // namespace

TEST_CASE("governed with the governor off is whole, byte for byte") {
    rc::prop("for any events", [](std::uint32_t seed) {
        Config config = random_config(seed);
        config.mode = RunMode::whole;
        config.governor.on = false;
        const std::string whole = trace(config, seed);
        config.mode = RunMode::governed;
        RC_ASSERT(trace(config, seed) == whole);
    });
}

TEST_CASE("parsed is whole to the engine, byte for byte") {
    rc::prop("for any events", [](std::uint32_t seed) {
        Config config = random_config(seed);
        config.mode = RunMode::whole;
        const std::string whole = trace(config, seed);
        config.mode = RunMode::parsed;
        RC_ASSERT(trace(config, seed) == whole);
    });
}

TEST_CASE("slices of a source are in memory one at a time, and released before their batch") {
    rc::prop("for any events", [](std::uint32_t seed) {
        Config config = random_config(seed);
        config.mode = RunMode::streaming;
        config.batches_max += config.sources;
        for (auto& source : config.source) source.transform = true;
        for (auto& sink : config.sink) sink.when_full = WhenFull::block;
        const bool is_refused = Engine::check(config).what != nullptr;
        RC_PRE(!is_refused);
        OwnedEngine engine(config);
        RandomEvents events(seed, config, true);
        SliceWatch watch;
        for (int i = 0; i < 600 && !engine.engine().halted(); ++i) {
            const Event event = events.next(engine.engine().deadline());
            const Effects& effects = engine.step(events.now(), event);
            events.saw(effects);
            watch.see(effects);
        }
        RC_ASSERT(watch.most() <= config.sources);
        RC_CLASSIFY(watch.most() > 0, "had slices");
    });
}

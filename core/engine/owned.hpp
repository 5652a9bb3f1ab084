// An engine together with the memory that it needs, for callers that may allocate (all but core/).
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include "core/engine/engine.hpp"

namespace holdfast {

/// Owns arena and effects buffer. Requires: Engine::check(config) clean.
class OwnedEngine {
public:
    explicit OwnedEngine(const Config& config)
        : arena_(static_cast<std::byte*>(
              ::operator new(Engine::bytes_needed(config), std::align_val_t{64}))),
          effect_memory_(Engine::effects_max(config)),
          part_memory_(Engine::parts_max(config)),
          effects_(effect_memory_, part_memory_),
          engine_(config, {arena_.get(), Engine::bytes_needed(config)}) {}

    /// One step. Lives: the result is valid until the next step.
    const Effects& step(Instant now, const Event& event) {
        effects_.clear();
        engine_.step(now, event, effects_);
        return effects_;
    }

    Engine& engine() { return engine_; }
    const Engine& engine() const { return engine_; }
    const Effects& effects() const { return effects_; }

private:
    struct Free {
        void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{64}); }
    };
    std::unique_ptr<std::byte, Free> arena_;
    std::vector<Effect> effect_memory_;
    std::vector<Part> part_memory_;
    Effects effects_;
    Engine engine_;
};

}  // namespace holdfast

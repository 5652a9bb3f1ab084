// The buffer that one step writes its effects to.
//
// Bound: Engine::effects_max(config) effects and Engine::parts_max(config) parts; the engine never
// writes more in one step (asserted). The memory is the caller's and is never reallocated.
// Lives: what `items()` and `parts()` return is valid until `clear()`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/assert.hpp"
#include "core/model/effect.hpp"

namespace holdfast {

class Effects {
public:
    Effects(std::span<Effect> effects, std::span<Part> parts) : effects_(effects), parts_(parts) {}

    void clear() { count_ = parts_count_ = 0; }

    template <class E>
    void push(const E& effect) {
        HF_ASSERT(count_ < effects_.size());
        effects_[count_++].template emplace<E>(effect);
    }

    /// Appends a part to the side table; the parts of one effect stand side by side.
    void push_part(const Part& part) {
        HF_ASSERT(parts_count_ < parts_.size());
        parts_[parts_count_++] = part;
    }

    std::uint32_t parts_count() const { return static_cast<std::uint32_t>(parts_count_); }
    bool empty() const { return count_ == 0; }

    std::span<const Effect> items() const { return effects_.first(count_); }
    std::span<const Part> parts() const { return parts_.first(parts_count_); }
    std::span<const Part> parts(Parts run) const {
        HF_ASSERT(run.first + std::size_t{run.count} <= parts_count_);
        return parts_.subspan(run.first, run.count);
    }

private:
    std::span<Effect> effects_;
    std::span<Part> parts_;
    std::size_t count_ = 0;
    std::size_t parts_count_ = 0;
};

}  // namespace holdfast

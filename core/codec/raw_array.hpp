// A growing array whose slots are memory that nobody wrote to: what is asked for and not used costs
// address space, no memory. For the scratch memory of parsers, which is sized for the worst record.
//
// Rule 1: growing copies what stands there, so both stand side by side: ask for all at once.
// Rule 2: it never shrinks by itself: who knows what was written calls release().
// Bound: what its owner wrote to, in pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "core/base/assert.hpp"

namespace holdfast {

template <class T>
class RawArray {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

public:
    std::size_t capacity() const { return capacity_; }
    T* data() { return slots_.get(); }
    const T* data() const { return slots_.get(); }

    /// Room for so many; the first `written` stay. Lives: pointers end here, if it grows.
    void reserve(std::size_t slots, std::size_t written) {
        if (slots > capacity_) [[unlikely]] {
            grow(slots, written);
        }
    }
    /// Gives all memory back.
    void release() {
        slots_.reset();
        capacity_ = 0;
    }

private:
    struct Free {
        void operator()(T* slots) const { ::operator delete(slots); }
    };

    [[gnu::noinline]] void grow(std::size_t slots, std::size_t written) {
        HF_ASSERT(slots <= SIZE_MAX / 2 / sizeof(T));
        HF_ASSERT(written <= capacity_);
        std::unique_ptr<T, Free> larger(static_cast<T*>(::operator new(slots * sizeof(T))));
        if (written > 0) std::memcpy(larger.get(), slots_.get(), written * sizeof(T));
        slots_ = std::move(larger);
        capacity_ = slots;
    }

    std::unique_ptr<T, Free> slots_;
    std::size_t capacity_ = 0;
};

}  // namespace holdfast

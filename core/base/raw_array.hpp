// A growing array whose slots are memory that nobody wrote to: what is asked for and not used costs
// address space, no memory. For the scratch memory of parsers, which is sized for the worst record.
//
// Rule 1: growing keeps what is there; large arrays move by their page tables (realloc), so that old
//         and new never stand side by side.
// Rule 2: it never shrinks by itself: who knows what was used calls release().
// Bound: what its owner wrote to, in pages.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <type_traits>

#include "core/base/assert.hpp"

namespace holdfast {

template <class T>
class RawArray {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

public:
    std::size_t capacity() const { return capacity_; }
    T* data() { return slots_.get(); }
    const T* data() const { return slots_.get(); }

    /// Room for so many; what was written stays. Lives: pointers end here, if it grows.
    void reserve(std::size_t slots) {
        if (slots > capacity_) [[unlikely]] {
            grow(slots);
        }
    }
    /// Gives all memory back.
    void release() {
        slots_.reset();
        capacity_ = 0;
    }

private:
    struct Free {
        void operator()(T* slots) const { std::free(slots); }
    };

    [[gnu::noinline]] void grow(std::size_t slots) {
        HF_ASSERT(slots <= SIZE_MAX / 2 / sizeof(T));
        void* larger = std::realloc(slots_.get(), slots * sizeof(T));
        HF_ASSERT(larger != nullptr);
        (void)slots_.release();
        slots_.reset(static_cast<T*>(larger));
        capacity_ = slots;
    }

    std::unique_ptr<T, Free> slots_;
    std::size_t capacity_ = 0;
};

}  // namespace holdfast

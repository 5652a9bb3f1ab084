// A bump allocator over one span, run twice: once to measure, once to lay out.
//
// Rule 1: everything in it is trivially copyable and starts as zero bytes.
// Rule 2: it only grows; there is no free.
// Rule 3: no type in it has padding, whose bytes would be whatever the stack held: equal states are
//         equal bytes, so that they can be hashed and compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/base/assert.hpp"

namespace holdfast {

/// A fixed run of T in an arena, with checked indices.
template <class T>
class Table {
public:
    Table() = default;
    Table(T* data, std::uint32_t size) : data_(data), size_(size) {}

    T& operator[](std::uint64_t i) const {
        HF_ASSERT(i < size_);
        return data_[i];
    }
    /// The only element of a table of one. Unchecked: it is laid out or nothing is.
    T& only() const { return *data_; }
    std::uint32_t size() const { return size_; }
    T* begin() const { return data_; }
    T* end() const { return data_ + size_; }

private:
    T* data_ = nullptr;
    std::uint32_t size_ = 0;
};

class Arena {
public:
    /// A null base measures only.
    explicit Arena(std::byte* base) : base_(base) {}

    template <class T>
    Table<T> table(std::uint64_t count) {
        static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8);
        static_assert(std::has_unique_object_representations_v<T>);
        const std::size_t at = used_;
        used_ += (count * sizeof(T) + 7) & ~std::size_t{7};
        return {base_ ? reinterpret_cast<T*>(base_ + at) : nullptr,
                static_cast<std::uint32_t>(count)};
    }

    std::size_t used() const { return used_; }

private:
    std::byte* base_;
    std::size_t used_ = 0;
};

}  // namespace holdfast

// Numbers from a fuzzer's bytes. Once these are used up every number is 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast::fuzz {

/// Lives: the bytes as long as this.
class Bytes {
public:
    explicit Bytes(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

    bool used_up() const { return rest_.empty(); }
    std::span<const std::uint8_t> rest() const { return rest_; }

    /// Little-endian, of at most 8 bytes.
    std::uint64_t number(std::size_t width) {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < width && !rest_.empty(); ++i) {
            value |= std::uint64_t{rest_[0]} << (8 * i);
            rest_ = rest_.subspan(1);
        }
        return value;
    }
    /// In [0, bound), from as few bytes as that takes. Requires bound > 0.
    std::uint64_t below(std::uint64_t bound) {
        std::size_t width = 0;
        while (width < 8 && (bound - 1) >> (8 * width) != 0) ++width;
        return number(width) % bound;
    }

private:
    std::span<const std::uint8_t> rest_;
};

}  // namespace holdfast::fuzz

// The head of one MsgPack value: its type byte and what belongs to it. Integers are big-endian.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/codec/tape.hpp"

namespace holdfast::codec {

/// Requires so many bytes at `at`.
template <class T>
T big_endian(const char* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
    if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
    if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
    return value;
}

enum class HeadState : std::uint8_t { whole, truncated, invalid };

struct MsgpackHead {
    HeadState state = HeadState::truncated;
    Kind kind = Kind::missing;
    std::uint8_t prefix = 0;    ///< Bytes of the head.
    std::uint64_t payload = 0;  ///< Bytes of contents behind it; 0 for containers.
    std::uint64_t values = 0;   ///< In a container; an object's keys count too.
};

/// Reads at most 9 bytes beyond `at`, and none at or beyond `end`. Timestamps are told from other
/// extensions only if their contents are there.
MsgpackHead msgpack_head(const char* at, const char* end);

}  // namespace holdfast::codec

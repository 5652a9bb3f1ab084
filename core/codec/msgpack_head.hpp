// The head of one MsgPack value: its type byte and what belongs to it. Integers are big-endian.
#pragma once

#include <array>
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

/// As msgpack_head, for the type bytes that need more than a look into a table. Requires at != end.
MsgpackHead msgpack_long_head(const char* at, const char* end);

namespace detail {

/// What a type byte alone tells. kind == missing: not enough.
struct ShortHead {
    Kind kind = Kind::missing;
    std::uint8_t payload = 0;
    std::uint8_t values = 0;
};

constexpr ShortHead short_head(unsigned type) {
    const auto low = static_cast<std::uint8_t>(type & 0x1f);
    if (type < 0x80 || type >= 0xe0) return {Kind::int64, 0, 0};
    if (type < 0x90) return {Kind::object, 0, static_cast<std::uint8_t>(2 * (type & 0xf))};
    if (type < 0xa0) return {Kind::array, 0, static_cast<std::uint8_t>(type & 0xf)};
    if (type < 0xc0) return {Kind::string, low, 0};
    if (type == 0xc0) return {Kind::null, 0, 0};
    if (type == 0xc2 || type == 0xc3) return {Kind::boolean, 0, 0};
    if (type == 0xca) return {Kind::real, 4, 0};
    if (type == 0xcb) return {Kind::real, 8, 0};
    if (type >= 0xcc && type <= 0xce) {
        return {Kind::int64, static_cast<std::uint8_t>(1u << (type - 0xcc)), 0};
    }
    if (type >= 0xd0 && type <= 0xd3) {
        return {Kind::int64, static_cast<std::uint8_t>(1u << (type - 0xd0)), 0};
    }
    return {};
}

constexpr std::array<ShortHead, 256> short_heads() {
    std::array<ShortHead, 256> all;
    for (unsigned type = 0; type < 256; ++type) all[type] = short_head(type);
    return all;
}
inline constexpr std::array<ShortHead, 256> short_head_of = short_heads();

}  // namespace detail

/// Reads at most 9 bytes beyond `at`, and none at or beyond `end`. Timestamps are told from other
/// extensions only if their contents are there.
inline MsgpackHead msgpack_head(const char* at, const char* end) {
    if (at == end) return {};
    const detail::ShortHead& head = detail::short_head_of[static_cast<std::uint8_t>(*at)];
    if (head.kind == Kind::missing) return msgpack_long_head(at, end);
    return {HeadState::whole, head.kind, 1, head.payload, head.values};
}

}  // namespace holdfast::codec

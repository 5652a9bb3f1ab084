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

/// As msgpack_head, for the type bytes that are rare. Requires at != end.
MsgpackHead msgpack_long_head(const char* at, const char* end);

/// Reads at most 9 bytes beyond `at`, and none at or beyond `end`. Timestamps are told from other
/// extensions only if their contents are there.
/// Branches rather than a table: where the next value is doesn't wait for two loads then.
[[gnu::always_inline]] inline MsgpackHead msgpack_head(const char* at, const char* end) {
    if (at == end) return {};
    const auto whole = [](Kind kind, std::uint64_t payload, std::uint64_t values) {
        return MsgpackHead{HeadState::whole, kind, 1, payload, values};
    };
    const auto type = static_cast<std::uint8_t>(*at);
    if (type < 0x80 || type >= 0xe0) return whole(Kind::int64, 0, 0);
    if (type >= 0xa0 && type < 0xc0) return whole(Kind::string, type & 0x1fu, 0);
    if (type < 0x90) return whole(Kind::object, 0, 2 * (type & 0xfu));
    if (type < 0xa0) return whole(Kind::array, 0, type & 0xfu);
    if (type == 0xcb) return whole(Kind::real, 8, 0);
    if (type == 0xcc) return whole(Kind::int64, 1, 0);
    if (type == 0xcd) return whole(Kind::int64, 2, 0);
    if (type == 0xce) return whole(Kind::int64, 4, 0);
    if (type == 0xc2 || type == 0xc3) return whole(Kind::boolean, 0, 0);
    if (type == 0xc0) return whole(Kind::null, 0, 0);
    return msgpack_long_head(at, end);
}

}  // namespace holdfast::codec

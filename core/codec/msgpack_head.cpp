#include "core/codec/msgpack_head.hpp"

namespace holdfast::codec {
namespace {

constexpr std::uint32_t billion = 1'000'000'000;

/// Whether an extension of type -1 is a timestamp as the specification has it.
bool is_timestamp(const char* contents, std::uint64_t size) {
    if (size == 4) return true;
    if (size == 8) return big_endian<std::uint64_t>(contents) >> 34 < billion;
    return size == 12 && big_endian<std::uint32_t>(contents) < billion;
}

struct Cursor {
    const char* at;
    std::size_t left;
};

MsgpackHead leaf(Kind kind, std::uint8_t prefix, std::uint64_t payload) {
    return {HeadState::whole, kind, prefix, payload, 0};
}

MsgpackHead container(Kind kind, std::uint8_t prefix, std::uint64_t count) {
    return {HeadState::whole, kind, prefix, 0, kind == Kind::object ? 2 * count : count};
}

/// The length of 1, 2 or 4 bytes that follows the type byte. Requires: it is there.
std::uint32_t length_at(const char* at, std::size_t width) {
    if (width == 1) return static_cast<std::uint8_t>(*at);
    return width == 2 ? big_endian<std::uint16_t>(at) : big_endian<std::uint32_t>(at);
}

MsgpackHead extension(Cursor c, std::uint8_t prefix, std::uint64_t size) {
    MsgpackHead head = leaf(Kind::extension, prefix, size);
    if (c.left < prefix + size) return head;
    if (c.at[prefix - 1] == -1 && is_timestamp(c.at + prefix, size)) head.kind = Kind::timestamp;
    return head;
}

/// Type bytes 0xc4 to 0xc9 and 0xd9 to 0xdf: a length follows.
MsgpackHead with_length(Cursor c, std::uint8_t type) {
    const bool from_two = type >= 0xdc;  // Arrays and maps have no length of one byte.
    const std::uint8_t group = type >= 0xde   ? 0xde
                               : type >= 0xdc ? 0xdc
                               : type >= 0xd9 ? 0xd9
                               : type >= 0xc7 ? 0xc7
                                              : 0xc4;
    const unsigned step = static_cast<unsigned>(type - group) + (from_two ? 1 : 0);
    const auto width = static_cast<std::uint8_t>(1u << step);
    const auto prefix = static_cast<std::uint8_t>(1 + width + (group == 0xc7 ? 1 : 0));
    if (c.left < prefix) return {};
    const std::uint32_t length = length_at(c.at + 1, width);
    switch (group) {
        case 0xc4: return leaf(Kind::binary, prefix, length);
        case 0xc7: return extension(c, prefix, length);
        case 0xd9: return leaf(Kind::string, prefix, length);
        case 0xdc: return container(Kind::array, prefix, length);
        default: return container(Kind::object, prefix, length);
    }
}

}  // namespace

MsgpackHead msgpack_long_head(const char* at, const char* end) {
    const Cursor c{at, static_cast<std::size_t>(end - at)};
    const auto type = static_cast<std::uint8_t>(*at);
    switch (type) {
        case 0xc1: return {.state = HeadState::invalid};
        case 0xca: return leaf(Kind::real, 1, 4);
        case 0xcf: return leaf(c.left > 1 && at[1] < 0 ? Kind::uint64 : Kind::int64, 1, 8);
        case 0xd0:
        case 0xd1:
        case 0xd2:
        case 0xd3: return leaf(Kind::int64, 1, std::uint64_t{1} << (type - 0xd0));
        case 0xd4:
        case 0xd5:
        case 0xd6:
        case 0xd7:
        case 0xd8:
            if (c.left < 2) return {};
            return extension(c, 2, std::uint64_t{1} << (type - 0xd4));
        default: return with_length(c, type);
    }
}

}  // namespace holdfast::codec

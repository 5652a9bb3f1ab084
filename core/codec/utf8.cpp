#include "core/codec/utf8.hpp"

#include <simdjson.h>

#include "core/base/assert.hpp"

namespace holdfast::codec {
namespace {

/// The length of the character at the head; 0 if it is none.
std::size_t character_size(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i) { return i < text.size() && byte(i) >> 6 == 2; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first < 0xc2 || first > 0xf4) return 0;
    if (!follows(1)) return 0;
    if (first < 0xe0) return 2;
    const unsigned second = byte(1);
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
    if (overlong || beyond || !follows(2)) return 0;
    if (first < 0xf0) return 3;
    return follows(3) ? 4 : 0;
}

}  // namespace

bool valid_long_utf8(std::string_view text) {
    return simdjson::validate_utf8(text.data(), text.size());
}

std::size_t valid_utf8_prefix(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t size = character_size(text.substr(at));
        if (size == 0) break;
        at += size;
    }
    return at;
}

std::size_t encode_utf8(std::uint32_t point, std::span<char, 4> out) {
    HF_ASSERT(point <= 0x10ffff);
    if (point < 0x80) {
        out[0] = static_cast<char>(point);
        return 1;
    }
    const std::size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    constexpr std::uint32_t leads[] = {0xc0, 0xe0, 0xf0};
    for (std::size_t i = size; --i > 0; point >>= 6)
        out[i] = static_cast<char>(0x80 | (point & 0x3f));
    out[0] = static_cast<char>(leads[size - 2] | point);
    return size;
}

void append_utf8(std::uint32_t point, std::string& out) {
    HF_ASSERT(point < 0xd800 || point > 0xdfff);
    char bytes[4];
    out.append(bytes, encode_utf8(point, bytes));
}

}  // namespace holdfast::codec

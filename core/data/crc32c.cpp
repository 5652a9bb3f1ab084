// CRC32C: the processor's instruction where it has one, else eight table look-ups for eight bytes.
#include <array>
#include <cstring>

#include "core/data/checkpoint.hpp"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace holdfast {
namespace {

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr std::uint32_t polynomial = 0x82f63b78;  // Castagnoli, reflected.

constexpr Tables make_tables() {
    Tables t{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? polynomial : 0);
        t[0][byte] = crc;
    }
    for (std::size_t k = 1; k < 8; ++k)
        for (std::size_t byte = 0; byte < 256; ++byte)
            t[k][byte] = (t[k - 1][byte] >> 8) ^ t[0][t[k - 1][byte] & 0xff];
    return t;
}

constexpr Tables tables = make_tables();

std::uint64_t load64(const std::byte* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

std::uint32_t by_tables(std::span<const std::byte> bytes, std::uint32_t crc) {
    while (bytes.size() >= 8) {
        const std::uint64_t word = load64(bytes.data()) ^ crc;
        crc = 0;
        for (std::size_t k = 0; k < 8; ++k) crc ^= tables[7 - k][(word >> (8 * k)) & 0xff];
        bytes = bytes.subspan(8);
    }
    for (std::byte byte : bytes)
        crc = (crc >> 8) ^ tables[0][(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xff];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::span<const std::byte> bytes,
                                                               std::uint32_t crc) {
    std::uint64_t wide = crc;
    while (bytes.size() >= 8) {
        wide = _mm_crc32_u64(wide, load64(bytes.data()));
        bytes = bytes.subspan(8);
    }
    crc = static_cast<std::uint32_t>(wide);
    for (std::byte byte : bytes) crc = _mm_crc32_u8(crc, std::to_integer<unsigned char>(byte));
    return crc;
}
#endif

}  // namespace

std::uint32_t crc32c_by_tables(std::span<const std::byte> bytes, std::uint32_t seed) {
    return ~by_tables(bytes, ~seed);
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return ~by_instruction(bytes, ~seed);
#endif
    return crc32c_by_tables(bytes, seed);
}

}  // namespace holdfast

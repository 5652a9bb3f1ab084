// Lines in bytes. Rule: the inner loop of count_newlines keeps one counter per byte lane and adds
// the lanes up before one can overflow (255 rounds); everything else leans on memchr and memrchr.
#include "core/data/framing.hpp"

#include <algorithm>
#include <cstring>

namespace holdfast {
namespace {

// 16 bytes are one register of every x86-64 and every arm64; four of them hide the latency.
using Lanes = std::uint8_t __attribute__((vector_size(16)));
constexpr std::size_t lanes_size = sizeof(Lanes);
constexpr std::size_t round_size = 4 * lanes_size;
constexpr std::size_t rounds_max = 255;

Lanes load(const std::byte* at) {
    Lanes lanes;
    std::memcpy(&lanes, at, sizeof lanes);
    return lanes;
}

std::uint64_t sum(Lanes lanes) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < lanes_size; ++i) total += lanes[i];
    return total;
}

/// Requires rounds <= rounds_max.
std::uint64_t count_rounds(const std::byte* at, std::size_t rounds) {
    const Lanes newline = Lanes{} + static_cast<std::uint8_t>('\n');
    Lanes a{}, b{}, c{}, d{};
    for (std::size_t i = 0; i < rounds; ++i, at += round_size) {
        // A lane that is equal becomes 0xff, which is -1.
        a -= reinterpret_cast<Lanes>(load(at) == newline);
        b -= reinterpret_cast<Lanes>(load(at + lanes_size) == newline);
        c -= reinterpret_cast<Lanes>(load(at + 2 * lanes_size) == newline);
        d -= reinterpret_cast<Lanes>(load(at + 3 * lanes_size) == newline);
    }
    return sum(a) + sum(b) + sum(c) + sum(d);
}

}  // namespace

std::uint64_t count_newlines(std::span<const std::byte> bytes) {
    std::uint64_t total = 0;
    const std::byte* at = bytes.data();
    std::size_t rounds = bytes.size() / round_size;
    while (rounds > 0) {
        const std::size_t now = std::min(rounds, rounds_max);
        total += count_rounds(at, now);
        at += now * round_size;
        rounds -= now;
    }
    for (std::size_t i = 0; i < bytes.size() % round_size; ++i) {
        total += at[i] == std::byte{'\n'} ? 1 : 0;
    }
    return total;
}

std::size_t complete_lines(std::span<const std::byte> bytes) {
    if (bytes.empty()) return 0;
    const void* last = memrchr(bytes.data(), '\n', bytes.size());
    if (last == nullptr) return 0;
    return static_cast<std::size_t>(static_cast<const std::byte*>(last) - bytes.data()) + 1;
}

std::size_t after_newlines(std::span<const std::byte> bytes, std::uint64_t n) {
    constexpr std::size_t stride = round_size * rounds_max;
    std::size_t offset = 0;
    // Whole strides are counted, which is faster than stopping at each newline.
    while (bytes.size() - offset >= stride) {
        const std::uint64_t here = count_rounds(bytes.data() + offset, rounds_max);
        if (here >= n) break;
        n -= here;
        offset += stride;
    }
    for (; n > 0 && offset < bytes.size(); --n) {
        const void* next = std::memchr(bytes.data() + offset, '\n', bytes.size() - offset);
        if (next == nullptr) return bytes.size();
        offset = static_cast<std::size_t>(static_cast<const std::byte*>(next) - bytes.data()) + 1;
    }
    return offset;
}

}  // namespace holdfast

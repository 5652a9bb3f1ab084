// Keyed randomness: a decision is a function of what it is about, never "the next draw".
//
// mix(seed, site, entity, n) is a counter-based generator: equal arguments give equal results, and
// removing one decision moves no other. Finaliser: splitmix64 (Steele, Lea, Flood 2014).
#pragma once

#include <cstdint>

namespace holdfast {

__extension__ typedef unsigned __int128 Wide;  // g++ -Wpedantic knows it only so.

constexpr std::uint64_t mix64(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

constexpr std::uint64_t mix(std::uint64_t seed, std::uint64_t site, std::uint64_t entity,
                            std::uint64_t n) {
    return mix64(mix64(mix64(mix64(seed) ^ site) ^ entity) ^ n);
}

/// A number in [0, bound) from 64 random bits, without division (Lemire 2016). Requires bound > 0.
constexpr std::uint64_t scale(std::uint64_t bits, std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<Wide>(bits) * bound) >> 64);
}

}  // namespace holdfast

// Random values, each written in two ways, and one that differs in one place.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast::sim {

struct Spellings {
    std::string one, again, another;
};

/// Numbers have fewer digits than this, and one more in `another`.
Spellings spellings(std::uint64_t seed, std::uint64_t digits_max);

}  // namespace holdfast::sim

// What a world of devices throws at the first promise that is broken: which, and how.
#pragma once

#include <string>
#include <utility>

namespace holdfast::sim {

struct Breach {
    const char* invariant = "";
    std::string what;
};

inline void demand(bool holds, const char* invariant, std::string what) {
    if (!holds) throw Breach{invariant, std::move(what)};
}

}  // namespace holdfast::sim

// Somebody wants the process to end: how long programs may still run.
//
// Rule 1: set by one thread, read by any at any instant; it never becomes less.
// Rule 2: who is ended by it has judged nothing: the record is read again.
// Doesn't know: signals, clocks.
#pragma once

#include <cstdint>

#include "core/base/mutant.hpp"
#include "core/base/time.hpp"

namespace holdfast {

enum class Haste : std::uint8_t {
    none,
    soon,  ///< What was read is finished, but for a program that takes long for one record, where
           ///< that can be read again.
    now,   ///< Nothing is finished.
};

class Hurry {
public:
    /// With Haste::soon a program may have so long for a record that can be read again; for another
    /// one any time.
    static constexpr Duration patience = milliseconds(200);
    static constexpr Duration any_time{INT64_MAX};

    void ask(Haste haste) {
        const auto level = static_cast<std::uint8_t>(haste);
        if (level > load()) __atomic_store_n(&level_, level, __ATOMIC_RELAXED);
    }
    /// Whether a program that has run so long for a record is ended; `may` is what it has with
    /// Haste::soon.
    bool ends(Duration taken, Duration may) const {
        const auto haste = static_cast<Haste>(load());
        if (mutant(560)) return haste != Haste::none;
        return haste == Haste::now || (haste == Haste::soon && taken >= may);
    }

private:
    std::uint8_t load() const { return __atomic_load_n(&level_, __ATOMIC_RELAXED); }

    std::uint8_t level_ = 0;
};

}  // namespace holdfast

// How near the process is to the memory that it may have.
//
// Rule 1: the limit is what the config says; else the least of 0.85 x memory.max and memory.high of
//         the process's cgroup (version 2) and those above it; else 0.85 x memory.limit_in_bytes
//         (version 1); else 0.85 x the machine's memory. 0.85: the kernel kills at the limit, and
//         what is in flight between two readings must fit below it.
// Rule 2: usage is the cgroup's without the page cache, which the kernel takes back by itself; where
//         no cgroup sets the limit, it is the process's resident set.
// Rule 3: of a record pool not what is resident counts but what is leased, by its own ledger: a
//         page that was used once stays resident, and is no burden. Of records on the heap what is
//         resident counts.
// Rule 4: between two readings usage is the last reading plus what was leased since (and, of a
//         pool, less what was given back).
// Rule 5: a reading that is not a number counts as 0; one that cannot be had keeps the last one.
// Doesn't know: the engine. It makes the permille of PressureSampled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/engine/pressure.hpp"

namespace holdfast::io {

enum class LimitOrigin : std::uint8_t { config, cgroup2, cgroup1, machine };

struct MemoryLimit {
    std::uint64_t bytes = 0;
    std::uint64_t most = 0;  ///< Beyond it the process is killed, or is not as its config says.
    LimitOrigin origin = LimitOrigin::machine;
    std::string folder;  ///< Of the cgroup that sets it; empty: none does.
};

/// `what` as a person reads it: "this machine", "cgroup /sys/fs/cgroup/a".
std::string text_of(const MemoryLimit& limit);

/// Finds the limit. `config_bytes` 0: the config says nothing. `root` stands before /proc and
/// /sys, for tests.
MemoryLimit find_memory_limit(std::uint64_t config_bytes, const std::string& root = "");

/// Bytes in use that the kernel can't take back by itself, or nothing if that can't be read.
std::optional<std::uint64_t> read_memory_usage(const MemoryLimit& limit,
                                               const std::string& root = "");

/// Share of time in which somebody in the cgroup waited for memory (memory.pressure, some avg10),
/// as a ratio; NaN where the kernel doesn't say.
double read_memory_stall(const MemoryLimit& limit);

/// Thousandths of a ratio; 0 for NaN and below 0, at most 1,000,000.
std::uint32_t to_permille(double ratio);

/// What a process may need that shall not come near where reading pauses.
std::uint64_t room_below(const MemoryLimit& limit);

/// Where the records are that are leased.
enum class Ledger : std::uint8_t { pool, heap };

class MemoryGuard {
public:
    explicit MemoryGuard(const MemoryLimit& limit, const std::string& root = "",
                         Ledger ledger = Ledger::pool)
        : limit_(limit), root_(root), ledger_(ledger) {}

    const MemoryLimit& limit() const { return limit_; }

    /// Reads usage anew. `leased`: bytes of records that are leased now.
    void read(std::uint64_t leased);
    /// As if `usage` and `stall` had been read.
    void take_reading(std::uint64_t usage, double stall, std::uint64_t leased);

    /// Pressure now, by the last reading and the ledger.
    PressureLevel pressure(std::uint64_t leased);
    std::uint64_t usage(std::uint64_t leased) const;

private:
    MemoryLimit limit_;
    std::string root_;
    Ledger ledger_;
    std::uint64_t read_usage_ = 0;
    std::uint64_t read_leased_ = 0;
    std::uint64_t beside_pool_ = 0;
    std::uint64_t leased_peak_ = 0;  ///< So much of the pool may be resident.
    std::uint32_t stall_permille_ = 0;
};

}  // namespace holdfast::io

// The bytes of one simulated file: what a reader sees, and what would survive a power loss.
//
// Rule 1: a write changes what is seen; a sector that it touched is dirty until a sync.
// Rule 2: a crash decides for each dirty sector: kept, dropped, torn (left or right part new), or
//         garbage. Bytes that no unsynced write changed are safe, also in a torn sector (drives and
//         databases call it powersafe overwrite).
// Rule 3: a failed sync marks sectors clean without making them durable: they are still seen, and
//         lost at the next crash, and no later sync says so (as Linux does).
// Rule 4: the length is durable only with a sync; before that a crash may leave the old one, the
//         new one, the lowest in between, or any between the old and the new.
// Doesn't know: names, descriptors, errno.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/choices.hpp"

namespace holdfast::sim {

using Bytes = std::vector<std::byte>;

class SimFile {
public:
    /// `key` is the entity of its choices. Requires sector > 0.
    SimFile(std::uint64_t key, std::uint32_t sector) : key_(key), sector_(sector) {}

    std::uint64_t size() const { return seen_.size(); }
    const Bytes& seen() const { return seen_; }
    /// What is safe: the contents after a crash that drops all it may.
    const Bytes& durable() const { return durable_; }

    /// A hole before `offset` reads as zeros. Where a dirty sector changes again, its former bytes
    /// have reached the medium for `writeback` of 1000.
    void write(std::uint64_t offset, std::span<const std::byte> bytes, Choices& choices,
               std::uint32_t writeback);
    void truncate(std::uint64_t size);
    void sync();
    /// A sync that fails: everything becomes clean, but only the sectors for which the answer to
    /// disk_sync_sector is 1 become durable.
    void lose_some(Choices& choices, std::uint64_t n);
    void lose_all();
    /// Power loss number `n`: afterwards seen == durable and nothing is dirty.
    void crash(Choices& choices, std::uint64_t n);

    /// Changes one bit on the medium and in what is seen. Requires offset < size().
    void flip_bit(std::uint64_t offset, unsigned bit);

private:
    std::uint64_t sector_of(std::uint64_t offset) const { return offset / sector_; }
    std::span<const std::byte> piece(const Bytes& bytes, std::uint64_t index) const;
    void mark(std::uint64_t begin, std::uint64_t end);
    void clean();
    void make_durable(std::uint64_t index);
    std::uint64_t size_after_crash(Choices& choices, std::uint64_t n) const;
    void tear(std::uint64_t index, Choices& choices, std::uint64_t n);

    std::uint64_t key_;
    std::uint64_t sector_;
    Bytes seen_;
    Bytes durable_;
    std::vector<bool> dirty_;                 ///< By sector.
    std::uint64_t dirty_begin_ = UINT64_MAX;  ///< Every dirty sector is in [begin, end).
    std::uint64_t dirty_end_ = 0;
    std::uint64_t lowest_ = 0;  ///< Least size since the last sync.
    std::uint64_t writebacks_ = 0;
};

}  // namespace holdfast::sim

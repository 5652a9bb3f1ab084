// The keys that were seen lately, each with a number: a table with a limit, least recent out first.
//
// Keys are 128-bit hashes of bytes (two different records with one hash: not in our time).
// Bound: bytes_of(entries), taken as they are needed.
// Doesn't know: what the number means.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/hash128.hpp"
#include "core/codec/raw_array.hpp"

namespace holdfast::flow {

class Recent {
public:
    explicit Recent(std::uint32_t entries);

    /// The number of this key, which becomes the most recent one. A new one begins with 0, is said
    /// by `found`, and may push the least recent one out. Lives: until the next call.
    std::int64_t& touch(const Hash128& key, bool& found);
    std::uint32_t size() const { return size_; }

    /// What so many keys take at most: an entry each, and of buckets the old ones beside the new.
    static std::uint64_t bytes_of(std::uint32_t entries);

private:
    static constexpr std::uint32_t none = UINT32_MAX;
    struct Entry {
        Hash128 key;
        std::int64_t number = 0;
        std::uint32_t chain = none;  ///< Next in its bucket.
        std::uint32_t newer = none;
        std::uint32_t older = none;
    };

    Entry& slot(std::uint32_t index) { return entries_.data()[index]; }
    std::uint32_t& bucket(const Hash128& key) { return buckets_[key.low % buckets_.size()]; }
    std::uint32_t make(const Hash128& key);
    void unchain(std::uint32_t index);
    void unlist(std::uint32_t index);
    void list_newest(std::uint32_t index);
    void grow();

    std::uint32_t limit_;
    RawArray<Entry> entries_;
    std::uint32_t size_ = 0;
    std::vector<std::uint32_t> buckets_;
    std::uint32_t newest_ = none;
    std::uint32_t oldest_ = none;
};

}  // namespace holdfast::flow

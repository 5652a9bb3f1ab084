#include "core/data/flow/recent.hpp"

#include <algorithm>
#include <bit>

#include "core/base/assert.hpp"

namespace holdfast::flow {

Recent::Recent(std::uint32_t entries) : limit_(entries), buckets_(16, none) {
    HF_ASSERT(entries > 0);
    entries_.reserve(entries, 0);
}

std::uint64_t Recent::bytes_of(std::uint32_t entries) {
    const std::uint64_t most = std::max(entries, 16u);
    const std::uint64_t buckets = std::bit_ceil(most);
    return most * sizeof(Entry) + buckets * sizeof(std::uint32_t) * 3 / 2;
}

std::int64_t& Recent::touch(const Hash128& key, bool& found) {
    std::uint32_t at = bucket(key);
    while (at != none && !(slot(at).key == key)) at = slot(at).chain;
    found = at != none;
    if (found)
        unlist(at);
    else
        at = make(key);
    list_newest(at);
    return slot(at).number;
}

/// A slot for a new key, in its bucket but not yet in the list.
std::uint32_t Recent::make(const Hash128& key) {
    std::uint32_t at = oldest_;
    if (size_ < limit_) {
        if (size_ >= buckets_.size()) grow();
        at = size_++;
        slot(at) = Entry{};
    } else {
        unlist(at);
        unchain(at);
    }
    slot(at).key = key;
    slot(at).number = 0;
    std::uint32_t& head = bucket(key);
    slot(at).chain = head;
    head = at;
    return at;
}

void Recent::unchain(std::uint32_t index) {
    std::uint32_t* link = &bucket(slot(index).key);
    while (*link != index) {
        HF_ASSERT(*link != none);
        link = &slot(*link).chain;
    }
    *link = slot(index).chain;
}

void Recent::unlist(std::uint32_t index) {
    Entry& entry = slot(index);
    (entry.newer == none ? newest_ : slot(entry.newer).older) = entry.older;
    (entry.older == none ? oldest_ : slot(entry.older).newer) = entry.newer;
    entry.newer = entry.older = none;
}

void Recent::list_newest(std::uint32_t index) {
    slot(index).older = newest_;
    (newest_ == none ? oldest_ : slot(newest_).newer) = index;
    newest_ = index;
}

void Recent::grow() {
    buckets_.assign(buckets_.size() * 2, none);
    for (std::uint32_t i = 0; i < size_; ++i) {
        std::uint32_t& head = bucket(slot(i).key);
        slot(i).chain = head;
        head = i;
    }
}

}  // namespace holdfast::flow

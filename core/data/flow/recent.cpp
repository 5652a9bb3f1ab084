#include "core/data/flow/recent.hpp"

#include "core/base/assert.hpp"

namespace holdfast::flow {

Recent::Recent(std::uint32_t entries) : limit_(entries), buckets_(16, none) {
    HF_ASSERT(entries > 0);
}

std::int64_t& Recent::touch(const Hash128& key, bool& found) {
    std::uint32_t at = bucket(key);
    while (at != none && !(entries_[at].key == key)) at = entries_[at].chain;
    found = at != none;
    if (found)
        unlist(at);
    else
        at = make(key);
    list_newest(at);
    return entries_[at].number;
}

/// A slot for a new key, in its bucket but not yet in the list.
std::uint32_t Recent::make(const Hash128& key) {
    std::uint32_t at = oldest_;
    if (entries_.size() < limit_) {
        if (entries_.size() >= buckets_.size()) grow();
        at = static_cast<std::uint32_t>(entries_.size());
        entries_.emplace_back();
    } else {
        unlist(at);
        unchain(at);
    }
    entries_[at].key = key;
    entries_[at].number = 0;
    std::uint32_t& head = bucket(key);
    entries_[at].chain = head;
    head = at;
    return at;
}

void Recent::unchain(std::uint32_t index) {
    std::uint32_t* link = &bucket(entries_[index].key);
    while (*link != index) {
        HF_ASSERT(*link != none);
        link = &entries_[*link].chain;
    }
    *link = entries_[index].chain;
}

void Recent::unlist(std::uint32_t index) {
    Entry& entry = entries_[index];
    (entry.newer == none ? newest_ : entries_[entry.newer].older) = entry.older;
    (entry.older == none ? oldest_ : entries_[entry.older].newer) = entry.newer;
    entry.newer = entry.older = none;
}

void Recent::list_newest(std::uint32_t index) {
    entries_[index].older = newest_;
    (newest_ == none ? oldest_ : entries_[newest_].newer) = index;
    newest_ = index;
}

void Recent::grow() {
    buckets_.assign(buckets_.size() * 2, none);
    for (std::uint32_t i = 0; i < entries_.size(); ++i) {
        std::uint32_t& head = bucket(entries_[i].key);
        entries_[i].chain = head;
        head = i;
    }
}

}  // namespace holdfast::flow

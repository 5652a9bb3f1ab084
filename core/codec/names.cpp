#include "core/codec/names.hpp"

#include <bit>
#include <cstring>

#include "core/base/assert.hpp"

namespace holdfast::codec {
namespace {

constexpr std::size_t probes_max = 32;

std::uint64_t hash_of(std::string_view name) {
    std::uint64_t hash = 0x9e3779b97f4a7c15u ^ name.size();
    const auto add = [&](std::uint64_t word) {
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    };
    while (name.size() >= 8) {
        std::uint64_t word;
        std::memcpy(&word, name.data(), sizeof word);
        add(word);
        name.remove_prefix(8);
    }
    std::uint64_t rest = 0;
    if (!name.empty()) std::memcpy(&rest, name.data(), name.size());
    add(rest);
    return hash;
}

std::size_t index(NameId name) { return static_cast<std::size_t>(name); }

}  // namespace

Names::Names(std::span<const std::string> known, std::size_t names_max)
    : slots_(std::bit_ceil(2 * names_max), free_slot), names_max_(names_max) {
    HF_ASSERT(names_max > 0);
    for (const std::string& name : known) intern(name);
}

/// The slot of the name, or the free one where it belongs, or none.
const std::uint32_t* Names::slot(std::string_view name, NameId& found) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash_of(name) & mask;
    for (std::size_t i = 0; i < probes_max; ++i, at = (at + 1) & mask) {
        const std::uint32_t entry = slots_[at];
        if (entry == free_slot) return &slots_[at];
        if (text(entries_[entry]) != name) continue;
        found = NameId{entry};
        return &slots_[at];
    }
    return nullptr;
}

NameId Names::find(std::string_view name) const {
    NameId found = NameId::none;
    slot(name, found);
    return found;
}

NameId Names::intern(std::string_view name, NameId previous) {
    NameId& guess = previous == NameId::none ? first_ : entries_[index(previous)].next;
    if (guess != NameId::none && text(entries_[index(guess)]) == name) return guess;
    NameId found = NameId::none;
    const std::uint32_t* place = slot(name, found);
    if (found == NameId::none) {
        if (place == nullptr || entries_.size() >= names_max_) return NameId::none;
        found = NameId{static_cast<std::uint32_t>(entries_.size())};
        slots_[static_cast<std::size_t>(place - slots_.data())] = static_cast<std::uint32_t>(found);
        guess = found;  // Before the entries move.
        entries_.push_back({texts_.size(), name.size(), NameId::none});
        texts_ += name;
        return found;
    }
    guess = found;
    return found;
}

std::string_view Names::text(NameId name) const {
    HF_ASSERT(index(name) < entries_.size());
    return text(entries_[index(name)]);
}

}  // namespace holdfast::codec

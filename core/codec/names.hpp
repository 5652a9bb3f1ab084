// Field names as numbers, so that a name which stands in each record is compared and kept once.
//
// Rule 1: equal texts have equal numbers, for ever; the known ones are 0, 1, 2 ... in their order.
// Rule 2: records resemble one another: the name that followed the last one before is tried first.
// Bound: `names_max` names, their texts, and 8 bytes each; a name that comes later, or whose hash
// has too many neighbours, stays without a number (NameId::none), so that hostile records can
// neither fill memory nor cost time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::codec {

enum class NameId : std::uint32_t { none = UINT32_MAX };

class Names {
public:
    explicit Names(std::span<const std::string> known = {}, std::size_t names_max = 4096);

    /// The number of this name, which is given one if it has none yet. `previous` is the name that
    /// was interned before it in the same record, or none.
    NameId intern(std::string_view name, NameId previous = NameId::none);
    /// none: it has no number.
    NameId find(std::string_view name) const;
    /// Requires: a number from intern() or find(), not none. Lives: until the next intern().
    std::string_view text(NameId name) const;
    std::size_t size() const { return entries_.size(); }

private:
    struct Entry {
        std::size_t begin = 0;  ///< In texts_.
        std::size_t size = 0;
        NameId next = NameId::none;  ///< What followed it last time.
    };
    static constexpr std::uint32_t free_slot = UINT32_MAX;

    std::string_view text(const Entry& entry) const {
        return std::string_view(texts_).substr(entry.begin, entry.size);
    }
    const std::uint32_t* slot(std::string_view name, NameId& found) const;

    std::string texts_;
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> slots_;  ///< Open addressing, a power of two.
    std::size_t names_max_;
    NameId first_ = NameId::none;  ///< What came first in a record last time.
};

}  // namespace holdfast::codec

#include "core/codec/members.hpp"

#include <algorithm>
#include <string>

#include "core/base/assert.hpp"

namespace holdfast::codec {
namespace {

constexpr std::size_t compare_all_max = 32;

bool any_equal(const std::vector<Value>& members) {
    std::string scratch;
    for (std::size_t i = 0; i < members.size(); ++i) {
        const std::string_view key = members[i].key(scratch);
        for (std::size_t n = 0; n < i; ++n) {
            if (members[n].key_is(key)) return true;
        }
    }
    return false;
}

struct Named {
    std::string key;
    std::size_t place;
};

}  // namespace

std::vector<Value> members_of(const Value& object) {
    HF_ASSERT(object.kind() == Kind::object);
    std::vector<Value> members;
    for (const Value member : object.children()) members.push_back(member);
    if (members.size() <= compare_all_max && !any_equal(members)) return members;
    std::vector<Named> order;
    std::string scratch;
    for (std::size_t i = 0; i < members.size(); ++i) {
        order.push_back({std::string(members[i].key(scratch)), i});
    }
    std::ranges::sort(order, [](const Named& a, const Named& b) {
        return a.key != b.key ? a.key < b.key : a.place < b.place;
    });
    for (std::size_t i = 0; i < order.size();) {
        const std::size_t first = i;
        while (i + 1 < order.size() && order[i + 1].key == order[first].key) ++i;
        members[order[first].place] = members[order[i].place];
        for (std::size_t n = first + 1; n <= i; ++n) members[order[n].place] = Value();
        ++i;
    }
    std::erase_if(members, [](const Value& member) { return member.missing(); });
    return members;
}

}  // namespace holdfast::codec

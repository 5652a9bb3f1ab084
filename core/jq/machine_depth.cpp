// How deep a value is that a program made: what is deeper than a record may be, nobody reads again.
#include <algorithm>

#include "core/jq/machine.hpp"

namespace holdfast::jq {

/// Bound: recursion by `levels`; each node of the value once for each place that it stands in.
bool Machine::deeper_than(NodeId id, std::size_t levels) const {
    const Node& node = nodes_[id];
    if (node.kind != Kind::array && node.kind != Kind::object) return false;
    if (levels == 0) return true;
    const auto edits = node.edited ? edits_of(id) : std::span<const Edit>{};
    const auto written = [](const Edit& edit) { return edit.value != no_node; };
    if (std::ranges::any_of(edits, [&](const Edit& edit) {
            return written(edit) && deeper_than(edit.value, levels - 1);
        })) {
        return true;
    }
    if (node.edited && node.kind == Kind::array) return false;
    const NodeId original = node.edited ? original_of(id) : id;
    const NodeId end = original == empty_object_ ? original : nodes_[original].next;
    for (NodeId child = original + 1; child < end; child = nodes_[child].next) {
        const bool gone = std::ranges::any_of(edits, [&](const Edit& edit) {
            return edit.member == child &&
                   (edit.does == Edit::Does::remove || edit.value != no_node);
        });
        if (!gone && deeper_than(child, levels - 1)) return true;
    }
    return false;
}

}  // namespace holdfast::jq

// Looking into values, and making changed ones.
#include <algorithm>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/jq/machine.hpp"
#include "core/jq/text.hpp"

namespace holdfast::jq {

std::span<Edit> Machine::edits_of(NodeId id) {
    if (!nodes_[id].edited) return {};
    const Version& version = versions_[nodes_[id].next];
    return {edits_.data() + version.first, version.count};
}

std::span<const Edit> Machine::edits_of(NodeId id) const {
    if (!nodes_[id].edited) return {};
    const Version& version = versions_[nodes_[id].next];
    return {edits_.data() + version.first, version.count};
}

NodeId Machine::original_of(NodeId id) const {
    return nodes_[id].edited ? versions_[nodes_[id].next].original : id;
}

Edit* Machine::edit_of_member(NodeId id, NodeId member) {
    for (Edit& edit : edits_of(id)) {
        if (edit.member == member) return &edit;
    }
    return nullptr;
}

/// The edit that made a member of this name.
Edit* Machine::edit_of_key(NodeId id, std::uint32_t key) {
    for (Edit& edit : edits_of(id)) {
        const bool named = edit.does == Edit::Does::append || edit.does == Edit::Does::rename;
        if (named && edit.key == key) return &edit;
    }
    return nullptr;
}

/// A member of an object on the tape; no_node if there is none. A key that is there twice is left
/// to the machine in core/jq/machine, and so is every object in which a key has escapes.
Step Machine::find_member(NodeId original, std::uint32_t key, NodeId& member) {
    const Node& object = nodes_[original];
    if (object.escaped_keys) return Step::leave;
    member = no_node;
    if (original == empty_object_) return Step::value;
    const std::string_view wanted = plan_.texts[key].plain;
    const Probe probe = probes_[key];
    for (NodeId child = original + 1; child < object.next; child = nodes_[child].next) {
        const Node& node = nodes_[child];
        if (node.key_size != wanted.size()) continue;
        std::uint64_t head = 0;
        std::memcpy(&head, node.key, sizeof head);
        if ((head & probe.mask) != probe.head) continue;
        if (wanted.size() > sizeof head && std::string_view(node.key, node.key_size) != wanted) {
            continue;
        }
        if (member != no_node) return Step::leave;
        member = child;
    }
    return Step::value;
}

/// A member's value; no_node if there is none. Requires an object.
Step Machine::find(NodeId object, std::uint32_t key, NodeId& found) {
    found = no_node;
    if (!nodes_[object].edited) return find_member(object, key, found);
    if (const Edit* edit = edit_of_key(object, key)) {
        found = edit->value != no_node ? edit->value : edit->member;
        return Step::value;
    }
    NodeId member = no_node;
    const Step step = find_member(original_of(object), key, member);
    if (step != Step::value || member == no_node) return step;
    const Edit* edit = edit_of_member(object, member);
    if (edit == nullptr) {
        found = member;
    } else if (edit->does == Edit::Does::replace) {
        found = edit->value;
    }
    return Step::value;
}

/// target | .[key]
Step Machine::child(NodeId target, std::uint32_t key, NodeId& result) {
    const Kind kind = nodes_[target].kind;
    if (kind == Kind::null) {
        result = null_;
        return Step::value;
    }
    if (kind != Kind::object) return fail_index(target, key);
    const Step step = find(target, key, result);
    if (result == no_node) result = null_;
    return step;
}

Step Machine::field(const Expr& expr, NodeId target, NodeId& result) {
    const Kind kind = nodes_[target].kind;
    if (expr.optional && kind != Kind::null && kind != Kind::object) return Step::none;
    return child(target, expr.text, result);
}

/// Of an array: how many elements; of an object: members, those with equal keys each for itself.
NodeId Machine::child_count(NodeId container) const {
    const Node& node = nodes_[container];
    if (node.edited) return static_cast<NodeId>(edits_of(container).size());
    NodeId count = 0;
    for (NodeId id = container + 1; id < node.next; id = nodes_[id].next) ++count;
    return count;
}

Step Machine::element(const Expr& expr, NodeId target, NodeId& result) {
    const Node& array = nodes_[target];
    result = null_;
    if (array.kind == Kind::null) return Step::value;
    if (array.kind != Kind::array) {
        if (expr.optional) return Step::none;
        constexpr std::array<const char*, 7> names{"null",   "boolean", "boolean", "number",
                                                   "string", "array",   "object"};
        return fail(std::string("Cannot index ") + names[static_cast<std::size_t>(array.kind)] +
                    " with number");
    }
    std::int64_t at = expr.number;
    const auto count = static_cast<std::int64_t>(child_count(target));
    if (at < 0) at += count;
    if (at < 0 || at >= count) return Step::value;
    if (array.edited) {
        result = edits_of(target)[static_cast<std::size_t>(at)].value;
        return Step::value;
    }
    result = target + 1;
    while (at-- > 0) result = nodes_[result].next;
    return Step::value;
}

Step Machine::has(const Expr& expr, NodeId input, NodeId& result) {
    constexpr std::array<const char*, 7> names{"null",   "boolean", "boolean", "number",
                                               "string", "array",   "object"};
    const Kind kind = nodes_[input].kind;
    result = no_;
    if (kind == Kind::null) return Step::value;
    if (kind != Kind::object) {
        return fail(std::string("Cannot check whether ") + names[static_cast<std::size_t>(kind)] +
                    " has a string key");
    }
    NodeId found = no_node;
    const Step step = find(input, expr.text, found);
    result = bool_node(found != no_node);
    return step;
}

Step Machine::length(NodeId input, NodeId& result) {
    constexpr NodeId members_max = 32;
    Node node = nodes_[input];
    switch (node.kind) {
        case Kind::null: result = number_node(0); return Step::value;
        case Kind::no:
        case Kind::yes: return fail("boolean (" + std::string(node.bytes()) + ") has no length");
        case Kind::number:
            result = input;
            if (*node.text != '-') return Step::value;
            ++node.text;
            --node.size;
            result = nodes_.add(node);
            return Step::value;
        case Kind::string:
            result = number_node(code_points(string_of(input, scratch_a_)));
            return Step::value;
        case Kind::array: result = number_node(child_count(input)); return Step::value;
        case Kind::object: break;
    }
    // Keys that occur twice count once.
    if (node.edited || node.escaped_keys || child_count(input) > members_max) return Step::leave;
    for (NodeId a = input + 1; a < node.next; a = nodes_[a].next) {
        for (NodeId b = nodes_[a].next; b < node.next; b = nodes_[b].next) {
            const Node& x = nodes_[a];
            const Node& y = nodes_[b];
            if (std::string_view(x.key, x.key_size) == std::string_view(y.key, y.key_size)) {
                return Step::leave;
            }
        }
    }
    result = number_node(child_count(input));
    return Step::value;
}

// ---- changed values ----------------------------------------------------------------------------

/// A node for the same value with edits of its own, the last ones in edits_.
NodeId Machine::derive(NodeId of) {
    Node node = nodes_[of];
    Version version{of, static_cast<std::uint32_t>(edits_.size()), 0};
    if (node.edited) {
        const Version old = versions_[node.next];
        version.original = old.original;
        version.count = old.count;
        edits_.reserve(edits_.size() + old.count + 1);
        for (std::uint32_t i = 0; i < old.count; ++i) edits_.push_back(edits_[old.first + i]);
    }
    node.edited = true;
    node.key = nullptr;
    node.next = static_cast<NodeId>(versions_.size());
    versions_.push_back(version);
    return nodes_.add(node);
}

NodeId Machine::derive(NodeId of, const Edit& edit) {
    const NodeId id = derive(of);
    add_edit(edit);
    return id;
}

/// To the node that was derived last.
void Machine::add_edit(const Edit& edit) {
    Version& version = versions_.back();
    HF_ASSERT(version.first + version.count == edits_.size());
    edits_.push_back(edit);
    ++version.count;
}

Step Machine::set(NodeId object, std::uint32_t key, NodeId value, NodeId& result) {
    if (edit_of_key(object, key) != nullptr) {
        result = derive(object);
        edit_of_key(result, key)->value = value;
        return Step::value;
    }
    NodeId member = no_node;
    const Step step = find_member(original_of(object), key, member);
    if (step != Step::value) return step;
    const Edit* edit = member == no_node ? nullptr : edit_of_member(object, member);
    if (member == no_node || (edit != nullptr && edit->does == Edit::Does::rename)) {
        result = derive(object, {.does = Edit::Does::append, .value = value, .key = key});
    } else if (edit == nullptr) {
        result = derive(object, {.does = Edit::Does::replace, .member = member, .value = value});
    } else {
        result = derive(object);
        *edit_of_member(result, member) = {
            .does = Edit::Does::replace, .member = member, .value = value};
    }
    return Step::value;
}

Step Machine::remove_key(NodeId object, std::uint32_t key, NodeId& result) {
    result = object;
    if (edit_of_key(object, key) != nullptr) {
        result = derive(object);
        Edit& edit = *edit_of_key(result, key);
        if (edit.does == Edit::Does::rename) {
            edit.does = Edit::Does::remove;
        } else {
            edits_.erase(edits_.begin() + (&edit - edits_.data()));
            --versions_.back().count;
        }
        return Step::value;
    }
    NodeId member = no_node;
    const Step step = find_member(original_of(object), key, member);
    if (step != Step::value || member == no_node) return step;
    const Edit* edit = edit_of_member(object, member);
    if (edit == nullptr) {
        result = derive(object, {.does = Edit::Does::remove, .member = member});
    } else if (edit->does == Edit::Does::replace) {
        result = derive(object);
        edit_of_member(result, member)->does = Edit::Does::remove;
    }
    return Step::value;
}

Step Machine::rename_key(NodeId object, std::uint32_t from, std::uint32_t to, NodeId& result) {
    result = object;
    NodeId old = no_node;
    NodeId taken = no_node;
    Step step = find(object, from, old);
    if (step != Step::value || old == no_node || from == to) return step;
    step = find(object, to, taken);
    if (step != Step::value) return step;
    if (taken != no_node) return Step::leave;
    result = derive(object);
    if (Edit* edit = edit_of_key(result, from)) {
        edit->key = to;
        return Step::value;
    }
    NodeId member = no_node;
    step = find_member(original_of(object), from, member);
    HF_ASSERT(member != no_node);
    const Edit change{.does = Edit::Does::rename, .member = member, .value = old, .key = to};
    if (Edit* edit = edit_of_member(result, member)) {
        *edit = change;
    } else {
        add_edit(change);
    }
    return step;
}

// ---- what the program changes ------------------------------------------------------------------

/// Whether a path leads anywhere: what is on the way must be an object or null.
Step Machine::walk(NodeId input, const Path& path) {
    Step step = Step::value;
    for (std::size_t i = 0; i < path.size() && step == Step::value; ++i) {
        step = child(input, path[i], input);
    }
    return step;
}

Step Machine::set_path(NodeId input, const Path& path, std::size_t depth, NodeId value,
                       NodeId& result) {
    const Kind kind = nodes_[input].kind;
    if (kind != Kind::null && kind != Kind::object) return fail_index(input, path[depth]);
    if (depth + 1 < path.size()) {
        NodeId old = no_node;
        Step step = child(input, path[depth], old);
        if (step == Step::value) step = set_path(old, path, depth + 1, value, value);
        if (step != Step::value) return step;
    }
    return set(kind == Kind::null ? empty_object_ : input, path[depth], value, result);
}

Step Machine::remove_path(NodeId input, const Path& path, std::size_t depth, NodeId& result) {
    result = input;
    if (nodes_[input].kind == Kind::null) return Step::value;
    if (depth + 1 == path.size()) return remove_key(input, path[depth], result);
    NodeId old = no_node;
    NodeId changed = no_node;
    Step step = child(input, path[depth], old);
    if (step == Step::value) step = remove_path(old, path, depth + 1, changed);
    if (step != Step::value || changed == old) return step;
    return set(input, path[depth], changed, result);
}

Step Machine::assign(const Expr& expr, NodeId input, NodeId& result) {
    NodeId value = no_node;
    Step step = eval(expr.a, input, value);
    result = input;
    for (std::int32_t i = 0; i < expr.number && step == Step::value; ++i) {
        const Path& path = plan_.paths[expr.text + static_cast<std::uint32_t>(i)];
        if (expr.number > 1) step = walk(input, path);
        if (step == Step::value) step = set_path(result, path, 0, value, result);
    }
    return step;
}

Step Machine::remove(const Expr& expr, NodeId input, NodeId& result) {
    const std::span<const Path> paths(plan_.paths.data() + expr.text,
                                      static_cast<std::size_t>(expr.number));
    Step step = Step::value;
    for (std::size_t i = 0; i < paths.size() && step == Step::value; ++i) {
        step = walk(input, paths[i]);
    }
    result = input;
    for (std::size_t i = 0; i < paths.size() && step == Step::value; ++i) {
        step = remove_path(result, paths[i], 0, result);
    }
    return step;
}

Step Machine::rename(const Expr& expr, NodeId input, NodeId& result) {
    if (nodes_[input].kind != Kind::object) return Step::leave;
    return rename_key(input, expr.text, static_cast<std::uint32_t>(expr.number), result);
}

Step Machine::build(const Expr& expr, NodeId input, NodeId& result) {
    const std::span<const Item> items(plan_.items.data() + expr.text,
                                      static_cast<std::size_t>(expr.number));
    const std::size_t below = values_.size();
    Step step = Step::value;
    for (const Item& item : items) {
        NodeId value = no_node;
        step = eval(item.value, input, value);
        if (step == Step::none && expr.op == Op::array) {
            value = no_node;
            step = Step::value;
        }
        if (step != Step::value) break;
        values_.push_back(value);
    }
    if (step == Step::value && expr.op == Op::array) {
        result = derive(empty_array_);
        for (std::size_t i = below; i < values_.size(); ++i) {
            if (values_[i] == no_node) continue;
            add_edit({.does = Edit::Does::append, .value = values_[i]});
        }
    } else if (step == Step::value) {
        result = derive(empty_object_);
        for (std::size_t i = 0; i < items.size(); ++i) {
            const NodeId value = values_[below + i];
            if (Edit* edit = edit_of_key(result, items[i].key)) {
                edit->value = value;
                continue;
            }
            add_edit({.does = Edit::Does::append, .value = value, .key = items[i].key});
        }
    }
    values_.resize(below);
    return step;
}

}  // namespace holdfast::jq

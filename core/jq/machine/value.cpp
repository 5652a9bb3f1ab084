#include "core/jq/machine/value.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "core/base/mutant.hpp"
#include "core/jq/text.hpp"

namespace holdfast::jq::machine {
namespace {

constexpr std::uint32_t index_above = 16;  ///< Members; below, a look at each is as fast.

constexpr std::uint32_t none_found = UINT32_MAX;

std::uint32_t hash_of(std::string_view text) {
    std::uint64_t hash = 0xCBF29CE484222325;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
    return static_cast<std::uint32_t>(hash ^ hash >> 32);
}

std::uint32_t find_at(const Object& object, std::string_view key) {
    if (object.slots != nullptr) {
        for (std::uint32_t at = hash_of(key) & object.mask;; at = (at + 1) & object.mask) {
            const std::uint32_t member = object.slots[at];
            if (member == 0) return none_found;
            if (object.members[member - 1].key.bytes() == key) return member - 1;
        }
    }
    for (std::uint32_t i = 0; i < object.count; ++i) {
        if (object.members[i].key.bytes() == key) return i;
    }
    return none_found;
}

void enter_slot(Object& object, std::uint32_t member) {
    std::uint32_t at = hash_of(object.members[member].key.bytes()) & object.mask;
    while (object.slots[at] != 0) at = (at + 1) & object.mask;
    object.slots[at] = member + 1;
}

/// Makes the index anew, for twice as many members.
void make_slots(Heap& heap, Object& object) {
    std::uint32_t size = 64;
    while (size < object.capacity * 2) size *= 2;
    object.slots = heap.take_many<std::uint32_t>(size);
    if (object.slots == nullptr) return;
    std::memset(object.slots, 0, size * sizeof(std::uint32_t));
    object.mask = size - 1;
    for (std::uint32_t i = 0; i < object.count; ++i) enter_slot(object, i);
}

void grow(Heap& heap, Object& object, std::size_t capacity) {
    auto* larger = heap.take_many<Member>(capacity);
    if (larger == nullptr) return;
    if (object.count > 0) {
        std::memcpy(static_cast<void*>(larger), object.members, object.count * sizeof(Member));
    }
    object.members = larger;
    object.capacity = static_cast<std::uint32_t>(capacity);
    if (object.count > index_above || object.slots != nullptr) make_slots(heap, object);
}

void deepen(Heap& heap, std::uint16_t& depth, const Value& inside) {
    depth = std::max(depth, static_cast<std::uint16_t>(depth_of(inside) + 1));
    heap.check_depth(depth);
}

Object* copy_object(Heap& heap, const Object& object, std::size_t more) {
    Object* copy = fresh_object(heap, object.count + more);
    if (copy->capacity < object.count + more) return copy;
    if (object.count > 0) {
        std::memcpy(static_cast<void*>(copy->members), object.members,
                    object.count * sizeof(Member));
    }
    copy->count = object.count;
    copy->depth = object.depth;
    if (copy->count > index_above) make_slots(heap, *copy);
    return copy;
}

Value open_array(Heap& heap, const Node& node, NodeId id) {
    ArrayBuilder builder(heap);
    for (NodeId child = id + 1; child < node.next;) {
        const Node& item = *(&node + (child - id));
        builder.add(value_of(item, child));
        child = item.next;
    }
    return builder.value();
}

/// A key of an object that was read, decoded.
std::string_view key_of(Heap& heap, const Node& member) {
    const std::string_view raw(member.key, member.key_size);
    if (raw.find('\\') == std::string_view::npos) return raw;
    return text_of(heap, Value::of(raw, Form::read));
}

/// Below 64; keys that differ mostly differ in it.
std::uint32_t rough_hash(std::string_view key) {
    if (key.empty()) return 0;
    const auto byte = [&](std::size_t i) {
        return std::uint32_t{static_cast<unsigned char>(key[i])};
    };
    const std::size_t last = key.size() - 1;
    return (byte(0) + 5 * byte(last) + 11 * byte(last / 2) + 3 * static_cast<std::uint32_t>(last)) &
           63;
}

Value open_object(Heap& heap, const Node& node, NodeId id) {
    std::size_t members = 0;
    for (NodeId child = id + 1; child < node.next; child = (&node + (child - id))->next) ++members;
    // With room for keys that are set.
    Object* object = fresh_object(heap, members + 2);
    // Of few members those whose keys may be equal are compared.
    std::uint64_t seen = members > index_above ? UINT64_MAX : 0;
    for (NodeId child = id + 1; child < node.next;) {
        const Node& member = *(&node + (child - id));
        const Value key = Value::of(key_of(heap, member)), value = value_of(member, child);
        const std::uint64_t bit = std::uint64_t{1} << rough_hash(key.bytes());
        child = member.next;
        if ((seen & bit) != 0 || object->count == object->capacity) {
            put(heap, *object, key, value);
            continue;
        }
        seen |= bit;
        new (object->members + object->count++) Member{key, value};
        if (value.kind >= Kind::array) deepen(heap, object->depth, value);
    }
    return value_of(object);
}

bool same_key(const Node& member, std::string_view key) {
    return key == std::string_view(member.key, member.key_size);
}

}  // namespace

Value value_of(const Node& node, NodeId id) {
    Value out(node.kind);
    out.form = Form::read;
    switch (node.kind) {
        case Kind::number:
            out.text = node.text;
            out.size = node.size;
            break;
        case Kind::string:
            out.text = node.text + 1;
            out.size = node.size - 2;
            if (!node.escaped) out.form = Form::made;
            break;
        case Kind::array:
        case Kind::object:
            out.node = &node;
            out.size = id;
            break;
        default: out.form = Form::made;
    }
    return out;
}

Value value_of(const Object* object) {
    Value out(Kind::object);
    out.object = object;
    return out;
}

std::uint16_t depth_of(const Value& value) {
    if (value.kind != Kind::array && value.kind != Kind::object) return 0;
    if (value.form == Form::read) return Tape::depth_max;
    return value.is(Kind::array) ? value.array->depth : value.object->depth;
}

double number_of(const Value& value) {
    HF_ASSERT(value.is(Kind::number));
    if (value.form == Form::made) return value.number;
    // Small whole numbers, which most are, need no care.
    if (value.size <= 9) {
        std::uint32_t whole = 0;
        bool plain = true;
        for (const char c : value.bytes()) {
            plain = plain && c >= '0' && c <= '9';
            whole = whole * 10 + static_cast<std::uint32_t>(c - '0');
        }
        if (plain) return whole;
    }
    double number = 0;
    const std::string_view text = value.bytes();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc::result_out_of_range) return number;
    // Too large or too near zero: the sign of the exponent tells.
    const std::size_t exponent = text.find_first_of("eE");
    const bool tiny = (exponent != text.npos && text.substr(exponent + 1, 1) == "-") ||
                      text.starts_with("0.") || text.starts_with("-0.");
    const double size = tiny ? 0.0 : std::numeric_limits<double>::infinity();
    return text.starts_with('-') ? -size : size;
}

std::string_view text_of(Heap& heap, const Value& string) {
    HF_ASSERT(string.is(Kind::string));
    if (string.form == Form::made) return string.bytes();
    std::string decoded;
    decode_string(string.bytes(), decoded);
    return make_string(heap, decoded).bytes();
}

Value concat(Heap& heap, const Value& a, const Value& b) {
    const std::string_view left = text_of(heap, a);
    const std::string_view right = text_of(heap, b);
    if (right.empty()) return Value::of(left);
    const std::size_t size = left.size() + right.size();
    if (!heap.may_be_text(size)) return Value::of(std::string_view());
    if (char* behind = heap.room_behind(left.data() + left.size(), right.size())) {
        std::memcpy(behind, right.data(), right.size());
        return Value::of(std::string_view(left.data(), size));
    }
    // Half as much again, so that a text that grows is copied seldom.
    char* to = take_text(heap, size, size < Heap::small_bytes ? 0 : size / 2);
    if (to == nullptr) return Value::of(std::string_view());
    if (size >= Heap::small_bytes) heap.give_back(to + size);
    if (!left.empty()) std::memcpy(to, left.data(), left.size());
    std::memcpy(to + left.size(), right.data(), right.size());
    return Value::of(std::string_view(to, size));
}

Value opened(Heap& heap, const Value& container) {
    if (container.form == Form::made) return container;
    if (container.is(Kind::array)) return open_array(heap, *container.node, container.size);
    return open_object(heap, *container.node, container.size);
}

std::uint32_t size_of(Heap& heap, const Value& container) {
    if (container.is(Kind::array) && container.form == Form::read) {
        std::uint32_t count = 0;
        const Node* node = container.node;
        for (NodeId child = container.size + 1; child < node->next; ++count) {
            child = (node + (child - container.size))->next;
        }
        heap.work(count);
        return count;
    }
    const Value open = opened(heap, container);
    return open.is(Kind::array) ? open.size : open.object->count;
}

Value make_array(Heap& heap, const Value* items, std::size_t count) {
    ArrayBuilder builder(heap);
    for (std::size_t i = 0; i < count; ++i) builder.add(items[i]);
    return builder.value();
}

/// In place, where the array is the longest of those that share its items.
Value append(Heap& heap, const Value& array, const Value& item) {
    Value out = opened(heap, array);
    auto* shared = const_cast<Array*>(out.array);
    if (shared->used != out.size || shared->used == shared->capacity) {
        auto* copy = new (heap.take(sizeof(Array))) Array;
        const std::size_t capacity = std::size_t{out.size} * 2 + 4;
        copy->items = heap.take_many<Value>(capacity);
        if (copy->items == nullptr) return out;
        if (out.size > 0) {
            std::memcpy(static_cast<void*>(copy->items), shared->items, out.size * sizeof(Value));
        }
        copy->used = out.size;
        copy->capacity = static_cast<std::uint32_t>(capacity);
        copy->depth = shared->depth;
        shared = copy;
    }
    new (shared->items + shared->used++) Value(item);
    deepen(heap, shared->depth, item);
    out.array = shared;
    out.size = shared->used;
    return out;
}

Object* fresh_object(Heap& heap, std::size_t capacity) {
    auto* object = new (heap.take(sizeof(Object))) Object;
    if (capacity > 0) grow(heap, *object, capacity);
    return object;
}

Value make_object(Heap& heap, std::size_t capacity) {
    return value_of(fresh_object(heap, capacity));
}

Value made_of(Heap& heap, const Member* members, std::uint32_t count) {
    Object* object = fresh_object(heap, count);
    if (object->capacity < count) return value_of(object);
    std::memcpy(static_cast<void*>(object->members), members, count * sizeof(Member));
    object->count = count;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (members[i].value.kind >= Kind::array) deepen(heap, object->depth, members[i].value);
    }
    return value_of(object);
}

const Value* find(const Object& object, std::string_view key) {
    const std::uint32_t at = find_at(object, key);
    return at == none_found ? nullptr : &object.members[at].value;
}

void put(Heap& heap, Object& fresh, const Value& key, const Value& value) {
    deepen(heap, fresh.depth, value);
    const std::uint32_t at = find_at(fresh, key.bytes());
    if (at != none_found) {
        fresh.members[at].value = value;
        return;
    }
    if (fresh.count == fresh.capacity)
        grow(heap, fresh, std::max<std::size_t>(4, fresh.capacity * 2));
    if (fresh.count == fresh.capacity) return;
    new (fresh.members + fresh.count++) Member{key, value};
    if (fresh.slots != nullptr) {
        enter_slot(fresh, fresh.count - 1);
    } else if (fresh.count > index_above) {
        make_slots(heap, fresh);
    }
}

Value get_member(Heap& heap, const Value& object, std::string_view key, bool& found) {
    found = true;
    if (object.form == Form::made) {
        const Value* value = find(*object.object, key);
        found = value != nullptr;
        return found ? *value : Value();
    }
    if (object.node->escaped_keys) return get_member(heap, opened(heap, object), key, found);
    // Of those that stand there twice the last one counts.
    const Node* node = object.node;
    NodeId last = no_node;
    std::size_t members = 0;
    for (NodeId child = object.size + 1; child < node->next; ++members) {
        const Node& member = *(node + (child - object.size));
        if (same_key(member, key)) last = child;
        child = member.next;
    }
    if (!mutant(451)) heap.work(members);
    found = last != no_node;
    return found ? value_of(*(node + (last - object.size)), last) : Value();
}

Value get_item(Heap& heap, const Value& array, double index) {
    if (index != index) return Value();
    const std::uint32_t size = size_of(heap, array);
    index = whole_of(index);
    if (index < 0) index += mutant(417) ? size - 1.0 : size;
    if (!(index < size) || index < 0) return Value();
    auto at = static_cast<std::uint32_t>(index);
    if (array.form == Form::made) return array.array->items[at];
    NodeId child = array.size + 1;
    for (; at > 0; --at) child = (array.node + (child - array.size))->next;
    return value_of(*(array.node + (child - array.size)), child);
}

std::uint32_t owner_of(const Value& value) {
    if (value.form == Form::read) return 0;
    if (value.is(Kind::array)) return value.array->owner;
    return value.is(Kind::object) ? value.object->owner : 0;
}

Value set_member(Heap& heap, const Value& object, const Value& key, const Value& value,
                 std::uint32_t owner) {
    const Value open = opened(heap, object);
    // What was just opened is nobody else's.
    const bool own = object.form == Form::read || (owner != 0 && open.object->owner == owner);
    Object* copy = own ? const_cast<Object*>(open.object) : copy_object(heap, *open.object, 1);
    copy->owner = owner;
    put(heap, *copy, Value::of(text_of(heap, key)), value);
    return value_of(copy);
}

Value remove_member(Heap& heap, const Value& object, std::string_view key) {
    const Value open = opened(heap, object);
    const std::uint32_t at = find_at(*open.object, key);
    if (at == none_found) return object;
    Object* copy = fresh_object(heap, open.object->count);
    for (std::uint32_t i = 0; i < open.object->count; ++i) {
        if (i != at) put(heap, *copy, open.object->members[i].key, open.object->members[i].value);
    }
    return value_of(copy);
}

}  // namespace holdfast::jq::machine

// Looking into values and putting something else in their places, by keys and by paths.
#include <algorithm>

#include "core/base/mutant.hpp"
#include "core/jq/machine/builtins.hpp"

namespace holdfast::jq::machine {
namespace {

constexpr double index_max = 536870911;  ///< As in jq 1.8.

bool cannot_index(Bench& bench, const Value& target, const Value& key) {
    return bench.fail("Cannot index " + std::string(type_name(target)) + " with " +
                      described(bench.heap, key));
}

struct Range {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
};

/// The part of `size` that a slice means. False: its bounds are no numbers.
bool range_of(std::uint32_t size, const Value& from, const Value& to, Range& range) {
    const bool numbers = (from.is(Kind::null) || from.is(Kind::number)) &&
                         (to.is(Kind::null) || to.is(Kind::number));
    if (!numbers) return false;
    const double length = size;
    double begin = from.is(Kind::null) ? 0 : number_of(from);
    double end = to.is(Kind::null) ? length : number_of(to);
    if (begin < 0) begin += mutant(407) ? length + 1 : length;
    if (end < 0) end += length;
    if (!(begin >= 0)) begin = 0;
    if (begin > length) begin = length;
    if (!(end <= length)) end = length;
    if (end < 0) end = 0;
    // What a bound is within is part of it; only then the two are compared.
    range.begin = static_cast<std::uint32_t>(begin);
    range.end = static_cast<std::uint32_t>(end);
    if (range.end < end) ++range.end;
    range.end = std::max(range.begin, range.end);
    return true;
}

/// The bounds in a slice's key: {"start": 1, "end": 2}.
void bounds_of(Heap& heap, const Value& key, Value& from, Value& to) {
    bool found = false;
    from = get_member(heap, key, "start", found);
    if (!found) from = Value::of(false);
    to = get_member(heap, key, "end", found);
    if (!found) to = Value::of(false);
}

Value part_of(Heap& heap, const Value& array, Range range) {
    const Value open = opened(heap, array);
    return make_array(heap, open.array->items + range.begin, range.end - range.begin);
}

/// Where the value stands in the array, as one item or as a run of them.
Value places_of(Heap& heap, const Value& array, const Value& sought) {
    ArrayBuilder places(heap);
    const Value in = opened(heap, array), run = opened(heap, sought);
    for (std::uint32_t i = 0; run.size > 0 && i + run.size <= in.size; ++i) {
        bool all = true;
        for (std::uint32_t j = 0; j < run.size && all; ++j) {
            all = equal(heap, in.array->items[i + j], run.array->items[j]);
            heap.work(1);
        }
        if (heap.exhausted()) break;
        if (all) places.add(Value::of(static_cast<double>(i)));
    }
    return places.value();
}

bool set_item(Bench& bench, const Value& target, double index, const Value& value,
              std::uint32_t owner, Value& out) {
    if (index != index) return bench.fail("Cannot set array element at NaN index");
    index = whole_of(index);
    const Value array =
        target.is(Kind::null) ? make_array(bench.heap, nullptr, 0) : opened(bench.heap, target);
    if (index < 0) index += array.size;
    if (index < 0) return bench.fail("Out of bounds negative array index");
    if (index > index_max) return bench.fail("Array index too large");
    const auto at = static_cast<std::size_t>(index);
    if (at == array.size) {
        out = append(bench.heap, array, value);
        // A copy is nobody else's.
        if (out.array != array.array && out.size > array.size)
            const_cast<Array*>(out.array)->owner = owner;
        return true;
    }
    if (owner != 0 && array.array->owner == owner && at < array.size) {
        auto* own = const_cast<Array*>(array.array);
        own->items[at] = value;
        own->depth = std::max(own->depth, static_cast<std::uint16_t>(depth_of(value) + 1));
        bench.heap.check_depth(own->depth);
        return out = array, true;
    }
    const std::size_t count = std::max<std::size_t>(array.size, at + 1);
    if (!bench.heap.fits(count * sizeof(Value))) return bench.heap.exhaust(), true;
    auto* items = bench.heap.take_many<Value>(count);
    if (items == nullptr) return true;
    std::copy_n(array.array->items, array.size, items);
    for (std::size_t i = array.size; i < count; ++i) new (items + i) Value();
    items[at] = value;
    auto* made = new (bench.heap.take(sizeof(Array))) Array;
    made->items = items;
    made->used = made->capacity = static_cast<std::uint32_t>(count);
    made->depth = std::max<std::uint16_t>(array.array->depth,
                                          static_cast<std::uint16_t>(depth_of(value) + 1));
    bench.heap.check_depth(made->depth);
    made->owner = owner;
    out = array;
    out.array = made;
    out.size = made->used;
    return true;
}

bool set_slice(Bench& bench, const Value& target, const Value& key, const Value& value,
               Value& out) {
    const Value array =
        target.is(Kind::null) ? make_array(bench.heap, nullptr, 0) : opened(bench.heap, target);
    Value from, to;
    Range range;
    bounds_of(bench.heap, key, from, to);
    if (!range_of(array.size, from, to, range)) {
        return bench.fail("Array/string slice indices must be integers");
    }
    if (!value.is(Kind::array)) {
        return bench.fail("A slice of an array can only be assigned another array");
    }
    const Value between = opened(bench.heap, value);
    ArrayBuilder made(bench.heap);
    for (std::uint32_t i = 0; i < range.begin; ++i) made.add(array.array->items[i]);
    for (std::uint32_t i = 0; i < between.size; ++i) made.add(between.array->items[i]);
    for (std::uint32_t i = range.end; i < array.size; ++i) made.add(array.array->items[i]);
    out = made.value();
    return true;
}

/// target with value at key. Requires that the key can be looked up there.
bool set_value(Bench& bench, const Value& target, const Value& key, const Value& value, Value& out,
               std::uint32_t owner = 0) {
    const bool none = target.is(Kind::null);
    if (key.is(Kind::string) && (none || target.is(Kind::object))) {
        const Value object = none ? make_object(bench.heap, 1) : target;
        out = set_member(bench.heap, object, key, value, owner);
        return true;
    }
    if (key.is(Kind::number) && (none || target.is(Kind::array))) {
        return set_item(bench, target, number_of(key), value, owner, out);
    }
    if (key.is(Kind::object) && (none || target.is(Kind::array))) {
        return set_slice(bench, target, key, value, out);
    }
    if (key.is(Kind::object) && target.is(Kind::string)) {
        return bench.fail("Cannot update string slices");
    }
    if (key.is(Kind::array) && target.is(Kind::array)) {
        return bench.fail("Cannot update field at array index of array");
    }
    return cannot_index(bench, target, key);
}

bool set_from(Bench& bench, const Value& root, const Value& path, std::uint32_t at,
              const Value& value, std::uint32_t owner, Value& out) {
    if (at == path.size) return out = value, true;
    const Value& key = path.array->items[at];
    Value child;
    if (!index_value(bench, root, key, child)) return false;
    Value changed;
    if (!set_from(bench, child, path, at + 1, value, owner, changed)) return false;
    return set_value(bench, root, key, changed, out, owner);
}

bool delete_items(Bench& bench, const Value& target, const Value& keys, Value& out) {
    const Value array = opened(bench.heap, target);
    auto* gone = bench.heap.take_many<bool>(array.size);
    if (gone == nullptr) return true;
    std::fill_n(gone, array.size, false);
    for (std::uint32_t i = 0; i < keys.size; ++i) {
        const Value& key = keys.array->items[i];
        Range range;
        if (key.is(Kind::number)) {
            double index = number_of(key);
            // In jq what is before the first item by less than one is behind the last one.
            if (index < 0) index = whole_of(index) + array.size;
            if (!(index >= 0) || index >= array.size) continue;
            range.begin = static_cast<std::uint32_t>(index);
            range.end = range.begin + 1;
        } else if (key.is(Kind::object)) {
            Value from, to;
            bounds_of(bench.heap, key, from, to);
            if (!range_of(array.size, from, to, range)) {
                return bench.fail("Array/string slice indices must be integers");
            }
        } else {
            return bench.fail("Cannot delete " + std::string(type_name(key)) + " element of array");
        }
        if (mutant(418)) std::fill_n(gone, array.size, false);
        for (std::uint32_t at = range.begin; at < range.end; ++at) gone[at] = true;
        bench.heap.work(range.end - range.begin);
    }
    ArrayBuilder rest(bench.heap);
    for (std::uint32_t i = 0; i < array.size; ++i) {
        if (!gone[i]) rest.add(array.array->items[i]);
    }
    out = rest.value();
    return true;
}

bool delete_members(Bench& bench, const Value& target, const Value& keys, Value& out) {
    out = target;
    for (std::uint32_t i = 0; i < keys.size; ++i) {
        const Value& key = keys.array->items[i];
        if (!key.is(Kind::string)) {
            return bench.fail("Cannot delete " + std::string(type_name(key)) + " field of object");
        }
    }
    const Value open = opened(bench.heap, target);
    Object* rest = fresh_object(bench.heap, open.object->count);
    Object* gone = fresh_object(bench.heap, keys.size);
    for (std::uint32_t i = 0; i < keys.size; ++i) {
        const Value key = Value::of(text_of(bench.heap, keys.array->items[i]));
        put(bench.heap, *gone, key, key);
    }
    for (std::uint32_t i = 0; i < open.object->count; ++i) {
        const Member& member = open.object->members[i];
        if (find(*gone, member.key.bytes()) == nullptr) {
            put(bench.heap, *rest, member.key, member.value);
        }
    }
    if (rest->count != open.object->count) out = value_of(rest);
    return true;
}

bool delete_keys(Bench& bench, const Value& target, const Value& keys, Value& out) {
    if (keys.size == 0 || target.is(Kind::null)) return out = target, true;
    if (target.is(Kind::array)) return delete_items(bench, target, keys, out);
    if (target.is(Kind::object)) return delete_members(bench, target, keys, out);
    return bench.fail("Cannot delete fields from " + std::string(type_name(target)));
}

/// Paths from `begin` to `end`, sorted, alike in their first `at` keys and longer.
bool delete_sorted(Bench& bench, const Value& root, const Value* begin, const Value* end,
                   std::uint32_t at, Value& out) {
    out = root;
    ArrayBuilder keys(bench.heap);
    while (begin != end) {
        const Value& key = begin->array->items[at];
        const Value* group = begin;
        while (group != end && equal(bench.heap, group->array->items[at], key)) ++group;
        if (group == begin) ++group;  // nan
        if (begin->size == at + 1) {
            keys.add(key);
        } else {
            Value child, rest;
            if (!index_value(bench, out, key, child)) return false;
            if (!child.is(Kind::null)) {
                if (!delete_sorted(bench, child, begin, group, at + 1, rest)) return false;
                const Value whole = out;
                if (!set_value(bench, whole, key, rest, out)) return false;
            }
        }
        begin = group;
    }
    const Value whole = out;
    return delete_keys(bench, whole, keys.value(), out);
}

bool get_path(Bench& bench, const Value* v, Value& out) {
    return get_path_of(bench, v[0], v[1], out);
}
bool set_path(Bench& bench, const Value* v, Value& out) {
    return set_path_of(bench, v[0], v[1], v[2], out);
}
bool delete_paths(Bench& bench, const Value* v, Value& out) {
    return delete_paths_of(bench, v[0], v[1], out);
}

}  // namespace

Value slice_key(Heap& heap, const Value& from, const Value& to) {
    Object* key = fresh_object(heap, 2);
    put(heap, *key, Value::of(std::string_view("start")), from);
    put(heap, *key, Value::of(std::string_view("end")), to);
    return value_of(key);
}

bool index_value(Bench& bench, const Value& target, const Value& key, Value& out) {
    bool found = false;
    if (target.is(Kind::object) && key.is(Kind::string)) {
        out = get_member(bench.heap, target, text_of(bench.heap, key), found);
        return true;
    }
    if (target.is(Kind::array) && key.is(Kind::number)) {
        out = get_item(bench.heap, target, number_of(key));
        return true;
    }
    const bool sliced = target.is(Kind::array) || target.is(Kind::string) || target.is(Kind::null);
    if (key.is(Kind::object) && sliced) {
        Value from, to;
        bounds_of(bench.heap, key, from, to);
        return slice_value(bench, target, from, to, out);
    }
    if (target.is(Kind::array) && key.is(Kind::array)) {
        out = places_of(bench.heap, target, key);
        return true;
    }
    const bool plain = key.is(Kind::string) || key.is(Kind::number);
    if (target.is(Kind::null) && plain) return out = Value(), true;
    return cannot_index(bench, target, key);
}

bool slice_value(Bench& bench, const Value& target, const Value& from, const Value& to,
                 Value& out) {
    if (target.is(Kind::null)) return out = Value(), true;
    if (!target.is(Kind::array) && !target.is(Kind::string)) {
        return cannot_index(bench, target, slice_key(bench.heap, from, to));
    }
    Range range;
    const bool is_array = target.is(Kind::array);
    const std::string_view text = is_array ? std::string_view() : text_of(bench.heap, target);
    const std::uint32_t size =
        is_array ? size_of(bench.heap, target) : static_cast<std::uint32_t>(points_of(text));
    if (!range_of(size, from, to, range)) {
        return bench.fail("Array/string slice indices must be integers");
    }
    if (is_array) {
        out = part_of(bench.heap, target, range);
        return true;
    }
    bench.heap.work(text.size() / 64);
    const std::size_t begin = byte_of_point(text, range.begin);
    const std::size_t length = byte_of_point(text.substr(begin), range.end - range.begin);
    out = Value::of(text.substr(begin, length));
    return true;
}

bool get_path_of(Bench& bench, const Value& root, const Value& path, Value& out) {
    if (!path.is(Kind::array)) return bench.fail("Path must be specified as an array");
    const Value keys = opened(bench.heap, path);
    bench.heap.work(keys.size);
    out = root;
    for (std::uint32_t i = 0; i < keys.size; ++i) {
        const Value at = out;
        if (!index_value(bench, at, keys.array->items[i], out)) return false;
    }
    return true;
}

bool set_path_of(Bench& bench, const Value& root, const Value& path, const Value& value, Value& out,
                 std::uint32_t owner) {
    if (!path.is(Kind::array)) return bench.fail("Path must be specified as an array");
    const Value keys = opened(bench.heap, path);
    bench.heap.check_depth(keys.size);
    if (bench.heap.exhausted()) return true;
    return set_from(bench, root, keys, 0, value, owner, out);
}

bool delete_paths_of(Bench& bench, const Value& root, const Value& paths, Value& out) {
    if (!paths.is(Kind::array)) return bench.fail("Paths must be specified as an array");
    const Value all = opened(bench.heap, paths);
    auto* sorted = bench.heap.take_many<Value>(std::size_t{all.size} * 2);
    if (sorted == nullptr) return true;
    const Value* odd = nullptr;  // The least one is told: jq sorts them first.
    for (std::uint32_t i = 0; i < all.size; ++i) {
        const Value& path = all.array->items[i];
        if (!path.is(Kind::array)) {
            if (odd == nullptr || compare(bench.heap, path, *odd) < 0) odd = &path;
            continue;
        }
        new (sorted + i) Value(opened(bench.heap, path));
        bench.heap.check_depth(sorted[i].size);
        if (bench.heap.exhausted()) return true;
        new (sorted + all.size + i) Value(sorted[i]);
    }
    if (odd != nullptr) {
        return bench.fail("Path must be specified as array, not " + std::string(type_name(*odd)));
    }
    sort_by(bench.heap, sorted, sorted + all.size, all.size);
    // The empty path comes first: nothing is left.
    if (all.size > 0 && sorted[0].size == 0) return out = Value(), true;
    return delete_sorted(bench, root, sorted, sorted + all.size, 0, out);
}

std::vector<NativeEntry> path_natives() {
    return {{"getpath", 1, get_path}, {"setpath", 2, set_path}, {"delpaths", 1, delete_paths}};
}

}  // namespace holdfast::jq::machine

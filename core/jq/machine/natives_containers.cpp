// Whole arrays and objects: their size, their keys, their order.
#include <algorithm>
#include <bit>

#include "core/jq/machine/builtins.hpp"

namespace holdfast::jq::machine {
namespace {

bool length(Bench& bench, const Value* v, Value& out) {
    switch (v[0].kind) {
        case Kind::null: out = Value::of(0.0); return true;
        case Kind::number:
            out = std::bit_cast<std::uint64_t>(number_of(v[0])) >> 63 == 1
                      ? negated(bench.heap, v[0])
                      : v[0];
            return true;
        case Kind::string:
            out = Value::of(static_cast<double>(points_of(text_of(bench.heap, v[0]))));
            return true;
        case Kind::array:
        case Kind::object:
            out = Value::of(static_cast<double>(size_of(bench.heap, v[0])));
            return true;
        default: return bench.fail(described(bench.heap, v[0]) + " has no length");
    }
}

bool type(Bench&, const Value* v, Value& out) {
    out = Value::of(type_name(v[0]));
    return true;
}

bool keys_of(Bench& bench, const Value& of, bool sorted, Value& out) {
    if (of.is(Kind::object)) {
        if (sorted) return out = sorted_keys(bench.heap, of), true;
        const Value open = opened(bench.heap, of);
        ArrayBuilder keys(bench.heap);
        for (std::uint32_t i = 0; i < open.object->count; ++i) {
            keys.add(open.object->members[i].key);
        }
        return out = keys.value(), true;
    }
    if (!of.is(Kind::array)) return bench.fail(described(bench.heap, of) + " has no keys");
    ArrayBuilder keys(bench.heap);
    const std::uint32_t size = size_of(bench.heap, of);
    for (std::uint32_t i = 0; i < size; ++i) keys.add(Value::of(static_cast<double>(i)));
    out = keys.value();
    return true;
}

bool keys(Bench& bench, const Value* v, Value& out) { return keys_of(bench, v[0], true, out); }
bool keys_unsorted(Bench& bench, const Value* v, Value& out) {
    return keys_of(bench, v[0], false, out);
}

bool has(Bench& bench, const Value* v, Value& out) {
    bool found = false;
    if (v[0].is(Kind::null)) return out = Value::of(false), true;
    if (v[0].is(Kind::object) && v[1].is(Kind::string)) {
        get_member(bench.heap, v[0], text_of(bench.heap, v[1]), found);
    } else if (v[0].is(Kind::array) && v[1].is(Kind::number)) {
        const double index = whole_of(number_of(v[1]));
        found = index >= 0 && index < size_of(bench.heap, v[0]);
    } else {
        return bench.fail("Cannot check whether " + std::string(type_name(v[0])) + " has a " +
                          std::string(type_name(v[1])) + " key");
    }
    out = Value::of(found);
    return true;
}

bool contains_value(Bench& bench, const Value* v, Value& out) {
    // As in jq true and false are of two kinds here.
    if (v[0].kind != v[1].kind) {
        return bench.fail(described(bench.heap, v[0]) + " and " + described(bench.heap, v[1]) +
                          " cannot have their containment checked");
    }
    out = Value::of(contains(bench.heap, v[0], v[1]));
    return true;
}

/// The array and the array of what each of its items is ordered by, both copied to be sorted.
struct Sortable {
    Value* values = nullptr;
    Value* keys = nullptr;
    std::uint32_t count = 0;
};

bool take_sortable(Bench& bench, const Value& array, const Value& by, Sortable& out) {
    if (!array.is(Kind::array)) {
        return bench.fail(described(bench.heap, array) +
                          " cannot be sorted, as it is not an array");
    }
    const Value open = opened(bench.heap, array), keys = opened(bench.heap, by);
    out.values = bench.heap.take_many<Value>(std::size_t{open.size} * 2);
    if (out.values == nullptr || keys.size != open.size) return true;
    out.count = open.size;
    out.keys = out.values + open.size;
    std::copy_n(open.array->items, open.size, out.values);
    std::copy_n(keys.array->items, open.size, out.keys);
    return true;
}

bool sort_values(Bench& bench, const Value& array, const Value& by, Value& out) {
    Sortable items;
    if (!take_sortable(bench, array, by, items)) return false;
    sort_by(bench.heap, items.values, items.keys, items.count);
    out = make_array(bench.heap, items.values, items.count);
    return true;
}

/// Arrays of the items whose keys are equal.
bool group_values(Bench& bench, const Value& array, const Value& by, Value& out) {
    Sortable items;
    if (!take_sortable(bench, array, by, items)) return false;
    sort_by(bench.heap, items.values, items.keys, items.count);
    ArrayBuilder groups(bench.heap);
    for (std::uint32_t i = 0; i < items.count && !bench.heap.exhausted();) {
        std::uint32_t end = i + 1;
        while (end < items.count && equal(bench.heap, items.keys[i], items.keys[end])) ++end;
        groups.add(make_array(bench.heap, items.values + i, end - i));
        i = end;
    }
    out = groups.value();
    return true;
}

bool unique_values(Bench& bench, const Value& array, const Value& by, Value& out) {
    Sortable items;
    if (!take_sortable(bench, array, by, items)) return false;
    sort_by(bench.heap, items.values, items.keys, items.count);
    ArrayBuilder unique(bench.heap);
    for (std::uint32_t i = 0; i < items.count; ++i) {
        if (i > 0 && equal(bench.heap, items.keys[i - 1], items.keys[i])) continue;
        unique.add(items.values[i]);
    }
    out = unique.value();
    return true;
}

/// The first least one, or the last greatest one.
bool extreme(Bench& bench, const Value& array, const Value& by, bool least, Value& out) {
    if (!array.is(Kind::array) || !by.is(Kind::array)) {
        return bench.fail(described(bench.heap, array) + " and " + described(bench.heap, by) +
                          " cannot be iterated over");
    }
    const Value open = opened(bench.heap, array), keys = opened(bench.heap, by);
    bench.heap.work(open.size);
    std::uint32_t best = 0;
    for (std::uint32_t i = 1; i < open.size && i < keys.size; ++i) {
        const int order = compare(bench.heap, keys.array->items[i], keys.array->items[best]);
        if (least ? order < 0 : order >= 0) best = i;
    }
    out = open.size == 0 ? Value() : open.array->items[best];
    return true;
}

bool sort(Bench& bench, const Value* v, Value& out) { return sort_values(bench, v[0], v[0], out); }
/// As jq has it for what is ordered by an array beside it.
bool both_arrays(Bench& bench, const Value* v) {
    if (v[0].is(Kind::array) && v[1].is(Kind::array)) return true;
    return bench.fail(described(bench.heap, v[0]) + " and " + described(bench.heap, v[1]) +
                      " cannot be sorted, as they are not both arrays");
}
bool sort_by_keys(Bench& bench, const Value* v, Value& out) {
    return both_arrays(bench, v) && sort_values(bench, v[0], v[1], out);
}
bool group_by_keys(Bench& bench, const Value* v, Value& out) {
    return both_arrays(bench, v) && group_values(bench, v[0], v[1], out);
}
bool unique(Bench& bench, const Value* v, Value& out) {
    return unique_values(bench, v[0], v[0], out);
}
bool unique_by_keys(Bench& bench, const Value* v, Value& out) {
    return both_arrays(bench, v) && unique_values(bench, v[0], v[1], out);
}
bool min(Bench& bench, const Value* v, Value& out) { return extreme(bench, v[0], v[0], true, out); }
bool max(Bench& bench, const Value* v, Value& out) {
    return extreme(bench, v[0], v[0], false, out);
}
bool min_by_keys(Bench& bench, const Value* v, Value& out) {
    return extreme(bench, v[0], v[1], true, out);
}
bool max_by_keys(Bench& bench, const Value* v, Value& out) {
    return extreme(bench, v[0], v[1], false, out);
}

/// Of what `.[]` gives.
bool each_of(Bench& bench, const Value& of, Value& out) {
    if (of.is(Kind::array)) return out = opened(bench.heap, of), true;
    if (!of.is(Kind::object)) {
        return bench.fail("Cannot iterate over " + described(bench.heap, of));
    }
    const Value open = opened(bench.heap, of);
    ArrayBuilder values(bench.heap);
    for (std::uint32_t i = 0; i < open.object->count; ++i) {
        values.add(open.object->members[i].value);
    }
    out = values.value();
    return true;
}

bool add(Bench& bench, const Value* v, Value& out) {
    Value all;
    if (!each_of(bench, v[0], all)) return false;
    out = Value();
    for (std::uint32_t i = 0; i < all.size && !bench.heap.exhausted(); ++i) {
        const Value sum = out;
        if (!add_values(bench, sum, all.array->items[i], out)) return false;
    }
    bench.heap.work(all.size);
    return true;
}

bool any(Bench& bench, const Value* v, Value& out) {
    Value all;
    if (!each_of(bench, v[0], all)) return false;
    bench.heap.work(all.size);
    out = Value::of(std::any_of(all.array->items, all.array->items + all.size,
                                [](const Value& one) { return one.truthy(); }));
    return true;
}

bool every(Bench& bench, const Value* v, Value& out) {
    Value all;
    if (!each_of(bench, v[0], all)) return false;
    bench.heap.work(all.size);
    out = Value::of(std::all_of(all.array->items, all.array->items + all.size,
                                [](const Value& one) { return one.truthy(); }));
    return true;
}

bool to_entries(Bench& bench, const Value* v, Value& out) {
    ArrayBuilder entries(bench.heap);
    const auto add = [&](const Value& key, const Value& value) {
        const Member members[] = {{Value::of(std::string_view("key")), key},
                                  {Value::of(std::string_view("value")), value}};
        entries.add(made_of(bench.heap, members, 2));
    };
    const Value open = v[0].is(Kind::object) ? opened(bench.heap, v[0]) : v[0];
    if (!open.is(Kind::object)) {
        Value keys;
        if (!keys_of(bench, open, false, keys)) return false;
        const Value items = opened(bench.heap, open);
        for (std::uint32_t i = 0; i < keys.size && !bench.heap.exhausted(); ++i)
            add(keys.array->items[i], items.array->items[i]);
    } else {
        entries.expect(open.object->count);
        for (std::uint32_t i = 0; i < open.object->count && !bench.heap.exhausted(); ++i)
            add(open.object->members[i].key, open.object->members[i].value);
    }
    out = entries.value();
    return true;
}

/// The first of these keys whose value is neither null nor false, as `.a // .b` has it.
bool first_of(Bench& bench, const Value& entry, std::initializer_list<std::string_view> keys,
              Value& out) {
    for (const std::string_view key : keys) {
        if (!index_value(bench, entry, Value::of(key), out)) return false;
        if (out.truthy()) return true;
    }
    return true;
}

bool from_entries(Bench& bench, const Value* v, Value& out) {
    Value all;
    if (!each_of(bench, v[0], all)) return false;
    Object* object = fresh_object(bench.heap, all.size);
    for (std::uint32_t i = 0; i < all.size && !bench.heap.exhausted(); ++i) {
        const Value& entry = all.array->items[i];
        Value key, value;
        if (!index_value(bench, entry, Value::of(std::string_view("key")), key)) return false;
        if (key.is(Kind::null) && !first_of(bench, entry, {"k", "name", "Name", "K", "Key"}, key)) {
            return false;
        }
        if (!key.is(Kind::string)) key = to_text(bench.heap, key);
        if (entry.is(Kind::object)) {
            bool found = false;
            for (const std::string_view name : {"value", "v", "Value", "V"}) {
                value = get_member(bench.heap, entry, name, found);
                if (found) break;
            }
        }
        put(bench.heap, *object, Value::of(text_of(bench.heap, key)), value);
    }
    out = value_of(object);
    return true;
}

bool flatten_into(Bench& bench, const Value& array, const Value& depth, ArrayBuilder& out) {
    const Value open = opened(bench.heap, array);
    for (std::uint32_t i = 0; i < open.size && !bench.heap.exhausted(); ++i) {
        const Value& item = open.array->items[i];
        if (!item.is(Kind::array) || (depth.is(Kind::number) && number_of(depth) == 0)) {
            out.add(item);
            continue;
        }
        if (!depth.is(Kind::number)) {
            return bench.fail(described(bench.heap, depth) +
                              " and number (1) cannot be subtracted");
        }
        if (!flatten_into(bench, item, Value::of(number_of(depth) - 1), out)) return false;
    }
    return true;
}

bool flatten(Bench& bench, const Value* v, Value& out) {
    // The depth is what jq compares and subtracts from, whatever it is; by its digits.
    Value zero = Value::of(std::string_view("0"), Form::read);
    zero.kind = Kind::number;
    const bool is_all = equal(bench.heap, v[1], Value::of(-1e9));
    if (compare(bench.heap, v[1], zero) < 0 && !is_all) {
        return bench.fail("flatten depth must not be negative");
    }
    Value all;
    if (!each_of(bench, v[0], all)) return false;
    ArrayBuilder flat(bench.heap);
    if (!flatten_into(bench, all, v[1], flat)) return false;
    out = flat.value();
    return true;
}

bool reverse(Bench& bench, const Value* v, Value& out) {
    if (v[0].is(Kind::null)) return out = make_array(bench.heap, nullptr, 0), true;
    if (v[0].is(Kind::string)) {
        const std::string_view text = text_of(bench.heap, v[0]);
        TextBuilder reversed(bench.heap);
        for (std::size_t end = text.size(); end > 0;) {
            std::size_t begin = end - 1;
            while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
            reversed.add(text.substr(begin, end - begin));
            end = begin;
        }
        return out = reversed.value(), true;
    }
    if (!v[0].is(Kind::array)) {
        // In jq it is what `.[]` gives by index from the length down.
        Value count, unused;
        if (!length(bench, v, count)) return false;
        if (!(number_of(count) > 0)) return out = make_array(bench.heap, nullptr, 0), true;
        const Value last = Value::of(number_of(count) - 1);
        return index_value(bench, v[0], last, unused) && bench.fail("cannot be reversed");
    }
    const Value open = opened(bench.heap, v[0]);
    ArrayBuilder reversed(bench.heap);
    for (std::uint32_t i = open.size; i-- > 0;) reversed.add(open.array->items[i]);
    out = reversed.value();
    return true;
}

/// The place of the value in a sorted array, or -1 - the place where it would belong.
bool bsearch(Bench& bench, const Value* v, Value& out) {
    if (!v[0].is(Kind::array)) {
        return bench.fail(described(bench.heap, v[0]) + " cannot be searched from");
    }
    const Value open = opened(bench.heap, v[0]);
    std::uint32_t low = 0, high = open.size;
    while (low < high) {
        const std::uint32_t middle = low + (high - low) / 2;
        const int order = compare(bench.heap, open.array->items[middle], v[1]);
        if (order == 0) return out = Value::of(static_cast<double>(middle)), true;
        (order < 0 ? low : high) = order < 0 ? middle + 1 : middle;
    }
    out = Value::of(-1.0 - low);
    return true;
}

}  // namespace

std::vector<NativeEntry> container_natives() {
    return {{"length", 0, length},
            {"type", 0, type},
            {"keys", 0, keys},
            {"keys_unsorted", 0, keys_unsorted},
            {"has", 1, has},
            {"contains", 1, contains_value},
            {"sort", 0, sort},
            {"_sort_by", 1, sort_by_keys},
            {"_group_by", 1, group_by_keys},
            {"unique", 0, unique},
            {"_unique_by", 1, unique_by_keys},
            {"min", 0, min},
            {"max", 0, max},
            {"_min_by", 1, min_by_keys},
            {"_max_by", 1, max_by_keys},
            {"add", 0, add},
            {"any", 0, any},
            {"all", 0, every},
            {"to_entries", 0, to_entries},
            {"from_entries", 0, from_entries},
            {"flatten", 1, flatten},
            {"reverse", 0, reverse},
            {"bsearch", 1, bsearch}};
}

}  // namespace holdfast::jq::machine

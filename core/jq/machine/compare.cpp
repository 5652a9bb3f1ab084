// jq's order of values.
#include <algorithm>
#include <cstring>

#include "core/base/mutant.hpp"
#include "core/jq/machine/builtins.hpp"
#include "core/jq/machine/value.hpp"

namespace holdfast::jq::machine {
namespace {

/// The digits of a number without its sign, leading and trailing zeros, and where its point stands.
struct Decimal {
    bool negative = false;
    std::string digits;
    std::int64_t point = 0;  ///< Digits before the point.
};

Decimal decimal_of(std::string_view text) {
    Decimal out;
    if (text.starts_with('-')) out.negative = true, text.remove_prefix(1);
    bool behind = false;
    std::size_t i = 0;
    for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
        if (text[i] == '.') {
            behind = true;
            continue;
        }
        if (out.digits.empty() && text[i] == '0') {
            out.point -= behind;
            continue;
        }
        out.digits += text[i];
        out.point += !behind;
    }
    while (out.digits.ends_with('0')) out.digits.pop_back();
    if (i >= text.size()) return out;
    std::int64_t exponent = 0;
    const bool below = text[i + 1] == '-';
    for (++i; i < text.size(); ++i) {
        if (text[i] >= '0' && text[i] <= '9' && exponent < 1'000'000'000'000) {
            exponent = exponent * 10 + (text[i] - '0');
        }
    }
    out.point += below ? -exponent : exponent;
    return out;
}

/// Numbers whose doubles are equal may differ in digits that no double holds.
int compare_digits(std::string_view a, std::string_view b) {
    if (a == b) return 0;
    const Decimal left = decimal_of(a), right = decimal_of(b);
    const auto sign_of = [](const Decimal& one) {
        return one.digits.empty() ? 0 : one.negative ? -1 : 1;
    };
    const int sign = sign_of(left), other = sign_of(right);
    if (sign != other) return sign < other ? -1 : 1;
    if (sign == 0) return 0;
    if (left.point != right.point) return left.point < right.point ? -sign : sign;
    const int order = left.digits.compare(right.digits);
    return order == 0 ? 0 : order < 0 ? -sign : sign;
}

int compare_numbers(const Value& a, const Value& b) {
    const double left = number_of(a), right = number_of(b);
    if (left < right || left != left) return -1;
    if (left > right) return 1;
    if (right != right) return 1;
    const bool precise = a.form == Form::read && b.form == Form::read;
    return precise ? compare_digits(a.bytes(), b.bytes()) : 0;
}

int compare_arrays(Heap& heap, const Value& a, const Value& b) {
    const Value left = opened(heap, a), right = opened(heap, b);
    const std::uint32_t count = std::min(left.size, right.size);
    heap.work(count + 1);
    for (std::uint32_t i = 0; i < count; ++i) {
        const int order = compare(heap, left.array->items[i], right.array->items[i]);
        if (order != 0 || heap.exhausted()) return order;
    }
    return left.size == right.size ? 0 : left.size < right.size ? -1 : 1;
}

/// By their sorted keys, then by their values in that order.
int compare_objects(Heap& heap, const Value& a, const Value& b) {
    const Value left = opened(heap, a), right = opened(heap, b);
    const Value keys = sorted_keys(heap, left);
    const int by_keys = compare(heap, keys, sorted_keys(heap, right));
    if (by_keys != 0 && !mutant(412)) return by_keys;
    for (std::uint32_t i = 0; i < keys.size && !heap.exhausted(); ++i) {
        const std::string_view key = keys.array->items[i].bytes();
        const Value* right_value = find(*right.object, key);
        if (right_value == nullptr) return 0;  // Memory is spent.
        const int order = compare(heap, *find(*left.object, key), *right_value);
        if (order != 0) return order;
    }
    return 0;
}

bool equal_objects(Heap& heap, const Value& a, const Value& b) {
    const Value left = opened(heap, a), right = opened(heap, b);
    if (left.object->count != right.object->count) return false;
    heap.work(left.object->count + 1);
    for (std::uint32_t i = 0; i < left.object->count; ++i) {
        if (heap.exhausted()) return false;
        const Member& member = left.object->members[i];
        const Value* other = find(*right.object, member.key.bytes());
        if (other == nullptr || !equal(heap, member.value, *other)) return false;
    }
    return true;
}

/// Stable, by merging, into `to` and back.
void merge_sort(Heap& heap, Value* keys, std::uint32_t* order, std::uint32_t* scratch,
                std::size_t count) {
    for (std::size_t width = 1; width < count; width *= 2) {
        for (std::size_t begin = 0; begin < count; begin += 2 * width) {
            const std::size_t middle = std::min(begin + width, count);
            const std::size_t end = std::min(begin + 2 * width, count);
            std::size_t left = begin, right = middle;
            for (std::size_t at = begin; at < end; ++at) {
                const bool take_left =
                    right == end ||
                    (left < middle && compare(heap, keys[order[left]], keys[order[right]]) <= 0);
                scratch[at] = take_left ? order[left++] : order[right++];
            }
        }
        heap.work(count);
        std::copy_n(scratch, count, order);
    }
}

bool contains_all(Heap& heap, const Value& a, const Value& b) {
    const Value left = opened(heap, a), right = opened(heap, b);
    for (std::uint32_t i = 0; i < right.size; ++i) {
        bool found = false;
        for (std::uint32_t j = 0; j < left.size && !found; ++j) {
            heap.work(1);
            if (heap.exhausted()) return false;
            const Value& mine = left.array->items[j];
            const Value& wanted = right.array->items[i];
            const bool alike = mine.kind == wanted.kind || (mine.is_bool() && wanted.is_bool());
            found = alike && contains(heap, mine, wanted);
        }
        if (!found) return false;
    }
    return true;
}

}  // namespace

int compare(Heap& heap, const Value& a, const Value& b) {
    if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
    switch (a.kind) {
        case Kind::number: return compare_numbers(a, b);
        case Kind::string: {
            if (a.same(b)) return 0;
            const std::string_view left = text_of(heap, a), right = text_of(heap, b);
            heap.work(std::min(left.size(), right.size()) / 64);
            const int order = left.compare(right);
            return order == 0 ? 0 : order < 0 ? -1 : 1;
        }
        case Kind::array: return a.same(b) ? 0 : compare_arrays(heap, a, b);
        case Kind::object: return a.same(b) ? 0 : compare_objects(heap, a, b);
        default: return 0;
    }
}

bool equal(Heap& heap, const Value& a, const Value& b) {
    if (a.kind != b.kind) return false;
    if (a.is(Kind::object)) return a.same(b) || equal_objects(heap, a, b);
    if (!a.is(Kind::array)) return compare(heap, a, b) == 0;
    const Value left = opened(heap, a), right = opened(heap, b);
    if (left.size != right.size || left.same(right)) return left.size == right.size;
    heap.work(left.size + 1);
    for (std::uint32_t i = 0; i < left.size; ++i) {
        if (heap.exhausted()) return false;
        if (!equal(heap, left.array->items[i], right.array->items[i])) return false;
    }
    return true;
}

void sort_by(Heap& heap, Value* values, Value* keys, std::size_t count) {
    auto* order = heap.take_many<std::uint32_t>(2 * count);
    auto* sorted = heap.take_many<Value>(2 * count);
    if (order == nullptr || sorted == nullptr) return;
    for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<std::uint32_t>(i);
    merge_sort(heap, keys, order, order + count, count);
    for (std::size_t i = 0; i < count; ++i) {
        new (sorted + i) Value(values[order[i]]);
        new (sorted + count + i) Value(keys[order[i]]);
    }
    std::copy_n(sorted, count, values);
    std::copy_n(sorted + count, count, keys);
}

Value sorted_keys(Heap& heap, const Value& object) {
    const Value open = opened(heap, object);
    ArrayBuilder keys(heap);
    for (std::uint32_t i = 0; i < open.object->count; ++i) keys.add(open.object->members[i].key);
    const Value out = keys.value();
    Value* items = out.array->items;
    heap.work(out.size);
    std::sort(items, items + out.size,
              [](const Value& a, const Value& b) { return a.bytes() < b.bytes(); });
    return out;
}

/// Requires values of one kind.
bool contains(Heap& heap, const Value& a, const Value& b) {
    if (a.is(Kind::array) && b.is(Kind::array)) return contains_all(heap, a, b);
    if (a.is(Kind::string) && b.is(Kind::string)) {
        const std::string_view text = text_of(heap, a);
        heap.work(text.size() / 16);
        return find_text(text, text_of(heap, b)) != text.npos;
    }
    if (!a.is(Kind::object) || !b.is(Kind::object)) return equal(heap, a, b);
    const Value left = opened(heap, a), right = opened(heap, b);
    heap.work(right.object->count + 1);
    for (std::uint32_t i = 0; i < right.object->count; ++i) {
        if (heap.exhausted()) return false;
        const Member& wanted = right.object->members[i];
        const Value* mine = find(*left.object, wanted.key.bytes());
        if (mine == nullptr) return false;
        const bool alike =
            mine->kind == wanted.value.kind || (mine->is_bool() && wanted.value.is_bool());
        if (!alike || !contains(heap, *mine, wanted.value)) return false;
    }
    return true;
}

}  // namespace holdfast::jq::machine

// Operators: arithmetic, comparison, and what stands at a key.
#include <algorithm>
#include <limits>

#include "core/base/mutant.hpp"
#include "core/jq/machine/builtins.hpp"

namespace holdfast::jq::machine {
namespace {

bool refuse(Bench& bench, const Value& a, const Value& b, std::string_view why) {
    return bench.fail(described(bench.heap, a) + " and " + described(bench.heap, b) + " " +
                      std::string(why));
}

Value add_arrays(Heap& heap, const Value& a, const Value& b) {
    const Value left = opened(heap, a), right = opened(heap, b);
    if (left.size == 0) return right;
    Value out = left;
    for (std::uint32_t i = 0; i < right.size && !heap.exhausted(); ++i) {
        out = append(heap, out, right.array->items[i]);
    }
    return out;
}

Value add_objects(Heap& heap, const Value& a, const Value& b) {
    const Value left = opened(heap, a), right = opened(heap, b);
    Object* out = fresh_object(heap, std::size_t{left.object->count} + right.object->count);
    for (const Object* from : {left.object, right.object}) {
        for (std::uint32_t i = 0; i < from->count; ++i) {
            put(heap, *out, from->members[i].key, from->members[i].value);
        }
    }
    return value_of(out);
}

/// Objects within objects are merged, too.
Value merge(Heap& heap, const Value& a, const Value& b) {
    Value out = add_objects(heap, a, Value(make_object(heap, 0)));
    const Value right = opened(heap, b);
    auto* into = const_cast<Object*>(out.object);
    for (std::uint32_t i = 0; i < right.object->count && !heap.exhausted(); ++i) {
        const Member& member = right.object->members[i];
        const Value* mine = find(*into, member.key.bytes());
        const bool deeper = mine != nullptr && mine->is(Kind::object) &&
                            member.value.is(Kind::object) && !mutant(428);
        const Value value = deeper ? merge(heap, *mine, member.value) : member.value;
        put(heap, *into, member.key, value);
    }
    return out;
}

bool plus(Bench& bench, const Value* v, Value& out) { return add_values(bench, v[1], v[2], out); }

bool minus(Bench& bench, const Value* v, Value& out) {
    const Value &a = v[1], &b = v[2];
    if (a.is(Kind::number) && b.is(Kind::number)) {
        out = Value::of(number_of(a) - number_of(b));
        return true;
    }
    if (!a.is(Kind::array) || !b.is(Kind::array)) {
        return refuse(bench, a, b, "cannot be subtracted");
    }
    const Value left = opened(bench.heap, a), right = opened(bench.heap, b);
    ArrayBuilder rest(bench.heap);
    for (std::uint32_t i = 0; i < left.size && !bench.heap.exhausted(); ++i) {
        bool gone = false;
        for (std::uint32_t j = 0; j < right.size && !gone; ++j) {
            gone = equal(bench.heap, left.array->items[i], right.array->items[j]);
        }
        bench.heap.work(right.size);
        if (!gone) rest.add(left.array->items[i]);
    }
    out = rest.value();
    return true;
}

/// Null for less than none.
bool repeat(Bench& bench, const Value& string, double times, Value& out) {
    if (!(times >= 0)) return out = Value(), true;
    const std::string_view text = text_of(bench.heap, string);
    const double bytes = static_cast<double>(text.size()) * times;
    if (times < 1 || text.empty()) return out = Value::of(std::string_view()), true;
    // As a double it may be beyond all that an integer holds.
    if (!(bytes < 4e9)) return bench.heap.spend("program_string"), true;
    const auto count = static_cast<std::size_t>(times);
    char* to = take_text(bench.heap, count * text.size());
    if (to == nullptr) return true;
    for (std::size_t i = 0; i < count; ++i)
        std::copy(text.begin(), text.end(), to + i * text.size());
    out = Value::of(std::string_view(to, count * text.size()));
    return true;
}

bool times(Bench& bench, const Value* v, Value& out) {
    const Value &a = v[1], &b = v[2];
    if (a.is(Kind::number) && b.is(Kind::number)) {
        out = Value::of(number_of(a) * number_of(b));
        return true;
    }
    if (a.is(Kind::string) && b.is(Kind::number)) return repeat(bench, a, number_of(b), out);
    if (a.is(Kind::number) && b.is(Kind::string)) return repeat(bench, b, number_of(a), out);
    if (a.is(Kind::object) && b.is(Kind::object)) {
        out = merge(bench.heap, a, b);
        return true;
    }
    return refuse(bench, a, b, "cannot be multiplied");
}

bool over(Bench& bench, const Value* v, Value& out) {
    const Value &a = v[1], &b = v[2];
    if (a.is(Kind::number) && b.is(Kind::number)) {
        if (number_of(b) == 0) {
            return refuse(bench, a, b, "cannot be divided because the divisor is zero");
        }
        out = Value::of(number_of(a) / number_of(b));
        return true;
    }
    if (a.is(Kind::string) && b.is(Kind::string)) {
        const Value both[] = {a, b};
        return split_text(bench, both, out);
    }
    return refuse(bench, a, b, "cannot be divided");
}

std::int64_t to_integer(double number) {
    if (number >= 9.2233720368547758e18) return std::numeric_limits<std::int64_t>::max();
    if (number <= -9.2233720368547758e18) return std::numeric_limits<std::int64_t>::min();
    return static_cast<std::int64_t>(number);
}

/// Of whole numbers, with the sign of the left one.
bool modulo(Bench& bench, const Value* v, Value& out) {
    const Value &a = v[1], &b = v[2];
    if (!a.is(Kind::number) || !b.is(Kind::number)) {
        return refuse(bench, a, b, "cannot be divided (remainder)");
    }
    const double x = number_of(a), y = number_of(b);
    if (x != x || y != y) return out = Value::of(std::numeric_limits<double>::quiet_NaN()), true;
    const std::int64_t left = to_integer(x), right = to_integer(y);
    if (right == 0) {
        return refuse(bench, a, b, "cannot be divided (remainder) because the divisor is zero");
    }
    const auto size = [](std::int64_t whole) {
        return whole < 0 ? 0 - static_cast<std::uint64_t>(whole)
                         : static_cast<std::uint64_t>(whole);
    };
    const auto rest = static_cast<std::int64_t>(size(left) % size(right));
    out = Value::of(static_cast<double>(left < 0 ? -rest : rest));
    return true;
}

bool negate(Bench& bench, const Value* v, Value& out) {
    if (!v[0].is(Kind::number)) {
        return bench.fail(described(bench.heap, v[0]) + " cannot be negated");
    }
    out = negated(bench.heap, v[0]);
    return true;
}

template <class Holds>
bool ordered(Bench& bench, const Value* v, Value& out, Holds holds) {
    out = Value::of(holds(compare(bench.heap, v[1], v[2])));
    return true;
}
bool equals(Bench& bench, const Value* v, Value& out) {
    out = Value::of(equal(bench.heap, v[1], v[2]));
    return true;
}
bool differs(Bench& bench, const Value* v, Value& out) {
    out = Value::of(!equal(bench.heap, v[1], v[2]));
    return true;
}
bool less(Bench& bench, const Value* v, Value& out) {
    return ordered(bench, v, out, [](int order) { return order < 0; });
}
bool less_or_equal(Bench& bench, const Value* v, Value& out) {
    return ordered(bench, v, out, [](int order) { return order <= 0; });
}
bool greater(Bench& bench, const Value* v, Value& out) {
    return ordered(bench, v, out, [](int order) { return order > 0; });
}
bool greater_or_equal(Bench& bench, const Value* v, Value& out) {
    return ordered(bench, v, out, [](int order) { return order >= 0; });
}
bool negation(Bench&, const Value* v, Value& out) {
    out = Value::of(!v[0].truthy());
    return true;
}

}  // namespace

Value negated(Heap& heap, const Value& number) {
    if (number.form != Form::read) return Value::of(-number.number);
    const std::string_view digits = number.bytes();
    Value out;
    if (digits.starts_with('-')) {
        out = Value::of(digits.substr(1), Form::read);
    } else if (digits.find_first_of("123456789") >= digits.find_first_of("eE")) {
        return number;  // A zero of decimals has no sign.
    } else {
        out = make_string(heap, "-" + std::string(digits));
        out.form = Form::read;
    }
    out.kind = Kind::number;
    return out;
}

bool add_values(Bench& bench, const Value& a, const Value& b, Value& out) {
    if (a.is(Kind::number) && b.is(Kind::number)) {
        out = Value::of(number_of(a) + number_of(b));
    } else if (a.is(Kind::null)) {
        out = b;
    } else if (b.is(Kind::null)) {
        out = a;
    } else if (a.kind != b.kind || a.is_bool()) {
        return refuse(bench, a, b, "cannot be added");
    } else if (a.is(Kind::string)) {
        out = concat(bench.heap, a, b);
    } else {
        out = a.is(Kind::array) ? add_arrays(bench.heap, a, b) : add_objects(bench.heap, a, b);
    }
    return true;
}

std::vector<NativeEntry> arithmetic_natives() {
    return {{"_plus", 2, plus},       {"_minus", 2, minus},
            {"_times", 2, times},     {"_over", 2, over},
            {"_modulo", 2, modulo},   {"_negate", 0, negate},
            {"_equal", 2, equals},    {"_unequal", 2, differs},
            {"_less", 2, less},       {"_lesseq", 2, less_or_equal},
            {"_greater", 2, greater}, {"_greatereq", 2, greater_or_equal},
            {"not", 0, negation}};
}

}  // namespace holdfast::jq::machine

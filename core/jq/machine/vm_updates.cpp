// Instructions of updates: along fixed paths, and in place where nobody else has the value.
#include "core/base/mutant.hpp"
#include "core/jq/machine/vm.hpp"

namespace holdfast::jq::machine {

/// Who is given a container that is our own may keep it: it is changed no more.
void Vm::give_up(Value& owner, const Value& given) {
    const auto mine = static_cast<std::uint32_t>(owner.number);
    if (owner_of(given) != mine || mutant(410)) return;
    owner = Value::of(static_cast<double>(++owners_));
}

Vm::Flow Vm::get_in(const Instruction& in) {
    Value result = top();
    for (std::uint32_t i = 0; i < (in.b & Code::own_keys_max); ++i) {
        const Value target = result;
        if (!index_value(bench_, target, slot(0, in.a + i).value, result))
            return answered(false, result);
    }
    give_up(slot(0, in.b >> 4).value, result);
    set_top(result);
    return Flow::on;
}

/// [value, input]
Vm::Flow Vm::set_in(const Instruction& in) {
    const Value input = pop();
    const Value value = pop();
    push(input);
    const std::uint32_t count = in.b & Code::own_keys_max;
    Value keys[Code::own_keys_max];
    for (std::uint32_t i = 0; i < count; ++i) keys[i] = slot(0, in.a + i).value;
    Array all{keys, count, count};
    Value path(Kind::array), result;
    path.array = &all;
    path.size = count;
    const auto owner = static_cast<std::uint32_t>(slot(0, in.b >> 4).value.number);
    const bool good = set_path_of(bench_, input, path, value, result, owner);
    return answered(good, result);
}

/// [value, input]
Vm::Flow Vm::add_in(const Instruction& in) {
    const Value input = pop();
    const Value value = pop();
    push(input);
    Value result = input;
    if (!input.is(Kind::object) || !value.is(Kind::object)) {
        const bool good = add_values(bench_, input, value, result);
        return answered(good, result);
    }
    const auto owner = static_cast<std::uint32_t>(slot(0, in.b >> 4).value.number);
    const Value from = opened(heap_, value);
    heap_.work(from.object->count);
    for (std::uint32_t i = 0; i < from.object->count; ++i) {
        const Value into = result;
        result = set_member(heap_, into, from.object->members[i].key, from.object->members[i].value,
                            owner);
    }
    set_top(result);
    return Flow::on;
}

/// [value, input]
Vm::Flow Vm::set_at(const Instruction& in) {
    const Value input = pop();
    const Value value = pop();
    push(input);
    Array keys{constants_.data() + in.a, in.b, in.b};
    Value path(Kind::array), result;
    path.array = &keys;
    path.size = in.b;
    const bool good = set_path_of(bench_, input, path, value, result);
    return answered(good, result);
}

Vm::Flow Vm::delete_at(const Instruction& in) {
    const Value path = make_array(heap_, constants_.data() + in.a, in.b);
    Value result;
    const bool good = delete_paths_of(bench_, top(), make_array(heap_, &path, 1), result);
    return answered(good, result);
}

}  // namespace holdfast::jq::machine

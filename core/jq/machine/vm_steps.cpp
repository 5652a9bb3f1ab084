// One instruction each.
#include <algorithm>

#include "core/base/mutant.hpp"
#include "core/jq/machine/vm.hpp"

namespace holdfast::jq::machine {

Vm::Flow Vm::step(const Instruction& in) {
    switch (in.what) {
        case Do::constant: set_top(constant(in.a)); return Flow::on;
        case Do::duplicate: push(top()); return Flow::on;
        case Do::drop: pop(); return Flow::on;
        case Do::sub_begin:
            push(top());
            ++follow_.quiet;
            return Flow::on;
        case Do::sub_end: {
            const Value made = pop();
            const Value input = pop();
            push(made);
            push(input);
            --follow_.quiet;
            return Flow::on;
        }
        case Do::sub_store:
            slot(0, in.a).value = pop();
            --follow_.quiet;
            return Flow::on;
        case Do::sub_test:
            if (!pop().truthy()) pc_ = in.a;
            --follow_.quiet;
            return Flow::on;
        case Do::load: set_top(slot(in.a, in.b).value); return Flow::on;
        case Do::store: slot(0, in.a).value = pop(); return Flow::on;
        case Do::field: return index(top(), constants_[in.a], in.flag);
        case Do::binary: return binary(in);
        case Do::native: return native(in);
        case Do::jump: pc_ = in.a; return Flow::on;
        case Do::backtrack: return Flow::back;
        default: return step_forks(in);
    }
}

Vm::Flow Vm::step_forks(const Instruction& in) {
    switch (in.what) {
        case Do::fork:
        case Do::fork_try:
        case Do::fork_pattern: fork(in.what, in.a); return Flow::on;
        case Do::fork_alt:
            fork(in.what, in.a);
            forks_.back().at = in.b;
            return Flow::on;
        case Do::alt_found:
            if (top().truthy() || (mutant(402) && top().is_bool())) {
                slot(0, in.b).value = Value::of(true);
            } else {
                pc_ = in.a;
            }
            return Flow::on;
        case Do::fork_label:
            slot(0, in.a).value = Value::of(static_cast<double>(labels_ += !mutant(413)));
            fork(in.what, 0);
            forks_.back().back = labels_;
            return Flow::on;
        case Do::fork_mark:
            slot(0, in.b).value = Value::of(static_cast<double>(forks_.size()));
            fork(in.what, in.a);
            return Flow::on;
        case Do::cut:
            drop_forks(static_cast<std::size_t>(slot(0, in.a).value.number));
            return Flow::on;
        case Do::try_end: return mutant(409) ? Flow::on : try_end(in);
        case Do::leave: return leave(in);
        case Do::each: return each(in);
        case Do::range: return range();
        case Do::call: return call(in);
        case Do::parameter: return call_parameter(in);
        case Do::give_back: {
            const Frame& frame = slots_.data()[frame_].frame;
            if (frame.caller == 0) return Flow::output;
            pc_ = frame.back;
            frame_ = frame.caller;
            return Flow::on;
        }
        case Do::load_moved: {
            Value& variable = slot(in.a, in.b).value;
            set_top(variable);
            if (!mutant(411)) variable = Value();
            return Flow::on;
        }
        case Do::empty_array: slot(0, in.a).value = make_array(heap_, nullptr, 0); return Flow::on;
        case Do::append: {
            Value& into = slot(0, in.a).value;
            into = append(heap_, into, pop());
            return Flow::on;
        }
        default: return step_more(in);
    }
}

Vm::Flow Vm::step_more(const Instruction& in) {
    switch (in.what) {
        case Do::global: set_top(globals_[in.a]); return Flow::on;
        case Do::jump_unless:
            if (!pop().truthy()) pc_ = in.a;
            return Flow::on;
        case Do::index: {
            const Value target = pop();
            const Value key = pop();
            push(target);
            return index(target, key, in.flag);
        }
        case Do::slice: return slice(in);
        case Do::make_object: return make_object(in.a);
        case Do::make_text: return make_text(in);
        case Do::quiet: ++follow_.quiet; return Flow::on;
        case Do::loud: --follow_.quiet; return Flow::on;
        case Do::new_owner:
            slot(0, in.a).value = Value::of(static_cast<double>(++owners_));
            return Flow::on;
        case Do::get_path: {
            Value result;
            const bool good = get_path_of(bench_, slot(0, in.a).value, slot(0, in.b).value, result);
            if (good) give_up(slot(0, in.b + 1).value, result);
            return answered(good, result);
        }
        case Do::set_path: {
            Value result;
            const Value value = pop();
            Value& root = slot(0, in.a).value;
            const auto owner = static_cast<std::uint32_t>(slot(0, in.b + 1).value.number);
            if (!set_path_of(bench_, root, slot(0, in.b).value, value, result, owner)) {
                error_ = bench_.error;
                return Flow::raise;
            }
            root = result;
            return Flow::on;
        }
        case Do::get_in: return get_in(in);
        case Do::set_in: return set_in(in);
        case Do::add_in: return add_in(in);
        case Do::set_at: return set_at(in);
        case Do::delete_at: return delete_at(in);
        case Do::delete_paths: {
            const Value& gone = slot(0, in.a).value;
            if (gone.size == 0) return Flow::on;
            Value result;
            const bool good = delete_paths_of(bench_, top(), gone, result);
            return answered(good, result);
        }
        case Do::path_begin: {
            const Value input = pop();
            Value outer;
            outer.bits = reinterpret_cast<std::uintptr_t>(follow_.path);
            outer.size = static_cast<std::uint32_t>(follow_.quiet);
            outer.form = follow_.on ? Form::read : Form::made;
            push(outer);
            push(follow_.at);
            push(input);
            follow_ = {nullptr, input, 0, true};
            return Flow::on;
        }
        case Do::path_end: return path_end();
        default: error_ = constant(in.a); return Flow::raise;
    }
}

/// A body that left no forks needs no mark of its end.
Vm::Flow Vm::try_end(const Instruction& in) {
    std::size_t at = forks_.size();
    while (at > 0) {
        const Fork& fork = forks_[--at];
        if (fork.kind == Do::fork_try && fork.target == in.a && fork.frame == frame_) break;
    }
    heap_.work(forks_.size() - at);
    if (at + 1 == forks_.size()) {
        drop_forks(at);
        return Flow::on;
    }
    fork(Do::try_end, 0);
    forks_.back().back = static_cast<std::uint32_t>(at);
    return Flow::on;
}

Vm::Flow Vm::leave(const Instruction& in) {
    const auto label = static_cast<std::uint32_t>(slot(in.a, in.b).value.number);
    for (std::size_t at = forks_.size(); at-- > 0;) {
        if (forks_[at].kind != Do::fork_label || forks_[at].back != label) continue;
        drop_forks(at);
        return Flow::back;
    }
    return fail("break");
}

Vm::Flow Vm::each(const Instruction& in) {
    const Value target = top();
    if (!target.is(Kind::array) && !target.is(Kind::object)) {
        if (following() && !intact(target)) return lost(nullptr, target);
        if (in.flag) return Flow::back;
        return fail("Cannot iterate over " + described(heap_, target));
    }
    if (following() && !intact(target)) return lost(nullptr, target);
    const Value container = opened(heap_, target);
    fork(Do::each, pc_);
    forks_.back().range = container;
    return next_of_each(forks_.back());
}

/// [from, upto, input]
Vm::Flow Vm::range() {
    pop();
    const Value upto = pop();
    const Value from = top();
    if (!from.is(Kind::number) || !upto.is(Kind::number)) {
        return fail("Range bounds must be numeric");
    }
    fork(Do::range, pc_);
    forks_.back().range = Value::of(number_of(from));
    forks_.back().upto = number_of(upto);
    const Flow flow = next_of_range(forks_.back());
    if (flow == Flow::on) set_top(from);
    return flow;
}

// ---- paths ----

void Vm::follow(const Value& key, const Value& value) {
    auto* step = static_cast<Step*>(heap_.take(sizeof(Step)));
    const std::uint32_t count = follow_.path == nullptr ? 1 : follow_.path->count + 1;
    follow_.path = new (step) Step{key, follow_.path, count};
    follow_.at = value;
}

Vm::Flow Vm::lost(const Value* key, const Value& target) {
    const std::string of = shown(heap_, target);
    if (key == nullptr) {
        return fail("Invalid path expression near attempt to iterate through " + of);
    }
    return fail("Invalid path expression near attempt to access element " + shown(heap_, *key) +
                " of " + of);
}

Vm::Flow Vm::index(const Value& target, const Value& key, bool optional) {
    const bool followed = following();
    if (followed && !intact(target)) return lost(&key, target);
    Value result;
    if (!index_value(bench_, target, key, result)) {
        if (optional) return Flow::back;
        error_ = bench_.error;
        return Flow::raise;
    }
    if (followed) follow(key, result);
    set_top(result);
    return Flow::on;
}

/// [from, to, target]
Vm::Flow Vm::slice(const Instruction& in) {
    const Value target = pop();
    const Value to = pop();
    const Value from = pop();
    push(target);
    const bool followed = following();
    const Value key = followed ? slice_key(heap_, from, to) : Value();
    if (followed && !intact(target)) return lost(&key, target);
    Value result;
    if (!slice_value(bench_, target, from, to, result)) {
        if (in.flag) return Flow::back;
        error_ = bench_.error;
        return Flow::raise;
    }
    if (followed) follow(key, result);
    set_top(result);
    return Flow::on;
}

Value Vm::path_value(const Step* path) {
    if (mutant(401) && path != nullptr) path = path->before;
    const std::size_t count = path == nullptr ? 0 : path->count;
    auto* keys = heap_.take_many<Value>(count);
    if (keys == nullptr) return make_array(heap_, nullptr, 0);
    for (std::size_t i = count; i-- > 0; path = path->before) new (keys + i) Value(path->key);
    return make_array(heap_, keys, count);
}

Vm::Flow Vm::path_end() {
    const Value result = pop();
    if (!intact(result)) {
        return fail("Invalid path expression with result " + shown(heap_, result));
    }
    const Step* path = follow_.path;
    follow_.at = pop();
    const Value outer = pop();
    follow_.path = reinterpret_cast<const Step*>(outer.bits);
    follow_.quiet = static_cast<std::int32_t>(outer.size);
    follow_.on = outer.form == Form::read;
    push(path_value(path));
    return Flow::on;
}

/// getpath is a path itself.
Vm::Flow Vm::get_path_native(std::uint32_t) {
    const Value input = pop();
    const Value path = pop();
    push(input);
    if (!intact(input)) return lost(&path, input);
    Value result;
    if (!get_path_of(bench_, input, path, result)) return answered(false, result);
    const Value keys = opened(heap_, path);
    for (std::uint32_t i = 0; i < keys.size; ++i) follow(keys.array->items[i], result);
    follow_.at = result;
    set_top(result);
    return Flow::on;
}

// ---- what is made of several values ----

Vm::Flow Vm::native(const Instruction& in) {
    if (in.a == get_path_id_ && following()) return get_path_native(in.a);
    const NativeEntry& entry = natives()[in.a];
    Value arguments[6];
    HF_ASSERT(entry.arity < 6);
    for (std::uint32_t i = 0; i <= entry.arity; ++i) {
        arguments[i] = pop();
        // Most builtins go over the texts that they are given.
        if (arguments[i].is(Kind::string)) heap_.work(arguments[i].size / 64);
    }
    push(arguments[0]);
    Value result;
    const bool good = entry.run(bench_, arguments, result);
    return answered(good, result);
}

Vm::Flow Vm::binary(const Instruction& in) {
    const Value arguments[] = {top(), top(), constants_[in.b]};
    Value result;
    const bool good = natives()[in.a].run(bench_, arguments, result);
    return answered(good, result);
}

/// [key, value, ..., input]
Vm::Flow Vm::make_object(std::uint32_t members) {
    pop();
    Object* object = fresh_object(heap_, members);
    auto* pairs = heap_.take_many<Value>(std::size_t{members} * 2);
    if (pairs == nullptr) return Flow::on;
    for (std::size_t i = std::size_t{members} * 2; i-- > 0;) new (pairs + i) Value(pop());
    for (std::uint32_t i = 0; i < members; ++i) {
        const Value& key = pairs[2 * i];
        if (!key.is(Kind::string)) {
            push(key);
            return fail("Cannot use " + described(heap_, key) + " as object key");
        }
        put(heap_, *object, Value::of(text_of(heap_, key)), pairs[2 * i + 1]);
    }
    push(value_of(object));
    return Flow::on;
}

/// [part, ..., first part, input]; every other part is literal.
Vm::Flow Vm::make_text(const Instruction& in) {
    const std::string_view format = constants_[in.b].bytes();
    Value one;
    if (in.flag) {
        const bool good = format_value(bench_, format.substr(1), top(), one);
        return answered(good, one);
    }
    const Value input = pop();
    TextBuilder text(heap_);
    bool good = true;
    for (std::uint32_t i = 0; i < in.a; ++i) {
        const Value part = pop();
        if (i % 2 == 0 || !good) {
            if (good) text.add(part.bytes());
            continue;
        }
        good = format_value(bench_, format.substr(1), part, one);
        if (good) text.add(text_of(heap_, one));
    }
    push(input);
    return answered(good, text.value());
}

}  // namespace holdfast::jq::machine

// Bodies of `reduce` that only update the state: what one round made the next one changes in place.
//
// Rule 1: such a body gives exactly one output, and keeps nothing of its input but in that: the keys
//         of its paths and its new values do not look at the input, conditions only test it.
// Rule 2: the state is moved out of its variable before a round. So a container that a round made
//         (its owner says so) is in nobody else's hands, but those that get_in gives away.
#include <algorithm>

#include "core/base/mutant.hpp"
#include "core/jq/machine/compile_state.hpp"

namespace holdfast::jq::machine {
namespace {

constexpr int looked_into_max = 200;  ///< Levels of an expression.

}  // namespace

/// Whether it has one output, or an error; false where that is not seen.
bool CompileState::gives_one(ExprId id, const Binding* scope, int depth) const {
    if (id == none) return true;
    if (depth > looked_into_max) return false;
    const Expr& e = syntax_.exprs[id];
    const auto one = [&](ExprId part) { return gives_one(part, scope, depth + 1); };
    const auto all_items = [&](std::uint32_t from, std::uint32_t stride) {
        for (std::uint32_t i = from; i < e.count; i += stride) {
            if (!one(syntax_.lists[e.items + i])) return false;
        }
        return true;
    };
    switch (e.op) {
        case Op::identity:
        case Op::number:
        case Op::variable:
        case Op::array:
        case Op::format:
        case Op::location: return true;
        case Op::string: return all_items(1, 2);
        case Op::object: return all_items(0, 1);
        case Op::index: return !e.optional && one(e.a) && one(e.b);
        case Op::slice: return !e.optional && one(e.a) && one(e.b) && one(e.c);
        case Op::pipe:
        case Op::binary:
        case Op::conjunction:
        case Op::disjunction: return one(e.a) && one(e.b);
        case Op::negate: return one(e.a);
        case Op::condition: return one(e.a) && one(e.b) && one(e.c);
        case Op::call: break;
        default: return false;
    }
    const std::string& name = syntax_.text(e.text);
    const Binding* to = find_function(scope, name, e.count);
    if (to != nullptr) {
        return to->kind == Binding::Kind::thunk && gives_one(to->given, to->around, depth + 1);
    }
    if (is_literal(id)) return true;
    return find_native(name, e.count).has_value() && all_items(0, 1);
}

/// Whether it does not look at its input.
bool CompileState::is_apart(ExprId id, const Binding* scope) const {
    if (mutant(562)) return true;
    if (id == none) return true;
    const Expr& e = syntax_.exprs[id];
    const auto apart = [&](ExprId part) { return is_apart(part, scope); };
    const auto all_items = [&](std::uint32_t from, std::uint32_t stride) {
        for (std::uint32_t i = from; i < e.count; i += stride) {
            if (!apart(syntax_.lists[e.items + i])) return false;
        }
        return true;
    };
    switch (e.op) {
        case Op::number:
        case Op::variable:
        case Op::location: return true;
        case Op::string: return all_items(1, 2);
        case Op::object: return all_items(0, 1);
        case Op::index:
        case Op::binary:
        case Op::comma: return apart(e.a) && apart(e.b);
        case Op::array: return e.a == none || apart(e.a);
        case Op::iterate:
        case Op::pipe: return apart(e.a);
        case Op::negate: return apart(e.a);
        case Op::call:
            return is_literal(id) && find_function(scope, syntax_.text(e.text), 0) == nullptr;
        default: return false;
    }
}

/// `.a[$k]`: its keys in order.
bool CompileState::owned_path(ExprId id, const Binding* scope, std::vector<ExprId>& keys) const {
    const Expr& e = syntax_.exprs[id];
    if (e.op == Op::identity) return true;
    if (e.op != Op::index || e.optional || keys.size() >= Code::own_keys_max) return false;
    if (!owned_path(e.a, scope, keys) || !is_apart(e.b, scope) || !gives_one(e.b, scope))
        return false;
    keys.push_back(e.b);
    return true;
}

bool CompileState::is_owned(ExprId id, const Binding* scope) const {
    if (id == none) return true;
    const Expr& e = syntax_.exprs[id];
    const auto is_new = [&](ExprId part) {
        return is_apart(part, scope) && gives_one(part, scope);
    };
    std::vector<ExprId> keys;
    switch (e.op) {
        case Op::identity: return true;
        case Op::pipe: return is_owned(e.a, scope) && is_owned(e.b, scope);
        case Op::condition:
            return gives_one(e.a, scope) && is_owned(e.b, scope) && is_owned(e.c, scope);
        case Op::binary:
            return syntax_.text(e.text) == "+" && syntax_.exprs[e.a].op == Op::identity &&
                   is_new(e.b);
        case Op::update:
            if (!owned_path(e.a, scope, keys) || keys.empty()) return false;
            return syntax_.text(e.text) == "|=" ? gives_one(e.b, scope) : is_new(e.b);
        default: return false;
    }
}

/// Requires is_owned().
void CompileState::owned(ExprId id, const Binding* scope, std::uint32_t owner) {
    if (id == none || failed_) return;
    const Expr e = syntax_.exprs[id];
    switch (e.op) {
        case Op::identity: return;
        case Op::pipe: owned(e.a, scope, owner); return owned(e.b, scope, owner);
        case Op::condition: {
            emit(Do::sub_begin);
            expr(e.a, scope, false);
            const std::uint32_t test = emit(Do::sub_test);
            owned(e.b, scope, owner);
            const std::uint32_t done = emit(Do::jump);
            land(test);
            owned(e.c, scope, owner);
            return land(done);
        }
        case Op::binary:
            sub(e.b, scope);
            emit(Do::add_in, 0, Code::own(owner, 0));
            return;
        default: return owned_update(e, scope, owner);
    }
}

void CompileState::owned_update(const Expr& e, const Binding* scope, std::uint32_t owner) {
    const std::string sign = syntax_.text(e.text);
    std::vector<ExprId> keys;
    const bool is_path = owned_path(e.a, scope, keys);
    HF_ASSERT(is_path);
    const auto count = static_cast<std::uint32_t>(keys.size());
    const std::uint32_t first = here_->slots, value = first + count;
    here_->slots += count + 1;
    const auto keep = [&](ExprId id, std::uint32_t in) {
        emit(Do::sub_begin);
        expr(id, scope, false);
        emit(Do::sub_store, in);
    };
    if (sign != "|=") keep(e.b, value);
    // As where paths are followed, the last one is asked for first.
    for (std::uint32_t i = count; i-- > 0;) keep(keys[i], first + i);
    emit(Do::sub_begin);
    if (sign == "=") {
        emit(Do::load, 0, value);
    } else {
        emit(Do::get_in, first, Code::own(owner, count));
        update_value(e.b, sign, value, scope);
    }
    emit(Do::sub_end);
    emit(Do::set_in, first, Code::own(owner, count));
}

}  // namespace holdfast::jq::machine

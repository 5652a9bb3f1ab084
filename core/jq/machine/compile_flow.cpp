// What goes where: pipes, branches, errors, bindings, folds, updates.
#include <algorithm>
#include <utility>

#include "core/base/mutant.hpp"
#include "core/jq/machine/compile_state.hpp"

namespace holdfast::jq::machine {

void CompileState::comma(const Expr& e, const Binding* scope, bool last) {
    const std::uint32_t fork = emit(Do::fork);
    expr(e.a, scope, false);
    const std::uint32_t jump = emit(Do::jump);
    land(fork);
    expr(e.b, scope, last);
    land(jump);
}

/// `a and b`: b is not asked where a decides.
void CompileState::logic(const Expr& e, const Binding* scope) {
    const bool all = e.op == Op::conjunction;
    const std::uint32_t yes = constant({.kind = Kind::yes}), no = constant({.kind = Kind::no});
    emit(Do::sub_begin);
    expr(e.a, scope, false);
    const std::uint32_t first = emit(Do::sub_test);
    std::uint32_t decided = 0;
    if (!all) {
        emit(Do::constant, yes);
        decided = emit(Do::jump);
        land(first);
    }
    emit(Do::sub_begin);
    expr(e.b, scope, false);
    const std::uint32_t second = emit(Do::sub_test);
    emit(Do::constant, yes);
    const std::uint32_t done = emit(Do::jump);
    land(second);
    if (all) land(first);
    emit(Do::constant, no);
    land(done);
    if (!all) land(decided);
}

void CompileState::alternative(const Expr& e, const Binding* scope, bool last) {
    const std::uint32_t found = slot();
    emit(Do::duplicate);
    emit(Do::constant, constant({.kind = Kind::no}));
    emit(Do::store, found);
    const std::uint32_t fork = emit(Do::fork_alt, 0, found);
    expr(e.a, scope, false);
    const std::uint32_t unfit = emit(Do::alt_found, 0, found);
    const std::uint32_t done = emit(Do::jump);
    land(unfit);
    emit(Do::backtrack);
    land(fork);
    // The fork is only taken where nothing was found.
    expr(e.b, scope, last);
    land(done);
}

void CompileState::attempt(const Expr& e, const Binding* scope) {
    const std::uint32_t fork = emit(Do::fork_try);
    expr(e.a, scope, false);
    // It finds its fork by where that leads to.
    const std::uint32_t ends = emit(Do::try_end);
    const std::uint32_t done = emit(Do::jump);
    land(fork);
    land(ends);
    if (e.b == none) {
        emit(Do::backtrack);
    } else {
        expr(e.b, scope, false);
    }
    land(done);
}

void CompileState::condition(const Expr& e, const Binding* scope, bool last) {
    emit(Do::sub_begin);
    expr(e.a, scope, false);
    const std::uint32_t test = emit(Do::sub_test);
    expr(e.b, scope, last);
    const std::uint32_t done = emit(Do::jump);
    land(test);
    if (e.c != none) expr(e.c, scope, last);
    land(done);
}

void CompileState::fold(const Expr& e, const Binding* scope) {
    const bool each = e.op == Op::foreach;
    const std::uint32_t state = slot();
    emit(Do::duplicate);
    expr(e.b, scope, false);
    emit(Do::store, state);
    const std::uint32_t owner = slot();
    if (!each) emit(Do::new_owner, owner);
    const std::uint32_t fork = each ? 0 : emit(Do::fork);
    emit(Do::duplicate);
    expr(e.a, scope, false);
    const Binding* inside = bind_patterns(e, scope, Do::store);
    if (failed_) return;
    emit(Do::load_moved, 0, state);
    if (!each && owner < Code::owners_max && is_owned(e.c, inside)) {
        owned(e.c, inside, owner);
    } else {
        expr(e.c, inside, false);
    }
    if (each) {
        emit(Do::duplicate);
        emit(Do::store, state);
        if (e.d != none) expr(e.d, inside, false);
        return;
    }
    emit(Do::store, state);
    emit(Do::backtrack);
    land(fork);
    emit(Do::load_moved, 0, state);
}

void CompileState::bind(const Expr& e, const Binding* scope, bool last) {
    emit(Do::sub_begin);
    expr(e.a, scope, false);
    const Binding* inside = bind_patterns(e, scope, Do::sub_store);
    // With several patterns an error in the body goes on to the next one.
    if (!failed_) expr(e.b, inside, last && e.count == 1);
}

/// [.., value] -> [..], the variables of all patterns bound; those of other alternatives null.
const Binding* CompileState::bind_patterns(const Expr& e, const Binding* scope, Do store) {
    const Binding* inside = scope;
    for (std::uint32_t i = 0; i < e.count; ++i) {
        inside = declare(syntax_.lists[e.items + i], inside);
    }
    const PatternId only = syntax_.lists[e.items];
    if (e.count == 1 && syntax_.patterns[only].kind == Pattern::Kind::variable) {
        emit(store, inside->slot);
        return inside;
    }
    const std::uint32_t value = slot();
    emit(store, value);
    std::vector<std::uint32_t> done;
    for (std::uint32_t i = 0; i < e.count; ++i) {
        const bool is_last = i + 1 == e.count;
        const std::uint32_t fork = is_last ? 0 : emit(Do::fork_pattern);
        for (const Binding* b = inside; e.count > 1 && !mutant(415) && b != scope; b = b->before) {
            emit(Do::duplicate);
            emit(Do::constant, null_constant());
            emit(Do::store, b->slot);
        }
        emit(Do::duplicate);
        emit(Do::load, 0, value);
        auto outer = std::exchange(matched_, {});
        const bool was_only = std::exchange(is_only_pattern_, e.count == 1);
        match(syntax_.lists[e.items + i], inside);
        matched_ = std::move(outer);
        is_only_pattern_ = was_only;
        if (is_last) break;
        done.push_back(emit(Do::jump));
        land(fork);
    }
    for (const std::uint32_t jump : done) land(jump);
    return inside;
}

/// The variables of a pattern, each once.
const Binding* CompileState::declare(PatternId id, const Binding* scope) {
    const Pattern pattern = syntax_.patterns[id];
    const auto add = [&](TextId name) {
        const std::string& text = syntax_.text(name);
        scope = add_binding({.name = text, .before = scope, .owner = here_, .slot = slot()});
    };
    switch (pattern.kind) {
        case Pattern::Kind::variable: add(pattern.name); break;
        case Pattern::Kind::entry:
            if (pattern.name != none) add(pattern.name);
            if (pattern.inside != none) scope = declare(pattern.inside, scope);
            break;
        default:
            for (std::uint32_t i = 0; i < pattern.count; ++i) {
                scope = declare(syntax_.lists[pattern.items + i], scope);
            }
    }
    return scope;
}

/// [.., input, value] -> [.., input]
void CompileState::match(PatternId id, const Binding* scope) {
    const Pattern pattern = syntax_.patterns[id];
    if (pattern.kind == Pattern::Kind::variable) {
        store_named(id, scope);
        return;
    }
    const bool is_array = pattern.kind == Pattern::Kind::array;
    for (std::uint32_t n = 0; n < pattern.count; ++n) {
        // As in jq arrays are taken apart from their last item on.
        const std::uint32_t i = is_array ? pattern.count - 1 - n : n;
        const PatternId item = syntax_.lists[pattern.items + i];
        emit(Do::duplicate);
        if (pattern.kind == Pattern::Kind::object) {
            match_entry(item, scope);
            continue;
        }
        emit(Do::quiet);
        emit(Do::field, constant({.kind = Kind::number, .number = static_cast<double>(i)}));
        emit(Do::loud);
        match(item, scope);
    }
    emit(Do::drop);
}

/// [.., value] -> [..]. Of equal names the one that is matched first counts; with `?//` the last one.
void CompileState::store_named(PatternId id, const Binding* scope) {
    const std::string& name = syntax_.text(syntax_.patterns[id].name);
    const bool again = std::find(matched_.begin(), matched_.end(), name) != matched_.end();
    if (is_only_pattern_ && again) return void(emit(Do::drop));
    matched_.push_back(name);
    emit(Do::store, find(scope, Binding::Kind::variable, name)->slot);
}

/// [.., value, value] -> [.., value]
void CompileState::match_entry(PatternId id, const Binding* scope) {
    const Pattern entry = syntax_.patterns[id];
    // Other keys are expressions over the value; they may use what was bound before them.
    emit(Do::quiet);
    if (is_literal(entry.key)) {
        emit(Do::field, literal_constant(entry.key));
    } else {
        sub(entry.key, scope);
        emit(Do::index);
    }
    emit(Do::loud);
    if (entry.name != none) {
        if (entry.inside != none) emit(Do::duplicate);
        store_named(id, scope);
    }
    if (entry.inside != none) match(entry.inside, scope);
}

/// `=` and its like: each value of the right side, then each path of the left.
void CompileState::update(const Expr& e, const Binding* scope) {
    const std::string sign = syntax_.text(e.text);
    if (std::vector<ExprId> keys; fixed_path(e.a, keys)) return update_at(e, sign, keys, scope);
    if (sign == "|=") return modify(e.a, e.b, sign, 0, scope);
    const std::uint32_t value = slot();
    emit(Do::sub_begin);
    expr(e.b, scope, false);
    emit(Do::sub_store, value);
    modify(e.a, none, sign, value, scope);
}

/// Whether it is one path whatever the input is: `.a.b[0]`. Its keys in order.
bool CompileState::fixed_path(ExprId id, std::vector<ExprId>& keys) const {
    const Expr& e = syntax_.exprs[id];
    if (e.op == Op::identity) return true;
    if (e.op == Op::pipe) return fixed_path(e.a, keys) && fixed_path(e.b, keys);
    if (e.op != Op::index || e.optional || !is_literal(e.b)) return false;
    const Op key = syntax_.exprs[e.b].op;
    if ((key != Op::string && key != Op::number) || !fixed_path(e.a, keys)) return false;
    keys.push_back(e.b);
    return true;
}

/// An update of one fixed path: without a state, and without following any path.
void CompileState::update_at(const Expr& e, std::string_view sign, const std::vector<ExprId>& keys,
                             const Binding* scope) {
    const auto count = static_cast<std::uint32_t>(keys.size());
    const auto first = static_cast<std::uint32_t>(code_.constants.size());
    for (const ExprId key : keys) literal_constant(key);
    if (sign == "=") {
        sub(e.b, scope);
        emit(Do::set_at, first, count);
        return;
    }
    const std::uint32_t mark = slot(), value = slot();
    if (sign != "|=") {
        emit(Do::sub_begin);
        expr(e.b, scope, false);
        emit(Do::sub_store, value);
    }
    emit(Do::sub_begin);
    for (std::uint32_t i = 0; i < count; ++i) emit(Do::field, first + i);
    const std::uint32_t empty = emit(Do::fork_mark, 0, mark);
    update_value(e.b, sign, value, scope);
    emit(Do::cut, mark);
    emit(Do::sub_end);
    emit(Do::set_at, first, count);
    const std::uint32_t done = emit(Do::jump);
    land(empty);
    emit(Do::drop);
    emit(Do::loud);
    emit(Do::delete_at, first, count);
    land(done);
}

/// The state is a variable; paths are those of the input as it was. What has no new value is
/// deleted at the end.
void CompileState::modify(ExprId paths, ExprId by, std::string_view sign, std::uint32_t value,
                          const Binding* scope) {
    const std::uint32_t state = slot();
    const std::uint32_t path = slot();
    const std::uint32_t owner = slot();
    const std::uint32_t gone = slot();
    const std::uint32_t mark = slot();
    HF_ASSERT(owner == path + 1);
    emit(Do::duplicate);
    emit(Do::store, state);
    emit(Do::new_owner, owner);
    emit(Do::empty_array, gone);
    const std::uint32_t fork = emit(Do::fork);
    emit(Do::duplicate);
    emit(Do::path_begin);
    expr(paths, scope, false);
    emit(Do::path_end);
    emit(Do::store, path);
    if (sign == "=") {
        emit(Do::load, 0, value);
        emit(Do::set_path, state, path);
        emit(Do::backtrack);
    } else {
        emit(Do::quiet);
        emit(Do::get_path, state, path);
        const std::uint32_t empty = emit(Do::fork_mark, 0, mark);
        update_value(by, sign, value, scope);
        emit(Do::set_path, state, path);
        emit(Do::cut, mark);
        emit(Do::backtrack);
        land(empty);
        emit(Do::load, 0, path);
        emit(Do::append, gone);
        emit(Do::backtrack);
    }
    land(fork);
    emit(Do::load_moved, 0, state);
    emit(Do::delete_paths, gone);
}

/// What `|=`, `+=`, `//=` put in place of the top.
void CompileState::update_value(ExprId by, std::string_view sign, std::uint32_t value,
                                const Binding* scope) {
    if (sign == "|=") return expr(by, scope, false);
    if (sign == "//=") {
        emit(Do::duplicate);
        const std::uint32_t unfit = emit(Do::jump_unless);
        const std::uint32_t done = emit(Do::jump);
        land(unfit);
        emit(Do::load, 0, value);
        land(done);
        return;
    }
    // [right, left, input]: the input of an operator is not looked at.
    constexpr std::string_view names[] = {"_plus", "_minus", "_times", "_over", "_modulo"};
    const std::size_t operation = std::string_view("+-*/%").find(sign[0]);
    emit(Do::sub_begin);
    emit(Do::load, 0, value);
    emit(Do::sub_end);
    emit(Do::duplicate);
    emit(Do::native, *find_native(names[operation], 2));
}

}  // namespace holdfast::jq::machine

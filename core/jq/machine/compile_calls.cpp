// Calls, and what builds values.
#include <algorithm>

#include "core/base/mutant.hpp"
#include "core/jq/machine/compile_state.hpp"
#include "core/jq/tape.hpp"
#include "core/jq/text.hpp"

namespace holdfast::jq::machine {

void CompileState::index(const Expr& e, const Binding* scope) {
    if (is_literal(e.b)) {
        expr(e.a, scope, false);
        emit(Do::field, literal_constant(e.b), 0, e.optional);
        return;
    }
    sub(e.b, scope);
    expr(e.a, scope, false);
    emit(Do::index, 0, 0, e.optional);
}

void CompileState::slice(const Expr& e, const Binding* scope) {
    for (const ExprId bound : {e.b, e.c}) {
        emit(Do::sub_begin);
        if (bound == none) {
            emit(Do::constant, null_constant());
        } else {
            expr(bound, scope, false);
        }
        emit(Do::sub_end);
    }
    expr(e.a, scope, false);
    emit(Do::slice, 0, 0, e.optional);
}

void CompileState::binary(const Expr& e, const Binding* scope) {
    struct Operator {
        std::string_view sign, name;
    };
    constexpr Operator operators[] = {{"+", "_plus"},     {"-", "_minus"},     {"*", "_times"},
                                      {"/", "_over"},     {"%", "_modulo"},    {"==", "_equal"},
                                      {"!=", "_unequal"}, {"<", "_less"},      {"<=", "_lesseq"},
                                      {">", "_greater"},  {">=", "_greatereq"}};
    const std::string& sign = syntax_.text(e.text);
    const auto* found = std::find_if(std::begin(operators), std::end(operators),
                                     [&](const Operator& one) { return one.sign == sign; });
    HF_ASSERT(found != std::end(operators));
    const std::uint32_t native = *find_native(found->name, 2);
    if (is_literal(e.b)) {
        emit(Do::quiet);
        expr(e.a, scope, false);
        emit(Do::loud);
        emit(Do::binary, native, literal_constant(e.b));
        return;
    }
    sub(mutant(400) ? e.a : e.b, scope);
    sub(mutant(400) ? e.b : e.a, scope);
    emit(Do::native, native);
}

void CompileState::collect(const Expr& e, const Binding* scope) {
    if (e.a == none) {
        emit(Do::constant, constant({.kind = Kind::array}));
        return;
    }
    const std::uint32_t into = slot();
    emit(Do::empty_array, into);
    const std::uint32_t fork = emit(Do::fork);
    emit(Do::duplicate);
    expr(e.a, scope, false);
    emit(Do::append, into);
    emit(Do::backtrack);
    land(fork);
    emit(Do::load_moved, 0, into);
}

void CompileState::object(const Expr& e, const Binding* scope) {
    for (std::uint32_t i = 0; i < e.count; ++i) sub(syntax_.lists[e.items + i], scope);
    emit(Do::make_object, e.count / 2);
}

/// Parts from the last to the first: the last varies slowest.
void CompileState::string(const Expr& e, const Binding* scope) {
    if (e.count == 1) {
        emit(Do::constant, text_constant(syntax_.text(syntax_.lists[e.items])));
        return;
    }
    for (std::uint32_t i = e.count; i-- > 0;) {
        const std::uint32_t part = syntax_.lists[e.items + i];
        if (i % 2 == 1) {
            sub(part, scope);
            continue;
        }
        emit(Do::sub_begin);
        emit(Do::constant, text_constant(syntax_.text(part)));
        emit(Do::sub_end);
    }
    const std::string format = e.text == none ? "@text" : syntax_.text(e.text);
    emit(Do::make_text, e.count, text_constant(format));
}

/// {"file": "<top-level>", "line": N}
void CompileState::location(const Expr& e) {
    const Module* const file = modules_.file_of(e.offset);
    const Place place = file == nullptr ? place_of(program_, e.offset)
                                        : place_of(file->text, e.offset - file->base);
    const auto part = [&](Constant value) {
        emit(Do::sub_begin);
        emit(Do::constant, constant(std::move(value)));
        emit(Do::sub_end);
    };
    part({.kind = Kind::string, .text = "file"});
    part({.kind = Kind::string, .text = file == nullptr ? "<top-level>" : file->name});
    part({.kind = Kind::string, .text = "line"});
    part({.kind = Kind::number, .number = static_cast<double>(place.line)});
    emit(Do::make_object, 2);
}

void CompileState::call(const Expr& e, const Binding* scope, bool last) {
    if (e.op == Op::recurse) {
        Expr spelt = e;
        spelt.op = Op::call;
        spelt.text = syntax_.add("recurse");
        spelt.count = 0;
        return builtin(spelt, nullptr, last);
    }
    const std::string name = syntax_.text(e.text);
    const Binding* to = find_function(scope, name, e.count);
    if (to == nullptr) return builtin(e, scope, last);
    switch (to->kind) {
        case Binding::Kind::thunk: return expr(to->given, to->around, last);
        case Binding::Kind::parameter:
            emit(Do::parameter, level_of(to->owner), to->slot, last);
            return;
        default: return call_function(*to, e, scope, last);
    }
}

std::string CompileState::search_list() const {
    std::string out = "[";
    if (modules_.loader() != nullptr) {
        for (const std::string& folder : modules_.loader()->search_list()) {
            if (is_utf8(folder)) out += (out.size() > 1 ? "," : "") + quoted(folder);
        }
    }
    return out + "]";
}

/// What is no function, but instructions.
bool CompileState::special(const Expr& e, const Binding* scope) {
    const std::string& name = syntax_.text(e.text);
    const auto argument = [&](std::uint32_t i) { return syntax_.lists[e.items + i]; };
    if (e.count == 0) {
        Constant value;
        if (name == "empty") return emit(Do::backtrack), true;
        if (name == "get_search_list") return given(search_list()), true;
        if (name == "env") {
            code_.asks_environment = true;
            emit(Do::global, static_cast<std::uint32_t>(Global::environment));
            return true;
        }
        if (name == "true") value.kind = Kind::yes;
        if (name == "false") value.kind = Kind::no;
        if (name != "null" && name != "true" && name != "false") return false;
        return emit(Do::constant, constant(value)), true;
    }
    if (name == "path" && e.count == 1) {
        emit(Do::path_begin);
        expr(argument(0), scope, false);
        emit(Do::path_end);
        return true;
    }
    if (name == "last" && e.count == 1) return last_of(argument(0), scope), true;
    if (name == "range" && e.count == 2) {
        // The first varies slowest.
        sub(argument(0), scope);
        sub(argument(1), scope);
        emit(Do::range);
        return true;
    }
    return false;
}

/// The last output, where there is one.
void CompileState::last_of(ExprId id, const Binding* scope) {
    const std::uint32_t value = slot(), any = slot();
    const auto set_any = [&](Kind kind) {
        emit(Do::duplicate);
        emit(Do::constant, constant({.kind = kind}));
        emit(Do::store, any);
    };
    set_any(Kind::no);
    const std::uint32_t fork = emit(Do::fork);
    expr(id, scope, false);
    set_any(Kind::yes);
    emit(Do::store, value);
    emit(Do::backtrack);
    land(fork);
    emit(Do::duplicate);
    emit(Do::load, 0, any);
    const std::uint32_t none_found = emit(Do::jump_unless);
    emit(Do::load_moved, 0, value);
    const std::uint32_t done = emit(Do::jump);
    land(none_found);
    emit(Do::backtrack);
    land(done);
}

namespace {

/// For who comes from jq 1.6.
std::string_view advice(std::string_view name) {
    if (name == "recurse_down") return " since jq 1.7; use recurse";
    if (name == "pow10") return " since jq 1.8; use exp10";
    if (name == "scalars_or_empty") return " since jq 1.7; use scalars";
    if (name == "get_jq_origin" || name == "get_prog_origin")
        return " since jq 1.7; name what the program needs in args";
    return "";
}

}  // namespace

void CompileState::builtin(const Expr& e, const Binding* scope, bool last) {
    if (special(e, scope)) return;
    const std::string name = syntax_.text(e.text);
    for (const Binding* known : defined_) {
        if (known->arity == e.count && known->name == name) {
            return call_function(*known, e, scope, last);
        }
    }
    if (const auto native = find_native(name, e.count)) return call_native(*native, e, scope);
    std::string_view text = find_defined(name, e.count);
    if (mutant(403) && name == "limit") {
        text =
            "def limit($n; f): label $out | foreach f as $item ($n; . - 1;"
            " $item, if . <= 0 then break $out else empty end);";
    }
    if (mutant(419) && name == "limit") {
        text =
            "def limit($n; f): if $n > 0 then foreach f as $item ($n; . - 1;"
            " if . >= 0 then $item else empty end) else empty end;";
    }
    if (text.empty()) {
        return fail(
            name + "/" + std::to_string(e.count) + " is not defined" + std::string(advice(name)),
            e.offset);
    }
    const auto definition = parse_definitions(text, syntax_);
    HF_ASSERT(definition.has_value());
    const Binding* made = add_binding({.kind = Binding::Kind::function,
                                       .name = name,
                                       .arity = e.count,
                                       .owner = layouts_.front().get(),
                                       .definition = *definition});
    defined_.push_back(made);
    call_function(*made, e, scope, last);
}

void CompileState::call_native(std::uint32_t id, const Expr& e, const Binding* scope) {
    for (std::uint32_t i = e.count; i-- > 0;) sub(syntax_.lists[e.items + i], scope);
    emit(Do::native, id);
}

std::uint32_t CompileState::function_of(const Binding& to) {
    if (to.function != none) return to.function;
    const Definition& definition = syntax_.definitions[to.definition];
    new_layout(to.owner);
    to.function = static_cast<std::uint32_t>(layouts_.size() - 1);
    pending_.push_back({to.function, definition.body, &to, definition.parameters, to.owner});
    return to.function;
}

/// `here`: the argument needs the frame that it is given in.
Argument CompileState::argument(ExprId id, const Binding* scope, bool& here) {
    const Expr& e = syntax_.exprs[id];
    if (e.op == Op::call && e.count == 0) {
        const Binding* to = find_function(scope, syntax_.text(e.text), 0);
        if (to != nullptr && to->kind == Binding::Kind::thunk) {
            return argument(to->given, to->around, here);
        }
        if (to != nullptr && to->kind == Binding::Kind::parameter) {
            return {true, to->slot, level_of(to->owner)};
        }
    }
    here = true;
    new_layout(here_);
    const auto function = static_cast<std::uint32_t>(layouts_.size() - 1);
    pending_.push_back({function, id, scope, {}, here_});
    return {false, function, 0};
}

void CompileState::call_function(const Binding& to, const Expr& e, const Binding* scope,
                                 bool last) {
    if (lay_out(to, e, scope, last)) return;
    Call call{.level = level_of(to.owner), .count = e.count};
    std::vector<Argument> arguments;
    bool here = call.level == 0;
    for (std::uint32_t i = 0; i < e.count; ++i) {
        arguments.push_back(argument(syntax_.lists[e.items + i], scope, here));
    }
    call.first = static_cast<std::uint32_t>(code_.arguments.size());
    code_.arguments.insert(code_.arguments.end(), arguments.begin(), arguments.end());
    code_.calls.push_back(call);
    const std::uint32_t function = function_of(to);
    emit(Do::call, function, static_cast<std::uint32_t>(code_.calls.size() - 1), last && !here);
}

/// How often a parameter is used; calls of other functions of that name count, too.
std::uint32_t CompileState::uses(ExprId id, const std::string& name) {
    if (id == none) return 0;
    const Expr& e = syntax_.exprs[id];
    std::uint32_t count = e.op == Op::call && e.count == 0 && syntax_.text(e.text) == name;
    if (e.op == Op::define) {
        count += 2 * uses(syntax_.definitions[e.a].body, name);
    } else {
        count += uses(e.a, name);
    }
    count += uses(e.b, name) + uses(e.c, name) + uses(e.d, name);
    const bool binds = e.op == Op::reduce || e.op == Op::foreach || e.op == Op::bind;
    const std::uint32_t stride = e.op == Op::string ? 2 : 1;
    for (std::uint32_t i = stride - 1; !binds && i < e.count; i += stride) {
        count += uses(syntax_.lists[e.items + i], name);
    }
    // Keys of patterns are expressions, too; few have any.
    for (std::uint32_t i = 0; binds && i < e.count; ++i) {
        if (syntax_.patterns[syntax_.lists[e.items + i]].kind != Pattern::Kind::variable)
            count += 2;
    }
    return count;
}

bool CompileState::calls_itself(std::uint32_t id) {
    return std::find(laying_out_.begin(), laying_out_.end(), id) != laying_out_.end();
}

/// The function's body in place of the call, where that is right and small.
bool CompileState::lay_out(const Binding& to, const Expr& e, const Binding* scope, bool last) {
    const Definition definition = syntax_.definitions[to.definition];
    if (emitted_ > inline_below || depth_ > 400 || laying_out_.size() > 12) return false;
    if (syntax_.exprs[definition.body].height > 60 || calls_itself(to.definition)) return false;
    if (recursive(definition.body, to)) return false;
    for (const Parameter& parameter : definition.parameters) {
        const std::string& name = syntax_.text(parameter.name);
        if (!parameter.is_value && uses(definition.body, name) > 1) return false;
    }
    const Binding* inside = &to;
    for (std::uint32_t i = 0; i < e.count; ++i) {
        inside = add_binding({.kind = Binding::Kind::thunk,
                              .name = syntax_.text(definition.parameters[i].name),
                              .before = inside,
                              .given = syntax_.lists[e.items + i],
                              .around = scope});
    }
    laying_out_.push_back(to.definition);
    inside = values_of(definition.parameters, inside);
    expr(definition.body, inside, last);
    laying_out_.pop_back();
    return true;
}

/// Whether somewhere in its body is a call of its own name.
bool CompileState::recursive(ExprId id, const Binding& to) {
    if (id == none) return false;
    const Expr& e = syntax_.exprs[id];
    if (e.op == Op::call && e.count == to.arity && syntax_.text(e.text) == to.name) return true;
    const ExprId first = e.op == Op::define ? syntax_.definitions[e.a].body : e.a;
    if (recursive(first, to) || recursive(e.b, to) || recursive(e.c, to) || recursive(e.d, to)) {
        return true;
    }
    const bool binds = e.op == Op::reduce || e.op == Op::foreach || e.op == Op::bind;
    const std::uint32_t stride = e.op == Op::string ? 2 : 1;
    for (std::uint32_t i = stride - 1; !binds && i < e.count; i += stride) {
        if (recursive(syntax_.lists[e.items + i], to)) return true;
    }
    for (std::uint32_t i = 0; binds && i < e.count; ++i) {
        const Pattern& pattern = syntax_.patterns[syntax_.lists[e.items + i]];
        if (pattern.kind != Pattern::Kind::variable) return true;
    }
    return false;
}

}  // namespace holdfast::jq::machine

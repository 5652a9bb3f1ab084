#include "core/jq/machine/compiler.hpp"

#include <algorithm>

#include "core/jq/machine/compile_state.hpp"
#include "core/jq/text.hpp"

namespace holdfast::jq::machine {

void CompileState::fail(std::string reason, std::size_t offset) {
    if (!failed_) fault_ = {std::move(reason), offset};
    failed_ = true;
}

std::uint32_t CompileState::emit(Do what, std::uint32_t a, std::uint32_t b, bool flag) {
    if (++emitted_ > instructions_max) fail("the program is too large", 0);
    if (!failed_ || here_->code.empty()) here_->code.push_back({what, flag, a, b});
    return static_cast<std::uint32_t>(here_->code.size() - 1);
}

std::uint32_t CompileState::constant(Constant value) {
    code_.constants.push_back(std::move(value));
    return static_cast<std::uint32_t>(code_.constants.size() - 1);
}

std::uint32_t CompileState::text_constant(std::string_view text) {
    return constant({.kind = Kind::string, .text = std::string(text)});
}

Binding* CompileState::add_binding(Binding binding) {
    bindings_.push_back(std::make_unique<Binding>(std::move(binding)));
    return bindings_.back().get();
}

const Binding* CompileState::find(const Binding* scope, Binding::Kind kind, std::string_view name,
                                  std::uint32_t arity) const {
    for (; scope != nullptr; scope = scope->before) {
        if (scope->kind == kind && scope->arity == arity && scope->name == name) return scope;
    }
    return nullptr;
}

const Binding* CompileState::find_function(const Binding* scope, std::string_view name,
                                           std::uint32_t arity) const {
    for (; scope != nullptr; scope = scope->before) {
        const bool callable = scope->kind == Binding::Kind::function ||
                              scope->kind == Binding::Kind::parameter ||
                              scope->kind == Binding::Kind::thunk;
        if (callable && scope->arity == arity && scope->name == name) {
            return scope->real == nullptr ? scope : scope->real;
        }
    }
    return nullptr;
}

/// How many static links lead to the frame of `owner`.
std::uint32_t CompileState::level_of(const Layout* owner) const {
    std::uint32_t level = 0;
    for (const Layout* layout = here_; layout != owner; layout = layout->outer) {
        HF_ASSERT(layout != nullptr);
        ++level;
    }
    return level;
}

bool CompileState::is_literal(ExprId id) const {
    const Expr& e = syntax_.exprs[id];
    if (e.op == Op::number) return true;
    if (e.op == Op::string) return e.count == 1 && e.text == none;
    return e.op == Op::call && e.count == 0 &&
           (syntax_.text(e.text) == "null" || syntax_.text(e.text) == "true" ||
            syntax_.text(e.text) == "false");
}

std::uint32_t CompileState::literal_constant(ExprId id) {
    const Expr& e = syntax_.exprs[id];
    if (e.op == Op::string) return text_constant(syntax_.text(syntax_.lists[e.items]));
    const std::string& text = syntax_.text(e.text);
    if (e.op == Op::number) return constant({.kind = Kind::number, .digits = true, .text = text});
    return constant({.kind = text == "true" ? Kind::yes : text == "false" ? Kind::no : Kind::null});
}

/// Beside the input.
void CompileState::sub(ExprId id, const Binding* scope) {
    emit(Do::sub_begin);
    expr(id, scope, false);
    emit(Do::sub_end);
}

void CompileState::expr(ExprId id, const Binding* scope, bool last) {
    if (failed_) return;
    if (++depth_ > compile_depth) fail("the program nests too deep", syntax_.exprs[id].offset);
    const Expr e = syntax_.exprs[id];
    if (!failed_) expr_of(e, scope, last);
    --depth_;
}

void CompileState::expr_of(const Expr& e, const Binding* scope, bool last) {
    switch (e.op) {
        case Op::identity: return;
        case Op::number:
            emit(Do::constant,
                 constant({.kind = Kind::number, .digits = true, .text = syntax_.text(e.text)}));
            return;
        case Op::string: return string(e, scope);
        case Op::index: return index(e, scope);
        case Op::slice: return slice(e, scope);
        case Op::iterate:
            expr(e.a, scope, false);
            emit(Do::each, 0, 0, e.optional);
            return;
        case Op::pipe: expr(e.a, scope, false); return expr(e.b, scope, last);
        case Op::comma: return comma(e, scope, last);
        case Op::conjunction:
        case Op::disjunction: return logic(e, scope);
        case Op::alternative: return alternative(e, scope, last);
        case Op::binary: return binary(e, scope);
        case Op::update: return update(e, scope);
        case Op::attempt: return attempt(e, scope);
        case Op::condition: return condition(e, scope, last);
        default: return more_of(e, scope, last);
    }
}

void CompileState::more_of(const Expr& e, const Binding* scope, bool last) {
    switch (e.op) {
        case Op::recurse:
        case Op::call: return call(e, scope, last);
        case Op::format: emit(Do::make_text, 0, text_constant(syntax_.text(e.text)), true); return;
        case Op::negate:
            expr(e.a, scope, false);
            emit(Do::native, *find_native("_negate", 0));
            return;
        case Op::reduce:
        case Op::foreach: return fold(e, scope);
        case Op::bind: return bind(e, scope, last);
        case Op::define: {
            const Definition& made = syntax_.definitions[e.a];
            const Binding* inside =
                add_binding({.kind = Binding::Kind::function,
                             .name = syntax_.text(made.name),
                             .arity = static_cast<std::uint32_t>(made.parameters.size()),
                             .before = scope,
                             .owner = here_,
                             .definition = e.a});
            return expr(e.b, inside, last);
        }
        case Op::label: return label(e, scope, last);
        case Op::leave: {
            const Binding* found = find(scope, Binding::Kind::label, syntax_.text(e.text));
            if (found == nullptr) {
                return fail("$*label-" + syntax_.text(e.text) + " is not defined", e.offset);
            }
            emit(Do::leave, level_of(found->owner), found->slot);
            return;
        }
        case Op::variable: return variable(e, scope);
        case Op::array: return collect(e, scope);
        case Op::object: return object(e, scope);
        case Op::location: return location(e);
        default: return fail("not a program", e.offset);
    }
}

void CompileState::label(const Expr& e, const Binding* scope, bool) {
    const Binding* inside = add_binding({.kind = Binding::Kind::label,
                                         .name = syntax_.text(e.text),
                                         .before = scope,
                                         .owner = here_,
                                         .slot = slot()});
    emit(Do::fork_label, inside->slot);
    expr(e.a, inside, false);
}

namespace {

std::string all_of(std::span<const NamedValue> named) {
    std::string out = "{";
    for (const NamedValue& one : named) {
        out += (out.size() > 1 ? "," : "") + quoted(one.name) + ":" + one.json;
    }
    return out + "}";
}

std::string all_of(std::span<const std::string> positional) {
    std::string out = "[";
    for (const std::string& one : positional) out += (out.size() > 1 ? "," : "") + one;
    return out + "]";
}

}  // namespace

void CompileState::variable(const Expr& e, const Binding* scope) {
    const std::string& name = syntax_.text(e.text);
    const Binding* const found = find(scope, Binding::Kind::variable, name);
    if (found != nullptr && found->global != none) {
        emit(Do::global, found->global);
        return;
    }
    if (found != nullptr) {
        emit(Do::load, level_of(found->owner), found->slot);
        return;
    }
    const auto is_named = [&](const NamedValue& one) { return one.name == name; };
    const auto named = std::find_if(given_.named.begin(), given_.named.end(), is_named);
    if (name == "ENV") {
        code_.asks_environment = true;
        emit(Do::global, static_cast<std::uint32_t>(Global::environment));
    } else if (named != given_.named.end()) {
        given(named->json);
    } else if (name == "meta") {
        code_.asks_meta = true;
        emit(Do::global, static_cast<std::uint32_t>(Global::meta));
    } else if (name == "__prog_args") {
        given(all_of(given_.named));
    } else if (name == "ARGS") {
        given("{\"positional\":" + all_of(given_.positional) +
              ",\"named\":" + all_of(given_.named) + "}");
    } else {
        fail("$" + name + " is not defined", e.offset);
    }
}

/// Where a global stands, which is kept once.
std::uint32_t CompileState::global(const std::string& json) {
    const std::string kept = json + std::string(given_padding, ' ');
    const auto at = std::find(code_.given.begin(), code_.given.end(), kept);
    const auto index = static_cast<std::uint32_t>(at - code_.given.begin());
    if (at == code_.given.end()) {
        Tape tape;
        Nodes nodes;
        const auto bytes = std::as_bytes(std::span(kept)).first(json.size());
        if (!tape.read(bytes, nodes)) fail("values from outside have more than 64 levels", 0);
        code_.given.push_back(kept);
    }
    return static_cast<std::uint32_t>(Global::given) + index;
}

void CompileState::given(const std::string& json) { emit(Do::global, global(json)); }

Layout* CompileState::new_layout(Layout* outer) {
    layouts_.push_back(std::make_unique<Layout>());
    code_.functions.emplace_back();
    layouts_.back()->outer = outer;
    return layouts_.back().get();
}

/// Bodies are laid out one after the other, not one within the other.
void CompileState::finish_pending() {
    while (!pending_.empty() && !failed_) {
        const Pending next = pending_.back();
        pending_.pop_back();
        here_ = layouts_[next.function].get();
        const Binding* scope = next.scope;
        for (const Parameter& parameter : next.parameters) {
            scope = add_binding({.kind = Binding::Kind::parameter,
                                 .name = syntax_.text(parameter.name),
                                 .before = scope,
                                 .owner = here_,
                                 .slot = slot()});
        }
        here_->parameters = here_->slots;
        scope = values_of(next.parameters, scope);
        expr(next.body, scope, true);
        emit(Do::give_back);
    }
}

/// `$a` of parameters: the closure's values, each in turn, the first varying slowest.
const Binding* CompileState::values_of(const std::vector<Parameter>& parameters,
                                       const Binding* scope) {
    const Binding* with = scope;
    for (const Parameter& parameter : parameters) {
        if (!parameter.is_value) continue;
        const std::string& name = syntax_.text(parameter.name);
        const Binding* closure = find_function(scope, name, 0);
        const std::uint32_t to = slot();
        emit(Do::sub_begin);
        if (closure->kind == Binding::Kind::thunk) {
            expr(closure->given, closure->around, false);
        } else {
            emit(Do::parameter, level_of(closure->owner), closure->slot);
        }
        emit(Do::sub_store, to);
        with = add_binding({.name = name, .before = with, .owner = here_, .slot = to});
    }
    return with;
}

Code CompileState::link() {
    for (std::size_t i = 0; i < layouts_.size(); ++i) {
        const Layout& layout = *layouts_[i];
        Function& function = code_.functions[i];
        function.entry = static_cast<std::uint32_t>(code_.instructions.size());
        function.slots = layout.slots;
        function.parameters = layout.parameters;
        for (Instruction instruction : layout.code) {
            switch (instruction.what) {
                case Do::sub_test:
                case Do::fork:
                case Do::fork_try:
                case Do::try_end:
                case Do::fork_alt:
                case Do::alt_found:
                case Do::fork_pattern:
                case Do::fork_mark:
                case Do::jump:
                case Do::jump_unless: instruction.a += function.entry; break;
                default: break;
            }
            code_.instructions.push_back(instruction);
        }
    }
    return std::move(code_);
}

std::expected<Code, CompileFault> CompileState::run(const Parsed& parsed) {
    user_exprs_ = static_cast<std::uint32_t>(syntax_.exprs.size());
    here_ = new_layout(nullptr);
    declare_modules();
    expr(parsed.main, import_all(parsed.header, modules_.targets()), true);
    emit(Do::give_back);
    finish_pending();
    if (!failed_) return link();
    Modules::Fault placed = modules_.place(std::move(fault_.reason), fault_.offset);
    return std::unexpected(CompileFault{std::move(placed.reason), placed.offset});
}

namespace {

/// Where what is no UTF-8 begins.
std::size_t first_wrong_byte(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (!is_utf8(text.substr(at, size))) break;
        at += size;
    }
    return at;
}

}  // namespace

std::expected<Code, CompileFault> compile(std::string_view program, const Given& given) {
    if (!is_utf8(program)) {
        return std::unexpected(CompileFault{"the program is not UTF-8", first_wrong_byte(program)});
    }
    auto parsed = parse(program);
    if (!parsed) return std::unexpected(CompileFault{parsed.error().reason, parsed.error().offset});
    Modules modules(program, parsed->syntax, given.modules);
    if (const auto read = modules.read(parsed->header); !read) {
        return std::unexpected(CompileFault{read.error().reason, read.error().offset});
    }
    return CompileState(*parsed, modules, program, given).run(*parsed);
}

}  // namespace holdfast::jq::machine

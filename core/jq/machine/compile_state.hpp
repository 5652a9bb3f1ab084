// The compiler's state. Not for others.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/jq/machine/builtins.hpp"
#include "core/jq/machine/compiler.hpp"
#include "core/jq/machine/parser.hpp"

namespace holdfast::jq::machine {

/// A function that is being laid out.
struct Layout {
    std::vector<Instruction> code;
    std::uint32_t slots = 0;
    std::uint32_t parameters = 0;
    Layout* outer = nullptr;
};

/// A name and what it means; a scope is the newest one and those before it.
struct Binding {
    enum class Kind : std::uint8_t { variable, function, parameter, thunk, label };
    Kind kind = Kind::variable;
    std::string name;
    std::uint32_t arity = 0;
    const Binding* before = nullptr;
    Layout* owner = nullptr;  ///< Whose slot it is, or where it was defined.
    std::uint32_t slot = 0;
    std::uint32_t definition = 0;  ///< Of function.
    ExprId given = none;           ///< Of thunk: laid out in the scope `around`.
    const Binding* around = nullptr;
    std::uint32_t global = none;            ///< Of variable: it is this one of Code::given.
    const Binding* real = nullptr;          ///< Of function: it is this one under another name.
    mutable std::uint32_t function = none;  ///< Its code, once it is asked for.
};

/// A function whose body is to be laid out.
struct Pending {
    std::uint32_t function = 0;
    ExprId body = none;
    const Binding* scope = nullptr;
    std::vector<Parameter> parameters;
    Layout* outer = nullptr;
};

class CompileState {
public:
    CompileState(Parsed& parsed, const Modules& modules, std::string_view program,
                 const Given& given)
        : program_(program), syntax_(parsed.syntax), modules_(modules), given_(given) {}
    std::expected<Code, CompileFault> run(const Parsed& parsed);

private:
    static constexpr std::size_t instructions_max = 200'000;
    static constexpr std::size_t inline_below = 20'000;
    static constexpr int compile_depth = 3000;
    static constexpr std::size_t imported_max = 10'000;

    void expr(ExprId id, const Binding* scope, bool last);
    void expr_of(const Expr& e, const Binding* scope, bool last);
    void more_of(const Expr& e, const Binding* scope, bool last);
    void sub(ExprId id, const Binding* scope);
    void comma(const Expr& e, const Binding* scope, bool last);
    void index(const Expr& e, const Binding* scope);
    void slice(const Expr& e, const Binding* scope);
    void logic(const Expr& e, const Binding* scope);
    void alternative(const Expr& e, const Binding* scope, bool last);
    void attempt(const Expr& e, const Binding* scope);
    void condition(const Expr& e, const Binding* scope, bool last);
    void binary(const Expr& e, const Binding* scope);
    void update(const Expr& e, const Binding* scope);
    void modify(ExprId paths, ExprId by, std::string_view sign, std::uint32_t value,
                const Binding* scope);
    bool gives_one(ExprId id, const Binding* scope, int depth = 0) const;
    bool is_apart(ExprId id, const Binding* scope) const;
    bool is_owned(ExprId id, const Binding* scope) const;
    bool owned_path(ExprId id, const Binding* scope, std::vector<ExprId>& keys) const;
    void owned(ExprId id, const Binding* scope, std::uint32_t owner);
    void owned_update(const Expr& e, const Binding* scope, std::uint32_t owner);
    bool fixed_path(ExprId id, std::vector<ExprId>& keys) const;
    void update_at(const Expr& e, std::string_view sign, const std::vector<ExprId>& keys,
                   const Binding* scope);
    void update_value(ExprId by, std::string_view sign, std::uint32_t value, const Binding* scope);
    void fold(const Expr& e, const Binding* scope);
    void bind(const Expr& e, const Binding* scope, bool last);
    const Binding* bind_patterns(const Expr& e, const Binding* scope, Do store);
    void match(PatternId id, const Binding* scope);
    void match_entry(PatternId id, const Binding* scope);
    void store_named(PatternId id, const Binding* scope);
    const Binding* declare(PatternId id, const Binding* scope);
    void collect(const Expr& e, const Binding* scope);
    void object(const Expr& e, const Binding* scope);
    void string(const Expr& e, const Binding* scope);
    void location(const Expr& e);
    void call(const Expr& e, const Binding* scope, bool last);
    bool special(const Expr& e, const Binding* scope);
    void last_of(ExprId id, const Binding* scope);
    void builtin(const Expr& e, const Binding* scope, bool last);
    void call_native(std::uint32_t id, const Expr& e, const Binding* scope);
    void call_function(const Binding& to, const Expr& e, const Binding* scope, bool last);
    bool lay_out(const Binding& to, const Expr& e, const Binding* scope, bool last);
    bool calls_itself(std::uint32_t definition);
    bool recursive(ExprId id, const Binding& to);
    std::uint32_t uses(ExprId id, const std::string& name);
    const Binding* values_of(const std::vector<Parameter>& parameters, const Binding* scope);
    std::uint32_t function_of(const Binding& to);
    Argument argument(ExprId id, const Binding* scope, bool& here);
    void variable(const Expr& e, const Binding* scope);
    void given(const std::string& json);
    std::uint32_t global(const std::string& json);
    const Binding* import_all(const Header& header, const std::vector<std::uint32_t>& targets);
    const Binding* import_data(const Import& one, const Module& file, const Binding* scope);
    const Binding* import_names(const Import& one, std::uint32_t file, const Binding* scope);
    void declare_modules();
    std::string search_list() const;
    void label(const Expr& e, const Binding* scope, bool last);

    const Binding* find(const Binding* scope, Binding::Kind kind, std::string_view name,
                        std::uint32_t arity = 0) const;
    const Binding* find_function(const Binding* scope, std::string_view name,
                                 std::uint32_t arity) const;
    Binding* add_binding(Binding binding);
    std::uint32_t level_of(const Layout* owner) const;
    std::uint32_t slot() { return here_->slots++; }
    std::uint32_t emit(Do what, std::uint32_t a = 0, std::uint32_t b = 0, bool flag = false);
    std::uint32_t at() const { return static_cast<std::uint32_t>(here_->code.size()); }
    void land(std::uint32_t instruction) { here_->code[instruction].a = at(); }
    std::uint32_t constant(Constant value);
    std::uint32_t text_constant(std::string_view text);
    std::uint32_t null_constant() { return constant({}); }
    void fail(std::string reason, std::size_t offset);
    bool is_literal(ExprId id) const;
    std::uint32_t literal_constant(ExprId id);
    Layout* new_layout(Layout* outer);
    void finish_pending();
    Code link();

    std::string_view program_;
    Syntax& syntax_;
    const Modules& modules_;
    Given given_;
    std::vector<std::vector<const Binding*>> exports_;  ///< Of each module its functions.
    std::size_t imported_ = 0;
    Code code_;
    Layout* here_ = nullptr;
    std::vector<std::unique_ptr<Layout>> layouts_;  ///< Of each function.
    std::vector<std::unique_ptr<Binding>> bindings_;
    std::vector<Pending> pending_;
    std::vector<const Binding*> defined_;  ///< Of the builtins that are jq, those asked for.
    bool is_only_pattern_ = true;
    std::vector<std::string> matched_;  ///< Variables that the pattern has stored so far.
    std::vector<std::uint32_t> laying_out_;
    int depth_ = 0;
    std::size_t emitted_ = 0;
    std::uint32_t user_exprs_ = 0;  ///< Expressions from here on are of builtins.
    bool failed_ = false;
    CompileFault fault_;
};

}  // namespace holdfast::jq::machine

#include "core/jq/parser.hpp"

#include <algorithm>
#include <array>

#include "core/jq/text.hpp"

namespace holdfast::jq {
namespace {

constexpr std::size_t program_max = 65536;

/// How tightly an operator binds, as in jq 1.6.
enum Level : int { pipes = 1, commas, alternatives, assignments, ors, ands, comparisons };

bool keyword(std::string_view name) {
    constexpr std::array<std::string_view, 20> words{
        "module",  "import", "include", "def", "if",  "then", "else",  "elif",  "as",      "reduce",
        "foreach", "end",    "and",     "or",  "not", "try",  "catch", "label", "__loc__", "break"};
    return name != "not" && std::find(words.begin(), words.end(), name) != words.end();
}

}  // namespace

struct Parser::Binary {
    std::string_view mark;
    Word word;
    int level;
    bool right;  ///< a op (b op c)
    bool alone;  ///< a op b op c is an error.
    Op op;
};

const Parser::Binary* Parser::binary(const Token& token) {
    static constexpr std::array<Binary, 12> all{{
        {"|", Word::mark, pipes, true, false, Op::pipe},
        {",", Word::mark, commas, false, false, Op::comma},
        {"//", Word::mark, alternatives, true, false, Op::alternative},
        {"=", Word::mark, assignments, false, true, Op::assign},
        {"or", Word::name, ors, false, false, Op::either},
        {"and", Word::name, ands, false, false, Op::both},
        {"==", Word::mark, comparisons, false, true, Op::equal},
        {"!=", Word::mark, comparisons, false, true, Op::not_equal},
        {"<", Word::mark, comparisons, false, true, Op::less},
        {"<=", Word::mark, comparisons, false, true, Op::less_equal},
        {">", Word::mark, comparisons, false, true, Op::greater},
        {">=", Word::mark, comparisons, false, true, Op::greater_equal},
    }};
    for (const Binary& one : all) {
        if (one.word == token.word && one.mark == token.text) return &one;
    }
    return nullptr;
}

std::expected<Plan, NotNative> make_plan(std::string_view program) {
    if (program.size() > program_max) return std::unexpected(NotNative{"a program so long", 0});
    if (program.find('\0') != std::string_view::npos)
        return std::unexpected(NotNative{"a zero byte", 0});
    if (!is_utf8(program)) return std::unexpected(NotNative{"what is not UTF-8", 0});
    return Parser(program).parse();
}

std::expected<Plan, NotNative> Parser::parse() {
    const bool nothing = lexer_.token().word == Word::end;
    plan_.root = nothing ? add({.op = Op::identity}) : expression(pipes);
    if (!refusal_ && lexer_.token().word != Word::end) refuse_token();
    if (refusal_) return std::unexpected(*refusal_);
    return std::move(plan_);
}

ExprId Parser::refuse(std::string reason, std::size_t offset) {
    if (!refusal_) refusal_ = NotNative{std::move(reason), offset};
    return 0;
}

ExprId Parser::refuse_token() {
    const Token& token = lexer_.token();
    if (token.word == Word::end) return refuse("the program ends early", token.offset);
    if (token.word == Word::unknown) return refuse(token.text + " is not compiled", token.offset);
    return refuse("`" + token.text + "` is not compiled here", token.offset);
}

bool Parser::take(std::string_view mark) {
    if (refusal_) return false;
    if (!lexer_.token().is(mark)) {
        refuse_token();
        return false;
    }
    lexer_.next();
    return true;
}

/// Whether a value, or at most none, stands here. Several are refused.
bool Parser::single(ExprId id, std::size_t offset) {
    if (refusal_) return false;
    if (expr(id).flow) refuse("several values at once are not compiled here", offset);
    return !refusal_;
}

ExprId Parser::add(const Expr& one) {
    if (plan_.exprs.size() >= exprs_max) refuse("so long a program", 0);
    plan_.exprs.push_back(one);
    return static_cast<ExprId>(plan_.exprs.size() - 1);
}

ExprId Parser::constant(std::string json) {
    plan_.constants.push_back(std::move(json));
    const auto index = static_cast<std::uint32_t>(plan_.constants.size() - 1);
    return add({.op = Op::constant, .text = index});
}

std::uint32_t Parser::text(const std::string& plain) {
    for (std::uint32_t i = 0; i < plan_.texts.size(); ++i) {
        if (plan_.texts[i].plain == plain) return i;
    }
    plan_.texts.push_back({plain, quoted(plain)});
    return static_cast<std::uint32_t>(plan_.texts.size() - 1);
}

ExprId Parser::pipe(ExprId a, ExprId b) {
    if (refusal_) return 0;
    if (expr(a).op == Op::identity) return b;
    return add({.op = Op::pipe, .flow = expr(a).flow || expr(b).flow, .a = a, .b = b});
}

/// An access to what `target` gives; to each of several.
ExprId Parser::on(ExprId target, Expr access) {
    if (refusal_) return 0;
    if (!expr(target).flow) {
        access.a = target;
        return add(access);
    }
    access.a = add({.op = Op::identity});
    return pipe(target, add(access));
}

ExprId Parser::expression(int lowest) {
    if (++level_ > levels_max) refuse("so deep a program", lexer_.token().offset);
    ExprId left = refusal_ ? 0 : operand();
    while (!refusal_) {
        const Binary* how = binary(lexer_.token());
        if (how == nullptr || how->level < lowest) break;
        const std::size_t offset = lexer_.token().offset;
        lexer_.next();
        const ExprId right = expression(how->right ? how->level : how->level + 1);
        if (refusal_) break;
        left = join(*how, left, right, offset);
        const Binary* another = binary(lexer_.token());
        if (how->alone && another != nullptr && another->level == how->level) refuse_token();
    }
    --level_;
    return left;
}

ExprId Parser::join(const Binary& how, ExprId a, ExprId b, std::size_t offset) {
    if (how.op == Op::pipe) return pipe(a, b);
    if (how.op == Op::comma) return add({.op = Op::comma, .flow = true, .a = a, .b = b});
    if (how.op == Op::assign) return assign(a, b, offset);
    if (!single(a, offset) || !single(b, offset)) return 0;
    return add({.op = how.op, .a = a, .b = b});
}

ExprId Parser::operand() {
    if (lexer_.token().says("if")) return choice();
    if (lexer_.token().is("-")) return negative();
    return term();
}

ExprId Parser::negative() {
    const std::size_t offset = lexer_.token().offset;
    lexer_.next();
    if (lexer_.token().word != Word::number) return refuse("`-` is not compiled", offset);
    const std::string& digits = lexer_.token().text;
    // As jq negates decimals: their zero has no sign.
    const bool is_zero = digits.find_first_of("123456789") >= digits.find_first_of("eE");
    const ExprId id = constant((is_zero ? "" : "-") + digits);
    lexer_.next();
    return id;
}

ExprId Parser::choice() {
    const std::size_t offset = lexer_.token().offset;
    if (++level_ > levels_max) return refuse("so deep a program", offset);
    lexer_.next();  // if, elif
    Expr one{.op = Op::choice};
    one.a = expression(pipes);
    if (refusal_ || !lexer_.token().says("then")) return refuse_token();
    lexer_.next();
    one.b = expression(pipes);
    if (refusal_) return 0;
    if (lexer_.token().says("elif")) {
        one.c = choice();
    } else if (lexer_.token().says("else")) {
        lexer_.next();
        one.c = expression(pipes);
        if (refusal_ || !lexer_.token().says("end")) return refuse_token();
        lexer_.next();
    } else {
        return refuse_token();
    }
    --level_;
    if (!single(one.a, offset)) return 0;
    one.flow = expr(one.b).flow || expr(one.c).flow;
    return add(one);
}

ExprId Parser::term() {
    if (++level_ > levels_max) return refuse("so deep a program", lexer_.token().offset);
    ExprId id = primary();
    while (!refusal_) {
        const Token& token = lexer_.token();
        if (token.word != Word::field && !token.is(".") && !token.is("[")) break;
        id = access(id);
    }
    --level_;
    return id;
}

/// What follows a term: .name, ."name", [...], each with or without `?`.
ExprId Parser::access(ExprId target) {
    Expr one{.op = Op::field};
    if (lexer_.token().is("[")) return bracket(target);
    if (lexer_.token().is(".")) {
        lexer_.next();
        if (lexer_.token().word != Word::string) return refuse_token();
    }
    one.text = text(lexer_.token().text);
    lexer_.next();
    if (lexer_.token().is("?")) {
        one.optional = true;
        lexer_.next();
    }
    return on(target, one);
}

ExprId Parser::bracket(ExprId target) {
    constexpr std::size_t digits_max = 9;
    Expr one;
    lexer_.next();
    const bool minus = lexer_.token().is("-");
    if (minus) lexer_.next();
    const Token token = lexer_.token();
    if (token.is("]") && !minus) {
        one.op = Op::iterate;
        one.flow = true;
    } else if (token.word == Word::string && !minus) {
        one.op = Op::field;
        one.text = text(token.text);
        lexer_.next();
    } else if (token.word == Word::number && token.text.size() <= digits_max &&
               token.text.find_first_of(".eE") == std::string::npos) {
        one.op = Op::index;
        for (const char c : token.text) one.number = one.number * 10 + (c - '0');
        if (minus) one.number = -one.number;
        lexer_.next();
    } else {
        return refuse("an index that is no literal", token.offset);
    }
    if (!lexer_.token().is("]")) return refuse("an index that is no literal", token.offset);
    lexer_.next();
    if (lexer_.token().is("?")) {
        one.optional = true;
        lexer_.next();
    }
    return on(target, one);
}

ExprId Parser::primary() {
    const Token token = lexer_.token();
    switch (token.word) {
        case Word::field: return access(add({.op = Op::identity}));
        case Word::string: lexer_.next(); return constant(plan_.texts[text(token.text)].quoted);
        case Word::number:
            lexer_.next();
            if (!number_value(token.text)) return refuse("such a number", token.offset);
            return constant(token.text);
        case Word::name: return named();
        case Word::mark: break;
        case Word::end:
        case Word::unknown: return refuse_token();
    }
    if (token.is(".")) {
        lexer_.next();
        const ExprId id = add({.op = Op::identity});
        if (lexer_.token().word != Word::string) return id;
        Expr one{.op = Op::field};
        one.text = text(lexer_.token().text);
        lexer_.next();
        one.optional = lexer_.token().is("?");
        if (one.optional) lexer_.next();
        return on(id, one);
    }
    if (token.is("(")) {
        lexer_.next();
        const ExprId id = expression(pipes);
        return take(")") ? id : 0;
    }
    if (token.is("[")) return array();
    if (token.is("{")) return object();
    if (token.is("$")) return meta();
    return refuse_token();
}

/// The only variable there is: nothing that binds others is compiled.
ExprId Parser::meta() {
    const std::size_t offset = lexer_.token().offset;
    lexer_.next();
    if (!lexer_.token().says("meta")) return refuse("a variable is not compiled", offset);
    lexer_.next();
    plan_.asks_meta = true;
    return add({.op = Op::meta});
}

ExprId Parser::array() {
    Expr one{.op = Op::array, .text = static_cast<std::uint32_t>(plan_.items.size())};
    const std::size_t offset = lexer_.token().offset;
    lexer_.next();
    std::vector<Item> items;
    if (!lexer_.token().is("]")) {
        ExprId rest = expression(pipes);
        if (refusal_) return 0;
        while (expr(rest).op == Op::comma) {
            items.push_back({0, expr(rest).b});
            rest = expr(rest).a;
        }
        items.push_back({0, rest});
    }
    if (!take("]")) return 0;
    for (const Item& item : items) {
        if (!single(item.value, offset)) return 0;
    }
    one.text = static_cast<std::uint32_t>(plan_.items.size());
    one.number = static_cast<std::int32_t>(items.size());
    plan_.items.insert(plan_.items.end(), items.rbegin(), items.rend());
    return add(one);
}

ExprId Parser::object() {
    lexer_.next();
    std::vector<Item> items;
    while (!refusal_ && !lexer_.token().is("}")) {
        const Token key = lexer_.token();
        if (key.word != Word::name && key.word != Word::string) return refuse_token();
        lexer_.next();
        const ExprId value = object_value(key);
        if (!single(value, key.offset)) return 0;
        items.push_back({text(key.text), value});
        if (!lexer_.token().is("}") && !take(",")) return 0;
    }
    if (!take("}")) return 0;
    Expr one{.op = Op::object, .text = static_cast<std::uint32_t>(plan_.items.size())};
    one.number = static_cast<std::int32_t>(items.size());
    plan_.items.insert(plan_.items.end(), items.begin(), items.end());
    return add(one);
}

/// Behind a key: terms in a pipe, no operators; or nothing: {name} is {name: .name}.
ExprId Parser::object_value(const Token& key) {
    if (!lexer_.token().is(":")) {
        if (key.word == Word::name && keyword(key.text)) return refuse_token();
        Expr one{.op = Op::field, .text = text(key.text)};
        return on(add({.op = Op::identity}), one);
    }
    lexer_.next();
    ExprId value = lexer_.token().is("-") ? negative() : term();
    while (!refusal_ && lexer_.token().is("|")) {
        lexer_.next();
        value = pipe(value, lexer_.token().is("-") ? negative() : term());
    }
    return value;
}

}  // namespace holdfast::jq

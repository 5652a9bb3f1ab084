#include "core/jq/machine/parser.hpp"

#include <algorithm>

#include "core/jq/machine/parse_state.hpp"

namespace holdfast::jq::machine {
namespace {

struct Level {
    int level = 0;
    enum class Joins : std::uint8_t { left, right, never } joins = Joins::left;
    Op op = Op::binary;
};

/// What a word is between two terms; level 0: no operator.
Level level_of(const Token& token) {
    using Joins = Level::Joins;
    if (token.is_name("or")) return {4, Joins::left, Op::disjunction};
    if (token.is_name("and")) return {5, Joins::left, Op::conjunction};
    if (token.kind != Token::Kind::sign) return {};
    const std::string_view sign = token.text;
    if (sign == ",") return {comma_level, Joins::left, Op::comma};
    if (sign == "//") return {alternative_level, Joins::right, Op::alternative};
    if (sign == "==" || sign == "!=" || sign == "<" || sign == "<=" || sign == ">" || sign == ">=")
        return {6, Joins::never, Op::binary};
    if (sign == "+" || sign == "-") return {7, Joins::left, Op::binary};
    if (sign == "*" || sign == "/" || sign == "%") return {8, Joins::left, Op::binary};
    if (sign.ends_with("=")) return {3, Joins::never, Op::update};
    return {};
}

}  // namespace

void ParseState::step() {
    token_ = lexer_.next();
    if (token_.kind == Token::Kind::wrong) fail("this begins no word of jq", token_.offset);
}

ExprId ParseState::fail(std::string reason, std::size_t offset) {
    if (!failed_) error_ = {std::move(reason), offset};
    failed_ = true;
    token_.kind = Token::Kind::end;
    return none;
}

ExprId ParseState::fail(std::string reason) { return fail(std::move(reason), token_.offset); }

void ParseState::fail_unexpected(std::string_view wanted) {
    const std::string_view seen = token_.kind == Token::Kind::end ? "the end" : token_.text;
    std::string reason = "syntax error: unexpected `" + std::string(seen) + "`";
    if (seen == "the end") reason = "syntax error: unexpected end";
    if (!wanted.empty()) reason += ", `" + std::string(wanted) + "` is expected";
    fail(std::move(reason), token_.offset);
}

bool ParseState::take(std::string_view sign) {
    if (!token_.is(sign)) return false;
    step();
    return true;
}

bool ParseState::take_name(std::string_view word) {
    if (!token_.is_name(word)) return false;
    step();
    return true;
}

void ParseState::want(std::string_view sign) {
    if (!take(sign)) fail_unexpected(sign);
}

void ParseState::want_name(std::string_view word) {
    if (!take_name(word)) fail_unexpected(word);
}

bool ParseState::enter() {
    if (++nesting_ > nesting_max) fail("the program nests too deep", token_.offset);
    return !failed_;
}

TextId ParseState::text(std::string_view text) { return syntax_.add(text); }

std::uint32_t ParseState::list(const std::vector<std::uint32_t>& items) {
    const auto begin = static_cast<std::uint32_t>(syntax_.lists.size());
    syntax_.lists.insert(syntax_.lists.end(), items.begin(), items.end());
    return begin;
}

ExprId ParseState::add(Expr expr) {
    const auto reach = [&](ExprId id) {
        if (id == none || id >= syntax_.exprs.size()) return;
        const auto above = static_cast<std::uint16_t>(syntax_.exprs[id].height + 1);
        expr.height = std::max(expr.height, above);
    };
    if (expr.op != Op::define) reach(expr.a);
    reach(expr.b);
    reach(expr.c);
    reach(expr.d);
    const bool binds = expr.op == Op::reduce || expr.op == Op::foreach || expr.op == Op::bind;
    // Of a string every other item is a text.
    const std::uint32_t stride = expr.op == Op::string ? 2 : 1;
    for (std::uint32_t i = stride - 1; !binds && i < expr.count; i += stride) {
        reach(syntax_.lists[expr.items + i]);
    }
    if (expr.height > Syntax::height_max)
        return fail("the program is too long a chain", expr.offset);
    syntax_.exprs.push_back(expr);
    return static_cast<ExprId>(syntax_.exprs.size() - 1);
}

ExprId ParseState::add(Op op, std::size_t offset, std::uint32_t a, std::uint32_t b,
                       std::uint32_t c) {
    return add(
        Expr{.op = op, .a = a, .b = b, .c = c, .offset = static_cast<std::uint32_t>(offset)});
}

ExprId ParseState::literal(std::string_view value, std::size_t offset) {
    const ExprId part = text(value);
    return add(Expr{.op = Op::string,
                    .items = list({part}),
                    .count = 1,
                    .offset = static_cast<std::uint32_t>(offset)});
}

/// Stages of a pipe; those that take all to their right end it.
ExprId ParseState::query() {
    if (!enter()) return leave_with(none);
    std::vector<ExprId> stages{piped()};
    while (!failed_ && take("|")) stages.push_back(piped());
    ExprId whole = stages.back();
    for (std::size_t i = stages.size() - 1; !failed_ && i-- > 0;) {
        whole = add(Op::pipe, syntax_.exprs[stages[i]].offset, stages[i], whole);
    }
    return leave_with(whole);
}

ExprId ParseState::piped() {
    const std::size_t offset = token_.offset;
    if (token_.is_name("def")) return define(offset);
    return binary(comma_level);
}

ExprId ParseState::define(std::size_t offset) {
    const std::uint32_t made = definition();
    const ExprId rest = query();
    return add(Op::define, offset, made, rest);
}

/// What stands between commas; `as` takes all of it: `1 + 2 as $x | $x` is 3, as in jq 1.8.
ExprId ParseState::bindable() {
    const std::size_t offset = token_.offset;
    const ExprId whole = binary(alternative_level);
    return !failed_ && take_name("as") ? bind(whole, offset) : whole;
}

ExprId ParseState::binary(int level) {
    ExprId left = level == comma_level ? bindable() : unary();
    while (!failed_) {
        const Token sign = token_;
        const Level found = level_of(sign);
        if (found.level == 0 || found.level < level) break;
        step();
        const bool right = found.joins == Level::Joins::right;
        const ExprId operand =
            found.level == comma_level ? bindable() : binary(right ? found.level : found.level + 1);
        left = joined(sign, left, operand);
        if (found.joins == Level::Joins::never && level_of(token_).level == found.level) {
            fail_unexpected("");
        }
    }
    return left;
}

ExprId ParseState::joined(const Token& sign, ExprId left, ExprId right) {
    if (failed_) return none;
    return add(Expr{.op = level_of(sign).op,
                    .a = left,
                    .b = right,
                    .text = text(sign.text),
                    .offset = static_cast<std::uint32_t>(sign.offset)});
}

ExprId ParseState::unary() {
    const std::size_t offset = token_.offset;
    if (!take("-")) return postfix();
    if (!enter()) return leave_with(none);
    const ExprId operand = unary();
    return leave_with(add(Op::negate, offset, operand));
}

std::uint32_t ParseState::definition() {
    Definition made;
    made.offset = static_cast<std::uint32_t>(token_.offset);
    want_name("def");
    if (token_.kind != Token::Kind::name) fail_unexpected("a name");
    made.name = text(token_.text);
    step();
    if (take("(")) {
        do {
            const bool is_value = token_.kind == Token::Kind::variable;
            if (!is_value && token_.kind != Token::Kind::name) fail_unexpected("a parameter");
            made.parameters.push_back({text(token_.text), is_value});
            step();
        } while (!failed_ && take(";"));
        want(")");
    }
    want(":");
    made.body = query();
    want(";");
    syntax_.definitions.push_back(std::move(made));
    return static_cast<std::uint32_t>(syntax_.definitions.size() - 1);
}

ExprId ParseState::metadata() {
    if (token_.is(";")) return none;
    const std::size_t offset = token_.offset;
    const ExprId made = query();
    if (!failed_ && syntax_.exprs[made].op != Op::object) {
        return fail("module metadata must be an object", offset);
    }
    return made;
}

/// `import` or `include` is taken.
Import ParseState::import_of(bool is_include) {
    Import made;
    made.offset = static_cast<std::uint32_t>(token_.offset);
    if (token_.kind != Token::Kind::quote) fail_unexpected("a path in quotes");
    const ExprId path = string(none, token_.offset);
    if (failed_) return made;
    if (syntax_.exprs[path].count != 1) {
        fail("import path must be constant", made.offset);
        return made;
    }
    made.path = syntax_.text(syntax_.lists[syntax_.exprs[path].items]);
    if (!is_include) {
        want_name("as");
        made.is_data = token_.kind == Token::Kind::variable;
        if (!made.is_data && (token_.kind != Token::Kind::name || is_keyword(token_.text))) {
            fail_unexpected("a name");
        }
        made.as = token_.text;
        step();
    }
    made.metadata = metadata();
    want(";");
    return made;
}

Header ParseState::header() {
    Header made;
    if (take_name("module")) {
        const std::size_t offset = token_.offset;
        made.metadata = metadata();
        if (made.metadata == none) fail("module metadata must be an object", offset);
        want(";");
    }
    while (!failed_ && (token_.is_name("import") || token_.is_name("include"))) {
        const bool is_include = token_.is_name("include");
        step();
        made.imports.push_back(import_of(is_include));
    }
    return made;
}

std::expected<Parsed, SyntaxError> parse(std::string_view program) {
    Parsed out;
    ParseState state(program, out.syntax);
    out.header = state.header();
    if (state.at_end() && !state.failed()) {
        out.syntax.exprs.push_back(Expr{});
        out.main = 0;
        return out;
    }
    std::vector<std::uint32_t> leading;
    while (!state.failed() && state.at_definition()) leading.push_back(state.definition());
    if (!state.failed() && state.at_end()) {
        out.syntax.exprs.push_back(Expr{});
        out.main = static_cast<ExprId>(out.syntax.exprs.size() - 1);
    } else if (!state.failed()) {
        out.main = state.query();
    }
    if (!state.failed() && !state.at_end()) state.fail_unexpected("");
    if (state.failed()) return std::unexpected(state.error());
    for (std::size_t i = leading.size(); i-- > 0;) {
        const Expr whole{.op = Op::define,
                         .a = leading[i],
                         .b = out.main,
                         .offset = out.syntax.definitions[leading[i]].offset};
        out.syntax.exprs.push_back(whole);
        out.main = static_cast<ExprId>(out.syntax.exprs.size() - 1);
    }
    return out;
}

std::expected<ParsedModule, SyntaxError> parse_module(std::string_view text, std::size_t base,
                                                      Syntax& syntax) {
    ParsedModule out;
    ParseState state(text, syntax, base);
    out.header = state.header();
    while (!state.failed() && state.at_definition()) out.definitions.push_back(state.definition());
    if (!state.failed() && !state.at_end()) state.fail("a module has definitions only");
    if (state.failed()) return std::unexpected(state.error());
    return out;
}

std::expected<std::uint32_t, SyntaxError> parse_definitions(std::string_view text, Syntax& syntax) {
    ParseState state(text, syntax);
    while (!state.failed() && state.at_definition()) state.definition();
    if (!state.failed() && (!state.at_end() || syntax.definitions.empty()))
        state.fail_unexpected("def");
    if (state.failed()) return std::unexpected(state.error());
    return static_cast<std::uint32_t>(syntax.definitions.size() - 1);
}

}  // namespace holdfast::jq::machine

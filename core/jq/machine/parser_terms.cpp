// Terms: what stands between operators, and its suffixes.
#include <array>

#include "core/jq/machine/parse_state.hpp"

namespace holdfast::jq::machine {
namespace {

/// A number as JSON has it: jq takes `.5`, `2.` and `007`, too.
std::string json_number(std::string_view text) {
    std::size_t zeros = 0;
    while (zeros + 1 < text.size() && text[zeros] == '0' && text[zeros + 1] >= '0' &&
           text[zeros + 1] <= '9') {
        ++zeros;
    }
    std::string out(text.substr(zeros));
    if (out.starts_with('.')) out.insert(0, 1, '0');
    const std::size_t point = out.find('.');
    const bool bare = point != out.npos &&
                      (point + 1 == out.size() || out[point + 1] == 'e' || out[point + 1] == 'E');
    if (bare) out.erase(point, 1);
    return out;
}

}  // namespace

bool is_keyword(std::string_view word) {
    constexpr std::array<std::string_view, 19> keywords{
        "__loc__", "and", "as",      "break", "catch",  "def",     "elif",
        "else",    "end", "foreach", "if",    "import", "include", "label",
        "module",  "or",  "reduce",  "then",  "try"};
    for (const std::string_view keyword : keywords) {
        if (word == keyword) return true;
    }
    return false;
}

ExprId ParseState::postfix() {
    if (!enter()) return leave_with(none);
    return leave_with(suffixes(term()));
}

ExprId ParseState::suffixes(ExprId term) {
    while (!failed_ && suffix(term)) {
    }
    return term;
}

/// One of `.a`, `."a"`, `[..]`, `.[..]`, `?`; false: there is none.
bool ParseState::suffix(ExprId& term) {
    const std::size_t offset = token_.offset;
    if (token_.kind == Token::Kind::field) {
        const ExprId key = literal(token_.text, offset);
        step();
        term = add(Op::index, offset, term, key);
    } else if (token_.is("[")) {
        term = brackets(term, offset);
    } else if (take(".")) {
        if (token_.is("[")) {
            term = brackets(term, offset);
        } else {
            const ExprId key = string_term();
            term = add(Op::index, offset, term, key);
        }
    } else if (token_.is("?//")) {
        token_ = {Token::Kind::sign, "//", offset + 1};
        term = add(Op::attempt, offset, term);
        return true;
    } else if (take("?")) {
        term = add(Op::attempt, offset, term);
        return true;
    } else {
        return false;
    }
    if (!failed_ && take("?")) syntax_.exprs[term].optional = true;
    return true;
}

/// `[]`, `[a]`, `[a:b]`, `[a:]`, `[:b]`
ExprId ParseState::brackets(ExprId target, std::size_t offset) {
    want("[");
    if (take("]")) return add(Op::iterate, offset, target);
    ExprId from = none;
    if (!token_.is(":")) from = query();
    if (from != none && take("]")) return add(Op::index, offset, target, from);
    want(":");
    ExprId to = none;
    if (!token_.is("]")) to = query();
    want("]");
    if (from == none && to == none) fail_unexpected("an index");
    return add(Op::slice, offset, target, from, to);
}

ExprId ParseState::bind(ExprId source, std::size_t offset) {
    Expr expr{.op = Op::bind, .a = source, .offset = static_cast<std::uint32_t>(offset)};
    patterns(expr);
    want("|");
    expr.b = query();
    return add(expr);
}

/// `P ?// P ...`
void ParseState::patterns(Expr& expr) {
    std::vector<std::uint32_t> all;
    do {
        all.push_back(pattern());
    } while (!failed_ && take("?//"));
    expr.items = list(all);
    expr.count = static_cast<std::uint32_t>(all.size());
}

PatternId ParseState::pattern() {
    PatternId made = none;
    if (!enter()) return leave_with(none);
    const std::size_t offset = token_.offset;
    if (token_.kind == Token::Kind::variable) {
        syntax_.patterns.push_back(
            {.name = text(token_.text), .offset = static_cast<std::uint32_t>(offset)});
        made = static_cast<PatternId>(syntax_.patterns.size() - 1);
        step();
    } else if (take("[")) {
        made = array_pattern(offset);
    } else if (take("{")) {
        made = object_pattern(offset);
    } else {
        fail_unexpected("a variable");
    }
    return leave_with(made);
}

PatternId ParseState::array_pattern(std::size_t offset) {
    std::vector<std::uint32_t> items;
    do {
        items.push_back(pattern());
    } while (!failed_ && take(","));
    want("]");
    syntax_.patterns.push_back({.kind = Pattern::Kind::array,
                                .items = list(items),
                                .count = static_cast<std::uint32_t>(items.size()),
                                .offset = static_cast<std::uint32_t>(offset)});
    return static_cast<PatternId>(syntax_.patterns.size() - 1);
}

PatternId ParseState::object_pattern(std::size_t offset) {
    std::vector<std::uint32_t> items;
    do {
        items.push_back(entry_pattern());
    } while (!failed_ && take(","));
    want("}");
    syntax_.patterns.push_back({.kind = Pattern::Kind::object,
                                .items = list(items),
                                .count = static_cast<std::uint32_t>(items.size()),
                                .offset = static_cast<std::uint32_t>(offset)});
    return static_cast<PatternId>(syntax_.patterns.size() - 1);
}

/// `$a`, `$a: P`, `a: P`, `"a": P`, `(a): P`
PatternId ParseState::entry_pattern() {
    Pattern entry{.kind = Pattern::Kind::entry,
                  .offset = static_cast<std::uint32_t>(token_.offset)};
    if (token_.kind == Token::Kind::variable) {
        entry.name = text(token_.text);
        entry.key = literal(token_.text, token_.offset);
        step();
        if (take(":")) entry.inside = pattern();
    } else {
        if (token_.kind == Token::Kind::name) {
            entry.key = literal(token_.text, token_.offset);
            step();
        } else if (begins_string()) {
            entry.key = string_term();
        } else if (take("(")) {
            entry.key = query();
            want(")");
        } else {
            fail_unexpected("a key");
        }
        want(":");
        entry.inside = pattern();
    }
    syntax_.patterns.push_back(entry);
    return static_cast<PatternId>(syntax_.patterns.size() - 1);
}

ExprId ParseState::term() {
    const Token token = token_;
    switch (token.kind) {
        case Token::Kind::field: {
            const ExprId key = literal(token.text, token.offset);
            step();
            const ExprId whole = add(Op::index, token.offset, add(Op::identity, token.offset), key);
            if (!failed_ && take("?")) syntax_.exprs[whole].optional = true;
            return whole;
        }
        case Token::Kind::number:
            step();
            return add(Expr{.op = Op::number,
                            .text = text(json_number(token.text)),
                            .offset = static_cast<std::uint32_t>(token.offset)});
        case Token::Kind::quote: return string(none, token.offset);
        case Token::Kind::format: {
            step();
            const TextId format = text(token.text);
            if (token_.kind == Token::Kind::quote) return string(format, token.offset);
            return add(Expr{.op = Op::format,
                            .text = format,
                            .offset = static_cast<std::uint32_t>(token.offset)});
        }
        case Token::Kind::variable:
            step();
            if (token.text == "__loc__") return add(Op::location, token.offset);
            return add(Expr{.op = Op::variable,
                            .text = text(token.text),
                            .offset = static_cast<std::uint32_t>(token.offset)});
        case Token::Kind::name: return word_term(token);
        default: return sign_term(token);
    }
}

ExprId ParseState::sign_term(const Token& token) {
    if (take("(")) {
        const ExprId inside = query();
        want(")");
        return inside;
    }
    if (take("[")) {
        if (take("]")) return add(Op::array, token.offset);
        const ExprId inside = query();
        want("]");
        return add(Op::array, token.offset, inside);
    }
    if (take("{")) return object(token.offset);
    if (take("..")) return add(Op::recurse, token.offset);
    if (take(".")) {
        const ExprId whole = add(Op::identity, token.offset);
        if (!begins_string()) return whole;
        const ExprId key = string_term();
        const ExprId index = add(Op::index, token.offset, whole, key);
        if (!failed_ && take("?")) syntax_.exprs[index].optional = true;
        return index;
    }
    fail_unexpected("");
    return none;
}

ExprId ParseState::word_term(const Token& token) {
    const std::size_t offset = token.offset;
    if (take_name("if")) return condition(offset);
    if (take_name("try")) return attempt(offset);
    if (take_name("reduce")) return fold(offset, false);
    if (take_name("foreach")) return fold(offset, true);
    if (take_name("label")) return label(offset);
    if (token.text == "def") return define(offset);
    if (token.text == "break") {
        step();
        if (token_.kind != Token::Kind::variable) return fail("break requires a label", offset);
        const TextId name = text(token_.text);
        step();
        return add(
            Expr{.op = Op::leave, .text = name, .offset = static_cast<std::uint32_t>(offset)});
    }
    if (is_keyword(token.text)) {
        fail_unexpected("");
        return none;
    }
    return call(token);
}

ExprId ParseState::call(const Token& token) {
    step();
    std::vector<std::uint32_t> arguments;
    if (take("(")) {
        do {
            arguments.push_back(query());
        } while (!failed_ && take(";"));
        want(")");
    }
    return add(Expr{.op = Op::call,
                    .text = text(token.text),
                    .items = list(arguments),
                    .count = static_cast<std::uint32_t>(arguments.size()),
                    .offset = static_cast<std::uint32_t>(token.offset)});
}

/// `if` is taken. `elif` nests.
ExprId ParseState::condition(std::size_t offset) {
    if (!enter()) return leave_with(none);
    const ExprId test = query();
    want_name("then");
    const ExprId yes = query();
    ExprId no = none;
    const std::size_t behind = token_.offset;
    if (take_name("elif")) {
        no = condition(behind);
        return leave_with(add(Op::condition, offset, test, yes, no));
    }
    if (take_name("else")) no = query();
    want_name("end");
    return leave_with(add(Op::condition, offset, test, yes, no));
}

ExprId ParseState::attempt(std::size_t offset) {
    const ExprId body = unary();
    ExprId rescue = none;
    if (!failed_ && take_name("catch")) rescue = unary();
    return add(Op::attempt, offset, body, rescue);
}

ExprId ParseState::fold(std::size_t offset, bool is_foreach) {
    Expr expr{.op = is_foreach ? Op::foreach : Op::reduce,
              .offset = static_cast<std::uint32_t>(offset)};
    expr.a = binary(alternative_level);
    want_name("as");
    patterns(expr);
    want("(");
    expr.b = query();
    want(";");
    expr.c = query();
    if (is_foreach && take(";")) expr.d = query();
    want(")");
    return add(expr);
}

ExprId ParseState::label(std::size_t offset) {
    if (token_.kind != Token::Kind::variable) return fail("label requires a name", offset);
    const TextId name = text(token_.text);
    step();
    want("|");
    const ExprId body = query();
    return add(Expr{
        .op = Op::label, .a = body, .text = name, .offset = static_cast<std::uint32_t>(offset)});
}

/// `"a"` or `@json "a"`.
ExprId ParseState::string_term() {
    const std::size_t offset = token_.offset;
    TextId format = none;
    if (token_.kind == Token::Kind::format) {
        format = text(token_.text);
        step();
    }
    if (token_.kind != Token::Kind::quote) fail_unexpected("a key");
    return failed_ ? none : string(format, offset);
}

/// The quote is the current word. Items: texts and expressions in turn, texts first.
ExprId ParseState::string(TextId format, std::size_t offset) {
    std::vector<std::uint32_t> parts;
    while (!failed_) {
        std::string part;
        const auto more = lexer_.string_part(part);
        if (!more) return fail(more.error().reason, more.error().offset);
        parts.push_back(text(part));
        step();
        if (!*more) break;
        parts.push_back(query());
        // Behind the bracket the string goes on, so no word is read there.
        if (!failed_ && !token_.is(")")) fail_unexpected(")");
    }
    if (failed_) return none;
    Expr expr{.op = Op::string,
              .text = format,
              .items = list(parts),
              .count = static_cast<std::uint32_t>(parts.size()),
              .offset = static_cast<std::uint32_t>(offset)};
    return add(expr);
}

ExprId ParseState::object(std::size_t offset) {
    std::vector<std::uint32_t> items;
    if (!take("}")) {
        // A comma may stand behind the last one.
        do {
            member(items);
        } while (!failed_ && take(",") && !token_.is("}"));
        want("}");
    }
    return add(Expr{.op = Op::object,
                    .items = list(items),
                    .count = static_cast<std::uint32_t>(items.size()),
                    .offset = static_cast<std::uint32_t>(offset)});
}

/// `{a}`: the value is what stands at the key.
ExprId ParseState::member_default(TextId key, std::size_t offset) {
    const std::string name = syntax_.text(key);
    return add(Op::index, offset, add(Op::identity, offset), literal(name, offset));
}

void ParseState::member(std::vector<std::uint32_t>& items) {
    const Token token = token_;
    const std::size_t offset = token.offset;
    ExprId key = none;
    ExprId value = none;
    if (token.kind == Token::Kind::variable) {
        step();
        key = literal(token.text, offset);
        value = token.text == "__loc__" ? add(Op::location, offset)
                                        : add(Expr{.op = Op::variable,
                                                   .text = text(token.text),
                                                   .offset = static_cast<std::uint32_t>(offset)});
        // `{$x: 1}`: the key is the variable's value.
        if (token_.is(":")) key = value;
    } else if (token.kind == Token::Kind::name || token.kind == Token::Kind::number) {
        step();
        if (token.kind == Token::Kind::number) fail("an object's key is no number", offset);
        key = literal(token.text, offset);
        if (!token_.is(":")) value = member_default(text(token.text), offset);
    } else if (begins_string()) {
        key = string_term();
        if (!failed_ && !token_.is(":")) {
            value = add(Op::index, offset, add(Op::identity, offset), key);
        }
    } else if (take("(")) {
        key = query();
        want(")");
        if (!token_.is(":")) fail_unexpected(":");
    } else {
        fail_unexpected("a key");
    }
    if (!failed_ && take(":")) value = member_value();
    items.push_back(key);
    items.push_back(value);
}

ExprId ParseState::member_value() {
    const std::size_t offset = token_.offset;
    ExprId value = bindable();
    while (!failed_ && take("|")) value = add(Op::pipe, offset, value, bindable());
    return value;
}

}  // namespace holdfast::jq::machine

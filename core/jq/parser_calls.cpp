// The functions that are compiled, and what may stand at the left of `=` and in del().
#include <algorithm>
#include <array>

#include "core/jq/parser.hpp"

namespace holdfast::jq {
namespace {

/// These mean something in a regular expression, and nothing with a backslash before them.
constexpr std::string_view special = ".[{()*+?^$|\\";
constexpr std::string_view escapable = ".[]{}()*+?^$|/-\\";

}  // namespace

ExprId Parser::named() {
    const Token token = lexer_.token();
    lexer_.next();
    if (lexer_.token().is("(")) return call(token.text);
    constexpr std::array<std::pair<std::string_view, Op>, 4> plain{{
        {"not", Op::negation},
        {"length", Op::length},
        {"type", Op::type},
        {"empty", Op::empty},
    }};
    for (const auto& [name, op] : plain) {
        if (token.text == name) return add({.op = op});
    }
    for (const std::string_view name : {"null", "true", "false"}) {
        if (token.text == name) return constant(token.text);
    }
    return refuse("`" + token.text + "` is not compiled", token.offset);
}

ExprId Parser::call(const std::string& name) {
    const std::size_t offset = lexer_.token().offset;
    if (++level_ > levels_max) return refuse("so deep a program", offset);
    constexpr std::array<std::pair<std::string_view, Op>, 5> on_text{{
        {"has", Op::has},
        {"startswith", Op::starts_with},
        {"endswith", Op::ends_with},
        {"contains", Op::contains},
        {"test", Op::matches},
    }};
    ExprId id = 0;
    const auto* found = std::find_if(on_text.begin(), on_text.end(),
                                     [&name](const auto& one) { return one.first == name; });
    if (found != on_text.end()) {
        id = call_on_text(found->second, name);
    } else if (name == "select") {
        lexer_.next();
        const ExprId condition = expression(1);
        if (!take(")") || !single(condition, offset)) return 0;
        id = add({.op = Op::select, .a = condition});
    } else if (name == "del") {
        id = remove();
    } else if (name == "with_entries") {
        id = with_entries();
    } else {
        return refuse("`" + name + "` is not compiled", offset);
    }
    --level_;
    return id;
}

ExprId Parser::call_on_text(Op op, const std::string& name) {
    lexer_.next();
    const Token token = lexer_.token();
    if (token.word == Word::string) lexer_.next();
    if (token.word != Word::string || !lexer_.token().is(")")) {
        return refuse("`" + name + "` of what is no literal string is not compiled", token.offset);
    }
    lexer_.next();
    if (token.text.contains('\0')) return refuse("a zero byte is not compiled", token.offset);
    if (op == Op::matches) return matches(token);
    return add({.op = op, .text = text(token.text)});
}

/// Regular expressions that are texts, perhaps anchored, perhaps several with `|` between them.
ExprId Parser::matches(const Token& token) {
    const std::string_view pattern = token.text;
    std::size_t begin = 0;
    std::optional<ExprId> all;
    for (std::size_t i = 0; i <= pattern.size() && !refusal_; ++i) {
        const bool end = i == pattern.size();
        if (!end && pattern[i] == '\\' && i + 1 < pattern.size()) {
            ++i;
        } else if (end || pattern[i] == '|') {
            const ExprId one = matches_text(pattern.substr(begin, i - begin), token.offset);
            all = all && !refusal_ ? add({.op = Op::either, .a = *all, .b = one}) : one;
            begin = i + 1;
        }
    }
    return all.value_or(0);
}

ExprId Parser::matches_text(std::string_view pattern, std::size_t offset) {
    Expr one{.op = Op::matches};
    std::string plain;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        const bool last = i + 1 == pattern.size();
        if (c == '^' && i == 0) {
            one.at_begin = true;
        } else if (c == '$' && last) {
            one.at_end = true;
        } else if (c == '\\' && !last && escapable.contains(pattern[i + 1])) {
            plain += pattern[++i];
        } else if (special.contains(c)) {
            return refuse("a regular expression is not compiled", offset);
        } else {
            plain += c;
        }
    }
    one.text = text(plain);
    return add(one);
}

/// The keys that lead to what an expression names; nothing if it names no place of that kind.
std::optional<Path> Parser::path_of(ExprId target) const {
    const Expr& one = expr(target);
    if (one.op == Op::identity) return Path{};
    if (one.op == Op::pipe) {
        std::optional<Path> path = path_of(one.a);
        const std::optional<Path> rest = path_of(one.b);
        if (!path || !rest) return std::nullopt;
        path->insert(path->end(), rest->begin(), rest->end());
        return path;
    }
    if (one.op != Op::field || one.optional) return std::nullopt;
    std::optional<Path> path = path_of(one.a);
    if (path) path->push_back(one.text);
    return path;
}

/// One path, or several between commas; in their order.
bool Parser::add_paths(ExprId target, std::size_t offset) {
    if (refusal_) return false;
    const Expr one = expr(target);
    if (one.op == Op::comma) return add_paths(one.a, offset) && add_paths(one.b, offset);
    std::optional<Path> path = path_of(target);
    if (!path || path->empty()) {
        refuse("such a place to change is not compiled (only keys, as .a.b)", offset);
        return false;
    }
    plan_.paths.push_back(std::move(*path));
    return true;
}

ExprId Parser::assign(ExprId target, ExprId value, std::size_t offset) {
    Expr one{.op = Op::assign, .a = value, .text = static_cast<std::uint32_t>(plan_.paths.size())};
    if (!single(value, offset) || !add_paths(target, offset)) return 0;
    one.number = static_cast<std::int32_t>(plan_.paths.size() - one.text);
    return add(one);
}

ExprId Parser::remove() {
    const std::size_t offset = lexer_.token().offset;
    lexer_.next();
    const ExprId target = expression(1);
    if (!take(")")) return 0;
    Expr one{.op = Op::remove, .text = static_cast<std::uint32_t>(plan_.paths.size())};
    if (!add_paths(target, offset)) return 0;
    one.number = static_cast<std::int32_t>(plan_.paths.size() - one.text);
    return add(one);
}

/// Only the renaming of one key: if .key == "a" then .key = "b" else . end
ExprId Parser::with_entries() {
    const std::size_t offset = lexer_.token().offset;
    lexer_.next();
    const ExprId body = expression(1);
    if (!take(")")) return 0;
    const Expr one = expr(body);
    const std::uint32_t key = text("key");
    const auto is_text = [this](ExprId id) {
        return expr(id).op == Op::constant && plan_.constants[expr(id).text].starts_with('"');
    };
    const auto text_of = [this](ExprId id) {
        const std::string& json = plan_.constants[expr(id).text];
        return static_cast<std::uint32_t>(
            std::find_if(plan_.texts.begin(), plan_.texts.end(),
                         [&json](const Text& t) { return t.quoted == json; }) -
            plan_.texts.begin());
    };
    const Expr test = one.op == Op::choice ? expr(one.a) : Expr{};
    const Expr change = one.op == Op::choice ? expr(one.b) : Expr{};
    const bool fits = one.op == Op::choice && expr(one.c).op == Op::identity &&
                      test.op == Op::equal && path_of(test.a) == Path{key} && is_text(test.b) &&
                      change.op == Op::assign && change.number == 1 &&
                      plan_.paths[change.text] == Path{key} && is_text(change.a);
    if (!fits) return refuse("`with_entries`, but to rename a key, is not compiled", offset);
    return add({.op = Op::rename,
                .text = text_of(test.b),
                .number = static_cast<std::int32_t>(text_of(change.a))});
}

}  // namespace holdfast::jq

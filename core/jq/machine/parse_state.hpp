// The parser's state: the words, one of them ahead, and the tree so far. Not for others.
//
// Rule: after fail() every step goes on quickly with `none`; the first failure is the one told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/jq/machine/parser.hpp"

namespace holdfast::jq::machine {

/// Words that are no function's name, but may be keys and fields.
bool is_keyword(std::string_view word);

/// Of operators: the higher the level, the closer it binds.
inline constexpr int comma_level = 1;
inline constexpr int alternative_level = 2;

class ParseState {
public:
    ParseState(std::string_view program, Syntax& syntax, std::size_t base = 0)
        : lexer_(program, base), syntax_(syntax) {
        step();
    }

    ExprId query();
    std::uint32_t definition();
    Header header();
    bool at_end() const { return token_.kind == Token::Kind::end; }
    bool at_definition() const { return token_.is_name("def"); }
    bool failed() const { return failed_; }
    const SyntaxError& error() const { return error_; }
    void fail_unexpected(std::string_view wanted);
    ExprId fail(std::string reason);

private:
    ExprId piped();
    ExprId bindable();
    ExprId binary(int level);
    ExprId joined(const Token& sign, ExprId left, ExprId right);
    ExprId unary();
    ExprId postfix();
    ExprId suffixes(ExprId term);
    bool suffix(ExprId& term);
    ExprId brackets(ExprId target, std::size_t offset);
    ExprId bind(ExprId source, std::size_t offset);
    ExprId term();
    ExprId sign_term(const Token& token);
    ExprId word_term(const Token& token);
    ExprId call(const Token& token);
    ExprId condition(std::size_t offset);
    ExprId attempt(std::size_t offset);
    ExprId fold(std::size_t offset, bool is_foreach);
    ExprId label(std::size_t offset);
    ExprId define(std::size_t offset);
    Import import_of(bool is_include);
    ExprId metadata();
    bool begins_string() const {
        return token_.kind == Token::Kind::quote || token_.kind == Token::Kind::format;
    }
    ExprId string_term();
    ExprId string(TextId format, std::size_t offset);
    ExprId object(std::size_t offset);
    void member(std::vector<std::uint32_t>& items);
    ExprId member_value();
    ExprId member_default(TextId key, std::size_t offset);
    void patterns(Expr& expr);
    PatternId pattern();
    PatternId array_pattern(std::size_t offset);
    PatternId object_pattern(std::size_t offset);
    PatternId entry_pattern();

    void step();
    bool take(std::string_view sign);
    bool take_name(std::string_view word);
    void want(std::string_view sign);
    void want_name(std::string_view word);
    ExprId fail(std::string reason, std::size_t offset);
    bool enter();
    ExprId leave_with(ExprId id) {
        --nesting_;
        return id;
    }
    ExprId add(Expr expr);
    ExprId add(Op op, std::size_t offset, std::uint32_t a = none, std::uint32_t b = none,
               std::uint32_t c = none);
    ExprId literal(std::string_view text, std::size_t offset);
    TextId text(std::string_view text);
    std::uint32_t list(const std::vector<std::uint32_t>& items);

    Lexer lexer_;
    Syntax& syntax_;
    Token token_;
    int nesting_ = 0;
    bool failed_ = false;
    SyntaxError error_;
};

}  // namespace holdfast::jq::machine

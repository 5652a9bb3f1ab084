#include "core/jq/machine/lexer.hpp"

#include <algorithm>
#include <array>

#include "core/jq/text.hpp"

namespace holdfast::jq::machine {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool in_name(char c) { return begins_name(c) || digit(c); }

/// Longest first.
constexpr std::array<std::string_view, 36> signs{
    "?//=", "?//", "//=", "|=", "+=", "-=", "*=", "/=", "%=", "==", "!=", "<=",
    ">=",   "//",  "..",  "?",  ".",  "[",  "]",  "(",  ")",  "{",  "}",  "|",
    ",",    ":",   ";",   "=",  "<",  ">",  "+",  "-",  "*",  "/",  "%",  "$"};

}  // namespace

void Lexer::skip_space() {
    while (at_ < program_.size()) {
        const char c = program_[at_];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            ++at_;
        } else if (c == '#') {
            std::size_t backslashes = 0;
            for (; at_ < program_.size(); ++at_) {
                if (program_[at_] == '\n' && backslashes % 2 == 0) break;
                if (program_[at_] == '\r' && at(1) == '\n') continue;
                backslashes = program_[at_] == '\\' ? backslashes + 1 : 0;
            }
        } else {
            return;
        }
    }
}

std::string_view Lexer::take_while(bool (*belongs)(char)) {
    const std::size_t begin = at_;
    while (at_ < program_.size() && belongs(program_[at_])) ++at_;
    return program_.substr(begin, at_ - begin);
}

/// `a`, `a::b`, `a::b::c`.
std::string_view Lexer::take_name() {
    const std::size_t begin = at_;
    take_while(in_name);
    while (at() == ':' && at(1) == ':' && begins_name(at(2))) {
        at_ += 2;
        take_while(in_name);
    }
    return program_.substr(begin, at_ - begin);
}

std::string_view Lexer::take_number() {
    const std::size_t begin = at_;
    take_while(digit);
    if (at() == '.') {
        ++at_;
        take_while(digit);
    }
    const std::size_t sign = at(1) == '+' || at(1) == '-' ? 2 : 1;
    if ((at() == 'e' || at() == 'E') && digit(at(sign))) {
        at_ += sign;
        take_while(digit);
    }
    return program_.substr(begin, at_ - begin);
}

Token Lexer::next() {
    Token token = word();
    token.offset += base_;
    return token;
}

Token Lexer::word() {
    skip_space();
    const std::size_t offset = at_;
    if (at_ == program_.size()) return {Token::Kind::end, "", offset};
    const char c = at();
    if (begins_name(c)) return {Token::Kind::name, take_name(), offset};
    if (digit(c) || (c == '.' && digit(at(1)))) {
        return {Token::Kind::number, take_number(), offset};
    }
    if (c == '"') {
        ++at_;
        return {Token::Kind::quote, "\"", offset};
    }
    if (c == '.' && begins_name(at(1))) {
        ++at_;
        return {Token::Kind::field, take_while(in_name), offset};
    }
    if (c == '$' && begins_name(at(1))) {
        ++at_;
        return {Token::Kind::variable, take_name(), offset};
    }
    if (c == '@' && in_name(at(1))) {
        ++at_;
        take_while(in_name);
        return {Token::Kind::format, program_.substr(offset, at_ - offset), offset};
    }
    for (const std::string_view sign : signs) {
        if (!program_.substr(at_).starts_with(sign)) continue;
        if (sign == "?//=") return at_ += 1, Token{Token::Kind::sign, "?", offset};
        at_ += sign.size();
        return {Token::Kind::sign, sign, offset};
    }
    ++at_;
    return {Token::Kind::wrong, program_.substr(offset, 1), offset};
}

std::expected<void, SyntaxError> Lexer::escape(std::string& out) {
    const std::size_t begin = at_;
    std::size_t size = at(1) == 'u' ? 6 : 2;
    // A pair of surrogates is one character.
    if (size == 6 && (at(2) == 'd' || at(2) == 'D') && at(6) == '\\' && at(7) == 'u') size = 12;
    for (; size >= 2; size -= size == 2 ? 2 : 6) {
        const std::string_view escaped = program_.substr(begin, size);
        if (escaped.size() == size && escapes_are_valid(escaped)) {
            std::string decoded;
            decode_string(escaped, decoded);
            out += decoded;
            at_ += size;
            return {};
        }
        if (size == 6 || size == 2) break;
    }
    return std::unexpected(SyntaxError{"this escape stands for no character", base_ + begin});
}

std::expected<bool, SyntaxError> Lexer::string_part(std::string& out) {
    while (at_ < program_.size()) {
        const std::size_t end = std::min(program_.find_first_of("\"\\", at_), program_.size());
        out.append(program_.substr(at_, end - at_));
        at_ = end;
        if (at_ == program_.size()) break;
        if (at() == '"') return ++at_, false;
        if (at(1) == '(') return at_ += 2, true;
        if (const auto done = escape(out); !done) return std::unexpected(done.error());
    }
    return std::unexpected(SyntaxError{"a string does not end", base_ + program_.size()});
}

}  // namespace holdfast::jq::machine

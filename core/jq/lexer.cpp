#include "core/jq/lexer.hpp"

#include <algorithm>
#include <array>

#include "core/jq/text.hpp"

namespace holdfast::jq {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

}  // namespace

void Lexer::skip_space() {
    while (at_ < program_.size()) {
        const char c = program_[at_];
        if (c == '#') {
            // A backslash takes a comment over the end of its line in jq 1.8, not in 1.6: the mark
            // is left to be refused.
            const std::size_t end = std::min(program_.find('\n', at_), program_.size());
            if (program_.substr(at_, end - at_).find('\\') != program_.npos) return;
            at_ = end;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            ++at_;
        } else {
            break;
        }
    }
}

std::string_view Lexer::read_name() {
    const std::size_t begin = at_;
    while (at_ < program_.size() && (begins_name(program_[at_]) || digit(program_[at_]))) ++at_;
    return program_.substr(begin, at_ - begin);
}

void Lexer::unknown(std::string what) {
    token_.word = Word::unknown;
    token_.text = std::move(what);
    at_ = program_.size();
}

void Lexer::next() {
    skip_space();
    token_ = {.word = Word::end, .text = {}, .offset = at_};
    if (at_ == program_.size()) return;
    const char c = program_[at_];
    const char after = at_ + 1 < program_.size() ? program_[at_ + 1] : '\0';
    if (begins_name(c)) {
        token_.word = Word::name;
        token_.text = read_name();
        if (program_.substr(at_).starts_with("::")) unknown("a module's name");
    } else if (c == '.' && begins_name(after)) {
        ++at_;
        token_.word = Word::field;
        token_.text = read_name();
    } else if (c == '"') {
        read_string();
    } else if (digit(c) || (c == '.' && digit(after))) {
        read_number();
    } else {
        read_mark();
    }
}

/// Only escapes that JSON has, and no interpolation.
void Lexer::read_string() {
    const std::size_t begin = ++at_;
    while (at_ < program_.size() && program_[at_] != '"') {
        if (program_[at_] == '\0') return unknown("a zero byte");
        if (program_.substr(at_).starts_with("\\(")) return unknown("string interpolation");
        at_ += program_[at_] == '\\' ? 2 : 1;
    }
    if (at_ >= program_.size()) return unknown("a string without end");
    const std::string_view inside = program_.substr(begin, at_ - begin);
    ++at_;
    if (!escapes_are_valid(inside)) return unknown("such an escape");
    token_.word = Word::string;
    decode_string(inside, token_.text);
}

/// Only numbers as JSON writes them.
void Lexer::read_number() {
    const std::string rest(program_.substr(at_, 64));
    const char* end = number_end(rest.c_str());
    const auto size = static_cast<std::size_t>(end == nullptr ? 0 : end - rest.c_str());
    const char after = size < rest.size() ? rest[size] : '\0';
    if (size == 0 || size > 40 || digit(after) || after == '.' || begins_name(after)) {
        return unknown("such a number");
    }
    token_.word = Word::number;
    token_.text = rest.substr(0, size);
    at_ += size;
}

void Lexer::read_mark() {
    constexpr std::array<std::string_view, 17> long_marks{
        "//=", "?//", "|=", "+=", "-=", "*=", "/=", "%=", "==",
        "!=",  "<=",  ">=", "//", "..", "::", "@",  "$"};
    const std::string_view rest = program_.substr(at_);
    const auto found = std::find_if(long_marks.begin(), long_marks.end(),
                                    [rest](std::string_view m) { return rest.starts_with(m); });
    token_.word = Word::mark;
    token_.text = found != long_marks.end() ? *found : rest.substr(0, 1);
    if (static_cast<unsigned char>(rest[0]) < 0x20 || static_cast<unsigned char>(rest[0]) > 0x7E) {
        return unknown("such a character");
    }
    at_ += token_.text.size();
}

}  // namespace holdfast::jq

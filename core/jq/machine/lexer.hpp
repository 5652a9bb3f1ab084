// The words of jq 1.8. Strings are read in parts, since what they interpolate is a program again.
//
// Rule 1: white space and comments (`#` to the line's end; an odd number of backslashes before it
//         continues the comment) stand between words and are no words.
// Rule 2: keywords are identifiers; the parser knows where they are not.
// Bound: one look at each byte.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "core/jq/machine/syntax.hpp"

namespace holdfast::jq::machine {

struct Token {
    enum class Kind : std::uint8_t {
        end,
        name,      ///< `abc`, `a::b`
        field,     ///< `.abc`; text: without the dot.
        variable,  ///< `$abc`; text: without the dollar.
        number,
        format,  ///< `@abc`; text: with the at.
        quote,   ///< A string begins: Lexer::string_part() follows.
        sign,    ///< An operator or bracket.
        wrong,   ///< What begins no word.
    };
    Kind kind = Kind::end;
    std::string_view text;
    std::size_t offset = 0;

    bool is(std::string_view sign) const { return kind == Kind::sign && text == sign; }
    bool is_name(std::string_view word) const { return kind == Kind::name && text == word; }
};

class Lexer {
public:
    /// `base`: what is added to each offset.
    explicit Lexer(std::string_view program, std::size_t base) : program_(program), base_(base) {}

    Token next();
    /// What stands up to the next interpolation (true) or the closing quote (false), decoded.
    std::expected<bool, SyntaxError> string_part(std::string& out);

private:
    Token word();
    void skip_space();
    std::string_view take_while(bool (*belongs)(char));
    std::string_view take_name();
    std::string_view take_number();
    std::expected<void, SyntaxError> escape(std::string& out);
    char at(std::size_t ahead = 0) const {
        return at_ + ahead < program_.size() ? program_[at_ + ahead] : '\0';
    }

    std::string_view program_;
    std::size_t base_ = 0;
    std::size_t at_ = 0;
};

}  // namespace holdfast::jq::machine

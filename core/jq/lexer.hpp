// The tokens of jq's language, where jq 1.6 and 1.8 cut them alike. A carriage return is white space,
// as in 1.8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::jq {

enum class Word : std::uint8_t {
    end,      ///< Of the program.
    field,    ///< .name: text is the name.
    name,     ///< A word, keywords too.
    string,   ///< text is its value.
    number,   ///< text is as written.
    mark,     ///< An operator or a bracket.
    unknown,  ///< What isn't compiled; text says what.
};

struct Token {
    Word word = Word::end;
    std::string text;
    std::size_t offset = 0;

    bool is(std::string_view mark) const { return word == Word::mark && text == mark; }
    bool says(std::string_view name) const { return word == Word::name && text == name; }
};

/// One token ahead. Lives: the program.
class Lexer {
public:
    explicit Lexer(std::string_view program) : program_(program) { next(); }

    const Token& token() const { return token_; }
    void next();

private:
    void skip_space();
    void read_string();
    void read_number();
    void read_mark();
    std::string_view read_name();
    void unknown(std::string what);

    std::string_view program_;
    std::size_t at_ = 0;
    Token token_;
};

}  // namespace holdfast::jq

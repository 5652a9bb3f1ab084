// Rules of the walk: `expect` says what may come next; the open containers stand on a stack of
// fixed depth. A string's end isn't searched: the next index is what follows it, white space
// between.
#include "core/codec/json_parse.hpp"

#include <array>
#include <cstring>

#include "core/codec/json_text.hpp"

namespace holdfast::codec {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool ends_scalar(char c) { return is_space(c) || c == ',' || c == '}' || c == ']' || c == ':'; }

class Walk {
public:
    Walk(const Indexed& record, Node* out)
        : record_(record),
          text_(record.text),
          at_(record.at),
          end_(record.at + record.count),
          first_(out),
          out_(out) {}

    bool run();
    bool run_scalar() { return scalar(*at_++); }
    std::size_t nodes() const { return static_cast<std::size_t>(out_ - first_); }
    ParseError error() const { return error_; }

private:
    struct String {
        std::uint32_t begin = 0;  ///< Of the contents.
        std::uint32_t size = 0;
        Text text = Text::plain;
    };

    bool fail(Fault fault, std::uint32_t at) {
        error_ = {fault, at - record_.begin};
        return false;
    }
    bool fail_end() { return fail(Fault::truncated, record_.end); }
    bool more() const { return at_ != end_; }
    char peek() const { return text_[*at_]; }
    std::uint32_t next_or_end() const { return at_ != end_ ? *at_ : record_.end; }

    bool string(std::uint32_t at, String& out);
    bool key();
    bool value();
    bool scalar(std::uint32_t at);
    bool number(std::uint32_t at);
    bool literal(std::uint32_t at, std::string_view word, Kind kind);
    bool open(std::uint32_t at, Kind kind);
    void close(std::uint32_t at);
    bool after_value();
    void leaf(std::uint32_t at, std::size_t size, Kind kind, Text text, std::uint8_t prefix);

    Indexed record_;
    const char* text_;
    const std::uint32_t* at_;
    const std::uint32_t* end_;
    Node* first_;
    Node* out_;
    ParseError error_;
    String key_{0, 0, Text::none};
    std::size_t depth_ = 0;
    std::array<Node*, depth_max> open_;
};

inline bool Walk::string(std::uint32_t at, String& out) {
    std::uint32_t close = next_or_end() - 1;
    while (close > at && text_[close] != '"') --close;
    if (close == at) return fail_end();
    out = {at + 1, close - at - 1, Text::plain};
    if (!record_.backslash) return true;
    const std::string_view contents(text_ + out.begin, out.size);
    if (contents.find('\\') == std::string_view::npos) return true;
    out.text = Text::escaped;
    const auto wrong = wrong_escape(contents);
    return !wrong || fail(Fault::invalid_escape, out.begin + static_cast<std::uint32_t>(*wrong));
}

inline void Walk::leaf(std::uint32_t at, std::size_t size, Kind kind, Text text,
                       std::uint8_t prefix) {
    *out_++ = Node{at - record_.begin,
                   static_cast<std::uint32_t>(size),
                   1,
                   key_.begin,
                   key_.size,
                   kind,
                   text,
                   key_.text,
                   prefix};
}

inline bool Walk::number(std::uint32_t at) {
    const NumberShape shape = number_shape({text_ + at, record_.end - at});
    if (shape.kind == Kind::missing) return fail(Fault::invalid_number, at);
    const auto after = at + static_cast<std::uint32_t>(shape.size);
    if (after < record_.end && !ends_scalar(text_[after])) return fail(Fault::invalid_number, at);
    leaf(at, shape.size, shape.kind, Text::plain, 0);
    return true;
}

inline bool Walk::literal(std::uint32_t at, std::string_view word, Kind kind) {
    const std::size_t left = record_.end - at;
    if (left < word.size() || std::memcmp(text_ + at, word.data(), word.size()) != 0) {
        return fail(Fault::invalid_literal, at);
    }
    if (left > word.size() && !ends_scalar(text_[at + word.size()])) {
        return fail(Fault::invalid_literal, at);
    }
    leaf(at, word.size(), kind, Text::plain, 0);
    return true;
}

inline bool Walk::scalar(std::uint32_t at) {
    switch (text_[at]) {
        case '"': {
            String contents;
            if (!string(at, contents)) return false;
            leaf(at, contents.size + std::size_t{2}, Kind::string, contents.text, 1);
            return true;
        }
        case 't':
            return literal(at, "true", Kind::boolean);
        case 'f':
            return literal(at, "false", Kind::boolean);
        case 'n':
            return literal(at, "null", Kind::null);
        case '-':
        case '0':
        case '1':
        case '2':
        case '3':
        case '4':
        case '5':
        case '6':
        case '7':
        case '8':
        case '9':
            return number(at);
        default:
            return fail(Fault::unexpected, at);
    }
}

inline bool Walk::open(std::uint32_t at, Kind kind) {
    if (depth_ == depth_max) return fail(Fault::too_deep, at);
    open_[depth_++] = out_;
    leaf(at, 0, kind, Text::plain, 1);
    return true;
}

inline void Walk::close(std::uint32_t at) {
    Node* node = open_[--depth_];
    node->size = at - record_.begin - node->begin + 1;
    node->nodes = static_cast<std::uint32_t>(out_ - node);
}

/// A key and its colon.
inline bool Walk::key() {
    if (!more()) return fail_end();
    const std::uint32_t at = *at_;
    if (text_[at] != '"') return fail(Fault::unexpected, at);
    ++at_;
    if (!string(at, key_)) return false;
    if (!more()) return fail_end();
    if (peek() != ':') return fail(Fault::unexpected, *at_);
    ++at_;
    key_.begin -= record_.begin;
    return true;
}

/// One value, or the opening of containers up to the first value that is complete.
inline bool Walk::value() {
    while (true) {
        if (!more()) return fail_end();
        const std::uint32_t at = *at_++;
        const char c = text_[at];
        if (c != '{' && c != '[') return scalar(at);
        const bool object = c == '{';
        if (!open(at, object ? Kind::object : Kind::array)) return false;
        if (!more()) return fail_end();
        if (peek() == (object ? '}' : ']')) {
            close(*at_++);
            return true;
        }
        key_ = {0, 0, Text::none};
        if (object && !key()) return false;
    }
}

/// What follows a complete value inside containers, up to where the next value begins.
inline bool Walk::after_value() {
    while (depth_ > 0) {
        if (!more()) return fail_end();
        const std::uint32_t at = *at_++;
        const bool object = open_[depth_ - 1]->kind == Kind::object;
        const char c = text_[at];
        if (c == ',') {
            key_ = {0, 0, Text::none};
            return !object || key();
        }
        if (c != (object ? '}' : ']')) return fail(Fault::unexpected, at);
        close(at);
    }
    return !more() || fail(Fault::trailing_bytes, *at_);
}

bool Walk::run() {
    do {
        if (!value() || !after_value()) return false;
    } while (depth_ > 0);
    return true;
}

}  // namespace

std::expected<void, ParseError> parse_json(const Indexed& record, Tape& tape) {
    if (record.count == 0) return std::unexpected(ParseError{Fault::empty, 0});
    Walk walk(record, tape.room(record.count));
    if (!walk.run()) return std::unexpected(walk.error());
    tape.take(walk.nodes());
    return {};
}

std::expected<void, ParseError> parse_json_scalar(const Indexed& record, Node& out) {
    Walk walk(record, &out);
    if (!walk.run_scalar()) return std::unexpected(walk.error());
    return {};
}

}  // namespace holdfast::codec

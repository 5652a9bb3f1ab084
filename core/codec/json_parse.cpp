// Rules of the walk: no recursion, the open containers stand on a stack of fixed depth; and a
// scalar's end isn't searched, for the next index is what follows it, white space between. Of
// objects, members that look as most do are taken whole; all else is the walk's, errors too.
#include "core/codec/json_parse.hpp"

#include <array>
#include <cstring>

#include "core/codec/json_text.hpp"

// The walk is one function once it is compiled, and nothing takes its address: its state stays in
// registers.
#define HF_INLINE [[gnu::always_inline]] inline

namespace holdfast::codec {
namespace {

/// Whether these `size` bytes (1 to 8) are digits. Requires: 8 bytes can be read.
bool digits8(const char* at, std::size_t size) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    // Those beyond it leave at the top; what comes in below is made '0'.
    const std::size_t shift = 64 - 8 * size;
    word = word << shift | (0x3030303030303030u & ((std::uint64_t{1} << (shift & 63)) - 1));
    const std::uint64_t above_nine = word + 0x0606060606060606u;
    return ((word & above_nine) & 0xf0f0f0f0f0f0f0f0u) == 0x3030303030303030u &&
           ((word | above_nine) & 0xf0f0f0f0f0f0f0f0u) == 0x3030303030303030u;
}

class Walk {
public:
    Walk(const Indexed& record, Node* out, Node** open)
        : record_(record),
          text_(record.text),
          at_(record.at),
          end_(record.at + record.count),
          first_(out),
          out_(out),
          open_(open) {}

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
    std::uint32_t scalar_end() const;

    bool string(std::uint32_t at, String& out);
    bool plain_scalar(std::uint32_t at, std::uint32_t end);
    bool plain_member();
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
    Node** open_;  ///< depth_max containers, outermost first.
    std::size_t depth_ = 0;
    bool object_ = false;  ///< The innermost one is an object.
};

/// The end of the scalar at the last index: what follows it is white space up to the next one.
HF_INLINE std::uint32_t Walk::scalar_end() const {
    std::uint32_t end = at_ != end_ ? *at_ : record_.end;
    while (static_cast<unsigned char>(text_[end - 1]) <= ' ' && is_space(text_[end - 1])) --end;
    return end;
}

HF_INLINE bool Walk::string(std::uint32_t at, String& out) {
    const std::uint32_t end = scalar_end();
    if (text_[end - 1] != '"' || end - 1 == at) return fail_end();
    out = {at + 1, end - at - 2, Text::plain};
    if (!record_.backslash) return true;
    const std::string_view contents(text_ + out.begin, out.size);
    if (contents.find('\\') == std::string_view::npos) return true;
    out.text = Text::escaped;
    const auto wrong = wrong_escape(contents);
    return !wrong || fail(Fault::invalid_escape, out.begin + static_cast<std::uint32_t>(*wrong));
}

HF_INLINE void Walk::leaf(std::uint32_t at, std::size_t size, Kind kind, Text text,
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

/// Integers of up to 16 digits, which are most numbers, are recognised without a loop.
HF_INLINE bool Walk::number(std::uint32_t at) {
    const std::uint32_t size = scalar_end() - at;
    const char* digits = text_ + at + (text_[at] == '-' ? 1 : 0);
    const std::size_t count = size - (text_[at] == '-' ? 1u : 0u);
    const bool readable = at + 1 + 16 <= record_.end;
    if (readable && count - 1 < 16 && digits[0] != '0') {
        const bool good = count <= 8 ? digits8(digits, count)
                                     : digits8(digits, 8) && digits8(digits + 8, count - 8);
        if (good) {
            leaf(at, size, Kind::int64, Text::plain, 0);
            return true;
        }
    }
    const NumberShape shape = number_shape({text_ + at, size});
    if (shape.kind == Kind::missing || shape.size != size) {
        return fail(Fault::invalid_number, at);
    }
    leaf(at, size, shape.kind, Text::plain, 0);
    return true;
}

HF_INLINE bool Walk::literal(std::uint32_t at, std::string_view word, Kind kind) {
    const std::uint32_t size = scalar_end() - at;
    if (size != word.size() || std::memcmp(text_ + at, word.data(), word.size()) != 0) {
        return fail(Fault::invalid_literal, at);
    }
    leaf(at, size, kind, Text::plain, 0);
    return true;
}

HF_INLINE bool Walk::scalar(std::uint32_t at) {
    switch (text_[at]) {
        case '"': {
            String contents;
            if (!string(at, contents)) return false;
            leaf(at, contents.size + std::size_t{2}, Kind::string, contents.text, 1);
            return true;
        }
        case 't': return literal(at, "true", Kind::boolean);
        case 'f': return literal(at, "false", Kind::boolean);
        case 'n': return literal(at, "null", Kind::null);
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
        case '9': return number(at);
        default: return fail(Fault::unexpected, at);
    }
}

HF_INLINE bool Walk::open(std::uint32_t at, Kind kind) {
    if (depth_ == depth_max) return fail(Fault::too_deep, at);
    open_[depth_++] = out_;
    object_ = kind == Kind::object;
    leaf(at, 0, kind, Text::plain, 1);
    return true;
}

HF_INLINE void Walk::close(std::uint32_t at) {
    Node* node = open_[--depth_];
    node->size = at - record_.begin - node->begin + 1;
    node->nodes = static_cast<std::uint32_t>(out_ - node);
    object_ = depth_ > 0 && open_[depth_ - 1]->kind == Kind::object;
}

/// A scalar without white space behind it, strings without escapes. False: it is something else.
HF_INLINE bool Walk::plain_scalar(std::uint32_t at, std::uint32_t end) {
    const std::uint32_t size = end - at;
    const char first = text_[at];
    if (first == '"') {
        if (text_[end - 1] != '"' || size == 1) return false;
        leaf(at, size, Kind::string, Text::plain, 1);
        return true;
    }
    if (first >= '1' && first <= '9') {
        if (size <= 8 && at + 8 <= record_.end && digits8(text_ + at, size)) {
            leaf(at, size, Kind::int64, Text::plain, 0);
            return true;
        }
        const NumberShape shape = number_shape({text_ + at, size});
        if (shape.kind == Kind::missing || shape.size != size) return false;
        leaf(at, size, shape.kind, Text::plain, 0);
        return true;
    }
    if (first == 'f') {
        if (size != 5 || std::memcmp(text_ + at, "false", 5) != 0) return false;
        leaf(at, size, Kind::boolean, Text::plain, 0);
        return true;
    }
    if (size != 4) return false;
    const bool null = std::memcmp(text_ + at, "null", 4) == 0;
    if (!null && std::memcmp(text_ + at, "true", 4) != 0) return false;
    leaf(at, size, null ? Kind::null : Kind::boolean, Text::plain, 0);
    return true;
}

/// Takes key, colon, plain scalar and comma, if that is what comes, side by side. Else takes
/// nothing.
HF_INLINE bool Walk::plain_member() {
    if (end_ - at_ < 4 || record_.backslash) return false;
    const std::uint32_t begin = at_[0];
    const std::uint32_t colon = at_[1];
    const std::uint32_t after = at_[3];
    if (text_[begin] != '"' || text_[colon] != ':' || text_[after] != ',') return false;
    if (text_[colon - 1] != '"' || colon - 1 == begin) return false;
    key_ = {begin + 1 - record_.begin, colon - begin - 2, Text::plain};
    if (!plain_scalar(at_[2], after)) return false;
    at_ += 4;
    return true;
}

/// A key and its colon, after such members as are plain.
HF_INLINE bool Walk::key() {
    while (plain_member()) {
    }
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
HF_INLINE bool Walk::value() {
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
HF_INLINE bool Walk::after_value() {
    while (depth_ > 0) {
        if (!more()) return fail_end();
        const std::uint32_t at = *at_++;
        const char c = text_[at];
        if (c == ',') {
            if (object_) return key();
            key_ = {0, 0, Text::none};
            return true;
        }
        if (c != (object_ ? '}' : ']')) return fail(Fault::unexpected, at);
        close(at);
    }
    return !more() || fail(Fault::trailing_bytes, *at_);
}

HF_INLINE bool Walk::run() {
    do {
        if (!value() || !after_value()) return false;
    } while (depth_ > 0);
    return true;
}

}  // namespace

std::expected<void, ParseError> parse_json(const Indexed& record, Tape& tape) {
    if (record.count == 0) return std::unexpected(ParseError{Fault::empty, 0});
    std::array<Node*, depth_max> open;
    // A value takes its index and one more (a comma, colon or bracket), but for the root and for
    // containers that are never closed.
    Walk walk(record, tape.room(record.count / 2 + 2 + depth_max), open.data());
    const bool good = walk.run();
    tape.wrote(walk.nodes());
    if (!good) return std::unexpected(walk.error());
    tape.take(walk.nodes());
    return {};
}

std::expected<void, ParseError> parse_json_scalar(const Indexed& record, Node& out) {
    Walk walk(record, &out, nullptr);
    if (!walk.run_scalar()) return std::unexpected(walk.error());
    return {};
}

}  // namespace holdfast::codec

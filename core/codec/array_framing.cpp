// Rule: outside of elements each byte is looked at by itself; inside, whatever is no bracket,
// comma, quote or white space is stepped over, and strings 16 bytes at a time.
#include <cstring>

#include "core/base/assert.hpp"
#include "core/codec/json_text.hpp"
#include "core/codec/stream_framing.hpp"

namespace holdfast::codec {
namespace {

using Lanes = std::uint8_t __attribute__((vector_size(16)));

/// The first quote or backslash, or near before it.
const char* plain_text(const char* at, const char* end) {
    while (end - at >= 16) {
        Lanes lanes;
        std::memcpy(&lanes, at, sizeof lanes);
        const auto found = (lanes == Lanes{} + static_cast<std::uint8_t>('"')) |
                           (lanes == Lanes{} + static_cast<std::uint8_t>('\\'));
        std::array<std::uint64_t, 2> words;
        std::memcpy(&words, &found, sizeof words);
        if ((words[0] | words[1]) != 0) break;
        at += 16;
    }
    return at;
}

}  // namespace

std::string error_text(const FramingError& error) {
    static constexpr std::array<const char*, 7> names{
        "not an array",
        "unexpected end",
        "empty element",
        "unbalanced",
        "trailing garbage",
        "this looks like UTF-16, and only UTF-8 is read (iconv -f UTF-16 -t UTF-8 makes that of "
        "it),",
        "record too long"};
    return std::string(names.at(static_cast<std::size_t>(error.fault))) + " at byte " +
           std::to_string(error.offset);
}

ArrayFraming ArrayFraming::after_record(std::uint64_t position, std::uint64_t record_max) {
    ArrayFraming framing(record_max);
    framing.offset_ = position;
    framing.state_ = State::after;
    return framing;
}

ArrayFraming ArrayFraming::before_element(std::uint64_t position, std::uint64_t record_max) {
    ArrayFraming framing(record_max);
    framing.offset_ = position;
    framing.state_ = State::comma;
    return framing;
}

FramingResult ArrayFraming::fail(FramingFault fault, std::uint64_t offset) {
    state_ = State::failed;
    error_ = {fault, offset};
    return std::unexpected(error_);
}

/// Steps over a string's contents, its closing quote included.
const char* ArrayFraming::skip_text(const char* at, const char* end) {
    while (at != end) {
        if (!escaped_) at = plain_text(at, end);
        if (at == end) break;
        const char c = *at++;
        if (escaped_) {
            escaped_ = false;
        } else if (c == '\\') {
            escaped_ = true;
        } else if (c == '"') {
            quoted_ = false;
            break;
        }
    }
    return at;
}

/// A bracket that closes. false: it is not the kind that is open.
bool ArrayFraming::close(char c) {
    --depth_;
    if (depth_ >= 64) return true;
    return (braces_ >> depth_ & 1) == (c == '}' ? 1u : 0u);
}

/// A byte between elements, at offset_. false: an error, which is in error_.
bool ArrayFraming::outside(char c, std::vector<StreamExtent>& out) {
    if (is_space(c)) return true;
    switch (state_) {
        case State::first:
            // A byte order mark at the file's head, whole: depth_ counts its bytes.
            if (offset_ == depth_ && depth_ < 3 && c == "\xef\xbb\xbf"[depth_]) {
                ++depth_;
                return true;
            }
            state_ = State::opened;
            return (c == '[' && depth_ % 3 == 0) ||
                   fail(FramingFault::not_an_array, offset_).has_value();
        case State::opened:
        case State::comma:
            if (c == ']' && state_ == State::opened) {
                state_ = State::closed;
                return true;
            }
            if (c == ',' || c == ']') {
                return fail(FramingFault::empty_element, offset_).has_value();
            }
            state_ = State::element;
            begin_ = text_end_ = offset_;
            depth_ = 0;
            return inside(c, out);
        case State::after:
            state_ = c == ',' ? State::comma : State::closed;
            return c == ',' || c == ']' || fail(FramingFault::unbalanced, offset_).has_value();
        default: return fail(FramingFault::trailing_garbage, offset_).has_value();
    }
}

/// A byte of an element, at offset_, that is not within a string.
bool ArrayFraming::inside(char c, std::vector<StreamExtent>& out) {
    if (is_space(c)) {
        // Limited too: whoever waits for the element's end must keep it.
        return offset_ + 1 - begin_ <= record_max_ ||
               fail(FramingFault::too_long, begin_).has_value();
    }
    if (depth_ == 0 && (c == ',' || c == ']')) {
        out.push_back({begin_, text_end_});
        state_ = c == ',' ? State::comma : State::closed;
        return true;
    }
    text_end_ = offset_ + 1;
    if (c == '"') {
        quoted_ = true;
    } else if (c == '{' || c == '[') {
        const std::uint64_t bit = depth_ < 64 ? std::uint64_t{1} << depth_ : 0;
        braces_ = c == '{' ? braces_ | bit : braces_ & ~bit;
        ++depth_;
    } else if (c == '}' || c == ']') {
        if (depth_ == 0 || !close(c)) return fail(FramingFault::unbalanced, offset_).has_value();
    }
    return text_end_ - begin_ <= record_max_ || fail(FramingFault::too_long, begin_).has_value();
}

FramingResult ArrayFraming::feed(std::span<const std::byte> bytes, std::vector<StreamExtent>& out) {
    HF_ASSERT(record_max_ > 0 && record_max_ <= INT64_MAX);
    if (state_ == State::failed) return std::unexpected(error_);
    const char* at = reinterpret_cast<const char*>(bytes.data());
    const char* end = at + bytes.size();
    while (at != end) {
        if (quoted_) {
            const char* next = skip_text(at, end);
            offset_ += static_cast<std::uint64_t>(next - at);
            at = next;
            text_end_ = offset_;
            if (text_end_ - begin_ > record_max_) return fail(FramingFault::too_long, begin_);
            continue;
        }
        const bool good = state_ == State::element ? inside(*at, out) : outside(*at, out);
        if (!good) return std::unexpected(error_);
        ++at;
        ++offset_;
    }
    return {};
}

FramingResult ArrayFraming::finish() {
    if (state_ == State::failed) return std::unexpected(error_);
    if (state_ == State::closed) return {};
    return fail(FramingFault::unexpected_end, offset_);
}

}  // namespace holdfast::codec

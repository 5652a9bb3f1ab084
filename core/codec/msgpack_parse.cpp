#include "core/codec/msgpack_parse.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/codec/msgpack_head.hpp"
#include "core/codec/utf8.hpp"

// As in json_parse.cpp: one function once it is compiled, its state in registers.
#define HF_INLINE [[gnu::always_inline]] inline

namespace holdfast::codec {
namespace {

struct Open {
    std::size_t node;
    std::uint64_t values;  ///< That are still to come.
};

class Walk {
public:
    Walk(std::span<const std::byte> record, Tape& tape, Open* open)
        : begin_(reinterpret_cast<const char*>(record.data())),
          at_(begin_),
          end_(begin_ + record.size()),
          nodes_(tape.room(record.size())),
          open_(open) {}

    bool run();
    std::size_t nodes() const { return count_; }
    ParseError error() const { return error_; }

private:
    std::uint32_t offset(const char* at) const { return static_cast<std::uint32_t>(at - begin_); }
    bool fail(Fault fault, const char* at) {
        error_ = {fault, offset(at)};
        return false;
    }
    bool head(MsgpackHead& out);
    bool text(std::string_view text);
    bool key();
    bool value();
    bool open(const MsgpackHead& head, const char* at);
    void close_full();
    Node& push();

    const char* begin_;
    const char* at_;
    const char* end_;
    Node* nodes_;
    std::size_t count_ = 0;
    std::uint64_t seen_ = 0;  ///< The bits of all short strings' bytes.
    ParseError error_;
    std::uint32_t key_begin_ = 0;
    std::uint32_t key_size_ = 0;
    Text key_ = Text::none;
    Open* open_;  ///< depth_max containers, outermost first.
    std::size_t depth_ = 0;
};

/// Each value has a byte of its own at least, and room was made for as many.
HF_INLINE Node& Walk::push() { return nodes_[count_++]; }

/// Reads a head with its contents, and moves behind them.
HF_INLINE bool Walk::head(MsgpackHead& out) {
    const char* at = at_;
    out = msgpack_head(at, end_);
    if (out.state == HeadState::invalid) return fail(Fault::invalid_type, at);
    if (out.state == HeadState::truncated) return fail(Fault::truncated, end_);
    if (out.prefix + out.payload > static_cast<std::uint64_t>(end_ - at)) {
        return fail(Fault::truncated, end_);
    }
    at_ += out.prefix + out.payload;
    if (out.kind != Kind::string) return true;
    return text({at + out.prefix, out.payload});
}

/// Short strings are only collected: if all are ASCII, one look at the end is enough.
HF_INLINE bool Walk::text(std::string_view text) {
    const auto word = [](const char* from) {
        std::uint64_t bytes;
        std::memcpy(&bytes, from, sizeof bytes);
        return bytes;
    };
    const std::size_t size = text.size();
    if (size - 1 < 8 && end_ - text.data() >= 8) {
        seen_ |= word(text.data()) << (64 - 8 * size);  // Without what lies behind it.
        return true;
    }
    if (size - 8 <= 8) {
        seen_ |= word(text.data()) | word(text.data() + size - 8);
        return true;
    }
    if (valid_utf8(text)) return true;
    return fail(Fault::invalid_utf8, text.data() + valid_utf8_prefix(text));
}

/// Where the first string is that is no UTF-8; `end` if all are.
const char* first_wrong_text(const char* begin, const char* end, std::span<const Node> nodes) {
    for (const Node& node : nodes) {
        const std::string_view key(begin + node.key_begin, node.key_size);
        if (node.key == Text::plain && !valid_utf8(key)) {
            return key.data() + valid_utf8_prefix(key);
        }
        const std::string_view text(begin + node.begin + node.prefix, node.size - node.prefix);
        if (node.kind == Kind::string && !valid_utf8(text)) {
            return text.data() + valid_utf8_prefix(text);
        }
    }
    return end;
}

HF_INLINE bool Walk::key() {
    const char* at = at_;
    MsgpackHead head_of_key;
    if (!head(head_of_key)) return false;
    key_begin_ = offset(at);
    key_size_ = offset(at_) - key_begin_;
    switch (head_of_key.kind) {
        case Kind::string:
            key_begin_ += head_of_key.prefix;
            key_size_ -= head_of_key.prefix;
            key_ = Text::plain;
            return true;
        case Kind::real: {
            const double number = msgpack_real(at);
            key_ = Text::scalar;
            return number == number || fail(Fault::invalid_key, at);
        }
        case Kind::null:
        case Kind::boolean:
        case Kind::int64:
        case Kind::uint64: key_ = Text::scalar; return true;
        default: return fail(Fault::invalid_key, at);
    }
}

HF_INLINE bool Walk::open(const MsgpackHead& head, const char* at) {
    if (depth_ == depth_max) return fail(Fault::too_deep, at);
    if (head.values > 0) open_[depth_++] = {count_ - 1, head.values};
    return true;
}

/// Ends the containers whose last value this was.
HF_INLINE void Walk::close_full() {
    while (depth_ > 0 && open_[depth_ - 1].values == 0) {
        Node& node = nodes_[open_[--depth_].node];
        node.size = offset(at_) - node.begin;
        node.nodes = static_cast<std::uint32_t>(count_ - open_[depth_].node);
    }
}

HF_INLINE bool Walk::value() {
    key_ = Text::none;
    key_begin_ = key_size_ = 0;
    if (depth_ > 0) {
        Open& parent = open_[depth_ - 1];
        if (nodes_[parent.node].kind == Kind::object) {
            if (!key()) return false;
            --parent.values;
        }
        --parent.values;
    }
    const char* at = at_;
    MsgpackHead here;
    if (!head(here)) return false;
    push() = Node{offset(at),  offset(at_) - offset(at),
                  1,           key_begin_,
                  key_size_,   here.kind,
                  Text::plain, key_,
                  here.prefix};
    const bool container = here.kind == Kind::array || here.kind == Kind::object;
    return !container || open(here, at);
}

HF_INLINE bool Walk::run() {
    do {
        if (!value()) return false;
        close_full();
    } while (depth_ > 0);
    if (at_ != end_) return fail(Fault::trailing_bytes, at_);
    if ((seen_ & 0x8080808080808080u) == 0) return true;
    const char* wrong = first_wrong_text(begin_, end_, {nodes_, count_});
    return wrong == end_ || fail(Fault::invalid_utf8, wrong);
}

}  // namespace

double msgpack_real(const char* at) {
    if (static_cast<std::uint8_t>(*at) == 0xca) {
        return std::bit_cast<float>(big_endian<std::uint32_t>(at + 1));
    }
    return std::bit_cast<double>(big_endian<std::uint64_t>(at + 1));
}

std::expected<void, ParseError> parse_msgpack(std::span<const std::byte> record, Tape& tape) {
    if (record.empty()) return std::unexpected(ParseError{Fault::empty, 0});
    if (record.size() >= UINT32_MAX) return std::unexpected(ParseError{Fault::too_large, 0});
    std::array<Open, depth_max> open;
    Walk walk(record, tape, open.data());
    const bool good = walk.run();
    tape.wrote(walk.nodes());
    if (!good) return std::unexpected(walk.error());
    tape.take(walk.nodes());
    return {};
}

}  // namespace holdfast::codec

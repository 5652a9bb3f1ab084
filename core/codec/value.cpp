#include "core/codec/value.hpp"

#include <algorithm>

#include "core/base/assert.hpp"
#include "core/codec/json_text.hpp"
#include "core/codec/msgpack_head.hpp"
#include "core/codec/msgpack_parse.hpp"

namespace holdfast::codec {
namespace {

constexpr std::int64_t int64_limit_shift = 63;

/// An integer of any width behind its type byte, or in it. Requires: it is one.
std::int64_t msgpack_int64(const char* at) {
    const auto type = static_cast<std::uint8_t>(*at);
    switch (type) {
        case 0xcc: return static_cast<std::uint8_t>(at[1]);
        case 0xcd: return big_endian<std::uint16_t>(at + 1);
        case 0xce: return big_endian<std::uint32_t>(at + 1);
        case 0xd0: return static_cast<std::int8_t>(at[1]);
        case 0xd1: return static_cast<std::int16_t>(big_endian<std::uint16_t>(at + 1));
        case 0xd2: return static_cast<std::int32_t>(big_endian<std::uint32_t>(at + 1));
        case 0xcf:
        case 0xd3: return static_cast<std::int64_t>(big_endian<std::uint64_t>(at + 1));
        default: return static_cast<std::int8_t>(type);
    }
}

/// Appends the text that a MsgPack key has which is no string.
void append_scalar_key(std::string_view raw, std::string& out) {
    const MsgpackHead head = msgpack_head(raw.data(), raw.data() + raw.size());
    switch (head.kind) {
        case Kind::null: out += "null"; return;
        case Kind::boolean:
            out += static_cast<std::uint8_t>(raw[0]) == 0xc3 ? "true" : "false";
            return;
        case Kind::uint64: append_uint64(big_endian<std::uint64_t>(raw.data() + 1), out); return;
        case Kind::int64: append_int64(msgpack_int64(raw.data()), out); return;
        default: HF_ASSERT(head.kind == Kind::real); append_real(msgpack_real(raw.data()), out);
    }
}

/// The first character decides mostly, without a call.
inline bool plain_equal(std::string_view a, std::string_view b) {
    return a.size() == b.size() && (a.empty() || (a[0] == b[0] && a == b));
}

inline bool contents_equal(std::string_view contents, Text form, std::string_view text) {
    if (form == Text::plain) return plain_equal(contents, text);
    if (form == Text::escaped) return unescaped_equals(contents, text);
    if (form == Text::none) return false;
    std::string scalar;
    append_scalar_key(contents, scalar);
    return scalar == text;
}

std::string_view contents_text(std::string_view contents, Text form, std::string& scratch) {
    if (form == Text::plain) return contents;
    scratch.clear();
    if (form == Text::escaped) append_unescaped(contents, scratch);
    if (form == Text::scalar) append_scalar_key(contents, scratch);
    return scratch;
}

}  // namespace

bool Value::numeric() const {
    return kind() == Kind::int64 || kind() == Kind::uint64 || kind() == Kind::real;
}

bool Value::boolean() const {
    HF_ASSERT(kind() == Kind::boolean);
    const char first = record_[node_->begin];
    return first == 't' || static_cast<std::uint8_t>(first) == 0xc3;
}

std::int64_t Value::int64() const {
    HF_ASSERT(kind() == Kind::int64);
    return format_ == Format::json ? int64_of(raw_text()) : msgpack_int64(record_ + node_->begin);
}

std::uint64_t Value::uint64() const {
    HF_ASSERT(kind() == Kind::uint64);
    if (format_ == Format::json) return uint64_of(raw_text());
    return big_endian<std::uint64_t>(record_ + node_->begin + 1);
}

double Value::real() const {
    HF_ASSERT(kind() == Kind::real);
    return format_ == Format::json ? real_of(raw_text()) : msgpack_real(record_ + node_->begin);
}

double Value::number() const {
    if (kind() == Kind::int64) return static_cast<double>(int64());
    if (kind() == Kind::uint64) return static_cast<double>(uint64());
    return real();
}

Timestamp Value::timestamp() const {
    HF_ASSERT(kind() == Kind::timestamp);
    const char* at = record_ + node_->begin + node_->prefix;
    switch (node_->size - node_->prefix) {
        case 4: return {big_endian<std::uint32_t>(at), 0};
        case 8: {
            const auto both = big_endian<std::uint64_t>(at);
            return {static_cast<std::int64_t>(both & ((std::uint64_t{1} << 34) - 1)),
                    static_cast<std::uint32_t>(both >> 34)};
        }
        default:
            return {static_cast<std::int64_t>(big_endian<std::uint64_t>(at + 4)),
                    big_endian<std::uint32_t>(at)};
    }
}

std::int8_t Value::extension_type() const {
    HF_ASSERT(kind() == Kind::extension);
    return static_cast<std::int8_t>(record_[node_->begin + node_->prefix - 1u]);
}

std::string_view Value::contents() const {
    const std::uint32_t quote = format_ == Format::json ? 1 : 0;
    return text(node_->begin + node_->prefix, node_->size - node_->prefix - quote);
}

std::string_view Value::string(std::string& scratch) const {
    HF_ASSERT(kind() == Kind::string);
    return contents_text(contents(), node_->text, scratch);
}

bool Value::is(std::string_view text) const {
    return kind() == Kind::string && contents_equal(contents(), node_->text, text);
}

std::span<const std::byte> Value::binary() const {
    HF_ASSERT(kind() == Kind::binary || kind() == Kind::extension);
    const std::string_view bytes = contents();
    return std::as_bytes(std::span(bytes.data(), bytes.size()));
}

std::span<const std::byte> Value::raw() const {
    if (missing()) return {};
    return std::as_bytes(std::span(record_ + node_->begin, node_->size));
}

std::string_view Value::key(std::string& scratch) const {
    HF_ASSERT(!missing() && node_->key != Text::none);
    return contents_text(key_text(), node_->key, scratch);
}

bool Value::key_is(std::string_view text) const {
    return !missing() && contents_equal(key_text(), node_->key, text);
}

Value::Children Value::children() const {
    const bool container = kind() == Kind::array || kind() == Kind::object;
    if (!container) return {Iterator(*this, nullptr), Iterator(*this, nullptr)};
    return {Iterator(*this, node_ + 1), Iterator(*this, node_ + node_->nodes)};
}

std::size_t Value::size() const {
    std::size_t count = 0;
    const Children all = children();
    for (Iterator i = all.begin(); i != all.end(); ++i) ++count;
    return count;
}

Value Value::member(std::string_view key) const {
    if (kind() != Kind::object) return {};
    const Node* found = nullptr;
    const Node* end = node_ + node_->nodes;
    for (const Node* node = node_ + 1; node != end; node = node->after()) {
        // Most keys differ in their length already.
        if (node->key == Text::plain && node->key_size != key.size()) continue;
        if (contents_equal(text(node->key_begin, node->key_size), node->key, key)) found = node;
    }
    Value out = *this;
    out.node_ = found;
    return out;
}

Value Value::element(std::int64_t index) const {
    if (kind() != Kind::array) return {};
    if (index < 0) {
        const auto count = static_cast<std::int64_t>(size());
        if (index < -count) return {};
        index += count;
    }
    for (const Value value : children()) {
        if (index-- == 0) return value;
    }
    return {};
}

Value Value::at(const Path& path) const {
    Value value = *this;
    for (const PathStep& step : path.steps) {
        value = step.by_index ? value.element(step.index) : value.member(step.key);
        if (value.missing()) return {};
    }
    return value;
}

namespace {

/// Exact also where one is an integer that no double can be.
bool numbers_equal(const Value& a, const Value& b) {
    if (a.kind() == b.kind()) {
        if (a.kind() == Kind::int64) return a.int64() == b.int64();
        if (a.kind() == Kind::uint64) return a.uint64() == b.uint64();
        return a.real() == b.real();
    }
    if (b.kind() != Kind::real) return a.kind() == Kind::real && numbers_equal(b, a);
    const double real = b.real();
    constexpr double limit = static_cast<double>(std::uint64_t{1} << int64_limit_shift);
    if (a.kind() == Kind::int64) {
        return real >= -limit && real < limit && static_cast<std::int64_t>(real) == a.int64() &&
               static_cast<double>(static_cast<std::int64_t>(real)) == real;
    }
    return real >= limit && real < 2 * limit && static_cast<std::uint64_t>(real) == a.uint64();
}

bool objects_equal(const Value& a, const Value& b) {
    std::string scratch;
    for (const Value value : a.children()) {
        const std::string_view key = value.key(scratch);
        if (!equal(a.member(key), b.member(key))) return false;
    }
    for (const Value value : b.children()) {
        if (a.member(value.key(scratch)).missing()) return false;
    }
    return true;
}

bool arrays_equal(const Value& a, const Value& b) {
    const Value::Children left = a.children(), right = b.children();
    auto l = left.begin(), r = right.begin();
    while (l != left.end() && r != right.end()) {
        if (!equal(*l, *r)) return false;
        ++l;
        ++r;
    }
    return l == left.end() && r == right.end();
}

}  // namespace

bool equal(const Value& a, const Value& b) {
    if (a.numeric() && b.numeric()) return numbers_equal(a, b);
    if (a.kind() != b.kind()) return false;
    std::string scratch;
    switch (a.kind()) {
        case Kind::boolean: return a.boolean() == b.boolean();
        case Kind::string: return b.is(a.string(scratch));
        case Kind::array: return arrays_equal(a, b);
        case Kind::object: return objects_equal(a, b);
        case Kind::binary: return std::ranges::equal(a.binary(), b.binary());
        case Kind::extension:
            return a.extension_type() == b.extension_type() &&
                   std::ranges::equal(a.binary(), b.binary());
        case Kind::timestamp:
            return a.timestamp().seconds == b.timestamp().seconds &&
                   a.timestamp().nanoseconds == b.timestamp().nanoseconds;
        default: return true;
    }
}

Format format_of(std::span<const std::byte> record, Format format) {
    if (format != Format::automatic) return format;
    const bool high = !record.empty() && record[0] >= std::byte{0x80};
    return high ? Format::msgpack : Format::json;
}

}  // namespace holdfast::codec

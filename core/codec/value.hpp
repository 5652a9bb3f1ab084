// A value of a record as one reads it: the same answers whether the record is JSON or MsgPack.
//
// Rule 1: what isn't there is `missing`, which is not null.
// Rule 2: of equal keys the last one counts, as in jq.
// Rule 3: numbers are equal if they are the same number, whatever their kinds.
// Lives: as long as the record's bytes and the tape that it was parsed to. Copying is cheap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/codec/path.hpp"
#include "core/codec/tape.hpp"

namespace holdfast::codec {

/// `automatic`: by each record's first byte (see format_of).
enum class Format : std::uint8_t { json, msgpack, automatic };

struct Timestamp {
    std::int64_t seconds = 0;  ///< Since 1970.
    std::uint32_t nanoseconds = 0;
};

class Value {
public:
    Value() = default;  ///< Missing.
    Value(const Node* node, const std::byte* record, Format format)
        : node_(node), record_(reinterpret_cast<const char*>(record)), format_(format) {}

    Kind kind() const { return node_ == nullptr ? Kind::missing : node_->kind; }
    bool missing() const { return node_ == nullptr; }
    bool null() const { return kind() == Kind::null; }
    bool numeric() const;

    // Each requires its own kind.
    bool boolean() const;
    std::int64_t int64() const;
    std::uint64_t uint64() const;
    double real() const;
    Timestamp timestamp() const;
    std::int8_t extension_type() const;

    /// Of a number of any kind; integers are rounded to the nearest double. Requires numeric().
    double number() const;
    /// A string's text. `scratch` is used if it has escapes; the answer may lie in it.
    std::string_view string(std::string& scratch) const;
    /// string(...) == text, without memory unless it has escapes. false for other kinds.
    bool is(std::string_view text) const;
    /// The contents of a binary or of an extension.
    std::span<const std::byte> binary() const;

    /// Its very bytes in the record; digits and escapes as they were written.
    std::span<const std::byte> raw() const;
    /// Where raw() begins in the record.
    std::size_t offset() const { return node_ == nullptr ? 0 : node_->begin; }

    /// The text of the key that it has in its object; as string().
    std::string_view key(std::string& scratch) const;
    bool key_is(std::string_view text) const;

    /// Of an array or object: how many stand in it, equal keys counted each. Else 0.
    std::size_t size() const;
    /// Missing unless this is an object with such a key. Bound: its size.
    Value member(std::string_view key) const;
    /// Negative: from the end. Missing unless this is an array that is long enough.
    Value element(std::int64_t index) const;
    Value at(const Path& path) const;

    /// `for (Value v : value.children())`: elements or members, in their order.
    class Iterator;
    struct Children;
    Children children() const;

    const Node* node() const { return node_; }
    Format format() const { return format_; }

private:
    std::string_view text(std::uint32_t begin, std::uint32_t size) const {
        return {record_ + begin, size};
    }
    std::string_view raw_text() const { return text(node_->begin, node_->size); }
    std::string_view contents() const;
    std::string_view key_text() const { return text(node_->key_begin, node_->key_size); }

    const Node* node_ = nullptr;
    const char* record_ = nullptr;
    Format format_ = Format::json;
};

class Value::Iterator {
public:
    Iterator(const Value& value, const Node* node) : value_(value) { value_.node_ = node; }
    Value operator*() const { return value_; }
    Iterator& operator++() {
        value_.node_ = value_.node_->after();
        return *this;
    }
    bool operator==(const Iterator& other) const { return value_.node_ == other.value_.node_; }

private:
    Value value_;
};

struct Value::Children {
    Iterator first, last;
    Iterator begin() const { return first; }
    Iterator end() const { return last; }
};

/// Deep equality; the order of keys doesn't matter. Both missing: equal.
/// Bound: for objects the product of their sizes.
bool equal(const Value& a, const Value& b);

/// `format`, unless that is automatic: then MsgPack if the first byte is 0x80 or more, which no
/// JSON begins with and every MsgPack object and array does; else JSON.
Format format_of(std::span<const std::byte> record, Format format);

}  // namespace holdfast::codec

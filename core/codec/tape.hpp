// A parsed value as a row of nodes, in the order of the text: what both formats are parsed into.
//
// Rule 1: a node says where its bytes are; nothing is copied or decoded before somebody asks.
// Rule 2: a container's node is followed by the nodes of all that is in it; `nodes` counts them and
//         itself, so that the next sibling is at node + node.nodes.
// Rule 3: offsets count from the record's first byte, so nodes may be moved, records may not.
// Bound: 24 bytes a value; n bytes of JSON have at most n / 2 + 1 values, n bytes of MsgPack n.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "core/base/assert.hpp"
#include "core/codec/raw_array.hpp"

namespace holdfast::codec {

/// Whatever is not there has kind `missing`, which no record can hold; null it can.
enum class Kind : std::uint8_t {
    missing,
    null,
    boolean,
    int64,
    uint64,  ///< An integer above INT64_MAX.
    real,    ///< Has a fraction or an exponent, or is beyond uint64; the nearest double.
    string,
    array,
    object,
    binary,     ///< MsgPack only; in JSON its base64.
    timestamp,  ///< MsgPack only; in JSON its text by RFC 3339.
    extension,  ///< MsgPack only; in JSON {"ext": type, "data": base64}.
};

/// How the text of a key or a string is written.
enum class Text : std::uint8_t {
    none,     ///< No key: the value stands in an array, or alone.
    plain,    ///< The very bytes.
    escaped,  ///< With JSON's escapes.
    scalar,   ///< MsgPack: a key that is no string; its text is what JSON would write.
};

struct Node {
    std::uint32_t begin = 0;  ///< The value's first byte, its quote or type byte included.
    std::uint32_t size = 0;   ///< Bytes of the value.
    std::uint32_t nodes = 1;  ///< This one and all inside.
    std::uint32_t key_begin = 0;
    std::uint32_t key_size = 0;
    Kind kind = Kind::missing;
    Text text = Text::plain;  ///< Of a string.
    Text key = Text::none;
    std::uint8_t prefix = 0;  ///< Bytes before the contents: a quote, a MsgPack head.

    bool container() const { return kind == Kind::array || kind == Kind::object; }
    /// The next sibling. A branch, which is foreseen, where `nodes` would have to be waited for.
    const Node* after() const {
        if (container()) [[unlikely]] {
            return this + nodes;
        }
        return this + 1;
    }
};
static_assert(std::is_trivially_copyable_v<Node> && sizeof(Node) == 24);

/// Nodes of one or more values, one after the other; memory is kept for the next use.
/// Lives: nodes move when the tape grows.
class Tape {
public:
    void clear() { used_ = 0; }
    std::size_t size() const { return used_; }
    const Node* at(std::size_t index) const { return nodes_.data() + index; }

    /// Room for so many more nodes; what is written there counts after take().
    Node* room(std::size_t nodes) {
        const std::size_t needed = used_ + nodes;
        if (needed > nodes_.capacity()) nodes_.reserve(needed + needed / 2, used_);
        return nodes_.data() + used_;
    }
    /// So many nodes were written at room(), taken or not.
    void wrote(std::size_t nodes) { most_ = std::max(most_, used_ + nodes); }
    /// Requires: so many nodes were written at room().
    void take(std::size_t nodes) {
        HF_ASSERT(nodes <= nodes_.capacity() - used_);
        used_ += nodes;
        wrote(0);
    }
    /// Forgets all; gives memory back if it was much.
    void trim() {
        clear();
        if (most_ * sizeof(Node) <= kept_bytes) return;
        nodes_.release();
        most_ = 0;
    }

    /// Memory that stays for the next record.
    static constexpr std::size_t kept_bytes = std::size_t{1} << 20;

private:
    RawArray<Node> nodes_;
    std::size_t used_ = 0;
    std::size_t most_ = 0;  ///< So many slots were written to.
};

}  // namespace holdfast::codec

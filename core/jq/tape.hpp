// A record as a tape of its values, in document order; the whole record is checked on the way.
//
// Rule 1: what is accepted is one JSON value (RFC 8259) in UTF-8 and nothing behind it: every
//         number, literal, string and escape of every part is checked, read or not.
// Rule 2: escapes must name characters: half a surrogate pair is an error.
// Rule 3: at most `depth_max` containers within each other.
// Rule 4: keys may occur twice; who looks a key up must say what that means.
// Bound: one pass by simdjson's structural index and one over that. Memory: 4 bytes a token and 32 a
//        value, so at most 20 a byte of the record (`[0,0,...]`); what is more than Tape::kept_bytes
//        of each goes back with trim().
// Doesn't know: programs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/codec/raw_array.hpp"

namespace holdfast::jq {

/// In jq's order of values.
enum class Kind : std::uint8_t { null, no, yes, number, string, array, object };

using NodeId = std::uint32_t;
inline constexpr NodeId no_node = UINT32_MAX;

/// One value. Lives: its bytes as long as the record (or the program's text).
struct Node {
    const char* text = nullptr;  ///< Its first byte; of a string: the quote.
    const char* key = nullptr;   ///< Of a member: the first byte of its key, behind the quote.
    std::uint32_t size = 0;
    std::uint32_t key_size = 0;
    NodeId next = 0;  ///< Behind its last descendant; of an edited value: its version.
    Kind kind = Kind::null;
    bool escaped = false;       ///< A string with escapes.
    bool escaped_keys = false;  ///< An object one of whose keys has escapes.
    bool edited = false;        ///< Not on the tape, but made from another value by edits.

    std::string_view bytes() const { return {text, size}; }
};
static_assert(sizeof(Node) == 32);

bool is_utf8(std::string_view text);

/// A growing array of nodes that isn't cleared between records.
class Nodes {
public:
    const Node& operator[](NodeId id) const { return slots_.data()[id]; }
    Node& operator[](NodeId id) { return slots_.data()[id]; }
    NodeId count() const { return count_; }
    /// Forgets the nodes from `count` on, or takes those that were written to room().
    void set_count(NodeId count) { count_ = count; }
    /// Room for so many more.
    Node* room(std::size_t more);
    /// One more, a copy of `node`.
    NodeId add(const Node& node);
    /// So many more may be written to room() without being taken.
    void expect(std::size_t more) { most_ = std::max(most_, count_ + more); }
    /// Forgets the nodes from `count` on, and gives their memory back if they were more than `kept`.
    void trim(NodeId count, NodeId kept);

private:
    RawArray<Node> slots_;
    NodeId count_ = 0;
    std::size_t most_ = 0;  ///< So many slots may have been written to.
};

/// Reads records, one after the other, into nodes. One per thread.
class Tape {
public:
    static constexpr std::size_t depth_max = 64;
    /// Memory that stays for the next record.
    static constexpr std::size_t kept_bytes = std::size_t{1} << 20;

    Tape();
    ~Tape();

    /// Appends the record's values to the nodes; its root comes first. False: see error(); then the
    /// nodes are as before. Requires 64 readable bytes behind the record.
    bool read(std::span<const std::byte> record, Nodes& nodes);
    /// Why the last record is no JSON, and the byte at which this was seen.
    const char* error() const { return error_; }
    std::size_t error_offset() const { return error_offset_; }
    /// How many containers are within each other in what was read last.
    std::size_t depth() const { return depth_; }
    /// Gives back what a large record took.
    void trim();

private:
    struct Index;

    bool reserve(std::size_t size);
    bool fail(const char* why, std::size_t offset);
    bool fail_open(std::string_view text, std::span<const std::uint32_t> positions);

    std::unique_ptr<Index> index_;
    const char* error_ = "";
    std::size_t error_offset_ = 0;
    std::size_t depth_ = 0;
    std::size_t tokens_most_ = 0;  ///< The index was written to so far.
};

/// Whether a Tape would take it. For texts of a config: it allocates all that it needs.
bool is_json(std::string_view text);

}  // namespace holdfast::jq

#include "core/jq/tape.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/assert.hpp"
#include "core/codec/utf8.hpp"
#include "core/jq/text.hpp"

namespace holdfast::jq {
namespace {

bool white(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// What may stand behind a number or a literal within a container.
bool ends_scalar(char c) { return c == ',' || c == '}' || c == ']' || white(c); }

constexpr const char* not_json = "not a JSON value";
constexpr const char* ends_early = "the record ends early";
constexpr const char* follows = "something follows the value";
constexpr const char* no_character = "an escape stands for no character";

const char* literal_end(const char* p, std::string_view word) {
    return std::memcmp(p, word.data(), word.size()) == 0 ? p + word.size() : nullptr;
}

/// The end of a number or literal, its kind in `kind`; nullptr if it is none.
const char* scalar_end(const char* p, Kind& kind) {
    switch (*p) {
        case 't': kind = Kind::yes; return literal_end(p, "true");
        case 'f': kind = Kind::no; return literal_end(p, "false");
        case 'n': kind = Kind::null; return literal_end(p, "null");
        default: kind = Kind::number; return number_end(p);
    }
}

/// Walks over the tokens, checks the grammar and writes the nodes. Requires that the last token is
/// a bracket, if the first is one: so a number ends before the record does, and only behind a
/// closing bracket can the tokens be used up.
struct Reader {
    const char* text;
    const std::uint32_t* positions;  ///< Where each token begins; behind the last: the size.
    std::uint32_t count;
    bool escapes;  ///< There is a backslash somewhere.
    NodeId base;   ///< The id of `first`.
    Node* first;

    Node* node = first;  ///< The next one to write.
    std::uint32_t at = 0;
    std::uint32_t depth = 0;
    std::uint32_t deepest = 0;
    const char* why = nullptr;
    std::size_t where = 0;

    const char* token() const { return text + positions[at]; }
    NodeId id() const { return static_cast<NodeId>(base + (node - first)); }

    [[gnu::noinline]] bool fail(const char* reason) {
        why = reason;
        where = positions[std::min(at, count)];
        return false;
    }

    [[gnu::noinline]] bool check_escapes(const char* begin, const char* end, bool& escaped) {
        if (std::memchr(begin, '\\', static_cast<std::size_t>(end - begin)) == nullptr) return true;
        escaped = true;
        return escapes_are_valid({begin, end}) || fail(no_character);
    }

    /// A string, number or literal, whole; its first token is the current one.
    [[gnu::always_inline]] bool read_scalar(const char* begin) {
        const char* end = nullptr;
        Node& scalar = *node++;
        if (*begin == '"') {
            // Between its other quote and the next token is only white space.
            end = text + positions[at + 1];
            while (end[-1] != '"') [[unlikely]]
                --end;
            scalar.kind = Kind::string;
            if (escapes) [[unlikely]] {
                if (!check_escapes(begin + 1, end - 1, scalar.escaped)) return false;
            }
        } else {
            end = scalar_end(begin, scalar.kind);
            if (end == nullptr || !ends_scalar(*end)) return fail(not_json);
        }
        scalar.size = static_cast<std::uint32_t>(end - begin);
        scalar.next = id();
        ++at;
        return true;
    }

    /// Any value, and that a token follows it.
    [[gnu::always_inline]] bool read_value(const char* key, std::uint32_t key_size) {
        const char* begin = token();
        node->text = begin;
        node->key = key;
        node->key_size = key_size;
        node->escaped = node->escaped_keys = node->edited = false;
        if (*begin != '{' && *begin != '[') return read_scalar(begin);
        if (!read_container(*begin == '{')) return false;
        return at < count || fail(ends_early);
    }

    /// Bound: depth_max within each other.
    [[gnu::noinline]] bool read_container(bool object) {
        if (depth == Tape::depth_max) return fail("more than 64 levels");
        deepest = std::max(deepest, ++depth);
        ++at;
        Node& container = *node++;
        container.kind = object ? Kind::object : Kind::array;
        if (object ? !read_members(container) : !read_elements()) return false;
        container.size = static_cast<std::uint32_t>(token() + 1 - container.text);
        container.next = id();
        --depth;
        ++at;
        return true;
    }

    /// Up to the closing bracket.
    bool read_elements() {
        if (*token() == ']') return true;
        while (true) {
            if (!read_value(nullptr, 0)) return false;
            if (*token() == ']') return true;
            if (*token() != ',') return fail("expected a comma or the end");
            ++at;
        }
    }

    bool read_members(Node& object) {
        if (*token() == '}') return true;
        while (true) {
            const char* key = token();
            if (*key++ != '"') return fail("expected a key");
            const char* end = text + positions[at + 1];
            if (*end != ':') return fail("expected a colon");
            while (*--end != '"') [[unlikely]] {
            }
            if (escapes) [[unlikely]] {
                if (!check_escapes(key, end, object.escaped_keys)) return false;
            }
            at += 2;
            if (!read_value(key, static_cast<std::uint32_t>(end - key))) return false;
            if (*token() == '}') return true;
            if (*token() != ',') return fail("expected a comma or the end");
            ++at;
        }
    }

    bool read() {
        const char root = *token();
        node->text = token();
        node->key = nullptr;
        node->key_size = 0;
        node->escaped = node->escaped_keys = node->edited = false;
        const bool container = root == '{' || root == '[';
        if (container ? !read_container(root == '{') : !read_scalar(token())) return false;
        return at == count || fail(follows);
    }
};

/// Numbers and literals that are the whole record: their end is the record's.
bool read_root_scalar(const char* begin, std::size_t rest, Node& node) {
    std::string copy(begin, rest);
    copy.append(8, '\0');
    const char* end = scalar_end(copy.data(), node.kind);
    if (end == nullptr) return false;
    node.text = begin;
    node.size = static_cast<std::uint32_t>(end - copy.data());
    return std::all_of(end, static_cast<const char*>(copy.data()) + rest, white);
}

/// Where a string has a byte below the space. Requires: one has.
std::size_t control_character(std::string_view text) {
    bool quoted = false, escaped = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (quoted && static_cast<unsigned char>(text[i]) < 0x20) return i;
        if (text[i] == '"' && !escaped) quoted = !quoted;
        escaped = text[i] == '\\' && !escaped;
    }
    return text.size();
}

}  // namespace

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

Node* Nodes::room(std::size_t more) {
    const std::size_t needed = count_ + more;
    if (needed > slots_.capacity()) [[unlikely]] {
        // Twice: what edits add finds room without a copy.
        slots_.reserve(2 * needed, count_);
    }
    return slots_.data() + count_;
}

NodeId Nodes::add(const Node& node) {
    *room(1) = node;
    return count_++;
}

void Nodes::trim(NodeId count, NodeId kept) {
    most_ = std::max<std::size_t>(most_, count_);
    count_ = count;
    if (most_ <= std::size_t{count} + kept) return;
    RawArray<Node> fewer;
    fewer.reserve(std::size_t{count} + kept, 0);
    std::copy_n(slots_.data(), count, fewer.data());
    slots_ = std::move(fewer);
    most_ = count;
}

/// simdjson's structural index: where tokens begin. Made by the fastest code that the machine has;
/// this also checks UTF-8, control characters and that strings end.
struct Tape::Index {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

Tape::Tape() : index_(std::make_unique<Index>()) {}
Tape::~Tape() = default;

bool Tape::fail(const char* why, std::size_t offset) {
    error_ = why;
    error_offset_ = offset;
    return false;
}

/// A record that begins with a bracket and doesn't end with one.
bool Tape::fail_open(std::string_view text, std::span<const std::uint32_t> positions) {
    std::size_t depth = 0;
    for (std::size_t i = 0; i + 1 < positions.size(); ++i) {
        const char c = text[positions[i]];
        if (c == '{' || c == '[') ++depth;
        if ((c == '}' || c == ']') && --depth == 0) return fail(follows, positions[i + 1]);
    }
    return fail(ends_early, text.size());
}

bool Tape::reserve(std::size_t size) {
    auto& parser = index_->parser;
    if (parser && parser->capacity() >= size) return true;
    const std::size_t capacity = std::bit_ceil(std::max<std::size_t>(size, 4096));
    parser.reset();
    return simdjson::get_active_implementation()->create_dom_parser_implementation(
               capacity, depth_max, parser) == simdjson::SUCCESS;
}

void Tape::trim() {
    if (tokens_most_ * sizeof(std::uint32_t) <= kept_bytes) return;
    index_->parser.reset();
    tokens_most_ = 0;
}

bool Tape::read(std::span<const std::byte> record, Nodes& nodes) {
    if (record.empty()) return fail("the record is empty", 0);
    const auto* text = reinterpret_cast<const char*>(record.data());
    if (record.size() > UINT32_MAX / 2 || !reserve(record.size())) return fail("too large", 0);
    auto& parser = *index_->parser;
    // Of what is refused nobody says how much of the index was written.
    const std::size_t before = std::exchange(tokens_most_, std::max(tokens_most_, record.size()));
    const auto seen = parser.stage1(reinterpret_cast<const std::uint8_t*>(text), record.size(),
                                    simdjson::stage1_mode::regular);
    if (seen == simdjson::UTF8_ERROR)
        return fail("not UTF-8", codec::valid_utf8_prefix({text, record.size()}));
    if (seen == simdjson::EMPTY) return fail("the record is empty", 0);
    if (seen == simdjson::UNCLOSED_STRING) return fail("a string does not end", record.size());
    if (seen == simdjson::UNESCAPED_CHARS)
        return fail("a control character in a string", control_character({text, record.size()}));
    if (seen != simdjson::SUCCESS) return fail(not_json, 0);
    const std::uint32_t count = parser.n_structural_indexes;
    tokens_most_ = std::max<std::size_t>(before, count);
    const std::uint32_t* positions = parser.structural_indexes.get();
    // A value takes its token and one more (a comma, colon or bracket), but for the root and for
    // containers that are never closed.
    const std::size_t values_max = count / 2 + 2 + depth_max;
    Node* first = nodes.room(values_max);
    nodes.expect(values_max);
    const char root = text[positions[0]];
    const char last = text[positions[count - 1]];
    if (root != '{' && root != '[' && root != '"') {
        Node scalar;
        const std::size_t rest = record.size() - positions[0];
        if (!read_root_scalar(text + positions[0], rest, scalar)) return fail(not_json, 0);
        scalar.next = nodes.count() + 1;
        nodes.add(scalar);
        depth_ = 0;
        return true;
    }
    if (root != '"' && last != '}' && last != ']')
        return fail_open({text, record.size()}, {positions, count});
    Reader reader{.text = text,
                  .positions = positions,
                  .count = count,
                  .escapes = std::memchr(text, '\\', record.size()) != nullptr,
                  .base = nodes.count(),
                  .first = first};
    if (!reader.read()) return fail(reader.why, reader.where);
    nodes.set_count(reader.id());
    depth_ = reader.deepest;
    return true;
}

bool is_json(std::string_view text) {
    std::string readable(text);
    readable.append(simdjson::SIMDJSON_PADDING, ' ');
    Tape tape;
    Nodes nodes;
    return tape.read(std::as_bytes(std::span(readable)).first(text.size()), nodes);
}

}  // namespace holdfast::jq

#include "core/codec/find.hpp"
#include "core/codec/json_parse.hpp"
#include "core/codec/json_text.hpp"

namespace holdfast::codec {
namespace {

class Search {
public:
    explicit Search(const Indexed& record) : record_(record), text_(record.text) {}

    std::expected<Found, ParseError> run(const Path& path) {
        std::uint32_t at = 0;
        for (const PathStep& step : path.steps) {
            std::uint32_t next = none;
            const bool good =
                step.by_index ? element(at, step.index, next) : member(at, step.key, next);
            if (!good) return std::unexpected(error_);
            if (next == none) return missing();
            at = next;
        }
        return found(at);
    }

private:
    static constexpr std::uint32_t none = UINT32_MAX;

    bool fail(std::uint32_t i) {
        const bool end = i >= record_.count;
        error_ = {end ? Fault::truncated : Fault::unexpected,
                  (end ? record_.end : record_.at[i]) - record_.begin};
        return false;
    }
    /// The character at index i; 0 beyond the last.
    char at(std::uint32_t i) const { return i < record_.count ? text_[record_.at[i]] : '\0'; }

    /// The index after the value that begins at i.
    std::uint32_t after(std::uint32_t i) const {
        std::size_t depth = 0;
        do {
            const char c = at(i++);
            if (c == '{' || c == '[') ++depth;
            if (c == '}' || c == ']') --depth;
        } while (depth != 0 && i < record_.count);
        return i;
    }
    bool key_equals(std::uint32_t i, std::string_view key) const;
    bool member(std::uint32_t i, std::string_view key, std::uint32_t& out);
    bool element(std::uint32_t i, std::int64_t index, std::uint32_t& out);
    Found missing() const {
        return {.node = {},
                .record = reinterpret_cast<const std::byte*>(text_ + record_.begin),
                .format = Format::json};
    }
    std::expected<Found, ParseError> found(std::uint32_t i);

    const Indexed record_;
    const char* text_;
    ParseError error_;
};

/// Requires: a string begins at index i, or the record is broken; and another index follows.
inline bool Search::key_equals(std::uint32_t i, std::string_view key) const {
    const std::uint32_t begin = record_.at[i] + 1;
    std::uint32_t end = record_.at[i + 1] - 1;
    while (end > begin && text_[end] != '"') --end;  // White space.
    if (text_[begin - 1] != '"') return false;
    const std::string_view contents(text_ + begin, end - begin);
    if (!record_.backslash) {
        // The first character decides mostly, without a call.
        if (contents.size() != key.size()) return false;
        return key.empty() || (contents[0] == key[0] && contents == key);
    }
    return !wrong_escape(contents) && unescaped_equals(contents, key);
}

bool Search::member(std::uint32_t i, std::string_view key, std::uint32_t& out) {
    if (at(i) != '{') return true;
    if (at(++i) == '}') return true;
    // A key, its colon, its value, and what follows that. Most keys differ in their length already.
    const std::size_t wanted = key.size() + 2;
    while (record_.count - i >= 4) {
        const std::uint32_t* here = record_.at + i;
        const std::size_t length = here[1] - here[0];
        const bool odd = length > wanted && (record_.backslash || text_[here[1] - 1] != '"');
        if ((length == wanted || odd) && key_equals(i, key)) out = i + 2;
        const char c = text_[here[2]];
        i = c == '{' || c == '[' ? after(i + 2) : i + 3;
        const char next = at(i);
        if (next != ',') return next == '}' || fail(i);
        ++i;
    }
    return fail(record_.count);
}

bool Search::element(std::uint32_t i, std::int64_t index, std::uint32_t& out) {
    if (at(i) != '[') return true;
    if (at(++i) == ']') return true;
    const std::uint32_t first = i;
    std::int64_t count = 0;
    while (true) {
        if (count++ == index) out = i;
        i = after(i);
        if (at(i) != ',') break;
        ++i;
    }
    if (at(i) != ']') return fail(i);
    if (index >= 0 || index < -count) return true;
    i = first;
    for (std::int64_t n = count + index; n > 0; --n) i = after(i) + 1;
    out = i;
    return true;
}

/// The value at index i as one node.
std::expected<Found, ParseError> Search::found(std::uint32_t i) {
    if (i >= record_.count) {
        fail(i);
        return std::unexpected(error_);
    }
    Found out = missing();
    const char c = at(i);
    if (c == '{' || c == '[') {
        const std::uint32_t end = after(i);
        const std::uint32_t begin = record_.at[i];
        out.node.begin = begin - record_.begin;
        out.node.size = record_.at[end - 1] - begin + 1;
        out.node.kind = c == '{' ? Kind::object : Kind::array;
        return out;
    }
    // A record of this scalar alone, up to what follows it.
    Indexed alone = record_;
    alone.at = record_.at + i;
    alone.count = 1;
    alone.end = i + 1 < record_.count ? record_.at[i + 1] : record_.end;
    const auto done = parse_json_scalar(alone, out.node);
    if (!done) return std::unexpected(done.error());
    return out;
}

}  // namespace

std::expected<Found, ParseError> find_json(const Indexed& record, const Path& path) {
    return Search(record).run(path);
}

}  // namespace holdfast::codec

#include "core/text/members.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/mutant.hpp"
#include "core/codec/json_text.hpp"

namespace holdfast::text {
namespace {

// So few are compared with each other; more are sorted.
constexpr std::size_t few = 32;

/// Whether a JSON string has to hold any of its characters as an escape.
bool has_escapes(std::string_view text) {
    constexpr std::uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    const auto hits = [](std::uint64_t word) {
        const std::uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
        return ((word - ones * 0x20) & ~word & tops) | ((quote - ones) & ~quote & tops) |
               ((backslash - ones) & ~backslash & tops);
    };
    const auto word_at = [&](std::size_t at) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, sizeof word);
        return word;
    };
    const std::size_t size = text.size();
    if (size < sizeof(std::uint64_t)) {
        return std::any_of(text.begin(), text.end(), [](char c) {
            return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
        });
    }
    std::uint64_t found = hits(word_at(size - sizeof(std::uint64_t)));
    for (std::size_t at = 0; at + sizeof(std::uint64_t) < size; at += sizeof(std::uint64_t))
        found |= hits(word_at(at));
    return found != 0;
}

std::uint64_t bit_of(std::string_view key) {
    if (key.empty()) return 1;
    const auto first = static_cast<unsigned char>(key.front());
    const auto last = static_cast<unsigned char>(key.back());
    return std::uint64_t{1} << ((first * 7u + last * 3u + key.size()) & 63);
}

}  // namespace

void append_string(std::string_view text, std::string& out) {
    if (has_escapes(text)) return codec::append_quoted(text, out);
    out += '"';
    out.append(text);
    out += '"';
}

std::size_t string_size(std::string_view text) {
    std::size_t size = text.size() + 2;
    if (!has_escapes(text)) return size;
    for (const char c : text) {
        if (std::string_view("\"\\\n\r\t\b\f").find(c) != std::string_view::npos)
            size += 1;
        else if (static_cast<unsigned char>(c) < 0x20)
            size += 5;
    }
    return size;
}

std::size_t append_compact(std::string_view json, std::string& out) {
    std::size_t level = 0, deepest = 0;
    for (std::size_t at = 0; at < json.size();) {
        const char c = json[at];
        if (c == '"') {
            std::size_t end = at + 1;
            while (json[end] != '"') end += json[end] == '\\' ? 2 : 1;
            out.append(json.substr(at, end + 1 - at));
            at = end + 1;
            continue;
        }
        ++at;
        if (codec::is_space(c)) continue;
        out += c;
        if (c == '{' || c == '[') deepest = std::max(deepest, ++level);
        if (c == '}' || c == ']') --level;
    }
    return deepest;
}

void trim(std::string& text) {
    text.clear();
    if (text.capacity() > kept_bytes) std::string().swap(text);
}

void Members::clear() {
    members_.clear();
    seen_ = 0;
    may_repeat_ = false;
}

void Members::trim() {
    clear();
    if (members_.capacity() * sizeof(Member) > kept_bytes) std::vector<Member>().swap(members_);
    if (sorted_.capacity() * sizeof(std::uint32_t) > kept_bytes)
        std::vector<std::uint32_t>().swap(sorted_);
}

void Members::add(std::string_view key, std::string_view value, Shape shape) {
    const std::uint64_t bit = bit_of(key);
    may_repeat_ = may_repeat_ || (seen_ & bit) != 0;
    seen_ |= bit;
    members_.push_back({key, value, shape});
}

void Members::add_all(const Members& other) {
    for (const Member& member : other.members_) add(member.key, member.value, member.shape);
}

void Members::join(std::size_t first, std::size_t later) {
    members_[later].is_over = true;
    if (mutant(442)) return;
    members_[first].value = members_[later].value;
    members_[first].shape = members_[later].shape;
}

void Members::join_equal_keys() {
    if (!may_repeat_) return;
    const std::size_t size = members_.size();
    if (size <= few) {
        for (std::size_t i = 0; i < size; ++i) {
            if (members_[i].is_over) continue;
            for (std::size_t n = i + 1; n < size; ++n)
                if (members_[i].key == members_[n].key) join(i, n);
        }
        return;
    }
    sorted_.resize(size);
    for (std::size_t i = 0; i < size; ++i) sorted_[i] = static_cast<std::uint32_t>(i);
    std::sort(sorted_.begin(), sorted_.end(), [&](std::uint32_t a, std::uint32_t b) {
        const std::string_view left = members_[a].key, right = members_[b].key;
        if (left.size() != right.size()) return left.size() < right.size();
        const int order = left.compare(right);
        return order != 0 ? order < 0 : a < b;
    });
    for (std::size_t i = 0; i < size;) {
        const std::size_t first = sorted_[i];
        for (++i; i < size && members_[sorted_[i]].key == members_[first].key; ++i)
            join(first, sorted_[i]);
    }
}

bool Members::write(std::string& out, std::size_t bytes_max) {
    join_equal_keys();
    std::size_t estimate = 2;
    for (const Member& member : members_) estimate += member.key.size() + member.value.size() + 6;
    out.reserve(out.size() + std::min(estimate, bytes_max));
    const std::size_t begin = out.size();
    // Escapes make a text at most six times as long: only then it is counted before it is written.
    const auto fits = [&](std::string_view text) {
        const std::size_t room = bytes_max - std::min(bytes_max, out.size() - begin);
        return 6 * text.size() + 2 <= room || string_size(text) <= room;
    };
    out += '{';
    bool first = true;
    for (const Member& member : members_) {
        if (member.is_over) continue;
        if (!first) out += ',';
        first = false;
        if (!fits(member.key)) return false;
        append_string(member.key, out);
        out += ':';
        switch (member.shape) {
            case Shape::text:
                if (!fits(member.value)) return false;
                append_string(member.value, out);
                break;
            case Shape::json: out.append(member.value); break;
            case Shape::raw: append_compact(member.value, out); break;
        }
    }
    out += '}';
    return out.size() - begin <= bytes_max;
}

}  // namespace holdfast::text

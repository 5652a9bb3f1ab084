// Values as JSON text.
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

#include "core/base/mutant.hpp"
#include "core/jq/machine/value.hpp"
#include "core/jq/text.hpp"

namespace holdfast::jq::machine {
namespace {

/// Where text goes: a record's outputs, or the heap.
struct ToBytes {
    std::vector<std::byte>& out;
    std::size_t bytes_max;
    char* room;  ///< Small pieces are gathered here.
    std::size_t used = 0;

    bool full() const { return out.size() + used > bytes_max; }
    void add(std::string_view text) {
        if (text.size() > Heap::write_room - used) [[unlikely]]
            return add_more(text);
        if (text.empty()) return;  // Its data may be null.
        std::memcpy(room + used, text.data(), text.size());
        used += text.size();
    }
    void add(char c) {
        if (used == Heap::write_room) [[unlikely]]
            flush();
        room[used++] = c;
    }
    [[gnu::noinline]] void add_more(std::string_view text) {
        flush();
        if (text.size() < Heap::write_room) return add(text);
        const auto* from = reinterpret_cast<const std::byte*>(text.data());
        out.insert(out.end(), from, from + text.size());
    }
    void flush() {
        const auto* from = reinterpret_cast<const std::byte*>(room);
        out.insert(out.end(), from, from + used);
        used = 0;
    }
};
struct ToHeap {
    TextBuilder& out;
    bool full() const { return false; }  // Memory is spent before.
    void add(std::string_view text) { out.add(text); }
    void add(char c) { out.add(c); }
};

bool needs_escape(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F || c == '"' || c == '\\';
}

/// Eight bytes, each of which is 0x80 where it needs an escape; others may be, too, above the first.
std::uint64_t escapes_of(const char* at) {
    constexpr std::uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    const auto zeros = [](std::uint64_t bytes) { return (bytes - ones) & ~bytes & high; };
    return zeros(word ^ ones * '"') | zeros(word ^ ones * '\\') | zeros(word ^ ones * 0x7F) |
           ((word - ones * 0x20) & ~word & high);
}

/// Whether nothing in it needs an escape.
bool is_plain(std::string_view text) {
    const char* at = text.data();
    std::size_t left = text.size();
    std::uint64_t any = 0;
    for (; left >= 8; left -= 8, at += 8) any |= escapes_of(at);
    if (any != 0) return false;
    if (text.size() >= 8) return left == 0 || escapes_of(at + left - 8) == 0;
    for (; left > 0; --left) {
        if (needs_escape(*at++)) return false;
    }
    return true;
}

template <class To>
void write_escape(char c, To& to) {
    constexpr std::string_view hex = "0123456789abcdef";
    constexpr std::string_view plain = "\"\\\n\t\r\b\f", letters = "\"\\ntrbf";
    const std::size_t at = plain.find(c);
    if (at != plain.npos) {
        const char escape[] = {'\\', letters[at]};
        return to.add({escape, 2});
    }
    const auto byte = static_cast<unsigned char>(c);
    const char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
    to.add({escape, 6});
}

template <class To>
void write_text(std::string_view text, To& to) {
    to.add('"');
    std::size_t plain = is_plain(text) ? text.size() : 0;
    if (plain > 0) {
        to.add(text);
        return to.add('"');
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!needs_escape(text[i])) [[likely]]
            continue;
        to.add(text.substr(plain, i - plain));
        write_escape(text[i], to);
        plain = i + 1;
    }
    to.add(text.substr(plain));
    to.add('"');
}

template <class To>
struct Writer {
    Heap& heap;
    To to;
    std::size_t levels_max;
    bool verbatim;  ///< What was read may be copied: it has no line ends, or they do not matter.
    Origin origin;
    bool anew = false;  ///< Nothing keeps the escapes that it was read with.
    std::size_t level = 0;
    bool fits = true;

    void write(const Value& value) {
        switch (value.kind) {
            case Kind::null: return to.add("null");
            case Kind::no: return to.add("false");
            case Kind::yes: return to.add("true");
            case Kind::number: return write_number(value);
            case Kind::string:
                if (value.form == Form::made) return write_text(value.bytes(), to);
                // A program looks into text: there one string has one spelling.
                if (anew && !mutant(420)) return write_text(text_of(heap, value), to);
                to.add("\"");
                to.add(value.bytes());
                return to.add("\"");
            default: return write_container(value);
        }
    }

    void write_number(const Value& value) {
        if (value.form == Form::read) return to.add(value.bytes());
        std::string digits;
        append_double(value.number, digits);
        to.add(digits);
    }

    void write_container(const Value& value) {
        if (mutant(408) && value.form == Form::read) return to.add(value.node->bytes());
        if (value.form == Form::read && verbatim && level == 0 && levels_max >= Tape::depth_max) {
            return to.add(value.node->bytes());
        }
        if (value.form == Form::read && verbatim && level + read_levels(value) <= levels_max) {
            return to.add(value.node->bytes());
        }
        if (++level > levels_max || heap.exhausted() || to.full()) {
            fits = false;
        } else if (value.is(Kind::array)) {
            write_array(opened(heap, value));
        } else {
            write_object(opened(heap, value));
        }
        --level;
    }

    /// How deep a container that was read is, where that may matter.
    std::size_t read_levels(const Value& value) const {
        if (level + Tape::depth_max <= levels_max) return Tape::depth_max;
        if (is_of_origin(value.node->text) && level + origin.depth <= levels_max)
            return origin.depth;
        std::size_t depth = 0, deepest = 0;
        const std::string_view text = value.node->bytes();
        bool quoted = false;
        for (std::size_t i = 0; i < text.size(); ++i) {
            const char c = text[i];
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                quoted = !quoted;
            } else if (!quoted && (c == '[' || c == '{')) {
                deepest = std::max(deepest, ++depth);
            } else if (!quoted && (c == ']' || c == '}')) {
                --depth;
            }
        }
        return deepest;
    }

    void write_array(const Value& array) {
        to.add('[');
        for (std::uint32_t i = 0; i < array.size && fits; ++i) {
            if (i > 0) to.add(',');
            write(array.array->items[i]);
        }
        to.add(']');
    }

    bool is_of_origin(const char* at) const {
        return at > origin.text.data() && at < origin.text.data() + origin.text.size();
    }

    /// Where the value ends, if it stands at `at` as it was read; else null.
    static const char* end_of_read(const char* at, const Value& value) {
        const auto word = [&](std::string_view text) {
            return std::memcmp(at, text.data(), text.size()) == 0 ? at + text.size() : nullptr;
        };
        switch (value.kind) {
            case Kind::null: return word("null");
            case Kind::no: return word("false");
            case Kind::yes: return word("true");
            case Kind::number:
                return value.form == Form::read && value.text == at ? at + value.size : nullptr;
            case Kind::string: {
                const char* end = at + 1 + value.size;
                return value.text == at + 1 && *at == '"' && *end == '"' ? end + 1 : nullptr;
            }
            default:
                return value.form == Form::read && value.node->text == at ? at + value.node->size
                                                                          : nullptr;
        }
    }

    /// Where the member ends, if it stands in the record as it was read, without white space.
    const char* end_of_read(const Member& member) const {
        const char* key = member.key.text;
        if (!is_of_origin(key)) return nullptr;
        const char* end = key + member.key.size;
        if (key[-1] != '"' || end[0] != '"' || end[1] != ':') return nullptr;
        return end_of_read(end + 2, member.value);
    }

    /// From member i on those that stand side by side in the record. False: not even this one does.
    bool copy_members(const Object& object, std::uint32_t& i) {
        const char* end = end_of_read(object.members[i]);
        if (end == nullptr) return false;
        const char* begin = object.members[i].key.text - 1;
        while (++i < object.count) {
            const Member& next = object.members[i];
            if (*end != ',' || next.key.text != end + 2) break;
            const char* further = end_of_read(next);
            if (further == nullptr) break;
            end = mutant(561) ? further + 1 : further;
        }
        to.add({begin, static_cast<std::size_t>(end - begin)});
        return true;
    }

    void write_object(const Value& value) {
        const Object& object = *value.object;
        const bool copies = verbatim && !origin.text.empty() && level + origin.depth <= levels_max;
        to.add('{');
        for (std::uint32_t i = 0; i < object.count && fits;) {
            if (i > 0) to.add(',');
            if (copies && copy_members(object, i)) continue;
            write_text(object.members[i].key.bytes(), to);
            to.add(':');
            write(object.members[i++].value);
        }
        to.add('}');
    }
};

}  // namespace

bool write_json(Heap& heap, const Value& value, std::vector<std::byte>& out, std::size_t levels_max,
                std::size_t bytes_max, bool lines, const Origin& origin) {
    Writer<ToBytes> writer{heap, {out, bytes_max, heap.room_to_write()}, levels_max, lines, origin};
    writer.write(value);
    writer.to.flush();
    return writer.fits;
}

Value to_json(Heap& heap, const Value& value) {
    TextBuilder text(heap);
    // As compact as jq: nothing is copied with its white space.
    Writer<ToHeap> writer{heap, {text}, Limits::depth_most + std::size_t{1}, false, {}, true};
    writer.write(value);
    return text.value();
}

void append_double(double number, std::string& out) {
    using Double = std::numeric_limits<double>;
    if (number != number) {
        out += "null";
        return;
    }
    number = std::clamp(number, Double::lowest(), Double::max());
    std::array<char, 32> text;
    if (number > -1e17 && number < 1e17 &&
        number == static_cast<double>(static_cast<std::int64_t>(number))) {
        const auto whole = static_cast<std::int64_t>(number);
        if (whole == 0 && std::bit_cast<std::uint64_t>(number) != 0) out += '-';
        out.append(text.data(), std::to_chars(text.data(), text.data() + 32, whole).ptr);
        return;
    }
    // One digit, the others, the exponent: "d.dddde+XX".
    const auto end =
        std::to_chars(text.data(), text.data() + 32, number, std::chars_format::scientific).ptr;
    const std::string_view all(text.data(), static_cast<std::size_t>(end - text.data()));
    const std::size_t e = all.find('e');
    int exponent = 0;
    const char* from = all.data() + e + 1 + (all[e + 1] == '+');
    std::from_chars(from, end, exponent);
    const auto digits = static_cast<int>(e) - (all[0] == '-') - (e > 2);
    if (exponent < -4 || exponent >= digits + 15) {
        out.append(all);
        return;
    }
    if (exponent >= digits - 1) {
        for (const char c : all.substr(0, e)) {
            if (c != '.') out += c;
        }
        out.append(static_cast<std::size_t>(exponent - digits + 1), '0');
        return;
    }
    std::array<char, 64> fixed;
    out.append(
        fixed.data(),
        std::to_chars(fixed.data(), fixed.data() + 64, number, std::chars_format::fixed).ptr);
}

std::string_view type_name(const Value& value) {
    switch (value.kind) {
        case Kind::null: return "null";
        case Kind::no:
        case Kind::yes: return "boolean";
        case Kind::number: return "number";
        case Kind::string: return "string";
        case Kind::array: return "array";
        default: return "object";
    }
}

std::string shown(Heap& heap, const Value& value) {
    constexpr std::size_t shown_max = 29;
    std::string text(to_json(heap, value).bytes());
    if (text.size() > shown_max) {
        const bool closes = text[0] == '"' || text[0] == '[' || text[0] == '{';
        const char close = text.back();
        std::size_t keep = shown_max - 3 - closes;
        while (keep > 0 && (static_cast<unsigned char>(text[keep]) & 0xC0) == 0x80) --keep;
        text.resize(keep);
        text += "...";
        if (closes) text += close;
    }
    return text;
}

std::string described(Heap& heap, const Value& value) {
    return std::string(type_name(value)) + " (" + shown(heap, value) + ")";
}

}  // namespace holdfast::jq::machine

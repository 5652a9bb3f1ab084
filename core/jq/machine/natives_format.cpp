// `@name`: values as text for others' languages.
#include <algorithm>
#include <array>

#include "core/jq/machine/builtins.hpp"
#include "core/jq/tape.hpp"

namespace holdfast::jq::machine {
namespace {

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base32_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

bool refuse(Bench& bench, const Value& value, std::string_view why) {
    return bench.fail(described(bench.heap, value) + " " + std::string(why));
}

/// Each byte that `replace` knows becomes what it says, and a zero character `\0`, as in jq.
template <class Replace>
Value replaced(Heap& heap, std::string_view text, Replace replace) {
    TextBuilder out(heap);
    std::size_t plain = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view instead = text[i] == '\0' ? "\\0" : replace(text[i]);
        if (instead.empty()) continue;
        out.add(text.substr(plain, i - plain));
        out.add(instead);
        plain = i + 1;
    }
    out.add(text.substr(plain));
    return out.value();
}

Value html(Heap& heap, std::string_view text) {
    return replaced(heap, text, [](char c) -> std::string_view {
        switch (c) {
            case '<': return "&lt;";
            case '>': return "&gt;";
            case '&': return "&amp;";
            case '\'': return "&#39;";
            case '"': return "&quot;";
            default: return "";
        }
    });
}

Value uri(Heap& heap, std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    TextBuilder out(heap);
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
        const auto byte = static_cast<unsigned char>(c);
        const char escape[] = {'%', hex[byte >> 4], hex[byte & 15]};
        out.add(plain ? std::string_view(&c, 1) : std::string_view(escape, 3));
    }
    return out.value();
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// How many bytes what begins at `at` takes, and whether it is a character. As in jq, a sequence is
/// what its first byte promises, up to where it is broken or the bytes end.
std::size_t sequence_at(std::string_view bytes, std::size_t at, bool& good) {
    const auto first = static_cast<unsigned char>(bytes[at]);
    const std::size_t size = first < 0x80                     ? 1
                             : first >= 0xC2 && first <= 0xDF ? 2
                             : first >= 0xE0 && first <= 0xEF ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
    good = false;
    if (size == 0) return 1;
    if (at + size > bytes.size()) return bytes.size() - at;
    for (std::size_t i = 1; i < size; ++i) {
        if ((static_cast<unsigned char>(bytes[at + i]) & 0xC0) != 0x80) return i;
    }
    good = is_utf8(bytes.substr(at, size));
    return size;
}

/// Sequences that are no character become U+FFFD each.
Value as_text(Heap& heap, std::string_view bytes) {
    if (is_utf8(bytes)) return Value::of(bytes);
    TextBuilder out(heap);
    for (std::size_t at = 0; at < bytes.size();) {
        bool good = false;
        const std::size_t size = sequence_at(bytes, at, good);
        out.add(good ? bytes.substr(at, size) : std::string_view("\xEF\xBF\xBD"));
        at += size;
    }
    return out.value();
}

bool from_uri(Bench& bench, const Value& value, std::string_view text, Value& out) {
    TextBuilder bytes(bench.heap);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            bytes.add(text[i]);
            continue;
        }
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0) return refuse(bench, value, "is not a valid uri encoding");
        bytes.add(static_cast<char>(high * 16 + low));
        i += 2;
    }
    if (!is_utf8(bytes.text())) return refuse(bench, value, "is not a valid uri encoding");
    out = Value::of(bytes.text());
    return true;
}

/// `bits` of each byte group by group, filled up with `=`.
Value to_base(Heap& heap, std::string_view text, std::string_view digits, unsigned bits,
              std::size_t group) {
    TextBuilder out(heap);
    std::uint32_t held = 0;
    unsigned count = 0;
    for (const char c : text) {
        held = (held << 8 | static_cast<unsigned char>(c)) & 0xFFFFF;
        for (count += 8; count >= bits; count -= bits) {
            out.add(digits[held >> (count - bits) & ((1U << bits) - 1)]);
        }
    }
    if (count > 0) out.add(digits[held << (bits - count) & ((1U << bits) - 1)]);
    while (out.size() % group != 0 && !heap.exhausted()) out.add('=');
    return out.value();
}

bool from_base(Bench& bench, const Value& value, std::string_view text, bool is_64, Value& out) {
    const std::string_view digits = is_64 ? base64_digits : base32_digits;
    const unsigned bits = is_64 ? 6 : 5;
    TextBuilder bytes(bench.heap);
    std::uint32_t held = 0;
    unsigned count = 0;
    std::size_t taken = 0;
    for (const char c : text) {
        if (c == '=') break;
        const std::size_t digit = digits.find(c);
        if (digit == digits.npos) {
            return refuse(bench, value,
                          is_64 ? "is not valid base64 data" : "is not valid base32 data");
        }
        ++taken;
        held = (held << bits | static_cast<std::uint32_t>(digit)) & 0xFFFFF;
        count += bits;
        if (count < 8) continue;
        count -= 8;
        bytes.add(static_cast<char>(held >> count));
    }
    if (is_64 && taken % 4 == 1) return refuse(bench, value, "trailing base64 byte found");
    out = as_text(bench.heap, bytes.text());
    return true;
}

/// A row of `@csv` or `@tsv`.
bool row(Bench& bench, const Value& value, bool is_csv, Value& out) {
    if (!value.is(Kind::array)) {
        return refuse(
            bench, value,
            is_csv ? "cannot be csv-formatted, only array" : "cannot be tsv-formatted, only array");
    }
    const Value items = opened(bench.heap, value);
    TextBuilder text(bench.heap);
    for (std::uint32_t i = 0; i < items.size && !bench.heap.exhausted(); ++i) {
        const Value& item = items.array->items[i];
        if (i > 0) text.add(is_csv ? ',' : '\t');
        if (item.is(Kind::null)) continue;
        if (item.is(Kind::number) && number_of(item) != number_of(item)) continue;
        if (item.is(Kind::array) || item.is(Kind::object)) {
            return refuse(bench, item, "is not valid in a csv row");
        }
        if (!item.is(Kind::string)) {
            text.add(to_text(bench.heap, item).bytes());
            continue;
        }
        if (is_csv) text.add('"');
        text.add(replaced(bench.heap, text_of(bench.heap, item), [&](char c) -> std::string_view {
                     if (is_csv) return c == '"' ? "\"\"" : "";
                     return c == '\\'   ? "\\\\"
                            : c == '\t' ? "\\t"
                            : c == '\n' ? "\\n"
                            : c == '\r' ? "\\r"
                                        : "";
                 }).bytes());
        if (is_csv) text.add('"');
    }
    out = text.value();
    return true;
}

bool shell(Bench& bench, const Value& value, Value& out) {
    const bool is_array = value.is(Kind::array);
    const Value items = is_array ? opened(bench.heap, value) : make_array(bench.heap, &value, 1);
    TextBuilder text(bench.heap);
    for (std::uint32_t i = 0; i < items.size; ++i) {
        const Value& item = items.array->items[i];
        if (i > 0) text.add(' ');
        if (item.is(Kind::array) || item.is(Kind::object)) {
            return refuse(bench, item, "can not be escaped for shell");
        }
        if (!item.is(Kind::string)) {
            text.add(to_text(bench.heap, item).bytes());
            continue;
        }
        text.add('\'');
        text.add(replaced(bench.heap, text_of(bench.heap, item), [](char c) -> std::string_view {
                     return c == '\'' ? "'\\''" : "";
                 }).bytes());
        text.add('\'');
    }
    out = text.value();
    return true;
}

bool format(Bench& bench, const Value* v, Value& out) {
    if (!v[1].is(Kind::string)) return refuse(bench, v[1], "is not a valid format");
    return format_value(bench, text_of(bench.heap, v[1]), v[0], out);
}

}  // namespace

bool format_value(Bench& bench, std::string_view name, const Value& value, Value& out) {
    Heap& heap = bench.heap;
    if (name == "json") return out = to_json(heap, value), true;
    if (name == "csv" || name == "tsv") return row(bench, value, name == "csv", out);
    if (name == "sh") return shell(bench, value, out);
    const Value text = to_text(heap, value);
    if (name == "text") return out = text, true;
    const std::string_view bytes = text_of(heap, text);
    heap.work(bytes.size() / 16);
    if (name == "html") return out = html(heap, bytes), true;
    if (name == "uri") return out = uri(heap, bytes), true;
    if (name == "urid") return from_uri(bench, text, bytes, out);
    if (name == "base64") return out = to_base(heap, bytes, base64_digits, 6, 4), true;
    if (name == "base32") return out = to_base(heap, bytes, base32_digits, 5, 8), true;
    if (name == "base64d") return from_base(bench, text, bytes, true, out);
    if (name == "base32d") return from_base(bench, text, bytes, false, out);
    return bench.fail(std::string(name) + " is not a valid format");
}

std::vector<NativeEntry> format_natives() { return {{"format", 1, format}}; }

}  // namespace holdfast::jq::machine

// Strings: parts, trims, code points, and what they read as.
#include <algorithm>
#include <cstring>
#include <limits>

#include "core/base/mutant.hpp"
#include "core/jq/machine/builtins.hpp"
#include "core/jq/text.hpp"

namespace holdfast::jq::machine {
namespace {

bool need_strings(Bench& bench, const Value* v, std::string_view words) {
    return (v[0].is(Kind::string) && v[1].is(Kind::string)) || bench.fail(words);
}

bool byte_length(Bench& bench, const Value* v, Value& out) {
    if (!v[0].is(Kind::string)) {
        return bench.fail(described(bench.heap, v[0]) + " only strings have UTF-8 byte length");
    }
    out = Value::of(static_cast<double>(text_of(bench.heap, v[0]).size()));
    return true;
}

bool change_case(Bench& bench, const Value& value, char first, char last, Value& out) {
    if (!value.is(Kind::string)) return bench.fail("explode input must be a string");
    const std::string_view text = text_of(bench.heap, value);
    const auto changes = [&](char c) { return c >= first && c <= last; };
    if (std::none_of(text.begin(), text.end(), changes)) return out = value, true;
    out = make_string(bench.heap, text);
    auto* at = const_cast<char*>(out.text);
    for (std::uint32_t i = 0; i < out.size; ++i) {
        if (changes(at[i])) at[i] = static_cast<char>(at[i] ^ 0x20);
    }
    return true;
}

bool down(Bench& bench, const Value* v, Value& out) {
    return change_case(bench, v[0], 'A', 'Z', out);
}
bool up(Bench& bench, const Value* v, Value& out) {
    return change_case(bench, v[0], 'a', 'z', out);
}

/// The code point at `at`, which moves behind it. Requires valid UTF-8.
std::uint32_t next_point(std::string_view text, std::size_t& at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::uint32_t lead = byte(at);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t point = size == 1 ? lead : lead & (0xFFU >> (size + 1));
    for (std::size_t i = 1; i < size && at + i < text.size(); ++i) {
        point = point << 6 | (byte(at + i) & 0x3F);
    }
    at += size;
    return point;
}

bool explode(Bench& bench, const Value* v, Value& out) {
    if (!v[0].is(Kind::string)) return bench.fail("explode input must be a string");
    const std::string_view text = text_of(bench.heap, v[0]);
    ArrayBuilder points(bench.heap);
    for (std::size_t at = 0; at < text.size() && !bench.heap.exhausted();) {
        points.add(Value::of(static_cast<double>(next_point(text, at))));
    }
    out = points.value();
    return true;
}

bool implode(Bench& bench, const Value* v, Value& out) {
    if (!v[0].is(Kind::array)) return bench.fail("implode input must be an array");
    const Value points = opened(bench.heap, v[0]);
    TextBuilder text(bench.heap);
    for (std::uint32_t i = 0; i < points.size; ++i) {
        const Value& one = points.array->items[i];
        if (!one.is(Kind::number)) {
            return bench.fail(described(bench.heap, one) +
                              " can't be imploded, unicode codepoint needs to be numeric");
        }
        const double number = number_of(one);
        const bool character =
            number >= 0 && number < 0x110000 && !(number >= 0xD800 && number < 0xE000);
        text.add_point(character ? static_cast<std::uint32_t>(number) : 0xFFFD);
    }
    out = text.value();
    return true;
}

bool split(Bench& bench, const Value* v, Value& out) { return split_text(bench, v, out); }

/// As jq's own definition: null for none, what cannot be added is an error.
bool join(Bench& bench, const Value* v, Value& out) {
    Value all = v[0];
    if (!all.is(Kind::array) && !all.is(Kind::object)) {
        return bench.fail("Cannot iterate over " + described(bench.heap, v[0]));
    }
    all = opened(bench.heap, all);
    const bool is_array = all.is(Kind::array);
    const std::uint32_t count = is_array ? all.size : all.object->count;
    bench.heap.work(count);
    out = Value::of(std::string_view());
    for (std::uint32_t i = 0; i < count && !bench.heap.exhausted(); ++i) {
        Value item = is_array ? all.array->items[i] : all.object->members[i].value;
        const Value before = out;
        if (i > 0 && !add_values(bench, before, v[1], out)) return false;
        if (item.is(Kind::null)) continue;
        if (item.is_bool() || item.is(Kind::number)) item = to_text(bench.heap, item);
        const Value so_far = out;
        if (!add_values(bench, so_far, item, out)) return false;
    }
    return true;
}

constexpr std::string_view needs_starts = "startswith() requires string inputs";
constexpr std::string_view needs_ends = "endswith() requires string inputs";

bool starts_with(Bench& bench, const Value* v, Value& out) {
    if (!need_strings(bench, v, needs_starts)) return false;
    const std::string_view start = text_of(bench.heap, v[1]);
    bench.heap.work(start.size() / 64);
    out = Value::of(text_of(bench.heap, v[0]).starts_with(start));
    return true;
}

bool ends_with(Bench& bench, const Value* v, Value& out) {
    if (!need_strings(bench, v, needs_ends)) return false;
    const std::string_view end = text_of(bench.heap, v[1]);
    bench.heap.work(end.size() / 64);
    out = Value::of(text_of(bench.heap, v[0]).ends_with(end));
    return true;
}

bool trim_start_text(Bench& bench, const Value* v, Value& out) {
    if (!need_strings(bench, v, needs_starts)) return false;
    const std::string_view text = text_of(bench.heap, v[0]), start = text_of(bench.heap, v[1]);
    out = text.starts_with(start) ? Value::of(text.substr(start.size())) : v[0];
    return true;
}

bool trim_end_text(Bench& bench, const Value* v, Value& out) {
    if (!need_strings(bench, v, needs_ends)) return false;
    const std::string_view text = text_of(bench.heap, v[0]), end = text_of(bench.heap, v[1]);
    out = text.ends_with(end) ? Value::of(text.substr(0, text.size() - end.size())) : v[0];
    return true;
}

bool trim_both_texts(Bench& bench, const Value* v, Value& out) {
    Value left[] = {v[0], v[1]};
    return trim_start_text(bench, v, left[0]) && trim_end_text(bench, left, out);
}

/// How many bytes of white space the text begins with: Unicode's.
std::size_t white_at(std::string_view text) {
    std::size_t at = 0;
    if (text.empty()) return 0;
    const std::uint32_t point = next_point(text, at);
    const bool white = (point >= 9 && point <= 13) || point == 32 || point == 0x85 ||
                       point == 0xA0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200A) ||
                       point == 0x2028 || point == 0x2029 || point == 0x202F || point == 0x205F ||
                       point == 0x3000;
    return white ? at : 0;
}

bool trim_spaces(Bench& bench, const Value& value, bool left, bool right, Value& out) {
    if (!value.is(Kind::string)) return bench.fail("trim input must be a string");
    std::string_view text = text_of(bench.heap, value);
    while (left) {
        const std::size_t white = white_at(text);
        if (white == 0) break;
        text.remove_prefix(white);
    }
    while (right && !text.empty()) {
        std::size_t begin = text.size() - 1;
        while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
        if (white_at(text.substr(begin)) == 0) break;
        text = text.substr(0, begin);
    }
    out = Value::of(text);
    return true;
}

bool trim(Bench& bench, const Value* v, Value& out) {
    return trim_spaces(bench, v[0], true, true, out);
}
bool trim_left(Bench& bench, const Value* v, Value& out) {
    return trim_spaces(bench, v[0], true, false, out);
}
bool trim_right(Bench& bench, const Value* v, Value& out) {
    return trim_spaces(bench, v[0], false, true, out);
}

/// Where the text stands in the other, in code points; overlaps count.
bool text_places(Bench& bench, const Value* v, Value& out) {
    const std::string_view text = text_of(bench.heap, v[0]), sought = text_of(bench.heap, v[1]);
    ArrayBuilder places(bench.heap);
    if (sought.empty()) return out = places.value(), true;
    std::size_t counted = 0;
    std::uint64_t points = 0;
    for (std::size_t at = find_text(text, sought); at != text.npos && !bench.heap.exhausted();
         at = find_text(text, sought, at + 1)) {
        // The next look may go over what is sought once more.
        bench.heap.work(sought.size() / 16);
        points += points_of(text.substr(counted, at - counted));
        counted = at;
        places.add(Value::of(static_cast<double>(points)));
    }
    bench.heap.work(text.size() / 16);
    out = places.value();
    return true;
}

bool to_string(Bench& bench, const Value* v, Value& out) {
    out = to_text(bench.heap, v[0]);
    return true;
}
bool to_json_text(Bench& bench, const Value* v, Value& out) {
    out = to_json(bench.heap, v[0]);
    return true;
}

/// What jq takes for a number beside JSON's: a sign, zeros and a bare point before or behind, `nan`
/// and `infinity` in any case. Digits stay. False: it is none.
bool number_from(Bench& bench, std::string_view text, Value& out) {
    const bool below = text.starts_with('-');
    std::string_view rest = text.substr(below || text.starts_with('+'));
    std::string word(rest.substr(0, 9));
    for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    using Double = std::numeric_limits<double>;
    if (word == "nan" || word == "snan") return out = Value::of(Double::quiet_NaN()), true;
    if (word == "inf" || word == "infinity") {
        return out = Value::of(below ? -Double::infinity() : Double::infinity()), true;
    }
    const auto digits_at = [&](std::size_t at) {
        std::size_t end = at;
        while (end < rest.size() && rest[end] >= '0' && rest[end] <= '9') ++end;
        return rest.substr(at, end - at);
    };
    std::string_view whole = digits_at(0), part, behind = rest.substr(whole.size());
    if (behind.starts_with('.')) {
        part = digits_at(whole.size() + 1);
        behind.remove_prefix(1 + part.size());
    }
    if (whole.empty() && part.empty()) return false;
    whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
    std::string digits(below ? "-" : "");
    digits += whole.empty() ? "0" : whole;
    if (!part.empty()) digits.append(".").append(part);
    digits += behind;
    const std::string closed = digits + " ";
    if (number_end(closed.c_str()) != closed.c_str() + digits.size()) return false;
    out = make_string(bench.heap, digits);
    out.kind = Kind::number;
    out.form = Form::read;
    return true;
}

bool from_json(Bench& bench, const Value* v, Value& out) {
    if (!v[0].is(Kind::string)) {
        return bench.fail(described(bench.heap, v[0]) + " only strings can be parsed");
    }
    const std::string_view text = text_of(bench.heap, v[0]);
    // Of numbers all that jq takes for one.
    const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    const std::size_t end = text.find_last_not_of(" \t\r\n") + 1;
    bench.heap.work(text.size() / 16);
    if (begin < end && number_from(bench, text.substr(begin, end - begin), out)) return true;
    return read_value(bench, text, out);
}

bool to_number(Bench& bench, const Value* v, Value& out) {
    if (v[0].is(Kind::number)) return out = v[0], true;
    const bool is_text = v[0].is(Kind::string);
    if (is_text) bench.heap.work(v[0].size / 16);
    if (is_text && number_from(bench, text_of(bench.heap, v[0]), out)) return true;
    return bench.fail(described(bench.heap, v[0]) + " cannot be parsed as a number");
}

bool to_boolean(Bench& bench, const Value* v, Value& out) {
    if (v[0].is_bool()) return out = v[0], true;
    const std::string_view text =
        v[0].is(Kind::string) ? text_of(bench.heap, v[0]) : std::string_view();
    if (text != "true" && text != "false") {
        return bench.fail(described(bench.heap, v[0]) + " cannot be parsed as a boolean");
    }
    out = Value::of(text == "true");
    return true;
}

}  // namespace

/// Requires two strings. By nothing: into its characters.
bool split_text(Bench& bench, const Value* v, Value& out) {
    if (!need_strings(bench, v, "split input and separator must be strings")) return false;
    const std::string_view text = text_of(bench.heap, v[0]), by = text_of(bench.heap, v[1]);
    ArrayBuilder parts(bench.heap);
    std::size_t begin = 0;
    while (begin < text.size() && by.empty() && !bench.heap.exhausted()) {
        std::size_t end = begin;
        next_point(text, end);
        parts.add(Value::of(text.substr(begin, end - begin)));
        begin = end;
    }
    if (!by.empty() && !text.empty()) {
        for (std::size_t end = find_text(text, by); end != text.npos && !bench.heap.exhausted();
             end = find_text(text, by, begin)) {
            parts.add(Value::of(text.substr(begin, end - begin)));
            begin = end + by.size();
        }
        parts.add(Value::of(text.substr(begin)));
    }
    bench.heap.work(text.size() / 16);
    out = parts.value();
    return true;
}

Value to_text(Heap& heap, const Value& value) {
    return value.is(Kind::string) ? value : to_json(heap, value);
}

// The library's own search compares at each place, which takes hours where both texts are long and
// nearly alike.
std::size_t find_text(std::string_view text, std::string_view sought, std::size_t from) {
    if (from > text.size()) return text.npos;
    if (sought.empty()) return from;
    const void* found =
        ::memmem(text.data() + from, text.size() - from, sought.data(), sought.size());
    if (found == nullptr) return text.npos;
    return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::uint64_t points_of(std::string_view text) { return code_points(text); }

std::size_t byte_of_point(std::string_view text, std::uint64_t point) {
    if (mutant(416)) return std::min<std::size_t>(point, text.size());
    std::size_t at = 0;
    for (; point > 0 && at < text.size(); --point) next_point(text, at);
    return std::min(at, text.size());
}

std::vector<NativeEntry> text_natives() {
    return {{"utf8bytelength", 0, byte_length},
            {"ascii_downcase", 0, down},
            {"ascii_upcase", 0, up},
            {"explode", 0, explode},
            {"implode", 0, implode},
            {"split", 1, split},
            {"join", 1, join},
            {"startswith", 1, starts_with},
            {"endswith", 1, ends_with},
            {"ltrimstr", 1, trim_start_text},
            {"rtrimstr", 1, trim_end_text},
            {"trimstr", 1, trim_both_texts},
            {"trim", 0, trim},
            {"ltrim", 0, trim_left},
            {"rtrim", 0, trim_right},
            {"_strindices", 1, text_places},
            {"tostring", 0, to_string},
            {"tojson", 0, to_json_text},
            {"fromjson", 0, from_json},
            {"tonumber", 0, to_number},
            {"toboolean", 0, to_boolean}};
}

/// By the record's own reader, into nodes that live in the heap.
bool read_value(Bench& bench, std::string_view text, Value& out) {
    auto* padded = bench.heap.take_many<char>(text.size() + 64);
    if (padded == nullptr) return true;
    if (!text.empty()) std::memcpy(padded, text.data(), text.size());
    std::memset(padded + text.size(), ' ', 64);
    // What the reader takes is at most 20 times its input.
    if (!bench.heap.fits(text.size() * 20)) return bench.heap.exhaust(), true;
    Nodes nodes;
    const auto* bytes = reinterpret_cast<const std::byte*>(padded);
    if (!bench.tape.read({bytes, text.size()}, nodes)) {
        return bench.fail(std::string(bench.tape.error()) + " at byte " +
                          std::to_string(bench.tape.error_offset()) + " (while parsing '" +
                          std::string(text.substr(0, 200)) + "')");
    }
    auto* kept = bench.heap.take_many<Node>(nodes.count());
    if (kept == nullptr) return true;
    std::memcpy(static_cast<void*>(kept), &nodes[0], nodes.count() * sizeof(Node));
    bench.heap.work(text.size() / 8);
    out = value_of(kept[0], 0);
    return true;
}

}  // namespace holdfast::jq::machine

// See json_print.hpp.
#include "io/cli/json_print.hpp"

#include <fmt/core.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/codec/json_text.hpp"
#include "core/jq/text.hpp"
#include "io/printable.hpp"

namespace holdfast::cli {
namespace {

using codec::is_space;

#ifdef __SSE2__
/// A bit for each of 64 bytes that is one of these.
template <char... Sought>
std::uint64_t places_of(const char* at) {
    std::uint64_t all = 0;
    for (int i = 0; i < 4; ++i) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16 * i));
        const __m128i found = (_mm_cmpeq_epi8(bytes, _mm_set1_epi8(Sought)) | ...);
        all |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(found))} << 16 * i;
    }
    return all;
}

/// Whether JSON is already as it is printed: without escapes, DEL, and white space between texts.
/// False where that is not seen.
bool is_compact(std::string_view json) {
    std::uint64_t inside = 0;  // All ones: the last block ended within a text.
    for (std::size_t at = 0; at < json.size(); at += 64) {
        char rest[64] = {};
        const std::size_t left = json.size() - at;
        if (left < 64) std::memcpy(rest, json.data() + at, left);
        const char* const block = left < 64 ? rest : json.data() + at;
        if (places_of<'\\', '\x7f'>(block) != 0) return false;
        // Between an odd quote and the next one.
        std::uint64_t texts = places_of<'"'>(block);
        for (int by = 1; by < 64; by *= 2) texts ^= texts << by;
        texts ^= inside;
        if ((places_of<' ', '\t', '\n', '\r'>(block) & ~texts) != 0) return false;
        inside = (texts >> 63) != 0 ? ~std::uint64_t{0} : 0;
    }
    return true;
}
#else
bool is_compact(std::string_view) { return false; }
#endif

class Printer {
public:
    Printer(std::string_view json, const PrintStyle& style, std::string& out)
        : at_(json.data()), end_(json.data() + json.size()), style_(style), out_(out) {}

    void top() {
        skip_space();
        if (at_ < end_ && *at_ == '"' && style_.raw && !style_.ascii) {
            std::string plain;
            jq::decode_string(string_inside(), plain);
            out_ += plain;
        } else if (style_.pretty || style_.sort_keys || style_.ascii) {
            value(0);
        } else if (const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
                   is_compact(rest)) {
            out_ += rest;
        } else {
            compact();
        }
    }

private:
    void skip_space() {
        while (at_ < end_ && is_space(*at_)) ++at_;
    }
    std::string_view string_inside();
    void string();
    void encoded(std::string_view plain);
    void compact();
    void value(std::size_t level);
    void container(std::size_t level, bool is_object);
    void sorted(std::size_t level);
    void skip_value();
    void new_line(std::size_t level);
    void key();

    const char* at_;
    const char* end_;
    const PrintStyle& style_;
    std::string& out_;
};

/// What stands between the quotes; `at_` is behind them.
std::string_view Printer::string_inside() {
    const char* const begin = ++at_;
    for (;;) {
        const auto* quote =
            static_cast<const char*>(std::memchr(at_, '"', static_cast<std::size_t>(end_ - at_)));
        const auto* escape =
            static_cast<const char*>(std::memchr(at_, '\\', static_cast<std::size_t>(quote - at_)));
        if (escape != nullptr) {
            at_ = escape + 2;
            continue;
        }
        at_ = quote + 1;
        return {begin, static_cast<std::size_t>(quote - begin)};
    }
}

void Printer::string() {
    const std::string_view inside = string_inside();
    const bool as_it_is = std::memchr(inside.data(), '\\', inside.size()) == nullptr &&
                          std::memchr(inside.data(), '\x7f', inside.size()) == nullptr;
    if (as_it_is && !style_.ascii) {
        out_.append(inside.data() - 1, inside.size() + 2);
        return;
    }
    std::string plain;
    jq::decode_string(inside, plain);
    encoded(plain);
}

void Printer::encoded(std::string_view plain) {
    constexpr std::string_view escaped = "\"\\\n\t\r\b\f", letters = "\"\\ntrbf";
    out_ += '"';
    for (std::size_t i = 0; i < plain.size();) {
        const char c = plain[i];
        const auto byte = static_cast<unsigned char>(c);
        if (const std::size_t n = escaped.find(c); n != std::string_view::npos) {
            out_ += '\\';
            out_ += letters[n];
        } else if (byte < 0x20 || byte == 0x7f) {
            out_ += fmt::format("\\u{:04x}", byte);
        } else if (byte < 0x80 || !style_.ascii) {
            out_ += c;
        } else {
            const io::Character character = io::character_at(plain, i);
            i += character.size;
            const std::uint32_t above = character.point - 0x10000;
            out_ += character.point < 0x10000
                        ? fmt::format("\\u{:04x}", character.point)
                        : fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (above >> 10),
                                      0xdc00 + (above & 0x3ff));
            continue;
        }
        ++i;
    }
    out_ += '"';
}

/// All but white space, in runs.
void Printer::compact() {
    const char* run = at_;
    const auto flush = [&] { out_.append(run, static_cast<std::size_t>(at_ - run)); };
    while (at_ < end_) {
        if (*at_ == '"') {
            flush();
            string();
            run = at_;
        } else if (is_space(*at_)) {
            flush();
            skip_space();
            run = at_;
        } else {
            ++at_;
        }
    }
    flush();
}

void Printer::new_line(std::size_t level) {
    if (!style_.pretty) return;
    out_ += '\n';
    if (style_.tabs)
        out_.append(level, '\t');
    else
        out_.append(level * static_cast<std::size_t>(style_.indent), ' ');
}

void Printer::value(std::size_t level) {
    skip_space();
    if (*at_ == '"') return string();
    if (*at_ == '{' && style_.sort_keys) return sorted(level);
    if (*at_ == '{' || *at_ == '[') return container(level, *at_ == '{');
    while (at_ < end_ && !is_space(*at_) && *at_ != ',' && *at_ != ']' && *at_ != '}')
        out_ += *at_++;
}

/// A key, and the colon behind it.
void Printer::key() {
    skip_space();
    string();
    skip_space();
    ++at_;
    out_ += style_.pretty ? ": " : ":";
}

void Printer::container(std::size_t level, bool is_object) {
    const char close = is_object ? '}' : ']';
    out_ += *at_++;
    skip_space();
    bool is_first = true;
    while (*at_ != close) {
        if (!is_first) ++at_;  // The comma.
        if (!is_first) out_ += ',';
        is_first = false;
        new_line(level + 1);
        if (is_object) key();
        value(level + 1);
        skip_space();
    }
    if (!is_first) new_line(level);
    out_ += *at_++;
}

void Printer::skip_value() {
    std::size_t depth = 0;
    skip_space();
    do {
        const char c = *at_;
        if (c == '"') {
            string_inside();
        } else {
            depth += c == '{' || c == '[' ? 1 : 0;
            depth -= c == '}' || c == ']' ? 1 : 0;
            ++at_;
        }
        if (depth > 0) continue;
        if (c == '"' || c == '}' || c == ']') return;
    } while (depth > 0 ||
             (at_ < end_ && !is_space(*at_) && *at_ != ',' && *at_ != ']' && *at_ != '}'));
}

/// The members of an object in the order of their keys' code points; of equal keys the last one.
void Printer::sorted(std::size_t level) {
    struct Member {
        std::string plain;
        const char* value;
    };
    std::vector<Member> members;
    ++at_;
    skip_space();
    while (*at_ != '}') {
        if (*at_ == ',') ++at_;
        skip_space();
        Member& member = members.emplace_back();
        jq::decode_string(string_inside(), member.plain);
        skip_space();
        ++at_;
        member.value = at_;
        skip_value();
        skip_space();
    }
    const char* const behind = at_ + 1;
    std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
        return a.plain != b.plain ? a.plain < b.plain : a.value < b.value;
    });
    out_ += '{';
    bool is_first = true;
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (i + 1 < members.size() && members[i].plain == members[i + 1].plain) continue;
        if (!is_first) out_ += ',';
        is_first = false;
        new_line(level + 1);
        encoded(members[i].plain);
        out_ += style_.pretty ? ": " : ":";
        at_ = members[i].value;
        value(level + 1);
    }
    if (!is_first) new_line(level);
    out_ += '}';
    at_ = behind;
}

}  // namespace

std::string readable(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const io::Character character = io::character_at(text, at);
        out += character.valid ? text.substr(at, character.size) : std::string_view("\xef\xbf\xbd");
        at += character.size;
    }
    return out;
}

void print_json(std::string_view json, const PrintStyle& style, std::string& out) {
    Printer(json, style, out).top();
}

}  // namespace holdfast::cli

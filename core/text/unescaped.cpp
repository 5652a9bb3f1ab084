// What is written with escapes, and values as settings want them.
#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/codec/json_text.hpp"
#include "core/codec/utf8.hpp"
#include "core/text/scanner.hpp"

namespace holdfast::text {
namespace {

/// The value of four hex digits at the head; 0x10000: there are none.
std::uint32_t hex4(std::string_view text) {
    constexpr std::uint32_t none = 0x10000;
    if (text.size() < 4) return none;
    std::uint32_t value = 0;
    for (const char c : text.substr(0, 4)) {
        const char low = static_cast<char>(c | 0x20);
        if (c >= '0' && c <= '9')
            value = value * 16 + static_cast<std::uint32_t>(c - '0');
        else if (low >= 'a' && low <= 'f')
            value = value * 16 + static_cast<std::uint32_t>(low - 'a') + 10;
        else
            return none;
    }
    return value;
}

/// An escape at the head, behind its backslash: appends what it means; returns its size, or 0.
std::size_t append_escape(std::string_view text, std::string& out) {
    constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (text.empty()) return 0;
    if (const std::size_t at = names.find(text.front()); at != std::string_view::npos) {
        out += mutant(443) ? text.front() : meanings[at];
        return 1;
    }
    if (text.front() != 'u') return 0;
    const std::uint32_t unit = hex4(text.substr(1));
    if (unit > 0xffff) return 0;
    if (unit < 0xd800 || unit > 0xdfff) {
        codec::append_utf8(unit, out);
        return 5;
    }
    // Half of a pair is no character: it stands as it is.
    if (unit > 0xdbff || !text.substr(5).starts_with("\\u")) return 0;
    const std::uint32_t low = hex4(text.substr(7));
    if (low < 0xdc00 || low > 0xdfff) return 0;
    codec::append_utf8(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), out);
    return 11;
}

}  // namespace

void Unescaped::begin(std::size_t size) {
    size_ = size;
    text_.clear();
}

std::size_t Unescaped::open() {
    text_.reserve(size_);
    return text_.size();
}

std::string_view Unescaped::of(std::string_view contents) {
    std::size_t next = contents.find('\\');
    if (next == std::string_view::npos) return contents;
    const std::size_t begin = open();
    while (next != std::string_view::npos) {
        text_.append(contents.substr(0, next));
        contents.remove_prefix(next + 1);
        const std::size_t size = append_escape(contents, text_);
        if (size == 0) text_ += '\\';
        contents.remove_prefix(size);
        next = contents.find('\\');
    }
    text_.append(contents);
    HF_ASSERT(text_.size() <= size_);
    return std::string_view(text_).substr(begin);
}

std::string_view Unescaped::of_escaped(std::string_view contents, std::string_view characters) {
    if (contents.find('\\') == std::string_view::npos) return contents;
    const std::size_t begin = open();
    for (std::size_t at = 0; at < contents.size(); ++at) {
        const bool escapes = contents[at] == '\\' && at + 1 < contents.size() &&
                             characters.find(contents[at + 1]) != std::string_view::npos;
        if (escapes) ++at;
        text_ += contents[at];
    }
    HF_ASSERT(text_.size() <= size_);
    return std::string_view(text_).substr(begin);
}

std::string_view Unescaped::of_doubled(std::string_view contents) {
    if (contents.find('"') == std::string_view::npos) return contents;
    const std::size_t begin = open();
    for (std::size_t at = 0; at < contents.size(); ++at) {
        text_ += contents[at];
        // Each stands twice.
        if (contents[at] == '"' && !mutant(443)) ++at;
    }
    HF_ASSERT(text_.size() <= size_);
    return std::string_view(text_).substr(begin);
}

std::size_t closing_quote(std::string_view text, std::size_t at) {
    for (; at < text.size(); ++at) {
        if (text[at] == '"') return at;
        if (text[at] == '\\') ++at;
    }
    return std::string_view::npos;
}

void add_value(std::string_view key, std::string_view value, const ParseSettings& settings,
               Members& out) {
    const bool is_number =
        settings.numbers && !value.empty() && codec::number_shape(value).size == value.size();
    out.add(key, value, is_number ? Shape::json : Shape::text);
}

}  // namespace holdfast::text

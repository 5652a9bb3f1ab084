#include "core/text/pairs.hpp"

#include <algorithm>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/codec/json_text.hpp"
#include "core/codec/utf8.hpp"

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

/// Where pairs and keys end: of logfmt.
struct Words {
    std::size_t skip(std::string_view text, std::size_t at) const {
        while (at < text.size() && codec::is_space(text[at])) ++at;
        return at;
    }
    std::size_t pair_end(std::string_view text, std::size_t at) const {
        while (at < text.size() && !codec::is_space(text[at])) ++at;
        return at;
    }
    std::size_t key_end(std::string_view pair) const { return pair.find('='); }
    std::size_t key_separator_size() const { return 1; }
    std::string_view trimmed(std::string_view text) const { return text; }
    bool ends(std::string_view text, std::size_t at) const { return codec::is_space(text[at]); }
};

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// With separators of one's own, around which blanks count for nothing.
struct Separated {
    std::string_view between;
    std::string_view equals;

    std::size_t skip(std::string_view text, std::size_t at) const {
        while (at < text.size()) {
            if (text.substr(at).starts_with(between))
                at += between.size();
            else if (is_blank(text[at]))
                ++at;
            else
                break;
        }
        return at;
    }
    std::size_t pair_end(std::string_view text, std::size_t at) const {
        return std::min(text.find(between, at), text.size());
    }
    std::size_t key_end(std::string_view pair) const { return pair.find(equals); }
    std::size_t key_separator_size() const { return equals.size(); }
    std::string_view trimmed(std::string_view text) const {
        while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
        while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
        return text;
    }
    bool ends(std::string_view text, std::size_t at) const {
        return text.substr(at).starts_with(between);
    }
};

template <class Style>
class Scan {
public:
    Scan(const Style& style, std::string_view text, const ParseSettings& settings,
         Unescaped& unescaped, Members& out, Wrong& wrong)
        : style_(style),
          text_(text),
          settings_(settings),
          unescaped_(unescaped),
          out_(out),
          wrong_(wrong) {}

    bool run() {
        const std::size_t most = out_.size() + settings_.keys_max;
        for (at_ = style_.skip(text_, 0); at_ < text_.size(); at_ = style_.skip(text_, at_)) {
            if (out_.size() == most) return is_wrong("more keys than max_keys", at_);
            if (!pair()) return false;
        }
        return true;
    }

private:
    bool is_wrong(std::string_view what, std::size_t at) {
        wrong_ = {what, at};
        return false;
    }

    bool pair() {
        if (text_[at_] == '"') return quoted_key();
        const std::size_t end = style_.pair_end(text_, at_);
        const std::string_view whole = text_.substr(at_, end - at_);
        const std::size_t sign = style_.key_end(whole);
        const std::string_view key = style_.trimmed(whole.substr(0, sign));
        if (key.empty()) return is_wrong("no key before its value", at_);
        if (sign == std::string_view::npos) {
            at_ = end;
            out_.add(key, "true", Shape::json);
            return true;
        }
        at_ += sign + style_.key_separator_size();
        return value(key, end);
    }

    bool quoted_key() {
        std::string_view key;
        if (!quoted(key)) return false;
        const std::size_t end = style_.pair_end(text_, at_);
        const std::string_view rest = text_.substr(at_, end - at_);
        const std::size_t sign = style_.key_end(rest);
        if (!style_.trimmed(rest.substr(0, sign)).empty())
            return is_wrong("text behind a quote", at_);
        if (sign == std::string_view::npos) {
            at_ = end;
            out_.add(key, "true", Shape::json);
            return true;
        }
        at_ += sign + style_.key_separator_size();
        return value(key, end);
    }

    /// `end`: of the pair, if its value has no quotes.
    bool value(std::string_view key, std::size_t end) {
        const std::string_view plain = style_.trimmed(text_.substr(at_, end - at_));
        if (plain.empty() || plain.front() != '"') {
            if (mutant(441) && end == text_.size()) return at_ = end, true;
            if (mutant(444) && plain.empty()) return at_ = end, true;
            add_value(key, plain, settings_, out_);
            at_ = end;
            return true;
        }
        at_ = static_cast<std::size_t>(plain.data() - text_.data());
        if (mutant(446)) {
            out_.add(key, plain, Shape::text);
            at_ = end;
            return true;
        }
        std::string_view contents;
        if (!quoted(contents)) return false;
        while (at_ < text_.size() && !style_.ends(text_, at_)) {
            if (!is_blank(text_[at_])) return is_wrong("text behind a quote", at_);
            ++at_;
        }
        if (mutant(445)) {
            add_value(key, contents, settings_, out_);
            return true;
        }
        out_.add(key, contents, Shape::text);
        return true;
    }

    /// What begins with the quote here.
    bool quoted(std::string_view& contents) {
        const std::size_t begin = at_ + 1;
        std::size_t end = closing_quote(text_, begin);
        if (end == std::string_view::npos) {
            if (!mutant(440)) return is_wrong("a quote is not closed", at_);
            end = text_.size();
        }
        contents = unescaped_.of(text_.substr(begin, end - begin));
        at_ = std::min(end + 1, text_.size());
        return true;
    }

    const Style& style_;
    std::string_view text_;
    const ParseSettings& settings_;
    Unescaped& unescaped_;
    Members& out_;
    Wrong& wrong_;
    std::size_t at_ = 0;
};

}  // namespace

void Unescaped::begin(std::size_t size) {
    size_ = size;
    text_.clear();
}

std::string_view Unescaped::of(std::string_view contents) {
    std::size_t next = contents.find('\\');
    if (next == std::string_view::npos) return contents;
    text_.reserve(size_);
    const char* const before = text_.data();
    const std::size_t begin = text_.size();
    while (next != std::string_view::npos) {
        text_.append(contents.substr(0, next));
        contents.remove_prefix(next + 1);
        const std::size_t size = append_escape(contents, text_);
        if (size == 0) text_ += '\\';
        contents.remove_prefix(size);
        next = contents.find('\\');
    }
    text_.append(contents);
    HF_ASSERT(text_.data() == before);
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

bool scan_pairs(std::string_view text, const ParseSettings& settings, Unescaped& unescaped,
                Members& out, Wrong& wrong) {
    unescaped.begin(text.size());
    if (settings.format == Format::logfmt) {
        const Words style;
        return Scan(style, text, settings, unescaped, out, wrong).run();
    }
    const Separated style{settings.pair_separator, settings.key_separator};
    return Scan(style, text, settings, unescaped, out, wrong).run();
}

}  // namespace holdfast::text

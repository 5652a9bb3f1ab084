// Keys and values in a line: logfmt, and its relatives with other separators.
//
// Rule 1: a pair is a key, the separator, a value; a key alone is true. A quote counts at the head of
//         a key or value, up to the next quote that no backslash precedes.
// Rule 2: in quotes \" \\ \/ \b \f \n \r \t \uXXXX stand for characters, as in JSON; any other backslash
//         for itself.
// Rule 3: without quotes a value ends where the pair does, whatever else is in it.
// Bound: one pass, and another one over each pair.
#include <algorithm>

#include "core/base/mutant.hpp"
#include "core/codec/json_text.hpp"
#include "core/text/scanner.hpp"

namespace holdfast::text {
namespace {

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

class Pairs final : public Scanner {
public:
    explicit Pairs(const ParseSettings& settings) : settings_(settings) {}

    Found scan(std::string_view text, Members& out, Wrong& wrong) override {
        unescaped_.begin(text.size());
        bool good = false;
        if (settings_.format == Format::logfmt) {
            const Words style;
            good = Scan(style, text, settings_, unescaped_, out, wrong).run();
        } else {
            const Separated style{settings_.pair_separator, settings_.key_separator};
            good = Scan(style, text, settings_, unescaped_, out, wrong).run();
        }
        return good ? Found::members : Found::wrong;
    }
    void trim() override { unescaped_.trim(); }
    std::unique_ptr<Scanner> clone() const override { return std::make_unique<Pairs>(settings_); }

private:
    ParseSettings settings_;
    Unescaped unescaped_;
};

}  // namespace

std::unique_ptr<Scanner> make_pairs(const ParseSettings& settings) {
    return std::make_unique<Pairs>(settings);
}

}  // namespace holdfast::text

// See text_place.hpp.
#include "io/cli/text_place.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include "core/codec/utf8.hpp"
#include "io/printable.hpp"

namespace holdfast::cli {
namespace {

constexpr std::size_t shown_most = 100;  // Characters of a line.

std::size_t line_begin(std::string_view file, std::uint32_t line) {
    std::size_t at = 0;
    for (std::uint32_t n = 1; n < line; ++n) {
        at = file.find('\n', at);
        if (at == std::string_view::npos) return at;
        ++at;
    }
    return at;
}

std::size_t characters(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++count) at += io::character_at(text, at).size;
    return count;
}

/// A literal read once more, with where each byte of its value comes from.
class Literal {
public:
    Literal(std::string_view file, std::size_t at) : file_(file), at_(at) {}

    /// False: this is no text.
    bool read() {
        const char quote = at_ < file_.size() ? file_[at_] : ' ';
        if (quote != '"' && quote != '\'') return false;
        const std::string three(3, quote);
        const bool is_long = file_.substr(at_).starts_with(three);
        const std::string end = is_long ? three : std::string(1, quote);
        at_ += end.size();
        if (is_long && file_.substr(at_).starts_with("\r\n")) ++at_;
        if (is_long && file_.substr(at_).starts_with('\n')) ++at_;
        while (at_ < file_.size() && !file_.substr(at_).starts_with(end))
            if (!step(quote == '"')) return false;
        // As in the reader: nothing is expanded, and $${ stands for ${.
        return at_ < file_.size();
    }

    std::string value;
    std::vector<std::size_t> from;  ///< By byte of the value: where in the file.

private:
    void add(std::string_view bytes, std::size_t at) {
        value += bytes;
        from.insert(from.end(), bytes.size(), at);
    }
    bool step(bool has_escapes) {
        if (file_.substr(at_).starts_with("$${")) ++at_;
        if (has_escapes && file_[at_] == '\\') return escape();
        add(file_.substr(at_, 1), at_);
        ++at_;
        return true;
    }
    bool escape();

    std::string_view file_;
    std::size_t at_;
};

bool Literal::escape() {
    const std::size_t begin = at_;
    const char c = begin + 1 < file_.size() ? file_[begin + 1] : ' ';
    constexpr std::string_view letters = "btnfr\"\\", plain = "\b\t\n\f\r\"\\";
    at_ += 2;
    if (const std::size_t n = letters.find(c); n != std::string_view::npos) {
        add(plain.substr(n, 1), begin);
        return true;
    }
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
        while (at_ < file_.size() && std::isspace(static_cast<unsigned char>(file_[at_])) != 0)
            ++at_;
        return true;
    }
    if (c != 'u' && c != 'U') return false;
    std::uint32_t point = 0;
    for (int i = c == 'u' ? 4 : 8; i > 0; --i, ++at_) {
        const char digit = at_ < file_.size() ? file_[at_] : ' ';
        if (std::isxdigit(static_cast<unsigned char>(digit)) == 0) return false;
        point = point * 16 +
                static_cast<std::uint32_t>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return false;
    std::string bytes;
    codec::append_utf8(point, bytes);
    add(bytes, begin);
    return true;
}

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '@' ||
           c == ':';
}

}  // namespace

std::optional<TextPlace> place_in_text(std::string_view file, std::uint32_t line,
                                       std::uint32_t column, std::string_view value,
                                       std::size_t offset) {
    std::size_t at = line_begin(file, line);
    if (line == 0 || column == 0 || at == std::string_view::npos) return std::nullopt;
    for (std::uint32_t n = 1; n < column && at < file.size(); ++n)
        at += io::character_at(file, at).size;
    Literal literal(file, at);
    if (!literal.read() || literal.value != value || offset > value.size()) return std::nullopt;
    // Behind the end: at the last byte that is no white space.
    std::size_t end = value.size();
    while (end > 0 && std::isspace(static_cast<unsigned char>(value[end - 1])) != 0) --end;
    if (end == 0) return std::nullopt;
    offset = std::min(offset, end - 1);
    at = literal.from[offset];
    std::size_t size = 1;
    if (is_word(value[offset]))
        while (offset + size < end && is_word(value[offset + size])) ++size;
    TextPlace out;
    out.line = 1 + static_cast<std::uint32_t>(std::count(
                       file.begin(), file.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    const std::size_t begin = line_begin(file, out.line);
    std::string_view before = file.substr(begin, at - begin);
    std::string_view shown =
        file.substr(begin, std::min(file.find('\n', begin), file.size()) - begin);
    out.column = static_cast<std::uint32_t>(characters(before) + 1);
    std::string head;
    if (characters(before) > shown_most / 2) {
        std::size_t from = before.size() - shown_most / 2;
        while (from < before.size() && !io::character_at(before, from).valid) ++from;
        shown.remove_prefix(from);
        before.remove_prefix(from);
        head = "...";
    }
    const std::string_view cut = io::cut(shown, shown_most);
    out.shown = head + io::printable(cut) + (cut.size() < shown.size() ? "..." : "") + "\n" +
                std::string(head.size() + characters(io::printable(before)), ' ') +
                std::string(size, '^');
    return out;
}

}  // namespace holdfast::cli

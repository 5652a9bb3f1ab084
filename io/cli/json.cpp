// See json.hpp.
#include "io/cli/json.hpp"

#include <fmt/core.h>

namespace holdfast::cli {
namespace {

// The length of the UTF-8 sequence at the head of `text`, 0 if it isn't one.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    const std::size_t n = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2
                          : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (n == 0 || n > text.size()) return 0;
    for (std::size_t i = 1; i < n; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    if (first == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
    if (first == 0xed && byte(1) > 0x9f) return 0;  // surrogate
    if (first == 0xf0 && byte(1) < 0x90) return 0;  // overlong
    if (first == 0xf4 && byte(1) > 0x8f) return 0;  // above U+10FFFF
    return n;
}

}  // namespace

std::string json_quote(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const auto c = static_cast<unsigned char>(text.front());
        const std::size_t n = utf8_length(text);
        if (c == '"' || c == '\\')
            out += '\\', out += text.front();
        else if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else if (c < 0x20 || c == 0x7f || n == 0)
            out += fmt::format("\\u{:04x}", c);
        else
            out += text.substr(0, n);
        text.remove_prefix(n == 0 ? 1 : n);
    }
    return out + '"';
}

void Json::next() {
    if (keyed_) {
        keyed_ = false;
        return;
    }
    if (depth_ == 0) return;
    out_ += first_ ? "\n" : ",\n";
    out_.append(2 * depth_, ' ');
}

void Json::key(std::string_view name) {
    next();
    out_ += json_quote(name);
    out_ += ": ";
    keyed_ = true;
}

void Json::raw(std::string_view text) {
    next();
    out_ += text;
    first_ = false;
}

void Json::open(char bracket) {
    next();
    out_ += bracket;
    ++depth_;
    first_ = true;
}

void Json::close(char bracket) {
    --depth_;
    if (!first_) {
        out_ += '\n';
        out_.append(2 * depth_, ' ');
    }
    out_ += bracket;
    first_ = false;
}

}  // namespace holdfast::cli

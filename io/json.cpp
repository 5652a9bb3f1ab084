// See json.hpp.
#include "io/json.hpp"

#include <fmt/core.h>

#include "io/printable.hpp"

namespace holdfast::io {
namespace {

void put_escape(std::uint32_t point, std::string& out) {
    if (point < 0x10000) {
        out += fmt::format("\\u{:04x}", point);
        return;
    }
    out += fmt::format("\\u{:04x}\\u{:04x}", 0xd7c0 + (point >> 10), 0xdc00 + (point & 0x3ff));
}

}  // namespace

std::string json_quote(std::string_view text) {
    std::string out = "\"";
    for (std::size_t at = 0; at < text.size();) {
        const io::Character c = io::character_at(text, at);
        if (c.point == '"' || c.point == '\\')
            out += '\\', out += text[at];
        else if (c.point == '\n')
            out += "\\n";
        else if (c.point == '\t')
            out += "\\t";
        else if (!c.valid || io::is_hidden(c.point))
            put_escape(c.point, out);
        else
            out += text.substr(at, c.size);
        at += c.size;
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

}  // namespace holdfast::io

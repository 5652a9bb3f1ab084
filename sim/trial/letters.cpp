// Dead letters, read without the code that writes them.
#include <cstdint>

#include "sim/trial/judge.hpp"

namespace holdfast::sim {
namespace {

unsigned hex_of(const std::string& text, std::size_t at) {
    unsigned value = 0;
    for (std::size_t i = at; i < at + 4 && i < text.size(); ++i) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : 0;
        value = value * 16 + static_cast<unsigned>(digit);
    }
    return value;
}

/// The string value of a member; `found` says whether it is there and closed.
std::string member(const std::string& letter, const std::string& name, bool& found) {
    const std::string head = "\"" + name + "\":\"";
    const std::size_t at = letter.find(head);
    found = false;
    std::string out;
    if (at == std::string::npos) return out;
    for (std::size_t i = at + head.size(); i < letter.size(); ++i) {
        if (letter[i] == '"') {
            found = true;
            return out;
        }
        if (letter[i] != '\\' || i + 1 >= letter.size()) {
            out += letter[i];
            continue;
        }
        const char c = letter[++i];
        switch (c) {
            case 'n': out += '\n'; break;
            case 't': out += '\t'; break;
            case 'r': out += '\r'; break;
            case 'b': out += '\b'; break;
            case 'f': out += '\f'; break;
            case 'u':
                // Only control characters are written so.
                out += static_cast<char>(hex_of(letter, i + 1));
                i += 4;
                break;
            default: out += c;
        }
    }
    return out;
}

std::string from_base64(const std::string& text) {
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                          : c >= 'a' && c <= 'z' ? c - 'a' + 26
                          : c >= '0' && c <= '9' ? c - '0' + 52
                          : c == '+'             ? 62
                          : c == '/'             ? 63
                                                 : -1;
        if (digit < 0) break;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += static_cast<char>(bits >> count & 0xff);
    }
    return out;
}

}  // namespace

std::vector<Letter> letters_in(const std::string& text, std::string& rest) {
    std::vector<Letter> out;
    for (const std::string& line : records_in(io::Framing::lines, text, rest)) {
        Letter letter;
        bool has_payload = false, has_encoding = false, other = false;
        letter.payload = member(line, "payload", has_payload);
        const std::string encoding = member(line, "encoding", has_encoding);
        letter.sink = member(line, "sink", other);
        letter.reason = member(line, "reason", other);
        letter.transform = member(line, "transform", other);
        letter.is_whole = has_payload && has_encoding && line.front() == '{' && line.back() == '}';
        if (encoding == "base64") letter.payload = from_base64(letter.payload);
        out.push_back(std::move(letter));
    }
    return out;
}

}  // namespace holdfast::sim

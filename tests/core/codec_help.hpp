// A record that owns its bytes and its parser, for tests.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/document.hpp"

namespace holdfast::codec {

inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

/// The bytes stand in a block of exactly their size, so that a sanitizer sees a read beyond it.
class Owned {
public:
    explicit Owned(std::string_view record, Format format = Format::json)
        : bytes_(record.begin(), record.end()), document_(parser_) {
        document_.reset(std::as_bytes(std::span(bytes_)), format);
    }

    Document& document() { return document_; }
    bool good() { return document_.root().has_value(); }
    Value root() { return document_.root().value(); }
    Value at(std::string_view path) { return root().at(parse_path(path).value()); }
    ParseError error() { return document_.root().error(); }

private:
    std::vector<char> bytes_;
    Parser parser_;
    Document document_;
};

/// Bytes from hexadecimal digits; white space is ignored.
inline std::string from_hex(std::string_view digits) {
    std::string out;
    int high = -1;
    for (const char c : digits) {
        if (c == ' ') continue;
        const int value = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        if (high < 0) {
            high = value;
        } else {
            out += static_cast<char>(high * 16 + value);
            high = -1;
        }
    }
    return out;
}

}  // namespace holdfast::codec

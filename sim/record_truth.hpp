// A record as the world of records knows it, and the texts that must come of it, written out by hand.
//
// Doesn't know: how records are packed, the code that writes envelopes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace holdfast::sim {

inline const std::string partition = "0000000000000007";

inline std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

struct Named {
    std::string name;
    std::optional<std::string> value;
    bool operator==(const Named&) const = default;
};

struct True {
    std::string payload;
    std::string line;  ///< It as one line; of what is none and can't be: empty, and !has_line.
    bool has_line = true;
    bool is_json = false;
    std::int64_t number = 0;  ///< Of JSON: `i`.
    std::optional<std::string> key;
    std::vector<Named> headers;
    std::optional<std::int64_t> timestamp;
    std::int64_t position = 0;
};

inline std::string base64(const std::string& bytes) {
    const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bits, out;
    for (const char c : bytes)
        for (int bit = 7; bit >= 0; --bit)
            bits += (static_cast<unsigned char>(c) >> bit & 1) != 0 ? '1' : '0';
    while (bits.size() % 6 != 0) bits += '0';
    for (std::size_t i = 0; i < bits.size(); i += 6)
        out += digits[static_cast<std::size_t>(std::stoi(bits.substr(i, 6), nullptr, 2))];
    while (out.size() % 4 != 0) out += '=';
    return out;
}

/// No UTF-8, of what this world writes.
inline bool is_binary(const std::string& text) { return text.find('\xff') != std::string::npos; }

inline std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text)
        out += c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '\n' ? "\\n" : std::string(1, c);
    return out + '"';
}

inline std::string said(const std::optional<std::string>& bytes) {
    if (!bytes) return "null";
    return is_binary(*bytes) ? "{\"base64\":\"" + base64(*bytes) + "\"}" : quoted(*bytes);
}

inline std::string number_or_null(const std::optional<std::int64_t>& number) {
    return number ? std::to_string(*number) : "null";
}

inline std::string headers_said(const std::vector<Named>& headers) {
    std::string out;
    for (const Named& header : headers)
        out += (out.empty() ? "" : ",") + ("{\"name\":" + said(header.name)) +
               ",\"value\":" + said(header.value) + "}";
    return "[" + out + "]";
}

inline std::string envelope(const True& record) {
    std::string out = "{\"source\":\"in\",\"partition\":\"" + partition +
                      "\",\"position\":" + std::to_string(record.position) +
                      ",\"timestamp\":" + number_or_null(record.timestamp) +
                      ",\"key\":" + said(record.key) +
                      ",\"headers\":" + headers_said(record.headers) + ",\"encoding\":\"";
    const bool stands = record.is_json && record.payload.find('\n') == std::string::npos;
    if (stands) return out + "json\",\"payload\":" + record.payload + "}";
    if (is_binary(record.payload))
        return out + "base64\",\"payload\":\"" + base64(record.payload) + "\"}";
    return out + "utf8\",\"payload\":" + quoted(record.payload) + "}";
}

}  // namespace holdfast::sim

// A writer of JSON: just enough for --json and log lines. Strings that are not UTF-8 are written
// byte by byte as \u00XX, so that the result always parses; what printable.hpp hides is escaped.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::io {

/// `text` as a JSON string, with its quotes.
std::string json_quote(std::string_view text);

/// Two spaces an indent. Requires: begin and end match; in an object a key before each value.
class Json {
public:
    void begin_object() { open('{'); }
    void begin_object(std::string_view name) { key(name), open('{'); }
    void end_object() { close('}'); }
    void begin_list() { open('['); }
    void begin_list(std::string_view name) { key(name), open('['); }
    void end_list() { close(']'); }

    void value(std::string_view text) { raw(json_quote(text)); }
    void field(std::string_view name, std::string_view text) { key(name), raw(json_quote(text)); }
    void field(std::string_view name, const char* text) { field(name, std::string_view(text)); }
    void field(std::string_view name, bool on) { key(name), raw(on ? "true" : "false"); }
    template <std::integral N>
        requires(!std::same_as<N, bool>)
    void field(std::string_view name, N n) {
        key(name), raw(std::to_string(n));
    }

    /// Requires: `json` is JSON.
    void field_json(std::string_view name, std::string_view json) { key(name), raw(json); }

    const std::string& text() const { return out_; }

private:
    void key(std::string_view name);
    void raw(std::string_view text);
    void open(char bracket);
    void close(char bracket);
    void next();

    std::string out_;
    std::size_t depth_ = 0;
    bool first_ = true;
    bool keyed_ = false;
};

}  // namespace holdfast::io

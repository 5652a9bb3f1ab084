// What devices tell the person who runs them. One line an event: a few words, then key=value.
//
// Rule 1: a device never writes anywhere itself; it is given a Log.
// Rule 2: `error` means that records may be lost or work has stopped; `warn` that something will
//         be retried or was decided; `info` that something changed; `debug` the rest.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace holdfast::io {

enum class Level : std::uint8_t { debug, info, warn, error };

using Log = std::function<void(Level, const std::string&)>;

/// Builds a line: `LogLine("file truncated").with("path", path).with("size", 12).text()`.
class LogLine {
public:
    explicit LogLine(std::string_view what) : text_(what) {}

    LogLine& with(std::string_view key, std::integral auto number) {
        return append(key, std::to_string(number));
    }
    /// Text is quoted where it would not read as one word.
    LogLine& with(std::string_view key, std::string_view value) {
        if (!value.empty() && value.find_first_of(" \"=\n") == std::string_view::npos) {
            return append(key, value);
        }
        std::string quoted = "\"";
        for (char c : value) {
            if (c == '\n') {
                quoted += "\\n";
                continue;
            }
            if (c == '"' || c == '\\') quoted += '\\';
            quoted += c;
        }
        return append(key, quoted + '"');
    }
    const std::string& text() const { return text_; }

private:
    LogLine& append(std::string_view key, std::string_view value) {
        text_ += ' ';
        text_ += key;
        text_ += '=';
        text_ += value;
        return *this;
    }
    std::string text_;
};

}  // namespace holdfast::io

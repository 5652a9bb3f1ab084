// See toml_depth.hpp.
#include "io/cli/toml_depth.hpp"

#include <algorithm>

namespace holdfast::cli {
namespace {

constexpr std::uint32_t parts = 16;
constexpr std::uint32_t brackets = 16;

/// Past the string whose opening quote is at `at`.
std::size_t end_of_string(std::string_view toml, std::size_t at) {
    const char quote = toml[at];
    const bool escapes = quote == '"';
    const bool many = toml.substr(at).starts_with(escapes ? "\"\"\"" : "'''");
    at += many ? 3 : 1;
    for (; at < toml.size(); ++at) {
        if (escapes && toml[at] == '\\') {
            ++at;
        } else if (many) {
            if (!toml.substr(at).starts_with(escapes ? "\"\"\"" : "'''")) continue;
            at += 3;
            // Up to two quotes may stand before the closing three.
            for (int more = 0; more < 2 && at < toml.size() && toml[at] == quote; ++more) ++at;
            return at;
        } else if (toml[at] == quote) {
            return at + 1;
        } else if (toml[at] == '\n') {
            return at;
        }
    }
    return toml.size();
}

TooDeep place_of(std::string_view toml, std::size_t at, std::string what) {
    const std::string_view before = toml.substr(0, at);
    const auto lines = std::count(before.begin(), before.end(), '\n');
    const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0.
    return {static_cast<std::uint32_t>(lines + 1), static_cast<std::uint32_t>(at - begin + 1),
            std::move(what)};
}

}  // namespace

std::optional<TooDeep> too_deep(std::string_view toml) {
    std::uint32_t dots = 0;
    std::uint32_t depth = 0;
    for (std::size_t at = 0; at < toml.size();) {
        const char c = toml[at];
        if (c == '"' || c == '\'') {
            at = end_of_string(toml, at);
            continue;
        }
        if (c == '#') {
            at = std::min(toml.find('\n', at), toml.size());
            continue;
        }
        if (c == '.') {
            if (++dots >= parts)
                return place_of(toml, at, "this key has more than 16 parts; no key here has");
        } else if (c == '[' || c == '{') {
            dots = 0;
            if (++depth > brackets)
                return place_of(toml, at,
                                "brackets are nested more than 16 deep; no value here is");
        } else if (c == ']' || c == '}') {
            dots = 0;
            depth -= depth > 0;
        } else if (c == '=' || c == ',' || c == '\n') {
            dots = 0;
        }
        ++at;
    }
    return std::nullopt;
}

}  // namespace holdfast::cli

// The way to a field inside a record, as jq writes it: .user.name, ."odd key"[0].x, .[-1], or `.`
// for the whole record.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::codec {

struct PathStep {
    std::string key;
    std::int64_t index = 0;
    bool by_index = false;
    bool operator==(const PathStep&) const = default;
};

struct PathError {
    std::string what;  ///< "expected a key or [ after ."
    std::size_t offset = 0;
};

struct Path {
    std::vector<PathStep> steps;
    bool operator==(const Path&) const = default;
};

/// The leading dot may be left out before a key.
std::expected<Path, PathError> parse_path(std::string_view text);

}  // namespace holdfast::codec

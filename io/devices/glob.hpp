// Patterns over absolute paths.
//
// Rule 1: `*` and `?` and `[set]` (`[!set]`, ranges) match within one component; `**` alone in a
//         component matches any number of them, none included; `\` takes the next character as it
//         is. A leading dot is matched only by a dot, as in a shell.
// Rule 2: a path is matched component by component: what a set of patterns knows of a folder is
//         where each of them may stand (GlobStates), so a walk never matches a path twice.
// Bound: a component costs one comparison for each part of the patterns, however many `**` there
//        are; a comparison costs pattern x name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::io {

/// The parts of some patterns that the next component may match, ascending.
using GlobStates = std::vector<std::uint32_t>;

class Patterns {
public:
    /// Requires: each is absolute.
    explicit Patterns(const std::vector<std::string>& patterns);

    bool matches(std::string_view path) const;
    /// Is the path matched, or a folder that it lies in?
    bool covers(std::string_view path) const;

    /// Where all of them begin: at "/".
    GlobStates begin() const;
    GlobStates step(const GlobStates& states, std::string_view name) const;
    bool accepts(const GlobStates& states) const;
    /// May something below match?
    bool goes_on(const GlobStates& states) const;
    /// The names that patterns without a wildcard so far have next; and is there nothing else?
    std::vector<std::string> names(const GlobStates& states) const;
    bool only_names(const GlobStates& states) const;

    /// Components that were ever compared with a part. For tests of the bound.
    std::uint64_t compared() const { return compared_; }

private:
    enum class Kind : std::uint8_t { name, wild, any_depth, end };
    struct Part {
        Kind kind = Kind::end;
        std::string text;      ///< Of a name: without its escapes.
        bool leading = false;  ///< A name, as all before it.
    };
    void enter(std::uint32_t state, GlobStates& states) const;

    std::vector<Part> parts_;  ///< Of one pattern after the other, each with its end.
    std::vector<std::uint32_t> first_;
    mutable std::uint64_t compared_ = 0;
};

/// One pattern.
class Glob {
public:
    /// Requires: `pattern` is absolute.
    explicit Glob(std::string_view pattern);

    bool matches(std::string_view path) const { return one_.matches(path); }
    /// May a path below this directory match?
    bool reaches(std::string_view directory) const;
    /// The longest directory that every match lies below.
    const std::string& base() const { return base_; }
    /// No wildcards: it names one path, path().
    bool literal() const { return literal_; }
    const std::string& path() const { return path_; }

private:
    Patterns one_;
    std::string base_;
    std::string path_;
    bool literal_ = true;
};

/// A pattern that matches this path and nothing else.
std::string escape_glob(std::string_view path);

}  // namespace holdfast::io

// Patterns over absolute paths, and the walk that finds what they match.
//
// Rule 1: `*` and `?` and `[set]` (`[!set]`, ranges) match within one component; `**` alone in a
//         component matches any number of them, none included; `\` takes the next character as it
//         is. A leading dot is matched only by a dot, as in a shell.
// Rule 2: a directory is listed again only if its modification time has changed, or is so near to
//         the last listing that a change may hide in the clock's grain.
// Bound: one entry per directory that a pattern reaches.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

class Glob {
public:
    /// Requires: `pattern` is absolute.
    explicit Glob(std::string_view pattern);

    bool matches(std::string_view path) const;
    /// May a path below this directory match?
    bool reaches(std::string_view directory) const;
    /// The longest directory that every match lies below.
    const std::string& base() const { return base_; }
    /// No wildcards: it names one path.
    bool literal() const { return literal_; }
    const std::string& pattern() const { return pattern_; }

private:
    std::string pattern_;
    std::vector<std::string> parts_;
    std::string base_;
    bool literal_ = true;
};

/// Walks the file system for what some patterns match.
class GlobWalk {
public:
    GlobWalk(Ring& ring, std::vector<std::string> include, const std::vector<std::string>& exclude);

    bool matches(std::string_view path) const;
    /// Has any directory that the last find() reached changed since? True before the first one.
    Task<bool> changed();
    /// The paths that match now, without repeats; they may be of any file type. `is_file` saves a
    /// look at paths that are known to be no directories.
    Task<std::vector<std::string>> find(const std::function<bool(const std::string&)>& is_file);

private:
    struct Seen {
        std::int64_t modified_ns = -1;  ///< -1: was not there.
        std::int64_t listed_ns = 0;     ///< Wall time.
    };
    Task<> descend(const Glob& glob, const std::function<bool(const std::string&)>& is_file,
                   std::vector<std::string>& found);

    Ring& ring_;
    std::vector<Glob> include_;
    std::vector<Glob> exclude_;
    std::map<std::string, Seen> seen_;
};

}  // namespace holdfast::io

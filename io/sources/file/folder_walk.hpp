// The walk through folders that finds what patterns match.
//
// Rule 1: one walk for all patterns of a source; a folder is listed once a walk, through whatever
//         links it is come to, and again only for parts of patterns that it was not looked at for.
//         So links that make a ring end, and nothing that they lead to is missed.
// Rule 2: folders that patterns name are gone into by name; only where there is a wildcard is one
//         listed. What is excluded is not gone into.
// Rule 3: what cannot be looked into is told, never taken for empty.
// Rule 4: a directory is listed again only if its modification time has changed, or is so near to
//         the last listing that a change may hide in the clock's grain.
// Bound: one entry per directory that a pattern reaches; a walk costs what is there times the parts
//        of the patterns.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/devices/glob.hpp"
#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

class FolderWalk {
public:
    FolderWalk(Ring& ring, const std::vector<std::string>& include,
               const std::vector<std::string>& exclude);

    bool matches(std::string_view path) const;
    bool excluded(std::string_view path) const;
    /// Has any directory that the last find() reached changed since? True before the first one.
    Task<bool> changed();
    /// The paths that match now, without repeats; they may be of any file type. `is_file` saves a
    /// look at paths that are known to be no directories.
    Task<std::vector<std::string>> find(const std::function<bool(const std::string&)>& is_file);
    /// What the last find() could not look into, by path: -errno. -ENOENT: a folder that a pattern
    /// begins with is not there.
    const std::map<std::string, std::int64_t>& failed() const { return failed_; }

    /// Those that the last find() reached and whose changes it hears of, and when each had been
    /// changed last before it was listed.
    std::map<std::string, std::int64_t> folders() const;

    /// What was asked of the disk, and compared with patterns, ever. For tests of the bound.
    std::uint64_t looks() const { return looks_; }
    std::uint64_t compared() const { return include_.compared() + exclude_.compared(); }

private:
    struct Seen {
        std::int64_t modified_ns = -1;  ///< -1: was not there.
        std::int64_t listed_ns = 0;     ///< Wall time.
    };
    struct Place {
        std::string path;  ///< "" is the root.
        GlobStates include;
        GlobStates exclude;
        bool named = true;  ///< By the patterns, not by a listing.
    };
    using Inode = std::pair<std::uint64_t, std::uint64_t>;
    using IsFile = std::function<bool(const std::string&)>;

    Task<> look_into(Place place, const IsFile& is_file);
    bool enter(const Place& from, std::string_view name, bool named, const IsFile& is_file);
    bool leave_out_known(const FileStat& st, GlobStates& states);
    void failed(const Place& place, std::int64_t result);

    Ring& ring_;
    Patterns include_;
    Patterns exclude_;
    std::map<std::string, Seen> seen_;
    std::map<std::string, std::int64_t> failed_;
    std::uint64_t looks_ = 0;

    // Of the walk under way.
    std::vector<Place> todo_;
    std::vector<std::string> found_;
    std::map<Inode, GlobStates> visited_;
};

}  // namespace holdfast::io

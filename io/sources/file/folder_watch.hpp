// Folders that are watched: what the system tells of changes in them.
//
// Rule 1: all of it is a hint, to look sooner. A system that tells nothing (a network file system, a
//         limit of watches, a file behind a link) costs time, never a record.
// Rule 2: where the queue ran over, anything may have changed.
// Bound: one watch for each folder, and one answer of the queue in memory.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

class FolderWatch {
public:
    struct Told {
        std::set<std::string> paths;  ///< Of what was written, came or went.
        bool names = false;           ///< Something came, went or has another name.
        bool all = false;             ///< Anything may have changed.
    };

    explicit FolderWatch(Ring& ring) : ring_(ring) {}

    /// Watches these too; those that cannot be watched are tried again the next time. True: some are
    /// new, and what changed in them just before was told to nobody.
    Task<bool> follow(std::vector<std::string> folders);
    /// What was told since the last time.
    Task<Told> told();
    /// Negated errno: why a folder is not watched; 0: all are.
    std::int64_t failed() const { return failed_; }

private:
    static constexpr int not_tried = -1;
    static constexpr int not_here = -2;

    Ring& ring_;
    int fd_ = not_tried;
    std::int64_t failed_ = 0;
    std::map<std::string, std::int64_t> numbers_;  ///< By folder.
    std::map<std::int64_t, std::string> folders_;  ///< By number.
};

}  // namespace holdfast::io

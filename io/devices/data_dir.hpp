// The data directory, and that it is ours: a lock that dies with the process.
//
// Rule 1: both are locked: the directory itself (flock, where the file system has it), so that a
//         lock file that is removed lets nobody in, and the file that the name `lock` leads to.
// Rule 2: no link in it is followed, and nothing but a lock of our own is written over.
// Rule 3: what is made is its owner's alone (0700, 0600); what was there keeps its mode.
// Plain system calls: it is needed before there is a ring. What is in the directory, and which
// pipeline it belongs to, the checkpoint store checks.
#pragma once

#include <expected>
#include <string>

namespace holdfast::io {

class DataDir {
public:
    /// Makes the directory with those above it, and locks it. Error: for the user, what is wrong
    /// and what to do.
    static std::expected<DataDir, std::string> open(const std::string& path);

    DataDir(DataDir&& other) noexcept;
    DataDir& operator=(DataDir&& other) noexcept;
    ~DataDir();

    const std::string& path() const { return path_; }

private:
    explicit DataDir(std::string path) : path_(std::move(path)) {}

    std::string path_;
    int fd_ = -1;         ///< Of the lock.
    int directory_ = -1;  ///< -1: it may not be opened.
};

}  // namespace holdfast::io

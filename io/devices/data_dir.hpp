// The data directory, and that it is ours: a lock that dies with the process.
//
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
    DataDir(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

    std::string path_;
    int fd_ = -1;
};

}  // namespace holdfast::io

// File systems that a test makes for itself. Needs the right to mount; who lacks it skips.
#pragma once

#include <string>
#include <vector>

namespace holdfast::real {

/// A small file system in memory.
class Tmpfs {
public:
    /// `options` as mount(8) takes them, such as "size=2m".
    Tmpfs(std::string path, const std::string& options);
    ~Tmpfs();
    Tmpfs(const Tmpfs&) = delete;

    /// False, and said so: the test cannot be run here.
    bool mounted() const { return mounted_; }
    /// As mount -o remount: "size=64m", or "ro".
    bool remount(const std::string& options) const;

private:
    std::string path_;
    bool mounted_ = false;
};

}  // namespace holdfast::real

// See mounts.hpp.
#include "tests/real/mounts.hpp"

#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <filesystem>

namespace holdfast::real {

Tmpfs::Tmpfs(std::string path, const std::string& options) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, options.c_str()) == 0;
    if (!mounted_) WARN("skipped: mounting a tmpfs needs root");
}

Tmpfs::~Tmpfs() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
}

bool Tmpfs::remount(const std::string& options) const {
    const bool read_only = options == "ro";
    const unsigned long flags =
        MS_REMOUNT | (read_only ? static_cast<unsigned long>(MS_RDONLY) : 0ul);
    return ::mount("tmpfs", path_.c_str(), "tmpfs", flags, read_only ? "" : options.c_str()) == 0;
}

}  // namespace holdfast::real

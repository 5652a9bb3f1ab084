#include "io/devices/data_dir.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "io/devices/files.hpp"

namespace holdfast::io {
namespace {

/// Who holds the lock, as far as its text tells.
std::string owner_of(int fd) {
    std::array<char, 32> text{};
    const ssize_t n = ::pread(fd, text.data(), text.size() - 1, 0);
    std::string owner(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    owner.erase(owner.find_last_not_of("\n ") + 1);
    return owner.empty() ? "another process" : "process " + owner;
}

/// Makes the names on the way to the directory durable, as far as they may be read.
void sync_way_to(const std::string& path) {
    std::string at = path;
    while (parent_of(at) != at) {
        at = parent_of(at);
        const int fd = ::open(at.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) continue;
        ::fsync(fd);
        ::close(fd);
    }
}

/// Of the open file description: it ends with the process, and a second DataDir in this process is
/// kept out too. 0 or an errno.
int lock(int fd) {
    struct flock whole{};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    return ::fcntl(fd, F_OFD_SETLK, &whole) == 0 ? 0 : errno;
}

}  // namespace

std::expected<DataDir, std::string> DataDir::open(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) {
        return std::unexpected(
            fmt::format("data_dir {} can't be made: {}", path, error.message()));
    }
    const std::string lock_path = path + "/lock";
    const int fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return std::unexpected(
            fmt::format("data_dir {} can't be used: {}: {}", path, lock_path, error_text(errno)));
    }
    DataDir dir(path, fd);
    const int locked = lock(fd);
    if (locked == EAGAIN || locked == EACCES) {
        return std::unexpected(
            fmt::format("data_dir {} is locked by {}: two processes can't share it. Stop that one, "
                        "or set another data_dir",
                        path, owner_of(fd)));
    }
    if (locked != 0) {
        return std::unexpected(
            fmt::format("data_dir {} can't be locked: {}", path, error_text(locked)));
    }
    sync_way_to(path);
    const std::string text = std::to_string(::getpid()) + "\n";
    // Only for the message above: a lock without a text is a lock.
    if (::ftruncate(fd, 0) == 0) {
        [[maybe_unused]] const ssize_t n = ::pwrite(fd, text.data(), text.size(), 0);
    }
    return dir;
}

DataDir::DataDir(DataDir&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

DataDir& DataDir::operator=(DataDir&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(fd_, other.fd_);
    return *this;
}

DataDir::~DataDir() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace holdfast::io

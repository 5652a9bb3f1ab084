#include "io/devices/data_dir.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "io/devices/files.hpp"

namespace holdfast::io {
namespace {

constexpr off_t text_size_max = 32;  // Of a lock: a process id.

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

/// The directory, for us alone, and those above it that are missing: for nobody else to write,
/// whatever the umask. 0 or an errno.
int make(const std::string& path) {
    std::vector<std::string> missing;
    for (std::string at = parent_of(path); ::access(at.c_str(), F_OK) != 0 && errno == ENOENT;
         at = parent_of(at)) {
        missing.push_back(at);
        if (parent_of(at) == at) break;
    }
    for (auto at = missing.rbegin(); at != missing.rend(); ++at)
        if (::mkdir(at->c_str(), 0755) != 0 && errno != EEXIST) return errno;
    return ::mkdir(path.c_str(), S_IRWXU) == 0 || errno == EEXIST ? 0 : errno;
}

/// A file that is ours to lock and write: no link to somebody's, nothing else that has its name.
/// The error says what to do about it.
std::expected<int, std::string> open_lock(const std::string& path) {
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    const int fd = ::open(path.c_str(), flags, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        const char* const advice = errno == ELOOP    ? ": no link is followed there. Remove it"
                                   : errno == EISDIR ? ". Move it away"
                                                     : "";
        return std::unexpected(fmt::format("{}: {}{}", path, error_text(errno), advice));
    }
    struct stat found{};
    const bool is_known = ::fstat(fd, &found) == 0;
    const char* wrong = nullptr;
    if (!is_known || !S_ISREG(found.st_mode))
        wrong = "is not a regular file";
    else if (found.st_nlink > 1)
        wrong = "has another name, too (a hard link)";
    else if (found.st_size > text_size_max)
        wrong = "is not the lock of a holdfast";
    if (wrong == nullptr) return fd;
    ::close(fd);
    return std::unexpected(fmt::format("{} {}; nothing was changed. Move it away", path, wrong));
}

/// Whether the name still leads to what was opened.
bool is_named(const std::string& path, int fd) {
    struct stat named{};
    struct stat opened{};
    return ::lstat(path.c_str(), &named) == 0 && ::fstat(fd, &opened) == 0 &&
           named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

}  // namespace

std::expected<DataDir, std::string> DataDir::open(const std::string& path) {
    if (const int made = make(path); made != 0)
        return std::unexpected(
            fmt::format("data_dir {} can't be made: {}", path, error_text(made)));
    DataDir dir(path);
    dir.directory_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir.directory_ < 0 && errno != EACCES)
        return std::unexpected(
            fmt::format("data_dir {} can't be used: {}", path, error_text(errno)));
    const std::string lock_path = path + "/lock";
    bool is_taken = dir.directory_ >= 0 && ::flock(dir.directory_, LOCK_EX | LOCK_NB) != 0 &&
                    errno == EWOULDBLOCK;
    while (true) {
        const auto fd = open_lock(lock_path);
        if (!fd) {
            return std::unexpected(fmt::format("data_dir {} can't be used: {}", path, fd.error()));
        }
        if (dir.fd_ >= 0) ::close(dir.fd_);
        dir.fd_ = *fd;
        const int locked = is_taken ? EAGAIN : lock(*fd);
        is_taken = locked == EAGAIN || locked == EACCES;
        if (locked != 0 && !is_taken) {
            return std::unexpected(
                fmt::format("data_dir {} can't be locked: {}", path, error_text(locked)));
        }
        // What was removed meanwhile is no lock: the next one would make, and lock, another file.
        if (is_taken || is_named(lock_path, *fd)) break;
    }
    if (is_taken) {
        return std::unexpected(
            fmt::format("data_dir {} is locked by {}: two processes can't share it. Stop that one, "
                        "or set another data_dir",
                        path, owner_of(dir.fd_)));
    }
    sync_way_to(path);
    const std::string text = std::to_string(::getpid()) + "\n";
    // Only for the message above: a lock without a text is a lock.
    if (::ftruncate(dir.fd_, 0) == 0) {
        [[maybe_unused]] const ssize_t n = ::pwrite(dir.fd_, text.data(), text.size(), 0);
    }
    return dir;
}

DataDir::DataDir(DataDir&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      directory_(std::exchange(other.directory_, -1)) {}

DataDir& DataDir::operator=(DataDir&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(fd_, other.fd_);
    std::swap(directory_, other.directory_);
    return *this;
}

DataDir::~DataDir() {
    if (fd_ >= 0) ::close(fd_);
    if (directory_ >= 0) ::close(directory_);
}

}  // namespace holdfast::io

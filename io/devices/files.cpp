#include "io/devices/files.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace holdfast::io {
namespace {

constexpr std::size_t vectors_max = 1024;  // IOV_MAX of Linux.

/// Takes `bytes` off the front of vectors[first...]; returns the first that still has some.
std::size_t advance(std::vector<iovec>& vectors, std::size_t first, std::size_t bytes) {
    while (first < vectors.size() && bytes >= vectors[first].iov_len) {
        bytes -= vectors[first].iov_len;
        vectors[first].iov_len = 0;
        ++first;
    }
    if (first < vectors.size()) {
        vectors[first].iov_base = static_cast<std::byte*>(vectors[first].iov_base) + bytes;
        vectors[first].iov_len -= bytes;
    }
    return first;
}

}  // namespace

std::string parent_of(const std::string& path) {
    const std::size_t end = path.find_last_not_of('/');
    if (end == std::string::npos) return path.empty() ? "." : "/";
    const std::size_t slash = path.find_last_of('/', end);
    if (slash == std::string::npos) return ".";
    const std::size_t last = path.find_last_not_of('/', slash);
    return last == std::string::npos ? "/" : path.substr(0, last + 1);
}

std::string error_text(std::int64_t result) {
    return std::generic_category().message(static_cast<int>(result < 0 ? -result : result));
}

iovec vector_of(std::span<const std::byte> bytes) {
    return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

Task<std::int64_t> write_all(Ring& ring, int fd, std::vector<iovec>& vectors, std::int64_t offset,
                             std::int64_t& progress) {
    progress = 0;
    std::size_t first = advance(vectors, 0, 0);
    while (first < vectors.size()) {
        const std::size_t count = std::min(vectors.size() - first, vectors_max);
        const std::span<const iovec> some(vectors.data() + first, count);
        const std::int64_t at = offset < 0 ? offset : offset + progress;
        const std::int64_t n = co_await io::write(ring, fd, some, at);
        if (n == -EINTR) continue;
        if (n < 0) co_return n;
        if (n == 0) co_return -EIO;  // A write of something that writes nothing would never end.
        progress += n;
        first = advance(vectors, first, static_cast<std::size_t>(n));
    }
    co_return progress;
}

Task<std::int64_t> read_all(Ring& ring, int fd, std::span<std::byte> buffer, std::int64_t offset) {
    std::size_t done = 0;
    while (done < buffer.size()) {
        const std::int64_t at = offset + static_cast<std::int64_t>(done);
        const std::int64_t n = co_await io::read(ring, fd, buffer.subspan(done), at);
        if (n == -EINTR) continue;
        if (n < 0) co_return n;
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    co_return static_cast<std::int64_t>(done);
}

Task<std::int64_t> open_retried(Ring& ring, const std::string& path, int flags,
                                std::uint32_t mode) {
    std::int64_t fd = -EINTR;
    while (fd == -EINTR) fd = co_await io::open(ring, path.c_str(), flags, mode);
    co_return fd;
}

Task<std::int64_t> lock_file(Ring& ring, int fd) {
    constexpr int tries = 20;
    std::int64_t result = -EINTR;
    for (int i = 0; i < tries && (result == -EINTR || result == -EAGAIN); ++i) {
        if (result == -EAGAIN) co_await sleep_until(ring, ring.now() + milliseconds(50));
        result = co_await io::lock(ring, fd);
    }
    if (result >= 0) co_return 1;
    co_return result == -EAGAIN ? result : 0;
}

std::string locked_text(const std::string& path) {
    return fmt::format(
        "{} is written by another process, perhaps another pipeline with this output: two would "
        "overwrite each other. Stop that one, or set another path",
        path);
}

Task<std::int64_t> sync_directory(Ring& ring, const std::string& path) {
    const std::int64_t fd = co_await open_retried(ring, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) co_return fd;
    const std::int64_t result = co_await io::sync_all(ring, static_cast<int>(fd));
    co_await io::close(ring, static_cast<int>(fd));
    co_return result;
}

Task<std::int64_t> sync_names(Ring& ring, const std::string& path) {
    std::string at = path;
    while (parent_of(at) != at) {
        at = parent_of(at);
        const std::int64_t result = co_await sync_directory(ring, at);
        if (result < 0 && result != -EACCES && result != -EPERM) co_return result;
    }
    co_return 0;
}

Task<std::int64_t> make_directories(Ring& ring, const std::string& path) {
    // From the path upwards to what exists, then down again.
    std::vector<std::string> missing;
    std::string at = path;
    while (true) {
        FileStat found;
        const std::int64_t result = co_await io::stat(ring, at.c_str(), found);
        if (result == 0) {
            if (!S_ISDIR(found.mode)) co_return -ENOTDIR;
            break;
        }
        if (result != -ENOENT) co_return result;
        missing.push_back(at);
        if (parent_of(at) == at) break;
        at = parent_of(at);
    }
    while (!missing.empty()) {
        at = missing.back();
        missing.pop_back();
        const std::int64_t result = co_await io::mkdir(ring, at.c_str());
        if (result < 0 && result != -EEXIST) co_return result;
    }
    co_return 0;
}

Task<std::int64_t> end_of_last_line(Ring& ring, int fd, std::int64_t begin, std::int64_t end) {
    std::vector<std::byte> buffer(std::size_t{64} * 1024);
    while (end > begin) {
        const std::int64_t size = std::min(end - begin, static_cast<std::int64_t>(buffer.size()));
        const std::span<std::byte> some(buffer.data(), static_cast<std::size_t>(size));
        const std::int64_t n = co_await read_all(ring, fd, some, end - size);
        if (n < 0) co_return n;
        if (n < size) co_return -EIO;  // The file shrinks while we look.
        const void* newline = ::memrchr(buffer.data(), '\n', some.size());
        if (newline != nullptr) {
            co_return end - size + (static_cast<const std::byte*>(newline) - buffer.data()) + 1;
        }
        end -= size;
    }
    co_return begin;
}

}  // namespace holdfast::io

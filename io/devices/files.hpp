// What the writing devices share: whole writes, directories that are there and durable, names.
//
// Rule 1: a result is >= 0 or a negated errno, as a ring's is; interrupted calls are begun again.
// Rule 2: a new name is durable only after its directory was synced; these functions do that.
// Lives: every argument taken by reference must live until the result is there.
#pragma once

#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/model/outcomes.hpp"
#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

/// The directory that a path's last component stands in: "." or "/" where the path doesn't say.
std::string parent_of(const std::string& path);

/// "No space left on device" for -ENOSPC or ENOSPC.
std::string error_text(std::int64_t result);

/// Does this say that a path leads to nothing?
inline bool is_gone(std::int64_t result) { return result == -ENOENT || result == -ENOTDIR; }

inline StoreOutcome store_outcome(std::int64_t result) {
    return result < 0 ? StoreOutcome::retriable : StoreOutcome::ok;
}

inline bool is_same_file(const FileStat& a, const FileStat& b) {
    return a.device == b.device && a.inode == b.inode;
}

/// One vector over these bytes, which a write does not change.
iovec vector_of(std::span<const std::byte> bytes);

/// Writes all of it, however short the ring's writes are. The vectors are used up: after an
/// error they hold what is left, to go on with. Result: bytes written or the error that ended it;
/// `progress` counts what was written before that.
Task<std::int64_t> write_all(Ring& ring, int fd, std::vector<iovec>& vectors, std::int64_t offset,
                             std::int64_t& progress);

/// Reads until the buffer is full or the file ends. Result: bytes read.
Task<std::int64_t> read_all(Ring& ring, int fd, std::span<std::byte> buffer, std::int64_t offset);

/// Opens, and again if it was interrupted. `mode`: of a file that is made, under the umask.
Task<std::int64_t> open_retried(Ring& ring, const std::string& path, int flags,
                                std::uint32_t mode = 0);

/// Makes a file that is open for writing ours, among those who ask for it. Result: 1; 0 where the
/// file system knows no locks; -EAGAIN: another process has it (asked for a second, since one that
/// was killed may still be on its way out).
Task<std::int64_t> lock_file(Ring& ring, int fd);
/// What to tell the user after -EAGAIN.
std::string locked_text(const std::string& path);

Task<std::int64_t> sync_directory(Ring& ring, const std::string& path);

/// Makes every name on the way to the path durable. Also those that were there: a process that was
/// killed just after it made them has not synced them. What may not be read is left out.
Task<std::int64_t> sync_names(Ring& ring, const std::string& path);

/// mkdir -p. See sync_names.
Task<std::int64_t> make_directories(Ring& ring, const std::string& path);

/// The offset after the last newline in [begin, end) of a file, or `begin` if there is none.
Task<std::int64_t> end_of_last_line(Ring& ring, int fd, std::int64_t begin, std::int64_t end);

}  // namespace holdfast::io

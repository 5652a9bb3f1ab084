// Directories that are watched: inotify.
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "io/posix/plain_calls.hpp"

namespace holdfast::io {
namespace {

// What the kernel's queue holds at most (fs.inotify.max_queued_events) comes in one answer.
constexpr std::size_t changes_max = 16384;
// Several writers in turn are several changes again and again: of the newest few one of each is told.
constexpr std::size_t repeats_seen = 8;

constexpr std::uint32_t names_change =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB;
constexpr std::uint32_t ends = IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF;

Change change_of(const inotify_event& event, const char* name) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) return {.kind = Change::Kind::lost, .name = {}};
    Change change{.kind = Change::Kind::bytes, .directory = event.wd, .name = {}};
    if (event.len > 0) change.name.assign(name, ::strnlen(name, event.len));
    if ((event.mask & names_change) != 0) change.kind = Change::Kind::names;
    if ((event.mask & ends) != 0) change.kind = Change::Kind::gone;
    return change;
}

void take(std::span<const std::byte> bytes, std::vector<Change>& changes) {
    while (bytes.size() >= sizeof(inotify_event)) {
        inotify_event event;
        std::memcpy(&event, bytes.data(), sizeof event);
        const auto* name = reinterpret_cast<const char*>(bytes.data() + sizeof event);
        Change change = change_of(event, name);
        const auto newest = changes.size() - std::min(changes.size(), repeats_seen);
        const auto from = changes.begin() + static_cast<std::ptrdiff_t>(newest);
        if (std::find(from, changes.end(), change) == changes.end()) {
            changes.push_back(std::move(change));
        }
        bytes = bytes.subspan(sizeof event + event.len);
    }
}

std::int64_t read_changes(const Op& op) {
    op.changes->clear();
    std::array<std::byte, std::size_t{16} << 10> buffer;
    while (op.changes->size() < changes_max) {
        const ssize_t n = ::read(op.fd, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) return -errno;
        if (n <= 0) break;
        take(std::span<const std::byte>(buffer).first(static_cast<std::size_t>(n)), *op.changes);
    }
    return 0;
}

std::int64_t checked(std::int64_t result) { return result < 0 ? -errno : result; }

}  // namespace

std::int64_t perform_watch(const Op& op) {
    constexpr std::uint32_t asked = IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                    IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                    IN_ONLYDIR;
    switch (op.kind) {
        case OpKind::watch_open: return checked(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
        case OpKind::watch: return checked(::inotify_add_watch(op.fd, op.path, asked));
        default: return read_changes(op);
    }
}

}  // namespace holdfast::io

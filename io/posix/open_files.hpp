// The descriptors that a ring opened and that nobody closed through it: see Ring::abandon.
//
// Rule: counted, not marked: a number that was closed may be given out again before the ring hears
//       of the close.
// Requires: one thread.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/ring.hpp"

namespace holdfast::io {

class OpenFiles {
public:
    /// Each operation that ended, whoever still wants to know of it.
    void ended(const Op& op) { ended(op.kind, op.fd, op.result); }
    void ended(OpKind kind, int fd, std::int64_t result) {
        const bool opens =
            kind == OpKind::open || kind == OpKind::accept || kind == OpKind::watch_open;
        if (opens && result >= 0) {
            count(static_cast<std::size_t>(result)) += 1;
        } else if (kind == OpKind::close && fd >= 0 && result != -ECANCELED && result != -EBADF) {
            std::int8_t& open = count(static_cast<std::size_t>(fd));
            if (open > 0) --open;  // Else it was opened elsewhere.
        }
    }
    void close_all() {
        for (std::size_t fd = 0; fd < open_.size(); ++fd) {
            if (open_[fd] > 0) ::close(static_cast<int>(fd));
        }
        open_.clear();
    }

private:
    std::int8_t& count(std::size_t fd) {
        if (fd >= open_.size()) open_.resize(fd + 1);
        return open_[fd];
    }

    std::vector<std::int8_t> open_;  ///< By descriptor.
};

}  // namespace holdfast::io

#include "io/runner/choose_ring.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "io/posix/posix_ring.hpp"
#include "io/uring/uring_ring.hpp"

namespace holdfast::io {
namespace {

// What an administrator can change; empty if the kernel has no such switch or it is off.
std::string sysctl_note() {
    const int fd = ::open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return "";
    char value = '0';
    const ssize_t n = ::read(fd, &value, 1);
    ::close(fd);
    if (n != 1 || value == '0') return "";
    return std::string(" (sysctl kernel.io_uring_disabled is ") + value + ")";
}

}  // namespace

std::unique_ptr<Ring> choose_ring(RingChoice choice, std::string& why) {
    why.clear();
    if (choice == RingChoice::posix) return std::make_unique<PosixRing>();
    std::unique_ptr<UringRing> uring = UringRing::make(why);
    if (uring == nullptr) {
        why = "io_uring is not available: " + why + sysctl_note();
        if (choice == RingChoice::uring) return nullptr;
        why += "; using plain calls on threads";
        return std::make_unique<PosixRing>();
    }
    return uring;
}

}  // namespace holdfast::io

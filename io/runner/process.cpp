#include "io/runner/process.hpp"

#include <poll.h>

namespace holdfast::io {

std::unique_ptr<Ring> RealProcess::make_ring(std::string& why) { return choose_ring(choice_, why); }

std::string RealProcess::take_data_dir(const std::string& path) {
    auto made = DataDir::open(path);
    if (!made) return made.error();
    data_dir_.emplace(std::move(*made));
    return {};
}

MemoryGuard RealProcess::memory_guard(std::uint64_t config_bytes) {
    return MemoryGuard(find_memory_limit(config_bytes));
}

// A signal ends it, or whatever else ends a poll long before.
bool RealProcess::wait(Duration duration) {
    if (signals_.count() > 0) return false;
    pollfd readable{.fd = signals_.fd(), .events = POLLIN, .revents = 0};
    const int came = ::poll(&readable, 1, static_cast<int>(duration.ns / 1'000'000));
    return came == 0;
}

}  // namespace holdfast::io

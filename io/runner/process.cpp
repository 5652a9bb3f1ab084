#include "io/runner/process.hpp"

#include <poll.h>
#include <chrono>

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

// What is asked meanwhile and is no stop is answered by the next life.
bool RealProcess::wait(Duration duration) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::nanoseconds(duration.ns);
    while (signals_.count() == 0) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        if (left.count() <= 0) return true;
        pollfd readable{.fd = signals_.fd(), .events = POLLIN, .revents = 0};
        if (::poll(&readable, 1, static_cast<int>(left.count())) > 0) signals_.take();
    }
    return false;
}

}  // namespace holdfast::io

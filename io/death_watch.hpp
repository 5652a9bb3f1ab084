// What a thread was evaluating when a fault killed it (SIGSEGV, SIGABRT, ...): written by the signal
// handler itself, since nobody comes to it afterwards.
//
// Rule 1: only async-signal-safe calls; a stack of its own, since the thread's may be what is used up.
// Rule 2: the fault stays what it is: the process dies of it, with the same signal.
// Bound: one small stack a thread; one write of a fixed size.
// Doesn't know: what becomes of the record (io/runner/last_words.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "core/data/flow/place.hpp"

namespace holdfast::io {

/// A spot as a line of a fixed length: what the handler writes, and others read.
inline constexpr std::size_t spot_line_size = 128;
using SpotLine = std::array<char, spot_line_size>;

/// "source=0 node=1 partition=00ab... position=17 signal=11", blanks, newline. Async-signal-safe.
SpotLine spot_line(const flow::Spot& spot, int signal);
/// False: it is no such line.
bool read_spot_line(const SpotLine& line, flow::Spot& spot, int& signal);

/// From now on a fault in a thread that is watched writes its line there.
void write_deaths_to(int fd, long offset);
/// No more.
void forget_deaths();

/// While it lives the thread that made it is watched: its place is what is written.
class DeathWatch {
public:
    explicit DeathWatch(std::shared_ptr<const flow::Place> place);
    ~DeathWatch();
    DeathWatch(const DeathWatch&) = delete;

private:
    std::shared_ptr<const flow::Place> place_;
    std::unique_ptr<std::byte[]> stack_;
};

}  // namespace holdfast::io

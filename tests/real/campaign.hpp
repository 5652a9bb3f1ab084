// What the SIGKILL campaigns share: numbered lines, random moments, and verdicts that look at files
// only.
#pragma once

#include <cstdint>
#include <string>

#include "tests/real/process.hpp"

namespace holdfast::real {

/// Lines "<number> <padding>\n", numbered from `first`, of lengths that vary.
std::string numbered_lines(std::uint64_t first, std::uint64_t count);

/// What kills are drawn from: equal seeds give equal waits.
class Waits {
public:
    explicit Waits(std::uint64_t seed) : seed_(seed) {}
    std::int64_t next(std::int64_t low, std::int64_t high);

private:
    std::uint64_t seed_;
    std::uint64_t count_ = 0;
};

/// How a file of numbered lines differs from lines 0 to `count` - 1, each once, in order.
struct Verdict {
    std::uint64_t lost = 0;
    std::uint64_t repeated = 0;
    std::uint64_t jumps = 0;  ///< Times that the numbers went back.
    std::uint64_t torn = 0;   ///< Lines that were never written.
};
Verdict judge(const std::string& text, std::uint64_t count);

/// The payloads of dead letters, a line each. For records that need no escapes.
std::string payloads_of(const std::string& dead_letters);

/// Kills the program at random moments until it was killed `kills` times after it had written some
/// but not all of `output` (of `size` bytes), each time starting it again on the same state; then
/// lets it end. When it is done before its kill, `begin_again` is called for a fresh start; kills
/// that hit before the first byte count for nothing. Returns how the last one ended.
Exited run_with_kills(const std::string& config, std::uint32_t kills, std::int64_t wait_ms_max,
                      Waits& waits, void (*begin_again)(const TempDir&), const TempDir& folder,
                      const std::string& output, std::uint64_t size);

}  // namespace holdfast::real

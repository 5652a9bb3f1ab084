// What a simulator that dies says last: how to see it again.
//
// Rule: only what is safe in a signal function is done when it comes.
#pragma once

#include <cstdint>

namespace holdfast::sim {

/// From now on an assertion that fails, or worse, prints `CRASH  replay: holdfast sim WHAT --seed N` and
/// ends the process with this exit code. Lives: `what`, for ever.
void say_at_crash(const char* what, int exit_code);
/// N is this one, on this thread.
void crash_is_of(std::uint64_t seed);

}  // namespace holdfast::sim

#include "sim/crash_words.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

namespace holdfast::sim {
namespace {

const char* of_what = "";
int code = 1;
thread_local std::uint64_t seed_now = 0;

extern "C" void on_crash(int) {
    char text[512];
    const int n =
        std::snprintf(text, sizeof(text), "CRASH  replay: holdfast sim%s%s --seed 0x%llx\n",
                      *of_what != 0 ? " " : "", of_what, static_cast<unsigned long long>(seed_now));
    const auto size = std::min(static_cast<std::size_t>(std::max(n, 0)), sizeof(text) - 1);
    if (::write(2, text, size) < 0) ::_exit(code);
    ::_exit(code);
}

}  // namespace

void say_at_crash(const char* what, int exit_code) {
    of_what = what;
    code = exit_code;
    for (const int number : {SIGABRT, SIGTRAP, SIGSEGV}) std::signal(number, on_crash);
}

void crash_is_of(std::uint64_t seed) { seed_now = seed; }

}  // namespace holdfast::sim

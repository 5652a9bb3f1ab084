// The assertion hook: prints and traps.
#include "core/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

extern "C" void hf_assert_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "holdfast: assertion failed: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

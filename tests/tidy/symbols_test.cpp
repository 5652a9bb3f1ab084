// The engine's archive is pure: it calls nothing but these. A clock, a file, a thread, an
// allocation or an exception would show here as an undefined symbol.
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <memory>
#include <set>
#include <string>

namespace {

const std::set<std::string> allowed{"memcpy", "memmove", "memset", "memcmp", "hf_assert_failed"};

bool sanitized() {
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

struct Symbols {
    std::set<std::string> defined;
    std::set<std::string> undefined;
};

struct Close {
    void operator()(FILE* f) const { pclose(f); }
};

/// Reads with llvm-nm, which understands objects for link-time optimisation too, or else with nm.
Symbols symbols_of(const std::string& archive) {
    std::string command = "{ ";
    for (const char* nm : {"llvm-nm-19", "llvm-nm"}) {
        command += std::string(nm) + " -f posix '" + archive + "' 2>/dev/null || ";
    }
    command += "nm -f posix '" + archive + "' 2>/dev/null; }";
    const std::unique_ptr<FILE, Close> pipe(popen(command.c_str(), "r"));
    Symbols out;
    std::array<char, 4096> line;
    while (pipe && std::fgets(line.data(), static_cast<int>(line.size()), pipe.get())) {
        std::array<char, 4096> name{};
        char type = 0;
        if (std::sscanf(line.data(), "%4095s %c", name.data(), &type) != 2) continue;
        (type == 'U' ? out.undefined : out.defined).insert(name.data());
    }
    return out;
}

}  // namespace

TEST_CASE("engine's archive calls nothing impure") {
    if (sanitized()) {
        WARN("skipped: a sanitizer adds symbols of its own; run it in release or gcc");
        return;
    }
    const Symbols symbols = symbols_of(HF_BINARY_DIR "/libhf_engine.a");
    REQUIRE(symbols.defined.size() > 10);
    CHECK(symbols.undefined.contains("hf_assert_failed"));  // Or nothing was read.
    for (const std::string& name : symbols.undefined) {
        if (symbols.defined.contains(name)) continue;
        INFO(name);
        CHECK(allowed.contains(name));
    }
}

TEST_CASE("codec's archive knows no clock, file, thread, environment or chance") {
    if (sanitized()) {
        WARN("skipped: a sanitizer adds symbols of its own; run it in release or gcc");
        return;
    }
    const Symbols symbols = symbols_of(HF_BINARY_DIR "/libhf_codec.a");
    REQUIRE(symbols.defined.size() > 10);
    CHECK(symbols.undefined.contains("hf_assert_failed"));  // Or nothing was read.
    for (const char* name : {"open", "fopen", "read", "write", "mmap", "socket", "clock_gettime",
                             "gettimeofday", "time", "nanosleep", "pthread_create", "getenv",
                             "rand", "getrandom", "setlocale", "strtod", "printf", "abort"}) {
        INFO(name);
        CHECK_FALSE(symbols.undefined.contains(name));
    }
}

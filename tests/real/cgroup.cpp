#include "tests/real/cgroup.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/real/process.hpp"

namespace holdfast::real {
namespace {

namespace fs = std::filesystem;

// Sanitizers keep several times the memory of the program itself.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer);
#else
constexpr bool sanitized = false;
#endif

bool put(const std::string& path, const std::string& text) {
    std::ofstream out(path);
    out << text;
    out.flush();
    return out.good();
}

}  // namespace

Cgroup::Cgroup(std::uint64_t bytes) {
    if (sanitized) return;
    const std::string name = "/holdfast_test_" + std::to_string(::getpid());
    const std::pair<const char*, const char*> kinds[] = {
        {"/sys/fs/cgroup", "memory.max"}, {"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}};
    for (const auto& [mount, file] : kinds) {
        std::error_code error;
        const std::string folder = mount + name;
        if (!fs::create_directory(folder, error)) continue;
        // Where no cgroups are mounted that is an ordinary folder, and empty.
        const bool real = exists(folder + "/" + file) && exists(folder + "/cgroup.procs");
        if (real && put(folder + "/" + file, std::to_string(bytes))) {
            folder_ = folder;
            return;
        }
        fs::remove(folder, error);
    }
}

Cgroup::~Cgroup() {
    // The kernel lets go of the last process a moment after its end.
    for (int i = 0; i < 100 && made(); ++i) {
        if (::rmdir(folder_.c_str()) == 0) return;
        sleep_ms(20);
    }
}

bool Cgroup::made() const {
    if (folder_.empty()) WARN("skipped: no memory cgroup can be made here, or sanitized");
    return !folder_.empty();
}

std::vector<std::string> Cgroup::inside(const std::vector<std::string>& arguments) const {
    std::vector<std::string> out{"/bin/sh", "-c",
                                 "echo $$ > " + folder_ + "/cgroup.procs && exec \"$@\"", "sh"};
    for (const std::string& word : program(arguments)) out.push_back(word);
    return out;
}

std::uint64_t Cgroup::unreclaimable() const {
    std::ifstream in(folder_ + "/memory.stat");
    std::string name;
    std::uint64_t value = 0, sum = 0;
    while (in >> name >> value)
        if (name == "anon" || name == "total_rss") sum += value;
    return sum;
}

std::uint64_t number_after(const std::string& text, const std::string& name) {
    const std::size_t at = text.find("\"" + name + "\": ");
    REQUIRE(at != std::string::npos);
    return std::stoull(text.substr(at + name.size() + 4));
}

}  // namespace holdfast::real

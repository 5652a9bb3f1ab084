// See memory_guard.hpp.
#include "io/memory_guard.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

namespace holdfast::io {
namespace {

constexpr std::uint64_t no_limit = UINT64_MAX;
// Version 1 writes "no limit" as the largest multiple of a page.
constexpr std::uint64_t no_limit_v1 = 1ull << 62;
// Waiting for memory is a hint; a machine that does nothing else is near its end.
constexpr std::uint32_t stall_weight_permille = 850;

std::string text_of_file(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream text;
    if (in) text << in.rdbuf();
    return text.str();
}

/// The number that a file begins with; `no_limit` for "max"; nothing for anything else.
std::optional<std::uint64_t> number_in(const std::string& path) {
    const std::string text = text_of_file(path);
    if (text.starts_with("max")) return no_limit;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    return value;
}

/// The value of a line "name value" in a file of such lines; 0 if there is none.
std::uint64_t field_in(const std::string& text, const std::string& name) {
    std::istringstream lines(text);
    std::string word;
    std::uint64_t value = 0;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream in(line);
        if (in >> word >> value && word == name) return value;
    }
    return 0;
}

/// The process's own cgroup as /proc/self/cgroup names it, of version 2 or of v1's memory.
std::string own_cgroup(const std::string& root, bool version_two) {
    std::istringstream lines(text_of_file(root + "/proc/self/cgroup"));
    for (std::string line; std::getline(lines, line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const bool wanted = version_two ? line.starts_with("0::")
                                        : controllers.find(",memory,") != std::string::npos;
        if (wanted) return line.substr(second + 1);
    }
    return {};
}

/// Folders of a cgroup and all above it, up to where cgroups are mounted. In a container the name
/// may be the host's, and only the mount itself is there.
std::array<std::string, 64> folders_of(const std::string& mount, std::string name,
                                       std::size_t& count) {
    std::array<std::string, 64> out;
    count = 0;
    while (count + 1 < out.size() && name.size() > 1) {
        out[count++] = mount + name;
        name.resize(name.rfind('/') == std::string::npos ? 0 : name.rfind('/'));
    }
    out[count++] = mount;
    return out;
}

void lower(MemoryLimit& limit, std::uint64_t bytes, std::uint64_t most, LimitOrigin origin,
           const std::string& folder) {
    if (bytes >= limit.bytes) return;
    limit = {bytes, most, origin, folder};
}

std::uint64_t most_of(std::uint64_t bytes) { return bytes / 100 * 85 + bytes % 100 * 85 / 100; }

bool from_version_two(const std::string& root, MemoryLimit& limit) {
    const std::string name = own_cgroup(root, true);
    if (name.empty()) return false;
    const std::uint64_t before = limit.bytes;
    for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        std::size_t count = 0;
        const auto folders = folders_of(root + mount, name, count);
        for (std::size_t i = 0; i < count; ++i) {
            const auto max = number_in(folders[i] + "/memory.max");
            const auto high = number_in(folders[i] + "/memory.high");
            if (max && *max != no_limit)
                lower(limit, most_of(*max), *max, LimitOrigin::cgroup2, folders[i]);
            if (high && *high != no_limit)
                lower(limit, *high, *high, LimitOrigin::cgroup2, folders[i]);
        }
    }
    return limit.bytes < before;
}

bool from_version_one(const std::string& root, MemoryLimit& limit) {
    const std::string name = own_cgroup(root, false);
    if (name.empty()) return false;
    const std::uint64_t before = limit.bytes;
    std::size_t count = 0;
    const auto folders = folders_of(root + "/sys/fs/cgroup/memory", name, count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto max = number_in(folders[i] + "/memory.limit_in_bytes");
        if (max && *max < no_limit_v1)
            lower(limit, most_of(*max), *max, LimitOrigin::cgroup1, folders[i]);
    }
    return limit.bytes < before;
}

}  // namespace

std::string text_of(const MemoryLimit& limit) {
    switch (limit.origin) {
        case LimitOrigin::config: return "the config";
        case LimitOrigin::cgroup1:
        case LimitOrigin::cgroup2: return "cgroup " + limit.folder;
        case LimitOrigin::machine: break;
    }
    return "this machine";
}

MemoryLimit find_memory_limit(std::uint64_t config_bytes, const std::string& root) {
    if (config_bytes > 0) return {config_bytes, config_bytes, LimitOrigin::config, {}};
    const std::uint64_t machine =
        field_in(text_of_file(root + "/proc/meminfo"), "MemTotal:") * 1024;
    MemoryLimit limit{machine > 0 ? most_of(machine) : no_limit,
                      machine > 0 ? machine : no_limit,
                      LimitOrigin::machine,
                      {}};
    if (!from_version_two(root, limit)) from_version_one(root, limit);
    return limit;
}

std::optional<std::uint64_t> read_memory_usage(const MemoryLimit& limit, const std::string& root) {
    if (limit.folder.empty()) {
        std::istringstream in(text_of_file(root + "/proc/self/statm"));
        std::uint64_t size = 0, resident = 0;
        if (!(in >> size >> resident)) return std::nullopt;
        return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    }
    const bool two = limit.origin == LimitOrigin::cgroup2;
    const auto all = number_in(limit.folder + (two ? "/memory.current" : "/memory.usage_in_bytes"));
    if (!all) return std::nullopt;
    const std::string stat = text_of_file(limit.folder + "/memory.stat");
    const std::string prefix = two ? "" : "total_";
    const std::uint64_t cache = field_in(stat, prefix + "inactive_file") +
                                field_in(stat, prefix + "active_file") +
                                (two ? field_in(stat, "slab_reclaimable") : 0);
    return *all - std::min(*all, cache);
}

double read_memory_stall(const MemoryLimit& limit) {
    const double unknown = std::numeric_limits<double>::quiet_NaN();
    // The machine's own file tells of strangers; only a cgroup's is about us.
    if (limit.origin != LimitOrigin::cgroup2) return unknown;
    const std::string text = text_of_file(limit.folder + "/memory.pressure");
    const std::size_t at = text.find("avg10=");
    if (!text.starts_with("some ") || at == std::string::npos) return unknown;
    std::istringstream in(text.substr(at + 6));
    double percent = unknown;
    in >> percent;
    return in ? percent / 100 : unknown;
}

std::uint32_t to_permille(double ratio) {
    if (!(ratio > 0)) return 0;  // NaN too.
    return ratio >= 1000 ? 1'000'000 : static_cast<std::uint32_t>(ratio * 1000);
}

std::uint64_t room_below(const MemoryLimit& limit) { return limit.bytes / 4 * 3; }

void MemoryGuard::read(std::uint64_t leased) {
    const auto now = read_memory_usage(limit_, root_);
    const double stall = read_memory_stall(limit_);
    if (now) take_reading(*now, stall, leased);
}

void MemoryGuard::take_reading(std::uint64_t usage, double stall, std::uint64_t leased) {
    leased_peak_ = std::max(leased_peak_, leased);
    beside_pool_ = usage - std::min(usage, leased_peak_);
    read_usage_ = usage;
    read_leased_ = leased;
    stall_permille_ = to_permille(stall);
}

std::uint64_t MemoryGuard::usage(std::uint64_t leased) const {
    if (ledger_ == Ledger::pool) return beside_pool_ + leased;
    return read_usage_ + (leased - std::min(leased, read_leased_));
}

PressureLevel MemoryGuard::pressure(std::uint64_t leased) {
    leased_peak_ = std::max(leased_peak_, leased);
    const double ratio = static_cast<double>(usage(leased)) /
                         static_cast<double>(std::max<std::uint64_t>(limit_.bytes, 1));
    const std::array readings{
        PressureReading{.permille = to_permille(ratio)},
        PressureReading{
            .permille = stall_permille_, .weight_permille = stall_weight_permille, .hard = false}};
    return combine(readings);
}

}  // namespace holdfast::io

// Is the simulated disk like the real one? The same random programs of file operations, one after
// another, give the same results and the same bytes on both.
//
// Compared: results, bytes read, sizes, kinds, link counts and names. Not: inode numbers, times.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "core/base/mix.hpp"
#include "io/posix/posix_ring.hpp"
#include "sim/sim_ring.hpp"
#include "tests/io/ring_suite.hpp"

namespace holdfast::io {
namespace {

constexpr int steps_per_program = 120;

/// One program on one ring. Descriptors are named by the order of their opening, since their
/// numbers differ.
class Program {
public:
    Program(Ring& ring, std::string root, std::uint64_t seed)
        : ring_(ring), root_(std::move(root)), seed_(seed) {}

    std::string run() {
        for (step_ = 0; step_ < steps_per_program; ++step_) {
            const std::string line = step();
            trace_ += std::to_string(step_) + " " + line + "\n";
        }
        for (const int fd : open_) perform(ring_, Op{.kind = OpKind::close, .fd = fd});
        return trace_;
    }

private:
    std::uint64_t draw(std::uint64_t what, std::uint64_t bound) const {
        return scale(mix(seed_, what, step_, 0), bound);
    }
    std::string path(std::uint64_t what) const {
        static constexpr std::array<const char*, 9> names{"a",   "b",   "c",         "d",  "d/a",
                                                          "d/b", "d/e", "missing/a", "a/b"};
        return root_ + "/" + names[draw(what, names.size())];
    }
    int descriptor() const { return open_.empty() ? -1 : open_[draw(20, open_.size())]; }

    std::string step() {
        switch (draw(0, 16)) {
            case 0:
            case 1:
            case 2: return open_one();
            case 3: return close_one();
            case 4:
            case 5:
            case 6: return write_one();
            case 7:
            case 8: return read_one();
            case 9: return sync_one();
            case 10: return truncate_one();
            case 11: return stat_one();
            case 12: return rename_one();
            case 13: return name_one(OpKind::unlink);
            case 14: return name_one(OpKind::mkdir);
            default: return list_one();
        }
    }
    std::string open_one() {
        static constexpr std::array<int, 9> flags{O_RDONLY,
                                                  O_RDWR,
                                                  O_RDWR | O_CREAT,
                                                  O_WRONLY | O_CREAT | O_APPEND,
                                                  O_RDWR | O_CREAT | O_EXCL,
                                                  O_RDWR | O_CREAT | O_TRUNC,
                                                  O_RDONLY | O_DIRECTORY,
                                                  O_WRONLY | O_TRUNC,
                                                  O_RDWR | O_APPEND};
        const std::string name = path(1);
        const int chosen = flags[draw(2, flags.size())];
        const auto fd = perform(
            ring_, Op{.kind = OpKind::open, .flags = chosen, .mode = 0644, .path = name.c_str()});
        if (fd >= 0) open_.push_back(static_cast<int>(fd));
        return "open " + std::to_string(std::min<std::int64_t>(fd, 0));
    }
    std::string close_one() {
        if (open_.empty()) return "no close";
        const auto at = open_.begin() + static_cast<std::ptrdiff_t>(draw(3, open_.size()));
        const auto result = perform(ring_, Op{.kind = OpKind::close, .fd = *at});
        open_.erase(at);
        return "close " + std::to_string(result);
    }
    std::int64_t offset() const {
        return draw(4, 3) == 0 ? -1 : static_cast<std::int64_t>(draw(5, 2000));
    }
    std::string write_one() {
        std::string first(draw(6, 700), static_cast<char>('a' + step_ % 26));
        std::string second(draw(7, 300), static_cast<char>('A' + step_ % 26));
        const std::array<iovec, 2> vectors{iovec{first.data(), first.size()},
                                           iovec{second.data(), second.size()}};
        return "write " + std::to_string(perform(ring_, Op{.kind = OpKind::write,
                                                           .fd = descriptor(),
                                                           .offset = offset(),
                                                           .vectors = vectors}));
    }
    std::string read_one() {
        std::vector<std::byte> buffer(draw(8, 1500));
        const auto n = perform(
            ring_,
            Op{.kind = OpKind::read, .fd = descriptor(), .offset = offset(), .buffer = buffer});
        const auto count = static_cast<std::size_t>(std::max<std::int64_t>(n, 0));
        return "read " + std::to_string(n) + " " +
               std::string(reinterpret_cast<const char*>(buffer.data()), count);
    }
    std::string sync_one() {
        const OpKind kind = draw(9, 2) == 0 ? OpKind::sync : OpKind::sync_all;
        return "sync " + std::to_string(perform(ring_, Op{.kind = kind, .fd = descriptor()}));
    }
    std::string truncate_one() {
        return "truncate " + std::to_string(perform(
                                 ring_, Op{.kind = OpKind::truncate,
                                           .fd = descriptor(),
                                           .offset = static_cast<std::int64_t>(draw(10, 1500))}));
    }
    std::string stat_one() {
        FileStat stat;
        const std::string name = path(11);
        const bool by_path = draw(12, 2) == 0;
        const auto result = perform(ring_, Op{.kind = OpKind::stat,
                                              .fd = descriptor(),
                                              .path = by_path ? name.c_str() : nullptr,
                                              .stat = &stat});
        if (result < 0) return "stat " + std::to_string(result);
        const bool file = (stat.mode & S_IFMT) == S_IFREG;
        // Of a directory, file systems count links and bytes in their own ways.
        return "stat " + std::to_string(stat.mode & S_IFMT) +
               (file ? " " + std::to_string(stat.size) + " " + std::to_string(stat.links) : "");
    }
    std::string rename_one() {
        const std::string from = path(13);
        const std::string to = path(14);
        return "rename " +
               std::to_string(perform(
                   ring_, Op{.kind = OpKind::rename, .path = from.c_str(), .path2 = to.c_str()}));
    }
    std::string name_one(OpKind kind) {
        const std::string name = path(15);
        return "name " +
               std::to_string(perform(ring_, Op{.kind = kind, .mode = 0755, .path = name.c_str()}));
    }
    std::string list_one() {
        std::vector<std::string> names;
        const std::string name = draw(16, 2) == 0 ? root_ : path(17);
        const auto result =
            perform(ring_, Op{.kind = OpKind::list, .path = name.c_str(), .names = &names});
        std::sort(names.begin(), names.end());
        std::string line = "list " + std::to_string(result);
        if (result < 0) return line;
        for (const std::string& each : names) line += " " + each;
        return line;
    }

    Ring& ring_;
    std::string root_;
    std::uint64_t seed_;
    std::uint64_t step_ = 0;
    std::vector<int> open_;
    std::string trace_;
};

std::string on_the_kernel(std::uint64_t seed) {
    std::string root = (std::filesystem::temp_directory_path() / "hf_fidelity_XXXXXX").string();
    REQUIRE(::mkdtemp(root.data()) != nullptr);
    PosixRing ring(1);
    std::string trace = Program(ring, root, seed).run();
    std::filesystem::remove_all(root);
    return trace;
}

std::string simulated(std::uint64_t seed) {
    sim::Seeded choices(seed);
    sim::SimClock clock;
    sim::SimDisk disk(choices);
    disk.options().faults = {.writeback = 200, .inode_reused = 500};
    disk.make_directories("/root");
    sim::SimRing ring(disk, clock, choices, {.latency_us_max = 1000});
    return Program(ring, "/root", seed).run();
}

}  // namespace

TEST_CASE("the simulated disk answers programs of file operations as the kernel does") {
    for (std::uint64_t seed = 0; seed < 150; ++seed) {
        const std::string real = on_the_kernel(seed);
        const std::string fake = simulated(seed);
        const auto differs = std::mismatch(real.begin(), real.end(), fake.begin(), fake.end());
        if (differs.first == real.end() && differs.second == fake.end()) continue;
        const auto line = static_cast<std::size_t>(std::distance(real.begin(), differs.first));
        const std::size_t begin = real.rfind('\n', line == 0 ? 0 : line - 1) + 1;
        FAIL("seed " << seed << "\nkernel: " << real.substr(begin, 100)
                     << "\nsimulated: " << fake.substr(begin, 100));
    }
}

}  // namespace holdfast::io

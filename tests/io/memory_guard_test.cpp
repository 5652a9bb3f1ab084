// The memory guard: where its limit comes from, what counts as used, and a pipeline of one that
// drains through a limit far below what is offered.
#include "io/memory_guard.hpp"

#include <stdlib.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <filesystem>
#include <fstream>
#include <limits>
#include <vector>

#include "core/engine/owned.hpp"
#include "io/payloads.hpp"

using namespace holdfast;
using namespace holdfast::io;

namespace {

constexpr std::uint64_t kib = 1024;

/// A made-up /proc and /sys.
class Machine {
public:
    Machine() {
        std::string name = (std::filesystem::temp_directory_path() / "guard-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder_ = name;
        write("proc/meminfo", "MemFree: 1 kB\nMemTotal:       1024000 kB\n");
        write("proc/self/cgroup", "4:cpu,memory:/a/b\n0::/x/y\n");
        write("proc/self/statm", "9000 300 20 1 0 1 0\n");
    }
    ~Machine() { std::filesystem::remove_all(folder_); }
    Machine(const Machine&) = delete;

    void write(const std::string& path, const std::string& text) const {
        const std::filesystem::path file = folder_ / path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    void cgroup2(const std::string& name, const std::string& max, const std::string& high) const {
        write("sys/fs/cgroup" + name + "/memory.max", max + "\n");
        write("sys/fs/cgroup" + name + "/memory.high", high + "\n");
    }
    std::string root() const { return folder_.string(); }

private:
    std::filesystem::path folder_;
};

constexpr std::uint64_t machine_bytes = 1024000ull * 1024 / 100 * 85;

}  // namespace

TEST_CASE("memory guard's limit is the config's where it has one") {
    Machine machine;
    machine.cgroup2("/x/y", "1000", "max");
    const MemoryLimit limit = find_memory_limit(12'345, machine.root());
    CHECK(limit.bytes == 12'345);
    CHECK(limit.origin == LimitOrigin::config);
}

TEST_CASE("memory guard's limit is 0.85 of memory.max, or memory.high if that is less") {
    Machine machine;
    machine.cgroup2("/x/y", "100000000", "max");
    CHECK(find_memory_limit(0, machine.root()).bytes == 85'000'000);
    CHECK(find_memory_limit(0, machine.root()).most == 100'000'000);
    CHECK(find_memory_limit(0, machine.root()).origin == LimitOrigin::cgroup2);
    machine.cgroup2("/x/y", "100000000", "80000000");
    CHECK(find_memory_limit(0, machine.root()).bytes == 80'000'000);
    machine.cgroup2("/x/y", "max", "90000000");
    CHECK(find_memory_limit(0, machine.root()).bytes == 90'000'000);
}

TEST_CASE("memory guard heeds the cgroups above its own, and a mount of the container's only") {
    Machine machine;
    machine.cgroup2("/x/y", "max", "max");
    machine.cgroup2("/x", "100000000", "max");
    const MemoryLimit above = find_memory_limit(0, machine.root());
    CHECK(above.bytes == 85'000'000);
    CHECK(above.folder == machine.root() + "/sys/fs/cgroup/x");
    Machine container;
    container.cgroup2("", "200000000", "max");
    CHECK(find_memory_limit(0, container.root()).bytes == 170'000'000);
}

TEST_CASE("memory guard takes version 1 where version 2 says nothing, then the machine") {
    Machine machine;
    machine.write("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "50000000\n");
    const MemoryLimit one = find_memory_limit(0, machine.root());
    CHECK(one.bytes == 42'500'000);
    CHECK(one.origin == LimitOrigin::cgroup1);
    machine.write("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
    CHECK(find_memory_limit(0, machine.root()).bytes == machine_bytes);
    CHECK(find_memory_limit(0, machine.root()).origin == LimitOrigin::machine);
    machine.cgroup2("/x/y", "max", "max");
    CHECK(find_memory_limit(0, machine.root()).origin == LimitOrigin::machine);
    // A cgroup that allows more than there is does not help.
    machine.cgroup2("/x/y", "9000000000000", "max");
    CHECK(find_memory_limit(0, machine.root()).bytes == machine_bytes);
}

TEST_CASE("memory guard does not count the page cache, and without a cgroup counts the process") {
    Machine machine;
    machine.cgroup2("/x/y", "100000000", "max");
    machine.write("sys/fs/cgroup/x/y/memory.current", "70000000\n");
    machine.write("sys/fs/cgroup/x/y/memory.stat",
                  "anon 100\nfile 9\ninactive_file 20000000\nactive_file 10000000\n"
                  "slab_reclaimable 5000000\n");
    CHECK(read_memory_usage(find_memory_limit(0, machine.root())) == 35'000'000u);
    Machine bare;
    CHECK(read_memory_usage(find_memory_limit(0, bare.root()), bare.root()) == 300u * 4096);
}

TEST_CASE("memory guard keeps its last reading where none can be had") {
    Machine machine;
    machine.cgroup2("/x/y", "100000000", "max");
    machine.write("sys/fs/cgroup/x/y/memory.current", "68000000\n");
    MemoryGuard guard(find_memory_limit(0, machine.root()), machine.root());
    guard.read(0);
    CHECK(guard.pressure(0).hard == 800);
    machine.write("sys/fs/cgroup/x/y/memory.current", "garbage\n");
    guard.read(0);
    CHECK(guard.pressure(0).hard == 800);
}

TEST_CASE("a reading of pressure that is not a number counts as 0") {
    CHECK(to_permille(std::numeric_limits<double>::quiet_NaN()) == 0);
    CHECK(to_permille(-std::numeric_limits<double>::infinity()) == 0);
    CHECK(to_permille(-0.1) == 0);
    CHECK(to_permille(0.6505) == 650);
    CHECK(to_permille(std::numeric_limits<double>::infinity()) == 1'000'000);
    MemoryGuard guard({.bytes = 1000, .origin = LimitOrigin::config, .folder = {}});
    guard.take_reading(500, std::numeric_limits<double>::quiet_NaN(), 0);
    CHECK(guard.pressure(0) == PressureLevel{.hard = 500, .soft = 0});
    guard.take_reading(500, 0.99, 0);
    CHECK(guard.pressure(0) == PressureLevel{.hard = 500, .soft = 841});
}

TEST_CASE("memory guard reads how long the cgroup waits for memory") {
    Machine machine;
    machine.cgroup2("/x/y", "100000000", "max");
    const MemoryLimit limit = find_memory_limit(0, machine.root());
    CHECK(to_permille(read_memory_stall(limit)) == 0);
    machine.write("sys/fs/cgroup/x/y/memory.pressure",
                  "some avg10=42.50 avg60=1.00 avg300=0.10 total=5\nfull avg10=1.0\n");
    CHECK(to_permille(read_memory_stall(limit)) == 425);
    machine.write("sys/fs/cgroup/x/y/memory.pressure", "some avg10=nan\n");
    CHECK(to_permille(read_memory_stall(limit)) == 0);
}

TEST_CASE("memory guard counts what was leased since its last reading, and leases given back") {
    MemoryGuard guard({.bytes = 1000, .origin = LimitOrigin::config, .folder = {}});
    guard.take_reading(300, 0, 100);  // 200 beside the pool.
    CHECK(guard.pressure(100).hard == 300);
    CHECK(guard.pressure(700).hard == 900);
    CHECK(guard.pressure(0).hard == 200);
    // What was leased once is still resident, and no burden.
    guard.take_reading(900, 0, 50);
    CHECK(guard.pressure(50).hard == 250);
}

// ---- a limit far below what is offered ---------------------------------------------------------

namespace {

/// A source with 256 KiB, a pool, an engine and a sink that answers late, with the guard between.
class Drain {
public:
    static constexpr std::uint64_t limit = 18 * kib;
    static constexpr std::uint64_t offered = 256 * kib;
    static constexpr std::uint32_t block = 4 * kib;

    Drain() : pool_(limit / block * block, block), payloads_(pool_, 64), engine_(config()) {
        step(PartitionAssigned{SourceId{0}, PartitionId{0}, Epoch{1}, {0}});
    }

    static Config config() {
        Config c;
        c.memory_limit = limit;
        c.batches_max = 64;
        c.partitions_max = 1;
        c.sources = c.sinks = 1;
        c.source[0].route = 1;
        c.source[0].pulls_max = 2;
        c.source[0].pull_bytes_max = block;
        c.sink[0].answers_partially = false;
        c.commit.interval = milliseconds(1);
        c.max_hold = milliseconds(50);
        c.governor = governor_of(GovernorProfile::balanced);
        return c;
    }

    void run() {
        for (int i = 0; i < 100'000 && !engine_.engine().halted(); ++i) {
            now_.ns += 1'000'000;
            guard_.take_reading(2 * kib + leased_peak_, 0, pool_.used());
            const PressureLevel level = guard_.pressure(pool_.used());
            paused += level.hard >= 800;
            step(PressureSampled{level.hard, level.soft});
            step(Tick{});
            if (queue_.empty()) continue;
            const Event event = queue_.front();
            queue_.pop_front();
            step(event);
        }
    }

    std::uint64_t peak = 0;
    std::uint64_t delivered = 0;
    std::uint32_t paused = 0;
    std::uint32_t released = 0;
    std::uint32_t batches = 0;
    BlockPool& pool() { return pool_; }
    const Stats& stats() const { return engine_.engine().stats(); }

private:
    void step(const Event& event) {
        const Effects& effects = engine_.step(now_, event);
        std::vector<Effect> orders(effects.items().begin(), effects.items().end());
        for (const Effect& effect : orders) std::visit([&](const auto& e) { on(e); }, effect);
    }
    void on(const Pull& e) {
        if (read_ == offered) {
            queue_.push_back(SourceEnded{e.batch, e.source});
            return;
        }
        const auto memory = pool_.take(e.max_bytes);
        REQUIRE(!memory.empty());  // The engine never orders more than there is.
        std::fill(memory.begin(), memory.end(), std::byte{'\n'});
        const auto bytes = static_cast<std::uint32_t>(memory.size());
        payloads_.put(e.batch, {.block = memory, .bytes = memory, .records = bytes});
        const auto first = static_cast<std::int64_t>(read_);
        read_ += bytes;
        ++batches;
        peak = std::max(peak, pool_.used());
        leased_peak_ = peak;
        queue_.push_back(BatchPulled{e.batch,
                                     e.source,
                                     Fate::deliver,
                                     PartitionId{0},
                                     Epoch{1},
                                     bytes,
                                     bytes,
                                     bytes,
                                     {first},
                                     {first + bytes}});
    }
    void on(const ReleaseBatch& e) {
        ++released;
        payloads_.release(e.batch);
    }
    void on(const WriteToSink& e) {
        delivered += e.records;
        queue_.push_back(SinkAnswered{e.delivery, e.attempt, SinkOutcome::delivered, {}, 0});
    }
    void on(const WriteCheckpoint& e) {
        queue_.push_back(CheckpointWritten{e.sequence, StoreOutcome::ok});
    }
    void on(const SyncCheckpoint& e) {
        queue_.push_back(CheckpointSynced{e.sequence, StoreOutcome::ok});
    }
    template <class T>
    void on(const T&) {}

    BlockPool pool_;
    Payloads payloads_;
    OwnedEngine engine_;
    MemoryGuard guard_{{.bytes = limit, .origin = LimitOrigin::config, .folder = {}}};
    std::deque<Event> queue_;
    Instant now_{0};
    std::uint64_t read_ = 0;
    std::uint64_t leased_peak_ = 0;
};

}  // namespace

TEST_CASE("256 KiB drain whole through a limit of 18 KiB, with a bounded peak and no lease left") {
    Drain drain;
    drain.run();
    CHECK(drain.delivered == Drain::offered);
    CHECK(drain.peak <= Drain::limit);
    CHECK(drain.paused > 0);
    CHECK(drain.pool().used() == 0);
    CHECK(drain.stats().held == 0);
    CHECK(drain.released == drain.batches);
    CHECK(drain.stats().gate_closed > 0);
}

// The checkpoint store on the simulated disk: whatever dies, and whenever, a start finds a
// checkpoint that is whole and no older than the last one that a sync was answered ok for
// (invariants I22 and I23).
#include <catch2/catch.hpp>
#include <memory>
#include <set>
#include <string>
#include <variant>

#include "core/base/mix.hpp"
#include "io/devices/checkpoint_store.hpp"
#include "sim/sim_ring.hpp"

using namespace holdfast;
using namespace holdfast::sim;

namespace {

constexpr Epoch epoch{1};

io::Task<> load_into(io::CheckpointStore& store, io::CheckpointLoad& out, bool& done) {
    out = co_await store.load();
    done = true;
}

/// One process: a ring and a store, which live until they are killed.
struct Process {
    Process(SimDisk& disk, SimClock& clock, Choices& choices, RingOptions options)
        : ring(disk, clock, choices, options),
          store(ring, events, [](io::Level, const std::string&) {},
                {.data_dir = "/data",
                 .pipeline = "pipeline",
                 .sources = {"source"},
                 .sinks = {"sink"}}) {}

    SimRing ring;
    io::Events events;
    io::CheckpointStore store;
    io::Scope scope;
};

/// What the store was told and what it answered, over all processes. Version n is the checkpoint
/// with position n, mark 10n and a lead of n + 1.
struct Truth {
    std::int64_t issued = 0;
    std::int64_t durable = 0;  ///< The last version whose sync was answered ok.
};

/// What a test run does: see `live_and_die`.
struct Plan {
    std::uint64_t steps = 0;  ///< Completions until the process dies.
    bool power_loss = false;
    DiskFaults faults;
    std::uint32_t padding = 0;  ///< Length of the partition's key: makes it several sectors.
};

void check_loaded(const io::CheckpointLoad& load, const Truth& truth) {
    INFO(load.problem);
    REQUIRE(load.state != io::CheckpointLoad::State::failed);
    if (load.state == io::CheckpointLoad::State::fresh) {
        REQUIRE(truth.durable == 0);
        return;
    }
    const Checkpoint& found = load.checkpoint;
    REQUIRE(found.pipeline == "pipeline");
    REQUIRE(found.partitions.size() == 1);
    const std::int64_t version = found.partitions[0].position;
    REQUIRE(version >= truth.durable);
    REQUIRE(version <= truth.issued);
    REQUIRE(found.sinks == std::vector<CheckpointSink>{{"sink", version * 10}});
    REQUIRE(found.partitions[0].leads == std::vector<CheckpointLead>{{"sink", version + 1}});
}

void order_write(io::CheckpointStore& store, Truth& truth) {
    const std::int64_t version = ++truth.issued;
    store.stage(StagePosition{PartitionId{0}, epoch, Position{version}});
    store.stage(StageLead{PartitionId{0}, epoch, SinkId{0}, Position{version + 1}});
    store.stage(StageSink{SinkId{0}, version * 10});
    store.write(WriteCheckpoint{static_cast<std::uint64_t>(version)});
}

/// As the engine: a write that was answered ok is synced, anything else is written anew.
void answer(const Event& event, io::CheckpointStore& store, Truth& truth) {
    if (const auto* written = std::get_if<CheckpointWritten>(&event)) {
        if (written->outcome == StoreOutcome::ok) {
            store.sync(SyncCheckpoint{written->sequence});
        } else {
            order_write(store, truth);
        }
        return;
    }
    const auto* synced = std::get_if<CheckpointSynced>(&event);
    REQUIRE(synced != nullptr);
    if (synced->outcome == StoreOutcome::ok) {
        truth.durable = static_cast<std::int64_t>(synced->sequence);
    }
    order_write(store, truth);
}

/// Starts, checks what it finds, writes checkpoints until its last step, and dies.
void live_and_die(SimDisk& disk, SimClock& clock, Choices& choices, const Plan& plan,
                  Truth& truth) {
    Process process(disk, clock, choices, {});
    disk.options().faults = {};
    io::CheckpointLoad load;
    bool loaded = false;
    bool checked = false;
    process.scope.spawn(load_into(process.store, load, loaded));
    for (std::uint64_t step = 0; step < plan.steps; ++step) {
        if (loaded && !checked) {
            checked = true;
            check_loaded(load, truth);
            disk.options().faults = plan.faults;
            process.ring.options().interrupted = plan.faults.write;
            process.store.bind(SourceId{0}, PartitionId{0}, epoch, std::string(plan.padding, 'k'));
            order_write(process.store, truth);
        }
        REQUIRE(process.ring.run(never) > 0);
        while (!process.events.empty()) answer(process.events.pop(), process.store, truth);
    }
    plan.power_loss ? process.ring.crash() : process.ring.kill();
}

/// A last start without faults that only looks.
void look(SimDisk& disk, SimClock& clock, Choices& choices, const Truth& truth) {
    Truth seen = truth;
    Process process(disk, clock, choices, {});
    disk.options().faults = {};
    io::CheckpointLoad load;
    bool loaded = false;
    process.scope.spawn(load_into(process.store, load, loaded));
    while (!loaded) REQUIRE(process.ring.run(never) > 0);
    check_loaded(load, seen);
    process.ring.kill();
}

}  // namespace

TEST_CASE("each crash image of each instant holds the last durable checkpoint or a newer one") {
    for (std::uint64_t steps = 0; steps < 60; ++steps) {
        Recorded benign{std::span<const Choice>{}};
        SimClock clock;
        SimDisk disk(benign);
        disk.make_directories("/data");
        Truth truth;
        Process process(disk, clock, benign, {});
        process.store.bind(SourceId{0}, PartitionId{0}, epoch, "key");
        order_write(process.store, truth);
        for (std::uint64_t step = 0; step < steps; ++step) {
            REQUIRE(process.ring.run(never) > 0);
            while (!process.events.empty()) answer(process.events.pop(), process.store, truth);
        }
        process.ring.abandon();
        const SimDisk::Image image = disk.image();
        Exhaustive all(4);
        do {
            INFO("dies after step " << steps << ", image " << all.runs());
            disk.restore(image);
            disk.set_choices(all);
            disk.crash();
            disk.set_choices(benign);
            look(disk, clock, benign, truth);
        } while (all.next());
    }
}

TEST_CASE("a life of crashes and failing syncs never loses a durable checkpoint") {
    std::set<std::int64_t> reached;
    for (std::uint64_t seed = 0; seed < 1500; ++seed) {
        INFO("seed " << seed);
        const auto draw = [&](std::uint64_t what, std::uint64_t n, std::uint64_t bound) {
            return scale(mix(seed, 1000 + what, n, 0), bound);
        };
        Seeded choices(seed);
        SimClock clock;
        SimDisk disk(choices);
        disk.make_directories("/data");
        Truth truth;
        for (std::uint64_t life = 0; life < 6; ++life) {
            Plan plan;
            plan.steps = draw(0, life, 60);
            plan.power_loss = draw(1, life, 2) == 0;
            plan.padding = draw(2, 0, 2) == 0 ? 10 : 1200;
            if (draw(3, 0, 3) != 0) {
                plan.faults = {
                    .name = 30, .write = 50, .write_short = 100, .sync = 200, .writeback = 300};
            }
            live_and_die(disk, clock, choices, plan, truth);
        }
        look(disk, clock, choices, truth);
        reached.insert(truth.durable);
    }
    CHECK(reached.size() > 5);
}

// The checkpoint store on the simulated disk. What is demanded, whatever dies, and whenever: I22 (a
// start finds a checkpoint that is whole, no older than the last one that a sync was answered ok
// for, and never one that was never ordered; where all of it rotted or is another pipeline's it
// refuses, and changes nothing), I23 (no sync after a failed one is believed), I31 (a start that
// dies on its way leaves what it found).
#include <memory>
#include <string>
#include <variant>

#include "core/base/mix.hpp"
#include "io/devices/checkpoint_store.hpp"
#include "sim/device_worlds.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {
namespace {

constexpr Epoch epoch{1};

io::Task<> load_into(io::CheckpointStore& store, io::CheckpointLoad& out, bool& done) {
    out = co_await store.load();
    done = true;
}

/// One process: a ring and a store, which live until they are killed.
struct Process {
    Process(SimDisk& disk, SimClock& clock, Choices& choices, const char* pipeline = "pipeline")
        : ring(disk, clock, choices),
          store(ring, events, [](io::Level, const std::string&) {},
                {.data_dir = "/data",
                 .pipeline = pipeline,
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

/// The version that was found; 0: none.
std::int64_t check_loaded(const io::CheckpointLoad& load, const Truth& truth) {
    demand(load.state != io::CheckpointLoad::State::failed, "I22", load.problem);
    if (load.state == io::CheckpointLoad::State::fresh) {
        demand(truth.durable == 0, "I22", "a fresh start, though a checkpoint was durable");
        return 0;
    }
    const Checkpoint& found = load.checkpoint;
    demand(found.pipeline == "pipeline" && found.partitions.size() == 1, "I22", "another's state");
    const std::int64_t version = found.partitions[0].position;
    demand(version >= truth.durable, "I22",
           "version " + std::to_string(version) + " was found, " + std::to_string(truth.durable) +
               " was durable");
    demand(version <= truth.issued, "I22", "a checkpoint that nobody ordered");
    demand(found.sinks == std::vector<CheckpointSink>{{"sink", version * 10}} &&
               found.partitions[0].leads == std::vector<CheckpointLead>{{"sink", version + 1}},
           "I22", "a mix of two checkpoints");
    return version;
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
    demand(synced != nullptr, "I21", "an event that a store may not send");
    if (synced->outcome == StoreOutcome::ok) {
        truth.durable = static_cast<std::int64_t>(synced->sequence);
    }
    order_write(store, truth);
}

/// Starts, checks what it finds, writes checkpoints until its last step, and dies.
void live_and_die(SimDisk& disk, SimClock& clock, Choices& choices, const Plan& plan,
                  Truth& truth) {
    Process process(disk, clock, choices);
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
        demand(process.ring.run(never) > 0, "L1", "nothing is under way");
        while (!process.events.empty()) answer(process.events.pop(), process.store, truth);
    }
    plan.power_loss ? process.ring.crash() : process.ring.kill();
}

/// A start without faults that only looks, and dies after so many completions.
io::CheckpointLoad load_only(SimDisk& disk, SimClock& clock, Choices& choices, const char* pipeline,
                             std::uint64_t steps = UINT64_MAX) {
    Process process(disk, clock, choices, pipeline);
    disk.options().faults = {};
    io::CheckpointLoad load;
    bool loaded = false;
    process.scope.spawn(load_into(process.store, load, loaded));
    for (std::uint64_t step = 0; !loaded && step < steps; ++step) {
        demand(process.ring.run(never) > 0, "L1", "nothing is under way");
    }
    process.ring.kill();
    return load;
}

std::int64_t look(SimDisk& disk, SimClock& clock, Choices& choices, const Truth& truth) {
    return check_loaded(load_only(disk, clock, choices, "pipeline"), truth);
}

constexpr const char* slots[] = {"/data/checkpoint.a", "/data/checkpoint.b"};

/// What is left of a life, and what may become of it before the next one.
struct Afterwards {
    SimDisk& disk;
    SimClock& clock;
    Choices& choices;
    const Truth& truth;
    std::uint64_t seed;
    SimDisk::Image left = disk.image();

    std::uint64_t draw(std::uint64_t n, std::uint64_t bound) const {
        return scale(mix(seed, 2000, n, 0), bound);
    }
    std::string contents(const char* slot) const { return disk.contents(slot).value_or(""); }
    std::optional<Checkpoint> decoded(const char* slot) const {
        const std::string bytes = contents(slot);
        auto checkpoint = decode(std::as_bytes(std::span(bytes)));
        return checkpoint ? std::optional(std::move(*checkpoint)) : std::nullopt;
    }
    /// One bit, more often than not near the head, where sequence and identity stand.
    void rot(const char* slot, std::uint64_t n) {
        const std::uint64_t size = contents(slot).size();
        if (size == 0) return;
        const std::uint64_t most = draw(n, 3) == 0 ? size : std::min<std::uint64_t>(size, 40);
        disk.flip_bit(slot, draw(n + 1, most), static_cast<unsigned>(draw(n + 2, 8)));
    }

    void dies_in_recovery(std::int64_t found) {
        for (std::uint64_t life = 0; life < 3; ++life) {
            load_only(disk, clock, choices, "pipeline", draw(life, 12));
        }
        demand(look(disk, clock, choices, truth) == found, "I31",
               "starts that died on their way have changed what a start finds");
        disk.restore(left);
    }
    /// The slot that doesn't count has rotted: the other one is found.
    void old_slot_rots() {
        const auto a = decoded(slots[0]);
        const auto b = decoded(slots[1]);
        if (!a || !b) return;
        rot(slots[a->sequence < b->sequence ? 0 : 1], 10);
        look(disk, clock, choices, truth);
        disk.restore(left);
    }
    void all_rots() {
        std::string before[2];
        for (std::size_t i = 0; i < 2; ++i) {
            rot(slots[i], 20 + 5 * i);
            before[i] = contents(slots[i]);
        }
        if (before[0].empty() && before[1].empty()) return;
        const io::CheckpointLoad load = load_only(disk, clock, choices, "pipeline");
        demand(load.state == io::CheckpointLoad::State::failed, "I22",
               "a start goes on although all that it knew has rotted");
        demand(contents(slots[0]) == before[0] && contents(slots[1]) == before[1], "I22",
               "a start that refuses has changed what it found");
        disk.restore(left);
    }
    void another_comes(std::int64_t found) {
        const io::CheckpointLoad load = load_only(disk, clock, choices, "another");
        if (found == 0) return;
        demand(load.state == io::CheckpointLoad::State::failed && load.foreign, "I22",
               "another pipeline's checkpoint is taken for one's own");
        disk.restore(left);
    }
};

/// Six lives, each with a draw of its own.
void live_often(std::uint64_t seed, Truth& truth) {
    const auto draw = [&](std::uint64_t what, std::uint64_t n, std::uint64_t bound) {
        return scale(mix(seed, 1000 + what, n, 0), bound);
    };
    Seeded choices(seed);
    SimClock clock;
    SimDisk disk(choices);
    disk.make_directories("/data");
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
        if (plan.power_loss) {
            // What a power loss left is all there is.
            const std::int64_t found = look(disk, clock, choices, truth);
            Afterwards after{disk, clock, choices, truth, mix(seed, 3, life, 0)};
            after.dies_in_recovery(found);
            after.old_slot_rots();
            after.all_rots();
            after.another_comes(found);
        }
    }
    look(disk, clock, choices, truth);
}

/// All images that a power loss may leave after `steps` completions of a store's first life.
void lose_power_after(std::uint64_t steps) {
    Recorded benign{std::span<const Choice>{}};
    SimClock clock;
    SimDisk disk(benign);
    disk.make_directories("/data");
    Truth truth;
    Process process(disk, clock, benign);
    process.store.bind(SourceId{0}, PartitionId{0}, epoch, "key");
    order_write(process.store, truth);
    for (std::uint64_t step = 0; step < steps; ++step) {
        demand(process.ring.run(never) > 0, "L1", "nothing is under way");
        while (!process.events.empty()) answer(process.events.pop(), process.store, truth);
    }
    process.ring.abandon();
    const SimDisk::Image image = disk.image();
    Exhaustive all(4);
    do {
        disk.restore(image);
        disk.set_choices(all);
        disk.crash();
        disk.set_choices(benign);
        try {
            look(disk, clock, benign, truth);
        } catch (Breach& breach) {
            breach.what += ", image " + std::to_string(all.runs());
            throw;
        }
    } while (all.next());
}

}  // namespace

std::optional<Breach> run_checkpoints(std::uint64_t seed, std::int64_t* durable) {
    Truth truth;
    try {
        live_often(seed, truth);
    } catch (const Breach& breach) {
        return breach;
    }
    if (durable != nullptr) *durable = truth.durable;
    return {};
}

std::optional<Breach> run_checkpoint_images(std::uint64_t steps) {
    try {
        lose_power_after(steps);
    } catch (const Breach& breach) {
        return breach;
    }
    return {};
}

}  // namespace holdfast::sim

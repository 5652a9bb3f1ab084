// File sink and checkpoint store together on the simulated disk, under faults, kills and power
// losses, driven by the least that an engine does: write, sync, checkpoint, start again.
//
// What is demanded: I22 (a start finds the last durable checkpoint or a later one), I23 (no sync
// after a failed one is believed), I9 (the file is what was sent, exactly, with no torn line), I31
// (also where starts themselves are cut short, again and again).
#include <cstring>
#include <memory>
#include <optional>

#include "core/base/mix.hpp"
#include "io/devices/checkpoint_store.hpp"
#include "io/devices/file_sink.hpp"
#include "io/payloads.hpp"
#include "sim/device_worlds.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {
namespace {

using io::FileSink;
using Delivery = io::FileSinkConfig::Delivery;

struct Died {};
struct Restart {};

const std::string path = "/out/deep/a.txt";

std::string record(std::uint64_t seed, std::int64_t n) {
    const std::uint64_t chance = mix(seed, 1, static_cast<std::uint64_t>(n), 0);
    const std::uint64_t length = scale(mix64(chance), chance % 16 == 0 ? 2000 : 100);
    return std::to_string(n) + ":" + std::string(length, static_cast<char>('a' + chance % 26)) +
           "\n";
}

/// One process: what is in memory, and is lost.
struct Process {
    Process(SimRing& r, Delivery d)
        : ring(r),
          delivery(d),
          store(r, events, log, {"/state", "demo", {"in"}, {"a"}}) {}

    SimRing& ring;
    Delivery delivery;
    io::BlockPool pool{1 << 17, 1 << 16};
    io::Payloads payloads{pool, 8};
    io::Events events;
    io::Log log = [](io::Level, const std::string&) {};
    io::CheckpointStore store;
    std::unique_ptr<FileSink> sink;
    io::Scope scope;
};

struct FileSinkWorld {
    FileSinkWorld(std::uint64_t s, Delivery d) : seed(s), delivery(d), choices(s) {
        disk.make_directories("/state");
        ring.options().latency_us_max = 1000;
        ring.options().interrupted = 20;
        ring.options().again = 5;
        if (roll(100) < 80) faults();
    }
    void faults() {
        const auto some = [&] { return static_cast<std::uint32_t>(roll(3) ? roll(60) : 0); };
        disk.options().faults = {.open = some(),
                                 .name = some(),
                                 .read = some(),
                                 .read_short = some(),
                                 .write = some(),
                                 .write_short = some() * 5,
                                 .full = some(),
                                 .sync = some(),
                                 .sector_bad = 0,
                                 .writeback = some() * 10,
                                 .inode_reused = some() * 10};
    }
    std::uint64_t roll(std::uint64_t bound) { return scale(mix(seed, 2, rolls++, 0), bound); }

    // ---- one life ----
    void pump() {
        if (steps_left-- == 0) throw Died{};
        ring.run(never);
    }
    template <class T>
    T complete(io::Task<T> task) {
        std::optional<T> result;
        process->scope.spawn(take(std::move(task), result));
        while (!result) pump();
        return *result;
    }
    template <class T>
    static io::Task<> take(io::Task<T> task, std::optional<T>& result) {
        T value = co_await std::move(task);
        result = std::move(value);
    }
    template <class E>
    E next() {
        while (process->events.empty()) pump();
        const Event event = process->events.pop();
        demand(std::holds_alternative<E>(event), "I21", "an answer of another kind");
        return std::get<E>(event);
    }

    void start() {
        process = std::make_unique<Process>(ring, delivery);
        const auto loaded = complete(process->store.load());
        if (loaded.state == io::CheckpointLoad::State::failed) {
            demand(loaded.problem.find("cannot read") != std::string::npos, "I22", loaded.problem);
            throw Restart{};
        }
        io::FileSinkConfig config{.name = "a", .id = SinkId{0}, .path = path, .delivery = delivery};
        position = mark = 0;
        if (loaded.state == io::CheckpointLoad::State::found) {
            if (!loaded.checkpoint.partitions.empty()) {
                position = loaded.checkpoint.partitions[0].position;
            }
            config.mark = mark = loaded.checkpoint.sinks.at(0).mark;
        }
        demand(position >= position_durable && position <= position_written, "I22",
               "a start found another checkpoint than the durable one or a later one");
        process->sink = std::make_unique<FileSink>(ring, process->payloads, process->events,
                                                   process->log, config);
        process->sink->start();
        while (process->sink->state() == FileSink::State::opening) pump();
        demand(process->sink->state() == FileSink::State::ready, "I24", process->sink->problem());
        judge_start();
        process->store.bind(SourceId{0}, PartitionId{0}, Epoch{1}, "k");
        process->store.stage(StageSink{SinkId{0}, process->sink->mark()});
        while (complete(process->store.save()) != StoreOutcome::ok) {
        }
        position_durable = position;
    }
    void judge_start() {
        const std::string file = disk.contents(path).value_or("");
        demand(process->sink->mark() == static_cast<std::int64_t>(file.size()), "I9",
               "the sink believes in another length than its file has");
        if (delivery == Delivery::exactly_once) {
            demand(file == expected(position), "I9", "a start leaves another file than was sent");
            return;
        }
        judge_lines(file, position);
    }
    std::string expected(std::int64_t records) const {
        std::string all;
        for (std::int64_t n = 0; n < records; ++n) all += record(seed, n);
        return all;
    }
    /// Whole records only, and each of the first `records` stands there.
    void judge_lines(const std::string& file, std::int64_t records) const {
        std::vector<bool> there(static_cast<std::size_t>(records));
        std::size_t begin = 0;
        while (begin < file.size()) {
            const std::size_t end = file.find('\n', begin);
            demand(end != std::string::npos, "I9", "a torn last line");
            const std::string line = file.substr(begin, end + 1 - begin);
            const std::int64_t n = std::atoll(line.c_str());
            demand(line == record(seed, n), "I9", "a line that nobody sent: " + line);
            if (n < records) there[static_cast<std::size_t>(n)] = true;
            begin = end + 1;
        }
        for (const bool each : there) demand(each, "I1", "a line is lost");
    }

    void write_some() {
        const std::int64_t count = 1 + static_cast<std::int64_t>(roll(8));
        std::string text;
        for (std::int64_t n = 0; n < count; ++n) text += record(seed, position + n);
        const auto block = process->pool.take(static_cast<std::uint32_t>(text.size()));
        std::memcpy(block.data(), text.data(), text.size());
        io::Payload payload;
        payload.block = block;
        payload.bytes = block.first(text.size());
        payload.records = static_cast<std::uint32_t>(count);
        const BatchId batch{0, ++generation};
        process->payloads.put(batch, payload);
        const Part part{.batch = batch, .begin = 0, .end = payload.records};
        for (std::uint32_t attempt = 1;; ++attempt) {
            process->sink->write({.delivery = {0, generation}, .sink = SinkId{0},
                                  .attempt = attempt, .deadline = never, .parts = {},
                                  .records = payload.records, .bytes = text.size()},
                                 {&part, 1});
            const CancelWrite cancel{{0, generation}, SinkId{0}, attempt};
            const bool early = roll(20) == 0;
            if (early) process->sink->cancel(cancel);
            const auto answer = next<SinkAnswered>();
            if (early) continue;  // As the engine does: ambiguous, whatever the late answer says.
            if (roll(20) == 0) {
                process->sink->cancel(cancel);
                continue;
            }
            if (answer.outcome != SinkOutcome::delivered) continue;
            mark = answer.mark;
            break;
        }
        process->payloads.release(batch);
        position += count;
    }
    void commit() {
        process->sink->sync({SinkId{0}, 1});
        if (next<SinkSynced>().outcome != StoreOutcome::ok) throw Restart{};
        process->store.stage(StageSink{SinkId{0}, mark});
        process->store.stage(StagePosition{PartitionId{0}, Epoch{1}, Position{position}});
        position_written = std::max(position_written, position);
        while (true) {
            process->store.write({1});
            if (next<CheckpointWritten>().outcome != StoreOutcome::ok) continue;
            process->store.sync({1});
            if (next<CheckpointSynced>().outcome == StoreOutcome::ok) break;
        }
        position_durable = position;
    }
    void live(std::int64_t goal) {
        start();
        while (position < goal) {
            write_some();
            if (roll(3) == 0) commit();
        }
        commit();
    }

    /// Restarts within the process close their files; a death leaves that to the kernel.
    void end(bool died) {
        if (!died) {
            ring.abandon();
            ring.kill();
        } else if (delivery == Delivery::at_least_once || roll(2)) {
            ring.kill();  // See rule 4 of the file sink for what a power loss may leave.
        } else {
            ring.crash();
        }
        process.reset();
    }
    void run() {
        const std::int64_t goal = 20 + static_cast<std::int64_t>(roll(100));
        const std::uint64_t lives = 1 + roll(8);
        for (std::uint64_t life = 0; life < lives; ++life) {
            steps_left = roll(400);
            attempt(goal);
        }
        disk.options().faults = {};
        ring.options().again = 0;
        steps_left = 1'000'000;
        demand(attempt(goal), "L1", "it does not come to its end without faults");
        const std::string file = disk.durable_contents(path).value_or("");
        if (delivery == Delivery::exactly_once) {
            demand(file == expected(position_durable), "I23", "what is durable is not what was said");
        } else {
            judge_lines(file, position_durable);
        }
        demand(position_durable >= goal, "L1", "not all was committed");
    }
    /// False if it ended early.
    bool attempt(std::int64_t goal) {
        try {
            live(goal);
        } catch (const Died&) {
            end(true);
            return false;
        } catch (const Restart&) {
            end(false);
            return false;
        }
        end(false);
        return true;
    }

    std::uint64_t seed;
    Delivery delivery;
    Seeded choices;
    SimClock clock;
    SimDisk disk{choices};
    SimRing ring{disk, clock, choices};
    std::unique_ptr<Process> process;
    std::uint64_t steps_left = 0;
    std::uint64_t rolls = 0;
    std::uint32_t generation = 0;

    std::int64_t position = 0;  ///< Of the live process.
    std::int64_t mark = 0;
    std::int64_t position_written = 0;  ///< The highest that was ever in a checkpoint.
    std::int64_t position_durable = 0;  ///< Of the last checkpoint that was answered durable.
};

}  // namespace

std::optional<Breach> run_file_sink(std::uint64_t seed, Delivery delivery) {
    FileSinkWorld world(seed, delivery);
    try {
        world.run();
    } catch (const Breach& breach) {
        world.end(false);
        return breach;
    }
    return {};
}

}  // namespace holdfast::sim

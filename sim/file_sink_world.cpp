// File sink and checkpoint store together on the simulated disk, under faults, kills and power
// losses, driven by the least that an engine does: write, sync, checkpoint, start again.
//
// Between two lives its input may be gone from what was committed on, or come in another order;
// others append to the file, whole lines and halves, while it lives and while it doesn't.
//
// What is demanded: I22 (a start finds the last durable checkpoint or a later one), I23 (no sync
// after a failed one is believed), I9 (the file is what was sent, exactly, with no torn line), I31
// (also where starts themselves are cut short, again and again), I46 (file and set_aside together
// hold each record that was delivered, and each byte of others).
#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "core/base/mix.hpp"
#include "io/devices/checkpoint_store.hpp"
#include "io/payloads.hpp"
#include "io/sinks/file/file_sink.hpp"
#include "sim/device_worlds.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {
namespace {

using io::FileSink;
using Delivery = io::FileSinkConfig::Delivery;

struct Died {};
struct Restart {};

const std::string path = "/out/deep/a.txt";
const std::string set_aside = "/state/set_aside";

std::string record(std::uint64_t seed, std::int64_t n) {
    const std::uint64_t chance = mix(seed, 1, static_cast<std::uint64_t>(n), 0);
    const std::uint64_t length = scale(mix64(chance), chance % 16 == 0 ? 2000 : 100);
    return std::to_string(n) + ":" + std::string(length, static_cast<char>('a' + chance % 26)) +
           "\n";
}

/// One process: what is in memory, and is lost.
struct Process {
    Process(SimRing& r, Delivery d)
        : ring(r), delivery(d), store(r, events, log, {"/state", "demo", {"in"}, {"a"}}) {}

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
    FileSinkWorld(std::uint64_t s, Delivery d, io::Framing f)
        : seed(s), delivery(d), framing(f), choices(s) {
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
    /// A record as it stands in the file: a line, or behind its size, which never looks like a line's end.
    std::string sent(std::int64_t n) const {
        std::string text = record(seed, n);
        if (framing != io::Framing::length) return text;
        if (text.size() % 256 == '\n') text.insert(text.size() - 1, 1, 'x');
        return std::string{'\0', '\0', static_cast<char>(text.size() >> 8),
                           static_cast<char>(text.size() & 0xff)} +
               text;
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
        io::FileSinkConfig config{.name = "a",
                                  .id = SinkId{0},
                                  .path = path,
                                  .delivery = delivery,
                                  .framing = framing,
                                  .set_aside = set_aside};
        position = mark = position_before = mark_before = 0;
        if (loaded.state == io::CheckpointLoad::State::found) {
            if (!loaded.checkpoint.partitions.empty()) {
                position = loaded.checkpoint.partitions[0].position;
            }
            config.mark = mark = loaded.checkpoint.sinks.at(0).mark;
            config.known = loaded.checkpoint.sinks.at(0).file;
        }
        position_before = position;
        mark_before = mark;
        demand(position >= position_durable && position <= position_written, "I22",
               "a start found another checkpoint than the durable one or a later one");
        process->sink = std::make_unique<FileSink>(ring, process->payloads, process->events,
                                                   process->log, config);
        const std::string found = disk.contents(path).value_or("");
        process->sink->start();
        while (process->sink->state() == io::DeviceState::opening) pump();
        if (process->sink->state() == io::DeviceState::refused) judge_refusal(config);
        const bool is_longer = static_cast<std::int64_t>(found.size()) > mark && config.known.clean;
        demand(!is_longer || delivery == Delivery::at_least_once, "I46",
               "a start takes for ours what others appended after an end that left nothing");
        if (!config.mark) base = disk.contents(path).value_or("");  // It is appended to.
        judge_start();
        judge_union();
        process->store.bind(SourceId{0}, PartitionId{0}, Epoch{1}, "k");
        stage_mark(process->sink->mark(), false);
        while (complete(process->store.save()) != StoreOutcome::ok) {
        }
        position_durable = position;
    }
    void stage_mark(std::int64_t at, bool clean) {
        auto known = process->sink->known_at(at);
        known.clean = known.clean || clean;
        process->store.stage(StageSink{SinkId{0}, at});
        process->store.know(SinkId{0}, known);
    }
    /// Only what others appended after an end that left nothing may stop a start. The person that
    /// is told so puts it away.
    void judge_refusal(const io::FileSinkConfig& config) {
        const std::string file = disk.contents(path).value_or("");
        const auto size = static_cast<std::int64_t>(file.size());
        demand(delivery == Delivery::exactly_once && config.known.clean && size > mark, "I24",
               process->sink->problem());
        std::string behind = file.substr(static_cast<std::size_t>(mark));
        put_away += behind;
        for (const std::string& text : foreign)
            if (const auto at = behind.find(text); at != std::string::npos)
                behind.erase(at, text.size());
        demand(behind.empty(), "I46", "a start refuses what this pipeline has written itself");
        disk.cut(path, static_cast<std::uint64_t>(mark));
        throw Restart{};
    }
    void judge_start() {
        const std::string file = disk.contents(path).value_or("");
        if (delivery == Delivery::exactly_once) {
            const std::string sent = expected(position);
            demand(process->sink->mark() == static_cast<std::int64_t>(sent.size()), "I9",
                   "the sink believes in another length than what was sent has");
            demand(file.starts_with(sent), "I9", "a start leaves another file than was sent");
            return;
        }
        demand(process->sink->mark() == static_cast<std::int64_t>(file.size()), "I9",
               "the sink believes in another length than its file has");
        judge_lines(file, position);
    }
    std::string expected(std::int64_t records) {
        std::string all = base;
        for (std::int64_t n = 0; n < records; ++n) all += sent(input_at(n));
        return all;
    }
    std::int64_t input_at(std::int64_t at) {
        while (static_cast<std::int64_t>(input.size()) <= at) input.push_back(input_next++);
        return input[static_cast<std::size_t>(at)];
    }
    /// What was set aside, and what a person put away.
    std::vector<std::string> beside() const {
        std::vector<std::string> texts{put_away};
        for (const std::string& name : disk.paths())
            if (name.starts_with(set_aside) && !name.ends_with(".new"))
                texts.push_back(disk.contents(name).value_or(""));
        return texts;
    }
    static void add_lines(const std::string& text, std::set<std::string>& lines) {
        for (std::size_t begin = 0; begin < text.size();) {
            const std::size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
            lines.insert(text.substr(begin, end - begin));
            begin = end;
        }
    }
    void judge_union() const {
        std::vector<std::string> texts = beside();
        texts.push_back(disk.contents(path).value_or(""));
        std::set<std::string> lines;
        for (const std::string& text : texts) add_lines(text, lines);
        // Behind what others wrote without a line's end a sized payload stands as well.
        const auto within = [&](const std::string& what) {
            return framing == io::Framing::length &&
                   std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
                       return text.find(what) != std::string::npos;
                   });
        };
        for (const std::int64_t n : owed)
            demand(lines.contains(sent(n)) || within(sent(n)), "I46",
                   "a delivered record is nowhere");
        for (const std::string& theirs : foreign) {
            const bool there = std::any_of(
                texts.begin(), texts.end(),
                [&](const std::string& text) { return text.find(theirs) != std::string::npos; });
            demand(there, "I46", "what somebody else wrote is nowhere");
        }
    }
    /// Others append: no two write the same.
    void intrude() {
        if (!disk.exists(path) || ring.in_flight() > 0) return;
        std::string text = "theirs " + std::to_string(foreign.size()) + ".";
        if (delivery == Delivery::at_least_once || roll(3)) text += "\n";
        foreign.push_back(text);
        disk.append(path, text);
    }
    /// What is not committed may not come again, or in another order.
    void lose_input() {
        const auto from = static_cast<std::ptrdiff_t>(std::min(
            std::max(position_written, position_durable), static_cast<std::int64_t>(input.size())));
        if (roll(2))
            std::reverse(input.begin() + from, input.end());
        else
            input.resize(static_cast<std::size_t>(from));
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
            begin = end + 1;
            // Theirs, perhaps behind a record of ours that was torn.
            const bool theirs =
                std::any_of(foreign.begin(), foreign.end(),
                            [&](const std::string& t) { return line.ends_with(t); });
            if (theirs) continue;
            demand(line == sent(n), "I9", "a line that nobody sent: " + line);
            const auto at = std::find(input.begin(), input.end(), n) - input.begin();
            if (at < records) there[static_cast<std::size_t>(at)] = true;
        }
        for (const bool each : there) demand(each, "I1", "a line is lost");
    }

    void write_some() {
        const std::int64_t count = 1 + static_cast<std::int64_t>(roll(8));
        std::string text;
        for (std::int64_t n = 0; n < count; ++n) text += sent(input_at(position + n));
        const auto block = process->pool.take(static_cast<std::uint32_t>(text.size()));
        std::memcpy(block.data(), text.data(), text.size());
        io::Payload payload;
        payload.block = block;
        payload.bytes = block.first(text.size());
        payload.records = static_cast<std::uint32_t>(count);
        payload.framing = framing;
        const BatchId batch{0, ++generation};
        process->payloads.put(batch, payload);
        const Part part{.batch = batch, .begin = 0, .end = payload.records};
        for (std::uint32_t attempt = 1;; ++attempt) {
            process->sink->write({.delivery = {0, generation},
                                  .sink = SinkId{0},
                                  .attempt = attempt,
                                  .deadline = never,
                                  .parts = {},
                                  .records = payload.records,
                                  .bytes = text.size()},
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
            if (answer.outcome != SinkOutcome::delivered) {
                if (roll(4) == 0) intrude();
                continue;
            }
            mark_before = std::exchange(mark, answer.mark);
            break;
        }
        process->payloads.release(batch);
        for (std::int64_t n = 0; n < count; ++n) owed.insert(input_at(position + n));
        position_before = position;
        position += count;
    }
    /// Of what was delivered, or of all but the last write: as the engine's clean points lie.
    void commit(bool whole) {
        const std::int64_t to = whole ? position : position_before;
        process->sink->sync({SinkId{0}, 1});
        if (next<SinkSynced>().outcome != StoreOutcome::ok) throw Restart{};
        stage_mark(whole ? mark : mark_before, false);
        process->store.stage(StagePosition{PartitionId{0}, Epoch{1}, Position{to}});
        position_written = std::max(position_written, to);
        while (true) {
            process->store.write({1});
            if (next<CheckpointWritten>().outcome != StoreOutcome::ok) continue;
            process->store.sync({1});
            if (next<CheckpointSynced>().outcome == StoreOutcome::ok) break;
        }
        position_durable = to;
    }
    void live(std::int64_t goal) {
        start();
        while (position < goal) {
            write_some();
            if (roll(3) == 0) commit(roll(2) == 0);
            if (roll(16) == 0) intrude();
        }
        commit(true);
        if (!process->sink->is_clean()) return;
        stage_mark(mark, true);
        while (complete(process->store.save()) != StoreOutcome::ok) {
        }
    }

    /// Restarts within the process close their files; a death leaves that to the kernel.
    void end(bool died) {
        if (!died) {
            ring.abandon();
            ring.kill();
        } else if (delivery == Delivery::at_least_once || roll(2)) {
            ring.kill();  // See rule 4 of the file sink for what a power loss may leave.
        } else {
            lose_power();
        }
        process.reset();
        if (roll(3) == 0) lose_input();
        if (roll(4) == 0) intrude();
    }
    /// What was neither committed nor set aside, and out of the file since, may be lost with it.
    void lose_power() {
        std::set<std::string> aside;
        for (const std::string& text : beside()) add_lines(text, aside);
        std::set<std::string> file;
        add_lines(disk.contents(path).value_or(""), file);
        std::set<std::int64_t> committed;
        for (std::int64_t n = 0; n < position_durable; ++n) committed.insert(input_at(n));
        std::erase_if(owed, [&](std::int64_t n) {
            const std::string line = sent(n);
            return !committed.contains(n) && (!aside.contains(line) || file.contains(line));
        });
        ring.crash();
    }
    void run() {
        const std::int64_t goal = 20 + static_cast<std::int64_t>(roll(100));
        const std::uint64_t lives = 1 + roll(8);
        for (std::uint64_t life = 0; life < lives; ++life) {
            steps_left = roll(400);
            attempt(goal * static_cast<std::int64_t>(life + 1) / static_cast<std::int64_t>(lives));
        }
        disk.options().faults = {};
        ring.options().again = 0;
        steps_left = 1'000'000;
        bool done = false;
        for (int tries = 0; tries < 40 && !done; ++tries) done = attempt(goal);  // See put_away.
        demand(done, "L1", "it does not come to its end without faults");
        const std::string file = disk.durable_contents(path).value_or("");
        if (delivery == Delivery::exactly_once) {
            demand(file.starts_with(expected(position_durable)), "I23",
                   "what is durable is not what was said");
        } else {
            judge_lines(file, position_durable);
        }
        demand(position_durable >= goal, "L1", "not all was committed");
        judge_union();
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
    io::Framing framing;
    Seeded choices;
    SimClock clock;
    SimDisk disk{choices};
    SimRing ring{disk, clock, choices};
    std::unique_ptr<Process> process;
    std::uint64_t steps_left = 0;
    std::uint64_t rolls = 0;
    std::uint32_t generation = 0;

    std::vector<std::int64_t> input;  ///< Numbers of its records, in the order in which they come.
    std::int64_t input_next = 0;
    std::set<std::int64_t> owed;       ///< Delivered: each must stand somewhere.
    std::vector<std::string> foreign;  ///< What others appended.
    std::string base;                  ///< What stood in the file when it was begun.
    std::string put_away;              ///< By a person, as a refusal told.
    std::int64_t position = 0;         ///< Of the live process.
    std::int64_t mark = 0;
    std::int64_t position_before = 0;   ///< Before the last write, and
    std::int64_t mark_before = 0;       ///< where it began.
    std::int64_t position_written = 0;  ///< The highest that was ever in a checkpoint.
    std::int64_t position_durable = 0;  ///< Of the last checkpoint that was answered durable.
};

}  // namespace

std::optional<Breach> run_file_sink(std::uint64_t seed, Delivery delivery, io::Framing framing) {
    FileSinkWorld world(seed, delivery, framing);
    try {
        world.run();
    } catch (const Breach& breach) {
        world.end(false);
        return breach;
    }
    return {};
}

}  // namespace holdfast::sim

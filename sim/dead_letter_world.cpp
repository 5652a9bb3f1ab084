// Dead-letter file on the simulated disk, under faults, kills and power losses.
//
// What is demanded: I10 (what was answered ok is there for ever, as one whole line with the
// record's very bytes and where it began), I9 (a file that nobody cut the power of holds nothing
// but whole lines of records that were sent).
#include <cstring>
#include <memory>
#include <optional>
#include <set>

#include "core/base/mix.hpp"
#include "io/devices/dead_letter_file.hpp"
#include "io/payloads.hpp"
#include "sim/device_worlds.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {
namespace {

struct Died {};

const std::string path = "/out/deep/dead.jsonl";

struct Names : io::RecordNames {
    std::string_view source(SourceId) const override { return "in"; }
    std::string_view partition(SourceId, PartitionId) const override { return "log"; }
    std::string_view sink(SinkId) const override { return "a"; }
};

/// One process: what is in memory, and is lost.
struct Process {
    explicit Process(SimRing& ring) : file(ring, names, payloads, events, log, path) {
        file.start();
    }
    Names names;
    io::BlockPool pool{1 << 17, 1 << 16};
    io::Payloads payloads{pool, 8};
    io::Events events;
    io::Log log = [](io::Level, const std::string&) {};
    io::DeadLetterFile file;
};

struct DeadLetterWorld {
    DeadLetterWorld(std::uint64_t s, Death d) : seed(s), death(d), choices(s) {
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

    /// The record that begins at a position: some are binary, some longer than a sector.
    std::string record(std::int64_t at) const {
        const std::uint64_t chance = mix(seed, 1, static_cast<std::uint64_t>(at), 0);
        const std::uint64_t length = scale(mix64(chance), chance % 16 == 0 ? 1500 : 80);
        std::string text(length, static_cast<char>('a' + chance % 26));
        if (chance % 5 == 0) text += '\xff';
        return text;
    }
    /// Its line, up to the time, which is the clock's.
    std::string line(std::int64_t at) const {
        const std::string bytes = record(at);
        const DeadLetterHead head{.source = "in",
                                  .partition = "log",
                                  .position = at,
                                  .sink = "a",
                                  .reason = Reason::refused,
                                  .attempts = 3,
                                  .encoding = encoding_of(std::as_bytes(std::span(bytes)))};
        std::string text;
        begin_dead_letter(head, text);
        append_payload(head.encoding, std::as_bytes(std::span(bytes)), text);
        end_dead_letter(text);
        return without_time(text);
    }
    static std::string without_time(const std::string& text) {
        const std::size_t comma = text.find(',');
        return text.starts_with("{\"time\":\"") && comma != std::string::npos ? text.substr(comma)
                                                                              : "?" + text;
    }

    // ---- one life ----
    void store_some() {
        const std::int64_t first = position;
        std::string text;
        std::uint32_t count = 0;
        for (const std::uint64_t most = 1 + roll(4); count < most; ++count) {
            const std::string bytes = record(first + static_cast<std::int64_t>(text.size()));
            text += bytes + "\n";
        }
        Process& p = *process;
        const auto block = p.pool.take(static_cast<std::uint32_t>(text.size()));
        std::memcpy(block.data(), text.data(), text.size());
        io::Payload payload;
        payload.block = block;
        payload.bytes = block.first(text.size());
        payload.records = count;
        payload.first = Position{first};
        const BatchId batch{0, ++generation};
        p.payloads.put(batch, payload);
        const Part part{.batch = batch,
                        .begin = 0,
                        .end = count,
                        .attempts = 3,
                        .sink = SinkId{0},
                        .reason = Reason::refused};
        for (std::uint32_t attempt = 1;; ++attempt) {
            p.file.write({{0, generation}, attempt, {}, count}, {&part, 1});
            while (p.events.empty()) {
                if (steps_left-- == 0) throw Died{};
                ring.run(never);
            }
            const auto answer = std::get<DeadLettersStored>(p.events.pop());
            demand(answer.attempt == attempt, "I21", "an answer to another attempt");
            if (answer.outcome == StoreOutcome::ok) break;
        }
        p.payloads.release(batch);
        position = first + static_cast<std::int64_t>(text.size());
        for (std::int64_t at = first; at < position;) {
            stored.insert(at);
            at += static_cast<std::int64_t>(record(at).size()) + 1;
        }
    }

    /// `all` may end in the middle of a line that nobody answered for: the next start cuts it.
    /// `seen`: it is what processes see. On the disk itself a line that nobody answered for may be
    /// broken, where a sync failed and the process died before it knew.
    void judge(const std::string& all, bool seen) const {
        std::set<std::string> lines;
        std::set<std::string> sent;
        for (std::int64_t at = 0; at < sent_to(); at += step_of(at)) sent.insert(line(at));
        std::size_t begin = 0;
        for (std::size_t end; (end = all.find('\n', begin)) != std::string::npos;) {
            const std::string text = without_time(all.substr(begin, end + 1 - begin));
            if (death == Death::kill && seen) {
                demand(sent.contains(text), "I9", "a line that nobody sent: " + text);
            }
            lines.insert(text);
            begin = end + 1;
        }
        for (const std::int64_t at : stored) {
            demand(lines.contains(line(at)), "I10",
                   "what was answered for is gone: the record at " + std::to_string(at));
        }
    }
    std::int64_t step_of(std::int64_t at) const {
        return static_cast<std::int64_t>(record(at).size()) + 1;
    }
    /// At most four records beyond the last that was answered were sent.
    std::int64_t sent_to() const {
        std::int64_t at = position;
        for (int i = 0; i < 4; ++i) at += step_of(at);
        return at;
    }

    /// False if it died.
    bool live(std::uint64_t steps, std::int64_t goal) {
        steps_left = steps;
        try {
            process = std::make_unique<Process>(ring);
            while (position < goal) store_some();
        } catch (const Died&) {
            death == Death::kill ? ring.kill() : ring.crash();
            process.reset();
            return false;
        }
        ring.abandon();
        ring.kill();
        process.reset();
        return true;
    }
    void run() {
        const std::int64_t goal = 500 + static_cast<std::int64_t>(roll(6000));
        const std::uint64_t lives = 1 + roll(8);
        for (std::uint64_t life = 0; life < lives; ++life) {
            live(roll(300), goal);
            judge(disk.contents(path).value_or(""), true);
        }
        disk.options().faults = {};
        ring.options().again = 0;
        demand(live(1'000'000, goal), "L1", "it does not come to its end without faults");
        judge(disk.contents(path).value_or(""), true);
        const std::string last = disk.durable_contents(path).value_or("");
        judge(last, false);
        demand(last.ends_with('\n'), "I9", "a torn last line");
    }

    std::uint64_t seed;
    Death death;
    Seeded choices;
    SimClock clock;
    SimDisk disk{choices};
    SimRing ring{disk, clock, choices};
    std::unique_ptr<Process> process;
    std::uint64_t steps_left = 0;
    std::uint64_t rolls = 0;
    std::uint32_t generation = 0;
    std::int64_t position = 0;
    std::set<std::int64_t> stored;
};

}  // namespace

std::optional<Breach> run_dead_letters(std::uint64_t seed, Death death) {
    DeadLetterWorld world(seed, death);
    try {
        world.run();
    } catch (const Breach& breach) {
        world.ring.abandon();
        return breach;
    }
    return {};
}

}  // namespace holdfast::sim

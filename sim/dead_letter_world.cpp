// Dead-letter file on the simulated disk, under faults, kills and power losses.
//
// What is demanded: I10 (what was answered ok is there for ever, as one whole line with the
// record's very bytes and where it began), I123 (and its key, headers and timestamp), I9 (a file that
// nobody cut the power of holds nothing but whole lines of records that were sent).
//
// Doesn't know: the code that writes letters. What a letter is, it writes itself, by docs/data.md.
#include <cstring>
#include <memory>
#include <optional>
#include <set>

#include "core/base/mix.hpp"
#include "io/devices/dead_letter_file.hpp"
#include "io/payloads.hpp"
#include "sim/device_worlds.hpp"
#include "sim/record_truth.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {
namespace {

struct Died {};

const std::string path = "/out/deep/dead.jsonl";

/// A record, and what a dead letter says of its bytes.
struct Sample {
    std::string bytes;
    std::string encoding = "utf8";
    std::string payload;
};

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
    Sample sample(std::int64_t at) const {
        const std::uint64_t chance = mix(seed, 1, static_cast<std::uint64_t>(at), 0);
        const std::uint64_t length = scale(mix64(chance), chance % 16 == 0 ? 1500 : 80);
        Sample out;
        out.bytes = out.payload = std::string(length, static_cast<char>('a' + chance % 26));
        switch (chance / 32 % 8) {
            case 0: out.bytes += "\xff"; break;
            case 1:  // As text it would be six times as long, and each byte is the same.
                out.bytes = std::string(100 + length, '\0');
                return {out.bytes, "zeros", std::to_string(out.bytes.size())};
            case 2:  // As text it would be six times as long.
                out.bytes += std::string(100 + length, '\x01');
                break;
            case 3:
                out.bytes += "\"\\\t\r\x01\x1f/\x7f\xc3\xa9\xf0\x9f\x99\x82";
                out.payload += "\\\"\\\\\\t\\r\\u0001\\u001f/\x7f\xc3\xa9\xf0\x9f\x99\x82";
                return out;
            case 4:  // The first half of a surrogate pair is no UTF-8.
                out.bytes += "\xed\xa0\x80";
                break;
            default: return out;
        }
        out.encoding = "base64";
        out.payload = base64(out.bytes);
        return out;
    }
    std::string record(std::int64_t at) const { return sample(at).bytes; }
    // What a packed record has beside its bytes: by its position, a key, a header, a timestamp, or none.
    std::string key(std::int64_t at) const { return "k" + std::to_string(at % 7); }
    bool has_key(std::int64_t at) const { return packed() && at % 3 == 0; }
    bool has_header(std::int64_t at) const { return packed() && at % 5 < 2; }
    bool has_time(std::int64_t at) const { return packed() && at % 2 == 0; }
    bool packed() const { return seed / 2 % 2 == 1; }

    /// I123: as a letter says it.
    std::string beside(std::int64_t at) const {
        if (!has_key(at) && !has_header(at) && !has_time(at)) return {};
        return "\"timestamp\":" + (has_time(at) ? std::to_string(at * 3) : "null") +
               ",\"key\":" + (has_key(at) ? "\"" + key(at) + "\"" : "null") + ",\"headers\":[" +
               (has_header(at) ? "{\"name\":\"h\",\"value\":null}" : "") + "],";
    }
    void append_packed(std::int64_t at, const std::string& bytes, std::string& out) const {
        const std::string name = "h", its_key = key(at);
        std::vector<std::byte> headers, whole;
        if (has_header(at))
            packing::append_header({std::as_bytes(std::span(name)), std::nullopt}, headers);
        packing::Extras extras{.headers = headers, .position = at};
        if (has_key(at)) extras.key = std::as_bytes(std::span(its_key));
        if (has_time(at)) extras.timestamp = at * 3;
        packing::append_packed(extras, std::as_bytes(std::span(bytes)), whole);
        out.append(reinterpret_cast<const char*>(whole.data()), whole.size());
    }
    /// Its line, but for the time, which is the clock's.
    std::string line(std::int64_t at) const {
        const Sample is = sample(at);
        return ",\"source\":\"in\",\"partition\":\"log\",\"position\":" + std::to_string(at) +
               ",\"sink\":\"a\",\"reason\":\"refused\",\"attempts\":3," + beside(at) +
               "\"encoding\":\"" + is.encoding + "\",\"payload\":\"" + is.payload + "\"}\n";
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
        std::int64_t next = first;
        for (const std::uint64_t most = 1 + roll(4); count < most; ++count) {
            const std::string bytes = record(next);
            packed() ? append_packed(next, bytes, text) : void(text += bytes + "\n");
            next += static_cast<std::int64_t>(bytes.size()) + 1;
        }
        Process& p = *process;
        const auto block = p.pool.take(static_cast<std::uint32_t>(text.size()));
        std::memcpy(block.data(), text.data(), text.size());
        io::Payload payload;
        payload.block = block;
        payload.bytes = block.first(text.size());
        payload.records = count;
        payload.first = Position{first};
        payload.next = Position{next};
        if (packed()) payload.framing = io::Framing::packed;
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
        position = next;
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

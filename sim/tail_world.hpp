// Writers, rotations, truncations, faults and crashes around the file source on a simulated disk, all
// of it by Choices; and the judge of invariant I25.
//
// The wide world, beside that: rotated names outside of the pattern, archives from before the first
// start, names that nobody has seen, headers that all files share, two devices that are called
// otherwise after a restart, no births, writers that go on in a rotated file, deeds while the process
// is down, inputs that end (`eof`) and that begin at their end.
//
// Of streams that have no lines each record holds one line, so that the same is asked of them.
//
// I25: each complete line is emitted at least once (exactly once without a crash), no position lies
// inside an unemitted line, and nothing is attributed to another life of a file. What was pulled and
// not settled when the process dies counts as not emitted: nobody has it.
// Rule: the judge looks at what writers wrote and at what came; the first breach is problem().
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "io/sources/file/file_source.hpp"
#include "sim/memory_checkpoints.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {

/// What was ever in a file between two truncations.
struct Life {
    std::string text;
    std::vector<std::uint8_t> emitted;  ///< By byte: how often.
    bool lossy = false;                 ///< Was truncated: what was unread is gone.
    bool shared = false;                ///< What came of it may be of another life as well.
    bool twin = false;                  ///< Shares its beginning with another life.
    bool foreign = false;               ///< Is none of the source's business.
    std::size_t owed_from = 0;          ///< What stands before this needn't be read.
};

/// What one assignment of a partition brought.
struct Claim {
    std::vector<std::size_t> lives;  ///< Those that all of its batches agree with.
    std::vector<std::pair<std::int64_t, std::int64_t>> ranges;  ///< Of batches that were settled.
    std::int64_t position = 0;
};

/// A batch that its sinks don't have yet.
struct Unsettled {
    StagePosition stage;
    Position first;
    Claim* claim = nullptr;
};

class TailWorld {
public:
    /// Lives: `choices` as long as this.
    explicit TailWorld(Choices& choices, io::Framing framing = io::Framing::lines,
                       bool wide = false);
    ~TailWorld();
    TailWorld(const TailWorld&) = delete;

    /// One thing that a writer does, some time, perhaps a crash.
    void act();
    /// All faults end, everything is read, and then judged. Last.
    void end();

    /// The first breach, with what the source said; empty if there was none.
    const std::string& problem() const { return problem_; }
    std::size_t emitted() const { return emitted_; }
    /// Of all that was done and said: the same for the same choices, whatever compiled it.
    std::uint64_t digest() const;

private:
    std::uint64_t pick(std::uint64_t what, std::uint64_t bound);
    void check(bool holds, const std::string& what);
    /// What is told with a breach.
    void tell(const std::string& what);

    // The writers.
    void append(const std::string& path);
    void begins_as(std::size_t life, std::size_t first, std::size_t last);
    std::string record(std::string line, const std::string& before) const;
    std::size_t complete(const std::string& text) const;
    void rotate(const std::string& path);
    void empty(const std::string& path);
    void cut_short(const std::string& path);
    void remove(const std::string& path);
    void follow_name(const std::string& from, const std::string& to);
    std::string fresh_name();
    std::string some_path();
    void deed(const std::string& path);

    // What only the wide world has: tail_world_wide.cpp.
    void widen();
    void put_archive(const std::string& path);
    void strange();
    void come_and_go();
    void write_late();
    void demand_promptness();
    void rest_a_while();
    void restart();
    void end_all();
    void hear(const std::string& line);

    // The process.
    void start();
    void pull(std::uint32_t index);
    void crash();
    void run(Duration time);
    void settle();
    void settle_oldest();
    void credit(const Claim& claim);
    void judge();

    // Its events.
    void on(const PartitionAssigned& e);
    void on(const BatchPulled& e);
    void on(const PartitionRevoked& e);
    void on(const SourceIdle& e);
    void on(const SourceReady& e);
    void on(const SourceEnded& e);
    template <class T>
    void on(const T&) {
        check(false, "an event that a file source may not send here");
    }

    Choices& choices_;
    std::map<std::uint64_t, std::uint64_t> asked_;  ///< By question: how often.
    SimClock clock_;
    SimDisk disk_;
    SimRing ring_;
    io::FileSourceConfig config_;
    std::uint32_t max_bytes_ = 4096, max_records_ = 1;
    bool faulty_ = false, crashing_ = false, crashed_ = false;
    bool wide_ = false, exact_ = false, mounted_ = false, ended_ = false;
    std::uint64_t long_each_ = 20;  ///< About so many lines, and one is too long.
    std::size_t header_ = 0;        ///< Bytes that all files begin with.
    std::uint64_t names_ = 0, boots_ = 0;
    bool hanging_ = false;  ///< Its sinks take nothing.
    std::vector<Life> lives_;
    std::map<std::string, std::size_t> at_;
    std::map<std::string, std::string> rest_;
    std::uint64_t serial_ = 0;
    std::unique_ptr<io::BlockPool> pool_;
    std::unique_ptr<io::Payloads> payloads_;
    io::Events events_;
    MemoryCheckpoints checkpoints_;
    std::map<std::string, CheckpointPartition> durable_;
    std::int64_t durable_ns_ = INT64_MAX;  ///< Since when, in wall time.
    std::int64_t durable_look_ns_ = INT64_MAX;
    std::unique_ptr<io::PartitionSlots> slots_;
    std::unique_ptr<io::FileSource> source_;
    std::vector<std::string> said_;
    std::uint32_t process_ = 0, generation_ = 0;
    std::map<std::uint32_t, Instant> idle_;
    std::deque<Unsettled> pending_;
    std::set<std::pair<std::uint32_t, std::uint32_t>> closed_;
    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, Claim> claims_;
    std::size_t emitted_ = 0;
    std::string problem_;
};

}  // namespace holdfast::sim

// The world that a pipeline is tried in: production's runner on a simulated disk, one process after
// the other, writers who append and rotate, and what may fail.
//
// Rule 1: a world is what its seed says, every time.
// Rule 2: it ends healed: the last process has all that it needs, and time.
// Rule 3: who judges it (judge.hpp) reads files.
// Doesn't know: what should come out.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "io/runner/run.hpp"
#include "sim/joint_process.hpp"
#include "sim/trial/faults.hpp"
#include "sim/trial/plan.hpp"

namespace holdfast::sim {

/// Chance of a trial: what is not on trial is not among its answers.
class TrialChance final : public Seeded {
public:
    TrialChance(std::uint64_t seed, bool tears) : Seeded(seed), tears_(tears) {}
    std::uint64_t choose(Site site, std::uint64_t entity, std::uint64_t n,
                         std::uint64_t bound) override;

private:
    bool tears_;  ///< A power loss tears sectors; else it keeps or drops them.
};

/// One process, and how it ended.
struct TrialSession {
    bool died = false, powerless = false, asked = false;
    bool faulty = false;  ///< Its disk, or its sinks.
    io::RunReport report;
};

/// A peer that a sink writes to, and what it has read.
class TrialPeer final : public io::Network {
public:
    explicit TrialPeer(SimNet& net) : net_(net) {}
    std::expected<int, std::string> listen(const io::SocketAddress& at) override {
        return net_.listen(at);
    }
    std::expected<int, std::string> take_datagrams(const io::SocketAddress& at) override {
        return net_.take_datagrams(at);
    }
    int open_stream(const io::SocketAddress& to) override {
        const int fd = net_.open_stream(to);
        fds_.insert(fd);
        return fd;
    }
    std::string local_name(int fd) override { return net_.local_name(fd); }
    std::string peer_name(int fd) override { return net_.peer_name(fd); }
    bool is_own_peer(int fd) override { return net_.is_own_peer(fd); }
    bool has_unread(int fd) override { return net_.has_unread(fd); }
    std::uint64_t dropped(int fd) override { return net_.dropped(fd); }
    void close(int fd) override { net_.close(fd); }

    /// Reads all that was sent.
    void read();
    /// The whole lines of each connection, one behind the other.
    std::string lines() const;
    /// The numbers of its connections that can be used.
    std::vector<int> open() const;

private:
    SimNet& net_;
    std::set<int> fds_;
    std::map<int, std::string> got_;  ///< By connection.
};

class TrialWorld final : private Around, private NetHost {
public:
    /// Lives: both as long as this.
    TrialWorld(const TrialPlan& plan, Choices& choices, FaultSet faults);

    /// Where nothing fails: these records, and one process to its end.
    void run_calm(const std::vector<std::uint32_t>& records);
    /// All records, and all that the seed says.
    void run();

    const SimDisk& disk() const { return disk_; }
    /// What came to a sink.
    std::string came(const TrialSink& sink) const;
    const std::vector<TrialSession>& sessions() const { return sessions_; }
    const std::vector<std::string>& log() const { return log_; }
    /// Whether the last process came to its end, with everything done.
    bool is_done() const;
    /// Of a record that was written: which of its file's lives it stands in.
    std::uint32_t life_of(std::uint32_t record) const { return life_[record]; }
    bool was_rotated(std::uint32_t record) const { return rotated_[record]; }
    bool lost_power() const { return lost_power_; }
    bool faulted() const { return faulted_; }
    std::uint64_t held_peak() const { return held_peak_; }
    Duration stall_longest() const { return stall_longest_; }
    /// What no process may do: see judge.hpp. Empty: it did not.
    const std::string& hung() const { return hung_; }

private:
    struct Writer {
        std::vector<std::uint32_t> left;  ///< Records to be written, the next one last.
        std::string rest;                 ///< Of one that is begun.
        std::uint32_t life = 0;
        std::uint32_t rotations = 0;
        bool whole = false;  ///< It was written in one piece.
    };

    std::uint64_t pick(std::uint64_t what, std::uint64_t bound);
    void say(const std::string& what);
    void act() override;
    Instant next() const override;
    io::Network& network(const std::string& of) override;
    void peers_act();
    void begin();
    void draw_faults();
    void clear_faults();
    void session();
    void last_session();
    io::PipelineConfig config_now();
    void live(const io::PipelineConfig& config);
    Instant observe(const io::Sample& sample);
    [[noreturn]] void die(bool power);

    // writers.cpp.
    void write_some();
    void write_next(std::uint32_t input, std::uint64_t records, bool in_pieces);
    void write_whole(std::uint32_t input);
    void finish_record(std::uint32_t input);
    void write_all();
    void rotate(std::uint32_t input);

    const TrialPlan& plan_;
    Choices& choices_;
    FaultSet faults_;
    std::map<std::uint64_t, std::uint64_t> asked_;
    SimClock clock_;
    SimDisk disk_;
    SimNet net_;
    SimRing ring_;
    std::map<std::string, TrialPeer> peers_;  ///< By sink.
    std::vector<Writer> writers_;
    std::vector<std::uint32_t> life_;
    std::vector<bool> rotated_;
    std::vector<TrialSession> sessions_;
    std::unique_ptr<JointProcess> process_;  ///< null: none runs.
    std::vector<std::string> log_;
    bool lost_power_ = false;
    bool faulted_ = false;
    bool calm_ = false;
    Instant host_back_at_ = never;  ///< Nobody listens until then.
    bool squeezed_ = false;         ///< Memory is TrialPlan::memory_least.

    // Of the current process.
    bool last_ = false;
    bool sinks_fail_ = false;
    bool failing_ = false;  ///< Something may fail now.
    Instant next_{};
    Instant stop_at_ = never, stop_again_at_ = never, heal_at_ = never, jump_at_ = never;
    Instant healed_at_ = never;  ///< never: it was always well, or is not yet.
    std::uint64_t waits_ = 0, dies_at_ = UINT64_MAX;
    bool dies_by_power_ = false;

    // What was seen of its progress.
    std::uint64_t moved_ = 0;
    Instant moved_at_{};
    Duration stall_longest_{};
    std::uint64_t held_peak_ = 0;
    std::string hung_;
};

}  // namespace holdfast::sim

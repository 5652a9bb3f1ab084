// The whole pipeline in production's own object code on one simulated disk: the runner with engine,
// file sources, transforms, file sinks, dead letters and checkpoint; around it writers who append,
// rotate and remove, strangers who append to outputs, faults, kills and power losses, two configs
// in turn; and a judge that reads the disk.
//
// Rule 1: a world is what its seed says, every time. It ends at the first breach.
// Rule 2: the judge knows what writers wrote and what stands in outputs and dead letters; what
//         should stand there it works out by itself (joint_plan.hpp). Of the engine it knows
//         nothing, of the runner only how a process ended.
// Rule 3: what nobody could do is not demanded: see JointFile, and `must` in joint_judge.cpp.
// Doesn't know: real signals, locks, the memory of the machine, threads of transforms.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "io/runner/run.hpp"
#include "sim/breach.hpp"
#include "sim/joint_plan.hpp"
#include "sim/joint_process.hpp"

namespace holdfast::sim {

/// One life of a file that writers write.
struct JointFile {
    std::uint32_t source = 0;
    std::string path;
    std::vector<std::uint32_t> lines;   ///< Into JointWorld::lines_; complete ones.
    std::int64_t end = 0;               ///< What is written, and what is still to be.
    std::string rest;                   ///< What is still to be written,
    std::deque<std::uint32_t> pending;  ///< and the lines that it ends.
    bool rotated = false;
    bool gone = false;               ///< Deleted, or compressed away.
    std::set<std::string> known_to;  ///< When rotated: sources whose checkpoint knew it.
};

/// One process: what it was told, and how it ended.
struct JointSession {
    JointVariant variant;
    bool died = false, powerless = false, faulty = false, asked = false, eof = false;
    io::RunReport report;
};

class JointWorld final : private Around {
public:
    /// Lives: `choices` as long as this.
    explicit JointWorld(Choices& choices);

    /// To its end; throws the first Breach.
    void run();

    /// What happened, a line each.
    const std::vector<std::string>& log() const { return log_; }
    Instant ended() const { return clock_.now; }
    std::size_t lines() const { return lines_.size(); }

private:
    std::uint64_t pick(std::uint64_t what, std::uint64_t bound);
    void say(const std::string& what);
    void demand(bool holds, const char* invariant, const std::string& what) const;

    // joint_world.cpp: processes.
    void act() override;
    Instant next() const override { return next_; }
    void draw_faults();
    JointVariant draw_variant();
    io::PipelineConfig config_of(JointPlan plan, const JointSession& session);
    void session(const JointVariant& variant);
    void last_session();
    void live(const io::PipelineConfig& config);
    void judge_end(const JointSession& session) const;
    [[noreturn]] void die(bool power);

    // joint_writers.cpp: the others.
    void others_act();
    void append(const std::string& path, std::uint32_t source);
    std::string next_line(std::uint32_t file);
    void write_some(JointFile& file, std::size_t count);
    void finish_lines(JointFile& file);
    void rotate(const std::string& path, bool shifts);
    void move(const std::string& from, const std::string& to);
    void destroy(std::uint32_t source);
    void append_to_output();

    // joint_judge.cpp.
    void judge() const;
    void judge_sink(std::uint32_t sink) const;
    std::size_t mark_of(const JointSink& sink) const;
    void judge_dead_letters() const;
    bool must_be_read(const JointLine& line) const;
    bool may_come_anew(const JointFile& file) const;
    bool always_there(std::uint32_t sink, std::uint32_t session) const;
    std::uint32_t names_of(std::uint32_t source) const;

    Choices& choices_;
    std::map<std::uint64_t, std::uint64_t> asked_;  ///< By question: how often.
    SimClock clock_;
    SimDisk disk_;
    SimRing ring_;
    JointPlan plan_;
    bool faulty_ = false, power_ = false;  ///< Whether faults, power losses happen at all.
    bool healed_ = false;                  ///< It is the last session.
    JointVariant usual_, other_;
    std::vector<JointSession> sessions_;
    std::unique_ptr<JointProcess> process_;  ///< null: none runs.

    // Of the current process.
    Instant next_{};
    Instant stop_at_ = never, stop_again_at_ = never, over_at_ = never;
    std::uint64_t waits_ = 0, dies_at_ = UINT64_MAX;
    bool dies_by_power_ = false;

    std::vector<JointLine> lines_;
    std::vector<JointFile> files_;
    std::map<std::string, std::uint32_t> at_;        ///< By path: the file that stands there.
    std::vector<std::vector<std::string>> foreign_;  ///< By sink: lines of strangers.
    std::vector<std::string> log_;
};

/// The breach of this seed, if there is one, with what led to it.
std::optional<Breach> run_joint(std::uint64_t seed);

}  // namespace holdfast::sim

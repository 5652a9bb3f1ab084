// What a trial leaves, against what must come out: from files alone.
//
// I110: each record is where it must be, or among the dead letters; else it is lost.
// I111: a sink that promises it has nothing twice.
// I112: records of a file come in their order.
// I113: nothing else stands in an output: no torn, glued or foreign record.
// I114: dead letters are those of the calm run, or of what a sink did not take; each whole.
// I115: it comes to its end once all is well, and moves as long as it can.
// I116: what is committed would survive a power loss, where the sink promises that.
// I117: where nothing fails every record is out, dead-lettered or left out by a key of the config.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/trial/world.hpp"

namespace holdfast::sim {

enum class Flaw : std::uint8_t {
    lost,          ///< I110, I117
    repeated,      ///< I111
    out_of_order,  ///< I112
    foreign,       ///< I113, I114
    stopped,       ///< A policy, or no dead letters: it ends before a record, which is not lost.
    hung,          ///< I115
    ended,         ///< I115: an end that nobody asked for, and nothing explains.
    volatile_,     ///< I116
    dropped,       ///< By when_full: declared, and counted.
};

/// What of the config explains it.
enum class Cause : std::uint8_t {
    none,       ///< Nothing: holdfast is wrong.
    unsynced,   ///< The sink does not sync, and the power failed.
    weak,       ///< The sink's kind promises nothing when a process dies or a write fails.
    read_once,  ///< A source cannot be read again, and a process died or gave up.
    policy,     ///< It is told to.
};

struct TrialFinding {
    Flaw flaw{};
    Cause cause{};
    std::uint32_t source = UINT32_MAX, sink = UINT32_MAX, transform = UINT32_MAX;
    std::uint64_t count = 1;
    std::uint64_t seed = 0;
    std::string what;  ///< One of them.
};

struct TrialTally {
    std::uint64_t delivered = 0;  ///< Of what must be in sinks.
    std::uint64_t dead_lettered = 0;
    std::uint64_t dropped = 0;  ///< By policy.
    std::uint64_t lost = 0;
    std::uint64_t repeats_most = 0;  ///< How often what should be there once is there.
    std::uint64_t held_peak = 0;     ///< Bytes.
    Duration stall_longest{};
    std::uint64_t sessions = 0;
    void add(const TrialTally& other);
};

struct TrialVerdict {
    TrialTally tally;
    std::vector<TrialFinding> findings;
    /// The first that nothing of the config explains; null: there is none.
    const TrialFinding* breach() const;
};

/// Requires: `world` has run.
TrialVerdict judge(const TrialPlan& plan, const TrialWorld& world);
/// "lost"
const char* name_of(Flaw flaw);
/// "I110"
const char* invariant_of(Flaw flaw);

struct Letter {
    std::string payload;
    std::string sink;  ///< Empty: of none.
    std::string reason;
    std::string transform;
    bool is_whole = true;
};

/// The dead letters in a file of them.
std::vector<Letter> letters_in(const std::string& text, std::string& rest);

/// One seed of a plan, in a world of its own.
struct TrialRun {
    TrialVerdict verdict;
    std::vector<std::string> log;
};
TrialRun try_seed(const TrialPlan& plan, FaultSet faults, std::uint64_t seed);

}  // namespace holdfast::sim

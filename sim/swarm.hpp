// What one seed means: the engine's config, the shape of the world, and which faults exist in it.
//
// Rule 1: everything is drawn through Choices, and 0 is the simplest answer: a scenario without
//         choices is a small sunny world.
// Rule 2: the draw never looks at the engine; the engine's check() accepts every config it makes.
#pragma once

#include <array>
#include <cstdint>

#include "core/model/config.hpp"
#include "sim/choices.hpp"

namespace holdfast::sim {

enum class Mode : std::uint8_t { sunny, swarm, focus, tiny };

/// A thing that can go wrong. The order stands in scenario files: only append.
enum class Fault : std::uint8_t {
    pull_failed,
    pull_idle,
    pull_short,
    sink_retriable,
    sink_throttled,
    sink_partial,
    sink_ambiguous_applied,
    sink_ambiguous_lost,
    sink_ambiguous_later,
    sink_slow,
    sink_never,
    sink_late,
    sink_twice,
    sync_failed,
    store_retriable,   // Dead letters.
    store_ambiguous,   // Dead letters: applied or not by a detail.
    store_failed,      // Dead letters, for good.
    store_never,       // Dead letters.
    commit_retriable,  // A source's commit.
    commit_ambiguous,
    commit_never,
    commit_failed,
    checkpoint_retriable,  // The write of it.
    checkpoint_ambiguous,
    checkpoint_never,
    checkpoint_sync_failed,
    checkpoint_failed,
    transform_failed,
    transform_slow,
    revoke_graceful,
    revoke_lost,
    progress_elsewhere,
    rewind,
    crash,
    crash_between,
    crash_hot,
    pressure,
    jump,
    stale,
    late_tick,
    stop_drain,
    stop_now,
    shuffle,
    pull_fatal,
    sink_failed,         // For good: it never takes anything again, in this life.
    pull_empty,          // A batch without records, with tokens or not.
    slice_short,         // A slice takes fewer records than it may.
    transform_contract,  // A transform takes records that it wasn't given.
    sink_lies,         // Never drawn: RunOptions::lies, to see the judge and the shrinker at work.
    revoke_late,       // The broker has taken it away already when the engine hears of it.
    file_moved,        // A file is given back before its end, and comes again under another slot.
    batch_late,        // A batch of an epoch that is over.
    commit_late,       // Answers after their time-out: of a source's commit,
    checkpoint_late,   // of a write or a sync of the checkpoint,
    store_late,        // of dead letters,
    sync_late,         // of a sink's sync: never, for the engine that asked.
    sink_turns,        // A sink refuses later what it did not refuse at first.
    sink_two_words,    // A second word about the same outputs; the first one stands.
    sink_garbage,      // Words and answers that mean nothing.
    transform_stop,    // A transform wants the pipeline to stop.
    transform_astray,  // Outputs for a sink that its source may not reach.
    sink_breaks,       // It was ready, and is broken: only a restart helps.
    count,
};
inline constexpr std::size_t fault_count = static_cast<std::size_t>(Fault::count);

/// Shapes of the records of one source, in thousandths.
struct SourceShape {
    std::uint32_t logs = 1;
    std::uint32_t first_log = 0;
    std::uint32_t records = 1;  ///< Over all its logs.
    bool finite = true;         ///< Answers SourceEnded once all is read.
    bool bytes = false;         ///< Positions grow by bytes, as in a file; else by one.
    std::uint32_t gaps = 0;
    std::uint32_t filtered = 0;
    std::uint32_t parse_errors = 0;
    std::uint32_t fan_out_max = 1;
    bool routes = false;  ///< Each record has a route of its own.
    std::uint32_t oversized = 0;
    std::uint32_t stop_record = 0;
    std::uint32_t late_records = 0;  ///< Of the records, so many arrive later.
    std::uint32_t record_bytes_max = 100;
    Duration idle_retry{0};
    std::int64_t base = 0;       ///< Positions begin here.
    std::uint32_t open_max = 0;  ///< So many of its logs are assigned at a time, and given back
                                 ///< at their end, as files are. 0: all of them, for good.
};

struct SinkShape {
    std::uint32_t poison = 0;  ///< Records that it will always refuse, in thousandths.
    bool says_which = true;    ///< Names the refused one.
    Duration latency{0};
    std::int64_t mark_base = 0;  ///< What stood in its file before: marks begin here.
};

struct Draw {
    std::uint64_t seed = 0;
    Mode mode = Mode::sunny;
    Config config;
    std::array<SourceShape, 4> source{};
    std::array<SinkShape, 8> sink{};
    std::uint32_t spread = 1;  ///< Sink i is the engine's sink i * spread; those between are idle.
    std::uint32_t logs = 0;
    std::uint32_t records = 0;
    std::array<std::uint16_t, fault_count> permille{};  ///< 0: the fault doesn't exist here.
    std::uint32_t crashes_max = 0;
    std::uint32_t revokes_max = 0;
    Duration latency{0};  ///< Usual, of every component; see Stage::latency().
    bool latency_tail = false;
    std::uint32_t events_phase1 = 200;
    std::uint32_t dead = 0;       ///< Components that stay broken in phase 2: see Dead.
    bool pressure_stays = false;  ///< Memory pressure that is not ours, and never ends in phase 2.

    std::uint32_t engine_sink(std::uint32_t s) const { return s * spread; }
    bool may_refuse(std::uint32_t s) const {
        return sink[s].poison > 0 || permille_of(Fault::sink_turns) > 0;
    }
    std::uint32_t permille_of(Fault fault) const {
        return permille[static_cast<std::size_t>(fault)];
    }
};

/// Bits of Draw::dead. Bit i < 8: sink i.
enum Dead : std::uint32_t {
    dead_dead_letters = 1u << 8,
    dead_checkpoint = 1u << 9,
    dead_commits = 1u << 10,
};

/// Draws the world of a seed.
Draw draw_world(std::uint64_t seed, Choices& choices);
/// The config as the engine gets it: its sinks spread out.
Config engine_config(const Draw& draw);

const char* name(Mode mode);
const char* name(Fault fault);

}  // namespace holdfast::sim

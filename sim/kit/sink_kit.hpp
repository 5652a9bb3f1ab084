// Does a sink keep what it promises? Runs a user's sink between the real engine and a hostile world,
// on one thread in virtual time, and judges it by what its destination holds.
//
//   sim::SinkSubject mine;
//   mine.open = [&] { return std::make_unique<MySink>(server); };
//   mine.contents = [&] { return server.payloads(); };
//   const sim::KitReport report = sim::check_sink(mine);
//   std::fputs(report.text().c_str(), stdout);       // a breach has a seed, and its story
//
// The fault menu: crashes between any two calls (the sink is destroyed, another one is opened over
// the same destination), answers that are lost, late or in doubt, so that writes are repeated,
// writes of every size; and, if `weather` is given, a destination that fails, takes a part, takes
// all and then fails, or is slow.
// Rule 1: a seed decides everything: the same seed is the same run.
// Rule 2: only what the destination holds and what the sink said is judged, never how.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "io/embed/ports.hpp"

namespace holdfast::sim {

/// How the destination should behave during the next call.
enum class Weather : std::uint8_t {
    fair,
    fails,       ///< Takes nothing; the call fails.
    breaks_off,  ///< Takes the first `detail` records, then fails.
    times_out,   ///< Takes everything, but says nothing: the call fails.
    slow,        ///< Takes everything, late.
};

/// What a sink can break.
enum class Promise : std::uint8_t {
    delivered_is_held,   ///< What is answered as delivered is there (after sync, if it needs one).
    held_survives,       ///< And it is still there after a crash.
    bytes_as_given,      ///< Nothing else is there: no torn, changed or invented record.
    not_applied_is_not,  ///< What is answered as retriable, throttled or refused is not there.
    order_as_given,      ///< The records of one write stand in its order (if SinkSubject::ordered).
    one_write_once,      ///< A record is there no more often than it was written.
    again_is_not_twice,  ///< A record that is written again is there once (if `unique`).
    answer_makes_sense,  ///< Indices in range, each once, no throttled record alone.
    nothing_is_thrown,
    returns_in_time,  ///< KitOptions::call_limit of real time.
    makes_progress,   ///< In fair weather it takes what it is given.
};

/// Its name, and what it says.
std::string_view name_of(Promise promise);
std::string_view text_of(Promise promise);

/// The sink under test, and what the kit must know of its destination.
struct SinkSubject {
    /// A sink over the same destination: at the start, and after each crash.
    std::function<std::unique_ptr<embed::Sink>()> open;
    /// The payloads that the destination holds now.
    std::function<std::vector<std::string>()> contents;
    /// Empties the destination, before each seed.
    std::function<void()> clear;
    /// The destination's behaviour in the next write. May be empty: then it is always fair.
    std::function<void(Weather weather, std::uint32_t detail)> weather;
    /// The process is gone, the sink's object too: what the destination had not made durable may be
    /// dropped here. May be empty.
    std::function<void()> crashed;
    bool ordered = true;  ///< Promises that contents() are in the order of the writes.
    bool unique = false;  ///< Promises that a record that is written again is not there twice.
};

struct KitOptions {
    std::uint64_t seeds = 200;
    std::uint64_t first_seed = 1;
    std::uint32_t records = 40;
    Duration call_limit = seconds(5);
};

struct Breach {
    Promise promise{};
    std::uint64_t seed = 0;
    std::string what;
    std::vector<std::string> story;  ///< The last things that happened, the breach's call last.
};

struct KitReport {
    std::vector<Breach> breaches;  ///< The first one of each promise that was broken.
    std::uint64_t seeds = 0;
    std::uint64_t writes = 0;
    std::uint64_t repeats = 0;  ///< Records that were written again.
    std::uint64_t crashes = 0;
    std::uint64_t in_doubt = 0;  ///< Answers that the engine did not get, or that were ambiguous.
    std::uint64_t rough = 0;     ///< Writes in weather that was not fair.

    bool kept() const { return breaches.empty(); }
    /// For people: the verdict, and the story of each breach.
    std::string text() const;
};

/// Runs the seeds; a seed ends at its first breach. Requires: open, contents and clear are given.
/// Bound: seeds x records x some writes; contents() is called twice a write.
KitReport check_sink(const SinkSubject& subject, const KitOptions& options = {});

}  // namespace holdfast::sim

// What one engine is told at its start. Plain numbers: text and files are the command line's
// affair.
//
// Rule 1: every queue has its limit here. Rule 2: check() refuses at start what could not work;
// nothing is refused later. Rule 3: a test hook is a value here (a queue of 1, an interval of 0).
#pragma once

#include <array>
#include <cstdint>

#include "core/base/time.hpp"
#include "core/model/ids.hpp"

namespace holdfast {

/// What a full lane does with the next batch.
enum class WhenFull : std::uint8_t {
    block,        ///< The sources that are routed to it are no longer pulled.
    drop_newest,  ///< The batch's outputs for this sink are dropped, counted, and settled.
};

/// How transient failures are repeated. Attempt n (1-based) that failed is followed after
/// min(initial * 2^(n-1), max) times a factor in [1, 1 + jitter_permille/1000), all in integers.
struct RetryConfig {
    std::uint32_t attempts_max = 0;  ///< 0: for ever.
    Duration backoff_initial = milliseconds(100);
    Duration backoff_max = seconds(2);
    std::uint32_t jitter_permille = 250;
};

/// What a failure of a sink that may pass leads to.
enum class OnTransient : std::uint8_t {
    retry,  ///< The delivery is held and repeated, as its RetryConfig says.
    stop,   ///< Halt (HaltReason::sink_failed): nothing later is pulled or committed.
};

/// Where a source's positions are made durable.
enum class CommitMode : std::uint8_t {
    checkpoint,  ///< In the local checkpoint (files).
    source,      ///< By CommitPosition (a broker), after sinks are synced.
    sink,        ///< By its sinks, with what they write (transactions): never by the engine. Needs
                 ///< whole batches, and sinks with neither needs_sync nor a mark.
};

/// How a pulled batch goes through the engine. See docs/modes.md.
enum class RunMode : std::uint8_t {
    whole,      ///< In one piece.
    streaming,  ///< In slices of slice_bytes, one of each source at a time.
    governed,   ///< As streaming, by the governor's budget; as whole while the governor is off.
    parsed,     ///< As whole; whoever transforms parses all records of a batch before that.
};

struct SourceConfig {
    SinkMask route = 0;      ///< The sinks that it may reach; all of them without a transform.
    bool transform = false;  ///< Batches go through the Transform effect.
    CommitMode commit = CommitMode::checkpoint;
    std::uint32_t pulls_max = 1;  ///< Pulls outstanding, >= 1.
    std::uint32_t batches_max =
        8;  ///< Batches pulled or being pulled but not yet fanned out, >= 1.
    std::uint32_t pull_records_max = UINT32_MAX;
    std::uint32_t pull_bytes_max = 1u << 20;
    RetryConfig retry;  ///< After SourceFailed(retriable).
};

struct SinkConfig {
    // The queue: outputs that were fanned out to this sink and are not settled there. A batch that
    // is over a bound by itself enters an empty queue.
    std::uint32_t queue_batches_max = 256;
    std::uint32_t queue_records_max = 1u << 20;
    std::uint64_t queue_bytes_max = 16u << 20;
    WhenFull when_full = WhenFull::block;
    // One write.
    std::uint32_t write_records_max = 1u << 16;
    std::uint64_t write_bytes_max = 4u << 20;
    std::uint32_t write_parts_max = 64;
    Duration linger{0};            ///< A write below the two targets above waits so long for more.
    std::uint32_t writes_max = 1;  ///< In flight; 1 keeps the order.
    Duration attempt_timeout{0};   ///< 0: none.
    OnTransient on_transient = OnTransient::retry;
    RetryConfig retry;
    bool answers_partially =
        true;  ///< SinkToldRange may come; costs write_records_max / 2 bytes a write.
    bool needs_sync = false;  ///< Delivered is durable only after SyncSink.
    bool has_mark = false;    ///< SinkAnswered.mark is staged; needs writes_max == 1 and
                              ///< sources that commit to the checkpoint.
};

struct DeadLettersConfig {
    bool present = false;
    std::uint32_t queue_entries_max = 1024;
    std::uint32_t write_parts_max = 64;
    RetryConfig retry{.attempts_max = 8};  ///< Used up: halt.
    Duration attempt_timeout{0};
};

struct CommitConfig {
    Duration interval = seconds(1);
    std::uint64_t records = 0;  ///< Also after so many settled records; 0: not by records.
    std::uint64_t bytes = 0;    ///< Also after so many settled bytes; 0: not by bytes.
    RetryConfig retry{.attempts_max = 10};  ///< Used up: halt.
    Duration attempt_timeout{0};
};

/// A byte budget for each source, by additive increase and multiplicative decrease; it bounds pulls
/// and slices. See core/engine/governor.hpp and docs/regulation.md.
struct GovernorConfig {
    bool on = false;
    std::uint64_t start = 8u << 20;
    std::uint64_t floor = 4096;  ///< Never below it, nor below one record.
    std::uint64_t max = 64u << 20;
    std::uint64_t step = 256u << 10;
    std::uint32_t records = 1000;  ///< Also bounds pull_records_max.
    std::uint32_t factor_permille = 500;
    Duration target = seconds(1);  ///< A slice that takes longer is too large; 0: none is.
};

enum class GovernorProfile : std::uint8_t { throughput, balanced, low_latency };

constexpr GovernorConfig governor_of(GovernorProfile profile) {
    GovernorConfig c;  // balanced
    c.on = true;
    if (profile == GovernorProfile::throughput) {
        c.start = 16u << 20;
        c.max = 128u << 20;
        c.step = 512u << 10;
        c.records = 2000;
        c.target = Duration{0};
    } else if (profile == GovernorProfile::low_latency) {
        c.start = 1u << 20;
        c.max = 16u << 20;
        c.step = 128u << 10;
        c.records = 500;
        c.target = milliseconds(50);
    }
    return c;
}

struct Config {
    std::uint64_t seed = 0;                  ///< For jitter only.
    std::uint64_t memory_limit = 64u << 20;  ///< Bytes held by batches, from Pull to ReleaseBatch.
    std::uint32_t batches_max = 4096;
    std::uint32_t partitions_max = 64;
    RunMode mode = RunMode::whole;
    std::uint32_t slice_bytes = 256u << 10;  ///< Of the input, when streaming; 0: a record each.
    Duration ticker_period{0};  ///< RunTicker comes so often, first after one period; 0: never.
    std::uint32_t sources = 0;
    std::uint32_t sinks = 0;
    std::array<SourceConfig, sources_limit> source{};
    std::array<SinkConfig, sinks_limit> sink{};
    DeadLettersConfig dead_letters;
    CommitConfig commit;
    // Pulls pause at or above the first pressure and resume at or below the second (thousandths).
    std::uint32_t pressure_pause_permille = 800;
    std::uint32_t pressure_resume_permille = 650;
    Duration max_hold = seconds(10);  ///< After so long a pause each source is pulled once, > 0.
    GovernorConfig governor;

    /// A bit for each sink. Requires 1 to 64 of them.
    constexpr SinkMask all_sinks() const { return ~SinkMask{0} >> (sinks_limit - sinks); }
    /// Whether batches that are transformed are cut into slices. (What isn't transformed goes whole
    /// in any mode: it has no outputs besides the batch itself.)
    constexpr bool sliced() const {
        return mode == RunMode::streaming || (mode == RunMode::governed && governor.on);
    }
    constexpr bool sliced(std::uint32_t of) const { return sliced() && source[of].transform; }
    constexpr std::uint32_t sliced_sources() const {
        std::uint32_t n = 0;
        for (std::uint32_t s = 0; s < sources; ++s) n += sliced(s);
        return n;
    }
    /// The sinks that may be given slices.
    constexpr SinkMask sliced_sinks() const {
        SinkMask out = 0;
        for (std::uint32_t s = 0; s < sources; ++s) out |= sliced(s) ? source[s].route : 0;
        return out;
    }
};

}  // namespace holdfast

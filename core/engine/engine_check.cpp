// What a config may say, and how much one step can write.
#include "core/engine/engine.hpp"
#include "core/engine/engine_state.hpp"

namespace holdfast {

namespace {

const char* check_retry(const RetryConfig& retry) {
    if (retry.backoff_initial < Duration{0}) return "backoff_initial is negative";
    if (retry.backoff_max < retry.backoff_initial) return "backoff_max is below backoff_initial";
    if (retry.backoff_max > longest_wait) return "backoff_max is over 400 days";
    if (retry.jitter_permille > 1000) return "jitter is over 1000 permille";
    return nullptr;
}

const char* check_source(const Config& config, const SourceConfig& source) {
    if (source.route & ~config.all_sinks())
        return "a source is routed to a sink that does not exist";
    if (source.route == 0 && !source.transform) return "a source is routed to no sink";
    if (source.pulls_max == 0) return "pulls_max is 0";
    if (source.batches_max == 0) return "a source's batches_max is 0";
    if (source.pull_records_max == 0) return "pull_records_max is 0";
    if (source.pull_bytes_max == 0) return "pull_bytes_max is 0";
    if (source.pull_bytes_max > config.memory_limit) return "pull_bytes_max is over memory_limit";
    if (config.sliced() && source.transform && source.commit == CommitMode::sink) {
        return "commits by the sink need whole batches: a sink would commit with the first slice";
    }
    for (std::uint32_t s = 0; s < config.sinks; ++s) {
        if (!(source.route >> s & 1) || source.commit == CommitMode::checkpoint) continue;
        if (config.sink[s].has_mark) {
            return "a sink with a mark needs sources that commit to the checkpoint";
        }
        if (config.sink[s].needs_sync && source.commit == CommitMode::sink) {
            return "a sink that needs syncs cannot commit for its sources";
        }
    }
    return check_retry(source.retry);
}

const char* check_sink(const SinkConfig& sink, bool sliced) {
    if (sink.queue_batches_max == 0) return "queue_batches_max is 0";
    if (sink.queue_records_max == 0) return "queue_records_max is 0";
    if (sink.queue_bytes_max == 0) return "queue_bytes_max is 0";
    if (sink.write_records_max == 0) return "write_records_max is 0";
    if (sink.write_records_max > 1u << 20) return "write_records_max is over 1048576";
    if (sink.write_bytes_max == 0) return "write_bytes_max is 0";
    if (sink.write_parts_max == 0) return "write_parts_max is 0";
    if (sink.write_parts_max > 1024) return "write_parts_max is over 1024";
    if (sink.writes_max == 0) return "writes_max is 0";
    if (sink.writes_max > 1024) return "writes_max is over 1024";
    if (sliced && sink.when_full == WhenFull::drop_newest) {
        return "drop_newest needs whole batches: with slices one batch at a time is in the queue";
    }
    if (sink.has_mark && sink.writes_max != 1) return "a sink with a mark needs writes_max of 1";
    if (sink.has_mark && sink.answers_partially) return "a sink with a mark can't answer partially";
    if (sink.linger < Duration{0}) return "linger is negative";
    if (sink.linger > longest_wait) return "linger is over 400 days";
    if (sink.attempt_timeout < Duration{0}) return "attempt_timeout is negative";
    return check_retry(sink.retry);
}

const char* check_regulation(const Config& config) {
    if (!band_is_valid(config.pressure_pause_permille, config.pressure_resume_permille)) {
        return "pressure_resume must be below pressure_pause, and that at most 1000 permille";
    }
    if (config.max_hold <= Duration{0}) return "max_hold is not positive";
    if (config.max_hold > longest_wait) return "max_hold is over 400 days";
    const GovernorConfig& g = config.governor;
    if (!g.on) return nullptr;
    if (g.floor == 0) return "the governor's floor is 0";
    if (g.start < g.floor || g.max < g.start) return "the governor's start is out of its bounds";
    if (g.step == 0) return "the governor's step is 0";
    if (g.records == 0) return "the governor's records are 0";
    if (g.factor_permille == 0 || g.factor_permille >= 1000) {
        return "the governor's factor must be above 0 and below 1000 permille";
    }
    if (g.target < Duration{0} || g.target > longest_wait) return "the governor's target is wrong";
    return nullptr;
}

}  // namespace

ConfigError Engine::check(const Config& config) {
    if (config.sources == 0 || config.sources > sources_limit)
        return {"1 to 64 sources are needed"};
    if (config.sinks == 0 || config.sinks > sinks_limit) return {"1 to 64 sinks are needed"};
    if (config.batches_max < 2) return {"batches_max is below 2"};
    if (config.batches_max < config.sliced_sources() + 2) {
        return {"slices need batches_max of at least the number of sources plus 2"};
    }
    if (config.batches_max > 1u << 20) return {"batches_max is over 1048576"};
    if (config.partitions_max == 0) return {"partitions_max is 0"};
    if (config.partitions_max > 1u << 20) return {"partitions_max is over 1048576"};
    if (const char* what = check_regulation(config)) return {what};
    for (std::uint32_t s = 0; s < config.sources; ++s) {
        if (const char* what = check_source(config, config.source[s])) return {what, s};
    }
    const SinkMask sliced = config.sliced_sinks();
    for (std::uint32_t s = 0; s < config.sinks; ++s) {
        if (const char* what = check_sink(config.sink[s], (sliced >> s & 1) != 0)) return {what, s};
    }
    const DeadLettersConfig& dead = config.dead_letters;
    if (dead.present && dead.queue_entries_max == 0) return {"queue_entries_max is 0"};
    if (dead.present && dead.write_parts_max == 0) return {"dead letters: write_parts_max is 0"};
    if (dead.attempt_timeout < Duration{0}) return {"dead letters: attempt_timeout is negative"};
    if (config.ticker_period < Duration{0}) return {"ticker_period is negative"};
    if (config.ticker_period > longest_wait) return {"ticker_period is over 400 days"};
    if (config.commit.interval < Duration{0}) return {"commit interval is negative"};
    if (config.commit.interval > longest_wait) return {"commit interval is over 400 days"};
    if (config.commit.attempt_timeout < Duration{0}) return {"commit attempt_timeout is negative"};
    if (const char* what = check_retry(dead.retry)) return {what};
    if (const char* what = check_retry(config.commit.retry)) return {what};
    return {};
}

std::size_t Engine::effects_max(const Config& config) {
    std::size_t pulls = 0;
    std::size_t writes = 0;
    for (std::uint32_t s = 0; s < config.sources; ++s) pulls += config.source[s].pulls_max;
    for (std::uint32_t s = 0; s < config.sinks; ++s) writes += config.sink[s].writes_max;
    return pulls                                                      // Pull
           + 1 + config.sources                                       // Transform
           + config.batches_max                                       // ReleaseBatch
           + 3 * writes                                               // WriteToSink, CancelWrite
           + 2 * std::size_t{config.sinks}                            // SyncSink, StageSink
           + 1                                                        // WriteDeadLetters
           + config.sources                                           // SetGate
           + std::size_t{config.partitions_max} * (3 + config.sinks)  // stages, commit, RevokeDone
           + 4;  // WriteCheckpoint, SyncCheckpoint, RunTicker, Halt
}

std::size_t Engine::parts_max(const Config& config) {
    std::size_t parts = config.dead_letters.present ? config.dead_letters.write_parts_max : 0;
    for (std::uint32_t s = 0; s < config.sinks; ++s) {
        parts += 2 * std::size_t{config.sink[s].writes_max} * config.sink[s].write_parts_max;
    }
    return parts;
}

}  // namespace holdfast

#include "sim/swarm.hpp"

#include <algorithm>

#include "sim/spread.hpp"

namespace holdfast::sim {
namespace {

/// Answers from 0, the simplest, upwards.
struct Drawing {
    Choices& choices;
    Draw& draw;

    std::uint64_t pick(Site site, std::uint64_t entity, std::uint64_t n, std::uint64_t bound) {
        return bound <= 1 ? 0 : choices.choose(site, entity, n, bound);
    }
    std::uint32_t small(Site site, std::uint64_t entity, std::uint64_t n, std::uint64_t bound) {
        return static_cast<std::uint32_t>(pick(site, entity, n, bound));
    }
    /// One time in four a limit is at its minimum, else anything up to `most`, else very large.
    std::uint32_t limit(std::uint64_t entity, std::uint64_t n, std::uint32_t least,
                        std::uint32_t most, std::uint32_t unlimited) {
        const std::uint64_t how = pick(Site::draw_limit, entity, n << 1, 4);
        if (how == 0) return unlimited;
        if (how == 1) return least;
        return least + small(Site::draw_limit, entity, n << 1 | 1, most - least + 1);
    }
};

RetryConfig draw_retry(Drawing d, std::uint64_t entity, std::uint32_t attempts) {
    RetryConfig retry;
    retry.attempts_max = attempts;
    retry.backoff_initial =
        milliseconds(1 + static_cast<std::int64_t>(d.pick(Site::draw_limit, entity, 100, 400)));
    retry.backoff_max =
        Duration{retry.backoff_initial.ns << d.pick(Site::draw_limit, entity, 101, 5)};
    retry.jitter_permille = d.small(Site::draw_limit, entity, 102, 3) * 250;
    return retry;
}

Mode draw_mode(Drawing d) {
    const std::uint64_t roll = d.pick(Site::draw_mode, 0, 0, 100);
    if (roll < 10) return Mode::sunny;
    if (roll < 70) return Mode::swarm;
    return roll < 90 ? Mode::focus : Mode::tiny;
}

bool hopeless(Fault fault) {
    return fault == Fault::pull_fatal || fault == Fault::store_failed ||
           fault == Fault::commit_failed || fault == Fault::checkpoint_failed ||
           fault == Fault::sync_failed || fault == Fault::transform_contract ||
           fault == Fault::sink_failed || fault == Fault::sync_late ||
           fault == Fault::transform_stop || fault == Fault::transform_astray ||
           fault == Fault::sink_breaks;
}

/// Which faults exist, and how often they come. A focus makes one component's faults frequent.
void draw_faults(Drawing d) {
    const Mode mode = d.draw.mode;
    if (mode == Mode::sunny) return;
    const std::uint64_t coin = 2 + d.pick(Site::draw_feature, 1000, 0, 4);
    static constexpr Fault firsts[] = {Fault::pull_failed,
                                       Fault::sink_retriable,
                                       Fault::store_retriable,
                                       Fault::commit_retriable,
                                       Fault::transform_failed,
                                       Fault::crash,
                                       Fault::count};
    const std::uint64_t focus = d.pick(Site::draw_feature, 1001, 0, 6);
    for (std::uint32_t i = 0; i < fault_count; ++i) {
        const auto fault = static_cast<Fault>(i);
        if (fault == Fault::sink_lies) continue;
        const bool radioactive =
            mode == Mode::focus && fault >= firsts[focus] && fault < firsts[focus + 1];
        if (d.pick(Site::draw_feature, i, 0, coin) == 0 && !radioactive) continue;
        std::uint64_t weight = 1 + d.pick(Site::draw_weight, i, 0, mode == Mode::tiny ? 300 : 100);
        if (radioactive) weight = 50 + weight * 4;
        if (hopeless(fault)) weight = 1 + weight / 12;
        d.draw.permille[i] = static_cast<std::uint16_t>(std::min<std::uint64_t>(weight, 600));
    }
}

void set_permille(Draw& draw, Fault fault, std::uint32_t permille) {
    draw.permille[static_cast<std::size_t>(fault)] = static_cast<std::uint16_t>(permille);
}

/// Chances that are asked at every step, or once a life, have a scale of their own.
void scale_faults(Draw& draw) {
    const auto scaled = [&](Fault fault, std::uint32_t divisor) {
        const std::uint32_t old = draw.permille_of(fault);
        set_permille(draw, fault, old == 0 ? 0 : 1 + old / divisor);
    };
    scaled(Fault::crash, 40);
    scaled(Fault::crash_between, 12);
    scaled(Fault::crash_hot, 12);
    scaled(Fault::jump, 20);
    scaled(Fault::pressure, 3);
    scaled(Fault::stale, 3);
    scaled(Fault::sink_turns, 10);
    for (const Fault often :
         {Fault::revoke_graceful, Fault::revoke_lost, Fault::revoke_late, Fault::progress_elsewhere,
          Fault::rewind, Fault::file_moved, Fault::batch_late}) {
        const std::uint32_t old = draw.permille_of(often);
        set_permille(draw, often, old == 0 ? 0 : std::min(300 + old * 4, 700u));
    }
    for (const Fault stop : {Fault::stop_drain, Fault::stop_now}) {
        if (draw.permille_of(stop) > 0) set_permille(draw, stop, 400);
    }
}

/// Logs as files: more of them than slots, given back when they are read. And positions that need
/// more than 32 bits.
void draw_files(Drawing d, std::uint32_t s) {
    SourceShape& w = d.draw.source[s];
    const std::int64_t bases[] = {0, 0, 0, 0, (1LL << 31) - 8, (1LL << 32) - 9, 1LL << 40};
    w.base = bases[d.pick(Site::draw_source, s, 25, std::size(bases))];
    if (d.draw.config.source[s].commit != CommitMode::checkpoint) return;
    if (d.pick(Site::draw_source, s, 26, 2) == 0) return;
    w.logs = 1 + d.small(Site::draw_source, s, 27, 8);
    w.open_max = 1 + d.small(Site::draw_source, s, 28, w.logs);
}

void draw_source(Drawing d, std::uint32_t s, std::uint32_t records) {
    SourceConfig& c = d.draw.config.source[s];
    SourceShape& w = d.draw.source[s];
    const bool sunny = d.draw.mode == Mode::sunny;
    w.records = records;
    w.logs = 1 + d.small(Site::draw_source, s, 0, d.draw.mode == Mode::tiny ? 2 : 4);
    w.bytes = d.pick(Site::draw_source, s, 1, 2) == 1;
    const SinkMask all = (SinkMask{1} << d.draw.config.sinks) - 1;
    c.route = all & ~d.pick(Site::draw_source, s, 2, std::uint64_t{1} << d.draw.config.sinks);
    if (c.route == 0) c.route = all;
    bool mark = false;
    for (std::uint32_t i = 0; i < d.draw.config.sinks; ++i) {
        mark = mark || ((c.route >> i & 1) != 0 && d.draw.config.sink[i].has_mark);
    }
    bool synced = false;
    for (std::uint32_t i = 0; i < d.draw.config.sinks; ++i) {
        synced = synced || ((c.route >> i & 1) != 0 && d.draw.config.sink[i].needs_sync);
    }
    if (!mark && d.pick(Site::draw_source, s, 3, 2) == 1) c.commit = CommitMode::source;
    const bool may_manage = !mark && !synced && !d.draw.config.sliced();
    if (may_manage && d.pick(Site::draw_source, s, 21, 3) == 2) c.commit = CommitMode::sink;
    const bool moves = d.draw.permille_of(Fault::revoke_graceful) > 0 ||
                       d.draw.permille_of(Fault::revoke_lost) > 0;
    w.finite =
        d.pick(Site::draw_source, s, 4, 3) < 2 && !(moves && c.commit != CommitMode::checkpoint);
    c.transform = d.pick(Site::draw_source, s, 5, 2) == 1 ||
                  (d.draw.config.sliced() && d.pick(Site::draw_source, s, 22, 4) < 3);
    c.pulls_max = 1 + d.small(Site::draw_source, s, 6, 3);
    c.batches_max = 8;
    c.batches_max = d.limit(s, 0, 1, 8, 8);
    const std::uint64_t usual[] = {8, 1, 3, 16, 64, 300};
    c.pull_records_max = static_cast<std::uint32_t>(usual[d.pick(Site::draw_source, s, 7, 6)]);
    const bool gives_up = !sunny && d.pick(Site::draw_source, s, 23, 4) == 3;
    c.retry = draw_retry(d, 40 + s, gives_up ? 2 + d.small(Site::draw_source, s, 24, 4) : 0);
    if (d.pick(Site::draw_source, s, 8, 2) == 1) w.gaps = 200;
    if (d.pick(Site::draw_source, s, 9, 2) == 1)
        w.filtered = 100 + 300 * d.small(Site::draw_source, s, 20, 3);
    if (d.pick(Site::draw_source, s, 10, 3) == 1 && !sunny) w.parse_errors = 60;
    w.fan_out_max = c.transform ? 1 + d.small(Site::draw_source, s, 11, 4) : 1;
    w.routes = d.pick(Site::draw_source, s, 12, 2) == 1;
    if (d.pick(Site::draw_source, s, 13, 8) == 7 && !sunny) w.oversized = 30;
    if (d.pick(Site::draw_source, s, 14, 40) == 39 && !sunny) w.stop_record = 5;
    if (d.pick(Site::draw_source, s, 15, 2) == 1)
        w.late_records = d.small(Site::draw_source, s, 16, 1000);
    w.record_bytes_max = d.pick(Site::draw_source, s, 17, 2) == 1 ? 1000 : 20;
    const std::uint64_t idle = d.pick(Site::draw_source, s, 18, 8);
    w.idle_retry =
        milliseconds(1 + static_cast<std::int64_t>(d.pick(Site::draw_source, s, 19, 200)));
    if (idle < 4) w.idle_retry = seconds(60);
    // It will say so itself. Rarely, because a world that has nothing else to do leaps from day to
    // day then.
    if (idle == 7) w.idle_retry = Duration{INT64_MAX};
    draw_files(d, s);
}

void draw_sink(Drawing d, std::uint32_t s) {
    SinkConfig& c = d.draw.config.sink[s];
    SinkShape& w = d.draw.sink[s];
    const std::uint64_t entity = 16 + s;
    c.needs_sync = d.pick(Site::draw_sink, s, 0, 3) == 1;
    c.has_mark = d.pick(Site::draw_sink, s, 1, 4) == 1;
    c.queue_batches_max = d.limit(entity, 1, 1, 8, 100);
    c.queue_records_max = d.limit(entity, 2, 1, 100, 1u << 20);
    c.queue_bytes_max = d.limit(entity, 3, 1, 4000, 1u << 20);
    c.write_records_max = d.limit(entity, 4, 1, 32, 300);
    c.write_bytes_max = d.limit(entity, 5, 1, 2000, 1u << 20);
    c.write_parts_max = d.limit(entity, 6, 1, 8, 100);
    c.writes_max =
        c.has_mark
            ? 1
            : 1 + (d.pick(Site::draw_sink, s, 2, 3) == 2 ? d.small(Site::draw_sink, s, 3, 4) : 0);
    c.answers_partially = !c.has_mark && d.pick(Site::draw_sink, s, 4, 2) == 1;
    if (d.pick(Site::draw_sink, s, 5, 3) == 2 && !d.draw.config.sliced())
        c.when_full = WhenFull::drop_newest;
    if (d.pick(Site::draw_sink, s, 6, 3) == 1)
        c.linger = milliseconds(1 + static_cast<std::int64_t>(d.pick(Site::draw_sink, s, 7, 50)));
    if (d.pick(Site::draw_sink, s, 8, 2) == 1)
        c.attempt_timeout =
            milliseconds(5 + static_cast<std::int64_t>(d.pick(Site::draw_sink, s, 9, 400)));
    const std::uint32_t attempts =
        d.pick(Site::draw_sink, s, 10, 3) == 2 ? 1 + d.small(Site::draw_sink, s, 11, 8) : 0;
    c.retry = draw_retry(d, entity, attempts);
    if (d.draw.mode != Mode::sunny && d.pick(Site::draw_sink, s, 16, 12) == 11)
        c.on_transient = OnTransient::stop;
    if (d.draw.mode != Mode::sunny && d.pick(Site::draw_sink, s, 12, 4) == 3)
        w.poison = 20 + d.small(Site::draw_sink, s, 13, 100);
    w.says_which = d.pick(Site::draw_sink, s, 14, 2) == 0;
    const std::int64_t bases[] = {0, 0, 0, (1LL << 31) - 3, (1LL << 32) - 3};
    w.mark_base = bases[d.pick(Site::draw_sink, s, 17, std::size(bases))];
    w.latency = Duration{d.draw.latency.ns *
                         (1 + static_cast<std::int64_t>(d.pick(Site::draw_sink, s, 15, 4)))};
}

void draw_stores(Drawing d) {
    Config& c = d.draw.config;
    c.dead_letters.present = d.pick(Site::draw_shape, 20, 0, 8) != 7;
    c.dead_letters.queue_entries_max = d.limit(60, 0, 1, 16, 32);
    c.dead_letters.write_parts_max = d.limit(60, 1, 1, 8, 8);
    const bool few = d.pick(Site::draw_shape, 21, 0, 2) != 0;
    c.dead_letters.retry = draw_retry(d, 61, few ? 2 + d.small(Site::draw_shape, 21, 1, 7) : 0);
    if (d.pick(Site::draw_shape, 22, 0, 3) == 2) c.dead_letters.attempt_timeout = milliseconds(200);
    const std::int64_t intervals[] = {0, 10, 100, 1000, 5000};
    c.commit.interval = milliseconds(intervals[d.pick(Site::draw_shape, 23, 0, 5)]);
    if (d.pick(Site::draw_shape, 24, 0, 3) == 2)
        c.commit.records = 1 + d.pick(Site::draw_shape, 25, 0, 50);
    if (d.pick(Site::draw_shape, 26, 0, 4) == 3)
        c.commit.bytes = 1 + d.pick(Site::draw_shape, 27, 0, 5000);
    const bool tries = d.pick(Site::draw_shape, 28, 0, 2) != 0;
    c.commit.retry = draw_retry(d, 62, tries ? 2 + d.small(Site::draw_shape, 28, 1, 9) : 0);
    if (d.pick(Site::draw_shape, 29, 0, 3) == 2) c.commit.attempt_timeout = milliseconds(500);
}

std::uint32_t draw_records(Drawing d) {
    if (d.draw.mode == Mode::tiny) return 1 + d.small(Site::draw_shape, 1, 0, 4);
    const std::uint64_t spread = d.pick(Site::draw_shape, 1, 0, 8);
    const std::uint64_t most[] = {10, 10, 20, 20, 40, 60, 150, 600};
    return 1 + d.small(Site::draw_shape, 1, 1, most[spread]);
}

void draw_memory(Drawing d) {
    Config& c = d.draw.config;
    std::uint32_t largest = 1;
    for (std::uint32_t s = 0; s < c.sources; ++s) {
        c.source[s].pull_bytes_max = d.limit(s, 1, 1, 4000, 1u << 16);
        largest = std::max(largest, c.source[s].pull_bytes_max);
    }
    const std::uint64_t how = d.pick(Site::draw_limit, 70, 0, 4);
    c.memory_limit =
        how == 0 ? 64u << 20 : largest * (how == 1 ? 1 : 1 + d.pick(Site::draw_limit, 70, 1, 6));
    const bool many = d.pick(Site::draw_limit, 70, 3, 4) == 3;
    c.batches_max = d.limit(70, 2, c.sliced() ? c.sources + 2 : 2, 16, many ? 150 : 24);
}

void draw_run_mode(Drawing d) {
    Config& c = d.draw.config;
    const RunMode modes[] = {RunMode::whole,     RunMode::whole,     RunMode::whole,
                             RunMode::streaming, RunMode::streaming, RunMode::governed};
    c.mode = modes[d.pick(Site::draw_shape, 40, 0, std::size(modes))];
    c.governor.on = c.mode == RunMode::governed && d.pick(Site::draw_shape, 41, 0, 4) > 0;
    c.slice_bytes = d.limit(71, 0, 0, 400, 1u << 18);
    if (d.pick(Site::draw_shape, 42, 0, 6) == 5)
        c.ticker_period =
            milliseconds(50 + static_cast<std::int64_t>(d.pick(Site::draw_shape, 43, 0, 2000)));
}

void draw_regulation(Drawing d) {
    Config& c = d.draw.config;
    c.max_hold = milliseconds(5 + static_cast<std::int64_t>(d.pick(Site::draw_limit, 72, 0, 500)));
    const bool sunny = d.draw.mode == Mode::sunny;
    d.draw.pressure_stays = !sunny && d.pick(Site::draw_core, 6, 0, 8) == 7;
    GovernorConfig& g = c.governor;
    if (c.mode != RunMode::governed) g.on = d.pick(Site::draw_limit, 73, 0, 2) == 1;
    if (!g.on) return;
    g.floor = 1 + d.pick(Site::draw_limit, 73, 1, 3) * d.pick(Site::draw_limit, 73, 2, 200);
    g.start = g.floor + d.pick(Site::draw_limit, 73, 3, 4000);
    g.max = g.start + d.pick(Site::draw_limit, 73, 4, 8000);
    g.step = 1 + d.pick(Site::draw_limit, 73, 5, 500);
    g.records = 1 + d.small(Site::draw_limit, 73, 6, 100);
    const std::int64_t targets[] = {0, 0, 1, 20};
    g.target = milliseconds(targets[d.pick(Site::draw_limit, 73, 7, 4)]);
}

/// Sinks that take a little of each write, and a clock that comes on time: what the backoff does
/// then can be seen.
void draw_takers(Drawing d) {
    Draw& w = d.draw;
    if (w.mode != Mode::swarm || d.pick(Site::draw_feature, 1002, 0, 12) != 11) return;
    for (const Fault off : {Fault::late_tick, Fault::jump}) set_permille(w, off, 0);
    set_permille(w, Fault::sink_partial, 700);
    for (std::uint32_t s = 0; s < w.config.sinks; ++s) {
        SinkConfig& c = w.config.sink[s];
        c.answers_partially = !c.has_mark;
        c.write_records_max = std::max(c.write_records_max, 16u);
        c.retry.attempts_max = 0;
        c.retry.backoff_max = Duration{c.retry.backoff_initial.ns << 4};
        w.sink[s].poison = 0;
    }
}

/// Large writes that are taken in part: what is kept of single outputs has more than one word.
void draw_large(Drawing d) {
    Draw& w = d.draw;
    if (w.mode != Mode::swarm || w.config.sources > 1 || w.config.sinks > 2) return;
    if (d.pick(Site::draw_feature, 1003, 0, 3) != 2) return;
    set_permille(w, Fault::sink_partial, 500);
    w.config.memory_limit = 64u << 20;
    for (std::uint32_t s = 0; s < w.config.sources; ++s) {
        w.source[s].records = 200;
        w.source[s].logs = 1;
        w.source[s].open_max = 0;
        w.source[s].late_records = 0;
        w.config.source[s].pull_records_max = 300;
        w.config.source[s].pull_bytes_max = 1u << 20;
    }
    for (std::uint32_t s = 0; s < w.config.sinks; ++s) {
        SinkConfig& c = w.config.sink[s];
        c.answers_partially = !c.has_mark;
        c.write_records_max = 300;
        c.write_bytes_max = c.queue_bytes_max = 1u << 20;
        c.queue_records_max = 1u << 20;
    }
}

/// A sink that never comes back: soon full, so that it is seen whom that holds up.
void draw_dead_sink(Drawing d) {
    Draw& w = d.draw;
    const auto sink = static_cast<std::uint32_t>(d.pick(Site::draw_core, 2, 0, w.config.sinks));
    w.dead |= 1u << sink;
    if (d.pick(Site::draw_core, 20, 0, 2) != 1) return;
    w.config.sink[sink].queue_batches_max = 1;
    const bool drops = d.pick(Site::draw_core, 21, 0, 3) == 2 && !w.config.sliced();
    if (drops) w.config.sink[sink].when_full = WhenFull::drop_newest;
}

/// Dead letters that are never stored: one source soon needs them, the others do not.
void draw_dead_store(Drawing d) {
    Draw& w = d.draw;
    w.dead |= dead_dead_letters;
    if (w.config.sources < 2 || d.pick(Site::draw_core, 22, 0, 2) != 1) return;
    w.source[0].oversized = 300;
    for (std::uint32_t s = 1; s < w.config.sources; ++s) {
        w.source[s].oversized = w.source[s].parse_errors = 0;
        w.source[s].late_records = 700;
    }
}

void draw_rest(Drawing d) {
    Draw& w = d.draw;
    w.crashes_max = d.small(Site::draw_shape, 30, 0, 5);
    w.revokes_max = w.permille_of(Fault::revoke_graceful) + w.permille_of(Fault::revoke_lost) > 0
                        ? 1 + d.small(Site::draw_shape, 31, 0, 6)
                        : 0;
    w.latency_tail = w.mode != Mode::sunny && d.pick(Site::draw_shape, 32, 0, 3) == 2;
    w.events_phase1 = 60 + d.small(Site::draw_shape, 33, 0, 500);
    if (w.mode == Mode::sunny || d.pick(Site::draw_core, 0, 0, 3) != 2) return;
    // Some components never come back.
    if (d.pick(Site::draw_core, 1, 0, 2) == 1) draw_dead_sink(d);
    if (d.pick(Site::draw_core, 3, 0, 3) == 2) draw_dead_store(d);
    if (d.pick(Site::draw_core, 4, 0, 8) == 7) w.dead |= dead_checkpoint;
    if (d.pick(Site::draw_core, 5, 0, 8) == 7) w.dead |= dead_commits;
}

}  // namespace

Draw draw_world(std::uint64_t seed, Choices& choices) {
    Draw draw;
    draw.seed = seed;
    Drawing d{choices, draw};
    draw.mode = draw_mode(d);
    draw_faults(d);
    scale_faults(draw);
    const std::int64_t usual[] = {0, 1, 5, 30};
    draw.latency = milliseconds(usual[d.pick(Site::draw_shape, 3, 0, 4)]);
    Config& c = draw.config;
    c.seed = seed;
    c.sources = 1 + (draw.mode == Mode::tiny ? 0 : d.small(Site::draw_shape, 4, 0, 3));
    c.sinks = 1 + d.small(Site::draw_shape, 5, 0, draw.mode == Mode::tiny ? 2 : 6);
    draw_run_mode(d);
    for (std::uint32_t s = 0; s < c.sinks; ++s) draw_sink(d, s);
    draw.records = draw_records(d);
    for (std::uint32_t s = 0; s < c.sources; ++s) {
        draw_source(d, s, draw.records / c.sources + (s < draw.records % c.sources ? 1 : 0));
    }
    draw_stores(d);
    draw_memory(d);
    draw_large(d);
    for (std::uint32_t s = 0; s < c.sources; ++s) {
        draw.source[s].first_log = draw.logs;
        draw.logs += draw.source[s].logs;
    }
    draw_regulation(d);
    draw_takers(d);
    draw_rest(d);
    c.partitions_max = 0;
    for (std::uint32_t s = 0; s < c.sources; ++s) {
        const SourceShape& w = draw.source[s];
        c.partitions_max += w.open_max > 0 ? w.open_max : w.logs;
    }
    if (d.pick(Site::draw_shape, 44, 0, 10) == 9) draw.spread = 9;
    return draw;
}

/// Spread over more than one word's half: masks of sinks have a second one.
Config engine_config(const Draw& draw) {
    if (draw.spread == 1) return draw.config;
    Config c = draw.config;
    c.sinks = (draw.config.sinks - 1) * draw.spread + 1;
    SinkConfig idle;
    idle.queue_batches_max = idle.queue_records_max = idle.write_records_max = 1;
    idle.answers_partially = false;
    c.sink.fill(idle);
    for (std::uint32_t s = 0; s < draw.config.sinks; ++s) {
        c.sink[draw.engine_sink(s)] = draw.config.sink[s];
    }
    for (std::uint32_t s = 0; s < c.sources; ++s) {
        c.source[s].route = spread_mask(draw.config.source[s].route, draw.spread);
    }
    return c;
}

const char* name(Mode mode) {
    switch (mode) {
        case Mode::sunny: return "sunny";
        case Mode::swarm: return "swarm";
        case Mode::focus: return "focus";
        case Mode::tiny: return "tiny";
    }
    return "?";
}

const char* name(Fault fault) {
    // clang-format off
    static constexpr const char* names[] = {
        "pull_failed", "pull_idle", "pull_short", "sink_retriable", "sink_throttled",
        "sink_partial", "sink_ambiguous_applied", "sink_ambiguous_lost", "sink_ambiguous_later",
        "sink_slow", "sink_never", "sink_late", "sink_twice", "sync_failed", "store_retriable",
        "store_ambiguous", "store_failed", "store_never", "commit_retriable", "commit_ambiguous",
        "commit_never", "commit_failed", "checkpoint_retriable", "checkpoint_ambiguous",
        "checkpoint_never", "checkpoint_sync_failed", "checkpoint_failed", "transform_failed",
        "transform_slow", "revoke_graceful", "revoke_lost", "progress_elsewhere", "rewind",
        "crash", "crash_between", "crash_hot", "pressure", "jump", "stale", "late_tick",
        "stop_drain", "stop_now", "shuffle", "pull_fatal", "sink_failed", "pull_empty",
        "slice_short", "transform_contract", "sink_lies", "revoke_late", "file_moved",
        "batch_late", "commit_late", "checkpoint_late", "store_late", "sync_late", "sink_turns",
        "sink_two_words", "sink_garbage", "transform_stop", "transform_astray", "sink_breaks"};
    // clang-format on
    static_assert(std::size(names) == fault_count);
    return names[static_cast<std::size_t>(fault)];
}

}  // namespace holdfast::sim

// Random configs and random events.
#include "tests/core/random_events.hpp"

#include <bit>

namespace holdfast {

namespace {

RetryConfig random_retry(Numbers& n, std::uint64_t attempts) {
    RetryConfig r;
    r.attempts_max = static_cast<std::uint32_t>(n.percent(50) ? 0 : 1 + n.below(attempts));
    r.backoff_initial = milliseconds(static_cast<std::int64_t>(n.below(3) * 50));
    r.backoff_max.ns =
        r.backoff_initial.ns + milliseconds(static_cast<std::int64_t>(n.below(300))).ns;
    r.jitter_permille = static_cast<std::uint32_t>(n.below(1001));
    return r;
}

}  // namespace

Config drawn_config(Numbers& n) {
    const auto u32 = [&](std::uint64_t low, std::uint64_t bound) {
        return static_cast<std::uint32_t>(low + n.below(bound));
    };
    Config c;
    c.seed = n.next();
    c.memory_limit = 100 + n.below(5000);
    c.batches_max = u32(2, 12);
    c.partitions_max = u32(1, 4);
    c.sources = u32(1, 3);
    c.sinks = u32(1, 4);
    for (std::uint32_t s = 0; s < c.sources; ++s) {
        SourceConfig& k = c.source[s];
        k.transform = n.percent(40);
        k.route = 1 | n.below(std::uint64_t{1} << c.sinks);
        k.commit = n.percent(50) ? CommitMode::source : CommitMode::checkpoint;
        k.pulls_max = u32(1, 3);
        k.batches_max = u32(1, 4);
        k.pull_records_max = u32(1, 20);
        k.pull_bytes_max = u32(1, 300);
        k.retry = random_retry(n, 20);
    }
    for (std::uint32_t s = 0; s < c.sinks; ++s) {
        SinkConfig& k = c.sink[s];
        k.queue_batches_max = u32(1, 6);
        k.queue_records_max = u32(1, 40);
        k.queue_bytes_max = 1 + n.below(400);
        k.when_full = n.percent(30) ? WhenFull::drop_newest : WhenFull::block;
        k.write_records_max = u32(1, 80);
        k.write_bytes_max = 1 + n.below(300);
        k.write_parts_max = u32(1, 4);
        k.linger = milliseconds(static_cast<std::int64_t>(n.below(3) * 20));
        k.has_mark = n.percent(30);
        k.writes_max = k.has_mark ? 1 : u32(1, 3);
        k.answers_partially = !k.has_mark && n.percent(60);
        k.attempt_timeout = milliseconds(static_cast<std::int64_t>(n.below(3) * 100));
        k.needs_sync = n.percent(50);
        k.retry = random_retry(n, 6);
    }
    c.dead_letters.present = n.percent(90);
    c.dead_letters.queue_entries_max = u32(1, 4);
    c.dead_letters.write_parts_max = u32(1, 3);
    c.dead_letters.attempt_timeout = milliseconds(static_cast<std::int64_t>(n.below(2) * 100));
    c.dead_letters.retry = random_retry(n, 20);
    c.commit.interval = milliseconds(static_cast<std::int64_t>(n.below(3) * 100));
    c.commit.records = n.below(20);
    c.commit.bytes = n.below(200);
    c.commit.attempt_timeout = n.percent(20) ? seconds(2) : Duration{0};
    c.commit.retry = random_retry(n, 20);
    if (!n.percent(80)) c.ticker_period = milliseconds(static_cast<std::int64_t>(n.below(200)));
    if (!n.percent(90)) c.source[0].commit = CommitMode::sink;
    if (!n.percent(95)) c.sink[0].on_transient = OnTransient::stop;
    if (!n.percent(70)) {
        c.mode = n.percent(60) ? RunMode::streaming : RunMode::governed;
        c.governor.on = n.percent(80);
        c.slice_bytes = u32(0, 100);
        c.batches_max += c.sources;
    }
    for (std::uint32_t s = 0; s < c.sources && c.sliced(); ++s) c.source[s].transform = true;
    for (std::uint32_t s = 0; s < c.sinks && c.sliced(); ++s) c.sink[s].when_full = WhenFull::block;
    c.max_hold = milliseconds(static_cast<std::int64_t>(1 + n.below(200)));
    if (c.mode == RunMode::whole) c.governor.on = n.percent(50);
    c.governor.floor = 1 + n.below(3) * 20;
    c.governor.start = c.governor.floor + n.below(200);
    c.governor.max = c.governor.start + n.below(200);
    c.governor.step = 1 + n.below(100);
    c.governor.records = u32(1, 20);
    c.governor.target = milliseconds(static_cast<std::int64_t>(n.below(2) * 50));
    return c;
}

Config random_config(std::uint64_t seed) {
    Numbers numbers(mix(seed, 1, 0, 0));
    for (;;) {
        const Config c = drawn_config(numbers);
        if (Engine::check(c).what == nullptr) return c;
    }
}

RandomEvents::RandomEvents(const Numbers& numbers, const Config& config, bool sane)
    : config_(config),
      numbers_(numbers),
      sane_(sane),
      epochs_(config.partitions_max, 0),
      positions_(config.partitions_max, 0),
      routes_(config.batches_max, 0),
      ranges_(config.batches_max) {}

void RandomEvents::saw(const Effects& effects) {
    for (const Effect& e : effects.items()) {
        if (const auto* pull = std::get_if<Pull>(&e)) {
            routes_[pull->batch.index] = config_.source[pull->source.index].route;
        }
        if (const auto* transform = std::get_if<Transform>(&e)) {
            routes_[transform->slice.index] = routes_[transform->batch.index];
        }
        const bool answered =
            !std::holds_alternative<ReleaseBatch>(e) && !std::holds_alternative<CancelWrite>(e) &&
            !std::holds_alternative<StageSink>(e) && !std::holds_alternative<StagePosition>(e) &&
            !std::holds_alternative<StageLead>(e) && !std::holds_alternative<RevokeDone>(e) &&
            !std::holds_alternative<SetGate>(e) && !std::holds_alternative<Halt>(e) &&
            !std::holds_alternative<RunTicker>(e);
        if (answered) open_.push_back(e);
    }
}

Event RandomEvents::next(Instant deadline) {
    const std::uint64_t dice = numbers_.below(100);
    const auto jump = Duration{static_cast<std::int64_t>(numbers_.below(60'000'000))};
    if (deadline < Instant{INT64_MAX / 2} && (dice < 5 || (open_.empty() && dice < 70))) {
        if (deadline > now_) now_ = deadline;
        return Tick{};
    }
    if (dice < 30) now_ = now_ + jump;
    if (deadline != never && now_ > deadline && sane_) now_ = deadline;
    if (!sane_ && dice >= 88) return garbage();
    if (dice >= 80 || open_.empty()) return unsolicited();
    return answer();
}

Event RandomEvents::answer() {
    if (!sane_ && !answered_.empty() && numbers_.percent(5)) {
        return answer_to(answered_[numbers_.below(answered_.size())]);
    }
    const std::size_t at = numbers_.below(open_.size());
    const Effect effect = open_[at];
    const bool told = std::holds_alternative<WriteToSink>(effect) && numbers_.percent(40);
    if (told) {
        const auto& w = std::get<WriteToSink>(effect);
        const auto begin = static_cast<std::uint32_t>(numbers_.below(w.records));
        const auto end = static_cast<std::uint32_t>(begin + 1 + numbers_.below(w.records - begin));
        return SinkToldRange{w.delivery, w.attempt, begin, end, sink_outcome()};
    }
    const bool shared = std::holds_alternative<Transform>(effect) && numbers_.percent(30) &&
                        routes_[std::get<Transform>(effect).batch.index] & 1;
    if (shared) {
        const BatchId id = std::get<Transform>(effect).batch;
        auto sink = static_cast<std::uint16_t>(numbers_.below(config_.sinks));
        if (!(routes_[id.index] >> sink & 1)) {
            sink = static_cast<std::uint16_t>(std::countr_zero(routes_[id.index] | 1));
        }
        return SinkShare{std::get<Transform>(effect).slice,
                         {sink},
                         static_cast<std::uint32_t>(numbers_.below(30)),
                         static_cast<std::uint32_t>(numbers_.below(200))};
    }
    open_[at] = open_.back();
    open_.pop_back();
    if (answered_.size() < 100) answered_.push_back(effect);
    return answer_to(effect);
}

SinkOutcome RandomEvents::sink_outcome() {
    const std::uint64_t dice = numbers_.below(100);
    if (dice < 60) return SinkOutcome::delivered;
    if (!config_.dead_letters.present && dice >= 75 && dice < 85) return SinkOutcome::delivered;
    return static_cast<SinkOutcome>(numbers_.below(5));
}

StoreOutcome RandomEvents::store_outcome() {
    const std::uint64_t dice = numbers_.below(1000);
    if (dice < 2 && !sane_) return static_cast<StoreOutcome>(numbers_.below(7));
    if (dice < 100) return numbers_.percent(50) ? StoreOutcome::retriable : StoreOutcome::ambiguous;
    return StoreOutcome::ok;
}

BatchPulled RandomEvents::batch(const Pull& pull) {
    BatchPulled e{};
    e.batch = pull.batch;
    e.source = pull.source;
    const std::uint64_t p = numbers_.below(config_.partitions_max);
    e.partition = {static_cast<std::uint32_t>(p)};
    e.epoch = {epochs_[p]};
    e.records = static_cast<std::uint32_t>(1 + numbers_.below(pull.max_records));
    e.bytes = static_cast<std::uint32_t>(numbers_.below(std::uint64_t{pull.max_bytes} + 1));
    e.held = e.bytes + static_cast<std::uint32_t>(numbers_.below(20));
    e.fate = config_.dead_letters.present && numbers_.percent(5) ? Fate::oversized : Fate::deliver;
    e.first = {positions_[p]};
    positions_[p] += static_cast<std::int64_t>(1 + numbers_.below(50));
    e.next = {positions_[p]};
    ranges_[pull.batch.index] = {e.first.value, e.next.value};
    return e;
}

/// Takes some of what is left of the batch, as far as its positions allow.
void RandomEvents::cut(SliceTransformed& s, const Transform& t) {
    auto& [at, end] = ranges_[t.batch.index];
    const auto taken = static_cast<std::uint32_t>(1 + numbers_.below(t.end - t.begin));
    if (t.begin + taken == t.end || at + 1 >= end) return;
    s.end = t.begin + taken;
    s.next = {++at};
}

Event RandomEvents::answer_to(const Effect& effect) {
    if (const auto* e = std::get_if<Pull>(&effect)) {
        const std::uint64_t dice = numbers_.below(100);
        if (dice < 85) return batch(*e);
        if (dice < 95) return SourceIdle{e->batch, e->source, milliseconds(20)};
        if (dice < 96 && !sane_ && numbers_.percent(10)) return SourceEnded{e->batch, e->source};
        return SourceFailed{e->batch, e->source, SourceOutcome::retriable};
    }
    if (const auto* e = std::get_if<Transform>(&effect)) {
        SliceTransformed s{};
        s.slice = e->slice;
        s.end = e->end;
        if (e->slice != e->batch) cut(s, *e);
        s.fate = config_.dead_letters.present && numbers_.percent(5) ? Fate::failed : Fate::deliver;
        s.outputs = static_cast<std::uint32_t>(numbers_.below(10));
        s.bytes = s.outputs * 7;
        s.held = static_cast<std::uint32_t>(numbers_.below(50));
        s.dead_letters = config_.dead_letters.present && numbers_.percent(20) ? 2 : 0;
        s.route = routes_[e->batch.index] & numbers_.next();
        return s;
    }
    if (const auto* e = std::get_if<WriteToSink>(&effect)) {
        return SinkAnswered{e->delivery, e->attempt, sink_outcome(), milliseconds(30),
                            static_cast<std::int64_t>(numbers_.below(1000))};
    }
    if (const auto* e = std::get_if<SyncSink>(&effect)) {
        return SinkSynced{e->sink, e->sync, StoreOutcome::ok};
    }
    if (const auto* e = std::get_if<WriteDeadLetters>(&effect)) {
        return DeadLettersStored{e->delivery, e->attempt, store_outcome()};
    }
    if (const auto* e = std::get_if<WriteCheckpoint>(&effect)) {
        return CheckpointWritten{e->sequence, store_outcome()};
    }
    if (const auto* e = std::get_if<SyncCheckpoint>(&effect)) {
        return CheckpointSynced{e->sequence, store_outcome()};
    }
    const auto& e = std::get<CommitPosition>(effect);
    const StoreOutcome outcome = numbers_.percent(3) ? StoreOutcome::fenced : store_outcome();
    return CommitAnswered{e.partition, e.epoch, e.position, outcome};
}

Event RandomEvents::unsolicited() {
    const auto p = static_cast<std::uint32_t>(numbers_.below(config_.partitions_max));
    const auto source = static_cast<std::uint16_t>(numbers_.below(config_.sources));
    switch (numbers_.below(8)) {
        case 0:
        case 1:
            if (epochs_[p] == 0 || numbers_.percent(20)) {
                ++epochs_[p];
                return PartitionAssigned{{source}, {p}, {epochs_[p]}, {positions_[p]}};
            }
            return SourceReady{{source}};
        case 2: {
            const auto sink = static_cast<std::uint16_t>(numbers_.below(config_.sinks));
            const auto ahead =
                static_cast<std::int64_t>(sane_ || numbers_.percent(90) ? 0 : numbers_.below(20));
            return PartitionLead{{p}, {epochs_[p]}, {sink}, {positions_[p] + ahead}};
        }
        case 3: {
            const auto kind = numbers_.percent(50) ? RevokeKind::lost : RevokeKind::graceful;
            if (numbers_.percent(70)) return Tick{};
            return PartitionRevoked{{p}, {epochs_[p]}, kind, now_ + milliseconds(50)};
        }
        case 4: {
            const auto hard = static_cast<std::uint32_t>(numbers_.below(1000));
            const auto soft = static_cast<std::uint32_t>(numbers_.below(900));
            return PressureSampled{hard, soft};
        }
        case 5:
            if (!sane_ && numbers_.percent(2)) {
                return Stop{StopMode::drain, now_ + milliseconds(500)};
            }
            return Tick{};
        default: return SourceReady{{source}};
    }
}

std::int64_t RandomEvents::any_number() {
    switch (numbers_.below(6)) {
        case 0: return static_cast<std::int64_t>(numbers_.next());
        case 1: return INT64_MAX - static_cast<std::int64_t>(numbers_.below(2));
        case 2: return -static_cast<std::int64_t>(numbers_.below(3));
        case 3: return static_cast<std::int64_t>(UINT32_MAX - numbers_.below(3));
        default: return static_cast<std::int64_t>(numbers_.below(4));
    }
}

/// Any numbers, or those of something that was asked for.
RandomEvents::Handles RandomEvents::handles() {
    const auto u32 = [&] { return static_cast<std::uint32_t>(any_number()); };
    Handles out{};
    out.batch = {u32(), u32()};
    out.delivery = {u32(), u32()};
    out.attempt = u32();
    out.end = u32();
    for (int i = 0; i < 3 && !open_.empty(); ++i) {
        const Effect& e = open_[numbers_.below(open_.size())];
        if (const auto* pull = std::get_if<Pull>(&e)) out.batch = pull->batch;
        if (const auto* transform = std::get_if<Transform>(&e)) {
            out.batch = transform->slice;
            out.end = transform->end;
        }
        if (const auto* write = std::get_if<WriteToSink>(&e)) {
            out.delivery = write->delivery;
            out.attempt = write->attempt;
        }
    }
    return out;
}

/// Any event with any numbers; sometimes a true handle beside them.
Event RandomEvents::garbage() {
    const auto u32 = [&] { return static_cast<std::uint32_t>(any_number()); };
    const auto u16 = [&] { return static_cast<std::uint16_t>(any_number()); };
    const auto byte = [&](std::uint64_t bound) {
        return static_cast<std::uint8_t>(numbers_.below(bound));
    };
    const auto [batch, delivery, attempt, end] = handles();
    const auto store = [&] { return static_cast<StoreOutcome>(byte(8)); };
    const SourceId source{u16()};
    const PartitionId partition{u32()};
    const Epoch epoch{u32()};
    const Position position{any_number()};
    const auto permille = u32();
    std::uint8_t outcome = byte(8);
    if (outcome == 5 && numbers_.percent(90)) outcome = 6;  // Else all runs end soon.
    switch (numbers_.below(20)) {
        case 0: return PartitionAssigned{source, partition, Epoch{epoch.value % 1000}, position};
        case 1: return PartitionLead{partition, epoch, {u16()}, position};
        case 2:
            return PartitionRevoked{
                partition, epoch, static_cast<RevokeKind>(byte(4)), {any_number()}};
        case 3:
            return BatchPulled{batch,         source, static_cast<Fate>(byte(2)),
                               partition,     epoch,  u32(),
                               u32(),         u32(),  position,
                               {any_number()}};
        case 4: return SourceIdle{batch, source, {any_number()}};
        case 5: return SourceEnded{{u32(), u32()}, source};
        case 6: return SourceFailed{batch, source, static_cast<SourceOutcome>(byte(1))};
        case 7: return SourceReady{source};
        case 8: return SinkShare{batch, {u16()}, u32(), u32()};
        case 9:
            return SliceTransformed{
                batch,   static_cast<Fate>(byte(3)),
                u32(),   u32(),
                u32(),   config_.dead_letters.present ? u32() : 0,
                end,     routes_[batch.index % routes_.size()] & numbers_.next(),
                position};
        case 10:
            return SinkToldRange{delivery, attempt, u32(), u32(),
                                 static_cast<SinkOutcome>(byte(8))};
        case 11:
            return SinkAnswered{
                delivery,
                attempt,
                static_cast<SinkOutcome>(config_.dead_letters.present ? outcome : 2),
                {any_number()},
                any_number()};
        case 12: return SinkSynced{{u16()}, u32(), store()};
        case 13: return DeadLettersStored{delivery, attempt, store()};
        case 14: return CommitAnswered{partition, epoch, position, store()};
        case 15: return CheckpointWritten{u32(), store()};
        case 16: return CheckpointSynced{u32(), store()};
        case 17: return PressureSampled{permille, u32()};
        case 18:
            if (numbers_.percent(1)) return SinkBroken{{u16()}};
            if (numbers_.percent(3)) return Stop{static_cast<StopMode>(byte(4)), {any_number()}};
            return Tick{};
        default: return Tick{};
    }
}

}  // namespace holdfast

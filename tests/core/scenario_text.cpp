// Scenario lines to events, effects to scenario lines.
#include <fmt/format.h>

#include <array>
#include <optional>
#include <stdexcept>

#include "tests/core/scenario.hpp"

namespace holdfast::scenario {

namespace {

template <class E>
struct Names;

#define HF_NAMES(E, ...)                                                       \
    template <>                                                                \
    struct Names<E> {                                                          \
        static constexpr const char* type = #E;                                \
        static constexpr auto all = std::to_array<const char*>({__VA_ARGS__}); \
    }
HF_NAMES(SinkOutcome, "delivered", "retriable", "throttled", "refused", "ambiguous", "failed");
HF_NAMES(StoreOutcome, "ok", "retriable", "fenced", "ambiguous", "failed");
HF_NAMES(Fate, "deliver", "oversized", "failed", "stop", "unreadable");
HF_NAMES(Reason, "none", "refused", "exhausted", "parse_error", "oversized", "failed", "rejected");
HF_NAMES(RevokeKind, "graceful", "lost");
HF_NAMES(StopMode, "drain", "now");
HF_NAMES(HaltReason, "finished", "drained", "drain_deadline", "stopped", "dead_letters_absent",
         "dead_letters_failed", "sink_sync_failed", "checkpoint_failed", "commit_failed",
         "source_failed", "oversized_record", "transform_stopped", "protocol_broken",
         "transform_contract", "sink_failed", "sink_broken");
HF_NAMES(SourceOutcome, "retriable", "failed");
HF_NAMES(WhenFull, "block", "drop_newest");
HF_NAMES(CommitMode, "checkpoint", "source", "sink");
HF_NAMES(OnTransient, "retry", "stop");
HF_NAMES(RunMode, "whole", "streaming", "governed", "parsed");
#undef HF_NAMES

template <class E>
E value_of(const std::string& name) {
    for (std::size_t i = 0; i < Names<E>::all.size(); ++i) {
        if (name == Names<E>::all[i]) return static_cast<E>(i);
    }
    throw std::runtime_error(fmt::format("{} is not a {}", name, Names<E>::type));
}

template <class E>
std::string name_of(E value) {
    return Names<E>::all.at(static_cast<std::size_t>(value));
}

template <class E>
std::string full_name(E value) {
    return fmt::format("{}.{}", Names<E>::type, name_of(value));
}

template <class E>
void add_all(std::vector<std::string>& out) {
    for (const char* name : Names<E>::all)
        out.push_back(fmt::format("{}.{}", Names<E>::type, name));
}

/// "3.1" to index and generation.
std::pair<std::uint32_t, std::uint32_t> handle(const std::string& text) {
    const std::size_t dot = text.find('.');
    if (dot == std::string::npos) throw std::runtime_error(text + " is not index.generation");
    return {static_cast<std::uint32_t>(std::stoul(text.substr(0, dot))),
            static_cast<std::uint32_t>(std::stoul(text.substr(dot + 1)))};
}

BatchId batch(Fields& f) {
    const auto [index, generation] = handle(f.text("batch", ""));
    return {index, generation};
}

BatchId slice(Fields& f) {
    const auto [index, generation] = handle(f.text("slice", ""));
    return {index, generation};
}

DeliveryId delivery(Fields& f) {
    const auto [index, generation] = handle(f.text("delivery", ""));
    return {index, generation};
}

std::uint32_t u32(Fields& f, const char* key, std::int64_t otherwise) {
    return static_cast<std::uint32_t>(f.number(key, otherwise));
}
SourceId source(Fields& f) { return {static_cast<std::uint16_t>(f.number("source", 0))}; }
SinkId sink(Fields& f) { return {static_cast<std::uint16_t>(f.number("sink", 0))}; }
PartitionId partition(Fields& f) { return {u32(f, "partition", 0)}; }
Epoch epoch(Fields& f) { return {u32(f, "epoch", 1)}; }

SinkMask mask(const std::string& text) {
    SinkMask out = 0;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = text.find(',', at);
        if (end == std::string::npos) end = text.size();
        out |= SinkMask{1} << std::stoul(text.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

void read_retry(RetryConfig& retry, Fields& f) {
    retry.attempts_max = u32(f, "attempts_max", retry.attempts_max);
    retry.backoff_initial = f.duration("backoff_initial", retry.backoff_initial);
    retry.backoff_max = f.duration("backoff_max", retry.backoff_max);
    retry.jitter_permille = u32(f, "jitter", 0);
}

void read_source(SourceConfig& c, Fields& f) {
    c.route = mask(f.text("route", "0"));
    c.transform = f.number("transform", 0) != 0;
    c.commit = value_of<CommitMode>(f.text("commit", "checkpoint"));
    c.pulls_max = u32(f, "pulls_max", c.pulls_max);
    c.batches_max = u32(f, "batches_max", c.batches_max);
    c.pull_records_max = u32(f, "pull_records_max", 100);
    c.pull_bytes_max = u32(f, "pull_bytes_max", 1000);
    read_retry(c.retry, f);
}

void read_sink(SinkConfig& c, Fields& f) {
    c.queue_batches_max = u32(f, "queue_batches_max", c.queue_batches_max);
    c.queue_records_max = u32(f, "queue_records_max", c.queue_records_max);
    c.queue_bytes_max = static_cast<std::uint64_t>(
        f.number("queue_bytes_max", static_cast<std::int64_t>(c.queue_bytes_max)));
    c.when_full = value_of<WhenFull>(f.text("when_full", "block"));
    c.write_records_max = u32(f, "write_records_max", c.write_records_max);
    c.write_bytes_max = static_cast<std::uint64_t>(
        f.number("write_bytes_max", static_cast<std::int64_t>(c.write_bytes_max)));
    c.write_parts_max = u32(f, "write_parts_max", c.write_parts_max);
    c.linger = f.duration("linger", c.linger);
    c.writes_max = u32(f, "writes_max", c.writes_max);
    c.attempt_timeout = f.duration("attempt_timeout", c.attempt_timeout);
    c.needs_sync = f.number("needs_sync", 0) != 0;
    c.has_mark = f.number("has_mark", 0) != 0;
    c.answers_partially = f.number("answers_partially", c.has_mark ? 0 : 1) != 0;
    c.on_transient = value_of<OnTransient>(f.text("on_transient", "retry"));
    read_retry(c.retry, f);
}

}  // namespace

bool add_to_config(Config& config, const std::string& kind, Fields& f) {
    if (kind == "source") {
        read_source(config.source.at(config.sources++), f);
    } else if (kind == "sink") {
        read_sink(config.sink.at(config.sinks++), f);
    } else if (kind == "dead_letters") {
        DeadLettersConfig& c = config.dead_letters;
        c.present = true;
        c.queue_entries_max = u32(f, "queue_entries_max", c.queue_entries_max);
        c.write_parts_max = u32(f, "write_parts_max", c.write_parts_max);
        c.attempt_timeout = f.duration("attempt_timeout", c.attempt_timeout);
        read_retry(c.retry, f);
    } else if (kind == "commit") {
        CommitConfig& c = config.commit;
        c.interval = f.duration("interval", c.interval);
        c.records = static_cast<std::uint64_t>(f.number("records", 0));
        c.bytes = static_cast<std::uint64_t>(f.number("bytes", 0));
        c.attempt_timeout = f.duration("attempt_timeout", c.attempt_timeout);
        read_retry(c.retry, f);
    } else if (kind == "config") {
        config.seed = static_cast<std::uint64_t>(f.number("seed", 0));
        config.memory_limit = static_cast<std::uint64_t>(f.number("memory_limit", 64 << 20));
        config.batches_max = u32(f, "batches_max", 16);
        config.partitions_max = u32(f, "partitions_max", 4);
        config.mode = value_of<RunMode>(f.text("mode", "whole"));
        config.slice_bytes = u32(f, "slice_bytes", 25);
        config.governor.on = f.number("governor", 0) != 0;
        config.ticker_period = f.duration("ticker_period", Duration{0});
        config.pressure_pause_permille = u32(f, "pressure_pause", 800);
        config.pressure_resume_permille = u32(f, "pressure_resume", 650);
        config.max_hold = f.duration("max_hold", config.max_hold);
    } else if (kind == "governor") {
        GovernorConfig& c = config.governor;
        c.on = true;
        c.start = u32(f, "start", 1000);
        c.floor = u32(f, "floor", 1);
        c.max = u32(f, "max", 1000);
        c.step = u32(f, "step", 100);
        c.records = u32(f, "records", 100);
        c.target = f.duration("target", Duration{0});
    } else {
        return false;
    }
    return true;
}

namespace {

std::optional<Event> parse_source_event(const std::string& name, Fields& f) {
    if (name == "assigned") {
        return PartitionAssigned{source(f), partition(f), epoch(f), {f.number("position", 0)}};
    }
    if (name == "lead") {
        return PartitionLead{partition(f), epoch(f), sink(f), {f.number("position", 0)}};
    }
    if (name == "revoked") {
        return PartitionRevoked{partition(f), epoch(f), value_of<RevokeKind>(f.text("kind", "")),
                                f.instant("deadline", never)};
    }
    if (name == "pulled") {
        BatchPulled e{};
        e.batch = batch(f);
        e.source = source(f);
        e.fate = value_of<Fate>(f.text("fate", "deliver"));
        e.partition = partition(f);
        e.epoch = epoch(f);
        e.records = u32(f, "records", 1);
        e.bytes = u32(f, "bytes", 10 * std::int64_t{e.records});
        e.held = u32(f, "held", e.bytes);
        e.first = {f.number("first", 0)};
        e.next = {f.number("next", e.first.value + e.bytes)};
        return e;
    }
    if (name == "idle") {
        return SourceIdle{batch(f), source(f), f.duration("retry_after", milliseconds(100))};
    }
    if (name == "ended") return SourceEnded{batch(f), source(f)};
    if (name == "source_failed") {
        return SourceFailed{batch(f), source(f), value_of<SourceOutcome>(f.text("outcome", ""))};
    }
    if (name == "ready") return SourceReady{source(f)};
    if (name == "share") {
        return SinkShare{slice(f), sink(f), u32(f, "outputs", 0), u32(f, "bytes", 0)};
    }
    if (name == "transformed") {
        SliceTransformed e{};
        e.slice = slice(f);
        e.fate = value_of<Fate>(f.text("fate", "deliver"));
        e.outputs = u32(f, "outputs", 0);
        e.bytes = u32(f, "bytes", 10 * std::int64_t{e.outputs});
        e.held = u32(f, "held", 0);
        e.dead_letters = u32(f, "dead_letters", 0);
        e.end = u32(f, "end", 1);
        e.route = mask(f.text("route", ""));
        e.next = {f.number("next", 0)};
        e.freed = u32(f, "freed", 0);
        return e;
    }
    return std::nullopt;
}

std::optional<Event> parse_store_event(const std::string& name, Fields& f) {
    const auto outcome = [&] { return value_of<StoreOutcome>(f.text("outcome", "ok")); };
    if (name == "synced") return SinkSynced{sink(f), u32(f, "sync", 1), outcome()};
    if (name == "broken") return SinkBroken{sink(f)};
    if (name == "stored") return DeadLettersStored{delivery(f), u32(f, "attempt", 1), outcome()};
    if (name == "committed") {
        return CommitAnswered{partition(f), epoch(f), {f.number("position", 0)}, outcome()};
    }
    const auto sequence = [&] { return static_cast<std::uint64_t>(f.number("sequence", 1)); };
    if (name == "checkpoint_written") return CheckpointWritten{sequence(), outcome()};
    if (name == "checkpoint_synced") return CheckpointSynced{sequence(), outcome()};
    return std::nullopt;
}

}  // namespace

Event parse_event(const std::string& name, Fields& f) {
    if (const auto e = parse_source_event(name, f)) return *e;
    if (const auto e = parse_store_event(name, f)) return *e;
    if (name == "told") {
        SinkToldRange e{};
        e.delivery = delivery(f);
        e.attempt = u32(f, "attempt", 1);
        e.begin = u32(f, "begin", 0);
        e.end = u32(f, "end", 0);
        e.outcome = value_of<SinkOutcome>(f.text("outcome", ""));
        return e;
    }
    if (name == "answered") {
        SinkAnswered e{};
        e.delivery = delivery(f);
        e.attempt = u32(f, "attempt", 1);
        e.outcome = value_of<SinkOutcome>(f.text("outcome", "delivered"));
        e.retry_after = f.duration("retry_after", Duration{0});
        e.mark = f.number("mark", 0);
        return e;
    }
    if (name == "pressure") {
        return PressureSampled{u32(f, "permille", 0), u32(f, "soft", 0)};
    }
    if (name == "stop") {
        return Stop{value_of<StopMode>(f.text("mode", "")), f.instant("deadline", never)};
    }
    if (name == "tick") return Tick{};
    throw std::runtime_error("unknown event: " + name);
}

// ---- effects -----------------------------------------------------------------------------------

namespace {

std::string text_of(const Part& p) {
    std::string out = fmt::format("{}.{}:{}-{}", p.batch.index, p.batch.generation, p.begin, p.end);
    if (p.reason == Reason::none) return out;
    out += "," + name_of(p.reason);
    if (p.sink != no_sink) out += fmt::format(",sink={},attempts={}", p.sink.index, p.attempts);
    return out;
}

std::string text_of(Parts run, const Effects& effects) {
    std::string out = "parts=[";
    for (const Part& p : effects.parts(run)) {
        if (out.back() != '[') out += ' ';
        out += text_of(p);
    }
    return out + "]";
}

struct Writer {
    const Effects& effects;

    /// Most scenarios have one source.
    static std::string of(SourceId source) {
        return source.index == 0 ? "" : fmt::format("source={} ", source.index);
    }

    std::string operator()(const Pull& e) const {
        return fmt::format("pull batch={}.{} source={} records={} bytes={}", e.batch.index,
                           e.batch.generation, e.source.index, e.max_records, e.max_bytes);
    }
    std::string operator()(const Transform& e) const {
        std::string out = fmt::format("transform batch={}.{} records={}-{}", e.batch.index,
                                      e.batch.generation, e.begin, e.end);
        if (e.slice != e.batch) {
            out += fmt::format(" slice={}.{}", e.slice.index, e.slice.generation);
        }
        if (e.bytes_max != UINT32_MAX) out += fmt::format(" bytes={}", e.bytes_max);
        return out;
    }
    std::string operator()(const ReleaseBatch& e) const {
        return fmt::format("release batch={}.{}", e.batch.index, e.batch.generation);
    }
    std::string operator()(const WriteToSink& e) const {
        std::string out = fmt::format("write delivery={}.{} sink={} attempt={} records={} bytes={}",
                                      e.delivery.index, e.delivery.generation, e.sink.index,
                                      e.attempt, e.records, e.bytes);
        if (e.deadline != never) out += " deadline=" + scenario::text_of(e.deadline);
        return out + " " + text_of(e.parts, effects);
    }
    std::string operator()(const CancelWrite& e) const {
        return fmt::format("cancel delivery={}.{} sink={} attempt={}", e.delivery.index,
                           e.delivery.generation, e.sink.index, e.attempt);
    }
    std::string operator()(const SyncSink& e) const {
        return fmt::format("sync_sink sink={} sync={}", e.sink.index, e.sync);
    }
    std::string operator()(const WriteDeadLetters& e) const {
        return fmt::format("write_dead_letters delivery={}.{} attempt={} records={} {}",
                           e.delivery.index, e.delivery.generation, e.attempt, e.records,
                           text_of(e.parts, effects));
    }
    std::string operator()(const StageSink& e) const {
        return fmt::format("stage_sink sink={} mark={}", e.sink.index, e.mark);
    }
    std::string operator()(const StagePosition& e) const {
        return fmt::format("stage_position partition={} epoch={} position={}", e.partition.index,
                           e.epoch.value, e.position.value);
    }
    std::string operator()(const StageLead& e) const {
        return fmt::format("stage_lead partition={} epoch={} sink={} position={}",
                           e.partition.index, e.epoch.value, e.sink.index, e.position.value);
    }
    std::string operator()(const WriteCheckpoint& e) const {
        return fmt::format("write_checkpoint sequence={}", e.sequence);
    }
    std::string operator()(const SyncCheckpoint& e) const {
        return fmt::format("sync_checkpoint sequence={}", e.sequence);
    }
    std::string operator()(const CommitPosition& e) const {
        return fmt::format("commit {}partition={} epoch={} position={}", of(e.source),
                           e.partition.index, e.epoch.value, e.position.value);
    }
    std::string operator()(const RevokeDone& e) const {
        return fmt::format("revoke_done {}partition={} epoch={}", of(e.source), e.partition.index,
                           e.epoch.value);
    }
    std::string operator()(const SetGate& e) const {
        std::string out = fmt::format("gate source={} held={}", e.source.index, e.held ? 1 : 0);
        if (e.partition != every_partition) out += fmt::format(" partition={}", e.partition.index);
        return out;
    }
    std::string operator()(const RunTicker& e) const {
        return fmt::format("run_ticker tick={}", e.tick);
    }
    std::string operator()(const Halt& e) const {
        std::string out = "halt reason=" + name_of(e.reason);
        if (e.sink != no_sink) out += fmt::format(" sink={}", e.sink.index);
        if (e.source.index != 0xffff) out += fmt::format(" source={}", e.source.index);
        return out;
    }
};

}  // namespace

std::string text_of(const Effect& effect, const Effects& effects) {
    return std::visit(Writer{effects}, effect);
}

// ---- coverage ----------------------------------------------------------------------------------

std::vector<std::string> all_outcomes() {
    std::vector<std::string> out;
    add_all<SinkOutcome>(out);
    add_all<StoreOutcome>(out);
    add_all<Fate>(out);
    add_all<Reason>(out);
    // What a record's place in the graph of transforms made of it is known to the stage alone: the
    // engine calls every dead letter of a transform a parse_error.
    std::erase(out, full_name(Reason::rejected));
    add_all<RevokeKind>(out);
    add_all<StopMode>(out);
    add_all<HaltReason>(out);
    add_all<SourceOutcome>(out);
    for (std::size_t i = 0; i < std::variant_size_v<Event>; ++i) {
        out.push_back(fmt::format("Event.{}", i));
    }
    for (std::size_t i = 0; i < std::variant_size_v<Effect>; ++i) {
        out.push_back(fmt::format("Effect.{}", i));
    }
    return out;
}

void collect_outcomes(const Event& event, std::set<std::string>& seen) {
    seen.insert(fmt::format("Event.{}", event.index()));
    std::visit(
        [&](const auto& e) {
            if constexpr (requires { e.outcome; }) seen.insert(full_name(e.outcome));
            if constexpr (requires { e.fate; }) seen.insert(full_name(e.fate));
            if constexpr (requires { e.kind; }) seen.insert(full_name(e.kind));
            if constexpr (requires { e.mode; }) seen.insert(full_name(e.mode));
        },
        event);
}

void collect_outcomes(const Effect& effect, const Effects& effects, std::set<std::string>& seen) {
    seen.insert(fmt::format("Effect.{}", effect.index()));
    std::visit(
        [&](const auto& e) {
            if constexpr (requires { e.reason; }) seen.insert(full_name(e.reason));
            if constexpr (requires { e.parts; }) {
                for (const Part& p : effects.parts(e.parts)) seen.insert(full_name(p.reason));
            }
        },
        effect);
}

}  // namespace holdfast::scenario

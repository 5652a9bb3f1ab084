// See running.hpp.
#include "io/embed/running.hpp"

#include <malloc.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "io/embed/answers.hpp"
#include "io/embed/slices.hpp"

namespace holdfast::embed {
namespace {

constexpr Duration memory_reading_interval = milliseconds(250);

}  // namespace

Config config_of(const Ports& ports) {
    Config config = ports.options.engine;
    config.sources = static_cast<std::uint32_t>(ports.sources.size());
    config.sinks = static_cast<std::uint32_t>(ports.sinks.size());
    for (std::size_t s = 0; s < ports.sources.size() && s < sources_limit; ++s) {
        SourceConfig& source = config.source[s] = ports.sources[s].config;
        source.transform = true;
        if (source.commit != CommitMode::sink) source.commit = CommitMode::source;
        source.route = config.sinks >= 64 ? ~SinkMask{0} : (SinkMask{1} << config.sinks) - 1;
    }
    for (std::size_t s = 0; s < ports.sinks.size() && s < sinks_limit; ++s) {
        SinkConfig& sink = config.sink[s] = ports.sinks[s].config;
        sink.needs_sync = ports.sinks[s].sink->needs_sync();
        sink.has_mark = false;
        sink.answers_partially = true;
    }
    config.dead_letters.present = ports.dead_letters != nullptr;
    return config;
}

Running::Running(Ports& ports, Inbox& inbox)
    : ports_(ports),
      inbox_(inbox),
      config_(config_of(ports)),
      engine_(config_),
      books_(config_.batches_max),
      lanes_(config_.partitions_max),
      guard_(io::find_memory_limit(ports.options.process_limit), "", io::Ledger::heap) {
    for (SourcePort& port : ports.sources) {
        if (!ports.filter.empty()) port.inbound = std::make_unique<Inbound>(ports.filter);
        source_desks_.push_back(std::make_unique<Desk>());
    }
    for (std::size_t i = 0; i < ports.sinks.size(); ++i)
        sink_desks_.push_back(std::make_unique<Desk>());
    const Options& options = ports.options;
    if (config_.mode == RunMode::parsed)
        parsing_ = std::make_unique<Parsing>(options.known_fields, options.on_parse_error);
    if (ports.transform || parsing_) transform_desk_ = std::make_unique<Desk>();
    if (ports.dead_letters) dead_letter_desk_ = std::make_unique<Desk>();
}

Report Running::run() {
    feed(Tick{});
    while (!halted_) {
        while (!events_.empty() && !halted_) {
            const Event event = events_.front();
            events_.pop_front();
            feed(event);
        }
        if (halted_) break;
        if (engine_.engine().deadline() <= clock_now()) {
            feed(Tick{});
            continue;
        }
        watch_memory(clock_now());
        if (!events_.empty()) continue;
        for (const Task& task : inbox_.take(next_wake())) task();
    }
    end_calls();
    note_left();
    report_.stats = engine_.engine().stats();
    return report_;
}

Instant Running::next_wake() const {
    const Instant wake = engine_.engine().deadline();
    // While the gate holds, nothing else might happen for long, and pressure may fall.
    return engine_.engine().stats().paused ? std::min(wake, read_memory_at_) : wake;
}

/// Tells the engine how near memory is to its limit, after each reading.
void Running::watch_memory(Instant now) {
    if (guard_.limit().bytes == UINT64_MAX || now < read_memory_at_) return;
    read_memory_at_ = now + memory_reading_interval;
    const Stats& stats = engine_.engine().stats();
#if defined(__GLIBC__)
    // What was freed is no burden: back to the kernel, so that the reading says so.
    if (stats.paused) ::malloc_trim(0);
#endif
    guard_.read(stats.held);
    const PressureLevel level = guard_.pressure(stats.held);
    const bool was = stats.paused;
    feed(PressureSampled{level.hard, level.soft});
    if (was == stats.paused) return;
    log((was ? "memory: pulling goes on, " : "memory is short: pulling is paused, ") +
        std::to_string(guard_.usage(stats.held)) + " bytes are used of " +
        std::to_string(guard_.limit().bytes) + " (" + text_of(guard_.limit()) + ")");
}

/// Waits for the calls of sources that are under way: what they bring or commit still counts.
void Running::end_calls() {
    source_desks_.clear();
    for (const Task& task : inbox_.take(clock_now())) task();
}

/// What is not committed: it is handed over again at the next run. The pulled first, then what
/// came after the end or without a slot, then what waits at the ports.
void Running::note_left() {
    for (std::uint32_t i = 0; i < lanes_.size(); ++i) {
        std::vector<Token> tokens;
        for (const Lane::Owed& owed : lanes_[i].owed)
            tokens.insert(tokens.end(), owed.tokens.begin(), owed.tokens.end());
        leave(ports_.sources[lanes_[i].source].name, lanes_[i].number,
              engine_.engine().left(PartitionId{i}).records, tokens);
    }
    for (const Event& event : events_)  // What the engine has not heard of.
        if (const auto* const e = std::get_if<BatchPulled>(&event))
            leave(ports_.sources[e->source.index].name, lanes_[e->partition.index].number,
                  e->records, {});
    for (const Arrival& arrival : lanes_.waiting())
        leave(ports_.sources[arrival.pull.source.index].name, arrival.batch.partition,
              size_of(arrival.batch), arrival.batch.tokens);
    for (const SourcePort& port : ports_.sources)
        if (port.pieces.any())
            leave(port.name, port.pieces.partition(), port.pieces.records(), port.pieces.tokens());
    for (const Report::Left& left : report_.left)
        log("left uncommitted: source " + left.source + ", partition " +
            std::to_string(left.partition) + ": " + std::to_string(left.records) + " records, " +
            std::to_string(left.tokens.size()) + " tokens");
}

void Running::leave(const std::string& source, std::uint32_t partition, std::uint64_t records,
                    std::span<const Token> tokens) {
    if (records == 0 && tokens.empty()) return;
    for (Report::Left& left : report_.left) {
        if (left.source != source || left.partition != partition) continue;
        left.records += records;
        left.tokens.insert(left.tokens.end(), tokens.begin(), tokens.end());
        return;
    }
    report_.left.push_back({source, partition, records, {tokens.begin(), tokens.end()}});
}

void Running::stop() {
    events_.push_back(Stop{StopMode::drain, clock_now() + ports_.options.shutdown_timeout});
    for (const SourcePort& port : ports_.sources) port.source->interrupt();
}

void Running::feed(const Event& event) {
    for (const Effect& effect : engine_.step(clock_now(), event).items())
        std::visit([this](const auto& order) { on(order); }, effect);
}

std::string Running::say(const std::string& who, const std::string& what) {
    std::string line = who + ": " + what;
    log(line);
    return line;
}

/// A log that throws is asked no less: what it says is nobody's affair but its own.
void Running::log(const std::string& line) {
    if (!ports_.options.log) return;
    static_cast<void>(guarded([&]() -> std::expected<void, Failure> {
        ports_.options.log(line);
        return {};
    }));
}

void Running::on(const RunTicker&) {
    if (!ports_.options.tick) return;
    const auto result = guarded([this] { return ports_.options.tick(); });
    if (!result) log("ticker: " + result.error().what);
}

/// What the port said whose failure it was: each says it before the engine hears of it.
std::string Running::problem_of(const Halt& halt) const {
    const bool has_sink = halt.sink.index < ports_.sinks.size();
    const bool has_source = halt.source.index < ports_.sources.size();
    switch (halt.reason) {
        case HaltReason::source_failed:
            return has_source ? ports_.sources[halt.source.index].problem : std::string();
        case HaltReason::commit_failed: return commit_problem_;
        case HaltReason::dead_letters_failed: return dead_letters_problem_;
        case HaltReason::transform_stopped: return transform_problem_;
        case HaltReason::sink_failed:
            return has_sink ? ports_.sinks[halt.sink.index].problem : std::string();
        case HaltReason::sink_broken:
        case HaltReason::sink_sync_failed:
            return has_sink ? ports_.sinks[halt.sink.index].problem
                            : "no answer to a sync within Config::commit.attempt_timeout";
        case HaltReason::dead_letters_absent:
            return has_sink ? "sink " + ports_.sinks[halt.sink.index].name +
                                  ": a record was refused and there is no dead-letter queue: " +
                                  ports_.sinks[halt.sink.index].refused
                            : "a record was set aside and there is no dead-letter queue: " +
                                  set_aside_why_;
        default: return {};
    }
}

void Running::on(const Halt& halt) {
    halted_ = true;
    report_.halt = halt.reason;
    report_.problem = problem_of(halt);
}

}  // namespace holdfast::embed

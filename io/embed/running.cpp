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

// A pull that brought neither records nor tokens: not asked again at once.
constexpr Duration after_nothing = milliseconds(1);

std::uint32_t narrow(std::uint64_t n) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, UINT32_MAX));
}

constexpr Duration memory_reading_interval = milliseconds(250);

/// On the source's desk. `dropped`: by its filter.
std::expected<Pulled, Failure> pull_from(SourcePort& port, const Pull& order,
                                         std::uint64_t& dropped) {
    std::expected<Pulled, Failure> result = Pulled::idle({});
    if (port.rest) {
        result = Pulled::some(std::move(*port.rest));
        port.rest.reset();
    } else {
        result = guarded([&] { return port.source->pull({order.max_records, order.max_bytes}); });
        const std::string wrong = result ? wrong_ends(result->batch) : std::string();
        if (!wrong.empty()) return std::unexpected(Failure{"its batch is wrong: " + wrong, true});
        if (result && port.inbound) dropped = port.inbound->judge(result->batch);
    }
    if (result && result->kind == Pulled::Kind::batch)
        port.rest = cut_rest(result->batch, order.max_records, order.max_bytes);
    return result;
}

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
        sink.writes_max = 1;
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

/// What a halt leaves uncommitted: it is handed over again at the next run.
void Running::note_left() {
    for (std::uint32_t i = 0; i < lanes_.size() && !report_.complete(); ++i) {
        Lane& lane = lanes_[i];
        Report::Left left{ports_.sources[lane.source].name, lane.number,
                          engine_.engine().left(PartitionId{i}).records, {}};
        for (const Lane::Owed& owed : lane.owed)
            left.tokens.insert(left.tokens.end(), owed.tokens.begin(), owed.tokens.end());
        if (left.records == 0 && left.tokens.empty()) continue;
        log("left uncommitted: source " + left.source + ", partition " +
            std::to_string(left.partition) + ": " + std::to_string(left.records) + " records, " +
            std::to_string(left.tokens.size()) + " tokens");
        report_.left.push_back(std::move(left));
    }
}

void Running::stop() {
    events_.push_back(Stop{StopMode::drain, clock_now() + ports_.options.shutdown_timeout});
}

void Running::feed(const Event& event) {
    for (const Effect& effect : engine_.step(clock_now(), event).items())
        std::visit([this](const auto& order) { on(order); }, effect);
}

void Running::say(const std::string& who, const std::string& what) {
    report_.problem = who + ": " + what;
    log(report_.problem);
}

/// A log that throws is asked no less: what it says is nobody's affair but its own.
void Running::log(const std::string& line) {
    if (!ports_.options.log) return;
    static_cast<void>(guarded([&]() -> std::expected<void, Failure> {
        ports_.options.log(line);
        return {};
    }));
}

// ---- sources -----------------------------------------------------------------------------------

/// Its engine slot; a new partition is assigned one. Requires: there is one left.
std::uint32_t Running::lane_of(std::uint32_t source, std::uint32_t number) {
    const auto next = static_cast<std::uint32_t>(lanes_.size());
    const auto [at, added] = lane_by_number_.try_emplace({source, number}, next);
    if (added) {
        lanes_.push_back({.source = source, .number = number, .next = 0, .owed = {}});
        events_.push_back(PartitionAssigned{SourceId{static_cast<std::uint16_t>(source)},
                                            PartitionId{next}, Epoch{1}, Position{0}});
    }
    return at->second;
}

void Running::on(const Pull& pull) {
    SourcePort& port = ports_.sources[pull.source.index];
    source_desks_[pull.source.index]->post([this, &port, pull] {
        std::uint64_t dropped = 0;
        auto result =
            std::make_shared<std::expected<Pulled, Failure>>(pull_from(port, pull, dropped));
        inbox_.post([this, pull, result, dropped] {
            report_.dropped += dropped;
            pulled(pull, std::move(*result));
        });
    });
}

void Running::pulled(const Pull& pull, std::expected<Pulled, Failure> result) {
    if (!result) {
        say("source " + ports_.sources[pull.source.index].name, result.error().what);
        events_.push_back(SourceFailed{pull.batch, pull.source,
                                       result.error().permanent ? SourceOutcome::failed
                                                                : SourceOutcome::retriable});
        return;
    }
    switch (result->kind) {
        case Pulled::Kind::ended: events_.push_back(SourceEnded{pull.batch, pull.source}); return;
        case Pulled::Kind::idle:
            events_.push_back(SourceIdle{pull.batch, pull.source, result->again_after});
            return;
        case Pulled::Kind::batch: break;
    }
    if (size_of(result->batch) == 0 && result->batch.tokens.empty()) {
        events_.push_back(SourceIdle{pull.batch, pull.source, after_nothing});
        return;
    }
    const bool known =
        lane_by_number_.contains({pull.source.index, result->batch.partition});
    if (!known && lanes_.size() == config_.partitions_max) {
        say("source " + ports_.sources[pull.source.index].name,
            "more partitions than Config::partitions_max, " +
                std::to_string(config_.partitions_max));
        events_.push_back(SourceFailed{pull.batch, pull.source, SourceOutcome::failed});
        return;
    }
    arrived(pull, std::move(result->batch));
}

void Running::arrived(const Pull& pull, Batch batch) {
    const std::uint32_t index = lane_of(pull.source.index, batch.partition);
    Lane& lane = lanes_[index];
    const auto records = static_cast<std::int64_t>(size_of(batch));
    std::uint64_t held = 0;
    std::uint64_t bytes = 0;
    std::int64_t position = lane.next;
    const auto arrives = [&](Record& r) {
        r.id.source = pull.source.index;
        r.id.partition = batch.partition;
        if (r.id.position < 0) r.id.position = position;
        ++position;
        held += bytes_of(r);
        bytes += r.payload.size();
    };
    for (Record& r : batch.records) arrives(r);
    for (DeadLetter& letter : batch.dead_letters) arrives(letter.record);
    BatchPulled event{};
    event.batch = pull.batch;
    event.source = pull.source;
    event.fate = Fate::deliver;
    event.partition = PartitionId{index};
    event.epoch = Epoch{1};
    event.records = narrow(size_of(batch));
    event.bytes = narrow(bytes);
    event.held = narrow(held);
    event.first = Position{lane.next};
    lane.next += std::max<std::int64_t>(1, records);
    event.next = Position{lane.next};
    lane.owed.push_back({lane.next, batch.tokens});
    books_.put(pull.batch, pull.source.index, std::move(batch), event.first.value);
    events_.push_back(event);
}

void Running::on(const CommitPosition& commit) {
    Lane& lane = lanes_[commit.partition.index];
    std::vector<Token> tokens;
    for (const Lane::Owed& owed : lane.owed) {
        if (owed.next > commit.position.value) break;
        tokens.insert(tokens.end(), owed.tokens.begin(), owed.tokens.end());
    }
    if (tokens.empty()) return committed(commit, {});
    Source& source = *ports_.sources[lane.source].source;
    const std::uint32_t number = lane.number;
    source_desks_[lane.source]->post_urgent(
        [this, &source, commit, number, tokens = std::move(tokens)] {
            const auto result = guarded([&] { return source.commit(number, tokens); });
            inbox_.post([this, commit, result] { committed(commit, result); });
        });
}

void Running::committed(const CommitPosition& commit, const std::expected<void, Failure>& result) {
    Lane& lane = lanes_[commit.partition.index];
    if (result) {
        while (!lane.owed.empty() && lane.owed.front().next <= commit.position.value)
            lane.owed.pop_front();
    } else {
        say("source " + ports_.sources[lane.source].name, "commit: " + result.error().what);
    }
    events_.push_back(
        CommitAnswered{commit.partition, commit.epoch, commit.position, outcome_of(result)});
}

// ---- the transform -----------------------------------------------------------------------------

void Running::on(const Transform& order) {
    Batch& batch = books_.batch(order.batch);
    auto slice =
        std::make_shared<Slice>(take_slice(batch, order.begin, order.end, order.bytes_max));
    auto input = std::make_shared<Input>();
    input->records = std::move(slice->records);
    input->partition = batch.partition;
    input->tokens = batch.tokens;
    input->source = ports_.sources[books_.source(order.batch)].name;
    if (!transform_desk_ || input->records.empty())
        return transformed(order, std::move(*slice), Output{std::move(input->records), {}});
    transform_desk_->post([this, order, slice, input, alive = books_.share(order.batch)] {
        std::uint64_t errors = 0;
        auto result = std::make_shared<std::expected<Output, Failure>>(
            guarded([&] { return process(std::move(*input), errors); }));
        inbox_.post([this, order, slice, result, errors] {
            report_.parse_errors += errors;
            transformed(order, std::move(*slice), std::move(*result));
        });
    });
}

/// On the transform's desk.
std::expected<Output, Failure> Running::process(Input input, std::uint64_t& errors) {
    std::vector<DeadLetter> bad;
    if (parsing_) {
        auto parsed = parsing_->parse(input, errors);
        if (!parsed) return std::unexpected(parsed.error());
        bad = std::move(*parsed);
    }
    std::expected<Output, Failure> output = Output{};
    if (!ports_.transform)
        output->records = std::move(input.records);
    else if (!input.records.empty() || bad.empty())
        output = ports_.transform->process(std::move(input));
    if (output)
        output->dead_letters.insert(output->dead_letters.begin(),
                                    std::make_move_iterator(bad.begin()),
                                    std::make_move_iterator(bad.end()));
    return output;
}

void Running::transformed(const Transform& order, Slice slice,
                          std::expected<Output, Failure> result) {
    SliceTransformed event{};
    event.slice = order.slice;
    event.end = slice.end;
    event.next = Position{books_.first(order.batch) + slice.end};
    if (!result) {
        say("transform", result.error().what);
        event.fate = Fate::stop;
        events_.push_back(event);
        return;
    }
    route_rejected(std::move(slice.dead_letters), ports_.options, *result, report_);
    const auto outputs = std::make_shared<const Outputs>(sort_out(std::move(*result), config_.sinks));
    event.fate = Fate::deliver;
    event.dead_letters = narrow(outputs->dead_letters.size());
    event.held = narrow(outputs->bytes - std::min(outputs->bytes, slice.bytes));
    if (outputs->by_sink.empty()) {
        event.outputs = narrow(outputs->records.size());
        event.bytes = narrow(outputs->bytes);
        event.route = outputs->records.empty() ? 0 : config_.source[0].route;
    }
    for (std::uint32_t s = 0; s < outputs->by_sink.size(); ++s) {
        const auto& mine = outputs->by_sink[s];
        std::uint64_t bytes = 0;
        for (const std::uint32_t n : mine) bytes += outputs->records[n].payload.size();
        if (mine.empty()) continue;
        SinkShare share{};
        share.slice = order.slice;
        share.sink = SinkId{static_cast<std::uint16_t>(s)};
        share.outputs = narrow(mine.size());
        share.bytes = narrow(bytes);
        events_.push_back(share);
    }
    books_.put_outputs(order.slice, outputs);
    events_.push_back(event);
}

void Running::on(const ReleaseBatch& release) { books_.release(release.batch); }

// ---- sinks and dead letters --------------------------------------------------------------------

void Running::on(const WriteToSink& write) {
    Sink& sink = *ports_.sinks[write.sink.index].sink;
    auto load = std::make_shared<const Load>(
        books_.load(engine_.effects().parts(write.parts), write.sink));
    sink_desks_[write.sink.index]->post([this, &sink, write, load] {
        auto answer = std::make_shared<const Answer>(guarded_write(sink, Records(load->records)));
        inbox_.post(
            [this, write, n = load->records.size(), answer] { answered(write, n, *answer); });
    });
}

void Running::answered(const WriteToSink& write, std::size_t records, const Answer& answer) {
    SinkPort& port = ports_.sinks[write.sink.index];
    const std::string wrong = check(answer, records);
    port.why = wrong.empty() ? answer.why : "its answer is wrong: " + wrong;
    if (!port.why.empty()) say("sink " + port.name, port.why);
    tell(write.delivery, write.attempt, answer, records,
         [this](const Event& event) { events_.push_back(event); });
}

void Running::on(const SyncSink& sync) {
    SinkPort& port = ports_.sinks[sync.sink.index];
    sink_desks_[sync.sink.index]->post([this, &port, sync] {
        const auto result = guarded([&] { return port.sink->sync(); });
        inbox_.post([this, &port, sync, result] {
            if (!result) say("sink " + port.name, "sync: " + result.error().what);
            events_.push_back(SinkSynced{sync.sink, sync.sync, outcome_of(result)});
        });
    });
}

void Running::on(const WriteDeadLetters& write) {
    auto letters = std::make_shared<std::vector<DeadLetter>>();
    for (const Part& part : engine_.effects().parts(write.parts)) {
        const auto outputs = books_.outputs(part.batch);
        for (std::uint32_t n = part.begin; n < part.end; ++n) {
            if (part.sink == no_sink) {
                letters->push_back(outputs->dead_letters[n]);
                continue;
            }
            const SinkPort& port = ports_.sinks[part.sink.index];
            letters->push_back({outputs->of_sink(part.sink.index, n), port.why, port.name,
                                part.reason, part.attempts});
        }
    }
    dead_letter_desk_->post([this, write, letters] {
        const auto result = guarded([&] { return ports_.dead_letters->store(*letters); });
        inbox_.post([this, write, result] {
            if (!result) say("dead letters", result.error().what);
            events_.push_back(DeadLettersStored{write.delivery, write.attempt, outcome_of(result)});
        });
    });
}

void Running::on(const SetGate& gate) {
    // A partition that is new while the gate holds: its source knows already.
    if (gate.partition != every_partition) return;
    Source& source = *ports_.sources[gate.source.index].source;
    source_desks_[gate.source.index]->post_urgent([this, &source, gate] {
        const auto result = guarded([&]() -> std::expected<void, Failure> {
            source.hold(gate.held);
            return {};
        });
        if (result) return;
        inbox_.post([this, gate, result] {
            log("source " + ports_.sources[gate.source.index].name + ": hold: " +
                result.error().what);
        });
    });
}

void Running::on(const RunTicker&) {
    if (!ports_.options.tick) return;
    const auto result = guarded([this] { return ports_.options.tick(); });
    if (!result) log("ticker: " + result.error().what);
}

void Running::on(const Halt& halt) {
    halted_ = true;
    report_.halt = halt.reason;
    if (report_.complete()) report_.problem.clear();
    if (halt.reason == HaltReason::dead_letters_absent && halt.sink != no_sink)
        report_.problem = "sink " + ports_.sinks[halt.sink.index].name +
                          ": a record was refused and there is no dead-letter queue: " +
                          ports_.sinks[halt.sink.index].why;
}

}  // namespace holdfast::embed

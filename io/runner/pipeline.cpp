// The loop, and the effects. The start is in pipeline_start.cpp.
#include "io/runner/pipeline.hpp"

#include <algorithm>
#include <variant>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "io/component/kind.hpp"
#include "io/runner/identity.hpp"

namespace holdfast::io {
namespace {

constexpr Duration memory_reading_interval = milliseconds(250);
constexpr std::uint32_t left_lines_max = 20;
constexpr Duration last_words_max = seconds(5);

bool is_over(HaltReason reason) {
    return reason == HaltReason::finished || reason == HaltReason::drained;
}
constexpr Duration stop_look_interval = milliseconds(20);

}  // namespace

Pipeline::Pipeline(const PipelineConfig& pipeline, const RunOptions& options, Process& process,
                   LastWords* words, std::uint32_t life)
    : pipeline_(pipeline),
      options_(options),
      process_(process),
      signals_(process.stops()),
      words_(words),
      life_(life),
      config_(engine_config(pipeline)),
      pool_(pool_size(pipeline).bytes, pool_size(pipeline).block_max),
      payloads_(pool_, config_.batches_max),
      slots_(config_.partitions_max),
      engine_(config_),
      guard_(process.memory_guard(pipeline.regulation.process_limit)),
      names_(pipeline) {}

Pipeline::~Pipeline() {
    if (ring_) ring_->abandon();
}

void Pipeline::run(RunReport& report) {
    report.began = begin(report);
    if (report.began) loop();
    if (halted_ && is_over(halt_.reason)) {
        look_again();
        say_clean();
    }
    report_kept(report);
    report.stats = engine_.engine().stats();
    report.may_repeat = may_repeat();
    if (transforms_) {
        report.transforms = transforms_->counts();
        report.transform_problem = transforms_->problem();
        report.transform_names = payloads_.transform_names;
        report.needs_slices = transforms_->gave_up();
        if (transforms_->reached() != nullptr) report.crash_problem = crash_problem();
    }
    report.left_out.resize(pipeline_.sources.size());
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        if (!sources_[i]->problem().empty()) report.source_problem = sources_[i]->problem();
        report.left_out[i] = sources_[i]->left_out();
    }
    if (halted_) {
        say_left();
        report.end = End::halted;
        report.halt = halt_;
    } else if (failed_) {
        report.end = is_config_wrong_ ? End::foreign : End::refused;
        report.problem = problem_;
    }
}

/// An end with nothing left to write is told to the checkpoint: what is found behind its marks at
/// the next start is somebody else's. If it can't be told, that start takes it as after a crash.
void Pipeline::say_clean() {
    if (!checkpoints_->is_idle()) return;
    const Checkpoint staged = checkpoints_->staged();
    bool any = false;
    for (std::uint16_t i = 0; i < sinks_.size(); ++i) {
        const Marks* marks = sinks_[i]->marks();
        if (marks == nullptr || !marks->is_clean()) continue;
        const std::string name = identity_of(pipeline_.sinks[i]);
        const auto at =
            std::find_if(staged.sinks.begin(), staged.sinks.end(),
                         [&](const CheckpointSink& known) { return known.sink == name; });
        if (at == staged.sinks.end() || at->mark != marks->mark()) continue;
        CheckpointFile file = at->file;
        file.clean = true;
        checkpoints_->know(SinkId{i}, file);
        any = true;
    }
    if (!any) return;
    finish([](CheckpointStore& store) -> Task<> { co_await store.save(); }(*checkpoints_));
}

/// For the balance: what was set aside may have come again since.
void Pipeline::look_again() {
    for (const auto& sink : sinks_)
        if (Marks* marks = sink->marks()) finish(marks->look_again());
}

/// After the engine's end, for what is worth a moment and no more.
void Pipeline::finish(Task<> task) {
    const auto done = std::make_shared<bool>(false);
    scope_.spawn([](Task<> whole, std::shared_ptr<bool> ready) -> Task<> {
        co_await std::move(whole);
        *ready = true;
    }(std::move(task), done));
    const Instant until = ring_->now() + last_words_max;
    while (!*done && ring_->now() < until) ring_->run(until);
}

void Pipeline::report_kept(RunReport& report) const {
    report.kept.assign(pipeline_.sinks.size(), {});
    for (std::size_t i = 0; i < sinks_.size(); ++i) {
        const Marks* marks = sinks_[i]->marks();
        if (marks == nullptr || sinks_[i]->state() == DeviceState::opening) continue;
        const KeptRecords& kept = report.kept[i] = marks->kept();
        if (kept.behind_bytes == 0) continue;
        const SinkSettings& settings = pipeline_.sinks[i];
        const std::optional<PathClaim> path = settings.kind->writes(settings);
        log(Level::warn,
            LogLine("what an earlier run wrote, or somebody else, stands in the sink's "
                    "file behind all that was delivered, and did not come again")
                .with("sink", settings.name)
                .with("path", path ? path->path : "")
                .with("offset", marks->mark())
                .with("records", kept.behind)
                .with("bytes", kept.behind_bytes));
    }
}

void Pipeline::loop() {
    running_ = true;
    began_ = ring_->now();
    observe_at_ = ring_->now();
    feed(ring_->now(), Tick{});
    while (!halted_ && !failed_) {
        const Instant now = ring_->now();
        while (!events_.empty() && !halted_) feed(now, events_.pop());
        if (halted_) break;
        if (engine_.engine().deadline() <= now) {
            feed(now, Tick{});
            continue;
        }
        if (transforms_ && !mutant(305)) transforms_->wake();
        if (transforms_ && transforms_->gave_up()) break;
        watch_memory(now);
        watch_deaths(now);
        watch_ended(now);
        watch_stopping(now);
        if (options_.observer && observe_at_ <= now) observe(now);
        if (events_.empty()) ring_->run(next_wake());
    }
    if (options_.observer) observe(ring_->now());
}

/// What a halt leaves uncommitted: it is read again at the next start.
void Pipeline::say_left() const {
    std::uint32_t partitions = 0;
    for (std::uint32_t i = 0; i < config_.partitions_max; ++i) {
        const PartitionLeft left = engine_.engine().left(PartitionId{i});
        if (left.records == 0 || ++partitions > left_lines_max) continue;
        log(Level::warn, LogLine("left uncommitted")
                             .with("source", names_.source(left.source))
                             .with("partition", names_.partition(left.source, PartitionId{i}))
                             .with("records", left.records)
                             .with("from", left.from.value)
                             .with("to", left.to.value));
    }
    if (partitions <= left_lines_max) return;
    log(Level::warn, LogLine("left uncommitted in more partitions")
                         .with("partitions", partitions - left_lines_max));
}

Instant Pipeline::next_wake() const {
    Instant wake = engine_.engine().deadline();
    if (options_.observer) wake = std::min(wake, observe_at_);
    // While reading is paused, nothing else might happen for long, and pressure may fall.
    if (engine_.engine().stats().paused) wake = std::min(wake, read_memory_at_);
    if (stops_) wake = std::min(wake, ring_->now() + stop_look_interval);
    if (gives_until_) wake = std::min(wake, *gives_until_);
    return wake;
}

/// What sources took and cannot take again is pulled first; then the engine drains.
void Pipeline::watch_stopping(Instant now) {
    if (!gives_until_) return;
    const bool given =
        std::ranges::all_of(sources_, [](const auto& source) { return source->has_given_all(); });
    if (!given && now < *gives_until_) return;
    gives_until_.reset();
    events_.push(Stop{StopMode::drain, drains_until_});
}

/// Tells the engine how near memory is to its limit: after each reading, and in between when the
/// ledger has moved by a hundredth.
void Pipeline::watch_memory(Instant now) {
    const bool due = read_memory_at_ <= now;
    if (due) {
        guard_.read(pool_.used());
        read_memory_at_ = now + memory_reading_interval;
    }
    const PressureLevel level = guard_.pressure(pool_.used());
    const std::uint32_t moved =
        level.hard > told_.hard ? level.hard - told_.hard : told_.hard - level.hard;
    if (!due && moved < 10) return;
    told_ = level;
    const bool was = engine_.engine().stats().paused;
    feed(now, PressureSampled{level.hard, level.soft});
    const bool is = engine_.engine().stats().paused;
    if (was == is) return;
    log(Level::warn, LogLine(is ? "memory is short: reading is paused" : "reading goes on")
                         .with("used", guard_.usage(pool_.used()))
                         .with("limit", guard_.limit().bytes)
                         .with("of", text_of(guard_.limit())));
}

void Pipeline::feed(Instant now, const Event& event) {
    pending_.answered(now, event);
    for (const Effect& effect : engine_.step(now, event).items()) {
        pending_.ordered(now, effect);
        std::visit([this](const auto& order) { on(order); }, effect);
    }
}

void Pipeline::observe(Instant now) {
    const std::vector<Repeats> repeats = may_repeat();
    observe_at_ = options_.observer({now, &engine_.engine().stats(), unread(),
                                     transforms_ ? &transforms_->counts() : nullptr, repeats});
    HF_ASSERT(observe_at_ > now);
}

/// Of sinks that are not cut at a restart, and of sources that are read again.
std::vector<Repeats> Pipeline::may_repeat() const {
    std::vector<Repeats> out(config_.sinks);
    for (std::uint16_t i = 0; i < config_.sinks; ++i) {
        const SinkSettings& sink = pipeline_.sinks[i];
        const bool again = std::ranges::any_of(sink.inputs, [&](std::uint32_t input) {
            return is_replayable(pipeline_.sources[input]);
        });
        if (again && sink.kind->traits(sink).repeats)
            out[i] = engine_.engine().may_repeat(SinkId{i});
    }
    return out;
}

std::int64_t Pipeline::unread() const {
    std::int64_t sum = 0;
    for (const auto& source : sources_) {
        const std::optional<std::int64_t> one = source->unread();
        if (!one) return -1;
        sum += *one;
    }
    return sum;
}

void Pipeline::on_asked(Asked asked) {
    if (asked == Asked::state) return say_state();
    log(Level::warn,
        asked == Asked::reload
            ? LogLine("SIGHUP is ignored: a changed config takes effect at the next start")
            : LogLine("SIGUSR2 is ignored: it means nothing here"));
}

void Pipeline::on_signals() {
    const bool first = signals_.count() == 1;
    log(Level::info, LogLine(first ? "stopping: finishing what was read; a second signal stops now"
                                   : "stopping now; what is unfinished is read again at the next "
                                     "start"));
    if (!running_) return;
    const Instant now = ring_->now();
    if (!first) {
        events_.push(Stop{StopMode::now, now});
        return;
    }
    for (const auto& source : sources_) source->take_no_more();
    drains_until_ = mutant(308) ? never : now + pipeline_.shutdown_timeout;
    gives_until_ = now + Duration{pipeline_.shutdown_timeout.ns / 2};
    watch_stopping(now);
}

void Pipeline::fail(std::string problem) {
    if (failed_) return;
    failed_ = true;
    problem_ = std::move(problem);
}

void Pipeline::on(const Pull& order) {
    Pull pull = order;
    if (transforms_)
        pull.max_bytes = std::min(pull.max_bytes, transforms_->pull_bytes_max(pull.source));
    if (transforms_ && transforms_->is_careful(pull.source)) pull.max_records = 1;
    sources_[pull.source.index]->pull(pull);
}

void Pipeline::on(const Transform& order) { transforms_->transform(order); }

void Pipeline::on(const ReleaseBatch& release) {
    if (!mutant(304)) payloads_.release(release.batch);
}

void Pipeline::on(const WriteToSink& write) {
    sinks_[write.sink.index]->write(write, engine_.effects().parts(write.parts));
}

void Pipeline::on(const CancelWrite& cancel) {
    if (!mutant(306)) sinks_[cancel.sink.index]->cancel(cancel);
}

void Pipeline::on(const SyncSink& sync) { sinks_[sync.sink.index]->sync(sync); }

void Pipeline::on(const WriteDeadLetters& write) {
    dead_letters_->write(write, engine_.effects().parts(write.parts));
}

void Pipeline::on(const StageSink& stage) {
    if (mutant(295)) return;
    StageSink staged = stage;
    if (mutant(490))
        staged.sink.index = static_cast<std::uint16_t>((stage.sink.index + 1u) % sinks_.size());
    checkpoints_->stage(staged);
    if (Marks* marks = sinks_[stage.sink.index]->marks())
        checkpoints_->know(staged.sink, marks->known_at(stage.mark));
}
void Pipeline::on(const StagePosition& stage) {
    StagePosition staged = stage;
    if (mutant(491)) staged.position.value += 1;
    if (!mutant(296)) checkpoints_->stage(staged);
}
void Pipeline::on(const StageLead& stage) {
    StageLead staged = stage;
    if (mutant(492))
        staged.sink.index = static_cast<std::uint16_t>((stage.sink.index + 1u) % sinks_.size());
    if (!mutant(294)) checkpoints_->stage(staged);
}
void Pipeline::on(const WriteCheckpoint& write) { checkpoints_->write(write); }
void Pipeline::on(const SyncCheckpoint& sync) { checkpoints_->sync(sync); }

void Pipeline::on(const CommitPosition& commit) { sources_[commit.source.index]->commit(commit); }

void Pipeline::on(const RevokeDone& done) {
    sources_[mutant(303) ? 0 : done.source.index]->revoke_done(done);
}

// Every source of this version reads only when it is pulled.
void Pipeline::on(const SetGate&) {}

void Pipeline::on(const Halt& halt) {
    halted_ = true;
    halt_ = halt;
}

}  // namespace holdfast::io

// A pipeline's start: the checkpoint, the devices, the marks of new sinks.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include <algorithm>
#include <climits>

#include "core/base/mutant.hpp"
#include "io/devices/blackhole_sink.hpp"
#include "io/devices/faulty_sink.hpp"
#include "io/runner/identity.hpp"
#include "io/runner/pipeline.hpp"
#include "io/runner/transforms.hpp"

namespace holdfast::io {
namespace {

// A sink that had a mark and does not come up holds the others back no longer than this.
constexpr Duration patience = seconds(5);

// What sources may open, so that thousands of files never keep the checkpoint from being written:
// a sink has its file, the checkpoint two slots, a new one and their directory.
int fd_limit_of(const PipelineConfig& pipeline, int all) {
    return all - std::min(all / 2, 16 + static_cast<int>(pipeline.sinks.size()));
}

int open_files_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX) return INT_MAX;
    return static_cast<int>(limit.rlim_cur);
}

int fd_limit(const PipelineConfig& pipeline) {
    const int all = open_files_limit();
    return all == INT_MAX ? all : fd_limit_of(pipeline, all);
}

// The least limit under which all have their files: sinks and dead letters theirs, the checkpoint
// its two slots, each source one and what tells it of changes; one more for a folder that is looked
// through; and what the ring and the transforms' threads need to be woken.
int open_files_needed(const PipelineConfig& pipeline, int used) {
    const int last =
        used + static_cast<int>(pipeline.sinks.size() + 2 * pipeline.sources.size()) + 8;
    int all = last;
    while (fd_limit_of(pipeline, all) <= last) all += 1;
    return all;
}

/// Where a stream breaks, skipping single records is no answer: it stops, as the policy "stop" does.
StreamSettings stream_of(const SourceSettings& source) {
    return {source.framing, source.on_parse_error != flow::OnError::dead_letter};
}

RingOp poll_in(Ring& ring, int fd) { return RingOp(ring, Op{.kind = OpKind::poll_in, .fd = fd}); }

}  // namespace

template <class Done>
bool Pipeline::drive(Done done, Instant until) {
    while (!done()) {
        if (failed_ || signals_.count() > 0 || ring_->now() >= until) return false;
        ring_->run(until);
    }
    return true;
}

bool Pipeline::begin(RunReport& report) {
    if (!has_descriptors()) return false;
    std::string why;
    ring_ = process_.make_ring(why);
    if (!ring_) {
        fail(why + ". Use --ring auto, which takes plain calls where io_uring is not there");
        return false;
    }
    if (!why.empty()) log(Level::info, LogLine(why));
    log(Level::debug, LogLine("ring").with("name", std::string_view(ring_->name())));
    scope_.spawn(watch_signals());
    if (!load(report)) return false;
    build_sinks();
    build_transforms();
    build_sources();
    for (const auto& sink : sinks_) sink->start();
    if (dead_letters_) {
        scope_.spawn(watch_dead_letters());
        dead_letters_->start();
    }
    if (!wait_for_sinks(report) || !stdin_is_no_output() || !save_marks(report)) return false;
    // Signals that came with the very last answer of the start.
    if (signals_.count() > 0) {
        report.end = End::stopped;
        return false;
    }
    for (std::uint16_t i = 0; i < file_sinks_.size(); ++i) {
        if (!file_sinks_[i]) continue;
        file_sinks_[i]->rely_on_mark();
        scope_.spawn(watch_sink(*file_sinks_[i], SinkId{i}));
    }
    for (const auto& source : sources_) source->start();
    return true;
}

bool Pipeline::has_descriptors() {
    const int all = open_files_limit();
    const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (next >= 0) ::close(next);
    const int needed = open_files_needed(pipeline_, next >= 0 ? next : all);
    if (next >= 0 && needed <= all) return true;
    fail(
        fmt::format("this process may open {} files, and this pipeline needs {} or more: raise "
                    "the limit (ulimit -n, or LimitNOFILE of its service)",
                    all, needed));
    return false;
}

Task<> Pipeline::watch_signals() {
    while (true) {
        if (signals_.take() > 0) on_signals();
        for (Asked asked; (asked = signals_.asked()) != Asked::none;) on_asked(asked);
        const std::int64_t result = co_await poll_in(*ring_, signals_.fd());
        if (result < 0) co_return;
    }
}

Task<> Pipeline::watch_sink(FileSink& sink, SinkId id) {
    using State = FileSink::State;
    while (sink.state() == State::opening || sink.state() == State::ready) {
        // One that opens late may find its file being read.
        for (const FileSource* source : file_sources_)
            if (sink.file() && source->reads(*sink.file()))
                refuse_config(
                    fmt::format("{} is read by a source of this pipeline, under another "
                                "name. Set another path for sink \"{}\"",
                                pipeline_.sinks[id.index].path, pipeline_.sinks[id.index].name));
        co_await sink.changed().wait();
    }
    if (sink.state() == State::refused) {
        fail(sink.problem());
    } else if (!halted_) {
        // Nobody asks a sink without fsync to sync: without this its writes would fail for ever.
        on(Halt{HaltReason::sink_sync_failed, id});
    }
}

Task<> Pipeline::watch_sink(StdoutSink& sink) {
    while (!sink.closed()) co_await sink.changed().wait();
    fail("whoever read stdout has closed it");
}

Task<> Pipeline::watch_dead_letters() {
    while (dead_letters_->problem().empty()) co_await dead_letters_->changed().wait();
    fail(dead_letters_->problem());
}

bool Pipeline::load(RunReport& report) {
    std::vector<std::string> sources, sinks;
    for (const SourceSettings& source : pipeline_.sources) sources.push_back(identity_of(source));
    for (const SinkSettings& sink : pipeline_.sinks) sinks.push_back(identity_of(sink));
    checkpoints_ = std::make_unique<CheckpointStore>(
        *ring_, events_, options_.log,
        CheckpointStore::Config{.data_dir = pipeline_.data_dir,
                                .pipeline = identity_of(pipeline_),
                                .sources = std::move(sources),
                                .sinks = std::move(sinks),
                                .continues = continues,
                                .make_again = [this] { return make_data_dir_again(); }});
    bool done = false;
    CheckpointLoad result;
    scope_.spawn([](CheckpointStore& store, CheckpointLoad& out, bool& ready) -> Task<> {
        out = co_await store.load();
        ready = true;
    }(*checkpoints_, result, done));
    if (!drive([&] { return done; }, never)) {
        report.end = End::stopped;
        return false;
    }
    if (result.state == CheckpointLoad::State::failed) {
        report.end = result.foreign ? End::foreign : End::refused;
        report.problem = result.problem;
        return false;
    }
    report.problem = mixed_framing(result.checkpoint, pipeline_);
    if (!report.problem.empty()) {
        report.end = End::foreign;
        return false;
    }
    report.resumed = result.state == CheckpointLoad::State::found;
    loaded_ = std::move(result.checkpoint);
    recorded_ns_ = result.written_ns;
    slots_at_start_ = std::move(result.slots);
    return true;
}

bool Pipeline::make_data_dir_again() {
    const std::string problem = process_.take_data_dir(pipeline_.data_dir);
    if (!problem.empty()) {
        fail("the data directory was deleted while it was in use. " + problem);
        return false;
    }
    log(Level::warn, LogLine("the data directory was deleted while it was in use; it is made again")
                         .with("data_dir", pipeline_.data_dir));
    return true;
}

void Pipeline::build_sinks() {
    file_sinks_.assign(pipeline_.sinks.size(), nullptr);
    for (std::uint16_t i = 0; i < pipeline_.sinks.size(); ++i) {
        const InjectSettings& inject = pipeline_.sinks[i].inject;
        const auto make = [&](Events& answers) { return make_sink(SinkId{i}, answers); };
        if (!inject.present) {
            sinks_.push_back(make(events_));
            continue;
        }
        FaultySinkConfig config;
        config.id = SinkId{i};
        config.fail_permille = inject.fail_permille;
        config.throttle_permille = inject.throttle_permille;
        config.ambiguous_permille = inject.ambiguous_permille;
        config.refuse_permille = inject.refuse_permille;
        const bool syncs = pipeline_.sinks[i].fsync == Fsync::batch;
        config.sync_fail_permille = syncs ? inject.sync_fail_permille : 0;
        config.life = life_;
        config.latency = inject.latency;
        config.seed = inject.seed;
        config.words = &names_.words();
        sinks_.push_back(std::make_unique<FaultySink>(*ring_, payloads_, events_, config, make));
    }
    if (pipeline_.dead_letters.present)
        dead_letters_ = std::make_unique<DeadLetterFile>(*ring_, names_, payloads_, events_,
                                                         options_.log, pipeline_.dead_letters.path,
                                                         pipeline_.dead_letters.mode);
}

std::unique_ptr<Sink> Pipeline::make_sink(SinkId id, Events& answers) {
    switch (pipeline_.sinks[id.index].type) {
        case SinkType::blackhole: return std::make_unique<BlackholeSink>(answers);
        case SinkType::stdout_stream: {
            auto sink = std::make_unique<StdoutSink>(*ring_, payloads_, answers, options_.log);
            scope_.spawn(watch_sink(*sink));
            return sink;
        }
        case SinkType::file: break;
    }
    auto sink = make_file_sink(id, answers);
    file_sinks_[id.index] = sink.get();
    return sink;
}

std::unique_ptr<FileSink> Pipeline::make_file_sink(SinkId id, Events& answers) {
    const SinkSettings& sink = pipeline_.sinks[id.index];
    FileSinkConfig config;
    config.name = sink.name;
    config.id = id;
    config.path = sink.path;
    config.mode = sink.mode;
    config.fsync =
        sink.fsync == Fsync::never ? FileSinkConfig::Fsync::never : FileSinkConfig::Fsync::batch;
    config.delivery = sink.delivery == DeliveryMode::exactly_once
                          ? FileSinkConfig::Delivery::exactly_once
                          : FileSinkConfig::Delivery::at_least_once;
    config.framing = sink.framing;
    const std::string name = identity_of(sink);
    for (const CheckpointSink& known : loaded_.sinks)
        if (known.sink == name) config.mark = known.mark, config.known = known.file;
    if (mutant(292) && id.index < loaded_.sinks.size()) config.mark = loaded_.sinks[id.index].mark;
    config.turn = &look_turn_;
    config.set_aside = pipeline_.data_dir + "/set_aside";
    config.words = &names_.words();
    return std::make_unique<FileSink>(*ring_, payloads_, answers, options_.log, std::move(config));
}

void Pipeline::build_sources() {
    names_.forward_to(*checkpoints_);
    for (std::uint16_t i = 0; i < pipeline_.sources.size(); ++i)
        sources_.push_back(replayable(pipeline_.sources[i]) ? make_file_source(SourceId{i})
                                                            : make_stdin_source(SourceId{i}));
    loaded_.partitions = {};  // The sources have them now.
}

std::vector<flow::NodePrograms> Pipeline::programs() const {
    // Who ends a program cuts the drain short: what cannot be read again would be lost.
    const bool all_come_again = std::ranges::all_of(pipeline_.sources, replayable);
    const Duration may = all_come_again ? Hurry::patience : Hurry::any_time;
    std::vector<flow::NodePrograms> out = compile_all(pipeline_);
    for (flow::NodePrograms& node : out)
        for (const auto& program : node.programs) program->heed(process_.hurry(), may);
    return out;
}

void Pipeline::build_transforms() {
    const auto& sources = config_.source;
    const auto transforms = [](const SourceConfig& source) { return source.transform; };
    if (std::none_of(sources.begin(), sources.begin() + config_.sources, transforms)) return;
    plan_ = std::make_unique<flow::Plan>(flow_spec(pipeline_));
    if (words_ != nullptr) caution_ = words_->begin(loaded_);
    // One place at a time where a record may end the process.
    const std::uint32_t threads = caution_.known.empty() ? pipeline_.transform_threads : 0;
    transforms_ = std::make_unique<TransformStage>(
        *ring_, *plan_, [this] { return programs(); }, flow_limits(pipeline_), threads, names_,
        payloads_, events_, options_.log);
    transforms_->take_care(caution_);
    if (may_go_in_slices(pipeline_)) transforms_->give_up_what_is_too_much();
    name_what_hangs();
}

std::unique_ptr<Source> Pipeline::make_stdin_source(SourceId id) {
    const SourceSettings& source = pipeline_.sources[id.index];
    StdinSourceConfig config;
    config.name = source.name;
    config.id = id;
    config.line_max = line_max(pipeline_, source);
    config.oversize = source.on_oversized;
    config.stream = stream_of(source);
    auto made = std::make_unique<StdinSource>(std::move(config), *ring_, payloads_, events_, names_,
                                              slots_, options_.log);
    stdin_source_ = made.get();
    return made;
}

std::unique_ptr<Source> Pipeline::make_file_source(SourceId id) {
    const SourceSettings& source = pipeline_.sources[id.index];
    FileSourceConfig config;
    config.name = source.name;
    config.id = id;
    config.include = source.include;
    config.exclude = source.exclude;
    config.read_from = source.read_from;
    config.end = source.end;
    config.line_max = line_max(pipeline_, source);
    config.oversize = source.on_oversized;
    config.stream = stream_of(source);
    config.poll_interval = source.poll_interval;
    config.give_up_after = source.give_up_after;
    config.decompress = source.decompress;
    config.rotate_wait = source.rotate_wait;
    config.fd_limit = fd_limit(pipeline_);
    config.transformed = is_transformed(pipeline_, id.index);
    config.poll_interval_max = std::max(config.poll_interval_max, source.poll_interval);
    for (std::uint16_t s = 0; s < pipeline_.sinks.size(); ++s)
        config.sinks.emplace(identity_of(pipeline_.sinks[mutant(293) ? 0 : s]), SinkId{s});
    config.recorded_ns = recorded_ns_;
    config.written_as = [this](const FileStat& file) { return written_as(file); };
    config.refuse = [this](std::string problem) { refuse_config(std::move(problem)); };
    for (const CheckpointPartition& known : loaded_.partitions) {
        if ((known.source != identity_of(source) && !mutant(309)) || mutant(310)) continue;
        if (known.key == CheckpointStore::look_key) {
            config.looked_ns = known.position;
        } else {
            config.records.push_back(known);
        }
    }
    auto made = std::make_unique<FileSource>(std::move(config), *ring_, payloads_, events_, names_,
                                             slots_, options_.log);
    file_sources_.push_back(made.get());
    return made;
}

/// What this pipeline calls that file, if it writes it. Names say nothing: links lead to it, too.
std::string Pipeline::written_as(const FileStat& file) const {
    for (std::size_t i = 0; i < file_sinks_.size(); ++i)
        if (file_sinks_[i] && file_sinks_[i]->file() && is_same_file(*file_sinks_[i]->file(), file))
            return fmt::format("the output of sink \"{}\" ({})", pipeline_.sinks[i].name,
                               pipeline_.sinks[i].path);
    if (dead_letters_ && dead_letters_->file() && is_same_file(*dead_letters_->file(), file))
        return fmt::format("the dead letters ({})", pipeline_.dead_letters.path);
    const auto is_at = [&](const struct stat& st) {
        return st.st_dev == file.device && st.st_ino == file.inode;
    };
    struct stat own{};
    for (const SinkSettings& sink : pipeline_.sinks)
        if (sink.type == SinkType::stdout_stream && ::fstat(STDOUT_FILENO, &own) == 0 && is_at(own))
            return fmt::format("standard output, where sink \"{}\" writes", sink.name);
    if (::stat(pipeline_.file.c_str(), &own) == 0 && is_at(own))
        return "the pipeline's config file";
    for (const char* name : {"lock", "checkpoint.a", "checkpoint.b", "last_words"}) {
        const std::string path = fmt::format("{}/{}", pipeline_.data_dir, name);
        if (::stat(path.c_str(), &own) == 0 && is_at(own))
            return fmt::format("{}, a file of data_dir", path);
    }
    // The first commit may have put a new file in a slot's place before the look comes to the link
    // to the old one. With its birth: the number alone is given to another file once it is gone.
    for (const FileStat& slot : slots_at_start_)
        if (is_same_file(slot, file) && slot.born_ns != 0 && slot.born_ns == file.born_ns)
            return fmt::format("a checkpoint of {}", pipeline_.data_dir);
    return {};
}

bool Pipeline::stdin_is_no_output() {
    struct stat in{};
    if (!stdin_source_ || ::fstat(STDIN_FILENO, &in) != 0 || !S_ISREG(in.st_mode)) return true;
    FileStat file;
    file.device = in.st_dev;
    file.inode = in.st_ino;
    const std::string as = written_as(file);
    if (as.empty()) return true;
    refuse_config(
        fmt::format("standard input is {}: a pipeline does not read its own files. Set "
                    "another path, or read another file",
                    as));
    return false;
}

void Pipeline::refuse_config(std::string problem) {
    is_config_wrong_ = true;
    fail(std::move(problem));
}

bool Pipeline::wait_for_sinks(RunReport& report) {
    const auto knows_mark = [&](std::size_t i) {
        const std::string name = identity_of(pipeline_.sinks[i]);
        return std::any_of(loaded_.sinks.begin(), loaded_.sinks.end(),
                           [&](const CheckpointSink& known) { return known.sink == name; });
    };
    const auto waits = [&](bool also_known) {
        for (std::size_t i = 0; i < file_sinks_.size(); ++i)
            if (file_sinks_[i] && file_sinks_[i]->state() == FileSink::State::opening &&
                (also_known || !knows_mark(i)))
                return true;
        return false;
    };
    const auto opens = [&] { return dead_letters_ && dead_letters_->opening(); };
    drive([&] { return !waits(true) && !opens(); }, ring_->now() + patience);
    drive([&] { return !waits(false); }, never);
    for (const FileSink* sink : file_sinks_)
        if (sink && sink->state() == FileSink::State::refused) fail(sink->problem());
    if (signals_.count() > 0) report.end = End::stopped;
    return !failed_ && signals_.count() == 0;
}

bool Pipeline::save_marks(RunReport& report) {
    bool any = false;
    for (std::uint16_t i = 0; i < file_sinks_.size(); ++i) {
        if (!file_sinks_[i] || file_sinks_[i]->state() != FileSink::State::ready) continue;
        const std::int64_t mark = file_sinks_[i]->mark();
        const CheckpointSink now{identity_of(pipeline_.sinks[i]), mark,
                                 file_sinks_[i]->known_at(mark)};
        checkpoints_->stage(StageSink{SinkId{i}, mark});
        checkpoints_->know(SinkId{i}, now.file);
        const auto& known = loaded_.sinks;
        any = any || std::find(known.begin(), known.end(), now) == known.end();
    }
    if (!any || mutant(291)) return true;
    bool done = false;
    StoreOutcome outcome = StoreOutcome::failed;
    scope_.spawn([](CheckpointStore& store, StoreOutcome& out, bool& ready) -> Task<> {
        out = co_await store.save();
        ready = true;
    }(*checkpoints_, outcome, done));
    if (!drive([&] { return done; }, never)) {
        report.end = End::stopped;
        return false;
    }
    if (outcome != StoreOutcome::ok)
        fail("the checkpoint cannot be written to " + pipeline_.data_dir +
             ": nothing was read. Make room or make it writable, then start again");
    return !failed_;
}

}  // namespace holdfast::io

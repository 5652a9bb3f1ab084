// A pipeline's start: the checkpoint, the devices, the marks of new sinks.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include <algorithm>
#include <climits>

#include "core/base/mutant.hpp"
#include "io/component/kind.hpp"
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
    int last = used + 8;
    for (const SinkSettings& sink : pipeline.sinks) last += sink.kind->descriptors(*sink.own);
    for (const SourceSettings& source : pipeline.sources)
        last += source.kind->descriptors(*source.own);
    int all = last;
    while (fd_limit_of(pipeline, all) <= last) all += 1;
    return all;
}

/// Where a stream breaks, skipping single records is no answer: it stops, as the policy "stop" does.
StreamSettings stream_of(const SourceSettings& source) {
    return {codec::bytes_of(source.framing), source.on_parse_error != flow::OnError::dead_letter};
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
    if (!wait_for_sinks(report) || !no_input_is_an_output() || !save_marks(report)) return false;
    // Signals that came with the very last answer of the start.
    if (signals_.count() > 0) {
        report.end = End::stopped;
        return false;
    }
    for (std::uint16_t i = 0; i < sinks_.size(); ++i) {
        if (Marks* marks = sinks_[i]->marks()) marks->rely_on_mark();
        if (sinks_[i]->changed() != nullptr) scope_.spawn(watch_sink(*sinks_[i], SinkId{i}));
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

Task<> Pipeline::watch_sink(Sink& sink, SinkId id) {
    const SinkSettings& settings = pipeline_.sinks[id.index];
    while (sink.state() == DeviceState::opening || sink.state() == DeviceState::ready) {
        // One that opens late may find its file being read.
        for (const auto& source : sources_)
            if (sink.file() && source->reads(*sink.file()))
                refuse_config(fmt::format(
                    "{} is read by a source of this pipeline, under another "
                    "name. Set another path for sink \"{}\"",
                    settings.kind->writes(settings).value_or(PathClaim{}).path, settings.name));
        co_await sink.changed()->wait();
    }
    if (sink.state() == DeviceState::refused) {
        fail(sink.problem());
    } else {
        // Nobody asks a sink without fsync to sync: without this its writes would fail for ever.
        events_.push(SinkBroken{id});
    }
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
        const bool syncs = pipeline_.sinks[i].kind->traits(pipeline_.sinks[i]).syncs_data;
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
    const SinkSettings& sink = pipeline_.sinks[id.index];
    SinkContext context{.id = id,
                        .settings = sink,
                        .ring = *ring_,
                        .payloads = payloads_,
                        .answers = answers,
                        .log = options_.log,
                        .look_turn = look_turn_,
                        .set_aside = pipeline_.data_dir + "/set_aside",
                        .words = names_.words()};
    const std::string name = identity_of(sink);
    for (const CheckpointSink& known : loaded_.sinks)
        if (known.sink == name) context.known = &known, context.mark = known.mark;
    if (mutant(292) && id.index < loaded_.sinks.size()) context.mark = loaded_.sinks[id.index].mark;
    return sink.kind->make(std::move(context));
}

void Pipeline::build_sources() {
    names_.forward_to(*checkpoints_);
    for (std::uint16_t i = 0; i < pipeline_.sources.size(); ++i)
        sources_.push_back(make_source(SourceId{i}));
    loaded_.partitions = {};  // The sources have them now.
}

std::vector<flow::NodePrograms> Pipeline::programs() const {
    // Who ends a program cuts the drain short: what cannot be read again would be lost.
    const bool all_come_again = std::ranges::all_of(pipeline_.sources, is_replayable);
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

std::unique_ptr<Source> Pipeline::make_source(SourceId id) {
    const SourceSettings& source = pipeline_.sources[id.index];
    SourceContext context{.id = id,
                          .settings = source,
                          .ring = *ring_,
                          .payloads = payloads_,
                          .events = events_,
                          .checkpoints = names_,
                          .slots = slots_,
                          .log = options_.log};
    context.line_max = line_max(pipeline_, source);
    context.stream = stream_of(source);
    context.fd_limit = fd_limit(pipeline_);
    context.transformed = is_transformed(pipeline_, id.index);
    for (std::uint16_t s = 0; s < pipeline_.sinks.size(); ++s)
        context.sinks.emplace(identity_of(pipeline_.sinks[mutant(293) ? 0 : s]), SinkId{s});
    context.recorded_ns = recorded_ns_;
    context.written_as = [this](const FileStat& file) { return written_as(file); };
    context.refuse = [this](std::string problem) { refuse_config(std::move(problem)); };
    for (const CheckpointPartition& known : loaded_.partitions) {
        if ((known.source != identity_of(source) && !mutant(309)) || mutant(310)) continue;
        if (known.key == CheckpointStore::look_key) {
            context.looked_ns = known.position;
        } else {
            context.records.push_back(known);
        }
    }
    return source.kind->make(std::move(context));
}

/// What this pipeline calls that file, if it writes it. Names say nothing: links lead to it, too.
std::string Pipeline::written_as(const FileStat& file) const {
    for (std::size_t i = 0; i < sinks_.size(); ++i)
        if (sinks_[i]->file() && is_same_file(*sinks_[i]->file(), file))
            return pipeline_.sinks[i].kind->output_words(pipeline_.sinks[i]);
    if (dead_letters_ && dead_letters_->file() && is_same_file(*dead_letters_->file(), file))
        return fmt::format("the dead letters ({})", pipeline_.dead_letters.path);
    const auto is_at = [&](const struct stat& st) {
        return st.st_dev == file.device && st.st_ino == file.inode;
    };
    struct stat own{};
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

bool Pipeline::no_input_is_an_output() {
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        const FileStat* file = sources_[i]->file();
        const std::string as = file != nullptr ? written_as(*file) : "";
        if (as.empty()) continue;
        const SourceSettings& source = pipeline_.sources[i];
        refuse_config(
            fmt::format("{} is {}: a pipeline does not read its own files. Set another "
                        "path, or read another file",
                        source.kind->words(source), as));
        return false;
    }
    return true;
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
        for (std::size_t i = 0; i < sinks_.size(); ++i)
            if (sinks_[i]->state() == DeviceState::opening && (also_known || !knows_mark(i)))
                return true;
        return false;
    };
    const auto opens = [&] { return dead_letters_ && dead_letters_->opening(); };
    drive([&] { return !waits(true) && !opens(); }, ring_->now() + patience);
    drive([&] { return !waits(false); }, never);
    for (const auto& sink : sinks_)
        if (sink->state() == DeviceState::refused) fail(sink->problem());
    if (signals_.count() > 0) report.end = End::stopped;
    return !failed_ && signals_.count() == 0;
}

bool Pipeline::save_marks(RunReport& report) {
    bool any = false;
    for (std::uint16_t i = 0; i < sinks_.size(); ++i) {
        Marks* marks = sinks_[i]->marks();
        if (marks == nullptr || sinks_[i]->state() != DeviceState::ready) continue;
        const std::int64_t mark = marks->mark();
        const CheckpointSink now{identity_of(pipeline_.sinks[i]), mark, marks->known_at(mark)};
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

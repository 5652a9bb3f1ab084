// See pipeline.hpp. The run itself is in running.cpp.
#include "io/embed/pipeline.hpp"

#include "io/embed/answers.hpp"
#include "io/embed/running.hpp"

namespace holdfast::embed {

namespace {

/// While it lives, that is what runs.
struct Current {
    Current(Running*& where, Running& running) : where_(where) { where_ = &running; }
    ~Current() { where_ = nullptr; }
    Current(const Current&) = delete;
    Running*& where_;
};

/// What is wrong with the options, beside what the engine says of its own.
std::string check(const Ports& ports) {
    const std::size_t sinks = ports.sinks.size();
    const SinkMask all = sinks >= 64 ? ~SinkMask{0} : (SinkMask{1} << sinks) - 1;
    if (ports.options.on_reject == OnReject::route && (ports.options.rejected_to & all) == 0)
        return "on_reject is route, and rejected_to names no sink";
    for (const SinkPort& sink : ports.sinks)
        if (sink.config.writes_max != 1)
            return "sink " + sink.name + ": writes_max is " +
                   std::to_string(sink.config.writes_max) +
                   ": a Sink is called by one thread at a time, so it must be 1";
    for (const codec::RawRule& rule : ports.filter)
        if (rule.when == codec::RawRule::When::equal && !rule.literal)
            return "a rule of the filter compares with nothing";
    return {};
}

}  // namespace

struct Pipeline::Parts {
    Ports ports;
    Inbox inbox;
    Running* running = nullptr;  ///< The engine's thread's own; set while it runs.
    bool began = false;
};

Pipeline::Pipeline(Options options) : parts_(std::make_unique<Parts>()) {
    parts_->ports.options = std::move(options);
}
Pipeline::~Pipeline() = default;
Pipeline::Pipeline(Pipeline&&) noexcept = default;

void Pipeline::add_source(std::string name, std::unique_ptr<Source> source, SourceConfig config) {
    parts_->ports.sources.push_back({std::move(name), std::move(source), config, {}, {}, nullptr});
}

void Pipeline::add_sink(std::string name, std::unique_ptr<Sink> sink, SinkConfig config) {
    parts_->ports.sinks.push_back({std::move(name), std::move(sink), config, {}, {}});
}

void Pipeline::set_filter(std::vector<codec::RawRule> rules) {
    parts_->ports.filter = std::move(rules);
}

void Pipeline::set_transform(std::unique_ptr<Transformer> transform) {
    parts_->ports.transform = std::move(transform);
}

void Pipeline::set_dead_letters(std::unique_ptr<DeadLetterQueue> queue) {
    parts_->ports.dead_letters = std::move(queue);
}

std::expected<Report, Failure> Pipeline::run() {
    // No memory, no thread, a user's function that throws where none is expected.
    return guarded([this] { return run_once(); });
}

std::expected<Report, Failure> Pipeline::run_once() {
    Parts& parts = *parts_;
    if (parts.began) return std::unexpected(Failure{"a pipeline runs once", true});
    for (const SourcePort& s : parts.ports.sources)
        if (!s.source) return std::unexpected(Failure{"source " + s.name + " is null", true});
    for (const SinkPort& s : parts.ports.sinks)
        if (!s.sink) return std::unexpected(Failure{"sink " + s.name + " is null", true});
    if (const std::string wrong = check(parts.ports); !wrong.empty())
        return std::unexpected(Failure{wrong, true});
    const ConfigError error = Engine::check(config_of(parts.ports));
    if (error.what)
        return std::unexpected(Failure{std::string(error.what) + " (source or sink number " +
                                           std::to_string(error.index + 1) + ")",
                                       true});
    parts.began = true;
    Running running(parts.ports, parts.inbox);
    const Current current(parts.running, running);
    return running.run();
}

void Pipeline::stop() {
    Parts& parts = *parts_;
    parts.inbox.post([&parts] {
        if (parts.running) parts.running->stop();
    });
}

}  // namespace holdfast::embed

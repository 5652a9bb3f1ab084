// See pipeline.hpp. The run itself is in running.cpp.
#include "io/embed/pipeline.hpp"

#include "io/embed/running.hpp"

namespace holdfast::embed {

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
    parts_->ports.sources.push_back({std::move(name), std::move(source), config, std::nullopt});
}

void Pipeline::add_sink(std::string name, std::unique_ptr<Sink> sink, SinkConfig config) {
    parts_->ports.sinks.push_back({std::move(name), std::move(sink), config, {}});
}

void Pipeline::set_transform(std::unique_ptr<Transformer> transform) {
    parts_->ports.transform = std::move(transform);
}

void Pipeline::set_dead_letters(std::unique_ptr<DeadLetterQueue> queue) {
    parts_->ports.dead_letters = std::move(queue);
}

std::expected<Report, Failure> Pipeline::run() {
    Parts& parts = *parts_;
    if (parts.began) return std::unexpected(Failure{"a pipeline runs once", true});
    for (const SourcePort& s : parts.ports.sources)
        if (!s.source) return std::unexpected(Failure{"source " + s.name + " is null", true});
    for (const SinkPort& s : parts.ports.sinks)
        if (!s.sink) return std::unexpected(Failure{"sink " + s.name + " is null", true});
    const ConfigError error = Engine::check(config_of(parts.ports));
    if (error.what)
        return std::unexpected(Failure{std::string(error.what) + " (source or sink number " +
                                           std::to_string(error.index + 1) + ")",
                                       true});
    parts.began = true;
    Running running(parts.ports, parts.inbox);
    parts.running = &running;
    Report report = running.run();
    parts.running = nullptr;
    return report;
}

void Pipeline::stop() {
    Parts& parts = *parts_;
    parts.inbox.post([&parts] {
        if (parts.running) parts.running->stop();
    });
}

}  // namespace holdfast::embed

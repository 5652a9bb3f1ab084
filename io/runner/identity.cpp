// See identity.hpp.
#include "io/runner/identity.hpp"

#include <set>

namespace holdfast::io {
namespace {

bool shares_line(std::string_view found, std::string_view ours, std::string_view kind) {
    std::set<std::string_view> lines;
    const auto each = [&](std::string_view text, auto&& visit) {
        while (!text.empty()) {
            const std::size_t end = text.find('\n');
            const std::string_view line = text.substr(0, end);
            if (line.starts_with(kind)) visit(line);
            text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        }
    };
    bool shared = false;
    each(found, [&](std::string_view line) { lines.insert(line); });
    each(ours, [&](std::string_view line) { shared = shared || lines.contains(line); });
    return shared;
}

}  // namespace

std::string identity_of(const SinkSettings& sink) {
    switch (sink.type) {
        case SinkType::file: return sink.name + " file " + sink.path;
        case SinkType::stdout_stream: return sink.name + " stdout";
        case SinkType::blackhole: return sink.name + " blackhole";
    }
    return sink.name;
}

std::string identity_of(const SourceSettings& source) {
    if (source.framing == Framing::lines) return source.name;
    return source.name + " " + codec::framing_name(source.framing);
}

std::string identity_of(const PipelineConfig& pipeline) {
    std::string out;
    for (const SourceSettings& source : pipeline.sources)
        out += "source " + source.name + (replayable(source) ? " file\n" : " stdin\n");
    for (const SinkSettings& sink : pipeline.sinks) out += "sink " + identity_of(sink) + "\n";
    return out;
}

bool continues(std::string_view found, std::string_view ours) {
    return shares_line(found, ours, "source ") && shares_line(found, ours, "sink ");
}

}  // namespace holdfast::io

// See identity.hpp.
#include "io/runner/identity.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "io/component/kind.hpp"

namespace holdfast::io {
namespace {

/// Beside the line of the sink itself, so that it is the same sink, whatever its framing.
std::string framing_line(const SinkSettings& sink) {
    return fmt::format("{} {}\n", codec::framing_name(sink.framing), identity_of(sink));
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line) != std::string::npos;
}

/// In what the sink has written so far.
Framing framing_in(const Checkpoint& found, SinkSettings sink) {
    for (const Framing framing : {Framing::msgpack, Framing::json, Framing::length}) {
        sink.framing = framing;
        if (has_line(found.pipeline, framing_line(sink))) return framing;
    }
    return Framing::lines;
}

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
    return sink.name + " " + sink.kind->identity(sink);
}

std::string identity_of(const SourceSettings& source) {
    if (source.framing == Framing::lines) return source.name;
    return source.name + " " + codec::framing_name(source.framing);
}

std::string identity_of(const PipelineConfig& pipeline) {
    std::string out;
    for (const SourceSettings& source : pipeline.sources)
        out += fmt::format("source {} {}\n", source.name, source.kind->name());
    for (const SinkSettings& sink : pipeline.sinks) {
        out += "sink " + identity_of(sink) + "\n";
        if (sink.framing != Framing::lines) out += framing_line(sink);
    }
    return out;
}

std::string mixed_framing(const Checkpoint& found, const PipelineConfig& ours) {
    for (const SinkSettings& sink : ours.sinks) {
        const std::string name = identity_of(sink);
        const auto at =
            std::find_if(found.sinks.begin(), found.sinks.end(),
                         [&](const CheckpointSink& known) { return known.sink == name; });
        if (!sink.kind->writes(sink) || at == found.sinks.end() || at->mark == 0) continue;
        if (!has_line(found.pipeline, "sink " + name + "\n")) continue;  // Nothing is known of it.
        const Framing was = framing_in(found, sink);
        if (was == sink.framing) continue;
        return fmt::format(
            "sink \"{}\" has written {} to {} so far, and with this config it would write {}; "
            "nothing was changed. Set framing = \"{}\" for it, or another path",
            sink.name, codec::framing_name(was), sink.kind->writes(sink)->path,
            codec::framing_name(sink.framing), codec::framing_name(was));
    }
    return {};
}

bool continues(std::string_view found, std::string_view ours) {
    return shares_line(found, ours, "source ") && shares_line(found, ours, "sink ");
}

}  // namespace holdfast::io

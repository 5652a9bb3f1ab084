// See config_checks.hpp.
#include "io/cli/config_checks.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "core/engine/pressure.hpp"
#include "io/component/registry.hpp"
#include "io/runner/transforms.hpp"
#include "io/units.hpp"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;
using namespace io;

// The same file under another name (a symbolic link on the way) is the same file.
std::string resolved(const std::string& path) {
    std::error_code error;
    const fs::path real = fs::weakly_canonical(path, error);
    return error ? path : real.string();
}

// Both ends of a name clash matter: the reader must find the other one.
std::string at(const Place& place) {
    if (!place.flag.empty()) return place.flag;
    return fmt::format("line {}", place.line);
}

struct Output {
    std::string owner;
    std::string path;
    std::string real;
    Place place;
};

std::vector<Output> outputs_of(const Parts& parts, const PipelineConfig& config) {
    std::vector<Output> outputs;
    for (std::size_t i = 0; i < config.sinks.size(); ++i) {
        const SinkSettings& sink = config.sinks[i];
        const std::optional<PathClaim> writes = sink.kind->writes(sink);
        if (!writes) continue;
        outputs.push_back({fmt::format("sink \"{}\"", sink.name), writes->path,
                           resolved(writes->path), parts.sinks[i].values.at(writes->key).place});
    }
    const std::string& dead = config.dead_letters.path;
    if (!dead.empty())
        outputs.push_back(
            {"[dead_letters]", dead, resolved(dead), parts.dead_letters.at("path").place});
    return outputs;
}

/// Would this pattern of the source read the output, under one of its names?
bool reads(const SourceSettings& source, const PathClaim& claim, const Output& output) {
    return source.kind->reads(source, claim.path, output.path) ||
           source.kind->reads(source, claim.path, output.real);
}

void check_sink(const Parts& parts, const PipelineConfig& config, std::size_t i, Reader& reader) {
    const SinkSettings& sink = config.sinks[i];
    const Values& values = parts.sinks[i].values;
    if (values.at("on_parse_error").given && !is_encoded(config, sink))
        reader.problem(values.at("on_parse_error").place,
                       "on_parse_error is set, but this sink converts nothing; expected framing = "
                       "\"json\", or \"msgpack\" and inputs that are lines, or no such key");
    const Values& retry = values.section("retry");
    if (sink.retry.backoff_initial > sink.retry.backoff_max)
        reader.problem(retry.at("initial_backoff").place,
                       fmt::format("initial_backoff ({}) is above max_backoff ({}); expected at "
                                   "most as much",
                                   format_duration(sink.retry.backoff_initial),
                                   format_duration(sink.retry.backoff_max)));
    const Value& bytes = values.section("batch").at("max_bytes");
    if (bytes.given && sink.batch_bytes > config.memory_limit / 2)
        reader.problem(bytes.place,
                       fmt::format("batch.max_bytes ({}) is above half of "
                                   "engine.memory_limit ({}); expected at most {}",
                                   format_size(sink.batch_bytes), format_size(config.memory_limit),
                                   format_size(config.memory_limit / 2)));
    if (!values.type.empty()) sink.kind->check(sink, values, reader.complain());
}

/// What only lines can do.
void check_framing(const PipelineConfig& config, const SourceSettings& source, const Values& values,
                   Reader& reader) {
    const std::string_view framing = codec::framing_name(source.framing);
    if (source.framing == Framing::lines) {
        if (values.at("on_parse_error").given && config.mode != RunMode::parsed)
            reader.problem(values.at("on_parse_error").place,
                           "on_parse_error is set, but a source of lines parses nothing; expected "
                           "on_error in a transform, engine.mode = \"parsed\", or another framing");
        return;
    }
    if (source.on_oversized == Oversize::split)
        reader.problem(values.at("on_oversized").place,
                       fmt::format("on_oversized is \"split\", but pieces of a record are no "
                                   "records with framing \"{}\"; expected \"dead_letter\" or "
                                   "\"stop\"",
                                   framing));
}

/// Between the two thresholds there must be a band, or reading would stop and go at each sample.
void check_regulation(const Parts& parts, const PipelineConfig& config, Reader& reader) {
    const RegulationSettings& r = config.regulation;
    if (band_is_valid(r.pause_permille, r.resume_permille)) return;
    const Value& resume = parts.engine.at("resume_percent");
    const Value& pause = parts.engine.at("pause_percent");
    reader.problem(
        resume.given ? resume.place : pause.place,
        fmt::format("resume_percent ({}.{}) is not below pause_percent ({}.{}); expected "
                    "less",
                    r.resume_permille / 10, r.resume_permille % 10, r.pause_permille / 10,
                    r.pause_permille % 10));
}

}  // namespace

/// The data directory is written all the time: it is nobody's input and nobody's output.
void check_data_dir(const Parts& parts, const PipelineConfig& config,
                    const std::vector<Output>& outputs, Reader& reader) {
    std::vector<Output> own;
    std::vector<std::string> names{"lock", "checkpoint.a", "checkpoint.b", "checkpoint.new",
                                   "last_words"};
    for (const SinkSettings& sink : config.sinks)
        names.push_back("set_aside/" + sink.name + ".0.1");
    for (const std::string& name : names) {
        const std::string path = config.data_dir + "/" + name;
        own.push_back({{}, path, resolved(path), {}});
    }
    for (const Output& output : outputs)
        for (const Output& file : own)
            if (output.real == file.real)
                reader.problem(output.place, fmt::format("{} is a file of data_dir; expected "
                                                         "another one",
                                                         in_quotes(output.path)));
    for (std::size_t i = 0; i < config.sources.size(); ++i) {
        const SourceSettings& source = config.sources[i];
        for (const PathClaim& claim : source.kind->reads(source)) {
            const auto found = std::find_if(own.begin(), own.end(), [&](const Output& file) {
                return reads(source, claim, file);
            });
            if (found == own.end()) continue;
            reader.problem(parts.sources[i].values.at(claim.key).place,
                           fmt::format("{} {} matches {}, a file of data_dir; expected a pattern "
                                       "that doesn't, or another data_dir",
                                       claim.key, in_quotes(claim.path), in_quotes(found->path)));
        }
    }
}

/// Who includes a whole folder doesn't mean the pipeline that stands in it.
void check_config_file(const Parts& parts, const PipelineConfig& config, Reader& reader) {
    if (config.file.empty()) return;
    const std::string path = fs::absolute(config.file).lexically_normal().string();
    const Output own{{}, path, resolved(path), {}};
    for (std::size_t i = 0; i < config.sources.size(); ++i)
        for (const PathClaim& claim : config.sources[i].kind->reads(config.sources[i]))
            if (reads(config.sources[i], claim, own))
                reader.problem(parts.sources[i].values.at(claim.key).place,
                               fmt::format("{} {} matches this config file; expected a pattern "
                                           "that doesn't, or exclude = [{}]",
                                           claim.key, in_quotes(claim.path), in_quotes(path)));
}

/// One listens at an address, and what a sink sends does not come back in.
void check_addresses(const Parts& parts, const PipelineConfig& config, Reader& reader) {
    for (std::size_t i = 0; i < config.sources.size(); ++i) {
        const SourceSettings& source = config.sources[i];
        const auto listens = source.kind->listens(source);
        if (!listens) continue;
        for (std::size_t j = 0; j < i; ++j) {
            const auto other = config.sources[j].kind->listens(config.sources[j]);
            if (other && other->meets(*listens))
                reader.problem(
                    parts.sources[i].values.at(listens->key).place,
                    fmt::format("source \"{}\" listens at {} already; expected "
                                "another {}",
                                config.sources[j].name, other->address.text(), listens->key));
        }
        for (std::size_t j = 0; j < config.sinks.size(); ++j) {
            const auto connects = config.sinks[j].kind->connects(config.sinks[j]);
            if (connects && connects->meets(*listens))
                reader.problem(parts.sinks[j].values.at(connects->key).place,
                               fmt::format("source \"{}\" listens at {}, so that records would go "
                                           "round for ever; expected the {} of somebody else",
                                           source.name, listens->address.text(), connects->key));
        }
    }
}

void check_paths(const Parts& parts, const PipelineConfig& config, Reader& reader) {
    const std::vector<Output> outputs = outputs_of(parts, config);
    check_data_dir(parts, config, outputs, reader);
    check_config_file(parts, config, reader);
    check_addresses(parts, config, reader);
    std::error_code error;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        const Output& output = outputs[i];
        for (std::size_t j = 0; j < i; ++j)
            if (outputs[j].real == output.real ||
                fs::equivalent(outputs[j].real, output.real, error))
                reader.problem(output.place,
                               fmt::format("{} writes to the same file as {} ({}); expected a "
                                           "file of its own",
                                           output.owner, outputs[j].owner, at(outputs[j].place)));
        if (output.path.back() == '/' || fs::is_directory(output.path, error))
            reader.problem(output.place,
                           fmt::format("{} is a folder; expected a file", in_quotes(output.path)));
        else if (resolved(fs::absolute(config.file).string()) == output.real)
            reader.problem(output.place, fmt::format("{} would overwrite this config file; "
                                                     "expected another file",
                                                     output.owner));
        for (const SourceSettings& source : config.sources)
            for (const PathClaim& claim : source.kind->reads(source))
                if (reads(source, claim, output))
                    reader.problem(output.place,
                                   fmt::format("{} is matched by {} of source \"{}\", which "
                                               "would read its own output for ever; expected a "
                                               "path outside of {}",
                                               in_quotes(output.path), claim.key, source.name,
                                               in_quotes(claim.path)));
    }
}

void check_settings(const Parts& parts, const PipelineConfig& config, Reader& reader) {
    const auto only_one = [&](const std::vector<Named>& all, std::string_view type,
                              std::string_view what) {
        const Named* first = nullptr;
        for (const Named& part : all) {
            if (part.values.type != type) continue;
            if (first)
                reader.problem(part.values.at("type").place,
                               fmt::format("\"{}\" is a second {} of type \"{}\", after \"{}\"; "
                                           "expected at most one",
                                           part.name, what, type, first->name));
            else
                first = &part;
        }
    };
    for (const SourceKind* kind : source_kinds())
        if (kind->is_single()) only_one(parts.sources, kind->name(), "source");
    for (const SinkKind* kind : sink_kinds())
        if (kind->is_single()) only_one(parts.sinks, kind->name(), "sink");
    for (std::size_t i = 0; i < config.sources.size(); ++i) {
        const SourceSettings& source = config.sources[i];
        const Values& values = parts.sources[i].values;
        check_framing(config, source, values, reader);
        if (!values.type.empty()) source.kind->check(source, values, reader.complain());
        const Value& max_line = values.at("max_line");
        if (max_line.given && source.max_line > config.memory_limit / 4)
            reader.problem(
                max_line.place,
                fmt::format("max_line ({}) is above a quarter of engine.memory_limit "
                            "({}); expected at most {}",
                            format_size(source.max_line), format_size(config.memory_limit),
                            format_size(config.memory_limit / 4)));
    }
    check_regulation(parts, config, reader);
    if (config.on_crash == OnCrash::dead_letter && !config.dead_letters.present)
        reader.problem(parts.engine.at("on_crash").place,
                       "on_crash is \"dead_letter\" and there is no [dead_letters]; expected that "
                       "section, or on_crash = \"stop\"");
    for (std::size_t i = 0; i < config.sinks.size(); ++i) check_sink(parts, config, i, reader);
    check_permissions(parts.dead_letters.at("mode"), reader.complain());
    const RetryConfig& retry = config.dead_letters.retry;
    if (retry.backoff_initial > retry.backoff_max)
        reader.problem(parts.dead_letters.section("retry").at("initial_backoff").place,
                       "initial_backoff is above max_backoff; expected at most as much");
}

}  // namespace holdfast::cli

// `holdfast validate`: what a config promises, in sentences; or as JSON what it comes to.
#include <fmt/core.h>
#include <unistd.h>

#include <filesystem>

#include "core/engine/owned.hpp"
#include "io/cli/commands.hpp"
#include "io/cli/config.hpp"
#include "io/cli/config_flow.hpp"
#include "io/cli/effective.hpp"
#include "io/component/kind.hpp"
#include "io/json.hpp"
#include "io/printable.hpp"
#include "io/runner/process_memory.hpp"
#include "io/runner/transforms.hpp"
#include "io/units.hpp"

namespace holdfast::cli {
namespace {

using namespace io;

class Report {
public:
    explicit Report(const std::string& color) : color_(wants_color(color, STDOUT_FILENO)) {}
    void good(const std::string& text) const { line("32", "\u221a", text); }
    void warn(const std::string& text) const { line("33", "~", text); }
    void bad(const std::vector<std::string>& lines) const {
        line("31", "x", lines.front());
        for (std::size_t i = 1; i < lines.size(); ++i) fmt::print("  {}\n", printable(lines[i]));
    }

private:
    void line(const char* code, const char* sign, const std::string& text) const {
        if (color_)
            fmt::print("\x1b[{}m{}\x1b[0m {}\n", code, sign, printable(text));
        else
            fmt::print("{} {}\n", sign, printable(text));
    }
    bool color_;
};

/// Whom the sink takes from, where there are transforms.
std::string fed_by(const PipelineConfig& pipeline, const SinkSettings& sink) {
    if (pipeline.transforms.empty()) return {};
    std::string inputs;
    for (const flow::From& from : sink.from)
        inputs += (inputs.empty() ? "" : ", ") + input_name(pipeline, from);
    return " from " + inputs;
}

/// `transform shape: jq from keep; program: native`.
std::string describe(const PipelineConfig& pipeline, const TransformSettings& transform) {
    std::string inputs;
    for (const flow::From& from : transform.node.inputs)
        inputs += (inputs.empty() ? "" : ", ") + input_name(pipeline, from);
    std::string out =
        fmt::format("transform {}: {} from {}", transform.node.name, type_name(transform), inputs);
    for (std::size_t i = 0; i < transform.rules.size(); ++i)
        out += fmt::format("; {} if {}", transform.rules[i].drops() ? "drops" : "rejects",
                           transform.rule_texts[i]);
    if (transform.format) out += "; " + text::text_of(*transform.format);
    if (transform.parse) out += "; " + text::text_of(*transform.parse);
    for (std::size_t i = 0; i < transform.texts.size(); ++i)
        out += fmt::format("; {} {}",
                           i < transform.meta.size()      ? transform.meta[i] + ":"
                           : i < transform.outputs.size() ? transform.outputs[i] + ":"
                                                          : "runs",
                           program_engine(transform, transform.texts[i]));
    return out;
}

/// `; each element of the JSON array is a record, as a line of JSON for out`.
std::string framing_text(const PipelineConfig& pipeline, std::uint32_t index) {
    const SourceSettings& source = pipeline.sources[index];
    if (source.framing == Framing::lines && !is_decoded(pipeline, index)) return {};
    std::string out =
        source.framing == Framing::lines ? ""
        : source.framing == Framing::json
            ? "; a line holds a record with key, headers and timestamp"
        : source.framing == Framing::json_array ? "; a record is an element of the JSON array"
        : source.framing == Framing::length     ? "; a record is a payload behind its size"
                                                : "; a record is a MsgPack value";
    const char* const policy =
        source.on_parse_error == flow::OnError::dead_letter ? "becomes a dead letter"
        : source.on_parse_error == flow::OnError::drop      ? "is dropped and counted"
                                                            : "stops the pipeline";
    if (is_decoded(pipeline, index))
        out += fmt::format("{}; what cannot be parsed {}",
                           source.framing == Framing::lines       ? ", parsed before all else"
                           : codec::has_any_bytes(source.framing) ? ", taken out of it"
                                                                  : ", made a line of JSON",
                           policy);
    return out;
}

std::string framing_text(const PipelineConfig& pipeline, const SinkSettings& sink) {
    if (!sink.kind->traits(sink).keeps) return {};
    if (sink.framing == Framing::json)
        return "; each record with key, headers and timestamp as a line of JSON";
    if (sink.framing == Framing::length) return "; each payload behind its size of 4 bytes";
    if (sink.framing == Framing::lines)
        return is_encoded(pipeline, sink)
                   ? "; each payload as a line, JSON without newlines between its tokens"
                   : "";
    return is_encoded(pipeline, sink) ? "; lines of JSON are made MsgPack"
                                      : "; MsgPack as it came, byte for byte";
}

void report_components(const PipelineConfig& pipeline, const Report& report) {
    for (std::uint32_t i = 0; i < pipeline.sources.size(); ++i) {
        const SourceSettings& source = pipeline.sources[i];
        report.good(fmt::format("source {}: {}{}", source.name, source.kind->words(source),
                                framing_text(pipeline, i)));
    }
    for (const TransformSettings& transform : pipeline.transforms)
        report.good(describe(pipeline, transform));
    for (const SinkSettings& sink : pipeline.sinks)
        report.good(fmt::format("sink {}: {}{}{}", sink.name, sink.kind->words(sink),
                                fed_by(pipeline, sink), framing_text(pipeline, sink)));
    if (pipeline.dead_letters.present)
        report.good(fmt::format("dead letters: file {}", pipeline.dead_letters.path));
    report.good(fmt::format("state: {}", pipeline.data_dir));
    const ProcessMemory memory = process_memory(pipeline);
    report.good(fmt::format("memory: at most {} ({}), and {} for each file that matches",
                            format_size(memory.total()), text_of(memory),
                            format_size(per_file_bytes)));
}

struct Files {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
};

Files files_in(const std::string& folder) {
    std::error_code error, unsized;
    Files files;
    for (auto at = std::filesystem::directory_iterator(folder, error);
         !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        ++files.count;
        const std::uintmax_t size = at->file_size(unsized);
        if (!unsized) files.bytes += size;
    }
    return files;
}

}  // namespace

int validate_command(const ValidateCommand& command) {
    const ConfigResult loaded = load_config(command.file, command.set);
    const PipelineConfig& pipeline = loaded.config;
    const bool good = loaded.problems.empty();
    if (command.json) {
        fmt::print("{}\n", effective_json(loaded));
        return good ? exit_done : exit_config;
    }
    const Report report(command.terminal.color);
    if (!good) {
        for (const std::string& problem : loaded.problems) report.bad(lines_of_problem(problem));
        return exit_config;
    }
    report_components(pipeline, report);
    for (const std::string& note : loaded.notes) report.warn(note);
    for (const std::string& warning : warnings(pipeline)) report.warn(warning);
    if (const Files aside = files_in(pipeline.data_dir + "/set_aside"); aside.count > 0)
        report.warn(fmt::format(
            "{}/set_aside has {} file{} ({}) with bytes that were in outputs and "
            "did not come again, or are somebody else's: deliver from them what "
            "is missing, then delete them (docs/configuration.md)",
            pipeline.data_dir, aside.count, aside.count == 1 ? "" : "s", format_size(aside.bytes)));
    for (const SinkSettings& sink : pipeline.sinks)
        for (std::uint32_t input : sink.inputs)
            fmt::print("  {} -> {}: {}\n", pipeline.sources[input].name, sink.name,
                       guarantee(pipeline, pipeline.sources[input], sink));
    return exit_done;
}

}  // namespace holdfast::cli

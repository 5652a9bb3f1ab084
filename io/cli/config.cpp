// See config.hpp.
#include "io/cli/config.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <tuple>

#include "io/cli/config_checks.hpp"
#include "io/cli/config_flow.hpp"
#include "io/cli/reader.hpp"
#include "io/component/registry.hpp"
#include "io/memory_guard.hpp"
#include "io/printable.hpp"
#include "io/runner/engine_config.hpp"
#include "io/runner/process_memory.hpp"
#include "io/units.hpp"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;
using namespace io;

constexpr std::size_t transforms_limit = 64;

bool good_name(std::string_view name) {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), good);
}

// [sources.a], [sources.b]: each a table with a good name. In the order of the file.
std::vector<Named> read_parts(Reader& reader, const toml::table& root, const Section& section,
                              const std::string& group, std::size_t limit) {
    std::vector<Named> parts;
    const toml::node* node = root.get(group);
    const auto* tables = node ? node->as_table() : nullptr;
    const Place group_place = node ? reader.place(node->source(), {group}) : Place{{}, 1, 1};
    if (!tables || tables->empty()) {
        reader.problem(group_place, fmt::format("there is no [{0}.NAME]; expected at least one, "
                                                "such as [{0}.{1}]",
                                                group,
                                                group == "sources"      ? "in"
                                                : group == "transforms" ? "keep"
                                                                        : "out"));
        return parts;
    }
    for (auto&& [key, inner] : *tables) {
        const std::vector<std::string> path{group, std::string(key.str())};
        const Place place = reader.place(key.source(), path);
        const std::string_view name = key.str();
        if (!good_name(name))
            reader.problem(place, fmt::format("{} is not a name; expected at most 64 letters, "
                                              "digits, _ and -",
                                              in_quotes(name)));
        else if (!inner.is_table())
            reader.problem(place, fmt::format("{}.{} is not a table; expected [{}.{}]", group, name,
                                              group, name));
        else
            parts.push_back(
                {std::string(name), reader.read(section, inner.as_table(), path, place)});
    }
    std::sort(parts.begin(), parts.end(), [](const Named& a, const Named& b) {
        return std::tie(a.values.place.line, a.values.place.column, a.name) <
               std::tie(b.values.place.line, b.values.place.column, b.name);
    });
    if (parts.size() > limit) {
        reader.problem(group_place, fmt::format("there are {} {}; expected at most {}",
                                                parts.size(), group, limit));
        parts.resize(limit);
    }
    return parts;
}

RetryConfig retry_of(const Values& values) {
    return {.attempts_max = static_cast<std::uint32_t>(values.number("max_attempts")),
            .backoff_initial = Duration{values.number("initial_backoff")},
            .backoff_max = Duration{values.number("max_backoff")}};
}

Framing framing_of(const std::string& text) {
    return text == "json_array" ? Framing::json_array
           : text == "msgpack"  ? Framing::msgpack
           : text == "json"     ? Framing::json
           : text == "length"   ? Framing::length
                                : Framing::lines;
}

/// What the values say of a part of this kind; of one without a good type nothing is known.
template <class AnyKind>
std::shared_ptr<const KindSettings> own_of(const AnyKind& kind, const Values& values,
                                           const fs::path& folder) {
    return kind.settings(values.type.empty() ? nullptr : &values, folder);
}

SourceSettings source_of(const Named& part, const fs::path& folder) {
    const Values& values = part.values;
    SourceSettings out;
    out.name = part.name;
    out.kind = values.type.empty() ? source_kinds().front() : source_kind(values.type);
    out.own = own_of(*out.kind, values, folder);
    out.max_line = static_cast<std::uint64_t>(values.number("max_line"));
    const std::string& policy = values.text("on_oversized");
    out.on_oversized = policy == "split"  ? Oversize::split
                       : policy == "stop" ? Oversize::stop
                                          : Oversize::dead_letter;
    out.framing = framing_of(values.text("framing"));
    out.on_parse_error = policy_of(values.text("on_parse_error"));
    return out;
}

InjectSettings inject_of(const Value& value) {
    InjectSettings out;
    const Values& values = *value.section;
    out.present = value.given;
    out.fail_permille = static_cast<std::uint32_t>(values.number("fail_percent"));
    out.throttle_permille = static_cast<std::uint32_t>(values.number("throttle_percent"));
    out.ambiguous_permille = static_cast<std::uint32_t>(values.number("ambiguous_percent"));
    out.refuse_permille = static_cast<std::uint32_t>(values.number("refuse_percent"));
    out.sync_fail_permille = static_cast<std::uint32_t>(values.number("sync_fail_percent"));
    out.latency = Duration{values.number("latency")};
    out.seed = static_cast<std::uint64_t>(values.number("seed"));
    return out;
}

SinkSettings sink_of(const Named& part, const fs::path& folder) {
    const Values& values = part.values;
    SinkSettings out;
    out.name = part.name;
    out.kind = values.type.empty() ? sink_kinds().front() : sink_kind(values.type);
    out.own = own_of(*out.kind, values, folder);
    out.framing = framing_of(values.text("framing"));
    out.on_parse_error = policy_of(values.text("on_parse_error"));
    out.on_transient =
        values.text("on_transient") == "stop" ? OnTransient::stop : OnTransient::retry;
    out.when_full =
        values.text("when_full") == "drop_newest" ? WhenFull::drop_newest : WhenFull::block;
    out.retry = retry_of(values.section("retry"));
    const Values& batch = values.section("batch");
    out.batch_records = static_cast<std::uint32_t>(batch.number("max_records"));
    out.batch_bytes = static_cast<std::uint64_t>(batch.number("max_bytes"));
    out.batch_timeout = Duration{batch.number("timeout")};
    out.timeout = Duration{values.number("timeout")};
    out.inject = inject_of(values.at("inject"));
    return out;
}

RegulationSettings regulation_of(const Values& engine) {
    RegulationSettings out;
    const std::string& profile = engine.text("governor");
    out.governor = governor_of(profile == "throughput"    ? GovernorProfile::throughput
                               : profile == "low_latency" ? GovernorProfile::low_latency
                                                          : GovernorProfile::balanced);
    out.governor.on = profile != "off";
    out.pause_permille = static_cast<std::uint32_t>(engine.number("pause_percent"));
    out.resume_permille = static_cast<std::uint32_t>(engine.number("resume_percent"));
    out.max_hold = Duration{engine.number("max_hold")};
    out.process_limit = static_cast<std::uint64_t>(engine.number("process_limit"));
    return out;
}

void note_places(const std::string& group, const std::vector<Named>& parts, ConfigResult& result) {
    for (const Named& part : parts)
        for (const auto& [key, value] : part.values.values)
            result.places[fmt::format("{}.{}.{}", group, part.name, key)] = value.place;
}

// The whole document into `config`, problems on the way.
void build(const Document& document, const fs::path& folder, ConfigResult& result, Reader& reader) {
    PipelineConfig& config = result.config;
    const Values root = reader.read(root_section(), &document.root, {}, {{}, 1, 1});
    Parts parts;
    parts.sources = read_parts(reader, document.root, source_section(), "sources", sources_limit);
    if (document.root.contains("transforms"))
        parts.transforms =
            read_parts(reader, document.root, transform_section(), "transforms", transforms_limit);
    parts.sinks = read_parts(reader, document.root, sink_section(), "sinks", sinks_limit);
    parts.dead_letters = root.section("dead_letters");

    const Values& engine = root.section("engine");
    parts.engine = engine;
    config.memory_limit = static_cast<std::uint64_t>(engine.number("memory_limit"));
    config.transform_threads = static_cast<std::uint32_t>(engine.number("transform_threads"));
    config.memory_limit_given = engine.at("memory_limit").given;
    config.regulation = regulation_of(engine);
    config.commit_interval = Duration{engine.number("commit_interval")};
    config.commit_records = static_cast<std::uint64_t>(engine.number("commit_records"));
    config.commit_bytes = static_cast<std::uint64_t>(engine.number("commit_bytes"));
    config.commit_attempts = static_cast<std::uint32_t>(engine.number("commit_attempts"));
    const auto mode = engine.text("mode");
    config.mode = mode == "streaming"  ? RunMode::streaming
                  : mode == "governed" ? RunMode::governed
                  : mode == "parsed"   ? RunMode::parsed
                                       : RunMode::whole;
    config.slice_bytes = static_cast<std::uint32_t>(engine.number("slice_bytes"));
    config.shutdown_timeout = Duration{engine.number("shutdown_timeout")};
    config.on_crash =
        engine.text("on_crash") == "dead_letter" ? OnCrash::dead_letter : OnCrash::stop;
    config.data_dir = root.at("data_dir").given ? absolute_path(folder, root.text("data_dir"))
                                                : absolute_path(folder, ".holdfast/" + config.name);
    for (const Named& part : parts.sources) config.sources.push_back(source_of(part, folder));
    for (const Named& part : parts.transforms)
        config.transforms.push_back(transform_of(part, folder));
    for (const Named& part : parts.sinks) config.sinks.push_back(sink_of(part, folder));
    config.dead_letters.present = root.at("dead_letters").given;
    config.dead_letters.path = absolute_path(folder, parts.dead_letters.text("path"));
    config.dead_letters.mode =
        parse_mode(parts.dead_letters.text("mode")).value_or(config.dead_letters.mode);
    config.dead_letters.retry = retry_of(parts.dead_letters.section("retry"));

    note_places("sources", parts.sources, result);
    note_places("transforms", parts.transforms, result);
    note_places("sinks", parts.sinks, result);
    resolve_inputs(parts, config, reader);
    read_rules(parts, config, reader);
    check_programs(parts, config, reader);
    check_text(parts, config, reader);
    check_meta(parts, config, reader);
    check_paths(parts, config, reader);
    check_settings(parts, config, reader);
    result.tests = read_tests(root.at("tests"), config, reader);
}

std::string with_place(const std::string& file, const Problem& problem) {
    if (!problem.place.flag.empty()) return fmt::format("{}: {}", problem.place.flag, problem.what);
    if (problem.place.line == 0) return fmt::format("{}: {}", file, problem.what);
    return fmt::format("{}({},{}): {}", file, problem.place.line, problem.place.column,
                       problem.what);
}

std::vector<std::string> in_order(const std::string& file, const std::vector<Problem>& problems) {
    std::multimap<std::pair<std::uint32_t, std::uint32_t>, const Problem*> sorted;
    for (const Problem& problem : problems)
        sorted.emplace(std::pair(problem.place.line, problem.place.column), &problem);
    std::vector<std::string> out;
    for (const auto& [place, problem] : sorted) {
        std::string& text = out.emplace_back(printable(with_place(file, *problem)));
        std::string_view shown = problem->shown;
        while (!shown.empty()) {
            const std::size_t end = std::min(shown.find('\n'), shown.size());
            text += "\n    " + printable(shown.substr(0, end));
            shown.remove_prefix(std::min(end + 1, shown.size()));
        }
    }
    return out;
}

// What cannot hold is refused: see io/runner/process_memory.hpp.
void check_memory(ConfigResult& result) {
    if (!result.problems.empty()) return;
    PipelineConfig& config = result.config;
    const MemoryLimit limit = find_memory_limit(config.regulation.process_limit);
    // Without a memory_limit in the config: what fits beside the rest of the process.
    if (!config.memory_limit_given)
        config.memory_limit = fitting_memory_limit(config, room_below(limit));
    const ProcessMemory memory = process_memory(config);
    // A process_limit of the config does not make the machine larger.
    const MemoryLimit machine = find_memory_limit(0);
    const MemoryLimit& least = machine.most < limit.most ? machine : limit;
    if (memory.total() <= least.most) return;
    result.problems.push_back(fmt::format(
        "{}: this pipeline may need {} ({}), and the process may have {} ({}); expected a smaller "
        "engine.memory_limit, max_line, transform_threads or cache.num_events, or a larger "
        "engine.process_limit",
        result.config.file, format_size(memory.total()), text_of(memory), format_size(least.most),
        text_of(least)));
}

}  // namespace

ConfigResult parse_config(std::string_view text, const std::string& file,
                          const std::vector<std::string>& set) {
    ConfigResult result;
    std::vector<Problem> problems;
    std::vector<Problem> notes;
    const Document document = read_document(text, set, problems);
    Reader reader(document, problems, notes);
    const fs::path path = fs::absolute(file);
    result.config.file = file;
    result.config.name = path.stem().string();
    // After a syntax error the rest is unknown; to complain about it would mislead.
    if (problems.empty()) build(document, path.parent_path(), result, reader);
    if (problems.empty()) {
        const std::string what = check_engine_config(result.config);
        if (!what.empty()) problems.push_back({{}, what});
    }
    result.problems = in_order(file, problems);
    result.notes = in_order(file, notes);
    return result;
}

ConfigResult load_config_of_elsewhere(const std::string& file,
                                      const std::vector<std::string>& set) {
    constexpr std::size_t longest = 4u << 20;
    std::error_code error;
    const auto status = fs::status(file, error);
    ConfigResult result;
    result.config.file = file;
    if (fs::is_directory(status)) {
        result.problems.push_back(
            fmt::format("{}: this is a folder; expected a config file", file));
        return result;
    }
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    // No more than that: what is named may have no end (/dev/zero).
    std::string text(longest + 1, '\0');
    if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (!in.is_open() || in.bad()) {
        result.problems.push_back(
            fmt::format("{}: cannot be read: {}; expected a config file (see holdfast run --help)",
                        file, std::strerror(errno == 0 ? EIO : errno)));
        return result;
    }
    if (text.size() > longest) {
        result.problems.push_back(
            fmt::format("{}: is larger than 4MiB; expected a config file", file));
        return result;
    }
    return parse_config(text, file, set);
}

std::vector<std::string> lines_of_problem(std::string_view problem) {
    std::vector<std::string> out;
    while (!problem.empty()) {
        const std::size_t end = std::min(problem.find('\n'), problem.size());
        out.emplace_back(problem.substr(0, end));
        problem.remove_prefix(std::min(end + 1, problem.size()));
    }
    return out;
}

ConfigResult load_config(const std::string& file, const std::vector<std::string>& set) {
    ConfigResult result = load_config_of_elsewhere(file, set);
    check_memory(result);
    return result;
}

}  // namespace holdfast::cli

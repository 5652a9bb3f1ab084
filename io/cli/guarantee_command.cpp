// `holdfast guarantee`: for each path what holds when something fails, and what is in the way.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "io/cli/commands.hpp"
#include "io/cli/guarantee.hpp"
#include "io/json.hpp"
#include "io/printable.hpp"
#include "io/units.hpp"

namespace holdfast::cli {
namespace {

using namespace io;

constexpr std::array all_promises{Promise::at_least_once, Promise::exactly_once,
                                  Promise::power_loss, Promise::order};

std::string at(const std::string& file, const Place& place) {
    if (!place.flag.empty()) return place.flag;
    return fmt::format("{}({},{})", file, place.line, place.column);
}

/// What becomes of a record when a process is killed.
const char* after_kill(const PathGuarantee& path) {
    return path.holds(Promise::exactly_once)    ? "exactly once"
           : path.holds(Promise::at_least_once) ? "at least once"
                                                : "may be lost";
}

const char* after_power_loss(const PathGuarantee& path) {
    return path.holds(Promise::power_loss) ? after_kill(path) : "may be lost";
}

void print_path(const std::string& file, const PathGuarantee& path) {
    const auto line = [](std::string_view what, std::string_view text) {
        fmt::print("  {:<22}{}\n", what, text);
    };
    fmt::print("{} -> {}\n", path.source, path.sink);
    line("a killed process", after_kill(path));
    line("a power loss", after_power_loss(path));
    line("order", path.holds(Promise::order) ? "kept within a partition" : "not kept");
    line("comes again", path.repeats);
    for (const KeyWeakness& weak : path.weaknesses)
        fmt::print("  ~ {}: {}: {}\n", printable(at(file, weak.place)), printable(weak.key),
                   weak.why);
}

bool is_met(const Guarantees& guarantees, const std::string& required) {
    for (const Promise promise : all_promises)
        if (required == name_of(promise))
            return std::ranges::all_of(
                guarantees.paths, [&](const PathGuarantee& path) { return path.holds(promise); });
    return true;  // bounded-memory: of every config that is accepted.
}

void print_unmet(const std::string& file, const Guarantees& guarantees,
                 const std::string& required) {
    for (const Promise promise : all_promises) {
        if (required != name_of(promise)) continue;
        for (const PathGuarantee& path : guarantees.paths) {
            if (path.holds(promise)) continue;
            const KeyWeakness& weak = path.breaks(promise);
            fmt::print("x {} does not hold from {} to {}: {}: {}: {}\n", required, path.source,
                       path.sink, printable(at(file, weak.place)), printable(weak.key), weak.why);
        }
    }
}

void put_path(Json& json, const PathGuarantee& path) {
    json.begin_object();
    json.field("source", path.source);
    json.field("sink", path.sink);
    json.field("killed_process", after_kill(path));
    json.field("power_loss", after_power_loss(path));
    json.field("repeats", path.repeats);
    json.begin_object("holds");
    for (const Promise promise : all_promises) json.field(name_of(promise), path.holds(promise));
    json.end_object();
    json.begin_list("weaknesses");
    for (const KeyWeakness& weak : path.weaknesses) {
        json.begin_object();
        json.field("breaks", name_of(weak.promise));
        json.field("key", weak.key);
        json.field("line", weak.place.line);
        json.field("column", weak.place.column);
        if (!weak.place.flag.empty()) json.field("flag", weak.place.flag);
        json.field("why", weak.why);
        json.end_object();
    }
    json.end_list();
    json.end_object();
}

std::string as_json(const ConfigResult& result, const Guarantees& guarantees,
                    const std::vector<std::string>& required) {
    Json json;
    json.begin_object();
    json.field("file", result.config.file);
    json.begin_list("paths");
    for (const PathGuarantee& path : guarantees.paths) put_path(json, path);
    json.end_list();
    json.begin_list("stops_at");
    for (const std::string& one : guarantees.stops) json.value(one);
    json.end_list();
    json.field("memory_max", guarantees.memory_max);
    json.begin_object("required");
    for (const std::string& one : required) json.field(one, is_met(guarantees, one));
    json.end_object();
    json.end_object();
    return json.text();
}

void print_all(const ConfigResult& result, const Guarantees& guarantees) {
    for (const PathGuarantee& path : guarantees.paths) print_path(result.config.file, path);
    fmt::print("memory of the process: at most {}\n", format_size(guarantees.memory_max));
    if (guarantees.stops.empty()) return;
    fmt::print("without [dead_letters] a record stops the pipeline, nothing is lost:\n");
    for (const std::string& one : guarantees.stops) fmt::print("  ~ {}\n", printable(one));
}

}  // namespace

int guarantee_command(const GuaranteeCommand& command) {
    const ConfigResult result = load_config(command.file, command.set);
    if (!result.problems.empty() && command.json) {
        Json json;
        json.begin_object();
        json.field("file", command.file);
        json.field("valid", false);
        json.begin_list("problems");
        for (const std::string& problem : result.problems) json.value(problem);
        json.end_list();
        json.end_object();
        fmt::print("{}\n", json.text());
        return exit_config;
    }
    if (!result.problems.empty()) {
        for (const std::string& problem : result.problems)
            for (const std::string& line : lines_of_problem(problem))
                fmt::print(stderr, "{}\n", printable(line));
        return exit_config;
    }
    const Guarantees guarantees = guarantees_of(result);
    const auto met = [&](const std::string& one) { return is_met(guarantees, one); };
    const bool all = std::ranges::all_of(command.required, met);
    if (command.json) {
        fmt::print("{}\n", as_json(result, guarantees, command.required));
        return all ? exit_done : exit_failed;
    }
    print_all(result, guarantees);
    for (const std::string& one : command.required)
        print_unmet(result.config.file, guarantees, one);
    return all ? exit_done : exit_failed;
}

}  // namespace holdfast::cli

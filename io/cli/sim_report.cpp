// A trial's report: for people, for programs, as JUnit.
#include "io/cli/sim_report.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "io/cli/report_file.hpp"
#include "io/json.hpp"
#include "io/printable.hpp"
#include "io/units.hpp"

namespace holdfast::cli {
namespace {

using namespace io;
using sim::Flaw;

constexpr std::size_t sample_max = 160;

std::string at(const std::string& file, const Place& place) {
    if (!place.flag.empty()) return place.flag;
    return fmt::format("{}({},{})", file, place.line, place.column);
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
    return out.empty() ? "none" : out;
}

std::string name_in(const std::vector<std::string>& names, std::uint32_t index) {
    return index < names.size() ? names[index] : std::string();
}

/// "3 from in to out"
std::string where(const SimReport& report, const sim::TrialFinding& of) {
    std::string out;
    const std::string source = name_in(report.sources, of.source);
    const std::string sink = name_in(report.sinks, of.sink);
    if (!source.empty()) out += " from " + source;
    if (!sink.empty())
        out += (of.flaw == Flaw::lost || of.flaw == Flaw::dropped ? " to " : " at ") + sink;
    return out;
}

std::string headline(const SimReport& report, const SimFinding& each) {
    return fmt::format("{}: {}{}, for example {}", name_of(each.of.flaw), each.of.count,
                       where(report, each.of), printable(cut(each.of.what, sample_max)));
}

std::string cause_line(const SimReport& report, const SimFinding& each) {
    if (each.key.empty())
        return "no key of this config explains it: a fault inside holdfast; please report it";
    return fmt::format("{}: {}: {}", printable(at(report.file, each.place)), each.key, each.why);
}

std::string replay(const SimReport& report, const SimFinding& each) {
    return fmt::format("holdfast sim -c {} --seed {}", printable(report.file), each.of.seed);
}

}  // namespace

bool SimReport::holds() const {
    return std::ranges::none_of(findings, [](const SimFinding& each) { return each.counts(); });
}

std::string text_of(const SimReport& report) {
    std::string out = fmt::format(
        "{}: {} seeds, {} processes, {:.1f} seeds/s\n", printable(report.file), report.seeds,
        report.tally.sessions, static_cast<double>(report.seeds) / std::max(report.seconds, 1e-9));
    const auto line = [&](std::string_view what, const std::string& text) {
        out += fmt::format("  {:<18}{}\n", what, text);
    };
    line("records", fmt::format("{} a seed", report.records));
    for (const std::string& origin : report.origins) line("", printable(origin));
    line("faults", joined(report.faults));
    for (const std::string& skipped : report.skipped) line("skipped", skipped);
    for (const std::string& note : report.notes) line("note", printable(note));
    const sim::TrialTally& tally = report.tally;
    line("delivered", format_count(tally.delivered));
    line("dead-lettered", format_count(tally.dead_lettered));
    line("dropped by policy", format_count(tally.dropped));
    line("LOST", format_count(tally.lost));
    line("most repeats", format_count(tally.repeats_most));
    line("peak bytes held", format_size(tally.held_peak));
    line("longest stall",
         fmt::format("{:.1f}s", static_cast<double>(tally.stall_longest.ns) / 1e9));
    for (const SimFinding& each : report.findings) {
        out += fmt::format("{} {}\n", each.counts() ? "x" : "~", headline(report, each));
        out += "    " + cause_line(report, each) + (each.accepted ? " (accepted)\n" : "\n");
        if (each.of.seed > 0) out += "    replay: " + replay(report, each) + "\n";
    }
    return out;
}

std::string json_of(const SimReport& report) {
    Json json;
    json.begin_object();
    json.field("file", report.file);
    json.field("holds", report.holds());
    json.field("seeds", report.seeds);
    json.field("processes", report.tally.sessions);
    json.field("records", report.records);
    const auto list = [&](const char* name, const std::vector<std::string>& texts) {
        json.begin_list(name);
        for (const std::string& text : texts) json.value(text);
        json.end_list();
    };
    list("origins", report.origins);
    list("faults", report.faults);
    list("skipped", report.skipped);
    list("notes", report.notes);
    json.field("delivered", report.tally.delivered);
    json.field("dead_lettered", report.tally.dead_lettered);
    json.field("dropped_by_policy", report.tally.dropped);
    json.field("lost", report.tally.lost);
    json.field("most_repeats", report.tally.repeats_most);
    json.field("peak_bytes_held", report.tally.held_peak);
    json.field("longest_stall_ms", report.tally.stall_longest.ns / 1'000'000);
    json.begin_list("findings");
    for (const SimFinding& each : report.findings) {
        json.begin_object();
        json.field("what", name_of(each.of.flaw));
        json.field("invariant", invariant_of(each.of.flaw));
        json.field("count", each.of.count);
        json.field("source", name_in(report.sources, each.of.source));
        json.field("sink", name_in(report.sinks, each.of.sink));
        json.field("example", each.of.what);
        json.field("seed", each.of.seed);
        json.field("key", each.key);
        json.field("line", each.place.line);
        json.field("column", each.place.column);
        if (!each.place.flag.empty()) json.field("flag", each.place.flag);
        json.field("why", each.why);
        json.field("accepted", each.accepted);
        json.field("fails", each.counts());
        json.end_object();
    }
    json.end_list();
    json.end_object();
    return json.text() + "\n";
}

/// A case for each sink, and one for all that is of none.
std::string junit_of(const SimReport& report) {
    std::string cases;
    std::size_t failed = 0;
    std::vector<std::string> names = report.sinks;
    names.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::string failures;
        for (const SimFinding& each : report.findings) {
            const bool is_here =
                i + 1 < names.size() ? each.of.sink == i : each.of.sink >= report.sinks.size();
            if (!is_here || !each.counts()) continue;
            failures += fmt::format("<failure message=\"{}\">{}\n{}\n</failure>",
                                    xml(headline(report, each)), xml(cause_line(report, each)),
                                    xml(replay(report, each)));
        }
        failed += failures.empty() ? 0 : 1;
        const std::string name = names[i].empty() ? "the pipeline" : "sink " + names[i];
        cases += fmt::format("    <testcase name=\"{}\" classname=\"{}\" file=\"{}\"", xml(name),
                             xml(report.file), xml(report.file));
        cases += failures.empty() ? "/>\n" : ">" + failures + "</testcase>\n";
    }
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites tests=\"{0}\" failures=\"{1}\" errors=\"0\">\n"
        "  <testsuite name=\"{2}\" tests=\"{0}\" failures=\"{1}\" errors=\"0\">\n"
        "{3}  </testsuite>\n</testsuites>\n",
        names.size(), failed, xml(report.file), cases);
}

}  // namespace holdfast::cli

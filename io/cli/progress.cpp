// See progress.hpp.
#include "io/cli/progress.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "io/component/kind.hpp"
#include "io/json.hpp"
#include "io/units.hpp"

namespace holdfast::cli {
namespace {

using namespace io;

constexpr Duration redraw_interval = milliseconds(200);
constexpr Duration plain_interval = seconds(5);
constexpr double rate_seconds = 3;  ///< How far back a rate looks, about.

std::uint64_t records_in(const PipelineConfig& pipeline, const Stats& stats) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < pipeline.sources.size(); ++i) sum += stats.source[i].records;
    return sum;
}

std::uint64_t bytes_in(const PipelineConfig& pipeline, const Stats& stats) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < pipeline.sources.size(); ++i) sum += stats.source[i].bytes;
    return sum;
}

std::string short_time(double seconds) {
    if (seconds < 60) return fmt::format("{:.0f}s", seconds);
    const auto whole = static_cast<std::uint64_t>(std::min(seconds, 1e9));
    if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
    return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

struct Sum {
    std::uint64_t in = 0, delivered = 0, parked = 0, dropped = 0, there = 0, unfinished = 0;
    std::uint64_t again = 0;  ///< Owed when a life ended that was begun again.
};

// Whether all that reaches the sink comes to it as it was read.
bool is_direct(const SinkSettings& sink) {
    return std::all_of(sink.from.begin(), sink.from.end(),
                       [](const flow::From& from) { return from.source; });
}

// Of one sink, over the records of the sources that feed it.
Sum sum_of(const PipelineConfig& pipeline, const Stats& stats, std::size_t i) {
    const SinkStats& sink = stats.sink[i];
    Sum sum;
    if (!is_direct(pipeline.sinks[i])) {
        // What transforms made for it; they have a balance of their own.
        sum.in = sink.admitted;
        sum.delivered = sink.delivered;
        sum.parked = sink.parked;
        sum.dropped = sink.dropped;
        sum.unfinished = sink.owed;
        return sum;
    }
    for (std::uint32_t input : pipeline.sinks[i].inputs) sum.in += stats.source[input].records;
    sum.delivered = sink.delivered;
    sum.parked = sink.parked;
    sum.dropped = sink.dropped;
    sum.unfinished = sink.owed;
    sum.again = sink.forgotten;
    // What the sink was never given: its lead in the checkpoint covered it, or the record itself
    // became a dead letter, or it still waited for room when the pipeline ended.
    sum.there = sum.in > sink.admitted ? sum.in - sink.admitted : 0;
    // Dead letters of no sink: lines over the size limit. No sink was given them.
    std::uint64_t of_none = stats.dead_letters;
    for (std::size_t s = 0; s < pipeline.sinks.size(); ++s)
        of_none -= std::min(of_none, stats.sink[s].parked);
    const std::uint64_t too_long = std::min(of_none, sum.there);
    sum.parked += too_long;
    sum.there -= too_long;
    return sum;
}

}  // namespace

Progress::Progress(const PipelineConfig& pipeline, Terminal& terminal, Mode mode)
    : pipeline_(pipeline), terminal_(terminal), mode_(mode), sinks_(pipeline.sinks.size()) {}

void Progress::Rate::observe(std::uint64_t total, double seconds) {
    // It falls where a pipeline begins again within the process.
    const double now = total < last ? 0 : static_cast<double>(total - last) / seconds;
    const double weight = known ? std::min(1.0, seconds / rate_seconds) : 1.0;
    a_second += (now - a_second) * weight;
    known = known || total > last;
    last = total;
}

void Progress::observe_rates(const Sample& sample) {
    const auto passed = static_cast<double>((sample.now - last_).ns) / 1e9;
    if (passed < 0.05) return;
    last_ = sample.now;
    bytes_in_.observe(bytes_in(pipeline_, *sample.stats), passed);
    for (std::size_t i = 0; i < sinks_.size(); ++i) {
        const SinkStats& sink = sample.stats->sink[i];
        sinks_[i].records.observe(sink.delivered + sink.parked + sink.dropped, passed);
        sinks_[i].bytes.observe(sink.bytes_delivered, passed);
    }
}

double Progress::time_left(const Sample& sample) const {
    const bool finite = std::all_of(pipeline_.sources.begin(), pipeline_.sources.end(),
                                    [](const SourceSettings& s) { return s.kind->is_finite(s); });
    if (!finite || sample.unread < 0) return -1;
    double slowest = 0;
    for (std::size_t i = 0; i < sinks_.size(); ++i) {
        const auto owed = static_cast<double>(sample.stats->sink[i].owed);
        if (owed == 0) continue;
        if (sinks_[i].records.a_second < 0.01) return -1;
        slowest = std::max(slowest, owed / sinks_[i].records.a_second);
    }
    if (sample.unread == 0) return slowest > 0 ? slowest : -1;
    if (bytes_in_.a_second < 1) return -1;
    return slowest + static_cast<double>(sample.unread) / bytes_in_.a_second;
}

std::string Progress::line(const Sample& sample) {
    const Stats& stats = *sample.stats;
    std::string out = fmt::format("in {} ({})", format_count(records_in(pipeline_, stats)),
                                  format_size(bytes_in(pipeline_, stats)));
    std::uint64_t owed = 0, dropped = 0;
    for (std::size_t i = 0; i < pipeline_.sinks.size(); ++i) {
        out +=
            fmt::format(" | {} {}", pipeline_.sinks[i].name, format_count(stats.sink[i].delivered));
        owed = std::max(owed, stats.sink[i].owed);
        dropped += stats.sink[i].dropped;
    }
    std::uint64_t filtered = 0, errors = 0;
    for (std::size_t i = 0; sample.transforms && i < sample.transforms->size(); ++i) {
        filtered += (*sample.transforms)[i].dropped;
        errors += (*sample.transforms)[i].errors;
    }
    if (filtered > 0) out += fmt::format(" | filtered {}", format_count(filtered));
    if (errors > 0) out += fmt::format(" | errors {}", format_count(errors));
    if (stats.dead_letters > 0)
        out += fmt::format(" | dead letters {}", format_count(stats.dead_letters));
    if (dropped > 0) out += fmt::format(" | dropped {}", format_count(dropped));
    if (stats.paused)
        out += fmt::format(" | reading is paused: memory at {} %",
                           std::max(stats.pressure_hard, stats.pressure_soft) / 10);
    double records_rate = 0, bytes_rate = 0;
    for (const SinkRates& rates : sinks_) {
        records_rate = std::max(records_rate, rates.records.a_second);
        bytes_rate = std::max(bytes_rate, rates.bytes.a_second);
    }
    out += fmt::format(" | in flight {} | {}/s {}/s", format_count(owed),
                       format_count(static_cast<std::uint64_t>(records_rate)),
                       format_size(static_cast<std::uint64_t>(bytes_rate)));
    std::uint64_t repeats = 0;
    for (const Repeats& sink : sample.may_repeat) repeats = std::max(repeats, sink.records);
    if (repeats > 0) out += " | may repeat " + format_count(repeats);
    const double left = time_left(sample);
    if (left >= 0) out += " | ETA " + short_time(left);
    return out;
}

Instant Progress::observe(const Sample& sample) {
    if (first_) {
        began_ = last_ = sample.now;
        plain_at_ = sample.now + plain_interval;
        first_ = false;
    }
    observe_rates(sample);
    if (mode_ == Mode::redraw) {
        terminal_.redraw(line(sample));
    } else if (mode_ == Mode::plain && sample.now >= plain_at_) {
        plain_at_ = sample.now + plain_interval;
        terminal_.print(line(sample));
    }
    return sample.now + (mode_ == Mode::redraw ? redraw_interval : seconds(1));
}

std::string balance(const PipelineConfig& pipeline, const RunReport& report) {
    std::string out =
        fmt::format("balance: in {}", format_count(records_in(pipeline, report.stats)));
    const bool over = report.halt.reason == HaltReason::finished && report.end == End::halted;
    for (std::size_t i = 0; i < report.transforms.size(); ++i) {
        const flow::NodeCounts& counts = report.transforms[i];
        out += fmt::format(" | {}: {} -> {} out + {} dropped + {} errors ({} dead letters)",
                           report.transform_names[i], format_count(counts.in),
                           format_count(counts.out), format_count(counts.dropped),
                           format_count(counts.errors), format_count(counts.dead));
        if (counts.blank > 0) out += fmt::format(" + {} blank", format_count(counts.blank));
        if (counts.rejected > 0)
            out += fmt::format(" ({} rejected)", format_count(counts.rejected));
    }
    for (std::size_t i = 0; i < report.left_out.size(); ++i) {
        const LeftOut& left = report.left_out[i];
        if (left.unreadable > 0)
            out += fmt::format(" | {}: {} could not be read", pipeline.sources[i].name,
                               format_count(left.unreadable));
        if (left.compressed > 0)
            out += fmt::format(" | {}: {} compressed, not read", pipeline.sources[i].name,
                               format_count(left.compressed));
    }
    for (std::size_t i = 0; i < pipeline.sinks.size(); ++i) {
        const Sum sum = sum_of(pipeline, report.stats, i);
        out +=
            fmt::format(" | {}: {} = {} delivered + {} dead-lettered + {} dropped",
                        pipeline.sinks[i].name, format_count(sum.in), format_count(sum.delivered),
                        format_count(sum.parked), format_count(sum.dropped));
        if (sum.there > 0)
            out += fmt::format(" + {} {}", format_count(sum.there),
                               over ? "there before or never for it" : "not begun");
        if (sum.again > 0) out += fmt::format(" + {} begun again", format_count(sum.again));
        if (sum.unfinished > 0)
            out += fmt::format(" + {} unfinished", format_count(sum.unfinished));
    }
    std::uint64_t repeated = 0;
    for (const KeptRecords& kept : report.kept) repeated += kept.again;
    out += fmt::format(" | redelivered after a restart: {}", format_count(repeated));
    for (std::size_t i = 0; i < report.kept.size(); ++i) {
        const KeptRecords& kept = report.kept[i];
        const std::string& name = pipeline.sinks[i].name;
        if (kept.aside_bytes > 0)
            out += fmt::format(
                " | {}: {} records ({}) set aside in {}", name, format_count(kept.aside),
                format_size(static_cast<std::uint64_t>(kept.aside_bytes)), kept.aside_path);
        if (kept.behind_bytes > 0)
            out += fmt::format(" | {}: {} records ({}) stand behind what was delivered", name,
                               format_count(kept.behind),
                               format_size(static_cast<std::uint64_t>(kept.behind_bytes)));
    }
    std::uint64_t again = 0;
    for (const Repeats& sink : report.may_repeat) again = std::max(again, sink.records);
    if (again > 0) out += fmt::format(" | may be written again: {}", format_count(again));
    if (report.stats.gate_closed > 0)
        out += fmt::format(" | reading paused for memory: {} times",
                           format_count(report.stats.gate_closed));
    return out;
}

namespace {

/// Levels in thousandths as last sampled, edges and windows of the gate, budgets where governed.
void regulation_json(const PipelineConfig& pipeline, const Stats& stats, Json& json) {
    json.begin_object("regulation");
    json.field("pressure_hard", stats.pressure_hard);
    json.field("pressure_soft", stats.pressure_soft);
    json.field("paused", stats.paused);
    json.field("gate_closed", stats.gate_closed);
    json.field("gate_opened", stats.gate_opened);
    json.field("gate_windows", stats.gate_windows);
    json.begin_list("sources");
    for (std::size_t i = 0; i < pipeline.sources.size(); ++i) {
        json.begin_object();
        json.field("name", pipeline.sources[i].name);
        json.field("budget", stats.source[i].budget);
        json.field("budget_decreases", stats.source[i].budget_decreases);
        json.end_object();
    }
    json.end_list();
    json.end_object();
}

void kept_json(const KeptRecords& kept, Json& json) {
    json.field("redelivered", kept.again);
    json.field("set_aside", kept.aside);
    json.field("set_aside_bytes", kept.aside_bytes);
    json.field("set_aside_path", kept.aside_path);
    json.field("behind", kept.behind);
    json.field("behind_bytes", kept.behind_bytes);
}

}  // namespace

std::string balance_json(const PipelineConfig& pipeline, const RunReport& report) {
    Json json;
    json.begin_object();
    json.field("in", records_in(pipeline, report.stats));
    json.field("bytes_in", bytes_in(pipeline, report.stats));
    json.field("dead_letters", report.stats.dead_letters);
    json.field("resumed", report.resumed);
    json.field("restarts", report.restarts);
    json.begin_list("sources");
    for (std::size_t i = 0; i < report.left_out.size(); ++i) {
        json.begin_object();
        json.field("name", pipeline.sources[i].name);
        json.field("unreadable", report.left_out[i].unreadable);
        json.field("compressed", report.left_out[i].compressed);
        if (!report.left_out[i].failed.empty()) json.field("failed", report.left_out[i].failed);
        json.end_object();
    }
    json.end_list();
    json.begin_list("transforms");
    for (std::size_t i = 0; i < report.transforms.size(); ++i) {
        const flow::NodeCounts& counts = report.transforms[i];
        json.begin_object();
        json.field("name", report.transform_names[i]);
        json.field("in", counts.in);
        json.field("out", counts.out);
        json.field("dropped", counts.dropped);
        json.field("blank", counts.blank);
        json.field("errors", counts.errors);
        json.field("dead_letters", counts.dead);
        json.field("rejected", counts.rejected);
        json.end_object();
    }
    json.end_list();
    json.begin_list("sinks");
    for (std::size_t i = 0; i < pipeline.sinks.size(); ++i) {
        const Sum sum = sum_of(pipeline, report.stats, i);
        json.begin_object();
        json.field("name", pipeline.sinks[i].name);
        json.field("in", sum.in);
        json.field("delivered", sum.delivered);
        json.field("dead_lettered", sum.parked);
        json.field("dropped", sum.dropped);
        json.field("not_given", sum.there);
        json.field("begun_again", sum.again);
        json.field("unfinished", sum.unfinished);
        kept_json(i < report.kept.size() ? report.kept[i] : KeptRecords{}, json);
        const Repeats repeats = i < report.may_repeat.size() ? report.may_repeat[i] : Repeats{};
        json.field("may_repeat_records", repeats.records);
        json.field("may_repeat_bytes", repeats.bytes);
        json.end_object();
    }
    json.end_list();
    regulation_json(pipeline, report.stats, json);
    json.end_object();
    return json.text();
}

}  // namespace holdfast::cli

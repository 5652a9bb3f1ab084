// What must come out: from runs in which nothing fails, of each record alone and of all together.
#include <algorithm>
#include <numeric>

#include "sim/trial/judge.hpp"

namespace holdfast::sim {
namespace {

using Counted = std::map<std::string, std::uint32_t>;

struct Came {
    std::vector<std::vector<std::string>> texts;  ///< By sink.
    std::vector<Letter> letters;
    bool is_done = false;
    io::RunReport report;
    std::vector<std::string> log;
};

Came came_of(const TrialPlan& plan, Choices& choices, const std::vector<std::uint32_t>& records) {
    TrialWorld world(plan, choices, {});
    world.run_calm(records);
    Came out;
    std::string rest;
    for (const TrialSink& sink : plan.sinks)
        out.texts.push_back(plan.plain_in(sink.framing, world.came(sink), rest));
    if (plan.config.dead_letters.present)
        out.letters =
            letters_in(world.disk().contents(plan.config.dead_letters.path).value_or(""), rest);
    out.is_done = world.is_done();
    out.report = world.sessions().back().report;
    out.log = world.log();
    return out;
}

/// Whether something was told to leave records out, and did.
bool was_filtered(const TrialPlan& plan, const io::RunReport& report) {
    for (const flow::NodeCounts& node : report.transforms)
        if (node.dropped + node.blank > 0 || node.errors > node.dead) return true;
    for (std::size_t i = 0; i < plan.sinks.size(); ++i) {
        const SinkStats& sink = report.stats.sink[i];
        if (sink.dropped > 0 || (plan.sinks[i].judged == Judged::nothing && sink.delivered > 0))
            return true;
    }
    return false;
}

/// Who gets the file's records as they are.
bool takes_as_is(const TrialPlan& plan, const TrialInput& input, std::size_t sink) {
    if (input.framing != plan.sinks[sink].framing) return false;
    return std::ranges::any_of(plan.config.sinks[sink].from, [&](const flow::From& from) {
        return from.source && std::ranges::count(input.sources, from.index) > 0;
    });
}

/// Whether what comes to the sink depends on what came before, by a transform that remembers.
bool is_remembered(const io::PipelineConfig& config, const std::vector<flow::From>& inputs) {
    return std::ranges::any_of(inputs, [&](const flow::From& from) {
        if (from.source) return false;
        const flow::NodeSpec& node = config.transforms[from.index].node;
        return node.type == flow::NodeType::throttle || node.type == flow::NodeType::dedupe ||
               node.type == flow::NodeType::sample || is_remembered(config, node.inputs);
    });
}

std::string told(const std::vector<std::string>& log) {
    std::string out;
    for (const std::string& line : log) out += line + "\n";
    return out;
}

Counted counted(const std::vector<std::string>& texts) {
    Counted out;
    for (const std::string& text : texts) out[text] += 1;
    return out;
}

}  // namespace

void TrialPlan::find_outcomes() {
    Recorded benign{std::span<const Choice>()};
    std::vector<bool> stops(records.size());
    for (std::uint32_t i = 0; i < records.size(); ++i) {
        Came came = came_of(*this, benign, {i});
        TrialOutcome& out = alone.emplace_back();
        const TrialInput& input = inputs[records[i].input];
        if (!came.is_done) {
            stops[i] = true;
            const Halt& halt = came.report.halt;
            flaws.push_back({CalmFlaw::Kind::stops, i, halt.source.index, halt.sink.index,
                             UINT32_MAX, records[i].text});
            if (halt.source.index >= config.sources.size()) flaws.back().source = input.sources[0];
            if (halt.sink.index >= sinks.size()) flaws.back().sink = UINT32_MAX;
            flaws.back().transform = failed_transform(came.report);
            continue;
        }
        out.filtered = was_filtered(*this, came.report);
        for (const Letter& letter : came.letters) out.letters.push_back(letter.payload);
        out.texts = std::move(came.texts);
        bool lost = out.is_nowhere() && !out.filtered;
        for (std::size_t s = 0; s < sinks.size(); ++s)
            lost = lost || (takes_as_is(*this, input, s) && sinks[s].judged != Judged::nothing &&
                            out.letters.empty() && !out.filtered &&
                            std::ranges::count(out.texts[s], plain(records[i].text)) == 0);
        if (lost)
            flaws.push_back({CalmFlaw::Kind::lost, i, input.sources[0], UINT32_MAX, UINT32_MAX,
                             records[i].text});
    }
    leave_out(stops);
}

/// The first that failed on a record.
std::uint32_t TrialPlan::failed_transform(const io::RunReport& report) const {
    for (std::uint32_t n = 0; n < config.transforms.size(); ++n)
        for (std::size_t i = 0; i < report.transforms.size(); ++i)
            if (report.transform_names[i] == config.transforms[n].node.name &&
                report.transforms[i].errors > 0)
                return n;
    for (std::uint32_t n = 0; n < config.transforms.size(); ++n)
        if (report.transform_problem.contains(config.transforms[n].node.name)) return n;
    return UINT32_MAX;
}

/// What stops the pipeline would stop each trial of the others.
void TrialPlan::leave_out(const std::vector<bool>& stops) {
    std::vector<TrialRecord> kept;
    std::vector<TrialOutcome> outcomes;
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (stops[i]) continue;
        kept.push_back(std::move(records[i]));
        outcomes.push_back(std::move(alone[i]));
    }
    records = std::move(kept);
    alone = std::move(outcomes);
}

void TrialPlan::find_wanted() {
    std::vector<std::uint32_t> all(records.size());
    std::iota(all.begin(), all.end(), 0u);
    Recorded benign{std::span<const Choice>()};
    Seeded other(1);
    const Came one = came_of(*this, benign, all), two = came_of(*this, other, all);
    for (const Letter& letter : one.letters) letters[letter.payload] += 1;
    for (std::size_t s = 0; s < sinks.size(); ++s) {
        std::vector<std::string> apart;
        for (const TrialOutcome& outcome : alone)
            apart.insert(apart.end(), outcome.texts[s].begin(), outcome.texts[s].end());
        const Counted each = counted(apart), first = counted(one.texts[s]),
                      second = counted(two.texts[s]);
        TrialSink& sink = sinks[s];
        wanted.push_back(first);
        if (sink.judged == Judged::nothing) continue;
        if (is_remembered(config, config.sinks[s].from)) {
            wanted.back() = each;
            sink.judged = Judged::at_most;
            notes.push_back("sink " + sink.name +
                            ": what is between remembers records: it is "
                            "judged by what may stand there, not by what must");
        } else if (sink.drops) {
            // Of one record alone nothing is dropped.
            wanted.back() = each;
        } else if (first == each && second == each) {
            sink.judged = Judged::exactly;
        } else if (first == second) {
            sink.judged = Judged::in_place;
            for (TrialInput& input : inputs) input.rotates = false;
            notes.push_back("sink " + sink.name +
                            ": what a record becomes depends on where it "
                            "stands: it is judged by what must stand there, not by its order, "
                            "and inputs are not renamed");
        } else if (one.texts[s].size() == two.texts[s].size()) {
            sink.judged = Judged::counted;
            notes.push_back("sink " + sink.name +
                            ": two runs without a fault gave two results of "
                            "one length: it is only judged by how many records are there");
        } else {
            sink.judged = Judged::whole;
            notes.push_back("sink " + sink.name +
                            ": two runs without a fault gave two results: it "
                            "is only judged by whether records are whole");
        }
    }
    if (!one.is_done || !two.is_done)
        flaws.push_back({CalmFlaw::Kind::lost, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX,
                         "all records together do not come to their end: " +
                             told((one.is_done ? two : one).log)});
}

}  // namespace holdfast::sim

// Trials of pipelines that a seed draws: those of the joint world, with sinks of other kinds, too.
#include <algorithm>

#include "io/component/registry.hpp"
#include "sim/device_worlds.hpp"
#include "sim/joint_plan.hpp"
#include "sim/trial/judge.hpp"

namespace holdfast::sim {
namespace {

enum What : std::uint64_t {
    draws_plan = 1000,
    ends_at_eof,
    is_single_sink,
    is_single_source,
    digit,
    length,
};

class Draw {
public:
    explicit Draw(Choices& choices) : choices_(choices) {}
    std::uint64_t pick(std::uint64_t what, std::uint64_t bound) {
        return choices_.choose(Site::trial_world, what, asked_[what]++, bound);
    }

    /// A config, as a user may have it.
    io::PipelineConfig config() {
        const Ask ask = [this](std::uint64_t bound) { return pick(draws_plan, bound); };
        const JointPlan plan = JointPlan::draw(ask, false);
        JointVariant variant;
        for (std::uint32_t i = 0; i < plan.sources; ++i)
            variant.sources.push_back("s" + std::to_string(i));
        for (std::uint32_t i = 0; i < plan.sinks.size(); ++i) variant.sinks.push_back(i);
        const bool ends = pick(ends_at_eof, 2) == 0;
        io::PipelineConfig out = plan.config(variant, ends ? io::EndAt::eof : io::EndAt::never);
        if (pick(is_single_sink, 3) == 2) take_single_sink(out.sinks.back());
        if (pick(is_single_source, 6) == 5) take_single_source(out);
        return out;
    }

    std::string record(std::size_t number) {
        return "{\"id\":" + std::to_string(number) + ",\"k\":" + std::to_string(pick(digit, 10)) +
               ",\"w\":\"" + std::string(pick(length, 200), 'w') + "\"}";
    }

private:
    /// The kind of which a pipeline has one: its own settings have no keys that must be set.
    static void take_single_sink(io::SinkSettings& sink) {
        for (const io::SinkKind* kind : io::sink_kinds()) {
            if (!kind->is_single()) continue;
            sink.kind = kind;
            sink.own = kind->settings(nullptr, "/");
        }
    }
    static void take_single_source(io::PipelineConfig& config) {
        for (const io::SourceKind* kind : io::source_kinds()) {
            if (!kind->is_single()) continue;
            config.sources.back().kind = kind;
            config.sources.back().own = kind->settings(nullptr, "/");
        }
        // As the parser has it: what cannot be read again makes no promise that needs it.
        for (io::SinkSettings& sink : config.sinks)
            sink.kind->weaken(sink, values_without_delivery(), "once", {});
    }
    static const io::Values& values_without_delivery() {
        static const io::Values none = [] {
            io::Values out;
            out.values["delivery"] = {};
            return out;
        }();
        return none;
    }

    Choices& choices_;
    std::map<std::uint64_t, std::uint64_t> asked_;
};

}  // namespace

std::optional<Breach> run_trial(std::uint64_t seed) {
    Seeded choices(seed);
    Draw draw(choices);
    const io::PipelineConfig config = draw.config();
    std::vector<std::vector<std::string>> texts(config.sources.size());
    for (std::size_t i = 0; i < texts.size(); ++i)
        for (std::size_t n = 0; n < 16; ++n) texts[i].push_back(draw.record(i * 100 + n));
    const TrialPlan plan(config, texts, 32);
    for (const CalmFlaw& flaw : plan.flaws)
        if (flaw.kind == CalmFlaw::Kind::lost)
            return Breach{"I117", "lost where nothing fails: " + flaw.what};
    if (!plan.plays()) return std::nullopt;
    const TrialRun run = try_seed(plan, FaultSet::all(), seed);
    const TrialFinding* found = run.verdict.breach();
    if (found == nullptr) return std::nullopt;
    std::string text;
    for (const std::string& line : run.log) text += line + "\n";
    const bool of_sink = found->sink < plan.sinks.size();
    return Breach{
        invariant_of(found->flaw),
        text + name_of(found->flaw) +
            (of_sink ? " at " + config.sinks[found->sink].kind->words(config.sinks[found->sink])
                     : std::string()) +
            ": " + found->what};
}

}  // namespace holdfast::sim

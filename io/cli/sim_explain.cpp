// From a finding to the line of the config that causes it.
#include <fmt/core.h>

#include <algorithm>

#include "io/cli/guarantee.hpp"
#include "io/cli/sim_report.hpp"

namespace holdfast::cli {
namespace {

using namespace io;
using sim::Cause;
using sim::Flaw;

class Explainer {
public:
    explicit Explainer(const ConfigResult& config)
        : config_(config), guarantees_(guarantees_of(config)) {}

    SimFinding explain(const sim::TrialFinding& found) const {
        SimFinding out{.of = found, .key = {}, .place = {}, .why = {}};
        switch (found.cause) {
            case Cause::none: break;
            case Cause::unsynced: take_weakness(Promise::power_loss, "sinks.", out); break;
            case Cause::weak: take_weakness(Promise::at_least_once, "sinks.", out); break;
            case Cause::read_once: take_weakness(Promise::at_least_once, "sources.", out); break;
            case Cause::policy:
                if (found.flaw == Flaw::stopped)
                    take_stop(out);
                else
                    take_weakness(Promise::at_least_once, "sinks.", out);
        }
        return out;
    }

private:
    void take_weakness(Promise promise, std::string_view part, SimFinding& out) const {
        const auto& pipeline = config_.config;
        for (const PathGuarantee& path : guarantees_.paths) {
            if (out.of.sink < pipeline.sinks.size() &&
                path.sink != pipeline.sinks[out.of.sink].name)
                continue;
            const bool has_source = out.of.source < pipeline.sources.size();
            if (has_source && path.source != pipeline.sources[out.of.source].name) continue;
            for (const KeyWeakness& weak : path.weaknesses) {
                if (weak.promise != promise || !weak.key.starts_with(part)) continue;
                out.key = weak.key;
                out.place = weak.place;
                out.why = weak.why;
                return;
            }
        }
    }

    /// It ends before a record: since there is nowhere to put it, or since it is told to.
    void take_stop(SimFinding& out) const {
        const auto& pipeline = config_.config;
        std::vector<std::string> parts;
        if (out.of.transform < pipeline.transforms.size())
            parts.push_back("transforms." + pipeline.transforms[out.of.transform].node.name + ".");
        if (out.of.sink < pipeline.sinks.size())
            parts.push_back("sinks." + pipeline.sinks[out.of.sink].name + ".");
        if (out.of.source < pipeline.sources.size())
            parts.push_back("sources." + pipeline.sources[out.of.source].name + ".");
        parts.emplace_back("transforms.");
        parts.emplace_back("");
        for (const std::string& part : parts) {
            for (const std::string& stop : guarantees_.stops) {
                if (!stop.starts_with(part)) continue;
                out.key = stop.substr(0, stop.find(':'));
                out.why =
                    "without [dead_letters] the pipeline stops at a record that is to be set "
                    "aside: " +
                    stop.substr(stop.find(':') + 2);
                return find_place(out);
            }
            if (take_policy(part, out)) return;
        }
    }

    /// A key of that part which says "stop".
    bool take_policy(const std::string& part, SimFinding& out) const {
        if (part.empty()) return false;
        for (const char* key : {"on_error", "on_reject", "unrouted", "on_transient",
                                "on_parse_error", "on_oversized", "on_missing_key"})
            for (const auto& [name, place] : config_.places) {
                if (!name.starts_with(part) || !name.ends_with(std::string(".") + key)) continue;
                if (place.line == 0 && place.flag.empty()) continue;
                out.key = name;
                out.why = "the pipeline stops at what this policy is for";
                out.place = place;
                return true;
            }
        return false;
    }

    void find_place(SimFinding& out) const {
        // What stands in a table within the line stands where the table does.
        std::string key = out.key;
        while (!config_.places.contains(key) && key.contains('.')) key.resize(key.rfind('.'));
        const auto place = config_.places.find(key);
        if (place != config_.places.end()) out.place = place->second;
    }

    const ConfigResult& config_;
    Guarantees guarantees_;
};

bool is_same(const SimFinding& a, const SimFinding& b) {
    return a.of.flaw == b.of.flaw && a.key == b.key && a.of.sink == b.of.sink &&
           a.of.source == b.of.source;
}

}  // namespace

std::vector<SimFinding> explain(const ConfigResult& config, const sim::TrialPlan& plan,
                                const std::vector<sim::TrialFinding>& found,
                                const std::vector<std::string>& accepted) {
    std::vector<sim::TrialFinding> all;
    for (const sim::CalmFlaw& flaw : plan.flaws) {
        const bool stops = flaw.kind == sim::CalmFlaw::Kind::stops;
        all.push_back({.flaw = stops ? Flaw::stopped : Flaw::lost,
                       .cause = stops ? Cause::policy : Cause::none,
                       .source = flaw.source,
                       .sink = flaw.sink,
                       .transform = flaw.transform,
                       .what = flaw.what});
    }
    all.insert(all.end(), found.begin(), found.end());
    const Explainer explainer(config);
    std::vector<SimFinding> out;
    for (const sim::TrialFinding& each : all) {
        SimFinding one = explainer.explain(each);
        const auto same =
            std::ranges::find_if(out, [&](const SimFinding& other) { return is_same(one, other); });
        if (same == out.end()) {
            one.accepted = !one.key.empty() && std::ranges::count(accepted, one.key) > 0;
            out.push_back(std::move(one));
            continue;
        }
        same->of.count += each.count;
        if (each.seed >= same->of.seed) continue;
        same->of.seed = each.seed;
        same->of.what = each.what;
    }
    return out;
}

}  // namespace holdfast::cli

// See judge.hpp.
#include "sim/trial/judge.hpp"

#include <algorithm>
#include <utility>

#include "core/model/names.hpp"
#include "io/component/kind.hpp"

namespace holdfast::sim {
namespace {

class Judge {
public:
    Judge(const TrialPlan& plan, const TrialWorld& world) : plan_(plan), world_(world) {
        const auto cut = [](const TrialSession& each) {
            return each.died || each.report.end != io::End::halted ||
                   (each.report.halt.reason != HaltReason::finished &&
                    each.report.halt.reason != HaltReason::drained) ||
                   each.report.restarts > 0;
        };
        is_cut_ = std::ranges::any_of(world.sessions(), cut);
        read_letters();
    }

    TrialVerdict judge();

private:
    struct Known {
        std::uint32_t record = UINT32_MAX;  ///< The only one that it comes of.
        bool only = true;
    };

    void find(Flaw flaw, Cause cause, std::uint32_t sink, const std::string& what,
              std::uint64_t count = 1);
    void find_of(std::uint32_t record, Flaw flaw, Cause cause, std::uint32_t sink,
                 const std::string& what, std::uint64_t count);
    void read_letters();
    void judge_sink(std::uint32_t sink);
    void judge_order(std::uint32_t sink, const std::vector<std::string>& came,
                     const std::map<std::string, Known>& known);
    void judge_count(std::uint32_t sink, std::uint64_t there);
    void judge_durable(std::uint32_t sink, const std::string& bytes,
                       const std::vector<std::string>& came);
    void judge_missing(std::uint32_t sink, const std::string& text, std::uint64_t missing,
                       const Known& known);
    void judge_letters();
    void judge_ends();
    void judge_end(const TrialSession& session, bool is_last);
    std::map<std::string, Known> known_of(std::uint32_t sink) const;
    /// The source that it is of can be read again; where nobody knows which: all can.
    bool comes_again(const Known& known) const {
        return known.record < plan_.records.size()
                   ? plan_.inputs[plan_.records[known.record].input].comes_again
                   : plan_.comes_again;
    }
    /// What a power loss leaves there may be anything.
    bool is_vague(const TrialSink& sink) const {
        return world_.lost_power() && !(sink.once && sink.is_synced);
    }
    /// Of what a death, or a power loss, left there.
    Cause cause_at(const TrialSink& sink) const {
        if (sink.loses && is_cut_) return Cause::weak;
        return world_.lost_power() && !sink.is_synced ? Cause::unsynced : Cause::none;
    }
    /// Of what cannot be taken back.
    Cause torn_cause_at(const TrialSink& sink) const {
        if (sink.loses && world_.faulted()) return Cause::weak;
        return cause_at(sink) != Cause::none ? cause_at(sink) : half_read();
    }
    /// Who begins to read where another process died begins within a record.
    Cause half_read() const {
        return !plan_.comes_again && is_cut_ ? Cause::read_once : Cause::none;
    }

    const TrialPlan& plan_;
    const TrialWorld& world_;
    bool is_cut_ = false;  ///< Some process was cut short, or failed.
    std::vector<Letter> letters_;
    std::string letters_rest_;
    /// Of each sink: what it did not take, durably set aside.
    std::map<std::pair<std::string, std::string>, std::uint64_t> aside_;
    TrialVerdict out_;
};

void Judge::find(Flaw flaw, Cause cause, std::uint32_t sink, const std::string& what,
                 std::uint64_t count) {
    find_of(UINT32_MAX, flaw, cause, sink, what, count);
}

void Judge::find_of(std::uint32_t record, Flaw flaw, Cause cause, std::uint32_t sink,
                    const std::string& what, std::uint64_t count) {
    const std::uint32_t source = record < plan_.records.size()
                                     ? plan_.inputs[plan_.records[record].input].sources[0]
                                     : UINT32_MAX;
    for (TrialFinding& each : out_.findings) {
        if (each.flaw != flaw || each.cause != cause || each.sink != sink || each.source != source)
            continue;
        each.count += count;
        return;
    }
    out_.findings.push_back({.flaw = flaw,
                             .cause = cause,
                             .source = source,
                             .sink = sink,
                             .count = count,
                             .what = what});
}

namespace {

/// Its dead letters are not the texts that its records are.
bool is_converted(io::Framing framing) {
    return framing == io::Framing::msgpack || framing == io::Framing::json_array;
}

}  // namespace

void Judge::read_letters() {
    if (!plan_.config.dead_letters.present) return;
    const std::string& path = plan_.config.dead_letters.path;
    letters_ = letters_in(world_.disk().durable_contents(path).value_or(""), letters_rest_);
    for (const Letter& letter : letters_) {
        if (letter.sink.empty()) continue;
        std::string text = plan_.plain(letter.payload);
        for (const TrialSink& sink : plan_.sinks) {
            if (sink.name != letter.sink || !is_converted(sink.framing)) continue;
            std::string rest;
            const auto found = records_in(sink.framing, letter.payload, rest);
            if (found.size() == 1) text = plan_.plain(found[0]);
        }
        aside_[{letter.sink, text}] += 1;
    }
}

std::map<std::string, Judge::Known> Judge::known_of(std::uint32_t sink) const {
    std::map<std::string, Known> out;
    for (std::uint32_t i = 0; i < plan_.alone.size(); ++i)
        for (const std::string& text : plan_.alone[i].texts[sink]) {
            Known& known = out[text];
            known.only = known.record == UINT32_MAX;
            if (known.only) known.record = i;
        }
    return out;
}

void Judge::judge_sink(std::uint32_t index) {
    const TrialSink& sink = plan_.sinks[index];
    if (sink.judged == Judged::nothing) return;
    const std::string bytes = world_.came(sink);
    std::string rest;
    const std::vector<std::string> came = plan_.plain_in(sink.framing, bytes, rest);
    // Where it did not come to its end, what is not committed stands behind the mark, as it was left.
    const bool is_left = world_.lost_power() && !world_.is_done();
    const bool tolerated = is_left || (is_vague(sink) && sink.is_synced);
    if (!rest.empty() && world_.is_done() && !tolerated)
        find(Flaw::foreign, torn_cause_at(sink), index, "the last record is torn: " + rest);
    if (sink.is_synced && world_.is_done()) judge_durable(index, bytes, came);
    if (sink.judged == Judged::whole) return;
    if (sink.judged == Judged::counted) return judge_count(index, came.size());

    const auto& wanted = plan_.wanted[index];
    const std::map<std::string, Known> known = known_of(index);
    std::map<std::string, std::uint64_t> got;
    for (const std::string& text : came) {
        got[text] += 1;
        if (wanted.contains(text) || tolerated) continue;
        find(Flaw::foreign, torn_cause_at(sink), index, text);
    }
    for (const auto& [text, count] : wanted) {
        const auto found = got.find(text);
        const std::uint64_t there = found == got.end() ? 0 : found->second;
        const auto of = known.find(text);
        const Known who = of == known.end() ? Known{} : of->second;
        out_.tally.delivered += std::min<std::uint64_t>(there, count);
        if (there > 0)
            out_.tally.repeats_most =
                std::max(out_.tally.repeats_most, (there + count - 1) / count);
        if (there < count && sink.judged != Judged::at_most)
            judge_missing(index, text, count - there, who);
        // A file that was renamed, read to its end and closed may come again after a restart.
        const bool may_come_anew =
            who.record < plan_.records.size() ? world_.was_rotated(who.record) : is_cut_;
        if (there > count && (sink.once ? !may_come_anew : !is_cut_ && !world_.faulted()))
            find_of(who.record, Flaw::repeated, cause_at(sink), index, text, there - count);
    }
    if (sink.judged == Judged::exactly && sink.in_order && cause_at(sink) == Cause::none &&
        !is_left)
        judge_order(index, came, known);
}

/// All is committed: what is there would survive a power loss. A sink that writes behind what it finds
/// may have records there twice, of which those before a failed sync are not durable for ever; each is
/// durable once.
void Judge::judge_durable(std::uint32_t index, const std::string& bytes,
                          const std::vector<std::string>& came) {
    const TrialSink& sink = plan_.sinks[index];
    const std::string durable = world_.disk().durable_contents(sink.path).value_or("");
    if (durable.starts_with(bytes)) return;
    const std::string what = "all is committed, and not all of it durable";
    if (sink.once) return find(Flaw::volatile_, Cause::none, index, what);
    std::string rest;
    const std::vector<std::string> kept = plan_.plain_in(sink.framing, durable, rest);
    const std::map<std::string, Known> known = known_of(index);
    for (const std::string& text : came) {
        if (std::ranges::find(kept, text) != kept.end()) continue;
        const auto of = known.find(text);
        const Known who = of == known.end() ? Known{} : of->second;
        // Of a source that is not read again, what a failed sync left in doubt was never committed.
        const bool in_doubt = !comes_again(who) && (is_cut_ || world_.faulted());
        find_of(who.record, Flaw::volatile_, in_doubt ? Cause::read_once : Cause::none, index,
                what + ": " + text, 1);
    }
}

void Judge::judge_count(std::uint32_t index, std::uint64_t there) {
    const TrialSink& sink = plan_.sinks[index];
    std::uint64_t wanted = 0;
    for (const auto& [text, count] : plan_.wanted[index]) wanted += count;
    out_.tally.delivered += std::min(there, wanted);
    const std::string what =
        std::to_string(there) + " records instead of " + std::to_string(wanted);
    for (const auto& [aside, count] : aside_)
        if (aside.first == sink.name) there += count;
    if (there < wanted) judge_missing(index, what, wanted - there, {});
    if (there > wanted && sink.once && !is_cut_) find(Flaw::repeated, cause_at(sink), index, what);
}

void Judge::judge_missing(std::uint32_t index, const std::string& text, std::uint64_t missing,
                          const Known& known) {
    const TrialSink& sink = plan_.sinks[index];
    const auto aside = aside_.find({sink.name, text});
    if (aside != aside_.end()) missing -= std::min(missing, aside->second);
    if (missing == 0 || !world_.is_done()) return;  // What is left is no loss.
    if (sink.drops) {
        out_.tally.dropped += missing;
        return find_of(known.record, Flaw::dropped, Cause::policy, index, text, missing);
    }
    const bool is_gone = !comes_again(known) && (is_cut_ || world_.faulted());
    const Cause cause = cause_at(sink) != Cause::none ? cause_at(sink)
                        : is_gone                     ? Cause::read_once
                                                      : Cause::none;
    out_.tally.lost += missing;
    find_of(known.record, Flaw::lost, cause, index, text, missing);
}

void Judge::judge_order(std::uint32_t index, const std::vector<std::string>& came,
                        const std::map<std::string, Known>& known) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> reached;
    std::vector<bool> seen(plan_.records.size());
    for (const std::string& text : came) {
        const auto found = known.find(text);
        if (found == known.end() || !found->second.only) continue;
        const std::uint32_t record = found->second.record;
        if (seen[record] || world_.was_rotated(record)) continue;
        seen[record] = true;
        const auto place = std::pair(plan_.records[record].input, world_.life_of(record));
        const auto [last, is_first] = reached.try_emplace(place, record);
        if (!is_first && record < last->second)
            find_of(record, Flaw::out_of_order, Cause::none, index, text, 1);
        last->second = std::max(last->second, record);
    }
}

void Judge::judge_letters() {
    if (!plan_.config.dead_letters.present) return;
    std::map<std::string, std::uint64_t> got;
    for (const Letter& letter : letters_) {
        if (!letter.is_whole) {
            if (!world_.lost_power())
                find(Flaw::foreign, Cause::none, UINT32_MAX, "a dead letter that is none");
            continue;
        }
        got[letter.payload] += 1;
        if (plan_.letters.contains(letter.payload)) continue;
        const auto of = std::ranges::find(plan_.sinks, letter.sink, &TrialSink::name);
        const auto index = static_cast<std::size_t>(of - plan_.sinks.begin());
        std::string rest;
        const bool plain = of == plan_.sinks.end() || !is_converted(of->framing);
        const auto texts = plain ? std::vector<std::string>{letter.payload}
                                 : records_in(of->framing, letter.payload, rest);
        const bool known =
            of != plan_.sinks.end() && texts.size() == 1 &&
            (of->judged == Judged::nothing || of->judged == Judged::counted ||
             of->judged == Judged::whole || plan_.wanted[index].contains(plan_.plain(texts[0])));
        if (!known)
            find(Flaw::foreign, half_read(), UINT32_MAX, "a dead letter of " + letter.payload);
    }
    out_.tally.dead_lettered += got.size();
    if (!letters_rest_.empty() && !world_.lost_power())
        find(Flaw::foreign, Cause::none, UINT32_MAX, "the last dead letter is torn");
    for (const auto& [payload, count] : plan_.letters) {
        if (got.contains(payload) || !world_.is_done()) continue;
        // What is read once and was read is gone; a throttle, too, may have left it out.
        const Cause cause =
            !plan_.comes_again && (is_cut_ || world_.faulted()) ? Cause::read_once : Cause::none;
        const bool varies = std::ranges::any_of(
            plan_.sinks, [](const TrialSink& s) { return s.judged == Judged::at_most; });
        if (varies && cause == Cause::none) continue;
        out_.tally.lost += count;
        find(Flaw::lost, cause, UINT32_MAX, "no dead letter of " + payload, count);
    }
}

void Judge::judge_ends() {
    for (const TrialSession& session : world_.sessions())
        if (!session.died) judge_end(session, &session == &world_.sessions().back());
    if (!world_.hung().empty()) find(Flaw::hung, Cause::none, UINT32_MAX, world_.hung());
}

void Judge::judge_end(const TrialSession& session, bool is_last) {
    const io::RunReport& report = session.report;
    if (report.end != io::End::halted) {
        const bool refused = report.end == io::End::refused && session.faulty && !is_last;
        const bool stopped = report.end == io::End::stopped && session.asked;
        if (refused || stopped) return;
        for (std::uint32_t i = 0; i < plan_.sinks.size(); ++i)
            if (cause_at(plan_.sinks[i]) == Cause::unsynced &&
                report.problem.contains(plan_.sinks[i].path))
                return find(Flaw::stopped, Cause::unsynced, i,
                            "it does not begin: " + report.problem);
        return find(Flaw::ended, Cause::none, UINT32_MAX, "it does not begin: " + report.problem);
    }
    const auto sink = report.halt.sink.index < plan_.sinks.size()
                          ? std::uint32_t{report.halt.sink.index}
                          : UINT32_MAX;
    const std::string why = name_of(report.halt.reason);
    switch (report.halt.reason) {
        case HaltReason::finished:
            if (plan_.ends) return;
            break;
        case HaltReason::drained:
        case HaltReason::drain_deadline:
        case HaltReason::stopped:
            if (session.asked && (!is_last || report.halt.reason == HaltReason::drained)) return;
            break;
        case HaltReason::dead_letters_absent:
        case HaltReason::sink_failed: return find(Flaw::stopped, Cause::policy, sink, why);
        case HaltReason::sink_sync_failed:
        case HaltReason::sink_broken:
            if (session.faulty && !plan_.comes_again) return;
            break;
        case HaltReason::dead_letters_failed:
        case HaltReason::checkpoint_failed:
        case HaltReason::source_failed:
            if (session.faulty && !is_last) return;
            break;
        default: break;
    }
    find(Flaw::ended, Cause::none, sink, "it ends, and nothing explains it: " + why);
}

TrialVerdict Judge::judge() {
    for (std::uint32_t i = 0; i < plan_.sinks.size(); ++i) judge_sink(i);
    judge_letters();
    judge_ends();
    TrialTally& tally = out_.tally;
    for (const TrialOutcome& outcome : plan_.alone) tally.dropped += outcome.is_nowhere() ? 1 : 0;
    tally.held_peak = world_.held_peak();
    tally.stall_longest = world_.stall_longest();
    tally.sessions = world_.sessions().size();
    return std::move(out_);
}

}  // namespace

void TrialTally::add(const TrialTally& other) {
    delivered += other.delivered;
    dead_lettered += other.dead_lettered;
    dropped += other.dropped;
    lost += other.lost;
    repeats_most = std::max(repeats_most, other.repeats_most);
    held_peak = std::max(held_peak, other.held_peak);
    stall_longest = std::max(stall_longest, other.stall_longest);
    sessions += other.sessions;
}

const TrialFinding* TrialVerdict::breach() const {
    for (const TrialFinding& each : findings)
        if (each.cause == Cause::none) return &each;
    return nullptr;
}

TrialVerdict judge(const TrialPlan& plan, const TrialWorld& world) {
    return Judge(plan, world).judge();
}

const char* name_of(Flaw flaw) {
    switch (flaw) {
        case Flaw::lost: return "lost";
        case Flaw::repeated: return "repeated";
        case Flaw::out_of_order: return "out of order";
        case Flaw::foreign: return "nobody's";
        case Flaw::stopped: return "stopped";
        case Flaw::hung: return "hung";
        case Flaw::ended: return "ended";
        case Flaw::volatile_: return "not durable";
        case Flaw::dropped: return "dropped";
    }
    return "";
}

const char* invariant_of(Flaw flaw) {
    switch (flaw) {
        case Flaw::lost: return "I110";
        case Flaw::repeated: return "I111";
        case Flaw::out_of_order: return "I112";
        case Flaw::foreign: return "I113";
        case Flaw::stopped:
        case Flaw::hung:
        case Flaw::ended: return "I115";
        case Flaw::volatile_: return "I116";
        case Flaw::dropped: return "I110";
    }
    return "";
}

TrialRun try_seed(const TrialPlan& plan, FaultSet faults, std::uint64_t seed) {
    TrialChance choices(seed, faults.has(TrialFault::torn_write));
    TrialWorld world(plan, choices, faults);
    world.run();
    TrialRun out{judge(plan, world), world.log()};
    for (TrialFinding& each : out.verdict.findings) each.seed = seed;
    return out;
}

}  // namespace holdfast::sim

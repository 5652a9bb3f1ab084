#include "sim/joint_world.hpp"

#include <algorithm>
#include <array>

#include "core/model/names.hpp"
#include "sim/device_worlds.hpp"

namespace holdfast::sim {
namespace {

// What a choice is about; the answer 0 is the plain course of things.
enum What : std::uint64_t {
    draws_plan = 1,
    is_faulty,
    has_power_losses,
    fault_rate,
    ring_latency,
    sessions_count,
    which_variant,
    renames,
    removes_sink,
    turns_sinks,
    how_it_ends,
    ends_when,
    stops_when,
    stops_again,
    fills_disk,
    last_by_eof,
    ends_at_eof,
    slots_few,
    pause,
};

constexpr Duration patience = seconds(90);  ///< Within which a healed pipeline has done all.
constexpr std::uint64_t waits_max = 400'000;

}  // namespace

JointWorld::JointWorld(Choices& choices)
    : choices_(choices), disk_(choices_), ring_(disk_, clock_, choices_) {
    faulty_ = pick(is_faulty, 3) != 0;
    power_ = pick(has_power_losses, 3) == 2;
    const Ask ask = [this](std::uint64_t bound) { return pick(draws_plan, bound); };
    plan_ = JointPlan::draw(ask, power_);
    ring_.options().latency_us_max = std::array{0u, 300u, 5000u}[pick(ring_latency, 3)];
    for (std::uint32_t i = 0; i < plan_.sources; ++i) {
        disk_.make_directories(joint_folder(i));
        usual_.sources.push_back("s" + std::to_string(i));
    }
    for (std::uint32_t i = 0; i < plan_.sinks.size(); ++i) usual_.sinks.push_back(i);
    foreign_.resize(plan_.sinks.size());
    other_ = draw_variant();
    say("plan: " + plan_.text());
}

std::uint64_t JointWorld::pick(std::uint64_t what, std::uint64_t bound) {
    return choices_.choose(Site::joint_world, what, asked_[what]++, bound);
}

void JointWorld::say(const std::string& what) {
    log_.push_back(std::to_string(clock_.now.ns / 1'000'000) + " ms: " + what);
}

void JointWorld::demand(bool holds, const char* invariant, const std::string& what) const {
    if (holds) return;
    throw Breach{invariant, what};
}

// ---- what is drawn ---------------------------------------------------------------------------

void JointWorld::draw_faults() {
    const auto some = [&] {
        return static_cast<std::uint32_t>(pick(fault_rate, 3) == 2 ? pick(fault_rate, 60) : 0);
    };
    disk_.options().faults = {.open = some(),
                              .name = some(),
                              .read = some(),
                              .read_short = some() * 5,
                              .write = some(),
                              .write_short = some() * 5,
                              .full = some(),
                              .sync = some(),
                              .sector_bad = 0,
                              .writeback = some() * 10,
                              .inode_reused = some() * 10};
    ring_.options().interrupted = some();
    ring_.options().again = some();
    ring_.options().slow = some();
    if (pick(fills_disk, 6) == 5) {
        disk_.options().capacity = disk_.bytes_used() + pick(fills_disk, 20'000);
        say("the disk has little room");
    } else {
        disk_.options().capacity = UINT64_MAX;
    }
}

/// The same pipeline, with a source of another name, without a sink, or in another order.
JointVariant JointWorld::draw_variant() {
    JointVariant out = usual_;
    if (plan_.sources > 1 && pick(renames, 3) == 2) out.sources.back() += "_renamed";
    if (pick(turns_sinks, 3) == 2) std::reverse(out.sinks.begin(), out.sinks.end());
    if (plan_.sinks.size() < 2 || pick(removes_sink, 3) != 2) return out;
    const JointVariant all = out;
    const std::uint64_t goes = pick(removes_sink, out.sinks.size());
    out.sinks.erase(out.sinks.begin() + static_cast<std::ptrdiff_t>(goes));
    // A source that feeds nobody is no config.
    for (std::uint32_t i = 0; i < plan_.sources; ++i)
        if (!plan_.feeds(i, out)) return all;
    return out;
}

// ---- processes -------------------------------------------------------------------------------

void JointWorld::run() {
    for (std::uint64_t n = 1 + pick(sessions_count, 5); n > 0; --n) {
        for (std::uint64_t i = pick(pause, 4); i > 0; --i) others_act();
        if (faulty_) draw_faults();
        session(pick(which_variant, 3) == 2 ? other_ : usual_);
    }
    for (std::uint64_t i = pick(pause, 3); i > 0; --i) others_act();
    last_session();
    judge();
}

io::PipelineConfig JointWorld::config_of(JointPlan plan, const JointSession& session) {
    // Where files end, their slots are free for others: a few would do, of one source.
    if (session.eof && plan.sources == 1 && pick(slots_few, 2) == 1)
        plan.base.partitions_max = 1 + static_cast<std::uint32_t>(pick(slots_few, 3));
    return plan.config(session.variant, session.eof ? io::EndAt::eof : io::EndAt::never);
}

void JointWorld::session(const JointVariant& variant) {
    const bool eof = pick(ends_at_eof, 4) == 3;
    // A piece of a line at such an end is a record.
    if (eof)
        for (JointFile& file : files_) finish_lines(file);
    sessions_.emplace_back().variant = variant;
    sessions_.back().eof = eof;
    sessions_.back().faulty = faulty_;
    waits_ = 0;
    dies_at_ = UINT64_MAX;
    stop_at_ = stop_again_at_ = never;
    const std::uint64_t how = pick(how_it_ends, 5);
    const bool dies = how == 1 || how == 2 || how == 4;
    dies_by_power_ = power_ && how == 2;
    if (dies) dies_at_ = 1 + pick(ends_when, std::array{30u, 300u, 3000u}[pick(ends_when, 3)]);
    if (how == 0 || how == 3 || how == 4)
        stop_at_ = clock_.now + milliseconds(static_cast<std::int64_t>(pick(stops_when, 12'000)));
    if (how == 3)
        stop_again_at_ = stop_at_ + milliseconds(static_cast<std::int64_t>(pick(stops_again, 500)));
    // Who does not die by a wait is asked to end in any case.
    stop_at_ = std::min(stop_at_, clock_.now + seconds(40));
    over_at_ = stop_at_ + plan_.base.shutdown_timeout + patience;
    live(config_of(plan_, sessions_.back()));
    judge_end(sessions_.back());
}

/// All heals, and everything is done.
void JointWorld::last_session() {
    disk_.options().faults = {};
    disk_.options().capacity = UINT64_MAX;
    ring_.options().interrupted = ring_.options().again = ring_.options().slow = 0;
    healed_ = true;
    for (JointFile& file : files_) finish_lines(file);
    const bool eof = pick(last_by_eof, 2) == 0;
    sessions_.emplace_back().variant = pick(which_variant, 3) == 2 ? other_ : usual_;
    waits_ = 0;
    dies_at_ = UINT64_MAX;
    stop_at_ = eof ? never : clock_.now + patience;
    stop_again_at_ = never;
    over_at_ = clock_.now + patience + patience;
    JointPlan unhurried = plan_;
    unhurried.base.shutdown_timeout = patience;
    sessions_.back().eof = eof;
    live(config_of(unhurried, sessions_.back()));
    const io::RunReport& report = sessions_.back().report;
    const HaltReason wanted = eof ? HaltReason::finished : HaltReason::drained;
    demand(report.end == io::End::halted && report.halt.reason == wanted, "L1",
           "healed, it does not come to its end: " + text_of(report));
}

void JointWorld::live(const io::PipelineConfig& config) {
    JointSession& session = sessions_.back();
    std::string names;
    for (const std::string& name : session.variant.sources) names += " " + name;
    for (const std::uint32_t sink : session.variant.sinks) names += " o" + std::to_string(sink);
    say("a process begins:" + names);
    io::RunOptions options;
    options.log = [this](io::Level, const std::string& line) { say("  " + line); };
    Around& around = *this;
    process_ = std::make_unique<JointProcess>(ring_, disk_, around, config.memory_limit * 2);
    next_ = clock_.now;
    try {
        session.report = io::run_pipeline(config, options, *process_);
        say("it ends, " + text_of(session.report));
    } catch (const Died&) {
        session.died = true;
    }
    process_.reset();
}

void JointWorld::die(bool power) {
    say(power ? "power loss" : "killed");
    sessions_.back().powerless = power;
    power ? ring_.crash() : ring_.kill();
    throw Died{};
}

/// An end that nobody asked for, and no fault explains, is a breach.
void JointWorld::judge_end(const JointSession& session) const {
    if (session.died) return;
    const io::RunReport& report = session.report;
    const bool synced = report.halt.reason != HaltReason::sink_sync_failed &&
                        report.halt.reason != HaltReason::sink_broken;
    demand(report.end != io::End::halted || synced, "J5",
           "a failed sync of a sink is no end, where all sources can be read again");
    if (session.faulty) return;
    const HaltReason reason = report.halt.reason;
    const bool asked = report.end == io::End::stopped ||
                       (report.end == io::End::halted &&
                        (reason == HaltReason::drained || reason == HaltReason::stopped ||
                         reason == HaltReason::drain_deadline));
    if (session.eof && reason == HaltReason::finished) return;
    demand(asked && session.asked, "J5", "an end that nothing explains: " + text_of(report));
}

void JointWorld::act() {
    disk_.set_wall(clock_.wall_ns());
    ++waits_;
    demand(waits_ < waits_max, "L1", "it waits again and again, and comes to no end");
    demand(clock_.now < over_at_, "L1", "it does not end in time");
    if (waits_ >= dies_at_) die(dies_by_power_);
    if (clock_.now >= stop_at_) {
        say("asked to stop");
        stop_at_ = never;
        sessions_.back().asked = true;
        process_->stop();
    }
    if (clock_.now >= stop_again_at_) {
        say("asked to stop now");
        stop_again_at_ = never;
        process_->stop();
    }
    if (clock_.now < next_) return;
    if (!healed_) others_act();
    next_ = clock_.now + milliseconds(1 + static_cast<std::int64_t>(pick(pause, 1000)));
}

std::optional<Breach> run_joint(std::uint64_t seed) {
    Seeded choices(seed);
    JointWorld world(choices);
    try {
        world.run();
    } catch (Breach& breach) {
        std::string text;
        for (const std::string& line : world.log()) text += line + "\n";
        breach.what = text + breach.what;
        return breach;
    }
    return {};
}

}  // namespace holdfast::sim

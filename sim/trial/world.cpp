// Processes, and what happens to them.
#include "sim/trial/world.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "core/model/names.hpp"

namespace holdfast::sim {
namespace {

// What a choice is about; the answer 0 is the plain course of things.
enum What : std::uint64_t {
    is_on = 1,  ///< Plus the fault.
    sessions_count = 20,
    how_it_ends,
    ends_when,
    stops_when,
    stops_again,
    ring_speed,
    fault_rate,
    fills_disk,
    sink_rate,
    heals_when,
    jumps_when,
    jumps_how_far,
    pause,
    writes_before,
    asks_state,
    is_squeezed,
    breaks_stream,
    host_goes,
};

constexpr Duration patience = seconds(120);    ///< For something to move, where all is well.
constexpr Duration stop_latest = seconds(40);  ///< Who is not done by then is asked to end.
constexpr Duration look_interval = milliseconds(500);
constexpr std::uint64_t waits_max = 2'000'000;

}  // namespace

std::uint64_t TrialChance::choose(Site site, std::uint64_t entity, std::uint64_t n,
                                  std::uint64_t bound) {
    const std::uint64_t answer = Seeded::choose(site, entity, n, bound);
    return site == Site::disk_crash_sector && !tears_ ? answer % 2 : answer;
}

TrialWorld::TrialWorld(const TrialPlan& plan, Choices& choices, FaultSet faults)
    : plan_(plan),
      choices_(choices),
      disk_(choices_),
      net_(choices_),
      ring_(disk_, clock_, choices_),
      writers_(plan.inputs.size()),
      life_(plan.records.size()),
      rotated_(plan.records.size()) {
    // The process looks at some files of the real disk: none of these is taken for one of them.
    disk_.number_devices(std::uint64_t{1} << 40);
    for (std::size_t i = 0; i < trial_fault_names.size(); ++i) {
        const auto fault = static_cast<TrialFault>(i);
        if (faults.has(fault) && (faults.single() || pick(is_on + i, 2) == 1)) faults_.add(fault);
    }
    net_.options().window = 1u << 16;
    ring_.attach(net_);
    for (const TrialInput& input : plan_.inputs)
        if (input.fd != -1) disk_.redirect(input.fd, input.path);
    for (const TrialSink& sink : plan_.sinks)
        if (sink.fd >= 0) disk_.redirect(sink.fd, sink.path);
}

std::uint64_t TrialWorld::pick(std::uint64_t what, std::uint64_t bound) {
    return choices_.choose(Site::trial_world, what, asked_[what]++, bound);
}

void TrialWorld::say(const std::string& what) {
    log_.push_back(std::to_string(clock_.now.ns / 1'000'000) + " ms: " + what);
}

bool TrialWorld::is_done() const {
    if (sessions_.empty() || sessions_.back().died) return false;
    const io::RunReport& report = sessions_.back().report;
    if (report.end != io::End::halted) return false;
    return report.halt.reason == HaltReason::finished ||
           (report.halt.reason == HaltReason::drained && hung_.empty());
}

// ---- a history -------------------------------------------------------------------------------

void TrialWorld::run_calm(const std::vector<std::uint32_t>& records) {
    calm_ = true;
    ring_.options().latency_us_max = std::array{0u, 300u, 5000u}[pick(ring_speed, 3)];
    for (auto at = records.rbegin(); at != records.rend(); ++at)
        writers_[plan_.records[*at].input].left.push_back(*at);
    write_all();
    last_session();
}

void TrialWorld::run() {
    for (std::size_t i = plan_.records.size(); i-- > 0;)
        writers_[plan_.records[i].input].left.push_back(static_cast<std::uint32_t>(i));
    std::string names;
    for (std::size_t i = 0; i < trial_fault_names.size(); ++i)
        if (faults_.has(static_cast<TrialFault>(i)))
            names += " " + std::string(trial_fault_names[i]);
    squeezed_ = pick(is_squeezed, 2) == 1;
    if (squeezed_)
        say("memory is as little as the config may have: " + std::to_string(plan_.memory_least));
    say("what may happen:" + (names.empty() ? " nothing" : names));
    for (std::uint64_t n = 1 + pick(sessions_count, 4); n > 0; --n) {
        for (std::uint64_t i = 1 + pick(writes_before, 4); i > 0; --i) write_some();
        draw_faults();
        session();
    }
    last_session();
}

void TrialWorld::draw_faults() {
    const auto rate = [&](std::uint32_t most) {
        return static_cast<std::uint32_t>(1 + pick(fault_rate, most));
    };
    const auto now = [&](TrialFault fault) {
        return faults_.has(fault) && pick(fault_rate, 3) != 0;
    };
    DiskFaults disk;
    if (now(TrialFault::torn_write)) {
        disk.write = rate(60);
        disk.write_short = rate(300);
        disk.writeback = rate(500);
    }
    if (now(TrialFault::lost_fsync)) disk.sync = rate(300);
    disk_.options().capacity = UINT64_MAX;
    if (now(TrialFault::enospc)) {
        disk.full = rate(60);
        if (pick(fills_disk, 2) == 1)
            disk_.options().capacity = disk_.bytes_used() + pick(fills_disk, 20'000);
    }
    disk_.options().faults = disk;
    ring_.options().latency_us_max = std::array{0u, 300u, 5000u}[pick(ring_speed, 3)];
    if (now(TrialFault::slow_disk)) {
        ring_.options().latency_us_max = 50'000;
        ring_.options().slow = rate(60);
    }
    sinks_fail_ = faults_.has(TrialFault::lost_fsync) || faults_.has(TrialFault::sink_down) ||
                  faults_.has(TrialFault::throttle) || faults_.has(TrialFault::ack_lost);
}

void TrialWorld::clear_faults() {
    disk_.options().faults = {};
    disk_.options().capacity = UINT64_MAX;
    ring_.options().latency_us_max = std::min<std::uint64_t>(ring_.options().latency_us_max, 300);
    ring_.options().slow = 0;
    sinks_fail_ = false;
}

/// The user's config; where sinks fail, they do so besides what the config itself injects.
io::PipelineConfig TrialWorld::config_now() {
    io::PipelineConfig out = plan_.config;
    if (squeezed_) out.memory_limit = plan_.memory_least;
    if (last_) out.shutdown_timeout = std::max(out.shutdown_timeout, patience);
    if (!sinks_fail_) return out;
    for (io::SinkSettings& sink : out.sinks) {
        io::InjectSettings& inject = sink.inject;
        const auto add = [&](TrialFault fault, std::uint32_t& permille) {
            if (!faults_.has(fault) || pick(sink_rate, 3) == 0) return;
            const std::uint32_t more = std::array{50u, 400u, 1000u, 1000u}[pick(sink_rate, 4)];
            permille = std::max(permille, more);
            inject.present = true;
        };
        if (!inject.present) inject.seed = pick(sink_rate, UINT32_MAX);
        add(TrialFault::sink_down, inject.fail_permille);
        // One that is there and slow: what waits for it grows, and is delivered after all.
        if (faults_.has(TrialFault::sink_down) && pick(sink_rate, 3) == 2) {
            inject.present = true;
            inject.latency = std::max(inject.latency, seconds(2));
            continue;
        }
        add(TrialFault::lost_fsync, inject.sync_fail_permille);
        add(TrialFault::throttle, inject.throttle_permille);
        add(TrialFault::ack_lost, inject.ambiguous_permille);
    }
    return out;
}

void TrialWorld::begin() {
    sessions_.emplace_back();
    waits_ = 0;
    dies_at_ = UINT64_MAX;
    stop_at_ = stop_again_at_ = heal_at_ = healed_at_ = jump_at_ = never;
    if (!calm_ && faults_.has(TrialFault::clock_jump))
        jump_at_ = clock_.now + milliseconds(static_cast<std::int64_t>(pick(jumps_when, 5000)));
}

void TrialWorld::session() {
    begin();
    std::vector<int> ways{0};
    if (faults_.has(TrialFault::signals)) ways.push_back(1);
    for (int i = 0; i < 2; ++i) {
        if (faults_.has(TrialFault::crash)) ways.push_back(2);
        if (faults_.has(TrialFault::power_loss)) ways.push_back(3);
    }
    const int how = ways[pick(how_it_ends, ways.size())];
    dies_by_power_ = how == 3;
    if (how >= 2) dies_at_ = 1 + pick(ends_when, std::array{40u, 300u, 3000u}[pick(ends_when, 3)]);
    stop_at_ = clock_.now + stop_latest;
    if (how < 2)
        stop_at_ = clock_.now + milliseconds(static_cast<std::int64_t>(pick(stops_when, 15'000)));
    if (how == 1)
        stop_again_at_ = stop_at_ + milliseconds(static_cast<std::int64_t>(pick(stops_again, 500)));
    const io::PipelineConfig config = config_now();
    const DiskOptions& disk = disk_.options();
    const DiskFaults& faults = disk.faults;
    sessions_.back().faulty = sinks_fail_ || faults.write + faults.sync + faults.full > 0 ||
                              disk.capacity != UINT64_MAX || ring_.options().slow > 0;
    live(config);
}

/// At last all heals, perhaps while it runs, and everything is done.
void TrialWorld::last_session() {
    last_ = true;
    sinks_fail_ = false;
    begin();
    if (!calm_) {
        if (pick(heals_when, 2) == 0) {
            clear_faults();
        } else {
            heal_at_ = clock_.now + milliseconds(static_cast<std::int64_t>(pick(heals_when, 8000)));
        }
        write_all();
        sessions_.back().faulty = heal_at_ != never;
    }
    live(config_now());
    // Who ended while something failed begins once more.
    if (is_done() || (heal_at_ == never && healed_at_ == never) || !hung_.empty()) return;
    clear_faults();
    begin();
    live(config_now());
}

void TrialWorld::live(const io::PipelineConfig& config) {
    TrialSession& session = sessions_.back();
    faulted_ = faulted_ || session.faulty;
    failing_ = session.faulty;
    say("a process begins");
    io::RunOptions options;
    options.log = [this](io::Level, const std::string& line) { say("  " + line); };
    options.tell = [this](const std::string& line) { say("  " + line); };
    options.observer = [this](const io::Sample& sample) { return observe(sample); };
    Around& around = *this;
    process_ = std::make_unique<JointProcess>(ring_, disk_, around,
                                              std::max<std::uint64_t>(config.memory_limit, 1) * 2);
    process_->set_net(this);
    next_ = clock_.now;
    moved_at_ = clock_.now;
    try {
        session.report = io::run_pipeline(config, options, *process_);
        say("it ends, " + text_of(session.report));
    } catch (const Died&) {
        session.died = true;
    }
    held_peak_ = std::max(held_peak_, session.report.stats.held_peak);
    process_.reset();
    for (auto& [name, peer] : peers_) peer.read();
}

void TrialWorld::die(bool power) {
    say(power ? "power loss" : "killed");
    sessions_.back().powerless = power;
    lost_power_ = lost_power_ || power;
    power ? ring_.crash() : ring_.kill();
    throw Died{};
}

// ---- what goes on meanwhile ------------------------------------------------------------------

/// Movement, and for how long there was none though something could move.
Instant TrialWorld::observe(const io::Sample& sample) {
    const Stats& stats = *sample.stats;
    held_peak_ = std::max(held_peak_, stats.held_peak);
    std::uint64_t moved = stats.dead_letters + stats.filtered, owed = 0;
    for (const SourceStats& source : stats.source) moved += source.records + source.settled;
    for (const SinkStats& sink : stats.sink) {
        moved += sink.delivered + sink.parked + sink.dropped;
        owed += sink.owed;
    }
    const bool works = owed > 0 || sample.unread > 0;
    const bool fails = failing_;
    if (moved != moved_ || (fails && works)) moved_at_ = clock_.now;
    moved_ = moved;
    const Duration still = clock_.now - moved_at_;
    if (works && !calm_) stall_longest_ = std::max(stall_longest_, still);
    // What never ends is asked to, once nothing more comes.
    const bool is_quiet = !works && still > seconds(8);
    if (last_ && stop_at_ == never && !sessions_.back().asked && heal_at_ == never &&
        (healed_at_ == never || clock_.now > healed_at_ + seconds(8)) &&
        (is_quiet || still > patience)) {
        if (!is_quiet) {
            hung_ = "nothing moved for 120 s, and all is well around it";
            process_->ask(io::Asked::state);
        }
        stop_at_ = clock_.now;
    }
    return clock_.now + look_interval;
}

Instant TrialWorld::next() const {
    return std::min({next_, std::max(stop_at_, clock_.now + Duration{1}),
                     std::max(stop_again_at_, clock_.now + Duration{1}),
                     std::max(heal_at_, clock_.now + Duration{1}),
                     std::max(jump_at_, clock_.now + Duration{1})});
}

void TrialWorld::act() {
    disk_.set_wall(clock_.wall_ns());
    peers_act();
    ++waits_;
    if (waits_ >= waits_max && hung_.empty()) {
        hung_ = "it waits again and again, and comes to no end";
        say(hung_);
        die(false);
    }
    if (waits_ >= dies_at_) die(dies_by_power_);
    if (clock_.now >= heal_at_) {
        say("all is well from now on");
        clear_faults();
        failing_ = false;
        heal_at_ = never;
        healed_at_ = clock_.now;
    }
    if (clock_.now >= jump_at_) {
        static constexpr std::array jumps{seconds(1),     seconds(-1),      seconds(3600),
                                          seconds(-3600), seconds(864'000), seconds(-864'000)};
        clock_.wall_offset_ns += jumps[pick(jumps_how_far, jumps.size())].ns;
        say("the clock jumps");
        jump_at_ = never;
    }
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
    if (!calm_ && !last_) write_some();
    if (!calm_ && faults_.has(TrialFault::signals) && pick(asks_state, 20) == 19)
        process_->ask(io::Asked::state);
    next_ = clock_.now + milliseconds(1 + static_cast<std::int64_t>(pick(pause, 1000)));
}

// ---- peers -----------------------------------------------------------------------------------

void TrialPeer::read() {
    for (std::size_t i = 0; i < net_.streams(); ++i) {
        const auto number = static_cast<int>(i);
        SimNet::Stream& stream = net_.stream(number);
        if (!fds_.contains(stream.fd) || stream.out.empty()) continue;
        got_[number] += stream.out;
        net_.take(number, stream.out.size());
    }
}

std::string TrialPeer::lines() const {
    std::string out;
    for (const auto& [number, bytes] : got_) out += bytes.substr(0, bytes.rfind('\n') + 1);
    return out;
}

std::vector<int> TrialPeer::open() const {
    std::vector<int> out;
    for (std::size_t i = 0; i < net_.streams(); ++i) {
        const SimNet::Stream& stream = net_.stream(static_cast<int>(i));
        if (fds_.contains(stream.fd) && !stream.broken && !stream.closed)
            out.push_back(static_cast<int>(i));
    }
    return out;
}

io::Network& TrialWorld::network(const std::string& of) {
    return peers_.try_emplace(of, net_).first->second;
}

std::string TrialWorld::came(const TrialSink& sink) const {
    if (!sink.is_peer) return disk_.contents(sink.path).value_or("");
    const auto peer = peers_.find(sink.name);
    return peer == peers_.end() ? std::string() : peer->second.lines();
}

/// They read; where sinks may be down they also break, and are away for a while.
void TrialWorld::peers_act() {
    for (auto& [name, peer] : peers_) peer.read();
    if (clock_.now >= host_back_at_ || last_) {
        net_.set_host(true);
        host_back_at_ = never;
    }
    const bool breaks = !last_ && faults_.has(TrialFault::sink_down) && !peers_.empty();
    if (!breaks || pick(breaks_stream, 60) != 59) return;
    sessions_.back().faulty = faulted_ = true;
    for (auto& [name, peer] : peers_)
        for (const int number : peer.open()) net_.reset(number);
    say("peers break their connections");
    if (pick(host_goes, 2) == 0) return;
    net_.set_host(false);
    host_back_at_ = clock_.now + milliseconds(static_cast<std::int64_t>(pick(host_goes, 5000)));
}

}  // namespace holdfast::sim

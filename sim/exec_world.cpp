// An exec source and a command that prints in pieces, complains, fails, and cannot be started.
//
// I103: what each run printed is given away once, line by line, the rest as a record, and none of
// what it said on standard error; nothing of two runs stands in one record. Another run follows
// exactly where `restart` says so, never sooner than the backoff, which doubles up to its maximum
// and begins anew after a run as long as that. The source ends with the last run, after all that it
// printed, and says whether that failed.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "io/sources/exec/exec_source.hpp"
#include "sim/breach.hpp"
#include "sim/device_worlds.hpp"
#include "sim/memory_checkpoints.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {
namespace {

enum What : std::uint64_t {
    latency,
    restart,
    runs,
    piece_count,
    piece_size,
    is_error,
    has_end,
    pause,
    is_long,
    fails,
    cannot_start,
    records,
    hold,
    is_stopped,
    stops_at,
};

struct Piece {
    bool error = false;
    std::string text;
    Duration pause{0};
};

/// One run of the command: what it does, and what is known of it.
struct Run {
    std::vector<Piece> pieces;
    io::ChildEnd end;
    int error = 0;  ///< It cannot be started.
    std::string printed;
    io::Child child;
    int out = -1;  ///< The number of its output's stream; -1: it has none.
    std::size_t done = 0;
    Instant next{};
    Instant began{};
    Instant over = never;  ///< When its output was at its end and it had ended.
    bool reaped = false;
};

class Processes final : public io::Children {
public:
    Processes(SimNet& net, SimClock& clock) : net_(net), clock_(clock) {}

    std::expected<io::Child, io::StartProblem> start(const io::Command&) override {
        // No breach is thrown through a device.
        if (begun_ == script.size()) {
            broken = "the command is started once too often";
            return std::unexpected(io::StartProblem{EAGAIN, true, {}});
        }
        Run& run = script[begun_++];
        run.began = clock_.now;
        if (run.error != 0) {
            run.over = clock_.now;
            run.reaped = true;
            return std::unexpected(io::StartProblem{run.error, true, "no processes left"});
        }
        run.child = {net_.open_pipe(), net_.open_pipe(), net_.open_pipe(),
                     static_cast<pid_t>(begun_)};
        run.out = net_.number_of(run.child.out_fd);
        run.next = clock_.now;
        return run.child;
    }
    std::optional<io::ChildEnd> ended(const io::Child& child) override {
        Run& run = of(child);
        if (run.reaped) broken = "a process is asked for that was reaped";
        if (run.over == never) return std::nullopt;
        return run.end;
    }
    void end(const io::Child& child) override {
        of(child).reaped = true;
        net_.close(child.exit_fd);
    }
    void close(int fd) override { net_.close(fd); }

    /// What is due; when the next thing is.
    Instant act() {
        Instant next = never;
        for (std::size_t i = 0; i < begun_; ++i) {
            Run& run = script[i];
            while (run.over == never && run.next <= clock_.now) step(run);
            if (run.over == never) next = std::min(next, run.next);
        }
        return next;
    }
    std::size_t begun() const { return begun_; }

    std::vector<Run> script;
    std::string broken;

private:
    Run& of(const io::Child& child) { return script[static_cast<std::size_t>(child.pid) - 1]; }
    void step(Run& run) {
        if (run.done < run.pieces.size()) {
            const Piece& piece = run.pieces[run.done++];
            net_.say(net_.number_of(piece.error ? run.child.err_fd : run.child.out_fd), piece.text);
            run.next = clock_.now + piece.pause;
            return;
        }
        for (const int fd : {run.child.out_fd, run.child.err_fd, run.child.exit_fd})
            net_.hang_up(net_.number_of(fd));
        run.over = clock_.now;
    }

    SimNet& net_;
    SimClock& clock_;
    std::size_t begun_ = 0;
};

class ExecWorld {
public:
    explicit ExecWorld(std::uint64_t seed) : choices_(seed) {
        ring_.attach(net_);
        ring_.options().latency_us_max = pick(latency, 3) * 700;
        config_.name = "in";
        config_.command.argv = {"command"};
        config_.restart = static_cast<io::Restart>(pick(restart, 3));
        config_.backoff_first = milliseconds(100);
        config_.backoff_max = milliseconds(500);
        records_max_ = pick(records, 2) == 0 ? UINT32_MAX : 1;
        auto processes = std::make_unique<Processes>(net_, clock_);
        processes_ = processes.get();
        for (std::uint64_t k = 1 + pick(runs, 6); k > 0; --k) add_run();
        cut_script();
        source_ = std::make_unique<io::ExecSource>(
            config_, std::move(processes), ring_, payloads_, events_, checkpoints_, slots_,
            [this](io::Level, const std::string& line) { said_ += line + "\n"; });
        if (pick(is_stopped, 3) == 2)
            stop_at_ = clock_.now + milliseconds(static_cast<std::int64_t>(pick(stops_at, 600)));
    }
    ~ExecWorld() {
        ring_.abandon();
        source_.reset();
    }
    ExecWorld(const ExecWorld&) = delete;

    void run();

private:
    std::uint64_t pick(std::uint64_t what, std::uint64_t bound) {
        return choices_.choose(Site::exec_world, what, asked_[what]++, bound);
    }
    void add_run();
    void cut_script();
    bool goes_on(const Run& run) const {
        if (config_.restart == io::Restart::never) return false;
        return config_.restart == io::Restart::always || run.error != 0 || !run.end.ok();
    }
    void take(const Event& event);
    bool is_over() const;
    void stop();
    void judge() const;
    void judge_stopped();

    Seeded choices_;
    std::map<std::uint64_t, std::uint64_t> asked_;
    SimClock clock_;
    SimDisk disk_{choices_};
    SimNet net_{choices_};
    SimRing ring_{disk_, clock_, choices_};
    io::ExecSourceConfig config_;
    io::BlockPool pool_{1u << 16, 1u << 14};
    io::Payloads payloads_{pool_, 16};
    io::PartitionSlots slots_{4};
    io::Events events_;
    MemoryCheckpoints checkpoints_;
    Processes* processes_ = nullptr;
    std::unique_ptr<io::ExecSource> source_;
    std::string said_;
    std::string got_;
    std::uint32_t records_max_ = UINT32_MAX;
    std::uint32_t generation_ = 0;
    bool waits_ = false;
    bool ended_ = false;
    Instant pull_at_{};
    Instant stop_at_ = never;
    bool stopped_ = false;
    std::size_t begun_at_stop_ = 0;
};

void ExecWorld::add_run() {
    Run run;
    const auto number = std::to_string(processes_->script.size());
    std::string printed;
    if (pick(cannot_start, 8) == 7) run.error = EAGAIN;
    for (std::uint64_t k = run.error != 0 ? 0 : pick(piece_count, 8); k > 0; --k) {
        Piece piece;
        piece.error = pick(is_error, 4) == 3;
        piece.text = piece.error ? "!" : number;
        piece.text.append(pick(piece_size, 40), piece.error ? '!' : 'x');
        if (pick(has_end, 2) == 0) piece.text += '\n';
        piece.pause = milliseconds(
            static_cast<std::int64_t>(pick(is_long, 20) == 19 ? 600 : pick(pause, 30)));
        if (!piece.error) printed += piece.text;
        run.pieces.push_back(std::move(piece));
    }
    if (!printed.empty() && printed.back() != '\n') printed += '\n';
    run.printed = printed;
    if (pick(fails, 2) == 1) {
        run.end.code = pick(fails, 3) == 2 ? 0 : 3;
        if (run.end.code == 0) run.end.signal = 9;
    }
    processes_->script.push_back(std::move(run));
}

/// What follows a run that has no other.
void ExecWorld::cut_script() {
    auto& script = processes_->script;
    for (std::size_t i = 0; i < script.size(); ++i) {
        if (goes_on(script[i])) continue;
        script.resize(i + 1);
        return;
    }
}

void ExecWorld::take(const Event& event) {
    if (const auto* batch = std::get_if<BatchPulled>(&event)) {
        const io::Payload& payload = payloads_.at(batch->batch);
        got_.append(reinterpret_cast<const char*>(payload.bytes.data()), batch->bytes);
        if (!payload.terminated) got_ += '\n';
        demand(batch->fate == Fate::deliver && batch->records <= records_max_, "I103",
               "a batch is not what it should be");
        payloads_.release(batch->batch);
        waits_ = false;
        pull_at_ = clock_.now;
        if (pick(hold, 10) == 9) pull_at_ = pull_at_ + milliseconds(200);
    } else if (const auto* idle = std::get_if<SourceIdle>(&event)) {
        waits_ = false;
        pull_at_ = clock_.now + idle->retry_after;
    } else if (std::holds_alternative<SourceReady>(event)) {
        pull_at_ = std::min(pull_at_, clock_.now);
    } else if (std::holds_alternative<SourceEnded>(event)) {
        ended_ = true;
    }
}

/// Where another run would follow, the last of the script is the end of this world.
bool ExecWorld::is_over() const {
    if (ended_) return true;
    if (stopped_) return source_->has_given_all() && clock_.now >= stop_at_ + milliseconds(1200);
    const auto& script = processes_->script;
    return processes_->begun() == script.size() && script.back().reaped && goes_on(script.back());
}

/// What was read until then is given away, and nothing is begun.
void ExecWorld::stop() {
    if (stopped_ || stop_at_ > clock_.now) return;
    stopped_ = true;
    begun_at_stop_ = processes_->begun();
    source_->take_no_more();
}

void ExecWorld::run() {
    source_->start();
    const Instant late = clock_.now + seconds(600);
    while (!is_over()) {
        demand(clock_.now < late, "L1", "it does not come to its end");
        demand(processes_->broken.empty(), "I103", processes_->broken);
        while (!events_.empty()) take(events_.pop());
        Instant next = processes_->act();
        stop();
        next = std::min(next, stopped_ ? stop_at_ + milliseconds(1200) : stop_at_);
        if (!waits_ && !ended_ && pull_at_ <= clock_.now) {
            waits_ = true;
            source_->pull({{0, ++generation_}, config_.id, records_max_, 4096});
        }
        if (!waits_) next = std::min(next, std::max(pull_at_, clock_.now));
        if (events_.empty() && !is_over()) ring_.run(std::min(next, late));
    }
    while (!events_.empty()) take(events_.pop());
    stopped_ ? judge_stopped() : judge();
}

void ExecWorld::judge_stopped() {
    demand(processes_->broken.empty(), "I103", processes_->broken);
    demand(processes_->begun() == begun_at_stop_, "I103", "a command is started after the stop");
    std::string wanted;
    for (const Run& run : processes_->script) {
        if (run.out < 0) continue;
        const std::string& took = net_.stream(run.out).took;
        wanted += took;
        if (!took.empty() && took.back() != '\n') wanted += '\n';
    }
    demand(got_ == wanted, "I103", "given away at a stop:\n" + got_ + "wanted:\n" + wanted);
}

void ExecWorld::judge() const {
    demand(processes_->broken.empty(), "I103", processes_->broken);
    const auto& script = processes_->script;
    std::string wanted;
    std::int64_t backoff_ms = 100;
    for (std::size_t i = 0; i < script.size(); ++i) {
        wanted += script[i].printed;
        demand(script[i].reaped, "I103", "a run is not reaped");
        if (i == 0) continue;
        const Run& before = script[i - 1];
        // Its end may be seen a little later than it is.
        if (before.over - before.began >= milliseconds(490)) backoff_ms = 100;
        demand(script[i].began - before.over >= milliseconds(backoff_ms), "I103",
               "a run begins before the backoff is over");
        backoff_ms = std::min<std::int64_t>(2 * backoff_ms, 500);
    }
    demand(got_ == wanted, "I103", "given away:\n" + got_ + "wanted:\n" + wanted);
    const Run& last = script.back();
    demand(ended_ == !goes_on(last), "I103", "it ends where another run follows, or does not");
    const bool failed = ended_ && (last.error != 0 || !last.end.ok());
    demand(source_->failure().empty() == !failed, "I103",
           "how the last run ended is not said: " + source_->failure());
}

}  // namespace

std::optional<Breach> run_exec(std::uint64_t seed) {
    try {
        ExecWorld world(seed);
        world.run();
    } catch (const Breach& breach) {
        return breach;
    }
    return {};
}

}  // namespace holdfast::sim

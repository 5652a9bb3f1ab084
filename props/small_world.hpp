// A world so small that all of it is walked: 2 records, 2 sinks, every outcome of every write (up
// to a number of faults; silence, halts and answers in part as well), every route that a transform
// can choose, and a crash after any step, in every way that a crash can be.
//
// Rule 1: each thing that was told and not answered may be done or not when the crash comes; what
//         wasn't synced may be there or not; a checkpoint that was written but not synced likewise.
// Rule 2: the truth is what sinks, dead letters and checkpoint hold; nothing is asked of the
//         engine.
// Rule 3: a mark sink writes from the length that it last answered, and is cut to its mark at
//         start.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/owned.hpp"

namespace holdfast::small_world {

inline constexpr int records = 2;
inline constexpr int sinks = 2;

/// Walks a tree of choices depth first: each run repeats a path and goes one step further.
class Walk {
public:
    int choose(int options) {
        if (at_ == path_.size()) path_.push_back({0, options});
        return path_[at_++].taken;
    }
    /// Goes to the next path. False: all were walked.
    bool next() {
        at_ = 0;
        while (!path_.empty() && path_.back().taken + 1 == path_.back().options) path_.pop_back();
        if (path_.empty()) return false;
        ++path_.back().taken;
        return true;
    }
    std::string text() const {
        std::string out;
        for (const Choice& c : path_) out += std::to_string(c.taken) + " ";
        return out;
    }

private:
    struct Choice {
        int taken;
        int options;
    };
    std::vector<Choice> path_;
    std::size_t at_ = 0;
};

enum class SinkKind { mark, plain, plain_synced };

struct Shape {
    std::array<SinkKind, sinks> kinds{};
    int batch = 1;              ///< Records of a batch.
    bool newest_first = false;  ///< Which open effect is answered next.
    int faults_max = 1;
    std::uint32_t write_records_max = 4;
    bool transform = false;     ///< Each record goes to both sinks, to the first, or nowhere.
    bool store_faults = false;  ///< Dead letters fail, too.
    bool all_answers = false;   ///< Also throttled, silent, in part, and failed for good.
};

struct Saved {
    std::int64_t position = 0;
    std::array<std::int64_t, sinks> lead{};
    std::array<std::int64_t, sinks> mark{};
};

struct SinkWorld {
    std::vector<int> holds;              ///< Records, as they stand there.
    std::size_t durable = 0;             ///< So many of them survive any crash.
    std::size_t answered = 0;            ///< Mark sinks: the length that was answered last.
    std::array<bool, records> parked{};  ///< Durable dead letters.

    bool has(int record, std::size_t of) const {
        const auto end = holds.begin() + static_cast<std::ptrdiff_t>(std::min(of, holds.size()));
        return parked[static_cast<std::size_t>(record)] ||
               std::find(holds.begin(), end, record) != end;
    }
};

class SmallWorld {
public:
    SmallWorld(const Shape& shape, Walk& walk) : shape_(shape), walk_(walk) {}

    /// What went wrong, or an empty string.
    std::string run() {
        start();
        for (int steps = 0; wrong_.empty() && (!halted_ || failed_); ++steps) {
            if (steps > 400) return "it doesn't end";
            if (crashes_left_ > 0 && !halted_ && walk_.choose(2) == 1) {
                crash();
                start();
                continue;
            }
            if (failed_ && halted_) {  // Somebody mends it and starts it again.
                failed_ = false;
                open_.clear();
                start();
                continue;
            }
            if (open_.empty()) {
                const Instant deadline = engine_->engine().deadline();
                if (deadline == never) return "a silent stall";
                now_ = std::max(now_, deadline);
                step(Tick{});
                continue;
            }
            const std::size_t at = shape_.newest_first ? open_.size() - 1 : 0;
            const Open next = open_[at];
            open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(at));
            answer(next);
        }
        if (wrong_.empty()) judge_end();
        return wrong_;
    }

private:
    struct Open {
        Effect effect;
        std::vector<Part> parts;
    };

    Config config() const {
        Config c;
        c.sources = 1;
        c.sinks = sinks;
        c.batches_max = 4;
        c.partitions_max = 1;
        c.source[0].route = 3;
        c.source[0].transform = shape_.transform;
        c.source[0].pull_bytes_max = 1000;
        c.dead_letters = {.present = true, .queue_entries_max = 4, .write_parts_max = 4};
        c.commit.interval = Duration{0};
        for (std::size_t s = 0; s < sinks; ++s) {
            SinkConfig& k = c.sink[s];
            k.queue_batches_max = 4;
            k.write_parts_max = 4;
            k.write_records_max = shape_.write_records_max;
            k.has_mark = shape_.kinds[s] == SinkKind::mark;
            k.needs_sync = shape_.kinds[s] != SinkKind::plain;
            k.answers_partially = shape_.all_answers && !k.has_mark;
            if (shape_.all_answers) k.attempt_timeout = milliseconds(500);
        }
        return c;
    }

    void start() {
        engine_.emplace(config());
        halted_ = false;
        staged_ = saved_;
        reads_at_ = saved_.position;
        first_of_.assign(4, 0);
        for (std::size_t s = 0; s < sinks; ++s) {
            SinkWorld& k = sinks_[s];
            if (shape_.kinds[s] != SinkKind::mark) continue;
            if (k.holds.size() < static_cast<std::size_t>(saved_.mark[s])) {
                wrong_ = "a mark beyond what is durable";
                return;
            }
            k.holds.resize(static_cast<std::size_t>(saved_.mark[s]));
            k.answered = k.durable = k.holds.size();
        }
        step(PartitionAssigned{{0}, {0}, {1}, {saved_.position}});
        for (std::uint16_t s = 0; s < sinks; ++s) {
            if (saved_.lead[s] <= saved_.position) continue;
            step(PartitionLead{{0}, {1}, {s}, {saved_.lead[s]}});
        }
    }

    void crash() {
        --crashes_left_;
        // Each of the things that were told is done, though nobody heard of it, or never was.
        for (const Open& open : open_) {
            if (walk_.choose(2) == 1) apply_unheard(open);
        }
        if (walk_.choose(2) == 1) {  // Power is lost: only what was synced is there.
            for (SinkWorld& k : sinks_) k.holds.resize(std::min(k.durable, k.holds.size()));
        }
        if (written_ && walk_.choose(2) == 1) believe(*written_);
        written_.reset();
        open_.clear();
    }

    void step(const Event& event) {
        const Effects& effects = engine_->step(now_, event);
        for (const Effect& e : effects.items()) {
            if (std::holds_alternative<Halt>(e)) {
                halted_ = true;
                const HaltReason wanted = failed_ ? HaltReason::sink_failed : HaltReason::finished;
                if (std::get<Halt>(e).reason != wanted) wrong_ = "a wrong halt";
            } else if (const auto* sink = std::get_if<StageSink>(&e)) {
                staged_.mark[sink->sink.index] = sink->mark;
            } else if (const auto* position = std::get_if<StagePosition>(&e)) {
                staged_.position = position->position.value;
            } else if (const auto* lead = std::get_if<StageLead>(&e)) {
                staged_.lead[lead->sink.index] = lead->position.value;
            } else if (!std::holds_alternative<ReleaseBatch>(e) &&
                       !std::holds_alternative<CancelWrite>(e)) {
                Open open{e, {}};
                Parts run{};
                if (const auto* write = std::get_if<WriteToSink>(&e)) run = write->parts;
                if (const auto* dead = std::get_if<WriteDeadLetters>(&e)) run = dead->parts;
                for (const Part& p : effects.parts(run)) open.parts.push_back(p);
                open_.push_back(open);
            }
        }
        if (!engine_->engine().audit()) wrong_ = "the audit fails";
    }

    // ---- devices -------------------------------------------------------------------------------

    std::vector<int> records_of(const Open& open) const {
        std::vector<int> out;
        for (const Part& p : open.parts) {
            for (std::uint32_t i = p.begin; i < p.end; ++i) {
                out.push_back(static_cast<int>(first_of_[p.batch.index] + i));
            }
        }
        return out;
    }

    void write(std::size_t sink, const std::vector<int>& what) {
        SinkWorld& k = sinks_[sink];
        if (shape_.kinds[sink] == SinkKind::mark) k.holds.resize(k.answered);
        k.holds.insert(k.holds.end(), what.begin(), what.end());
        k.durable = std::min(k.durable, k.holds.size() - what.size());
        if (shape_.kinds[sink] == SinkKind::plain) k.durable = k.holds.size();
    }

    void park(const Open& open) {
        for (const Part& p : open.parts) {
            for (std::uint32_t i = p.begin; i < p.end; ++i) {
                const std::int64_t record = first_of_[p.batch.index] + i;
                sinks_[p.sink.index].parked[static_cast<std::size_t>(record)] = true;
            }
        }
    }

    void apply_unheard(const Open& open) {
        if (const auto* e = std::get_if<WriteToSink>(&open.effect)) {
            write(e->sink.index, records_of(open));
        } else if (std::holds_alternative<WriteDeadLetters>(open.effect)) {
            park(open);
        } else if (const auto* sync = std::get_if<SyncSink>(&open.effect)) {
            sinks_[sync->sink.index].durable = sinks_[sync->sink.index].holds.size();
        } else if (std::holds_alternative<WriteCheckpoint>(open.effect)) {
            written_ = staged_;
        } else if (std::holds_alternative<SyncCheckpoint>(open.effect) && written_) {
            believe(*written_);
        }
    }

    /// Where it is not known yet where a record goes, it goes everywhere.
    bool goes_to(int record, std::size_t sink) const {
        const SinkMask route = route_of_[static_cast<std::size_t>(record)].value_or(3);
        return (route >> sink & 1) != 0;
    }

    /// The checkpoint is durable: all below its positions must be so too.
    void believe(const Saved& saved) {
        saved_ = saved;
        for (std::size_t s = 0; s < sinks; ++s) {
            const SinkWorld& k = sinks_[s];
            const std::size_t sure =
                shape_.kinds[s] == SinkKind::mark
                    ? std::min(k.durable, static_cast<std::size_t>(saved.mark[s]))
                    : k.durable;
            for (int r = 0; r < std::max(saved.position, saved.lead[s]); ++r) {
                if (goes_to(r, s) && !k.has(r, sure))
                    wrong_ = "committed past a record that isn't durable";
            }
        }
    }

    void answer(const Open& open) {
        std::visit([&](const auto& e) { answer(e, open); }, open.effect);
    }
    template <class E>
    void answer(const E&, const Open&) {
        wrong_ = "an effect that this world doesn't expect";
    }

    void answer(const Pull& e, const Open&) {
        if (reads_at_ == records) return step(SourceEnded{e.batch, e.source});
        std::int64_t end = std::min<std::int64_t>(reads_at_ + shape_.batch, records);
        for (const std::int64_t lead : saved_.lead) {
            if (lead > reads_at_) end = std::min(end, lead);
        }
        BatchPulled b{};
        b.batch = e.batch;
        b.epoch = {1};
        b.records = static_cast<std::uint32_t>(end - reads_at_);
        b.bytes = b.held = b.records * 10;
        b.first = {reads_at_};
        b.next = {end};
        first_of_[e.batch.index] = reads_at_;
        reads_at_ = end;
        step(b);
    }

    /// One record: a transform gives the same for it each time.
    void answer(const Transform& e, const Open&) {
        const std::int64_t record = first_of_[e.batch.index];
        std::optional<SinkMask>& route = route_of_[static_cast<std::size_t>(record)];
        if (!route)
            route = std::array<SinkMask, 3>{3, 1, 0}[static_cast<std::size_t>(walk_.choose(3))];
        const std::uint32_t outputs = *route != 0 ? 1 : 0;
        step(SliceTransformed{
            e.slice, Fate::deliver, outputs, outputs * 10, 0, 0, e.end, *route, {record + 1}});
    }

    void answer(const WriteToSink& e, const Open& open) {
        const std::vector<int> what = records_of(open);
        int outcome = 0;
        const bool in_part = what.size() > 1 && shape_.kinds[e.sink.index] != SinkKind::mark;
        const int outcomes = !shape_.all_answers ? 5 : in_part ? 11 : 9;
        if (faults_ < shape_.faults_max) outcome = walk_.choose(outcomes);
        if (outcome != 0) ++faults_;
        if (outcome >= 5) return answer_otherwise(e, what, outcome);
        SinkAnswered a{e.delivery, e.attempt, SinkOutcome::delivered, Duration{0}, 0};
        if (outcome == 1) a.outcome = SinkOutcome::retriable;
        if (outcome == 2) a.outcome = SinkOutcome::refused;
        if (outcome >= 3) a.outcome = SinkOutcome::ambiguous;
        if (outcome == 0 || outcome == 3) write(e.sink.index, what);
        if (outcome == 0) {
            SinkWorld& k = sinks_[e.sink.index];
            k.answered = k.holds.size();
            a.mark = static_cast<std::int64_t>(k.answered);
        }
        step(a);
    }

    /// Throttled; never, though it was done or not; failed for good; one record taken or refused by
    /// name and the rest failed for now.
    void answer_otherwise(const WriteToSink& e, const std::vector<int>& what, int outcome) {
        SinkAnswered a{e.delivery, e.attempt, SinkOutcome::retriable, Duration{0}, 0};
        if (outcome == 6) return;
        if (outcome == 7) return write(e.sink.index, what);
        if (outcome == 5) {
            a.outcome = SinkOutcome::throttled;
            a.retry_after = milliseconds(700);
        } else if (outcome == 8) {
            a.outcome = SinkOutcome::failed;
            failed_ = true;
        } else {
            const bool taken = outcome == 9;
            if (taken) write(e.sink.index, {what.front()});
            step(SinkToldRange{e.delivery, e.attempt, 0, 1,
                               taken ? SinkOutcome::delivered : SinkOutcome::refused});
        }
        step(a);
    }

    void answer(const SyncSink& e, const Open&) {
        sinks_[e.sink.index].durable = sinks_[e.sink.index].holds.size();
        step(SinkSynced{e.sink, e.sync, StoreOutcome::ok});
    }
    void answer(const WriteDeadLetters& e, const Open& open) {
        int outcome = 0;
        if (shape_.store_faults && faults_ < shape_.faults_max) outcome = walk_.choose(4);
        if (outcome != 0) ++faults_;
        if (outcome == 0 || outcome == 2) park(open);
        step(DeadLettersStored{e.delivery, e.attempt,
                               outcome == 0   ? StoreOutcome::ok
                               : outcome == 1 ? StoreOutcome::retriable
                                              : StoreOutcome::ambiguous});
    }
    void answer(const WriteCheckpoint& e, const Open&) {
        written_ = staged_;
        step(CheckpointWritten{e.sequence, StoreOutcome::ok});
    }
    void answer(const SyncCheckpoint& e, const Open&) {
        believe(*written_);
        written_.reset();
        step(CheckpointSynced{e.sequence, StoreOutcome::ok});
    }

    // ---- the verdict ---------------------------------------------------------------------------

    void judge_end() {
        if (saved_.position != records) wrong_ = "finished without having committed all";
        for (std::size_t s = 0; s < sinks; ++s) {
            const SinkWorld& k = sinks_[s];
            for (int r = 0; r < records; ++r) {
                if (goes_to(r, s) && !k.has(r, k.holds.size())) wrong_ = "a record is lost";
                const auto times = std::count(k.holds.begin(), k.holds.end(), r);
                if (shape_.kinds[s] == SinkKind::mark && times > 1) wrong_ = "a record twice";
                const bool disturbed = faults_ > 0 || crashes_left_ == 0;
                const int right = goes_to(r, s) ? 1 : 0;
                if (!disturbed && times != right) wrong_ = "a record twice on a sunny day";
            }
            const bool sorted = std::is_sorted(k.holds.begin(), k.holds.end());
            if (shape_.kinds[s] == SinkKind::mark && !sorted) wrong_ = "records out of order";
        }
    }

    Shape shape_;
    Walk& walk_;
    std::optional<OwnedEngine> engine_;
    Instant now_{0};
    std::array<SinkWorld, sinks> sinks_;
    Saved staged_;
    std::optional<Saved> written_;  ///< In its slot, but not synced.
    Saved saved_;                   ///< What a restart finds.
    std::int64_t reads_at_ = 0;
    std::vector<std::int64_t> first_of_;
    std::array<std::optional<SinkMask>, records> route_of_{};
    std::vector<Open> open_;
    std::string wrong_;
    int faults_ = 0;
    int crashes_left_ = 1;
    bool halted_ = false;
    bool failed_ = false;  ///< A sink has said so: the halt that follows is no end.
};

}  // namespace holdfast::small_world

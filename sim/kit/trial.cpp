// See trial.hpp. The judgement is in trial_judge.cpp.
#include "sim/kit/trial.hpp"

#include <algorithm>
#include <chrono>
#include <exception>

#include "core/base/assert.hpp"
#include "core/model/names.hpp"
#include "io/embed/answers.hpp"

namespace holdfast::sim {
namespace {

// After so many writes the world is kind, so that a good sink comes to an end.
constexpr std::uint32_t rough_writes = 40;
constexpr std::uint32_t crashes_max = 4;
constexpr std::uint32_t halts_max = 50;
constexpr std::uint32_t steps_max = 10'000;
constexpr std::size_t story_max = 16;
constexpr Duration attempt_timeout = seconds(1);

// What is asked of the choices.
enum Question : std::uint32_t {
    q_size,
    q_weather,
    q_weather_kind,
    q_weather_detail,
    q_crash_before,
    q_crash_after,
    q_answer_lost,
    q_answer_late,
    q_latency,
    q_batch,
    q_commit,
    q_sync_weather,
};

void overwrite(std::vector<embed::Record>& lent) {
    for (embed::Record& r : lent) {
        std::fill(r.payload.begin(), r.payload.end(), '#');
        std::fill(r.key.begin(), r.key.end(), '#');
        for (embed::Header& h : r.headers) std::fill(h.value.begin(), h.value.end(), '#');
    }
}

std::string text_of(Weather weather, std::uint32_t detail) {
    switch (weather) {
        case Weather::fair: return "";
        case Weather::fails: return ", the destination fails";
        case Weather::breaks_off:
            return ", the destination takes " + std::to_string(detail) + " and fails";
        case Weather::times_out: return ", the destination takes all and says nothing";
        case Weather::slow: return ", the destination is slow";
    }
    return "";
}

}  // namespace

Trial::Trial(const SinkSubject& subject, const KitOptions& options, std::uint64_t seed,
             KitReport& report)
    : subject_(subject), options_(options), choices_(seed), seed_(seed), report_(report) {
    draw();
    for (std::uint32_t i = 0; i < options.records; ++i) {
        embed::Record r;
        const auto size = choices_.choose(Site::kit_draw, q_size, i, 200);
        r.payload = "{\"n\":" + std::to_string(i) + ",\"text\":\"" +
                    std::string(size, static_cast<char>('a' + i % 26)) + "\xc3\xa9\\\"\"}";
        r.key = "key " + std::to_string(i % 7);
        r.headers = {{"origin", "sink kit"}};
        r.timestamp_ms = 1'700'000'000'000 + i;
        r.id = {.source = 0, .partition = 0, .position = i};
        by_payload_[r.payload] = i;
        records_.push_back(std::move(r));
    }
    written_.assign(options.records, 0);
    delivered_.assign(options.records, false);
    promised_ = parked_ = delivered_;
}

void Trial::draw() {
    const auto any = [this](std::uint32_t n, std::initializer_list<std::uint32_t> of) {
        return *(of.begin() + choices_.choose(Site::kit_draw, 100 + n, 0, of.size()));
    };
    config_.sources = config_.sinks = config_.partitions_max = 1;
    config_.batches_max = 64;
    config_.source[0].route = 1;
    config_.source[0].commit = CommitMode::source;
    SinkConfig& sink = config_.sink[0];
    sink.write_records_max = any(0, {100, 1, 3, 8});
    sink.linger = milliseconds(any(1, {0, 5}));
    sink.retry = {.attempts_max = 0,
                  .backoff_initial = milliseconds(1),
                  .backoff_max = milliseconds(20),
                  .jitter_permille = 250};
    sink.attempt_timeout = attempt_timeout;
    config_.dead_letters.present = true;
    config_.commit.interval = milliseconds(any(2, {0, 3, 50}));
}

std::optional<Breach> Trial::run() {
    sink_ = subject_.open();
    start();
    for (std::uint32_t steps = 0; !finished_ && !breach_; ++steps) {
        if (steps == steps_max || !advance())
            breach(Promise::makes_progress, "it does not come to an end in fair weather");
    }
    if (!breach_) judge_held(Promise::delivered_is_held, "at the end");
    sink_.reset();
    return std::move(breach_);
}

void Trial::start() {
    config_.sink[0].needs_sync = sink_->needs_sync();
    engine_.emplace(config_);
    ++life_;
    read_ = committed_;
    feed(PartitionAssigned{SourceId{0}, PartitionId{0}, Epoch{1}, Position{committed_}});
}

void Trial::crash(const std::string& when) {
    crash_next_ = false;
    tell("CRASH " + when);
    waiting_.clear();
    sink_.reset();
    engine_.reset();
    if (subject_.crashed) subject_.crashed();
    sink_ = subject_.open();
    delivered_ = promised_;
    judge_held(Promise::held_survives, "after a crash");
    if (!breach_) start();
}

bool Trial::advance() {
    if (crash_next_) {
        ++report_.crashes;
        crash("of the process");
        return true;
    }
    const auto next = std::min_element(waiting_.begin(), waiting_.end(),
                                       [](auto& a, auto& b) { return a.at < b.at; });
    const Instant deadline = engine_->engine().deadline();
    if (next == waiting_.end() || deadline < next->at) {
        if (deadline == never) return false;
        now_ = std::max(now_, deadline);
        feed(Tick{});
        return true;
    }
    now_ = std::max(now_, next->at);
    const std::vector<Event> events = std::move(next->events);
    waiting_.erase(next);
    for (const Event& event : events)
        if (!crash_next_ && !finished_ && !breach_) feed(event);
    return true;
}

void Trial::feed(const Event& event) {
    for (const Effect& effect : engine_->step(now_, event).items()) {
        if (crash_next_ || breach_) return;
        std::visit([this](const auto& order) { on(order); }, effect);
    }
}

void Trial::later(Duration after, std::vector<Event> events) {
    waiting_.push_back({now_ + after, std::move(events)});
}

bool Trial::chance(std::uint32_t what, std::uint32_t permille) {
    if (writes_ > rough_writes) return false;
    return choices_.chance(Site::kit_fault, what, asked_[what]++, permille);
}

std::uint64_t Trial::pick(std::uint32_t what, std::uint64_t bound) {
    return choices_.choose(Site::kit_detail, what, asked_[1000 + what]++, bound);
}

void Trial::tell(std::string line) {
    story_.push_back(std::move(line));
    if (story_.size() > story_max) story_.pop_front();
}

// ---- the world around the sink -------------------------------------------------------------------

void Trial::on(const Pull& pull) {
    const auto all = static_cast<std::int64_t>(records_.size());
    if (read_ == all) return later(Duration{0}, {SourceEnded{pull.batch, pull.source}});
    const auto count =
        std::min<std::int64_t>(all - read_, 1 + static_cast<std::int64_t>(pick(q_batch, 9)));
    first_of_[pull.batch.index] = read_;
    BatchPulled event{};
    event.batch = pull.batch;
    event.source = pull.source;
    event.fate = Fate::deliver;
    event.partition = PartitionId{0};
    event.epoch = Epoch{1};
    event.records = static_cast<std::uint32_t>(count);
    event.bytes = event.held = static_cast<std::uint32_t>(count) * 100;
    event.first = Position{read_};
    read_ += count;
    event.next = Position{read_};
    later(Duration{0}, {event});
}

void Trial::on(const CommitPosition& commit) {
    StoreOutcome outcome = StoreOutcome::ok;
    if (chance(q_commit, 50)) {
        outcome = StoreOutcome::ambiguous;
    } else {
        committed_ = std::max(committed_, commit.position.value);
        tell("commit " + std::to_string(committed_));
    }
    later(milliseconds(1),
          {CommitAnswered{commit.partition, commit.epoch, commit.position, outcome}});
}

void Trial::on(const WriteDeadLetters& write) {
    for (const Part& part : engine_->effects().parts(write.parts))
        for (std::uint32_t n = part.begin; n < part.end; ++n) {
            const auto record = static_cast<std::size_t>(first_of_[part.batch.index]) + n;
            parked_[record] = true;
            tell("record " + std::to_string(record) + " is a dead letter");
        }
    later(milliseconds(1), {DeadLettersStored{write.delivery, write.attempt, StoreOutcome::ok}});
}

void Trial::on(const Halt& halt) {
    if (halt.reason == HaltReason::finished) {
        finished_ = true;
    } else if (++halts_ > halts_max) {
        breach(Promise::makes_progress,
               std::string("halted again and again: ") + name_of(halt.reason));
    } else {
        tell(std::string("HALT ") + name_of(halt.reason));
        crash_next_ = true;
    }
}

// ---- the sink ------------------------------------------------------------------------------------

void Trial::on(const WriteToSink& write) {
    std::vector<std::uint32_t> items;
    for (const Part& part : engine_->effects().parts(write.parts))
        for (std::uint32_t n = part.begin; n < part.end; ++n)
            items.push_back(static_cast<std::uint32_t>(first_of_[part.batch.index]) + n);
    ++writes_;
    ++report_.writes;
    if (life_ <= crashes_max && chance(q_crash_before, 20)) {
        crash_next_ = true;
        return;
    }
    call(write, items);
    if (!breach_ && life_ <= crashes_max && chance(q_crash_after, 40)) crash_next_ = true;
}

void Trial::call(const WriteToSink& write, const std::vector<std::uint32_t>& items) {
    Weather weather = Weather::fair;
    std::uint32_t detail = 0;
    if (subject_.weather) {
        if (chance(q_weather, 250)) {
            weather = static_cast<Weather>(1 + pick(q_weather_kind, 4));
            detail = static_cast<std::uint32_t>(pick(q_weather_detail, items.size() + 1));
            ++report_.rough;
        }
        subject_.weather(weather, detail);
    }
    std::vector<embed::Record>& lent = lent_.emplace_back();
    std::vector<const embed::Record*> pointers;
    for (const std::uint32_t i : items) lent.push_back(records_[i]);
    for (const embed::Record& r : lent) pointers.push_back(&r);
    for (const std::uint32_t i : items) report_.repeats += written_[i]++ > 0;

    const std::vector<std::string> before = subject_.contents();
    const auto began = std::chrono::steady_clock::now();
    embed::Answer answer;
    std::string thrown;
    try {
        answer = sink_->write(embed::Records(pointers));
    } catch (const std::exception& e) {
        thrown = e.what();
        if (thrown.empty()) thrown = "an exception";
    } catch (...) {
        thrown = "something that is no std::exception";
    }
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - began;
    overwrite(lent);
    tell("write " + std::to_string(write.attempt) + " of " + std::to_string(items.size()) +
         " records from " + std::to_string(items.front()) + text_of(weather, detail) + ": " +
         (thrown.empty() ? std::string(name_of(answer.outcome)) : "threw " + thrown));
    if (!thrown.empty()) return breach(Promise::nothing_is_thrown, "write() threw: " + thrown);
    if (took.count() > options_.call_limit.ns)
        return breach(Promise::returns_in_time,
                      "write() took " + std::to_string(took.count() / 1'000'000) + " ms");
    judge(items, answer, before);
    if (!breach_) this->answer(write, answer, items.size());
}

/// Passes the answer on; or nobody hears it, or too late.
void Trial::answer(const WriteToSink& write, const embed::Answer& answer, std::size_t records) {
    Duration after = microseconds(1 + static_cast<std::int64_t>(pick(q_latency, 3000)));
    if (chance(q_answer_lost, 60)) {
        ++report_.in_doubt;
        tell("  its answer is lost");
        return later(after, {SinkAnswered{write.delivery, write.attempt, SinkOutcome::ambiguous,
                                          Duration{0}, 0}});
    }
    if (chance(q_answer_late, 40)) {
        ++report_.in_doubt;
        tell("  its answer comes too late");
        after.ns = attempt_timeout.ns + 1;
    }
    report_.in_doubt += answer.outcome == SinkOutcome::ambiguous;
    std::vector<Event> events;
    embed::tell(write.delivery, write.attempt, answer, records,
                [&](const Event& event) { events.push_back(event); });
    later(after, std::move(events));
}

void Trial::on(const SyncSink& sync) {
    if (subject_.weather)
        subject_.weather(chance(q_sync_weather, 40) ? Weather::fails : Weather::fair, 0);
    std::expected<void, embed::Failure> result;
    try {
        result = sink_->sync();
    } catch (...) {
        return breach(Promise::nothing_is_thrown, "sync() threw");
    }
    tell(std::string("sync: ") + (result ? "ok" : result.error().what));
    if (result) {
        promised_ = delivered_;
        judge_held(Promise::delivered_is_held, "after a sync");
    }
    later(milliseconds(1), {SinkSynced{sync.sink, sync.sync, embed::outcome_of(result)}});
}

}  // namespace holdfast::sim

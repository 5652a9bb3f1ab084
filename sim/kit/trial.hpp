// One seed of the sink kit: engine, a source in memory, the user's sink, and what goes wrong.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "core/engine/owned.hpp"
#include "sim/choices.hpp"
#include "sim/kit/sink_kit.hpp"

namespace holdfast::sim {

class Trial {
public:
    Trial(const SinkSubject& subject, const KitOptions& options, std::uint64_t seed,
          KitReport& report);

    /// To its end, or to the first breach.
    std::optional<Breach> run();

private:
    struct Waiting {
        Instant at;
        std::vector<Event> events;
    };
    using Counts = std::map<std::string, std::uint32_t>;

    void draw();
    void start();
    void crash(const std::string& when);
    bool advance();
    void feed(const Event& event);
    void later(Duration after, std::vector<Event> events);
    bool chance(std::uint32_t what, std::uint32_t permille);
    std::uint64_t pick(std::uint32_t what, std::uint64_t bound);
    void breach(Promise promise, std::string what);
    void tell(std::string line);

    void on(const Pull&);
    void on(const WriteToSink&);
    void on(const SyncSink&);
    void on(const WriteDeadLetters&);
    void on(const CommitPosition&);
    void on(const Halt&);
    template <class Other>
    void on(const Other&) {}

    void call(const WriteToSink& write, const std::vector<std::uint32_t>& items);
    void answer(const WriteToSink& write, const embed::Answer& answer, std::size_t records);
    void judge(const std::vector<std::uint32_t>& items, const embed::Answer& answer,
               const std::vector<std::string>& before);
    void judge_one(std::uint32_t record, SinkOutcome outcome, std::uint32_t was, std::uint32_t is);
    void judge_contents(const std::vector<std::string>& held);
    void judge_order(const std::vector<std::uint32_t>& items, const std::vector<std::string>& held,
                     std::size_t before);
    void judge_held(Promise promise, const std::string& when);
    static Counts count(const std::vector<std::string>& held);
    std::uint32_t index_of(const std::string& payload) const;

    const SinkSubject& subject_;
    const KitOptions& options_;
    Seeded choices_;
    std::uint64_t seed_;
    KitReport& report_;

    Config config_;
    std::vector<embed::Record> records_;
    std::map<std::string, std::uint32_t> by_payload_;
    std::vector<std::uint32_t> written_;  ///< By record: how often it was given to the sink.
    std::vector<bool> delivered_;         ///< Said to be, in this life or an earlier one.
    std::vector<bool> promised_;          ///< And made durable, where a sync is needed.
    std::vector<bool> parked_;
    std::deque<std::vector<embed::Record>> lent_;  ///< What the sink was lent, overwritten since.

    std::unique_ptr<embed::Sink> sink_;
    std::optional<OwnedEngine> engine_;
    std::map<std::uint32_t, std::int64_t> first_of_;  ///< By batch slot: its first record.
    std::vector<Waiting> waiting_;
    Instant now_{0};
    std::int64_t committed_ = 0;
    std::int64_t read_ = 0;
    std::uint32_t life_ = 0;
    std::uint32_t writes_ = 0;
    std::uint32_t halts_ = 0;
    bool crash_next_ = false;
    bool finished_ = false;
    std::map<std::uint32_t, std::uint64_t> asked_;
    std::deque<std::string> story_;
    std::optional<Breach> breach_;
};

}  // namespace holdfast::sim

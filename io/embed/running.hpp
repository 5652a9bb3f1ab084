// One run of an embedded pipeline: the engine's effects go to the desks of sources, transform and
// sinks, what comes back becomes events.
//
// Rule 1: all members are the engine's thread's; a task of a desk uses only what it was given, and
//         its own port. It reports through the inbox.
// Rule 2: what a source hands over beyond the limits of a pull waits at its port for the next one.
// Rule 3: a write or commit that is ordered again while the last one waits at its desk is done once.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/engine/owned.hpp"
#include "io/embed/books.hpp"
#include "io/embed/desk.hpp"
#include "io/embed/inbound.hpp"
#include "io/embed/lanes.hpp"
#include "io/embed/parsing.hpp"
#include "io/embed/pipeline.hpp"
#include "io/embed/slices.hpp"
#include "io/memory_guard.hpp"

namespace holdfast::embed {

struct SourcePort {
    std::string name;
    std::unique_ptr<Source> source;
    SourceConfig config;
    std::string problem;  ///< What it said last when a pull failed.
    // The source's desk's own.
    Pieces pieces;
    std::unique_ptr<Inbound> inbound;
};

struct SinkPort {
    std::string name;
    std::unique_ptr<Sink> sink;
    SinkConfig config;
    std::string problem;  ///< What it said last when a write or a sync did not succeed.
    std::string refused;  ///< Why it refused a record last.
};

struct Ports {
    Options options;
    std::vector<SourcePort> sources;
    std::vector<SinkPort> sinks;
    std::unique_ptr<Transformer> transform;
    std::unique_ptr<DeadLetterQueue> dead_letters;
    std::vector<codec::RawRule> filter;
};

/// The engine's config for these ports.
Config config_of(const Ports& ports);

class Running {
public:
    Running(Ports& ports, Inbox& inbox);

    Report run();
    /// On the engine's thread, that is as a task of the inbox.
    void stop();

private:
    /// A write that a sink was given, until the engine has its answer or gave it up.
    struct Attempt {
        WriteToSink write;
        Load load;
        std::atomic<bool> given_up = false;
    };

    void feed(const Event& event);
    /// Logs it, and returns what was logged.
    std::string say(const std::string& who, const std::string& what);
    std::string problem_of(const Halt& halt) const;
    void log(const std::string& line);
    void watch_memory(Instant now);
    Instant next_wake() const;
    void end_calls();
    void note_left();
    void leave(const std::string& source, std::uint32_t partition, std::uint64_t records,
               std::span<const Token> tokens);

    // What came back.
    void pulled(const Pull& pull, std::expected<Pulled, Failure> result);
    void place(Arrival arrival);
    void place_waiting();
    void arrived(std::uint32_t slot, const Pull& pull, Batch batch);
    std::expected<Output, Failure> process(Input input, std::uint64_t& errors);
    void transformed(const Transform& order, Slice slice, std::expected<Output, Failure> result);
    void answered(Attempt& attempt, const Answer& answer);
    void note_words(const Attempt& attempt, const Answer& answer);
    void committed(const CommitPosition& commit, const std::expected<void, Failure>& result);

    // Effects, one overload each.
    void on(const Pull&);
    void on(const Transform&);
    void on(const ReleaseBatch&);
    void on(const WriteToSink&);
    void on(const CancelWrite&);
    void on(const SyncSink&);
    void on(const WriteDeadLetters&);
    void on(const CommitPosition&);
    void on(const RevokeDone&);
    void on(const SetGate&);
    void on(const RunTicker&);
    void on(const Halt&);
    template <class Other>
    void on(const Other&) {}  // Checkpoints don't occur.

    Ports& ports_;
    Inbox& inbox_;
    Config config_;
    OwnedEngine engine_;
    Books books_;
    std::deque<Event> events_;
    Lanes lanes_;
    std::map<std::uint32_t, std::shared_ptr<Attempt>> attempts_;  ///< By delivery: the last one.
    std::shared_ptr<std::atomic<std::uint64_t>> letters_ordered_ =
        std::make_shared<std::atomic<std::uint64_t>>(0);
    std::string commit_problem_;
    std::string transform_problem_;
    std::string set_aside_why_;  ///< Of the record that was set aside last, before the sinks.
    std::string dead_letters_problem_;
    Report report_;
    bool halted_ = false;
    io::MemoryGuard guard_;
    Instant read_memory_at_{0};
    std::unique_ptr<Parsing> parsing_;  ///< Mode parsed; the transform desk's own.

    // Last: their threads use the ports.
    std::vector<std::unique_ptr<Desk>> source_desks_;
    std::vector<std::unique_ptr<Desk>> sink_desks_;
    std::unique_ptr<Desk> transform_desk_;
    std::unique_ptr<Desk> dead_letter_desk_;
};

}  // namespace holdfast::embed

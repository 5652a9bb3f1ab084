// One run of an embedded pipeline: the engine's effects go to the desks of sources, transform and
// sinks, what comes back becomes events.
//
// Rule 1: all members are the engine's thread's; a task of a desk uses only what it was given, and
//         its own port. It reports through the inbox.
// Rule 2: what a source hands over beyond the limits of a pull waits at its port for the next one.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/owned.hpp"
#include "io/embed/books.hpp"
#include "io/embed/desk.hpp"
#include "io/embed/inbound.hpp"
#include "io/embed/parsing.hpp"
#include "io/embed/pipeline.hpp"
#include "io/embed/slices.hpp"
#include "io/memory_guard.hpp"

namespace holdfast::embed {

struct SourcePort {
    std::string name;
    std::unique_ptr<Source> source;
    SourceConfig config;
    // The source's desk's own.
    std::optional<Batch> rest;
    std::unique_ptr<Inbound> inbound;
};

struct SinkPort {
    std::string name;
    std::unique_ptr<Sink> sink;
    SinkConfig config;
    std::string why;  ///< What it said last, if that was not "delivered".
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
    /// A partition of a source: its number there, and what was pulled but isn't committed.
    struct Lane {
        std::uint32_t source = 0;
        std::uint32_t number = 0;
        std::int64_t next = 0;
        struct Owed {
            std::int64_t next = 0;
            std::vector<Token> tokens;
        };
        std::deque<Owed> owed;
    };

    void feed(const Event& event);
    std::uint32_t lane_of(std::uint32_t source, std::uint32_t number);
    void say(const std::string& who, const std::string& what);
    void log(const std::string& line);
    void watch_memory(Instant now);
    Instant next_wake() const;
    void note_left();

    // What came back.
    void pulled(const Pull& pull, std::expected<Pulled, Failure> result);
    void arrived(const Pull& pull, Batch batch);
    std::expected<Output, Failure> process(Input input, std::uint64_t& errors);
    void transformed(const Transform& order, Slice slice, std::expected<Output, Failure> result);
    void answered(const WriteToSink& write, std::size_t records, const Answer& answer);
    void committed(const CommitPosition& commit, const std::expected<void, Failure>& result);

    // Effects, one overload each.
    void on(const Pull&);
    void on(const Transform&);
    void on(const ReleaseBatch&);
    void on(const WriteToSink&);
    void on(const SyncSink&);
    void on(const WriteDeadLetters&);
    void on(const CommitPosition&);
    void on(const SetGate&);
    void on(const RunTicker&);
    void on(const Halt&);
    template <class Other>
    void on(const Other&) {}  // Checkpoints and revocations don't occur; a cancel has no answer.

    Ports& ports_;
    Inbox& inbox_;
    Config config_;
    OwnedEngine engine_;
    Books books_;
    std::deque<Event> events_;
    std::vector<Lane> lanes_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> lane_by_number_;
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

// The socket source of streams (TCP, Unix): lines of many peers at a time.
//
// Rule 1: it cannot be read again: what was received and not settled when this process dies is lost.
//         Positions count bytes of this run, of all peers; none is ever restored.
// Rule 2: the lines of one connection keep their order; nothing of two is ever joined to one line.
// Rule 3: connections take turns, a block each. While nobody pulls nothing is read: the system's
//         buffers fill up, and the peers wait.
// Rule 4: what a peer has not ended with a newline when its connection ends goes by `on_unfinished`,
//         and is counted.
// Rule 5: a connection has memory of its own only for a line that has not come whole. Where all of
//         these are more than unfinished_bytes_max, the one that has been silent for longest ends.
// Bound: connections_max; unfinished_bytes_max and a block of bytes carried over; one read in flight.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <string>

#include "io/device.hpp"
#include "io/devices/carried_lines.hpp"
#include "io/devices/network.hpp"
#include "io/devices/partition_slots.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

/// What becomes of a line that a peer began and did not end.
enum class Unfinished : std::uint8_t { record, dead_letter, drop };

struct StreamSourceConfig {
    std::string name;
    SourceId id;
    SocketAddress address;
    std::uint32_t connections_max = 1024;
    std::uint64_t unfinished_bytes_max = 0;  ///< At least twice line_max; 0: that.
    LineLimits limits;
    Unfinished on_unfinished = Unfinished::record;
    Duration idle_timeout{0};  ///< A peer that is silent for so long is left; 0: never.
    /// Told when nobody can listen there. Lives: as long as the source.
    std::function<void(std::string)> refuse;
};

struct StreamCounts {
    std::uint64_t accepted = 0;
    std::uint64_t resets = 0;              ///< Connections that broke.
    std::uint64_t idle = 0;                ///< That were left since their peer was silent.
    std::uint64_t crowded_out = 0;         ///< Rule 5.
    std::uint64_t unfinished = 0;          ///< Lines without an end, whatever became of them.
    std::uint64_t unfinished_dropped = 0;  ///< Of these the dropped ones,
    std::uint64_t unfinished_bytes = 0;    ///< and so much of those.
};

class StreamSource final : public Source {
public:
    /// Lives: all references until the source is destroyed. Requires: a partition slot is free.
    StreamSource(StreamSourceConfig config, Network& network, Ring& ring, Payloads& payloads,
                 Events& events, Checkpoints& checkpoints, PartitionSlots& slots, Log log);
    ~StreamSource() override;

    void start() override;
    void pull(const Pull& pull) override;
    void commit(const CommitPosition& commit) override;
    void revoke_done(const RevokeDone& done) override;
    const std::string& problem() const override { return problem_; }
    void take_no_more() override;
    bool has_given_all() const override;
    LeftOut left_out() const override;

    const StreamCounts& counts() const { return counts_; }
    std::size_t connections() const { return connections_.size(); }
    /// Where it listens, with its port; empty: nowhere.
    const std::string& listens_at() const { return listens_at_; }
    /// Memory for lines that have not come whole.
    std::uint64_t held() const { return held_; }

private:
    enum class Why : std::uint8_t { open, closed, reset, idle, crowded_out, stopped };
    struct Connection {
        int fd = -1;
        std::string peer;
        CarriedLines lines;
        std::size_t held = 0;   ///< Of it, in held_.
        Why over = Why::open;   ///< Anything else: nothing more is received.
        bool has_turn = false;  ///< It is in turns_.
        Op* poll = nullptr;     ///< In flight.
        Instant heard{};        ///< When bytes came last.
        Signal turn_over;
        bool is_done() const { return over != Why::open && lines.empty(); }
    };

    Task<> accept_all();
    void accepted(int fd);
    Task<> attend(Connection& one);
    Task<> leave_silent();
    void end(Connection& one, Why why);
    void crowd_out(const Connection& reader);
    void take_turn(Connection& one, bool first = false);
    void end_turn(Connection& one, bool more);
    void say_end(const Connection& one);
    void dispatch();
    Task<> serve(Pull pull);
    Task<bool> bring(const Pull& pull, Connection& one);
    bool give_lines(const Pull& pull, Connection& one, std::span<std::byte> block,
                    std::size_t length, std::size_t carried);
    bool give_unfinished(const Pull& pull, Connection& one);
    void account(Connection& one);
    void idle(const Pull& pull, Duration retry_after);

    StreamSourceConfig config_;
    Network& network_;
    Ring& ring_;
    Payloads& payloads_;
    Events& events_;
    Checkpoints& checkpoints_;
    PartitionSlots& slots_;
    Log log_;
    Assignment assigned_;
    int listener_ = -1;
    std::string listens_at_;
    std::list<Connection> connections_;
    std::deque<Connection*> turns_;  ///< Those that have something to give, or an end.
    std::deque<Pull> pulls_;
    Position position_{};
    StreamCounts counts_;
    std::uint64_t held_ = 0;
    bool more_ = false;  ///< The last read filled its block.
    bool busy_ = false;
    bool stopped_ = false;  ///< By Oversize::stop.
    bool closing_ = false;  ///< take_no_more() was called.
    bool told_idle_ = false;
    bool was_full_ = false;  ///< Was logged.
    bool accepts_ = true;    ///< False: that it does not was logged.
    Signal left_;
    std::string problem_;  ///< It has none: lines can always be told apart.
    Scope peers_;          ///< One coroutine a connection.
    Scope scope_;
};

}  // namespace holdfast::io

// The socket source of datagrams (UDP): each is one record.
//
// Rule 1: it cannot be read again: what was received and not settled when this process dies is lost,
//         as is what the system drops while nobody reads; that is counted and logged.
// Rule 2: a datagram is never two records and never a part of one: a newline at its end is taken
//         off, one within it makes it a dead letter.
// Rule 3: one that is longer than line_max, with the newline that it gets, goes by `oversize`.
// Bound: one datagram (64 KiB) that was received and did not fit into its batch.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "io/device.hpp"
#include "io/devices/carried_lines.hpp"
#include "io/devices/network.hpp"
#include "io/devices/partition_slots.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

struct DatagramSourceConfig {
    std::string name;
    SourceId id;
    SocketAddress address;
    LineLimits limits;
    /// Told when nothing can be received there. Lives: as long as the source.
    std::function<void(std::string)> refuse;
};

struct DatagramCounts {
    std::uint64_t received = 0;
    std::uint64_t with_newline = 0;  ///< Rule 2.
    std::uint64_t dropped = 0;       ///< By the system, that we know of.
};

class DatagramSource final : public Source {
public:
    /// Lives: all references until the source is destroyed. Requires: a partition slot is free.
    DatagramSource(DatagramSourceConfig config, Network& network, Ring& ring, Payloads& payloads,
                   Events& events, Checkpoints& checkpoints, PartitionSlots& slots, Log log);
    ~DatagramSource() override;

    void start() override;
    void pull(const Pull& pull) override;
    void commit(const CommitPosition& commit) override;
    void revoke_done(const RevokeDone& done) override;
    const std::string& problem() const override { return problem_; }
    void take_no_more() override;
    bool has_given_all() const override { return !busy_ && !staged_.present; }

    const DatagramCounts& counts() const { return counts_; }
    /// Where it receives, with its port; empty: nowhere.
    const std::string& receives_at() const { return receives_at_; }

private:
    /// What is received and not given away.
    struct Staged {
        std::vector<std::byte> buffer;
        std::size_t begin = 0;  ///< What is before was given away as pieces.
        std::size_t end = 0;
        bool breaks = false;  ///< There is a newline in it.
        bool present = false;
        std::span<const std::byte> bytes() const {
            return std::span(buffer).first(end).subspan(begin);
        }
    };

    void dispatch();
    Task<> wait_readable();
    Task<> serve(Pull pull);
    Task<bool> bring(const Pull& pull);
    Task<bool> receive();
    bool fits(std::span<const std::byte> block, std::size_t length) const;
    bool is_alone() const;
    void give(const Pull& pull, std::span<std::byte> block, std::size_t length,
              std::uint32_t records);
    bool give_alone(const Pull& pull);
    void look_for_drops();
    void idle(const Pull& pull, Duration retry_after);

    DatagramSourceConfig config_;
    Network& network_;
    Ring& ring_;
    Payloads& payloads_;
    Events& events_;
    Checkpoints& checkpoints_;
    PartitionSlots& slots_;
    Log log_;
    Assignment assigned_;
    int fd_ = -1;
    std::string receives_at_;
    std::deque<Pull> pulls_;
    Staged staged_;
    Position position_{};
    DatagramCounts counts_;
    Instant looked_{};  ///< For drops.
    bool readable_ = false;
    bool waiting_ = false;
    bool busy_ = false;
    bool stopped_ = false;  ///< By Oversize::stop.
    bool closing_ = false;  ///< take_no_more() was called.
    bool told_idle_ = false;
    std::string problem_;  ///< It has none: lines can always be told apart.
    Scope scope_;
};

}  // namespace holdfast::io

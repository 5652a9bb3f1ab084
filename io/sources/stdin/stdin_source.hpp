// The stdin source: records from a stream that can be read once.
//
// Rule 1: it cannot be replayed: what was read and not settled when the process dies is lost. Its
//         positions count bytes of this run, and none is ever restored.
// Rule 2: a line that is cut by the end of a block is carried over (copied) to the next one.
// Rule 3: the end of the stream ends the source; a rest without newline is a record.
// Rule 4: nobody waits inside a read: a pull with nothing to read is answered SourceIdle, and
//         SourceReady follows, so that a pipeline can be drained while stdin is silent.
// Bound: one read in flight; line_max bytes carried over.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "core/data/line_cut.hpp"
#include "io/device.hpp"
#include "io/devices/give_batch.hpp"
#include "io/devices/partition_slots.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

struct StdinSourceConfig {
    std::string name;
    SourceId id;
    int fd = 0;
    std::uint32_t line_max = 1u << 20;  ///< Newline included; at most the pool's block_max.
    Oversize oversize = Oversize::dead_letter;
    StreamSettings stream;
    std::optional<FileStat> file;  ///< What stands behind it, if anybody asks.
};

class StdinSource final : public Source {
public:
    /// Lives: all references until the source is destroyed.
    /// Requires: a partition slot is free.
    StdinSource(StdinSourceConfig config, Ring& ring, Payloads& payloads, Events& events,
                Checkpoints& checkpoints, PartitionSlots& slots, Log log);

    void start() override;
    void pull(const Pull& pull) override;
    void commit(const CommitPosition& commit) override;
    void revoke_done(const RevokeDone& done) override;

    const std::string& problem() const override { return problem_; }
    void take_no_more() override;
    bool has_given_all() const override { return !busy_ && (carry_.empty() || carry_waits_); }
    LeftOut left_out() const override;
    const FileStat* file() const override { return config_.file ? &*config_.file : nullptr; }

private:
    void dispatch();
    Task<> wait_readable();
    Task<> serve(Pull pull);
    Task<bool> bring(const Pull& pull);
    bool give_stream(const Pull& pull, std::span<std::byte> block, std::size_t carried,
                     std::size_t length, const CutRule& rule);
    void keep(std::span<const std::byte> rest, std::size_t carried);
    void say_broken(const codec::StreamCut& cut);
    std::span<std::byte> take_block(const Pull& pull);
    std::uint32_t line_max() const;

    StdinSourceConfig config_;
    Ring& ring_;
    Payloads& payloads_;
    Events& events_;
    Checkpoints& checkpoints_;
    PartitionSlots& slots_;
    Log log_;
    Assignment assigned_;
    std::deque<Pull> pulls_;
    std::vector<std::byte> carry_;  ///< Read, not yet given away.
    bool carry_waits_ = false;      ///< All of it is the head of a record that is not complete.
    Position position_{};
    bool mid_line_ = false;
    std::optional<codec::StreamPlace> place_;  ///< At position_; none: the records are lines.
    std::string problem_;
    bool readable_ = false;
    bool waiting_ = false;  ///< For the stream to be readable.
    bool busy_ = false;
    bool at_end_ = false;   ///< The stream has ended.
    bool stopped_ = false;  ///< By Oversize::stop.
    bool closing_ = false;  ///< take_no_more() was called.
    bool told_idle_ = false;
    Scope scope_;
};

}  // namespace holdfast::io

// The exec source: records from the standard output of a command, line by line.
//
// Rule 1: it cannot be replayed: what was read and not settled when this process dies is lost. Its
//         positions count bytes of this run, over all runs of the command; none is ever restored.
// Rule 2: a run of the command is over when it has ended and its output is at its end. A rest
//         without newline is a record then; nothing is ever joined to what the next run writes.
// Rule 3: a run that is over is followed by another one as `restart` says, never sooner than the
//         backoff, which doubles, and begins anew after a run that took as long as the longest.
// Rule 4: how the last run ended, where none follows, is told by failure(): only after all that was
//         read was given away.
// Rule 5: standard error goes to the log, line by line, and nowhere else.
// Bound: one read in flight; a block or line_max bytes carried over; one line of errors.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/device.hpp"
#include "io/devices/carried_lines.hpp"
#include "io/devices/partition_slots.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/sources/exec/children.hpp"
#include "io/task.hpp"

namespace holdfast::io {

enum class Restart : std::uint8_t { always, on_failure, never };

struct ExecSourceConfig {
    std::string name;
    SourceId id;
    Command command;
    Restart restart = Restart::always;
    Duration backoff_first = seconds(1);
    Duration backoff_max = seconds(60);
    LineLimits limits;
    /// Told when the command cannot be run at all, at the start. Null: failure() says it.
    std::function<void(std::string)> refuse;
};

class ExecSource final : public Source {
public:
    /// Lives: all references until the source is destroyed. Requires: a partition slot is free.
    ExecSource(ExecSourceConfig config, std::unique_ptr<Children> children, Ring& ring,
               Payloads& payloads, Events& events, Checkpoints& checkpoints, PartitionSlots& slots,
               Log log);

    void start() override;
    void pull(const Pull& pull) override;
    void commit(const CommitPosition& commit) override;
    void revoke_done(const RevokeDone& done) override;

    const std::string& problem() const override { return none_; }
    void take_no_more() override;
    bool has_given_all() const override { return !busy_ && lines_.empty(); }
    /// Why the command's last run was no success, where no other follows.
    LeftOut left_out() const override;
    const std::string& failure() const { return failure_; }
    /// How often the command was started.
    std::uint64_t runs() const { return runs_; }

private:
    Task<> keep_running();
    void begin();
    Task<> wait_for_end();
    Task<> relay_errors(int fd);
    void relay(std::string& line, std::string_view bytes, bool& cut);
    bool goes_on(const ChildEnd& end);
    bool goes_on_after(const StartProblem& problem);
    Duration next_backoff();
    void end_runs();
    void dispatch();
    Task<> wait_readable();
    Task<> serve(Pull pull);
    Task<bool> bring(const Pull& pull);
    void stream_is_over();
    void wake();

    ExecSourceConfig config_;
    std::unique_ptr<Children> children_;
    Ring& ring_;
    Payloads& payloads_;
    Events& events_;
    Checkpoints& checkpoints_;
    PartitionSlots& slots_;
    Log log_;
    Assignment assigned_;
    std::deque<Pull> pulls_;
    CarriedLines lines_;
    Position position_{};
    Child child_;
    Instant began_{};
    Duration took_{};  ///< The last run, until it ended.
    Duration backoff_;
    std::uint64_t runs_ = 0;
    std::string none_;        ///< Lines can always be told apart.
    std::string failure_;     ///< Rule 4.
    bool reads_ = false;      ///< There is an output that has not ended.
    bool at_end_ = false;     ///< It has, but not all of it was given away.
    bool errors_end_ = true;  ///< Standard error is at its end.
    bool readable_ = false;
    bool waiting_ = false;  ///< For it to be readable.
    bool busy_ = false;
    bool stopped_ = false;  ///< By Oversize::stop.
    bool over_ = false;     ///< No other run follows.
    bool closing_ = false;  ///< take_no_more() was called.
    bool told_idle_ = false;
    Signal output_over_;
    Scope scope_;
};

}  // namespace holdfast::io

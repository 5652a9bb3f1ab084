// A sink that is a stream somebody else reads: standard output.
//
// Rule 1: at least once. What was written can't be taken back, so a write that failed half way is
//         ambiguous, and its repetition stands behind the torn half.
// Rule 2: a reader that closed its end (or a stream that was never open) never comes back. Nothing is refused for that (the records
//         would become dead letters) and nothing acknowledged: every write is retriable, and
//         closed() tells whoever drives the sink to stop.
// Requires: SIGPIPE is ignored.
// Bound: one write in flight.
#pragma once

#include <list>
#include <vector>

#include "io/device.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

class StdoutSink : public Sink {
public:
    /// Lives: all references as long as this. `fd` is not closed.
    StdoutSink(Ring& ring, Payloads& payloads, Events& events, Log log, int fd = 1);

    void start() override {}
    void write(const WriteToSink& write, std::span<const Part> parts) override;
    void cancel(const CancelWrite& cancel) override;
    void sync(const SyncSink& sync) override;

    bool closed() const { return closed_; }
    /// Notified when closed() becomes true.
    Signal& changed() { return changed_; }

private:
    struct Order {
        WriteToSink write;
        std::vector<Part> parts;
    };

    Task<> serve();
    Task<SinkOutcome> write_now(const Order& order);
    void answer(const Order& order, SinkOutcome outcome);

    Ring& ring_;
    Payloads& payloads_;
    Events& events_;
    Log log_;
    int fd_;
    std::list<Order> orders_;
    std::vector<iovec> vectors_;
    bool busy_ = false;  ///< The first order is in flight.
    bool closed_ = false;
    bool failing_ = false;  ///< Was logged.
    Signal changed_;
    Scope scope_;
};

}  // namespace holdfast::io

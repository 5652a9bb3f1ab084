// The writes of a sink that does one after the other: it brings a coroutine for one write, and this does
// the rest of the port contract.
//
// Rule 1: each write is answered once; what is cancelled before its turn, as not done.
// Rule 2: the batches of a write are held until it is answered.
// Rule 3: who has this as a member has it last, so that its coroutine ends before what that uses.
// Bound: as many writes wait as the engine has in flight.
// Doesn't know: what a write is.
#pragma once

#include <functional>
#include <list>
#include <span>
#include <vector>

#include "io/device.hpp"
#include "io/payloads.hpp"
#include "io/task.hpp"

namespace holdfast::io {

class SerialWrites {
public:
    struct Order {
        WriteToSink write;
        std::vector<Part> parts;
        bool cancelled = false;  ///< Nobody waits for its answer any more.
    };
    using WriteNow = std::function<Task<SinkOutcome>(Order&)>;

    /// `interrupt`: the write under way was cancelled; it may end early. May be empty.
    /// Lives: payloads and events as long as this.
    SerialWrites(Payloads& payloads, Events& events, WriteNow write_now,
                 std::function<void()> interrupt = {})
        : payloads_(payloads),
          events_(events),
          write_now_(std::move(write_now)),
          interrupt_(std::move(interrupt)) {}
    SerialWrites(const SerialWrites&) = delete;

    void write(const WriteToSink& write, std::span<const Part> parts);
    void cancel(const CancelWrite& cancel);

private:
    Task<> serve();
    void answer(const Order& order, SinkOutcome outcome);

    Payloads& payloads_;
    Events& events_;
    WriteNow write_now_;
    std::function<void()> interrupt_;
    std::list<Order> orders_;
    bool busy_ = false;  ///< The first order is under way.
    Scope scope_;
};

}  // namespace holdfast::io

// A sink that is a stream somebody else reads: standard output.
//
// Rule 1: at least once. What was written can't be taken back, so a write that failed half way is
//         ambiguous. Of lines, what comes next begins a line of its own behind the torn half: else a
//         whole record would be glued to it, and be nowhere. After an I/O error, which says nothing
//         of what landed, that may be a blank line.
// Rule 2: a reader that closed its end (or a stream that was never open) never comes back. Nothing is refused for that (the records
//         would become dead letters) and nothing acknowledged: every write is retriable, and
//         it is refused from then on, which tells whoever drives it to stop.
// Requires: SIGPIPE is ignored.
// Bound: one write in flight.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/device.hpp"
#include "io/devices/serial_writes.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

class StdoutSink : public Sink {
public:
    /// Lives: all references as long as this. `fd` is not closed.
    /// `file`: what stands behind it, if anybody asks. `lines`: records are lines.
    StdoutSink(Ring& ring, Payloads& payloads, Events& events, Log log, int fd = 1,
               std::optional<FileStat> file = {}, bool lines = true);

    void start() override {}
    void write(const WriteToSink& write, std::span<const Part> parts) override {
        writes_.write(write, parts);
    }
    void cancel(const CancelWrite& cancel) override { writes_.cancel(cancel); }
    void sync(const SyncSink& sync) override;

    DeviceState state() const override {
        return closed_ ? DeviceState::refused : DeviceState::ready;
    }
    Signal* changed() override { return &changed_; }
    std::string problem() const override {
        return closed_ ? "whoever read stdout has closed it" : "";
    }
    const FileStat* file() const override { return file_ ? &*file_ : nullptr; }

private:
    Task<SinkOutcome> write_now(const SerialWrites::Order& order);
    void gather_all(const SerialWrites::Order& order);
    bool ends_mid_line(const SerialWrites::Order& order, std::int64_t written);

    Ring& ring_;
    Payloads& payloads_;
    Events& events_;
    Log log_;
    int fd_;
    std::optional<FileStat> file_;
    bool lines_;
    bool mid_line_ = false;  ///< What was written last ends within a line.
    std::vector<iovec> vectors_;
    bool closed_ = false;
    bool failing_ = false;  ///< Was logged.
    Signal changed_;
    SerialWrites writes_;  ///< Last.
};

}  // namespace holdfast::io

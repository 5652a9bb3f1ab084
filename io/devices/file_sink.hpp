// A sink that is a file: records side by side, nothing else.
//
// Rule 1: `length` is the end of what was delivered, and the mark of each answer. A write goes to
//         that offset and nowhere else, so an attempt overwrites what a failed one left. Bytes
//         beyond it are cut before anything else happens to the file.
// Rule 2: an attempt that was cancelled is taken back, even if it was answered meanwhile (as long
//         as nothing followed it): the engine took it as ambiguous and may send it again. So within
//         a run no record stands here twice.
// Rule 3: a sync covers what was answered before it was ordered. It is ok only if the path still
//         names the file, also without fsync. After a sync that isn't, nothing is written or believed any more: the
//         sink is broken, and the pipeline starts again from its checkpoint.
// Rule 4: start. exactly_once: cut to the mark. at_least_once: keep what is beyond the mark, but
//         for a torn last line and what follows a hole (after a power loss other damage than holes
//         may stay between the mark and the end; exactly_once has none). No mark: append to what is there, ending its last line; mark() is
//         then new, and whoever drives the sink makes it durable (CheckpointStore::save) before the
//         first write, or a crash before the first checkpoint repeats records.
// Rule 5: what a person did to the file is never undone: a file that is shorter than its mark, or
//         has no line end there, is refused; one that is absent or empty is begun anew. (MsgPack
//         has no line ends to look for; nor are holes told from zeros there.)
// Rule 6: a regular file is locked while it is open: of several processes that are told to write it
//         (holdfast or not, if they ask for the lock) all but one refuse.
// Rule 7: errors that may pass (full disk, I/O error, vanished directory) are answered retriable.
// Not found: a file that is cut and grows again between two syncs. Rotate it by renaming.
// Bound: one write in flight; the engine bounds those that wait.
#pragma once

#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "io/device.hpp"
#include "io/devices/files.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

struct FileSinkConfig {
    enum class Fsync : std::uint8_t {
        batch,  ///< Before each checkpoint that covers the data.
        never,  ///< Survives a killed process, not a power loss: a sync only looks for the file.
    };
    enum class Delivery : std::uint8_t { exactly_once, at_least_once };

    std::string name;
    SinkId id;
    std::string path;
    Fsync fsync = Fsync::batch;
    Delivery delivery = Delivery::exactly_once;
    Framing framing = Framing::lines;  ///< Or msgpack.
    std::optional<std::int64_t> mark;  ///< What the checkpoint says, if it says anything.
};

class FileSink : public Sink {
public:
    enum class State : std::uint8_t {
        opening,  ///< Not ready; if it takes long, the log says why.
        ready,
        refused,  ///< Will never be ready: see problem().
        broken,   ///< Was ready; only a restart from the checkpoint helps: see problem().
    };

    FileSink(Ring& ring, Payloads& payloads, Events& events, Log log, FileSinkConfig config);

    void start() override;
    void write(const WriteToSink& write, std::span<const Part> parts) override;
    void cancel(const CancelWrite& cancel) override;
    void sync(const SyncSink& sync) override;

    /// From now on records are read by what the checkpoint says. A file that turns out to be begun
    /// anew, while it is opened, then breaks the sink instead: its mark must be durable first.
    void rely_on_mark() { relies_on_mark_ = true; }

    State state() const { return state_; }
    /// Notified when state() changes.
    Signal& changed() { return changed_; }
    /// For the user: what is wrong, and what to do.
    const std::string& problem() const { return problem_; }
    /// The file's length. Requires: state() was ready once.
    std::int64_t mark() const { return length_; }

private:
    struct Order {
        WriteToSink write;
        std::vector<Part> parts;
        bool cancelled = false;
    };
    struct LastWrite {
        DeliveryId delivery;
        std::uint32_t attempt = 0;
        std::int64_t begin = 0;
    };

    // file_sink_open.cpp
    Task<> open_file();
    Task<std::int64_t> prepare();
    Task<std::int64_t> lock();
    Task<std::int64_t> prepare_length(std::int64_t size);
    Task<std::int64_t> append_to(std::int64_t size);
    Task<std::int64_t> cut_to(std::int64_t size, std::int64_t length);
    Task<std::int64_t> settle(std::int64_t mark);
    Task<std::int64_t> ends_line_at(std::int64_t offset);
    Task<std::int64_t> end_of_records(std::int64_t mark, std::int64_t size);
    void refuse(std::string problem);

    // file_sink.cpp
    Task<> serve();
    Task<SinkOutcome> write_now(Order& order);
    Task<std::int64_t> write_file(const Order& order);
    Task<> cut_tail();
    Task<> sync_file(std::uint32_t number);
    Task<bool> is_still_there();
    void answer(const Order& order, SinkOutcome outcome);
    void answer_all(SinkOutcome outcome);
    void break_with(std::string problem);
    void say_failed(std::string_view what, std::int64_t result);
    void say_healed();

    Ring& ring_;
    Payloads& payloads_;
    Events& events_;
    Log log_;
    FileSinkConfig config_;

    State state_ = State::opening;
    Signal changed_;
    std::string problem_;
    int fd_ = -1;
    bool relies_on_mark_ = false;
    bool stream_ = false;  ///< Not a regular file: no offsets, nothing to cut.
    FileStat identity_;
    std::int64_t length_ = 0;
    bool tail_is_dirty_ = false;     ///< There may be bytes beyond length_.
    std::uint64_t writes_ = 1;       ///< Changes of the file; the start counts as one.
    std::uint64_t synced_writes_ = 0;
    Instant looked_at_{};            ///< When is_still_there() was last asked.
    LastWrite last_;

    std::list<Order> orders_;
    std::vector<iovec> vectors_;
    bool busy_ = false;     ///< serve() runs.
    bool writing_ = false;  ///< The first order is in flight.
    bool failing_ = false;  ///< Was logged.
    Scope scope_;
};

}  // namespace holdfast::io

// A sink that is a file: records side by side, nothing else.
//
// Rule 1: `length` is the end of what was delivered, and the mark of each answer. A write goes to
//         that offset and nowhere else. What this process wrote beyond it, and did not answer as
//         delivered, is cut before anything else happens to the file; nothing else ever is.
// Rule 1a: before each write it looks what stands beyond length. Bytes that equal what is to be
//         written are taken as that, and written again in place (they may be no more than in
//         memory); at the first write that differs, what is left of them is set aside, durably
//         (set_aside.hpp), before it leaves the file. So what an earlier life delivered and was
//         not committed, and what anybody else appends, is in the file or beside it, always.
// Rule 2: an attempt that was cancelled is taken back, even if it was answered meanwhile (as long
//         as nothing followed it): the engine took it as ambiguous and may send it again. So within
//         a run no record stands here twice.
// Rule 3: a sync covers what was answered before it was ordered. It is ok only if the path still
//         names the file, also without fsync. After a sync that isn't, nothing is written or believed any more: the
//         sink is broken, and the pipeline starts again from its checkpoint.
// Rule 4: start. exactly_once: length is the mark; see rule 1a for the rest. at_least_once: keep
//         what is beyond the mark, but for a torn last line and what follows a hole, which are set
//         aside (after a power loss other damage than holes may stay between the mark and the end;
//         exactly_once has none). No mark: append to what is there, ending its last line; mark() is
//         then new, and whoever drives the sink makes it durable (CheckpointStore::save) before the
//         first write, or a crash before the first checkpoint repeats records.
// Rule 5: what a person did to the file is never undone: a file that is shorter than its mark, or
//         has other bytes before it, is another file than the one that was begun, or is longer
//         though nothing of ours can stand there (CheckpointFile::clean), is refused; one that is
//         absent or empty is begun anew. at_least_once goes on behind what is there. (MsgPack has
//         no line ends to look for; nor are holes told from zeros there.)
// Rule 6: a regular file is locked while it is open: of several processes that are told to write it
//         (holdfast or not, if they ask for the lock) all but one refuse.
// Rule 7: errors that may pass (full disk, I/O error, vanished directory) are answered retriable.
// Not found: a file that is cut and grows again between two syncs (rotate it by renaming), and what
//         somebody appends between the look of rule 1a and the write that follows.
// Bound: one write in flight; the engine bounds those that wait.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "core/data/checkpoint.hpp"
#include "io/device.hpp"
#include "io/devices/file_identity.hpp"
#include "io/devices/files.hpp"
#include "io/devices/look_turn.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/sink_words.hpp"
#include "io/sinks/file/came_again.hpp"
#include "io/sinks/file/set_aside.hpp"
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
    Framing framing = Framing::lines;  ///< Or msgpack, or length.
    std::uint32_t mode = 0640;         ///< Of a file that is made, under the umask.
    std::optional<std::int64_t> mark;  ///< What the checkpoint says, if it says anything,
    CheckpointFile known;              ///< and of the file at that mark.
    SinkWords* words = nullptr;  ///< Where it says why, if anybody listens. Lives: as long as this.
    LookTurn* turn = nullptr;    ///< Of all sinks; null: there is one. Lives: as long as this.
    std::string set_aside;       ///< The directory of rule 1a. Empty: it writes no more then.
};

class FileSink : public Sink, public Marks {
public:
    FileSink(Ring& ring, Payloads& payloads, Events& events, Log log, FileSinkConfig config);

    void start() override;
    void write(const WriteToSink& write, std::span<const Part> parts) override;
    void cancel(const CancelWrite& cancel) override;
    void sync(const SyncSink& sync) override;

    DeviceState state() const override { return state_; }
    Signal* changed() override { return &changed_; }
    std::string problem() const override { return problem_; }
    /// Null while it isn't open, or is no regular file.
    const FileStat* file() const override { return fd_ < 0 || stream_ ? nullptr : &identity_; }

    Marks* marks() override { return this; }
    void rely_on_mark() override { relies_on_mark_ = true; }
    /// The file's length.
    std::int64_t mark() const override { return length_; }
    CheckpointFile known_at(std::int64_t mark) override;
    bool is_clean() const override;
    const KeptRecords& kept() const override { return kept_; }
    /// Looks which records of what was set aside, in this life or an earlier one, stand in the file
    /// again below the mark that was asked for last. What does so whole is removed there. (In
    /// at_least_once also: how many of those that it kept at its start.) Done by itself as the file
    /// grows; once more at an end, for the balance, when it also counts what stands behind length.
    Task<> look_again() override;

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
        std::uint64_t records_again = 0;
    };
    struct Mark {
        std::int64_t mark = 0;
        Fingerprint before;
    };

    // file_sink_open.cpp
    Task<> open_file();
    Task<std::int64_t> prepare();
    Task<std::int64_t> lock();
    Task<std::int64_t> prepare_length(std::int64_t size);
    Task<std::int64_t> append_to(std::int64_t size);
    Task<std::int64_t> is_known(std::int64_t size, std::string& why);
    Task<std::int64_t> keep_whole_records(std::int64_t size);
    Task<std::int64_t> settle(std::int64_t mark);
    Task<std::int64_t> ends_line_at(std::int64_t offset);
    Task<std::int64_t> read_before(std::int64_t offset, std::vector<std::byte>& before);
    void say_kept(std::int64_t size);
    Task<std::int64_t> end_of_records(std::int64_t mark, std::int64_t size);
    void refuse(std::string problem);

    // file_sink.cpp
    Task<> serve();
    Task<SinkOutcome> write_now(Order& order);
    Task<std::int64_t> write_file(const Order& order);
    Task<> sync_file(std::uint32_t number);
    Task<bool> is_still_there();
    void answer(const Order& order, SinkOutcome outcome);
    void answer_all(SinkOutcome outcome);
    void break_with(std::string problem);
    void say_unsynced(std::int64_t result);
    void say_failed(std::string_view what, std::int64_t result);
    void say_healed();

    // file_sink_kept.cpp
    Task<std::int64_t> make_room(const Order& order);
    Task<std::int64_t> stands_there(const Order& order);
    Task<std::int64_t> set_aside(std::int64_t begin, std::int64_t cut_to);
    Task<> cut_tail();
    void delivered(const Order& order, std::int64_t bytes);
    void take_back();
    void begin_marks(std::vector<std::byte> before);
    Task<bool> is_again(const SetAsideFile& file);

    Ring& ring_;
    Payloads& payloads_;
    Events& events_;
    Log log_;
    FileSinkConfig config_;

    DeviceState state_ = DeviceState::opening;
    Signal changed_;
    std::string problem_;
    int fd_ = -1;
    bool relies_on_mark_ = false;
    bool stream_ = false;  ///< Not a regular file: no offsets, nothing to cut.
    FileStat identity_;
    std::int64_t length_ = 0;
    bool tail_is_dirty_ = false;     ///< There may be bytes of ours beyond length_,
    std::int64_t written_end_ = 0;   ///< at most up to here.
    bool was_cut_ = false;           ///< Without a sync a power loss may undo that.
    std::int64_t kept_end_ = 0;      ///< Up to here they may not be ours, at the last look.
    std::uint64_t met_records_ = 0;  ///< Of the write under way: those that stood there already.
    std::vector<std::byte> before_;  ///< The last bytes before length_, and with them
    std::vector<std::byte> before_next_;  ///< those of the write under way, at its end;
    std::vector<std::byte> before_last_;  ///< those before the last write, to take it back.
    std::deque<Mark> marks_;              ///< Answered since the last known_at().
    std::int64_t staged_ = 0;             ///< The mark of the last known_at().
    std::int64_t look_at_ = INT64_MAX;    ///< Where staged_ must be for look_again().
    bool looking_ = false;
    Signal looked_;
    std::uint64_t found_whole_ = 0;  ///< Of kept_whole_, in the file again.
    FileRange kept_whole_;           ///< What at_least_once kept at its start.
    SetAside aside_;
    KeptRecords kept_;
    std::uint64_t writes_ = 1;  ///< Changes of the file; the start counts as one.
    std::uint64_t synced_writes_ = 0;
    Instant looked_at_{};  ///< When is_still_there() was last asked.
    LastWrite last_;

    std::list<Order> orders_;
    std::vector<iovec> vectors_;
    bool busy_ = false;     ///< serve() runs.
    bool writing_ = false;  ///< The first order is in flight.
    bool failing_ = false;  ///< Was logged.
    std::string why_;       ///< What failed last, while it does.
    Scope scope_;
};

}  // namespace holdfast::io

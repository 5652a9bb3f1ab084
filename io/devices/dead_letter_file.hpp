// The dead-letter queue as a file of JSON lines (docs/formats.md).
//
// Rule 1: ok means appended and synced, nothing less; all else is retriable.
// Rule 2: a write goes to the offset at which the acknowledged lines end. What a failed one left
//         beyond is cut before the next, which writes every byte again: so no sync that follows a
//         failed one is believed for bytes that were not written anew.
// Rule 3: whole lines are never cut. At the start a torn last line of our own is (it begins as ours
//         do); a last line that is somebody else's gets its newline. What somebody appends while it
//         is open stays as well: what comes is written behind it.
// Rule 4: one process writes it: a regular file is locked while it is open.
// Rule 5: a file that was moved away or replaced (rotation) is begun anew at its path.
// Repeats: a record that was stored before a crash, and not yet settled in the checkpoint, is
// stored again.
// Bound: one write at a time; about half a MiB of text, whatever the size of the records.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/document.hpp"
#include "core/codec/envelope.hpp"
#include "core/data/dead_letter_format.hpp"
#include "io/device.hpp"
#include "io/devices/files.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/task.hpp"

namespace holdfast::io {

/// What things are called, for people. Lives: what is returned, until the same function is called.
class RecordNames {
public:
    virtual ~RecordNames() = default;
    virtual std::string_view source(SourceId source) const = 0;
    virtual std::string_view partition(SourceId source, PartitionId partition) const = 0;
    virtual std::string_view sink(SinkId sink) const = 0;
    /// What `$meta.id` is of the record there; empty: nobody knows.
    virtual std::string id(SourceId, PartitionId, std::int64_t) const { return {}; }
    /// Whether records that this sink was to get (no_sink: that this source gave) stand there as
    /// envelopes.
    virtual bool are_envelopes(SourceId, SinkId) const { return false; }
    /// Why the sink did not take that output of the batch, in its words; empty: it said nothing.
    virtual std::string_view why(SinkId, BatchId, std::uint32_t) const { return {}; }
};

class DeadLetterFile : public DeadLetters {
public:
    /// A longer envelope stays a line: to take one apart takes several times its size.
    static constexpr std::size_t opened_max = std::size_t{256} * 1024;

    /// `mode`: of a file that is made, under the umask. Lives: all references as long as this.
    DeadLetterFile(Ring& ring, const RecordNames& names, Payloads& payloads, Events& events,
                   Log log, std::string path, std::uint32_t mode = 0600);

    void start() override;
    void write(const WriteDeadLetters& write, std::span<const Part> parts) override;

    /// Until the file was opened, or an attempt to do so has failed.
    bool opening() const { return opening_; }
    /// For the user, once it can only go on without us: what is wrong, and what to do. Else empty.
    const std::string& problem() const { return problem_; }
    /// The file; null while it isn't open.
    const FileStat* file() const { return fd_ < 0 ? nullptr : &identity_; }
    /// Notified when problem() is there.
    Signal& changed() { return changed_; }

private:
    struct Order {
        WriteDeadLetters write;
        std::vector<Part> parts;
    };
    /// Where the text of one write goes.
    struct Output {
        std::string text;
        std::int64_t offset = 0;
    };

    Task<> serve();
    Task<std::int64_t> store(const Order& order);
    Task<std::int64_t> ready_file();
    Task<std::int64_t> open_file();
    Task<std::int64_t> repair_end(std::int64_t size);
    Task<std::int64_t> append(const Order& order, Output& output);
    Task<std::int64_t> append_record(const DeadLetterHead& head, std::span<const std::byte> record,
                                     Output& output);
    Task<std::int64_t> flush(Output& output);
    Task<std::int64_t> cut_tail();
    Task<> close_file();
    void refuse(std::string problem);
    RecordView opened(RecordView record);
    DeadLetterHead head_of(const Part& part, std::uint32_t output, const Payload& payload,
                           const RecordView& record) const;
    void say(std::int64_t result);

    Ring& ring_;
    const RecordNames& names_;
    Payloads& payloads_;
    Events& events_;
    Log log_;
    std::string path_;
    std::uint32_t mode_;

    codec::Parser parser_;
    codec::FromEnvelope from_;  ///< What opened() gave last stands here.
    std::vector<std::byte> line_;

    bool opening_ = true;
    std::string problem_;
    Signal changed_;
    int fd_ = -1;
    FileStat identity_;
    std::int64_t length_ = 0;               ///< Of the acknowledged lines.
    bool tail_is_dirty_ = false;            ///< There may be bytes of ours beyond length_,
    std::int64_t written_end_ = INT64_MAX;  ///< at most up to here.
    std::list<Order> orders_;
    bool busy_ = false;
    bool failing_ = false;  ///< Was logged.
    Scope scope_;
};

}  // namespace holdfast::io

// What a user of the library writes: a Source, perhaps a Transformer, Sinks, perhaps a DeadLetterQueue.
//
// Rule 1: each object is called by one thread at a time, by a thread of its own (not the one that it
//         was made on); calls may block. A sink that blocks holds up only its own queue.
// Rule 2: what is passed in is lent for the call: keep a copy, never a pointer.
// Rule 3: an exception that escapes is caught: of a sink it is an ambiguous answer, of all others a
//         permanent failure. Better is to say what happened.
// Rule 4: the end is a crash: objects are destroyed as they are, nothing is flushed.
#pragma once

#include <expected>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/codec/document.hpp"
#include "core/codec/parsed_batch.hpp"
#include "io/embed/record.hpp"

namespace holdfast::embed {

// ---- sources -----------------------------------------------------------------------------------

/// A pull should bring no more than this; what is more is kept and handed on at the next pull.
struct PullLimits {
    std::uint32_t records = 0;
    std::uint32_t bytes = 0;
};

/// The answer to a pull.
struct Pulled {
    enum class Kind : std::uint8_t { batch, idle, ended };
    Kind kind = Kind::idle;
    Batch batch;
    Duration again_after{0};

    static Pulled some(Batch batch) { return {Kind::batch, std::move(batch), {}}; }
    /// Nothing now: pulled again after so long.
    static Pulled idle(Duration again_after) { return {Kind::idle, {}, again_after}; }
    /// Nothing will ever come again.
    static Pulled ended() { return {Kind::ended, {}, {}}; }
};

class Source {
public:
    virtual ~Source() = default;

    /// Brings the next batch. Should return within a second or so, with idle() if nothing came:
    /// commits wait for it. A failure that isn't permanent is tried again with backoff.
    virtual std::expected<Pulled, Failure> pull(const PullLimits& limits) = 0;

    /// What these tokens stand for is settled: delivered to every sink, or durably dead-lettered.
    /// In the order in which the partition handed them over. May come again after a failure.
    virtual std::expected<void, Failure> commit(std::uint32_t partition,
                                                std::span<const Token> tokens) = 0;

    /// The gate before the sources has closed (memory is short) or opened: once for each edge. For
    /// sources that read ahead on their own; they are pulled again when it opens, or after
    /// Config::max_hold.
    virtual void hold(bool held) { static_cast<void>(held); }

    /// A commit, an edge of the gate or a stop waits until the pull that is under way has returned: one
    /// that only waits for something to come should return idle now. The exception to rule 1: comes
    /// on another thread, while pull() runs or not, and must not block or throw.
    virtual void interrupt() {}
};

// ---- transforms --------------------------------------------------------------------------------

/// Values that are parsed when somebody asks for them, and once.
class OnDemand {
public:
    /// Lives: as long as this, and no longer than the record stays where it is.
    std::expected<codec::Value, codec::ParseError> value(std::size_t n, const Record& record) {
        if (!parser_) parser_ = std::make_unique<codec::Parser>();
        if (documents_.size() <= n) documents_.resize(n + 1);
        if (!documents_[n]) {
            documents_[n] = std::make_unique<codec::Document>(*parser_);
            documents_[n]->reset(
                std::as_bytes(std::span(record.payload)),
                record.format == Format::msgpack ? codec::Format::msgpack : codec::Format::json);
            ++parsed_;
        }
        return documents_[n]->root();
    }
    /// So many records were parsed.
    std::size_t parsed() const { return parsed_; }

private:
    std::unique_ptr<codec::Parser> parser_;
    std::vector<std::unique_ptr<codec::Document>> documents_;
    std::size_t parsed_ = 0;
};

/// What a transform is given: the records of a batch or of a slice of it. The tokens are for
/// looking at: their number cannot change.
struct Input {
    std::vector<Record> records;
    std::span<const Token> tokens;
    std::uint32_t partition = 0;
    std::string_view source;  ///< Its name.
    /// RunMode::parsed: the value of each record, one to one; in other modes there are none.
    /// Lives: for the call, and no longer than the record stays where it is.
    std::vector<codec::Value> values;
    /// With values: what their field names are as numbers (name(), member(), names()).
    const codec::ParsedBatch* parsed = nullptr;
    /// In any mode: the value of record n, see value().
    OnDemand on_demand = {};

    /// The value of record n, parsed at the first call and kept; in RunMode::parsed it is there
    /// already. Requires: n < records.size(), and the record is still there.
    std::expected<codec::Value, codec::ParseError> value(std::size_t n) {
        if (parsed) return values[n];
        return on_demand.value(n, records[n]);
    }
};

/// What it makes of them: any number of records, in order, and those that are set aside.
struct Output {
    std::vector<Record> records;
    std::vector<DeadLetter> dead_letters;
};

class Transformer {
public:
    virtual ~Transformer() = default;

    /// A failure is a failed batch: the pipeline halts, and nothing of the batch or after it is
    /// committed. For a record that is wrong alone there is Output::dead_letters.
    virtual std::expected<Output, Failure> process(Input input) = 0;
};

// ---- sinks -------------------------------------------------------------------------------------

/// The records of one write, in order. Lives: for the call.
class Records {
public:
    explicit Records(std::span<const Record* const> records) : records_(records) {}

    class Iterator {
    public:
        explicit Iterator(const Record* const* at) : at_(at) {}
        const Record& operator*() const { return **at_; }
        const Record* operator->() const { return *at_; }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        bool operator==(const Iterator&) const = default;

    private:
        const Record* const* at_;
    };

    std::size_t size() const { return records_.size(); }
    const Record& operator[](std::size_t i) const { return *records_[i]; }
    Iterator begin() const { return Iterator(records_.data()); }
    Iterator end() const { return Iterator(records_.data() + records_.size()); }

private:
    std::span<const Record* const> records_;
};

/// What became of a write: one outcome for all of its records, with exceptions.
///   return Answer::delivered();
///   return Answer::delivered().but(3, SinkOutcome::refused, "no such customer");
///   return Answer::retriable("connection refused");
/// `refused` for a whole write means "at least one of them": the engine finds out which.
struct Answer {
    struct Exception {
        std::uint32_t index = 0;
        SinkOutcome outcome{};
        std::string why = {};  ///< Of this record alone; empty: Answer::why.
    };
    SinkOutcome outcome = SinkOutcome::delivered;
    Duration retry_after{0};            ///< With throttled.
    std::vector<Exception> exceptions;  ///< By index; neither throttled nor failed.
    std::string why;                    ///< For the log, and for dead letters: 4 KiB are kept.

    /// The destination has them (durably after the next sync, where the sink needs one).
    static Answer delivered() { return {}; }
    /// None of them was applied; the same may succeed later.
    static Answer retriable(std::string why) {
        return {SinkOutcome::retriable, Duration{0}, {}, std::move(why)};
    }
    /// As retriable, but not before so long.
    static Answer throttled(Duration retry_after) {
        return {SinkOutcome::throttled, retry_after, {}, {}};
    }
    /// Not applied: the destination will never take at least one of them.
    static Answer refused(std::string why) {
        return {SinkOutcome::refused, Duration{0}, {}, std::move(why)};
    }
    /// Not applied, and the sink will never take anything again: the pipeline halts.
    static Answer failed(std::string why) {
        return {SinkOutcome::failed, Duration{0}, {}, std::move(why)};
    }
    /// Nobody knows: a time-out, a broken connection. They are written again.
    static Answer ambiguous(std::string why) {
        return {SinkOutcome::ambiguous, Duration{0}, {}, std::move(why)};
    }
    /// The same, but for one record.
    Answer but(std::uint32_t index, SinkOutcome other, std::string its_why = {}) && {
        exceptions.push_back({index, other, std::move(its_why)});
        return std::move(*this);
    }
};

class Sink {
public:
    virtual ~Sink() = default;

    /// Writes the records, in this order. What is told as delivered may be forgotten by the source
    /// after the next commit.
    virtual Answer write(const Records& records) = 0;

    /// Whether what is delivered is durable only after sync(). Asked once, before the first write.
    virtual bool needs_sync() const { return false; }
    /// Makes durable all that was delivered. A failure puts all since the last sync in doubt: the
    /// pipeline halts, and a restart writes it again.
    virtual std::expected<void, Failure> sync() { return {}; }
};

// ---- dead letters ------------------------------------------------------------------------------

class DeadLetterQueue {
public:
    virtual ~DeadLetterQueue() = default;

    /// Stores all of them, durably: only then are they settled. A failure is tried again some
    /// times, then the pipeline halts; it is never an acknowledgement.
    virtual std::expected<void, Failure> store(std::span<const DeadLetter> letters) = 0;
};

}  // namespace holdfast::embed

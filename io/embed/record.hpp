// What an embedded pipeline carries: records, and the batches that sources hand over.
//
// Rule 1: a token is the source's own proof of what it handed over. Tokens belong to the batch, not
//         to its records: whatever a transform makes of the records, exactly these tokens are
//         committed, once the batch is settled.
// Rule 2: a token is due once every record that it stands for is settled, counted as the source
//         handed them over: before any filter, and whatever the counts happen to be afterwards.
// Rule 3: a record's id says where it came from. It survives transforms that keep or copy the
//         record, so a destination can tell a repeated record from a new one.
// Doesn't know: the engine, threads.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/model/ids.hpp"
#include "core/model/outcomes.hpp"

namespace holdfast::embed {

/// What the bytes of a payload are.
enum class Format : std::uint8_t { json, msgpack };

/// Where a record came from. Stable over restarts if the source gives positions of its own (an
/// offset); else the pipeline counts, anew in each run, each partition upwards.
struct RecordId {
    std::uint16_t source = 0;     ///< In the order of add_source(). Filled in by the pipeline.
    std::uint32_t partition = 0;  ///< The batch's. Filled in by the pipeline.
    std::int64_t position = -1;   ///< The source's; -1: the pipeline counts.
    auto operator<=>(const RecordId&) const = default;
};

struct Header {
    std::string name;
    std::string value;  ///< Bytes.
    auto operator<=>(const Header&) const = default;
};

struct Record {
    std::string payload;  ///< Bytes: one value, without a line end.
    std::string key;      ///< Bytes; empty: none.
    std::vector<Header> headers;
    std::int64_t timestamp_ms = 0;  ///< Since 1970.
    Format format = Format::json;
    RecordId id;
    /// The sinks that get it, in the order of add_sink(): bit i is sink i. For transforms.
    SinkMask sinks = ~SinkMask{0};
};

/// What a record occupies in memory, as it is counted against the limit.
std::uint64_t bytes_of(const Record& record);

/// A record that is set aside, with the reason.
struct DeadLetter {
    Record record;
    std::string why;
    std::string sink;  ///< That it was meant for; empty: it was set aside before any sink.
    Reason reason = Reason::parse_error;
    std::uint32_t attempts = 0;  ///< That the sink was given.
};

using Token = std::uint64_t;

/// What a source hands over at once: records of one partition, in order. Records without tokens are
/// delivered and nothing is committed for them; tokens without records are committed in their turn.
struct Batch {
    std::uint32_t partition = 0;  ///< Any number; order holds within a partition.
    std::vector<Record> records;
    std::vector<Token> tokens;
    /// For each token, how many of `records`, from the first one on, it stands for: they, and
    /// the dead letters below, are settled before it is committed. Never falls from one token to the next.
    /// Empty: each token stands for the whole batch. Matters where a batch is larger than a pull
    /// may be, and so is handed on in pieces: tokens without an end go with the last one.
    std::vector<std::uint32_t> token_ends;
    /// Records that the source sets aside itself (it cannot read them, it filters them out): they
    /// go by Options::on_reject, before any record of the batch goes to a sink.
    std::vector<DeadLetter> dead_letters;

    /// One record with a token of its own. Requires: all of the batch so far were added so.
    void add(Record record, Token token) {
        records.push_back(std::move(record));
        tokens.push_back(token);
        token_ends.push_back(static_cast<std::uint32_t>(records.size()));
    }
};

/// Why something did not work. What the world decides is never an exception.
struct Failure {
    std::string what;
    bool permanent = false;  ///< false: the same may work later, and is tried again.
};

inline std::uint64_t bytes_of(const Record& record) {
    std::uint64_t bytes = sizeof(Record) + record.payload.size() + record.key.size();
    for (const Header& h : record.headers) bytes += sizeof h + h.name.size() + h.value.size();
    return bytes;
}

}  // namespace holdfast::embed

// A program over one record: what a transform does to it. The seam between the languages (jq) and
// the pipeline's transform stage.
//
// Rule 1: a record is judged alone; nothing is kept from one record to the next.
// Rule 2: what `run` doesn't change keeps its very bytes.
// Rule 3: what the world decides (bytes that are no JSON, a type error) is an outcome: Verdict::fail.
// Doesn't know: batches, policies, threads (one Program per thread).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/data/hurry.hpp"
#include "core/record/packed.hpp"

namespace holdfast {

/// What becomes of one record.
enum class Verdict : std::uint8_t {
    keep,    ///< Goes on with its very bytes.
    drop,    ///< No output.
    change,  ///< ProgramResult::outputs records were appended, each ending with '\n'.
    fail,    ///< No JSON, or a runtime error; the transform's policy decides.
};

/// keep: outputs == 1. drop, fail: outputs == 0, and nothing was appended.
struct ProgramResult {
    Verdict verdict = Verdict::keep;
    std::uint32_t outputs = 0;
    bool unreadable = false;  ///< fail: the record is no JSON; else the program failed on it.
    bool ended = false;       ///< fail: somebody is in a hurry; nothing is known of the record.
};

/// Where a record came from: the same for the same record after a restart, where its source can be
/// read again. Lives: the texts for the call that they are passed to, and the run() that follows.
struct RecordMeta {
    std::string_view source;                  ///< Its name.
    std::string_view partition;               ///< What stands for the partition for ever.
    std::int64_t position = 0;                ///< Where the record begins in it.
    const packing::Extras* extras = nullptr;  ///< Key, headers, timestamp; null: it has none.
};

/// `SOURCE:PARTITION:POSITION`: one for each record that there ever is.
inline std::string record_id(const RecordMeta& meta) {
    std::string id(meta.source);
    id += ':';
    id += meta.partition;
    id += ':';
    id += std::to_string(meta.position);
    return id;
}

/// One compiled program with its own scratch memory.
class Program {
public:
    /// So many bytes behind a record must be readable; they are not looked at.
    static constexpr std::size_t padding = 64;

    Program() = default;
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    virtual ~Program() = default;

    /// Runs it over one record: one JSON value without its line end (white space around it is fine).
    /// Appends to `out` only with Verdict::change; writes `error` only with Verdict::fail.
    virtual ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                              std::string& error) = 0;
    /// Whether it looks at `$meta`: then bind() comes before each run().
    virtual bool asks_meta() const { return false; }
    /// Where the next record came from.
    virtual void bind(const RecordMeta&) {}
    /// Whether it says what a record has beside its payload: then extras() is asked after each run()
    /// that kept or changed.
    virtual bool gives_extras() const { return false; }
    /// Without a position. Lives: until the next run().
    virtual const packing::Extras* extras() const { return nullptr; }
    /// Before the records of a batch: these are its lines, in order; run() follows for each of
    /// them. Lives: the bytes until the last one.
    virtual void look_ahead(std::span<const std::byte>, std::uint32_t) {}
    /// How many bytes one record's outputs may have, before it stops and fails.
    virtual void limit_outputs(std::size_t) {}
    /// From now on no record has a newline in it.
    virtual void expect_lines() {}
    /// From now on it asks whether it is to end before its own end; with Haste::soon `may` is what it
    /// has for a record. Lives: as long as this.
    virtual void heed(const Hurry&, Duration may) { (void)may; }
    /// The same program for another thread, which heeds nobody.
    virtual std::unique_ptr<Program> clone() const = 0;
    /// "native" or "machine".
    virtual std::string engine() const = 0;
};

}  // namespace holdfast

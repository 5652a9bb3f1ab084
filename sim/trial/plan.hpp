// A user's own pipeline, as the simulator plays it, and what must come out of it.
//
// Rule 1: the config is the user's, but for its ends (sim/models) and for the threads of transforms,
//         which run inline.
// Rule 2: what must come out is what came out where nothing failed: of each record alone, and of all
//         of them together (calm.cpp). No code but the pipeline's own says it.
// Lives: as long as every world of it. Nothing in it changes once it is made.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "io/runner/run.hpp"
#include "sim/models/models.hpp"

namespace holdfast::sim {

/// A file that sources read.
struct TrialInput {
    std::string path;
    std::vector<std::uint32_t> sources;  ///< Who reads it.
    io::Framing framing = io::Framing::lines;
    int fd = -1;
    bool grows = true;
    bool ends = false;  ///< Who reads it may take a piece at its end for a record.
    bool rotates = false;
    bool comes_again = true;  ///< All who read it can read it again.
};

struct TrialRecord {
    std::uint32_t input = 0;
    std::string text;   ///< For people: a line, or JSON.
    std::string bytes;  ///< As it stands in its file, but for what stands between records.
};

/// How the outputs of a sink can be judged.
enum class Judged : std::uint8_t {
    exactly,   ///< What each record must become is known.
    in_place,  ///< What must stand there is known, and not of which record.
    at_most,   ///< What may stand there is known: what is between remembers, or asks the clock.
    counted,   ///< How many must stand there is known.
    whole,     ///< Only that every record is whole: two calm runs gave two results.
    nothing,   ///< It keeps nothing.
};

struct TrialSink {
    std::string name;
    std::string path;
    int fd = -1;
    io::Framing framing = io::Framing::lines;
    bool once = false;       ///< It has nothing twice, whatever dies.
    bool is_synced = false;  ///< What is committed survives a power loss.
    bool drops = false;      ///< When it is full.
    bool in_order = true;
    bool is_peer = false;  ///< See PlayedSink.
    bool loses = false;    ///< Its kind says that a death of somebody may lose records there.
    Judged judged = Judged::exactly;
};

/// What becomes of a record where nothing fails.
struct TrialOutcome {
    std::vector<std::vector<std::string>> texts;  ///< By sink.
    std::vector<std::string> letters;             ///< Payloads.
    bool filtered = false;                        ///< Something on its way is told to leave it out.
    bool is_nowhere() const;
};

/// Something that the config does to records though nothing fails.
struct CalmFlaw {
    enum class Kind : std::uint8_t { stops, lost } kind{};
    std::uint32_t record = 0;
    std::uint32_t source = UINT32_MAX, sink = UINT32_MAX, transform = UINT32_MAX;  ///< Whose fault.
    std::string what;
};

struct TrialPlan {
    io::PipelineConfig config;
    std::vector<TrialInput> inputs;
    std::vector<TrialSink> sinks;
    std::vector<TrialRecord> records;
    std::vector<std::string> notes;  ///< What is not played, or otherwise than it is told.
    bool ends = false;               ///< All sources come to an end by themselves.
    bool comes_again = true;         ///< All of them can be read again.

    std::vector<TrialOutcome> alone;                           ///< By record.
    std::vector<std::map<std::string, std::uint32_t>> wanted;  ///< By sink: what, how often.
    std::map<std::string, std::uint32_t> letters;              ///< Payloads, how often.
    std::vector<CalmFlaw> flaws;
    std::uint64_t memory_least = 0;  ///< So much of memory_limit does: queues fill soon.

    /// `texts`: records for each source; those who share a file share its records.
    TrialPlan(const io::PipelineConfig& config, const std::vector<std::vector<std::string>>& texts,
              std::size_t records_max);
    /// A record but for the part of `$meta.id` that says where it stood: that differs from disk to
    /// disk.
    std::string plain(const std::string& text) const;
    /// As records_in, each plain.
    std::vector<std::string> plain_in(io::Framing framing, const std::string& bytes,
                                      std::string& rest) const;
    /// Whether anything is left to try.
    bool plays() const { return !records.empty(); }

private:
    void add_sources();
    void add_sinks();
    void add_records(const std::vector<std::vector<std::string>>& texts, std::size_t records_max);
    std::uint32_t failed_transform(const io::RunReport& report) const;
    void find_memory();
    void find_outcomes();
    void leave_out(const std::vector<bool>& stops);
    void find_wanted();
};

/// A record as it stands in a file of this framing; nothing: it cannot.
std::string record_bytes(io::Framing framing, const std::string& text);
/// The records that stand there, as text; `rest`: what is no whole record at the end.
std::vector<std::string> records_in(io::Framing framing, const std::string& bytes,
                                    std::string& rest);
/// Another record, which no other one equals: a member of JSON more, or a word. Some get `longest`
/// bytes more.
std::string made_unique(const std::string& text, std::size_t number, std::size_t longest);

}  // namespace holdfast::sim
